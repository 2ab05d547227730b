// What good guests have lost to a bad one: pairs of measurements, their medians, and where the time went.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Bills } from '../../bench/bills.ts'
import { workOf } from '../../bench/isolation.ts'
import { losses, lossPercent, sharesOf, type Trial, worstLoss } from '../../bench/loss.ts'
import { STRESSES } from '../../bench/stress.ts'

/** A second on one CPU: the work and the ns paid for by guests a and b, and what others paid. */
function trial(work: [number, number], paid: [number, number], others: Record<string, number> = {}): Trial {
  const bill = (guestNs: number) => ({ guestNs, deviceNs: 0, kernelNs: 0, stealNs: 0 })
  const guests: Bills['guests'] = { a: bill(paid[0]), b: bill(paid[1]) }
  for (const [name, ns] of Object.entries(others)) guests[name] = bill(ns)
  const bills: Bills = { wallNs: 1000, cpus: 1, countedNs: 1000, idleNs: 100, kernelNs: 50, hostNs: 200, guests }
  return { work: { a: work[0], b: work[1] }, bills }
}

test('a loss is what is missing, in percent of what was there', () => {
  assert.is(lossPercent(200, 150), 25)
  assert.is(lossPercent(200, 210), -5.000000000000004)
  assert.is(lossPercent(200, 0), 100)
})

test('the loss of a guest is the median of all its pairs, of its work, of what it paid for, and of its speed', () => {
  const pairs: [Trial, Trial][] = [
    [trial([100, 100], [400, 400]), trial([90, 100], [400, 200])],
    [trial([100, 100], [400, 400]), trial([50, 100], [200, 200])],
    [trial([100, 100], [400, 400]), trial([80, 100], [300, 200])],
  ]
  const all = losses(pairs)
  assert.equal(Object.keys(all), ['a', 'b'])
  assert.ok(Math.abs(all.a!.work - 20) < 1e-9)
  assert.ok(Math.abs(all.a!.paid - 25) < 1e-9)
  assert.ok(Math.abs(all.a!.slower) < 1e-9)
  assert.equal(all.b, { work: 0, paid: 50, slower: -100 })
  assert.is(worstLoss(all), all.a)
})

test('what neither a good guest nor the machine has used belongs to the bad one, whether it is still there or not', () => {
  const shares = { good: [30, 30], kernel: 5, idle: 10, host: 20 }
  assert.equal(sharesOf(trial([1, 1], [300, 300], { bad: 250 })), { ...shares, bad: 25 })
  assert.equal(sharesOf(trial([1, 1], [300, 300])), { ...shares, bad: 25 })
})

test('work counts when its checksum is right, and only then', () => {
  const output = 'work 12 jobs in 345 us, checksum 00000000000000aa\n\n'.trimEnd()
  assert.equal(workOf(output, '00000000000000aa'), { jobs: 12, us: 345 })
  assert.throws(() => workOf(output, '00000000000000ab'), /computed 00000000000000aa in a guest, and 00000000000000ab/)
  assert.throws(() => workOf('Killed\n', '00000000000000aa'), /told nothing of itself: "Killed"/)
})

test('every way to turn bad has a name of its own', () => {
  const names = STRESSES.map(({ name }) => name)
  assert.is(new Set(names).size, names.length)
  for (const name of names) assert.match(name, /^[a-z]+(-[a-z]+)*$/)
})

test.run()
