// What the thread with the machine and the thread around it say to each other.

import type { Divergence } from '../divergence.ts'
import type { GuestSpec } from '../guest-spec.ts'
import type { GuestStats } from '../stats.ts'
import type { Disk } from './disk.ts'
import type { OpenFile } from './file.ts'

/** What the machine's thread is given at its start (`workerData`). The compiled kernel follows as a message of its own. */
export interface WorkerInput {
  control: SharedArrayBuffer
  consoleOutput: SharedArrayBuffer
  consoleInput: SharedArrayBuffer
  /** The guest, but for what its firmware file decides. */
  spec: GuestSpec
  kernel?: OpenFile
  initrd?: OpenFile
  /** An ELF file, or raw bytes for the start of RAM. */
  firmware?: OpenFile
  disks: Disk[]
  /** Ports of the machine by number: rings of frames to and from an uplink, or one that gives back what it gets. */
  ports: (PortRings | 'loopback')[]
}

export interface PortRings {
  out: SharedArrayBuffer
  in: SharedArrayBuffer
}

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

/** What the machine's thread says (`postMessage`). */
export type WorkerMessage =
  /** Console output waits in the ring. */
  | { kind: 'output' }
  /** The ring of console input has room again. */
  | { kind: 'room' }
  /** Frames wait in the ring of this port. */
  | { kind: 'frames'; port: number }
  /** Something that the user should know and that does not end the run. */
  | { kind: 'warning'; text: string }
  /** The guest has ended, and this thread with it. */
  | { kind: 'ended'; ending: Ending }
  /** The guest could not be started: a MachineError. */
  | { kind: 'refused'; code: number; message: string }
  /** The hypervisor itself has failed. */
  | { kind: 'failed'; message: string }
