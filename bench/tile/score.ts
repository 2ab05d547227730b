// What a tile is worth: what was done of what was offered, whether it was done well enough, and the sum over all tiles.

import { percentile } from '../bills.ts'
import { geometricMean } from '../report.ts'
import { ROLES, type Role, type Workload, WORKLOADS } from './load.ts'

/** What became of a guest's load: how much of it there was, what went wrong, and the ms of each that went right. */
export interface Done {
  offered: number
  wrong: number
  ms: number[]
}

/** The same in figures. A percentile counts what was never done as never finished: null. */
export interface Judged {
  /** Right and in time, each second. */
  goodRate: number
  /** Of what was offered. */
  goodShare: number
  /** Right, however late. */
  answered: number
  wrong: number
  p50: number | null
  p95: number | null
  p99: number | null
  /** Sentences, one for each thing that was not as it has to be. */
  failures: string[]
}

export type TileDone = Record<Role, Done>
export type TileJudged = Record<Role, Judged>

/** What a load was like that was offered for so many seconds. */
export function judge(workload: Workload, { offered, wrong, ms }: Done, seconds: number): Judged {
  const good = ms.filter((each) => each <= workload.deadlineMs).length
  const all = [...ms, ...Array.from({ length: offered - ms.length }, () => Number.POSITIVE_INFINITY)]
  const at = (percent: number) => {
    const value = all.length === 0 ? Number.POSITIVE_INFINITY : percentile(all, percent)
    return Number.isFinite(value) ? value : null
  }
  const judged = {
    goodRate: good / seconds,
    goodShare: offered === 0 ? 0 : good / offered,
    answered: ms.length,
    wrong,
    p50: at(50),
    p95: at(95),
    p99: at(99),
  }
  return { ...judged, failures: failuresOf(workload, judged) }
}

function failuresOf(workload: Workload, judged: Omit<Judged, 'failures'>): string[] {
  const { role, soloMs, goodShare } = workload
  const failures: string[] = []
  if (judged.wrong > 0) failures.push(`${role}: ${judged.wrong} wrong`)
  if (judged.goodShare < goodShare) {
    failures.push(`${role}: ${percent(judged.goodShare)} in time, not ${percent(goodShare)}`)
  }
  for (const name of ['p95', 'p99'] as const) {
    const [times, value] = [workload[name], judged[name]]
    if (times === undefined || (value !== null && value <= times * soloMs)) continue
    failures.push(
      `${role}: ${name} is ${value === null ? 'never' : `${value.toFixed(1)} ms`}, not ${times * soloMs} ms`,
    )
  }
  return failures
}

export function judgeTile(done: TileDone, seconds: number): TileJudged {
  return Object.fromEntries(ROLES.map((role) => [role, judge(WORKLOADS[role], done[role], seconds)])) as TileJudged
}

/**
 * What a tile is worth: 1 when all is done well and in time that QEMU does with one tile alone, which is all that is offered.
 * The geometric mean over its guests: who does nothing at all makes the tile worth nothing.
 */
export function tileScore(tile: TileJudged): number {
  return geometricMean(ROLES.map((role) => tile[role].goodShare))
}

/** One step of the ramp: so many tiles at once. */
export interface Step {
  tiles: number
  score: number
  failures: string[]
}

export function scoreStep(tiles: TileJudged[]): Step {
  const score = tiles.reduce((sum, tile) => sum + tileScore(tile), 0)
  const failures = tiles.flatMap((tile, i) =>
    ROLES.flatMap((role) => tile[role].failures.map((failure) => `tile ${i + 1}, ${failure}`)),
  )
  return { tiles: tiles.length, score, failures }
}

/** How far a ramp goes, and what it is worth: the last step before the first that fails. */
export function peak(steps: Step[]): { tiles: number; score: number } {
  const end = steps.findIndex(({ failures }) => failures.length > 0)
  const good = end < 0 ? steps : steps.slice(0, end)
  return good.reduce((best, { tiles, score }) => (score > best.score ? { tiles, score } : best), { tiles: 0, score: 0 })
}

/** How many times as long it takes for all but the bad one: the geometric mean of what became of p95; null: never. */
export function neighbourDelay(calm: TileJudged, stressed: TileJudged, bad: Role): number | null {
  const times = ROLES.filter((role) => role !== bad).map((role) => {
    const [before, after] = [calm[role].p95, stressed[role].p95]
    return before === null || after === null ? null : after / before
  })
  return times.some((each) => each === null) ? null : geometricMean(times as number[])
}

/** What a bad neighbour has cost, in percent: of the rates of those beside it, and of one role's alone. */
export function neighbourLoss(calm: TileJudged, stressed: TileJudged, bad: Role): Record<string, number> {
  const others = ROLES.filter((role) => role !== bad)
  const kept = others.map((role): [string, number] => [role, stressed[role].goodRate / calm[role].goodRate])
  const all = geometricMean(kept.map(([, share]) => share))
  return Object.fromEntries([['all', all], ...kept].map(([name, share]) => [name, 100 * (1 - (share as number))]))
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
