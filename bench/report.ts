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
  met: boolean | null
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

export function summarise({ row, unit, better, ours, reference, goal }: Measured): Row {
  const value = median(ours)
  const other = reference.length > 0 ? median(reference) : null
  return {
    row,
    unit,
    better,
    ours: value,
    oursSpread: spread(ours),
    reference: other,
    referenceSpread: other === null ? null : spread(reference),
    ratio: other === null ? null : better === 'higher' ? value / other : other / value,
    goal: goal ?? null,
    met: goal === undefined ? null : better === 'higher' ? value >= goal : value <= goal,
  }
}

/** The sum of a benchmark with goals: how much of its goal the worst row reaches. Met when that is all of it. */
export function worstOf(rows: Row[]): Summary {
  const shares = rows
    .filter(({ goal }) => goal !== null)
    .map(({ better, ours, goal }) => (better === 'higher' ? ours / goal! : goal! / ours))
  const value = Math.min(...shares)
  return { value, unit: 'of its goal, worst row', goal: 1, met: value >= 1 }
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

/** The table for the terminal. */
export function asTable({ bench, machine, rows, summary }: Report): string {
  const head = ['', 'unit', 'ours', '±', machine.reference === undefined ? '' : 'reference', '±', 'ratio', 'goal', '']
  const body = rows.map((row) => [
    row.row,
    row.unit,
    number(row.ours),
    percent(row.oursSpread),
    number(row.reference),
    percent(row.referenceSpread),
    row.ratio === null ? '' : row.ratio.toFixed(2),
    row.goal === null ? '' : `${row.better === 'higher' ? '≥' : '≤'} ${number(row.goal)}`,
    row.met === null ? '' : row.met ? 'met' : 'MISSED',
  ])
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((cells) => cells[i]!.length)))
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
    ...[head, ...body].map(line),
    '',
    `${number(summary.value)} ${summary.unit}${verdict}`,
  ].join('\n')
}

function number(value: number | null): string {
  if (value === null) return ''
  return value >= 100 ? Math.round(value).toString() : value.toPrecision(3)
}

function percent(value: number | null): string {
  return value === null ? '' : `${Math.round(value * 100)} %`
}
