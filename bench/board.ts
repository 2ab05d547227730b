// What the rows of the translator's benchmark come to: geometric means, and the lowest of each kind.

import { geometricMean, type Measured, type Row } from './report.ts'
import { GOALS, type Kind, PROGRAM_ROWS } from './rows.ts'

const UNIT = 'x reference'

/** Further rows about those of programs; none where none of these was measured. */
export function boardOf(rows: Row[]): Measured[] {
  const integer = ratiosOf(rows, ['integer'])
  const compute = ratiosOf(rows, ['integer', 'double', 'mixed'])
  const system = ratiosOf(rows, ['system'])
  return [
    ...mean('all that computes', compute, GOALS.meanOfCompute),
    ...mean('integer rows', integer, GOALS.meanOfInteger),
    ...mean('system rows', system),
    ...lowest('computing', compute, GOALS.compute),
    ...lowest('system', system, GOALS.system),
  ]
}

/** The ratios of the rows of some kinds, and whether all of these were measured. */
interface Ratios {
  rows: Row[]
  isWhole: boolean
}

function ratiosOf(rows: Row[], kinds: Kind[]): Ratios {
  const names = PROGRAM_ROWS.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name)
  const chosen = rows.filter(({ row, ratio }) => names.includes(row) && ratio !== null)
  return { rows: chosen, isWhole: chosen.length === names.length }
}

/** A part of the rows has a mean, but the goal is that of them all. */
function mean(what: string, { rows, isWhole }: Ratios, goal?: number): Measured[] {
  if (rows.length < 2) return []
  const value = geometricMean(rows.map(({ ratio }) => ratio!))
  const row = `geometric mean, ${what} (${rows.length})`
  return [{ row, unit: UNIT, better: 'higher', ours: [value], reference: [], ...(isWhole && goal && { goal }) }]
}

function lowest(what: string, { rows }: Ratios, goal: number): Measured[] {
  if (rows.length < 2) return []
  const worst = rows.reduce((a, b) => (a.ratio! <= b.ratio! ? a : b))
  return [
    {
      row: `lowest ${what} row: ${worst.row}`,
      unit: UNIT,
      better: 'higher',
      ours: [worst.ratio!],
      reference: [],
      goal,
    },
  ]
}
