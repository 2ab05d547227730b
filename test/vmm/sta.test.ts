// Steal time as a guest is told of it: the SBI call that names its memory, and what stands there afterwards.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { addressOf, type Call, callsImage, callsProgram, KERNEL_BASE } from './image.ts'
import { Machine } from './machine.ts'

const STA = 0x53_5441
const HSM = 0x48_534d
const INVALID_PARAM = -3n
const INVALID_ADDRESS = -5n

const RAM_END = 0x8000_0000 + (64 << 20)
const SHMEM = KERNEL_BASE + (1 << 20)
const SHMEM_BYTES = 64
/** What each look at a counted clock costs: how long a guest spins, and whom that keeps waiting, does not hang on this computer. */
const TICK_NS = 1000

const setShmem = (low: number | bigint, high: number | bigint = 0, flags = 0): Call => ({
  extension: STA,
  function: 0,
  args: [low, high, flags],
})

/** The same program for so many guests on one CPU: machine, and the answers to the calls of the first. */
function run(calls: Call[], { harts = 1, guests = 1, isCounted = true } = {}): { machine: Machine; answers: bigint[] } {
  const machine = new Machine(isCounted ? { tickNs: TICK_NS } : {})
  for (let i = 0; i < guests; i++) {
    const id = machine.create({ harts })
    assert.is(machine.load(id, abi.LOAD_KERNEL, callsImage(calls)), abi.OK)
  }
  for (let i = 0; i < guests; i++) assert.is(machine.door.guestStart(i), abi.OK)
  assert.ok(machine.run(), 'The list of calls did not come to its end')
  const list = machine.ram(0, addressOf(callsProgram(), 'calls') + 8, 64 * calls.length)
  return { machine, answers: calls.map((_, i) => list.readBigInt64LE(64 * i)) }
}

/** What stands in the shared memory of guest `id`. */
function shmem(machine: Machine, id: number, at = SHMEM) {
  const bytes = machine.ram(id, at, SHMEM_BYTES)
  return {
    sequence: bytes.readUInt32LE(0),
    flags: bytes.readUInt32LE(4),
    stealNs: Number(bytes.readBigUInt64LE(8)),
    preempted: bytes[16],
    rest: bytes.subarray(17),
  }
}

test('a range that is not aligned, not RAM, or has flags is refused', () => {
  const { answers } = run([
    setShmem(SHMEM + 8),
    setShmem(SHMEM + 32),
    setShmem(SHMEM, 0, 1),
    setShmem(-1, -1, 1),
    setShmem(-1, 0),
    setShmem(0x1000_0000),
    setShmem(RAM_END),
    setShmem(SHMEM, 1),
    setShmem(-64),
    setShmem(RAM_END - SHMEM_BYTES),
  ])
  assert.equal(answers, [...Array(5).fill(INVALID_PARAM), ...Array(4).fill(INVALID_ADDRESS), 0n])
})

test('the memory is zeroed before the call returns', () => {
  const { machine, answers } = run([
    { routine: 'store_byte', args: [SHMEM + 63, 0x55] },
    { routine: 'store_byte', args: [SHMEM + 64, 0x66] },
    setShmem(SHMEM),
  ])
  assert.is(answers[2], 0n)
  const { flags, rest } = shmem(machine, 0)
  assert.is(flags, 0)
  assert.ok(rest.every((byte) => byte === 0))
  assert.is(machine.ram(0, SHMEM + 64, 1)[0], 0x66)
})

test('a hart that waits for a CPU is told how long, with an even sequence', () => {
  const { machine } = run([setShmem(SHMEM), { routine: 'spin', args: [1_000_000] }], { guests: 2 })
  for (const id of [0, 1]) {
    const { sequence, stealNs, preempted } = shmem(machine, id)
    assert.ok(sequence > 0 && sequence % 2 === 0, `sequence ${sequence}`)
    assert.ok(stealNs > 0, `steal ${stealNs}`)
    assert.is(preempted, 0, 'it ended on a CPU')
    assert.ok(stealNs <= machine.stats(id)[abi.STAT_STEAL_NS]!, 'no more than the machine has counted')
  }
})

test('after it was disabled nothing is written any more', () => {
  const { machine, answers } = run(
    [
      setShmem(SHMEM),
      { routine: 'spin', args: [200_000] },
      setShmem(-1, -1),
      ...Array.from({ length: SHMEM_BYTES }, (_, i) => ({ routine: 'store_byte', args: [SHMEM + i, 0xaa] })),
      { routine: 'spin', args: [500_000] },
    ],
    { guests: 2 },
  )
  assert.is(answers[2], 0n)
  assert.ok(machine.ram(0, SHMEM, SHMEM_BYTES).every((byte) => byte === 0xaa))
})

test('a hart that had to leave its CPU is said to be preempted until it has one again', () => {
  const calls = [setShmem(SHMEM), { routine: 'spin', args: [2_000_000] }]
  const machine = new Machine({ tickNs: TICK_NS })
  for (let i = 0; i < 2; i++) {
    const id = machine.create({ harts: 1 })
    assert.is(machine.load(id, abi.LOAD_KERNEL, callsImage(calls)), abi.OK)
    assert.is(machine.door.guestStart(id), abi.OK)
  }
  const isPreempted = (id: number): boolean => shmem(machine, id).preempted === 1
  machine.run({ until: () => isPreempted(0) && isPreempted(1) })
  assert.ok(isPreempted(0) && isPreempted(1), 'both spin, and wait while the host has the CPU')
  assert.ok(machine.run(), 'They did not come to their end')
  assert.not(isPreempted(0) || isPreempted(1))
})

test('a sequence that the guest has spoilt is even again', () => {
  const { machine } = run(
    [
      setShmem(SHMEM),
      { routine: 'store_byte', args: [SHMEM, 0xff] },
      { routine: 'store_byte', args: [SHMEM + 16, 0xff] },
      { routine: 'spin', args: [500_000] },
    ],
    { guests: 2 },
  )
  for (const id of [0, 1]) {
    assert.is(shmem(machine, id).sequence % 2, 0)
    assert.is(shmem(machine, id).preempted, 0)
  }
})

test('each hart has memory of its own', () => {
  const { machine } = run(
    [
      setShmem(SHMEM),
      { extension: HSM, function: 0, args: [1, addressOf(callsProgram(), 'secondary'), 0] },
      { routine: 'await' },
      { routine: 'spin', args: [2_000_000] },
    ],
    // A hart that waits for another looks at no clock, so one that is counted would not get on.
    { harts: 2, guests: 2, isCounted: false },
  )
  assert.ok(shmem(machine, 0).sequence > 0)
  assert.is(shmem(machine, 0, SHMEM + SHMEM_BYTES).sequence, 0)
})

test.run()
