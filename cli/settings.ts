// What `orlop run` is told, gathered from its flags, a spec file, and the guest in the cache, and checked.

import { type FoundGuest, findGuest } from '../guests/find.ts'
import type { Translator } from '../host-shim/guest-spec.ts'
import { RAM_MAX } from '../host-shim/machine.ts'
import type { DiskOptions } from '../host-shim/node/disk.ts'
import { OrlopError } from './error.ts'
import { type Flag, readWords } from './flags.ts'
import { type Network, parseNetwork } from './network.ts'
import { parseSize, showSize } from './size.ts'
import { type Console, parseConsole, parseDisk, parseTranslator, readSpecFile, type SpecFile } from './spec-file.ts'

export interface Settings {
  memoryBytes: number
  kernel?: string
  initrd?: string
  firmware?: string
  commandLine: string
  disks: DiskOptions[]
  net: Network
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
  console: { value: true },
  translator: { value: true },
  stats: { value: true },
  until: { value: true },
  timeout: { value: true },
  json: { value: false },
}

const MEMORY_DEFAULT = 128 * 2 ** 20
const MEMORY_LEAST = 2 ** 20
const PAGE = 4096
/** Longer than this a timer of Node cannot wait: 24 days. */
const TIMEOUT_MAX = 2 ** 31 / 1000 - 1

/**
 * What every Linux is told: where its console is, and to reset at once when it panics. A warm reset then means a
 * panic, because SBI has no other word for it that Linux would use.
 */
const LINUX = 'console=ttyS0 panic=-1 reboot=panic_warm'
/** Two thirds of the boot of a kernel as distributions build it are self-tests of its ciphers. */
const QUICK = 'cryptomgr.notests quiet'

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
  const net = flag('net')
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
    commandLine: [kernel === undefined ? '' : LINUX, found === undefined ? '' : QUICK, spec.append, flag('append')]
      .filter((part) => part)
      .join(' '),
    disks: [...(spec.disks ?? []), ...(values.get('disk') ?? []).map(parseDisk)],
    net: net === undefined ? (spec.net ?? 'none') : parseNetwork(net, '--net'),
    console: console === undefined ? (spec.console ?? 'stdio') : parseConsole(console, '--console'),
    translator: translator === undefined ? (spec.translator ?? 'on') : parseTranslator(translator, '--translator'),
    until: flag('until'),
    timeoutMs: parseTimeout(flag('timeout')),
    stats: parseStats(flag('stats') ?? (values.has('json') ? 'json' : undefined)),
  }
  if (settings.until === '') throw new OrlopError('--until needs a text that is not empty.')
  return settings
}

/** The size of RAM in whole pages, if a machine can have that. */
function checkMemory(bytes = MEMORY_DEFAULT): number {
  if (bytes < MEMORY_LEAST || bytes > RAM_MAX) {
    const limits = `from ${showSize(MEMORY_LEAST)} to ${showSize(RAM_MAX)}`
    throw new OrlopError(
      `A guest can have ${limits} of memory, not ${showSize(bytes)}; give for example --memory 128M.`,
    )
  }
  return Math.ceil(bytes / PAGE) * PAGE
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
