// What a machine has charged between two moments, and what a bench makes of it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  accountingError,
  type Bills,
  between,
  paidNs,
  percentile,
  percentOfCpu,
  type Snapshot,
  shareError,
} from '../../bench/bills.ts'
import type { CpuStats, GuestStats, MachineStats } from '../../host-shim/stats.ts'

const bill = (guestNs: number, deviceNs = 0, kernelNs = 0) => ({ guestNs, deviceNs, kernelNs, stealNs: 0 })
const bills: Bills = {
  wallNs: 1000,
  cpus: 2,
  countedNs: 2000,
  idleNs: 400,
  kernelNs: 100,
  hostNs: 0,
  guests: { one: bill(450, 40, 10), two: bill(1000) },
}

function at(ns: number, cpus: CpuStats[], guests: Record<string, number>, hostNs: number): Snapshot {
  const stats = (guestNs: number) =>
    ({ ...bill(guestNs, 2 * guestNs, 3 * guestNs), stealNs: 4 * guestNs }) as GuestStats
  const machine = { cpus } as MachineStats
  return {
    ns,
    machine,
    hostNs,
    guests: Object.fromEntries(Object.entries(guests).map(([name, value]) => [name, stats(value)])),
  }
}

test('the bills of a span are the differences of its ends, summed over all CPUs', () => {
  const before = at(
    100,
    [
      { ns: 10, idleNs: 1, kernelNs: 2 },
      { ns: 20, idleNs: 3, kernelNs: 4 },
    ],
    { a: 1, gone: 5 },
    7,
  )
  const after = at(
    200,
    [
      { ns: 110, idleNs: 11, kernelNs: 7 },
      { ns: 120, idleNs: 23, kernelNs: 9 },
    ],
    { a: 3, new: 9 },
    9,
  )
  assert.equal(between(before, after), {
    wallNs: 100,
    cpus: 2,
    countedNs: 200,
    idleNs: 30,
    kernelNs: 10,
    hostNs: 2,
    guests: { a: { guestNs: 2, deviceNs: 4, kernelNs: 6, stealNs: 8 } },
  })
})

test('a guest pays for itself, its devices, and the kernel that works for it', () => {
  assert.is(paidNs(bills.guests.one!), 500)
  assert.is(percentOfCpu(bills, 'one'), 50)
})

test('shares are measured against weights, and the worst guest counts', () => {
  assert.is(shareError(bills, { one: 1, two: 2 }), 0)
  assert.ok(Math.abs(shareError(bills, { one: 1, two: 1 }) - 100 / 3) < 1e-9)
})

test('books that tell of all time and of no more are right', () => {
  assert.is(accountingError(bills), 0)
  assert.is(accountingError({ ...bills, wallNs: 1250 }), 20)
  assert.is(accountingError({ ...bills, idleNs: 300 }), 5)
})

test('a percentile is one of the values', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i)
  assert.is(percentile(values, 50), 50)
  assert.is(percentile(values, 99), 99)
  assert.is(percentile([7], 99), 7)
  assert.is(percentile([1, 2, 3], 0), 1)
})

test.run()
