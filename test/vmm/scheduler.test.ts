// Several guests on one machine: who runs, for how long, who pays, and when nobody has anything to do.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { type Call, callsImage } from './image.ts'
import { Machine } from './machine.ts'

const STIP = 0x20
const TICKS_PER_MS = 10_000

/** A guest that works through these calls. */
function start(machine: Machine, calls: Call[]): number {
  const id = machine.create({})
  assert.is(machine.load(id, abi.LOAD_KERNEL, callsImage(calls)), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
  return id
}

const spin = (ms: number): Call => ({ routine: 'spin', args: [ms * TICKS_PER_MS] })
const sleep = (ms: number): Call => ({ routine: 'sleep', args: [STIP, ms * TICKS_PER_MS] })

/** What each look at a counted clock costs: a guest that spins looks every few instructions. */
const TICK_NS = 1000

/** A machine whose engine has compiled what a guest needs: the first slice of all takes tens of ms. */
function warm(): Machine {
  const machine = new Machine()
  const id = start(machine, [spin(100), sleep(1)])
  assert.ok(machine.run())
  machine.door.guestRemove(id)
  return machine
}

test('guests that all want to run get the same share', () => {
  const machine = new Machine({ tickNs: TICK_NS })
  const ids = [0, 1, 2].map(() => start(machine, [spin(300)]))
  assert.ok(machine.run())
  const shares = ids.map((id) => machine.stats(id)[abi.STAT_GUEST_NS] as number)
  const mean = shares.reduce((sum, ns) => sum + ns, 0) / shares.length
  for (const share of shares) assert.ok(Math.abs(share - mean) < mean / 10, String(shares))
})

test('a guest that sleeps does not hold up one that works', () => {
  const machine = warm()
  const sleeper = start(machine, [sleep(100_000)])
  const worker = start(machine, [spin(50)])
  assert.ok(machine.run({ until: () => machine.door.guestState(worker) === abi.GUEST_STOPPED }))
  assert.is(machine.door.guestState(sleeper), abi.GUEST_RUNNING)
  assert.ok(machine.skippedNs < 60e6, 'nobody rested while there was work')
})

test('a machine with nothing to do says until when, and never longer than ten ms', () => {
  const machine = warm()
  start(machine, [sleep(5)])
  let ns = 0
  while (ns === 0) ns = machine.door.run(0)
  assert.ok(ns > 0 && ns <= 5e6, String(ns))
  const other = warm()
  start(other, [sleep(10_000)])
  ns = 0
  while (ns === 0) ns = other.door.run(0)
  assert.is(ns, 10e6)
})

test('one call of run comes back within a few ms', () => {
  // About as many instructions in a ms as a slow host does, which is what the scheduler expects of one it doesn't know yet.
  const machine = new Machine({ tickNs: 20 })
  start(machine, [spin(50)])
  for (let ns = 0; ns !== abi.RUN_FINISHED; ) {
    const before = machine.now()
    ns = machine.door.run(0)
    const took = machine.now() - before
    assert.ok(took < 5e6, `${took} ns`)
  }
})

test('the bills of all guests and the time outside add up to the time that has passed', () => {
  const machine = new Machine({ tickNs: TICK_NS })
  const ids = [
    start(machine, [spin(100), sleep(100)]),
    start(machine, [sleep(200)]),
    start(machine, [spin(30), sleep(170)]),
  ]
  machine.door.run(0)
  const bill = () =>
    ids
      .map((id) => machine.stats(id))
      .reduce(
        (sum, s) =>
          sum + s[abi.STAT_GUEST_NS]! + s[abi.STAT_DEVICE_NS]! + s[abi.STAT_KERNEL_NS]! + s[abi.STAT_IDLE_NS]!,
        0,
      )
  const before = bill()
  const clock = machine.now
  const from = clock()
  while (clock() - from < 80e6) {
    const ns = machine.door.run(0)
    if (ns > 0) machine.skippedNs += ns
  }
  // What passed outside since the last run is billed when the next one begins, and that one's own time counts as well.
  machine.door.run(0)
  const passed = clock() - from
  const billed = bill() - before
  assert.ok(Math.abs(billed - passed) < passed / 100, `${billed} of ${passed}`)
})

test('a guest on a CPU of its own is not run by another', () => {
  const machine = new Machine({ cpus: 2 })
  start(machine, [spin(1)])
  assert.is(machine.door.run(1), 10e6)
  assert.is(machine.door.run(2), abi.E_BAD_ARG)
  assert.is(machine.door.guestState(0), abi.GUEST_RUNNING)
  assert.ok(machine.run())
})

test('a store to nowhere is an access fault, and counted', () => {
  for (const at of [0x0, 0x3000_0000, 0x1_0000_0000, 0x7fff_ffff]) {
    const machine = new Machine()
    const id = start(machine, [{ routine: 'store_byte', args: [at, 1] }])
    assert.ok(machine.run())
    // The test kernel takes a trap for a system failure.
    assert.is(machine.door.guestStopReason(id), abi.STOP_PANIC)
    assert.is(machine.stats(id)[abi.STAT_OFFENCES], 1)
    assert.is(machine.stats(id)[abi.STAT_MMIO], 1)
  }
})

test.run()
