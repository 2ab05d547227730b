// Limits of a running guest through the door: what firmware's console calls do under one, and what the report tells.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { type Call, callsImage, KERNEL_BASE } from './image.ts'
import { Machine } from './machine.ts'

const DBCN = 0x4442434e
const LEGACY_PUTCHAR = 1
/** What each look at the counted clock costs. */
const TICK_NS = 10_000
const TEXT = 'All that a guest says arrives, in its order, however slow the line may be. '

/** A guest that works through these calls on a machine whose clock is a counter. */
function define(calls: Call[]): { machine: Machine; id: number } {
  const machine = new Machine({ tickNs: TICK_NS })
  const id = machine.create({})
  assert.is(machine.load(id, abi.LOAD_KERNEL, callsImage(calls)), abi.OK)
  return { machine, id }
}

/** Runs the guest to its end under a limit of its consoles; the seconds it took. */
function runLimited(machine: Machine, id: number, bytesPerSecond: number): number {
  assert.is(machine.door.guestSet(id, abi.SET_CONSOLE_BYTES, bytesPerSecond), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
  const begin = machine.now()
  assert.ok(machine.run({ timeoutMs: 60_000 }), 'the guest does not come to its end')
  return (machine.now() - begin) / 1e9
}

const letters = [...TEXT].map((letter) => letter.charCodeAt(0))

for (const [name, call] of [
  ['legacy putchar', (letter: number) => ({ extension: LEGACY_PUTCHAR, args: [letter] })],
  ['the debug console, byte by byte,', (letter: number) => ({ extension: DBCN, function: 2, args: [letter] })],
] as const) {
  test(`${name} waits where a limit says so, and loses nothing`, () => {
    const { machine, id } = define(letters.map(call))
    const seconds = runLimited(machine, id, 1000)
    assert.is(machine.said(id), TEXT)
    // A burst of 100 bytes goes at once: all of this.
    assert.ok(seconds < 0.01, `${seconds} s`)
    const other = define(Array.from({ length: 8 }, () => letters.map(call)).flat())
    const longer = runLimited(other.machine, other.id, 1000)
    assert.is(other.machine.said(other.id), TEXT.repeat(8))
    const expected = (8 * TEXT.length - 100) / 1000
    assert.ok(Math.abs(longer - expected) < expected * 0.02, `${longer} s instead of ${expected} s`)
    assert.is(other.machine.stats(other.id)[abi.STAT_CONSOLE_WRITTEN_BYTES], 8 * TEXT.length)
    const throttled = other.machine.stats(other.id)[abi.STAT_THROTTLED_NS] as number
    assert.ok(throttled > expected * 0.9e9 && throttled < longer * 1e9, `${throttled} ns`)
  })
}

test('the debug console tells how many bytes had room under a limit', () => {
  const at = KERNEL_BASE + (1 << 20)
  const { machine, id } = define([
    { extension: DBCN, function: 0, args: [5000, at, 0] },
    { extension: DBCN, function: 0, args: [5000, at, 0] },
    { routine: 'spin', args: [10_000_000 / 10] },
    { extension: DBCN, function: 0, args: [5000, at, 0] },
  ])
  machine.door.guestSet(id, abi.SET_CONSOLE_BYTES, 10_000)
  machine.door.guestSet(id, abi.SET_CONSOLE_BURST_BYTES, 2000)
  machine.door.guestStart(id)
  assert.ok(machine.run())
  const written = machine.said(id).length
  // 2000 at once, 1000 in the tenth of a second, and what the calls themselves took.
  assert.ok(written >= 3000 && written < 3100, `${written} bytes`)
})

test('a limit that is set while a guest waits for it is in force at once', () => {
  const { machine, id } = define(
    Array.from({ length: 8 }, () => letters)
      .flat()
      .map((letter) => ({ extension: LEGACY_PUTCHAR, args: [letter] })),
  )
  assert.is(machine.door.guestSet(id, abi.SET_CONSOLE_BYTES, 1), abi.OK)
  machine.door.guestStart(id)
  const end = machine.now() + 3e9
  assert.ok(machine.run({ until: () => machine.now() > end, timeoutMs: 60_000 }))
  const said = machine.said(id).length
  assert.ok(said >= 19 && said <= 21, `${said} bytes: 16 at once, one that goes into debt, then one a second`)
  assert.is(machine.door.guestSet(id, abi.SET_CONSOLE_BYTES, 0), abi.OK)
  const begin = machine.now()
  assert.ok(machine.run())
  assert.is(machine.said(id), TEXT.repeat(8))
  assert.ok(machine.now() - begin < 1e8)
})

test('limits that are none are refused', () => {
  const { machine, id } = define([])
  const set = machine.door.guestSet
  for (const value of [Number.NaN, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    assert.is(set(id, abi.SET_BLOCK_BYTES, value), abi.E_BAD_ARG)
  assert.is(set(id, 99, 1), abi.E_BAD_ARG)
  assert.is(set(id + 1, abi.SET_BLOCK_BYTES, 1), abi.E_BAD_ID)
  assert.is(set(id, abi.SET_BLOCK_BYTES, 1e15), abi.OK)
})

test.run()
