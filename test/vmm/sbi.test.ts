// The SBI as a kernel in S mode sees it: each test boots a small kernel that makes a list of calls and keeps the answers.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { addressOf, type Call, callsImage, callsProgram, KERNEL_BASE } from './image.ts'
import { Machine } from './machine.ts'

const BASE = 0x10
const TIME = 0x5449_4d45
const IPI = 0x73_5049
const RFENCE = 0x5246_4e43
const HSM = 0x48_534d
const SRST = 0x5352_5354
const DBCN = 0x4442_434e
const PMU = 0x50_4d55
const STA = 0x53_5441

const NOT_SUPPORTED = -2n
const INVALID_PARAM = -3n
const INVALID_ADDRESS = -5n
const ALREADY_AVAILABLE = -6n
const ALREADY_STARTED = -7n
const ALREADY_STOPPED = -8n

const RAM_END = 0x8000_0000 + (64 << 20)
const STIP = 0x20n
const SSIP = 2n

/** What a run of calls leaves. */
interface Outcome {
  machine: Machine
  /** error and value of each call; signed. */
  answers: [bigint, bigint][]
  reason: number
}

/** Boots the list of calls on a guest with so many harts and runs it to its end. */
function run(calls: Call[], options: { harts?: number; input?: string; tickNs?: number } = {}): Outcome {
  const machine = new Machine(options.tickNs === undefined ? {} : { tickNs: options.tickNs })
  const id = machine.create({ harts: options.harts ?? 1 })
  machine.input.set('0:0', [...Buffer.from(options.input ?? '')])
  assert.is(machine.load(id, abi.LOAD_KERNEL, callsImage(calls)), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
  assert.ok(machine.run(), 'The list of calls did not come to its end')
  const list = machine.ram(id, addressOf(callsProgram(), 'calls') + 8, 64 * calls.length)
  const answers = calls.map((_, i): [bigint, bigint] => [list.readBigInt64LE(64 * i), list.readBigInt64LE(64 * i + 8)])
  return { machine, answers, reason: machine.door.guestStopReason(id) }
}

const symbol = (name: string): number => addressOf(callsProgram(), name)

test('a kernel is entered in S mode with hart id and device tree', () => {
  const { answers, machine, reason } = run([{ routine: 'entered' }])
  const [[hart, tree]] = answers as [[bigint, bigint]]
  assert.is(hart, 0n)
  assert.is(machine.ram(0, Number(tree), 4).readUInt32BE(0), 0xd00dfeed)
  assert.is(reason, abi.STOP_POWEROFF)
})

test('the base extension tells version 2.0 and what there is', () => {
  const probes = [BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN, PMU, 0x53_5441, 0, 1, 2, 3, 8]
  const absent = [0x5355_5350, 0x4350_5043, 0x4657_4654, 4, 5, 6, 7, 9, 0x1234_5678]
  const { answers } = run([
    { extension: BASE, function: 0 },
    ...[...probes, ...absent].map((eid) => ({ extension: BASE, function: 3, args: [eid] })),
    { extension: BASE, function: 99 },
  ])
  assert.equal(answers[0], [0n, 2n << 24n])
  probes.forEach((eid, i) => assert.equal(answers[1 + i], [0n, 1n], eid.toString(16)))
  absent.forEach((eid, i) => assert.equal(answers[1 + probes.length + i], [0n, 0n], eid.toString(16)))
  assert.equal(answers.at(-1), [NOT_SUPPORTED, 0n])
})

test('an unknown extension or function is not supported', () => {
  const { answers } = run(
    [TIME, IPI, RFENCE, HSM, SRST, DBCN, PMU, STA, 0x1234_5678].map((extension) => ({ extension, function: 77 })),
  )
  for (const answer of answers) assert.equal(answer, [NOT_SUPPORTED, 0n])
})

test('the timer wakes a sleeping hart when it is due', () => {
  const { answers } = run([
    { routine: 'sleep', args: [STIP, 50_000] },
    { extension: TIME, args: [-1] },
    { routine: 'read_sip' },
  ])
  assert.is((answers[0] as [bigint, bigint])[0] & STIP, STIP)
  assert.ok((answers[0] as [bigint, bigint])[1] >= 0n, 'not before its time')
  assert.is((answers[2] as [bigint, bigint])[0] & STIP, 0n, 'a deadline that never comes takes the interrupt away')
})

test('an IPI to oneself is a pending software interrupt', () => {
  const { answers } = run([
    { extension: IPI, args: [1, 0] },
    { routine: 'read_sip' },
    { routine: 'clear_sip', args: [SSIP] },
  ])
  assert.equal(
    answers.map(([a0]) => a0),
    [0n, SSIP, 0n],
  )
})

test('a hart mask that names a hart the guest has not got is refused', () => {
  const masks: [number, number | bigint][] = [
    [2, 0],
    [1, 1],
    [1, 64],
    [-1, 0],
    [1, -2],
  ]
  const good: [number, number | bigint][] = [
    [1, 0],
    [0, 0],
    [0, 5],
    [77, -1],
  ]
  const { answers } = run([...masks, ...good].map(([mask, base]) => ({ extension: IPI, args: [mask, base] })))
  assert.equal(
    answers.map(([error]) => error),
    [...masks.map(() => INVALID_PARAM), ...good.map(() => 0n)],
  )
})

test('fences of other harts are answered, those for hypervisors are not supported', () => {
  const { answers } = run(
    [
      { extension: RFENCE, function: 0, args: [1, 0] },
      { extension: RFENCE, function: 1, args: [3, 0, 0, 4096] },
      { extension: RFENCE, function: 1, args: [0, -1, 0, 0] },
      { extension: RFENCE, function: 2, args: [1, 0, 0x1234, -1, 1] },
      { extension: RFENCE, function: 2, args: [1, 0, 0x1234, 1 << 20, 1] },
      { extension: RFENCE, function: 1, args: [4, 0, 0, 4096] },
      { extension: RFENCE, function: 3, args: [1, 0, 0, 0] },
    ],
    { harts: 2 },
  )
  assert.equal(
    answers.map(([error]) => error),
    [0n, 0n, 0n, 0n, 0n, INVALID_PARAM, NOT_SUPPORTED],
  )
})

test('a second hart is started with its id and its argument, and can be started again once it has stopped', () => {
  const start = { extension: HSM, function: 0, args: [1, symbol('secondary'), 0x1234] }
  const { answers } = run(
    [
      { extension: HSM, function: 2, args: [1] },
      start,
      { routine: 'await' },
      { routine: 'spin', args: [100_000] },
      { extension: HSM, function: 2, args: [1] },
      start,
      { routine: 'await' },
      { extension: HSM, function: 2, args: [0] },
    ],
    { harts: 2 },
  )
  assert.equal(answers[0], [0n, 1n], 'stopped')
  assert.equal(answers[1], [0n, 0n])
  assert.equal(answers[2], [1n, 0x1234n])
  assert.equal(answers[4], [0n, 1n])
  assert.equal(answers[6], [1n, 0x1234n])
  assert.equal(answers[7], [0n, 0n], 'started')
})

test('hart states are refused where they make no sense', () => {
  const { answers } = run(
    [
      { extension: HSM, function: 0, args: [2, KERNEL_BASE, 0] },
      { extension: HSM, function: 0, args: [0, KERNEL_BASE, 0] },
      { extension: HSM, function: 0, args: [1, 0x1000, 0] },
      { extension: HSM, function: 0, args: [1, RAM_END, 0] },
      { extension: HSM, function: 2, args: [2] },
      { extension: HSM, function: 3, args: [0x8000_0000, KERNEL_BASE, 0] },
      { extension: HSM, function: 3, args: [7, KERNEL_BASE, 0] },
    ],
    { harts: 2 },
  )
  const expected = [
    INVALID_PARAM,
    ALREADY_AVAILABLE,
    INVALID_ADDRESS,
    INVALID_ADDRESS,
    INVALID_PARAM,
    NOT_SUPPORTED,
    INVALID_PARAM,
  ]
  assert.equal(
    answers.map(([error]) => error),
    expected,
  )
})

test('an IPI wakes another hart from its sleep', () => {
  const { answers } = run(
    [
      { extension: HSM, function: 0, args: [1, symbol('sleeper'), 0] },
      { routine: 'spin', args: [100_000] },
      { extension: IPI, args: [1, 1] },
      { routine: 'await' },
    ],
    { harts: 2 },
  )
  assert.is((answers[3] as [bigint, bigint])[0] & SSIP, SSIP)
})

test('system reset ends the run and says how', () => {
  const ends: [bigint[], number, number][] = [
    [[0n, 0n], abi.STOP_POWEROFF, 0],
    [[0n, 1n], abi.STOP_PANIC, 0],
    [[1n, 0n], abi.STOP_POWEROFF, 1],
    [[2n, 0n], abi.STOP_POWEROFF, 2],
  ]
  for (const [args, reason, code] of ends) {
    const outcome = run([
      { extension: SRST, args },
      { extension: DBCN, function: 2, args: [0x21] },
    ])
    assert.is(outcome.reason, reason)
    assert.is(outcome.machine.door.guestStopCode(0), code)
    assert.is(outcome.machine.said(0), '', 'nothing runs after it')
  }
  assert.is((run([{ extension: SRST, args: [3, 0] }]).answers[0] as [bigint, bigint])[0], INVALID_PARAM)
  assert.is((run([{ extension: SRST, args: [0, 2] }]).answers[0] as [bigint, bigint])[0], INVALID_PARAM)
})

test('the debug console writes and reads guest RAM', () => {
  const at = KERNEL_BASE + (1 << 20)
  const { answers, machine } = run(
    [
      { extension: DBCN, function: 1, args: [100, at - 3, 0] },
      { extension: DBCN, function: 0, args: [11, at - 3, 0] },
      { extension: DBCN, function: 2, args: [0x21] },
      { extension: DBCN, function: 1, args: [100, at, 0] },
      { extension: DBCN, function: 0, args: [0, at, 0] },
    ],
    { input: 'hello there' },
  )
  assert.equal(answers, [
    [0n, 11n],
    [0n, 11n],
    [0n, 0n],
    [0n, 0n],
    [0n, 0n],
  ])
  assert.is(machine.said(0), 'hello there!')
})

test('what the UART was given comes before what the debug console is given', () => {
  const put = (letter: string) => ({ routine: 'store_byte', args: [0x1000_0000, letter.charCodeAt(0)] })
  const { machine } = run([
    put('a'),
    { extension: DBCN, function: 2, args: [0x62] },
    put('c'),
    { extension: 1, args: [0x64] },
    put('e'),
  ])
  assert.is(machine.said(0), 'abcde')
})

test('the debug console refuses what is not RAM', () => {
  const ranges: (number | bigint)[][] = [
    [1, 0x1000_0000, 0],
    [1, RAM_END, 0],
    [2, RAM_END - 1, 0],
    [-1, KERNEL_BASE, 0],
    [1, KERNEL_BASE, 1],
    [1, -1, 0],
  ]
  const { answers, machine } = run(
    ranges.flatMap((args) => [0, 1].map((fid) => ({ extension: DBCN, function: fid, args }))),
  )
  for (const [error] of answers) assert.is(error, INVALID_PARAM)
  assert.is(machine.said(0), '')
})

test('the counters of the PMU are cycle and instret', () => {
  const { answers } = run([
    { extension: PMU, function: 0 },
    { extension: PMU, function: 1, args: [0] },
    { extension: PMU, function: 1, args: [1] },
    { extension: PMU, function: 1, args: [2] },
    { extension: PMU, function: 2, args: [0, 3, 0, 1, 0] },
    { extension: PMU, function: 2, args: [0, 3, 0, 2, 0] },
    { extension: PMU, function: 2, args: [0, 3, 0, 3, 0] },
    { extension: PMU, function: 2, args: [0, 1, 0, 2, 0] },
    { extension: PMU, function: 2, args: [2, 1, 0, 1, 0] },
    { extension: PMU, function: 2, args: [0, 7, 0, 1, 0] },
  ])
  assert.equal(answers, [
    [0n, 2n],
    [0n, (63n << 12n) | 0xc00n],
    [0n, (63n << 12n) | 0xc02n],
    [INVALID_PARAM, 0n],
    [0n, 0n],
    [0n, 1n],
    [NOT_SUPPORTED, 0n],
    [NOT_SUPPORTED, 0n],
    [INVALID_PARAM, 0n],
    [INVALID_PARAM, 0n],
  ])
})

test('a counter starts at the value asked for and knows whether it runs', () => {
  const start = { extension: PMU, function: 3, args: [0, 2, 1, 1_000_000] }
  const stop = { extension: PMU, function: 4, args: [0, 2, 0] }
  const { answers } = run([
    start,
    { extension: PMU, function: 2, args: [0, 3, 0, 2, 0] },
    start,
    { routine: 'counters' },
    start,
    stop,
    stop,
    { extension: PMU, function: 4, args: [0, 2, 1] },
    start,
  ])
  assert.equal(
    answers.filter((_, i) => i !== 3).map(([error]) => error),
    [INVALID_PARAM, 0n, 0n, ALREADY_STARTED, 0n, ALREADY_STOPPED, ALREADY_STOPPED, INVALID_PARAM],
  )
  const instret = (answers[3] as [bigint, bigint])[1]
  assert.ok(instret >= 1_000_000n && instret < 1_000_100n, String(instret))
})

test('the legacy calls answer in a0 alone', () => {
  const { answers, machine } = run(
    [
      { extension: 1, args: [0x41, 0x55] },
      { extension: 2, args: [0, 0x55] },
      { extension: 2, args: [0, 0x55] },
      { extension: IPI, args: [1, 0] },
      { extension: 3, args: [0, 0x55] },
      { extension: 3, args: [0, 0x55] },
      { extension: 4, args: [0, 0x55] },
    ],
    { input: 'z' },
  )
  assert.equal(answers, [
    [0n, 0x55n],
    [0x7an, 0x55n],
    [-1n, 0x55n],
    [0n, 0n],
    [1n, 0x55n],
    [0n, 0x55n],
    [NOT_SUPPORTED, 0x55n],
  ])
  assert.is(machine.said(0), 'A')
})

test('every call is counted, and every ns is billed', () => {
  // A counted clock, which begins with the machine: no time is anybody's but the machine's.
  const calls = [
    { routine: 'spin', args: [1_000_000] },
    { routine: 'sleep', args: [STIP, 1_000_000] },
  ]
  const { machine } = run(calls, { tickNs: 1000 })
  const wallNs = machine.now()
  const stats = machine.stats(0)
  const [guestNs, deviceNs, kernelNs, idleNs] = [
    abi.STAT_GUEST_NS,
    abi.STAT_DEVICE_NS,
    abi.STAT_KERNEL_NS,
    abi.STAT_IDLE_NS,
  ].map((i) => stats[i] as number)
  const sum = guestNs + deviceNs + kernelNs + idleNs
  assert.is(stats[abi.STAT_SBI_CALLS], 2)
  assert.ok(guestNs >= 80e6, `spinning 100 ms: ${guestNs}`)
  assert.ok(idleNs >= 90e6, `sleeping 100 ms: ${idleNs}`)
  assert.ok(sum > 180e6 && sum <= wallNs, `${sum} of ${wallNs}`)
})

test.run()
