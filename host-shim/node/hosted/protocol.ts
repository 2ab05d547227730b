// What passes between a machine whose guests are processes, and the process of one guest: messages (channel.ts). A guest may have
// taken over its process, so what that says is looked at before it is believed.

import { MACHINE_STAT_COUNT, MAX_CPUS, STAT_COUNT } from '../../../hypervisor/abi.ts'
import type { GuestSettings } from '../../settings.ts'
import { type GuestStats, type MachineStats, readMachineStats, readStats } from '../../stats.ts'
import type { GuestOptions, MachineOptions, NicOptions } from '../options.ts'
import type { Ending } from '../protocol.ts'

/** A network device: the socket that its wire leads to. */
export interface HostedNic extends Pick<NicOptions, 'mac'> {
  path: string
  mtu: number | undefined
}

/** All that a guest's process is made of. */
export interface HostedOptions {
  machine: Pick<MachineOptions, 'cpus' | 'memoryBytes' | 'runtime'>
  guest: Omit<GuestOptions, 'nets' | 'output' | 'warn'>
  nics: HostedNic[]
}

export interface HostedStats {
  guest: GuestStats
  machine: MachineStats
}

/** What the process can be asked, and what it answers. */
export interface Asks {
  define: { args: [HostedOptions]; answer: void }
  start: { args: []; answer: void }
  pause: { args: []; answer: void }
  resume: { args: []; answer: void }
  press: { args: []; answer: void }
  stop: { args: []; answer: void }
  set: { args: [Partial<GuestSettings>]; answer: void }
  stats: { args: []; answer: HostedStats }
  /** Ends guest and process. */
  end: { args: []; answer: void }
}

/** To the process. */
export type Order =
  | { [Name in keyof Asks]: { kind: 'ask'; id: number; name: Name; args: Asks[Name]['args'] } }[keyof Asks]
  /** Console input; at most INPUT_MOST bytes are under way. */
  | { kind: 'input'; bytes: Uint8Array }
  /** The console output that was sent last is where it belongs. */
  | { kind: 'more' }

/** From it. */
export type Report =
  | { kind: 'answer'; id: number; value: unknown }
  /** A MachineError, or (without a code) another one. */
  | { kind: 'refusal'; id: number; code: number | undefined; message: string }
  /** The next one waits for `more`. */
  | { kind: 'output'; bytes: Uint8Array }
  /** The guest has so many bytes more of its input. */
  | { kind: 'taken'; bytes: number }
  | { kind: 'warning'; text: string }
  | { kind: 'ended'; ending: Ending }
  /** The machine in the process has failed. */
  | { kind: 'failed'; message: string }

/** Bytes of console input that may be on their way to a guest. */
export const INPUT_MOST = 65536

/** The file descriptor that the process has the channel at. */
export const CHANNEL_FD = 3

const GUEST_STATS = readStats(new Uint8Array(8 * STAT_COUNT))
const MACHINE_STATS = readMachineStats(new Uint8Array(8 * MACHINE_STAT_COUNT))
const CPU_STATS = { ns: 0, idleNs: 0, kernelNs: 0 }

export function isReport(value: unknown): value is Report {
  const { kind, id, code, message, bytes, text, ending } = Object(value)
  switch (kind) {
    case 'answer':
      return isCount(id)
    case 'refusal':
      return isCount(id) && typeof message === 'string' && (code === undefined || Number.isInteger(code))
    case 'output':
      return bytes instanceof Uint8Array
    case 'taken':
      return isCount(bytes)
    case 'warning':
      return typeof text === 'string'
    case 'ended':
      return (
        isLike(ending, { reason: 0, code: 0, stats: {}, startupCpuSeconds: 0 }) && isLike(ending.stats, GUEST_STATS)
      )
    case 'failed':
      return typeof message === 'string'
    default:
      return false
  }
}

export function isStats(value: unknown): value is HostedStats {
  const { guest, machine } = Object(value)
  if (!isLike(guest, GUEST_STATS) || !isLike(machine, MACHINE_STATS) || !Array.isArray(machine.cpus)) return false
  return machine.cpus.length <= MAX_CPUS && Array.from(machine.cpus).every((cpu) => isLike(cpu, CPU_STATS))
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Has it all that the model has, of the same types? */
function isLike(value: unknown, model: object): boolean {
  const like = (own: unknown, other: unknown) =>
    typeof own === typeof other && (typeof own === 'number' ? Number.isFinite(own) : own !== null)
  return Object.entries(model).every(([key, other]) => like(Object(value)[key], other))
}
