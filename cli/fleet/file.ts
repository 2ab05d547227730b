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
import { isName, NAME_RULE } from './names.ts'
import { planNetwork, readNetworks } from './networks.ts'
import { Addresses, type GivenNic } from './nics.ts'
import type { Fleet, GuestPlan, NetworkPlan, PublishPlan } from './plan.ts'
import { checkPublish, collide, parsePublish, publications, showPublish } from './publish.ts'
import { guestInList, guestInMap, machine } from './shapes.ts'

type Find = () => Promise<FoundGuest | undefined>
type GivenGuest = Fields<typeof guestInList.fields>

/** Where the number of a copy stands in paths and words of a guest with `count`. */
const NUMBER = '{n}'
const TOP = ['machine', 'networks', 'guests', 'publish']

/** What a fleet file does not say itself. */
export interface Surroundings {
  /** Name of the machine; default: as the file says, or after it. */
  name?: string
  /** Ports that are published beside those of the file, and what said so. */
  publish?: { words: string[]; where: string }
  /** What there is already on the machine that the guests come to. */
  running?: Pick<Fleet, 'networks' | 'guests'>
}

/** Reads a fleet file. Paths in it are relative to the file. Throws OrlopError, one sentence for whatever is wrong. */
export function readFleetFile(path: string, around: Surroundings = {}): Promise<Fleet> {
  return parseFleet(readYaml(path, 'fleet file'), path, findGuest, around)
}

/** The same for a text; `path` is the file's name in messages, and what its paths are relative to. */
export async function parseFleet(
  text: string,
  path: string,
  find: Find = findGuest,
  around: Surroundings = {},
): Promise<Fleet> {
  const file = new YamlFile(text, path)
  const top = entries(file)
  const given = top.has('machine') ? machine.read(top.get('machine') ?? null, 'machine', file) : {}
  const name = around.name ?? given.name ?? nameOf(path)
  const known = new Map(around.running?.networks.map((network) => [network.name, network]))
  const networks = top.has('networks') ? readNetworks(top.get('networks') ?? null, name, known, file) : new Map()
  const plans: { plan: GuestPlan; place: string; nics: GivenNic[] }[] = []
  for (const { fields, node } of guestsOf(top.get('guests') ?? null, file)) {
    const place = file.at(node)
    const isBare = fields.kernel === undefined && fields.firmware === undefined
    const found = isBare ? await find() : undefined
    if (isBare && found === undefined) {
      throw new OrlopError(
        `${place}: There is no guest system for "${fields.name}" yet; type "orlop pull debian" first, or name a kernel.`,
      )
    }
    for (const plan of copiesOf(fields, place, found)) {
      plans.push({ plan, place, nics: nicsOf(plan.name, fields, place, name, networks) })
    }
  }
  checkTogether(plans)
  plug(plans, name, new Map([...known, ...networks]), around.running?.guests ?? [])
  return {
    machine: {
      name,
      ...(given.cpus === undefined ? {} : { cpus: given.cpus }),
      ...(given.memory === undefined ? {} : { memoryBytes: wholePages(given.memory) }),
    },
    networks: [...networks.values()],
    guests: plans.map(({ plan }) => plan),
    publish: publishOf(top, file, plans, new Map([...known, ...networks]), around),
  }
}

/** The network devices that a guest is to have; that of the field "net" gets a network of its own. */
function nicsOf(
  guest: string,
  { net, networks: given }: GivenGuest,
  place: string,
  machineName: string,
  networks: Map<string, NetworkPlan>,
): GivenNic[] {
  if (net === undefined || net === 'none') return given ?? []
  if (given !== undefined) throw new OrlopError(`${place}: Give "${guest}" either "net" or "networks", not both.`)
  // No other network can have such a name.
  const network = `${guest}/net`
  const mode = typeof net === 'object' && 'user' in net ? 'nat' : 'bridge'
  networks.set(network, { ...planNetwork(network, { mode, uplink: net }, machineName, place), owner: guest })
  return [{ network, place }]
}

/** Gives all guests their network devices: first those with addresses of their own choice. */
function plug(
  plans: { plan: GuestPlan; place: string; nics: GivenNic[] }[],
  machineName: string,
  networks: ReadonlyMap<string, NetworkPlan>,
  guests: GuestPlan[],
): void {
  const addresses = new Addresses(machineName, networks, guests)
  for (const { plan, nics } of plans) addresses.claim(plan.name, nics)
  for (const { plan, nics } of plans) plan.nets = addresses.plan(plan.name, nics)
}

/** The published ports, of the file and beside it, each checked against the others and against the guests. */
function publishOf(
  top: Map<string, YamlNode>,
  file: YamlFile,
  plans: { plan: GuestPlan }[],
  networks: ReadonlyMap<string, NetworkPlan>,
  { publish, running }: Surroundings,
): PublishPlan[] {
  const given = top.has('publish') ? publications.read(top.get('publish') ?? null, 'publish', file) : []
  const more = (publish?.words ?? []).map((text) => {
    const { where } = publish as { where: string }
    return { where, plan: parsePublish(text, where) }
  })
  const guests = [...plans.map(({ plan }) => plan), ...(running?.guests ?? [])]
  const all = [...given, ...more]
  for (const [i, { plan, where }] of all.entries()) {
    const guest = guests.find(({ name }) => name === plan.guest)
    if (guest === undefined) throw new OrlopError(`${where}: There is no guest "${plan.guest}" to publish a port of.`)
    checkPublish(plan, guest, networks, where)
    const other = all.slice(0, i).find((one) => collide(one.plan, plan))
    if (other !== undefined) {
      throw new OrlopError(`${where}: Port ${plan.port} is published twice; see "${showPublish(other.plan)}".`)
    }
  }
  return all.map(({ plan }) => plan)
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
    // They are given when all guests are known.
    nets: [],
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
