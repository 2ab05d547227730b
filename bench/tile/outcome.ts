// What one variant has shown in one run.

import type { Step, TileJudged } from './score.ts'
import type { VariantName } from './variant.ts'

export const ROWS = ['tiles', 'memory', 'start-up', 'neighbour', 'network'] as const
export type Part = (typeof ROWS)[number]

export interface Outcome {
  variant: VariantName
  run: number
  /** The ramp: one tile, two, ..., and the CPU time that each took, in percent of one core. */
  steps: (Step & { cpuPercent: number; judged: TileJudged[] })[]
  /** From the start of the first process until all guests of a tile answer. */
  startUp?: { wallSeconds: number; cpuSeconds: number }
  /** Of the host for each guest, while a tile has its load. */
  memoryBytes?: number
  neighbour?: { loss: Record<string, number>; delay: number | null; calm: TileJudged; stressed: TileJudged }
  wire?: { gigabits: number; cpuPerGigabyte: number; roundTripUs: number }
  /** Commits that were reported before the machine was killed, and are not on the disk. */
  lostCommits?: number
}
