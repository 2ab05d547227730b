// Reads a fleet file: YAML that describes a machine and its guests. docs/fleet.md explains it to its writers.

import { basename } from 'node:path'
import { isMap, isScalar, isSeq } from 'yaml'
import { type FoundGuest, findGuest } from '../../guests/find.ts'
import type { GuestSettings } from '../../host-shim/settings.ts'
import { MAX_GUESTS } from '../../hypervisor/abi.ts'
import { commandLineFor } from '../command-line.ts'
import { OrlopError } from '../error.ts'
import { checkMemory, wholePages } from '../guest-memory.ts'
import { type Fields, readYaml, YamlFile, type YamlNode } from '../shape.ts'
import type { DiskOptions } from '../../host-shim/node/disk.ts'
import { KNOBS } from './knobs.ts'
import type { Fleet, GuestPlan } from './plan.ts'
import { guestInList, guestInMap, isName, machine, NAME_RULE } from './shapes.ts'

type Find = () => Promise<FoundGuest | undefined>
type GivenGuest = Fields<typeof guestInList.fields>

/** Where the number of a copy stands in paths and words of a guest with `count`. */
const NUMBER = '{n}'
const TOP = ['machine', 'guests']

/** Reads a fleet file. Paths in it are relative to the file. Throws OrlopError, one sentence for whatever is wrong. */
export function readFleetFile(path: string, find: Find = findGuest): Promise<Fleet> {
  return parseFleet(readYaml(path, 'fleet file'), path, find)
}

/** The same for a text; `path` is the file's name in messages, and what its paths are relative to. */
export async function parseFleet(text: string, path: string, find: Find = findGuest): Promise<Fleet> {
  const file = new YamlFile(text, path)
  const top = entries(file)
  const given = top.has('machine') ? machine.read(top.get('machine') ?? null, 'machine', file) : {}
  const plans: { plan: GuestPlan; place: string }[] = []
  for (const { fields, node } of guestsOf(top.get('guests') ?? null, file)) {
    const place = file.at(node)
    const isBare = fields.kernel === undefined && fields.firmware === undefined
    const found = isBare ? await find() : undefined
    if (isBare && found === undefined) {
      throw new OrlopError(
        `${place}: There is no guest system for "${fields.name}" yet; type "orlop pull debian" first, or name a kernel.`,
      )
    }
    for (const plan of copiesOf(fields, place, found)) plans.push({ plan, place })
  }
  checkTogether(plans)
  const name = given.name ?? nameOf(path)
  return {
    machine: {
      name,
      ...(given.cpus === undefined ? {} : { cpus: given.cpus }),
      ...(given.memory === undefined ? {} : { memoryBytes: wholePages(given.memory) }),
    },
    guests: plans.map(({ plan }) => plan),
  }
}

function entries(file: YamlFile): Map<string, YamlNode> {
  const { root } = file
  if (!isMap(root)) throw new OrlopError(`${file.at(root)}: A fleet must have fields: ${TOP.join(', ')}.`)
  const found = new Map<string, YamlNode>()
  for (const { key, value } of root.items) {
    const name = isScalar(key) ? String(key.value) : '?'
    if (!TOP.includes(name)) {
      const hint = Object.hasOwn(guestInList.fields, name) ? ' A guest is an entry below "guests".' : ''
      throw new OrlopError(`${file.at(key)}: There is no field "${name}"; allowed are ${TOP.join(', ')}.${hint}`)
    }
    found.set(name, value)
  }
  if (!found.has('guests')) throw new OrlopError(`${file.at(root)}: A fleet needs the field "guests".`)
  return found
}

