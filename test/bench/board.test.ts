// What the rows of the translator's benchmark come to.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { boardOf } from '../../bench/board.ts'
import { type Measured, summarise } from '../../bench/report.ts'
import { PROGRAM_ROWS } from '../../bench/rows.ts'

/** A row that is so many times as fast as the reference. */
function row(name: string, ratio: number): Measured {
  return { row: name, unit: 'CPU-s', better: 'lower', ours: [1], reference: [ratio] }
}

function board(rows: Measured[]): Map<string, number> {
  return new Map(boardOf(rows.map(summarise)).map(({ row: name, ours }) => [name, Number(ours[0]!.toFixed(6))]))
}

test('means and lowest rows are those of their own kind', () => {
  const rows = [
    row('core', 2),
    row('crc', 0.5),
    row('matrix', 8),
    row('syscall', 3),
    row('pipe', 0.75),
    row('warm-up', 9),
  ]
  assert.equal(
    [...board(rows)],
    [
      ['geometric mean, all that computes (3)', 2],
      ['geometric mean, integer rows (2)', 1],
      ['geometric mean, system rows (2)', 1.5],
      ['lowest computing row: crc', 0.5],
      ['lowest system row: pipe', 0.75],
    ],
  )
})

test('a mean of some rows has no goal, that of all has', () => {
  const goals = (rows: Measured[]) => boardOf(rows.map(summarise)).map(({ goal }) => goal)
  assert.equal(goals([row('core', 2), row('crc', 2)]), [undefined, undefined, 0.9])
  assert.equal(goals(PROGRAM_ROWS.map(({ name }) => row(name, 2))), [1.8, 1.4, undefined, 0.9, 0.8])
})

test('without rows of programs there is nothing to sum up', () => {
  assert.is(board([row('warm-up', 2)]).size, 0)
})

test.run()
