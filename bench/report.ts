// The form in which every benchmark tells its result: a table for people, JSON for programs.

import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'

/** Which way a number should go. */
export type Better = 'higher' | 'lower'

/** One line of a benchmark, as it was measured: interleaved runs of ours and, where there is one, of the reference. */
export interface Measured {
  row: string
  unit: string
  better: Better
  ours: number[]
  /** Runs of the reference; empty: there is none. */
  reference: number[]
  /** What is to be reached; undefined: only looked at. */
  goal?: number
  /** What the ratio to the reference is to reach; undefined: only looked at. */
  goalRatio?: number
  /** Runs of the same on the machine itself, without any guest; undefined: there are none. */
  native?: number[]
}

/** One line of the result. Numbers are medians; a spread is (largest - smallest) / median. */
export interface Row {
  row: string
  unit: string
  better: Better
  ours: number
  oursSpread: number
  reference: number | null
  referenceSpread: number | null
  /** How many times better ours is than the reference: below 1, it is worse. */
  ratio: number | null
  goal: number | null
  goalRatio: number | null
  met: boolean | null
  /** How the machine itself does, and how near ours comes to that: 1 is as good. */
  native: number | null
  nativeRatio: number | null
  /** The first run alone, which finds nothing prepared by an earlier one: ours, and its ratio to the reference's. */
  first: number
  firstRatio: number | null
}

export interface Summary {
  value: number
  unit: string
  goal: number | null
  met: boolean | null
}

export interface Report {
  bench: string
  /** ISO 8601. */
  when: string
  machine: Machine
  rows: Row[]
  summary: Summary
  /** What the terminal shows in place of the rows, where these are too few words: the first line is the head. */
  table?: string[][]
  /** Everything that was measured, for programs. */
  details?: unknown
}

export interface Machine {
  cpu: string
  processors: number
  memoryGiB: number
  node: string
  v8: string
  system: string
  /** The reference program and its version; absent: the benchmark has none. */
  reference?: string
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** How far the runs lie apart, as a fraction of their median. */
export function spread(values: number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values)
}

export function summarise({ row, unit, better, ours, reference, goal, goalRatio, native }: Measured): Row {
  const value = median(ours)
  const other = reference.length > 0 ? median(reference) : null
  const bare = native === undefined || native.length === 0 ? null : median(native)
  const against = (yardstick: number | null, mine = value) =>
    yardstick === null ? null : better === 'higher' ? mine / yardstick : yardstick / mine
  const first = ours[0]!
  const result = {
    row,
    unit,
    better,
    ours: value,
    oursSpread: spread(ours),
    reference: other,
    referenceSpread: other === null ? null : spread(reference),
    ratio: against(other),
    goal: goal ?? null,
    goalRatio: goalRatio ?? null,
    native: bare,
    nativeRatio: against(bare),
    first,
    firstRatio: against(reference[0] ?? null, first),
  }
  const share = shareOf(result)
  return { ...result, met: share === null ? null : share >= 1 }
}

/** How much of its goal a row reaches, of the harder one where it has two; null: it has none. */
function shareOf({ better, ours, ratio, goal, goalRatio }: Omit<Row, 'met'>): number | null {
  const shares: number[] = []
  if (goal !== null) shares.push(better === 'higher' ? ours / goal : goal / ours)
  if (goalRatio !== null && ratio !== null) shares.push(ratio / goalRatio)
  return shares.length === 0 ? null : Math.min(...shares)
}

/** The sum of a benchmark with goals: how much of its goal the worst row reaches. Met when that is all of it. */
export function worstOf(rows: Row[]): Summary {
  const shares = rows.map(shareOf).filter((share) => share !== null)
  if (shares.length === 0) return { value: rows.length, unit: 'rows, none of them with a goal', goal: null, met: null }
  const value = Math.min(...shares)
  return { value, unit: 'of its goal, worst row', goal: 1, met: value >= 1 }
}

/** The number whose multiples the values are on average, as it is right for ratios; there has to be a value. */
export function geometricMean(values: number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

/** Where this was measured. */
export function machineInfo(reference?: string): Machine {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    processors: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    v8: process.versions.v8,
    system: execFileSync('uname', ['-srm'], { encoding: 'utf8' }).trim(),
    ...(reference === undefined ? {} : { reference }),
  }
}

/** A column of the table. */
interface Column {
  head: string
  cell(row: Row): string
}

const COLUMNS: Column[] = [
  { head: '', cell: ({ row }) => row },
  { head: 'unit', cell: ({ unit }) => unit },
  { head: 'ours', cell: ({ ours }) => number(ours) },
  { head: '±', cell: ({ oursSpread }) => percent(oursSpread) },
  { head: 'reference', cell: ({ reference }) => number(reference) },
  { head: '±', cell: ({ referenceSpread }) => percent(referenceSpread) },
  { head: 'ratio', cell: ({ ratio }) => ratio?.toFixed(2) ?? '' },
  { head: 'goal', cell: goalOf },
  { head: '', cell: ({ met }) => (met === null ? '' : met ? 'met' : 'MISSED') },
]

/** Only where something was run on the machine itself. */
const NATIVE: Column[] = [
  { head: 'native', cell: ({ native }) => number(native) },
  { head: 'native/ours', cell: ({ nativeRatio }) => nativeRatio?.toFixed(2) ?? '' },
  { head: '1st run', cell: ({ first, reference }) => (reference === null ? '' : number(first)) },
  { head: 'its ratio', cell: ({ firstRatio }) => firstRatio?.toFixed(2) ?? '' },
]

function goalOf({ better, goal, goalRatio }: Row): string {
  if (goal !== null) return `${better === 'higher' ? '≥' : '≤'} ${number(goal)}`
  return goalRatio === null ? '' : `≥ ${goalRatio.toFixed(2)}x`
}

/** The table for the terminal. */
export function asTable({ bench, machine, rows, summary, table }: Report): string {
  const lines = table ?? linesOf(rows, machine)
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((cells) => cells[i]!.length)))
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd()
  const where = [machine.cpu, `${machine.processors} processors`, `Node ${machine.node}`, machine.reference ?? '']
  const verdict = summary.met === null ? '' : summary.met ? ': met' : ': MISSED'
  return [
    `${bench} on ${where.filter((part) => part !== '').join(', ')}`,
    '',
    ...lines.map(line),
    '',
    `${number(summary.value)} ${summary.unit}${verdict}`,
  ].join('\n')
}

function linesOf(rows: Row[], machine: Machine): string[][] {
  const columns = rows.some(({ native }) => native !== null) ? [...COLUMNS, ...NATIVE] : COLUMNS
  const head = columns.map((column) => (column.head === 'reference' && !machine.reference ? '' : column.head))
  return [head, ...rows.map((row) => columns.map((column) => column.cell(row)))]
}

export function number(value: number | null): string {
  if (value === null) return ''
  return value >= 100 ? Math.round(value).toString() : value.toPrecision(3)
}

/** Of runs whose median is nothing there is no spread. */
function percent(value: number | null): string {
  return value === null || !Number.isFinite(value) ? '' : `${Math.round(value * 100)} %`
}
