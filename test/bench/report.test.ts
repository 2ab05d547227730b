// The form of every benchmark's result: medians, spreads, ratios, goals, and how they are shown.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  asTable,
  geometricMean,
  type Measured,
  median,
  type Report,
  spread,
  summarise,
  worstOf,
} from '../../bench/report.ts'

const speed: Measured = {
  row: 'loop',
  unit: 'M/s',
  better: 'higher',
  ours: [400, 500, 450],
  reference: [900, 1000, 950],
}
const time: Measured = { row: 'boot', unit: 's', better: 'lower', ours: [2, 4, 3], reference: [6], goal: 2.5 }

test('the median of an even number of runs lies between the middle two', () => {
  assert.is(median([3, 1, 2]), 2)
  assert.is(median([4, 1, 3, 2]), 2.5)
})

test('the spread is how far the runs lie apart, in medians', () => {
  assert.is(spread([2, 4, 3]), 2 / 3)
  assert.is(spread([5]), 0)
})

test('a ratio above one means better, whichever way the number goes', () => {
  assert.is(summarise(speed).ratio, 450 / 950)
  assert.is(summarise(time).ratio, 2)
})

test('a row without reference or goal says so with null', () => {
  const { reference, referenceSpread, ratio, goal, met } = summarise({ ...speed, reference: [] })
  assert.equal(
    { reference, referenceSpread, ratio, goal, met },
    { reference: null, referenceSpread: null, ratio: null, goal: null, met: null },
  )
})

test('a goal is met from its own side', () => {
  assert.is(summarise(time).met, false)
  assert.is(summarise({ ...time, goal: 3 }).met, true)
  assert.is(summarise({ ...speed, goal: 451 }).met, false)
  assert.is(summarise({ ...speed, goal: 450 }).met, true)
})

test('the summary is the row that reaches least of its goal', () => {
  const rows = [summarise({ ...speed, goal: 300 }), summarise(time), summarise(speed)]
  assert.equal(worstOf(rows), { value: 2.5 / 3, unit: 'of its goal, worst row', goal: 1, met: false })
})

test('a goal for the ratio is met by the ratio, not by the number', () => {
  assert.is(summarise({ ...time, goal: undefined, goalRatio: 2 } as Measured).met, true)
  assert.is(summarise({ ...time, goal: undefined, goalRatio: 2.1 } as Measured).met, false)
  assert.equal(worstOf([summarise({ ...speed, goalRatio: 1 })]).value, 450 / 950)
})

test('of a goal for the number and one for the ratio, both have to be met', () => {
  assert.is(summarise({ ...time, goal: 3, goalRatio: 2 }).met, true)
  assert.is(summarise({ ...time, goal: 3, goalRatio: 2.1 }).met, false)
  assert.is(summarise({ ...time, goal: 2.9, goalRatio: 2 }).met, false)
})

test('rows without goals are neither good nor bad', () => {
  assert.is(worstOf([summarise(speed)]).met, null)
})

test('the machine itself and the first run are compared, too', () => {
  const { native, nativeRatio, first, firstRatio } = summarise({ ...time, native: [1, 3, 1.5] })
  assert.equal({ native, nativeRatio, first, firstRatio }, { native: 1.5, nativeRatio: 0.5, first: 2, firstRatio: 3 })
})

test('the geometric mean of a ratio and its inverse is one', () => {
  assert.ok(Math.abs(geometricMean([4, 0.25]) - 1) < 1e-12)
  assert.ok(Math.abs(geometricMean([1, 2, 4]) - 2) < 1e-12)
})

test('the table shows each row with its goal and verdict', () => {
  const rows = [summarise({ ...speed, goal: 300 }), summarise(time)]
  const machine = { cpu: 'C', processors: 2, memoryGiB: 4, node: '20', v8: '11', system: 'Linux', reference: 'QEMU 10' }
  const report: Report = { bench: 'b', when: '', machine, rows, summary: worstOf(rows) }
  assert.equal(asTable(report).split('\n'), [
    'b on C, 2 processors, Node 20, QEMU 10',
    '',
    '      unit  ours     ±  reference     ±  ratio    goal',
    'loop  M/s    450  22 %        950  11 %   0.47   ≥ 300     met',
    'boot  s     3.00  67 %       6.00   0 %   2.00  ≤ 2.50  MISSED',
    '',
    '0.833 of its goal, worst row: MISSED',
  ])
})

test('the table has columns for the machine itself where a row was run on it', () => {
  const rows = [summarise({ ...time, native: [1.5], goal: undefined, goalRatio: 1 } as Measured)]
  const machine = { cpu: 'C', processors: 2, memoryGiB: 4, node: '20', v8: '11', system: 'Linux', reference: 'QEMU 10' }
  const report: Report = { bench: 'b', when: '', machine, rows, summary: worstOf(rows) }
  assert.equal(asTable(report).split('\n').slice(2), [
    '      unit  ours     ±  reference    ±  ratio     goal       native  native/ours  1st run  its ratio',
    'boot  s     3.00  67 %       6.00  0 %   2.00  ≥ 1.00x  met    1.50         0.50     2.00       3.00',
    '',
    '2.00 of its goal, worst row: met',
  ])
})

test('a report with a table of its own shows that in place of its rows, and no spread of nothing', () => {
  const rows = [summarise({ ...time, ours: [0, 0, 1], reference: [] })]
  const machine = { cpu: 'C', processors: 2, memoryGiB: 4, node: '20', v8: '11', system: 'Linux' }
  const report: Report = { bench: 'b', when: '', machine, rows, summary: { value: 0, unit: '%', goal: 1, met: true } }
  assert.match(asTable(report), /^boot {2}s {5}0\.00 {2,}≤ 2\.50 {2}met$/m)
  const table = [
    ['case', 'how', 'lost'],
    ['hog', 'full', '12.5'],
  ]
  assert.equal(
    asTable({ ...report, table })
      .split('\n')
      .slice(2),
    ['case  how   lost', 'hog   full  12.5', '', '0.00 %: met'],
  )
})

test.run()
