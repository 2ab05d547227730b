// The figures of the benchmark, made of what each variant has shown in each run, side by side.

import {
  type Better,
  type Machine,
  median,
  number,
  type Report,
  type Row,
  spread,
  summarise,
  worstOf,
} from '../report.ts'
import { type Workload, WORKLOADS } from './load.ts'
import type { Outcome, Part } from './outcome.ts'
import { peak } from './score.ts'
import { TITLES, VARIANTS, type VariantName } from './variant.ts'

interface FigureKind {
  name: string
  unit: string
  better: Better
  part: Part
  /** What it is a measure of, when the same host is busy with something else: of nothing then, of the wall clock. */
  isWall?: boolean
  /** How many times better than hosted Type-1 is to be. */
  goalRatio?: number
  of(outcome: Outcome): number | null | undefined
}

const first = ({ steps }: Outcome) => steps[0]?.judged[0]

const FIGURES: FigureKind[] = [
  {
    name: 'tile score',
    unit: 'QEMU tiles',
    better: 'higher',
    part: 'tiles',
    isWall: true,
    goalRatio: 1,
    of: ({ steps }) => peak(steps).score,
  },
  {
    name: 'tiles until QoS fails',
    unit: 'tiles',
    better: 'higher',
    part: 'tiles',
    isWall: true,
    of: ({ steps }) => peak(steps).tiles,
  },
  {
    name: 'CPU of one tile',
    unit: '% of a core',
    better: 'lower',
    part: 'tiles',
    of: ({ steps }) => steps[0]?.cpuPercent,
  },
  {
    name: 'web p95, one tile',
    unit: 'ms',
    better: 'lower',
    part: 'tiles',
    isWall: true,
    of: (outcome) => first(outcome)?.web.p95,
  },
  {
    name: 'app p50, one tile',
    unit: 'ms',
    better: 'lower',
    part: 'tiles',
    isWall: true,
    of: (outcome) => first(outcome)?.app.p50,
  },
  {
    name: 'commit p95, one tile',
    unit: 'ms',
    better: 'lower',
    part: 'tiles',
    isWall: true,
    of: (outcome) => first(outcome)?.db.p95,
  },
  {
    name: 'memory of a guest',
    unit: 'MiB',
    better: 'lower',
    part: 'memory',
    goalRatio: 1,
    of: ({ memoryBytes }) => (memoryBytes === undefined ? undefined : memoryBytes / 2 ** 20),
  },
  {
    name: 'start of six guests, CPU',
    unit: 's',
    better: 'lower',
    part: 'start-up',
    of: ({ startUp }) => startUp?.cpuSeconds,
  },
  {
    name: 'start of six guests, wall',
    unit: 's',
    better: 'lower',
    part: 'start-up',
    isWall: true,
    of: ({ startUp }) => startUp?.wallSeconds,
  },
  {
    name: 'lost beside a hog',
    unit: '%',
    better: 'lower',
    part: 'neighbour',
    isWall: true,
    of: ({ neighbour }) => neighbour?.loss.all,
  },
  {
    name: 'p95 beside a hog',
    unit: 'x without',
    better: 'lower',
    part: 'neighbour',
    isWall: true,
    of: ({ neighbour }) => neighbour?.delay,
  },
  {
    name: 'guest to guest',
    unit: 'Gbit/s',
    better: 'higher',
    part: 'network',
    isWall: true,
    goalRatio: 1,
    of: ({ wire }) => wire?.gigabits,
  },
  { name: 'its CPU', unit: 's/GB', better: 'lower', part: 'network', of: ({ wire }) => wire?.cpuPerGigabyte },
  {
    name: 'round trip',
    unit: 'us',
    better: 'lower',
    part: 'network',
    isWall: true,
    of: ({ wire }) => wire?.roundTripUs,
  },
]

/** A figure of all variants; null: there is none, as when nothing was ever answered. */
export interface Figure {
  name: string
  unit: string
  better: Better
  part: Part
  isWall: boolean
  /** Of each run. */
  runs: Record<VariantName, number[]>
  medians: Record<VariantName, number | null>
  /** How many times better Type-1 is: below 1, it is worse. */
  toHosted: number | null
  toQemu: number | null
  goalRatio: number | null
}