/** Guests of a list, each with its name, or of a mapping from names. */
function guestsOf(node: YamlNode, file: YamlFile): { fields: GivenGuest & { name: string }; node: YamlNode }[] {
  if (isSeq(node)) {
    return (node.items as YamlNode[]).map((entry) => {
      const fields = guestInList.read(entry, 'guests', file)
      return { fields: { ...fields, name: fields.name as string }, node: entry }
    })
  }
  if (!isMap(node)) throw new OrlopError(`${file.at(node)}: The field "guests" must list guests, or map names to them.`)
  return node.items.map(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : ''
    if (!isName(name)) throw new OrlopError(`${file.at(key)}: The name of a guest must be ${NAME_RULE}.`)
    // A name with nothing behind it is a guest that is all defaults.
    const isEmpty = value === null || (isScalar(value) && value.value === null)
    return { fields: { ...(isEmpty ? {} : guestInMap.read(value, name, file)), name }, node: key }
  })
}

/** As many plans as `count` says, with numbers from 1 in names, paths and words. */
function copiesOf(given: GivenGuest & { name: string }, place: string, found: FoundGuest | undefined): GuestPlan[] {
  const { count } = given
  if (count === undefined) return [planOf(given, place, found)]
  return Array.from({ length: count }, (_, i) => {
    const number = (text: string) => text.replaceAll(NUMBER, `${i + 1}`)
    const disks = given.disks?.map((disk) => ({ ...disk, path: number(disk.path) }))
    const append = given.append === undefined ? undefined : number(given.append)
    return planOf({ ...given, disks, append, name: `${given.name}-${i + 1}` }, place, found)
  })
}

function planOf(given: GivenGuest & { name: string }, place: string, found: FoundGuest | undefined): GuestPlan {
  const kernel = given.kernel ?? found?.kernel
  const optional = { kernel, initrd: given.initrd ?? found?.initrd, firmware: given.firmware }
  return {
    name: given.name,
    memoryBytes: memoryOf(given.memory, place),
    harts: given.harts ?? 1,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    commandLine: commandLineFor(kernel, found, given.append),
    disks: given.disks ?? [],
    nets: given.net === undefined || given.net === 'none' ? [] : [given.net],
    hasConsole: given.console !== 'none',
    translator: given.translator ?? 'on',
    settings: settingsOf(given),
    autostart: given.autostart ?? true,
    onPoweroff: given.on_poweroff ?? 'stop',
    onReset: given.on_reset ?? 'restart',
    onCrash: given.on_crash ?? 'stop',
  }
}

function memoryOf(bytes: number | undefined, place: string): number {
  try {
    return checkMemory(bytes)
  } catch (error) {
    throw new OrlopError(`${place}: memory: ${(error as Error).message.replace(/; give for example.*/, '.')}`)
  }
}

/** The settings among the fields, wherever a knob says they stand. */
function settingsOf(given: GivenGuest): Partial<GuestSettings> {
  const found: [string, unknown][] = []
  for (const { setting, field } of KNOBS) {
    if (field === undefined) continue
    let value: unknown = given
    for (const name of field) value = (value as Record<string, unknown> | undefined)?.[name]
    if (value !== undefined) found.push([setting, value])
  }
  return Object.fromEntries(found)
}

/** What no guest can know alone: how many there are, that no two have one name, or write to one disk. */
function checkTogether(plans: { plan: GuestPlan; place: string }[]): void {
  const names = new Set<string>()
  const disks = new Map<string, { name: string; disk: DiskOptions }>()
  for (const [i, { plan, place }] of plans.entries()) {
    if (i >= MAX_GUESTS) throw new OrlopError(`${place}: A machine has at most ${MAX_GUESTS} guests; leave some out.`)
    if (names.has(plan.name)) throw new OrlopError(`${place}: There are two guests "${plan.name}"; rename one.`)
    names.add(plan.name)
    for (const disk of plan.disks) {
      const other = disks.get(disk.path)
      if (other !== undefined && !(other.disk.readOnly && disk.readOnly)) {
        throw new OrlopError(
          `${place}: "${plan.name}" and "${other.name}" cannot both have the disk ${disk.path} unless both only read it; ` +
            `write ",ro" behind it, or ${NUMBER} in the path where copies are counted.`,
        )
      }
      disks.set(disk.path, { name: plan.name, disk })
    }
  }
}

/** A machine without a name is called after its file. */
function nameOf(path: string): string {
  const name = basename(path).replace(/\.[^.]*$/, '')
  return isName(name) ? name : 'fleet'
}
