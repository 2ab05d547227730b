// What a fleet is: the machine and its guests, with all defaults filled in.

import type { Translator } from '../../host-shim/guest-spec.ts'
import type { DiskOptions } from '../../host-shim/node/disk.ts'
import type { GuestSettings } from '../../host-shim/settings.ts'
import type { Network } from '../network.ts'

export interface Fleet {
  machine: MachinePlan
  guests: GuestPlan[]
}

export interface MachinePlan {
  name: string
  /** Physical CPUs; undefined: as many as the host has. */
  cpus?: number
  /** RAM of all guests together, in bytes; undefined: what the host can spare. */
  memoryBytes?: number
}

/** What to do when a guest has ended of itself. */
export type Reaction = 'stop' | 'restart'

export interface GuestPlan {
  name: string
  memoryBytes: number
  harts: number
  kernel?: string
  initrd?: string
  firmware?: string
  commandLine: string
  disks: DiskOptions[]
  nets: Exclude<Network, 'none'>[]
  /** Does anybody listen to its console? */
  hasConsole: boolean
  translator: Translator
  settings: Partial<GuestSettings>
  /** Is it started with the machine? */
  autostart: boolean
  onPoweroff: Reaction
  onReset: Reaction
  onCrash: Reaction
}