export interface HostedDetails {
  cpus: number
  seconds: number
  /** As far as the ramp may go. */
  tiles: number
  workloads: Workload[]
  figures: Figure[]
  outcomes: Outcome[]
}

export function figuresOf(outcomes: Outcome[], isWanted: (part: Part) => boolean): Figure[] {
  return FIGURES.filter(({ part }) => isWanted(part)).map(({ of, isWall = false, goalRatio, ...kind }) => {
    const values = (name: VariantName) =>
      outcomes.flatMap((outcome) => {
        const value = outcome.variant === name ? of(outcome) : undefined
        return value === undefined || value === null || !Number.isFinite(value) ? [] : [value]
      })
    const runs = Object.fromEntries(VARIANTS.map((name) => [name, values(name)])) as Figure['runs']
    const middle = (name: VariantName) => (runs[name].length === 0 ? null : median(runs[name]))
    const medians = Object.fromEntries(VARIANTS.map((name) => [name, middle(name)])) as Figure['medians']
    const ratio = (other: VariantName) => ratioOf(kind.better, medians.type1, medians[other])
    return {
      ...kind,
      isWall,
      runs,
      medians,
      toHosted: ratio('hosted'),
      toQemu: ratio('qemu'),
      goalRatio: goalRatio ?? null,
    }
  })
}

/** How many times better `ours` is; null where that has no meaning, as of a loss that is none. */
export function ratioOf(better: Better, ours: number | null, other: number | null): number | null {
  if (ours === null || other === null) return null
  const [dividend, divisor] = better === 'higher' ? [ours, other] : [other, ours]
  return divisor > 0 && dividend >= 0 ? dividend / divisor : null
}

export function reportOf(
  outcomes: Outcome[],
  frame: Pick<HostedDetails, 'cpus' | 'seconds' | 'tiles'>,
  machine: Machine,
  isWanted: (part: Part) => boolean,
): Report {
  const figures = figuresOf(outcomes, isWanted)
  const rows = figures.flatMap(rowOf)
  const details: HostedDetails = { ...frame, workloads: Object.values(WORKLOADS), figures, outcomes }
  const lost = outcomes.reduce((sum, { lostCommits = 0 }) => sum + lostCommits, 0)
  const summary =
    lost === 0 ? worstOf(rows) : { value: lost, unit: 'commits were lost by a power cut', goal: 0, met: false }
  return { bench: 'hosted', when: new Date().toISOString(), machine, rows, summary, table: tableOf(figures), details }
}

/** Type-1 against hosted, as every benchmark tells it. */
function rowOf({ name: row, unit, better, runs, goalRatio }: Figure): Row[] {
  if (runs.type1.length === 0) return []
  return [summarise({ row, unit, better, ours: runs.type1, reference: runs.hosted, goalRatio: goalRatio ?? undefined })]
}

function tableOf(figures: Figure[]): string[][] {
  const heads = VARIANTS.flatMap((name) => [TITLES[name], '±'])
  return [
    ['', 'unit', ...heads, 'x hosted', 'x QEMU', 'goal', ''],
    ...figures.map((figure) => {
      const { name, unit, runs, medians, toHosted, toQemu, goalRatio, isWall } = figure
      const cells = VARIANTS.flatMap((variant) => [number(medians[variant]), spreadOf(runs[variant])])
      const met = goalRatio === null || toHosted === null ? '' : toHosted >= goalRatio ? 'met' : 'MISSED'
      const goal = goalRatio === null ? '' : `≥ ${goalRatio.toFixed(2)}x`
      return [
        `${name}${isWall ? ' *' : ''}`,
        unit,
        ...cells,
        toHosted?.toFixed(2) ?? '',
        toQemu?.toFixed(2) ?? '',
        goal,
        met,
      ]
    }),
  ]
}

export function spreadOf(values: number[]): string {
  const value = values.length < 2 ? Number.NaN : spread(values)
  return Number.isFinite(value) ? `${Math.round(100 * Math.abs(value))} %` : ''
}
