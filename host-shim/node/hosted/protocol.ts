// What passes between a machine whose guests are processes, and the process of one guest: messages over Node's IPC channel, in
// the form of structured clones.

import type { GuestSettings } from '../../settings.ts'
import type { GuestStats, MachineStats } from '../../stats.ts'
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

/** What the process can be asked, and what it answers. */
export interface Asks {
  define: { args: [HostedOptions]; answer: void }
  start: { args: []; answer: void }
  pause: { args: []; answer: void }
  resume: { args: []; answer: void }
  press: { args: []; answer: void }
  stop: { args: []; answer: void }
  set: { args: [Partial<GuestSettings>]; answer: void }
  stats: { args: []; answer: { guest: GuestStats; machine: MachineStats } }
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
  | { kind: 'output'; bytes: Uint8Array }
  /** The guest has so many bytes more of its input. */
  | { kind: 'taken'; bytes: number }
  | { kind: 'warning'; text: string }
  | { kind: 'ended'; ending: Ending }
  /** The machine in the process has failed. */
  | { kind: 'failed'; message: string }

/** Bytes of console input that may be on their way to a guest. */
export const INPUT_MOST = 65536
