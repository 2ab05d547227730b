// What `orlop run` is told, gathered from its flags, a spec file, and the guest in the cache, and checked.

import { type FoundGuest, findGuest } from '../guests/find.ts'
import type { Translator } from '../host-shim/guest-spec.ts'
import type { DiskOptions } from '../host-shim/node/disk.ts'
import type { UplinkChoice } from '../host-shim/node/networks.ts'
import { commandLineFor } from './command-line.ts'
import { OrlopError } from './error.ts'
import { type Flag, readWords } from './flags.ts'
import { checkMemory } from './guest-memory.ts'
import { parsePublish } from './fleet/publish.ts'
import type { PublishPlan } from './fleet/plan.ts'
import { parseNetwork } from './network.ts'
import { parseSize } from './size.ts'
import { type Console, parseConsole, parseDisk, parseTranslator, readSpecFile, type SpecFile } from './spec-file.ts'

export interface Settings {
  memoryBytes: number
  kernel?: string
  initrd?: string
  firmware?: string
  commandLine: string
  disks: DiskOptions[]
  net: UplinkChoice
  publish: PublishPlan[]
  console: Console
  translator: Translator
  /** Text on the console that ends the run well. */
  until?: string
  timeoutMs?: number
  stats?: 'json' | 'text'
}

const FLAGS: Record<string, Flag> = {
  kernel: { value: true },
  initrd: { value: true },
  append: { value: true },
  firmware: { value: true },
  memory: { value: true },
  disk: { value: true, many: true },
  net: { value: true },
  publish: { value: true, many: true },
  console: { value: true },
  translator: { value: true },
  stats: { value: true },
  until: { value: true },
  timeout: { value: true },
  json: { value: false },
}

/** Longer than this a timer of Node cannot wait: 24 days. */
const TIMEOUT_MAX = 2 ** 31 / 1000 - 1

/** Reads the words after "run"; throws OrlopError, one sentence for whatever is wrong. */
export async function readSettings(
  args: string[],
  findDefault: () => Promise<FoundGuest | undefined> = findGuest,
): Promise<Settings> {
  const { values, rest } = readWords('run', FLAGS, args)
  if (rest.length > 1) throw new OrlopError(`Give one spec file; "${rest[1]}" is too much.`)
  const flag = (name: string) => values.get(name)?.[0]
  const spec: SpecFile = rest[0] === undefined ? {} : readSpecFile(rest[0])

  const memory = flag('memory')
  const publish = (values.get('publish') ?? []).map((text) => parsePublish(text, '--publish', 'guest'))
  const net = netOf(flag('net'), spec.net, publish)
  const console = flag('console')
  const translator = flag('translator')
  const firmware = flag('firmware') ?? spec.firmware
  const own = flag('kernel') ?? spec.kernel
  const found = own === undefined && firmware === undefined ? await findDefault() : undefined
  const kernel = own ?? found?.kernel
  if (kernel === undefined && firmware === undefined) {
    throw new OrlopError('There is no guest system yet; type "orlop pull debian" first, or name one with --kernel.')
  }
  const settings: Settings = {
    memoryBytes: checkMemory(memory === undefined ? spec.memoryBytes : parseSize(memory, '--memory')),
    kernel,
    initrd: flag('initrd') ?? spec.initrd ?? found?.initrd,
    firmware,
    commandLine: commandLineFor(kernel, found, spec.append, flag('append')),
    disks: [...(spec.disks ?? []), ...(values.get('disk') ?? []).map(parseDisk)],
    net,
    publish,
    console: console === undefined ? (spec.console ?? 'stdio') : parseConsole(console, '--console'),
    translator: translator === undefined ? (spec.translator ?? 'on') : parseTranslator(translator, '--translator'),
    until: flag('until'),
    timeoutMs: parseTimeout(flag('timeout')),
    stats: parseStats(flag('stats') ?? (values.has('json') ? 'json' : undefined)),
  }
  if (settings.until === '') throw new OrlopError('--until needs a text that is not empty.')
  return settings
}

/** What the guest is plugged into: published ports take the host's sockets. */
function netOf(flag: string | undefined, given: UplinkChoice | undefined, publish: PublishPlan[]): UplinkChoice {
  const net = flag === undefined ? given : parseNetwork(flag, '--net')
  if (publish.length === 0) return net ?? 'none'
  if (net === undefined || (typeof net === 'object' && 'user' in net)) return { user: {} }
  throw new OrlopError(
    '--publish: Only the network "user" has ports of the host to give; leave out --net, or give --net user.',
  )
}

function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = /^\d+(\.\d+)?s?$/.test(text) ? Number.parseFloat(text) : Number.NaN
  if (seconds > 0 && seconds <= TIMEOUT_MAX) return seconds * 1000
  throw new OrlopError(`--timeout: "${text}" is no time; give seconds above 0, for example 60 or 2.5.`)
}

function parseStats(text: string | undefined): 'json' | 'text' | undefined {
  if (text === undefined || text === 'json' || text === 'text') return text
  throw new OrlopError(`--stats: "${text}" is no form; give json or text.`)
}
