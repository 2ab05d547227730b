// What this room asks of a machine: the part of host-shim/node that it lives on.

import type { GuestOptions } from '../../host-shim/node/options.ts'
import type { Ending } from '../../host-shim/node/protocol.ts'
import type { GuestSettings } from '../../host-shim/settings.ts'
import type { GuestStats, MachineStats } from '../../host-shim/stats.ts'

export interface Metal {
  /** Number of physical CPUs. */
  readonly cpus: number
  /** Fulfilled when the machine was stopped; rejected when it has failed. */
  readonly ended: Promise<void>
  define(options: GuestOptions): Promise<MetalGuest>
  stats(): Promise<MachineStats>
  stop(): Promise<void>
}

export interface MetalGuest {
  /** Fulfilled when the guest has ended, whoever ended it. */
  readonly ended: Promise<Ending>
  start(): Promise<void>
  pause(): Promise<void>
  resume(): Promise<void>
  stop(): Promise<void>
  remove(): Promise<void>
  /** Presses the power key; E_UNSUPPORTED: nobody listens; E_AGAIN: the guest has not read the last press. */
  press(): Promise<void>
  set(settings: Partial<GuestSettings>): Promise<void>
  stats(): Promise<GuestStats>
  /** Console input; gives how many bytes were taken. */
  input(bytes: Uint8Array): number
  /** Fulfilled when console input may find room again. */
  room(): Promise<void>
}
