// What the threads of a machine say to each other. Commands go to a CPU's thread by a port of its own, which it looks at
// between runs; what it says itself comes as messages of the worker.

import type { MessagePort } from 'node:worker_threads'
import type { Divergence } from '../divergence.ts'
import type { CableSpec, GuestSpec } from '../guest-spec.ts'
import type { GuestState } from '../machine.ts'
import type { ForwardSpec, NetworkReport, NetworkSpec } from '../networks.ts'
import type { Setting } from '../settings.ts'
import type { GuestStats, MachineStats } from '../stats.ts'
import type { Disk } from './disk.ts'
import type { OpenFile } from './file.ts'

/** What the thread of a CPU is given at its start (`workerData`). The compiled kernel follows as a message of its own. */
export interface CpuInput {
  role: 'cpu'
  cpu: number
  cpus: number
  memory: WebAssembly.Memory
  /** What of it is each CPU's cache of decoded code. */
  codeBytes: number
  code: 'wasm' | 'none'
  /** Translated code is told of. */
  keeps: boolean
  /** Brings Request. */
  commands: MessagePort
  /** Takes Transfer; that of CPU 0 brings Completion. */
  transfers: MessagePort
}

/** What the thread that drives a machine in a program of its own is given at its start. */
export interface FramedInput {
  role: 'framed'
  cpu: 0
  /** No machine's memory: the mailbox and the window alone. */
  memory: WebAssembly.Memory
  /** What of the machine's is the CPU's cache of decoded code. */
  codeBytes: number
  /** Brings Request. */
  commands: MessagePort
  /** Bytes to the program and from it. */
  stream: { out: SharedArrayBuffer; in: SharedArrayBuffer }
  /** Folders of the host that the program has as /d0, /d1 and so on. */
  folders: string[]
}

/** What the thread for slow disk work is given at its start. It looks for TransferOrder among its worker's messages. */
export interface TransferInput {
  role: 'transfers'
  cpus: number
  memory: WebAssembly.Memory
  /** One for each CPU. */
  ports: MessagePort[]
}

/** Both ends of a guest's first console. */
export interface ConsoleRings {
  output: SharedArrayBuffer
  input: SharedArrayBuffer
}

/** Frames to an uplink and from it: the same buffer for an uplink that gives back what it gets. */
export interface UplinkRings {
  out: SharedArrayBuffer
  in: SharedArrayBuffer
}

/** A kernel, an initrd, or a part of a firmware. */
export interface ImageOrder {
  what: number
  address: number
  from: OpenFile | { name: string; bytes: Uint8Array }
}

/** What the thread of a CPU is asked to do; all but the first six and the last are for CPU 0. */
export type Command =
  | { kind: 'attach-disks'; disks: [number, Disk][] }
  | { kind: 'attach-guest'; guest: number; console: ConsoleRings }
  | { kind: 'attach-uplink'; uplink: number; rings: UplinkRings }
  | { kind: 'detach-disks'; disks: number[] }
  | { kind: 'detach-guest'; guest: number }
  | { kind: 'detach-uplink'; uplink: number }
  | { kind: 'create'; spec: GuestSpec }
  | { kind: 'load'; guest: number; images: ImageOrder[] }
  | { kind: 'set'; guest: number; settings: Setting[] }
  | { kind: 'start' | 'pause' | 'resume' | 'press' | 'stop' | 'remove' | 'state' | 'stats'; guest: number }
  | { kind: 'machine-stats' }
  | { kind: 'define-network'; network: number; spec: NetworkSpec }
  | { kind: 'remove-network' | 'network-report'; network: number }
  | { kind: 'forward'; network: number; forward: ForwardSpec; isNew: boolean }
  | { kind: 'link'; uplink: number; isUp: boolean }
  | { kind: 'capture'; guest: number; nic: number; uplink: number | undefined }
  | { kind: 'plug'; guest: number; nic: number; uplink: number; spec: CableSpec }
  | { kind: 'unplug'; guest: number; nic: number }
  | { kind: 'end' }

/** What the kinds of commands answer; those that are not here answer nothing. */
export interface Answers {
  /** The guest's number. */
  create: number
  /** CPU seconds that the process had used by then. */
  start: number
  /** False: its disks are not finished yet. */
  remove: boolean
  state: GuestState
  stats: GuestStats
  'machine-stats': MachineStats
  'network-report': NetworkReport
}

export type Answer<Kind extends Command['kind']> = Kind extends keyof Answers ? Answers[Kind] : void

export interface Request {
  id: number
  command: Command
}

export interface Completion {
  tag: number
  /** OK or E_IO. */
  status: number
}

/** What the thread for slow disk work is told. */
export type TransferOrder =
  /** The machine has started: its mailbox. */
  | { kind: 'begin'; mailbox: number }
  /** What is under way for these disks need not be finished: nobody waits for it any more. */
  | { kind: 'abandon'; disks: number[] }
  | { kind: 'end' }

/** How a guest ended. */
export interface Ending {
  /** STOP_*; STOP_KILLED when the outside ended it. */
  reason: number
  /** HTIF: number of the failed test. */
  code: number
  stats: GuestStats
  /** What the engines disagreed about, with STOP_DIVERGED. */
  divergence?: Divergence
  /** CPU seconds that the process had used when the guest's first instruction came. */
  startupCpuSeconds: number
}

/** What a thread says (`postMessage`). */
export type ThreadMessage =
  /** The CPU's instance is there. */
  | { kind: 'ready'; mailbox: number }
  | { kind: 'done'; id: number; answer: unknown }
  /** A MachineError; without an id, the machine itself is refused. */
  | { kind: 'refused'; id?: number; code: number; message: string }
  /** Console output waits in the guest's ring. */
  | { kind: 'output'; guest: number }
  /** The ring of the guest's console input has room again. */
  | { kind: 'room'; guest: number }
  /** Frames wait in the ring to this uplink. */
  | { kind: 'frames'; uplink: number }
  /** The ring from this uplink has room again. */
  | { kind: 'frames-room'; uplink: number }
  /** Bytes wait for the program that the machine is, or there is room for more from it. */
  | { kind: 'stream' }
  /** A disk fails. `key` is the same for what need not be told twice. */
  | { kind: 'disk-failed'; disk: number; key: string; text: string }
  /** Something else that the user should know and that does not end the machine. */
  | { kind: 'warning'; text: string }
  /** A module of translated code was installed. */
  | { kind: 'code'; module: Uint8Array }
  /** A guest has ended, by itself or because it was stopped. */
  | { kind: 'stopped'; guest: number; ending: Omit<Ending, 'startupCpuSeconds'> }
  /** The hypervisor itself has failed, and this thread ends. */
  | { kind: 'failed'; message: string }
