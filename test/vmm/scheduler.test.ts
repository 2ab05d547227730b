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

test('guests that all want to run get the same share', () => {
  const machine = new Machine({ tickNs: TICK_NS })
  const ids = [0, 1, 2].map(() => start(machine, [spin(300)]))
  assert.ok(machine.run())
  const shares = ids.map((id) => machine.stats(id)[abi.STAT_GUEST_NS] as number)
  const mean = shares.reduce((sum, ns) => sum + ns, 0) / shares.length
  for (const share of shares) assert.ok(Math.abs(share - mean) < mean / 10, String(shares))
})

test('a guest that sleeps does not hold up one that works', () => {
  const machine = new Machine({ tickNs: TICK_NS })
  const sleeper = start(machine, [sleep(100_000)])
  const worker = start(machine, [spin(50)])
  assert.ok(machine.run({ until: () => machine.door.guestState(worker) === abi.GUEST_STOPPED }))
  assert.is(machine.door.guestState(sleeper), abi.GUEST_RUNNING)
  assert.ok(machine.skippedNs < 60e6, 'nobody rested while there was work')
})

test('a machine with nothing to do says until when, and never longer than a tenth of a second', () => {
  const machine = new Machine({ tickNs: TICK_NS })
  start(machine, [sleep(5)])
  let ns = 0
  while (ns === 0) ns = machine.door.run(0)
  assert.ok(ns > 0 && ns <= 5e6, String(ns))
  const other = new Machine({ tickNs: TICK_NS })
  start(other, [sleep(10_000)])
  ns = 0
  while (ns === 0) ns = other.door.run(0)
  assert.ok(ns > 90e6 && ns <= 100e6, String(ns))
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

test('any CPU of the machine runs any guest', () => {
  for (const cpu of [0, 1]) {
    const machine = new Machine({ cpus: 2 })
    const id = start(machine, [spin(1)])
    while (machine.door.run(cpu) !== abi.RUN_FINISHED) machine.skippedNs += 1
    assert.is(machine.door.guestStopReason(id), abi.STOP_POWEROFF)
    assert.is(machine.door.run(2), abi.E_BAD_ARG)
  }
})

test('a guest that goes from one CPU to another and back does what it would have done on one', () => {
  const machine = new Machine({ cpus: 2, tickNs: 20 })
  const id = start(machine, [spin(20), sleep(1), spin(20)])
  let cpu = 0
  while (machine.door.guestState(id) === abi.GUEST_RUNNING) {
    const ns = machine.door.run(cpu)
    if (ns > 0) machine.skippedNs += ns
    cpu = 1 - cpu
  }
  assert.is(machine.door.guestStopReason(id), abi.STOP_POWEROFF)
  assert.ok((machine.stats(id)[abi.STAT_MIGRATIONS] as number) > 10, 'it has moved')
})

test('what CPUs tell of their time adds up to what guests were billed, to idling, and to the kernel itself', () => {
  const machine = new Machine({ tickNs: TICK_NS })
  const ids = [start(machine, [spin(50)]), start(machine, [spin(20), sleep(60)])]
  assert.ok(machine.run())
  const [cpu] = machine.cpuStats()
  const billed = ids
    .map((id) => machine.stats(id))
    .reduce((sum, s) => sum + s[abi.STAT_GUEST_NS]! + s[abi.STAT_DEVICE_NS]! + s[abi.STAT_KERNEL_NS]!, 0)
  const [all, idle, kernel] = cpu as [number, number, number]
  assert.ok(idle > 0 && kernel > 0, String(cpu))
  assert.ok(Math.abs(billed + idle + kernel - all) < all / 100, `${billed} + ${idle} + ${kernel} of ${all}`)
})

test('guests share by weight, and a cap holds', () => {
  const machine = new Machine({ tickNs: TICK_NS })
  const ids = [256, 512, 1024].map((weight) => {
    const id = start(machine, [spin(10_000)])
    assert.is(machine.door.guestSet(id, abi.SET_WEIGHT, weight), abi.OK)
    return id
  })
  const spent = (id: number) => {
    const s = machine.stats(id)
    return s[abi.STAT_GUEST_NS]! + s[abi.STAT_DEVICE_NS]! + s[abi.STAT_KERNEL_NS]!
  }
  const during = (ns: number) => {
    const before = ids.map(spent)
    const end = machine.now() + ns
    while (machine.now() < end) {
      const rest = machine.door.run(0)
      if (rest > 0) machine.skippedNs += rest
    }
    return ids.map((id, i) => spent(id) - (before[i] as number))
  }
  const shares = during(2e9)
  const sum = shares.reduce((a, b) => a + b)
  for (const [i, part] of [1, 2, 4].entries()) {
    assert.ok(Math.abs((shares[i] as number) / sum - part / 7) < 0.01, String(shares))
  }
  assert.is(machine.door.guestPause(ids[0] as number), abi.OK)
  assert.is(machine.door.guestPause(ids[1] as number), abi.OK)
  assert.is(machine.door.guestSet(ids[2] as number, abi.SET_CAP, 50), abi.OK)
  const [paused, , capped] = during(2e9)
  assert.is(paused, 0)
  assert.ok(Math.abs((capped as number) / 2e9 - 0.5) < 0.005, String(capped))
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
