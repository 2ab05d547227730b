// The three ways to run a tile's guests, behind one interface: our machine, the same guests in a process of our own each, and
// QEMU.

import type { System } from '../engines.ts'
import type { TileGuest } from './guests.ts'

export const VARIANTS = ['type1', 'hosted', 'qemu'] as const
export type VariantName = (typeof VARIANTS)[number]

/** What the guests are made of, and where they run. */
export interface Plan {
  system: System
  /** All guests that may be started. */
  guests: TileGuest[]
  /** Those that are started at once. */
  first: TileGuest[]
  /** For sockets, logs and fleet files. */
  folder: string
  /** CPUs of the host that the guests may have, as `taskset` takes them. */
  cpus: number[]
}

export interface RunningFleet {
  /** The processes that it has started; those that they have started are not named. */
  pids(): number[]
  /** Starts more of the plan's guests. */
  start(guests: TileGuest[]): Promise<void>
  /** Why no guest will answer any more; undefined: they may. */
  over(): string | undefined
  /** Ends all at once, as a power cut would. */
  kill(): Promise<void>
}

export interface Variant {
  name: VariantName
  /** As the report calls it. */
  title: string
  launch(plan: Plan): Promise<RunningFleet>
}

export const TITLES: Record<VariantName, string> = { type1: 'Type-1', hosted: 'hosted', qemu: 'QEMU' }

/** The kernel's command line of a guest: what all have in common, and what its init has to know. */
export function wordsFor({ append }: System, { address, mac }: TileGuest, gateway: string): string {
  return `${append} tile_address=${address} tile_mac=${mac} tile_gateway=${gateway}`
}
