// Guests that want more memory than the machine has: they wait for each other as long as there is hope, and no longer.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../../hypervisor/abi.ts'
import { assemble } from '../../support/asm.ts'
import { addressOf } from '../image.ts'
import { Machine } from '../machine.ts'

const MIB = 1 << 20
const PAGE = 4096
/** The machine has room for one guest and a half. */
const FRAMES_BYTES = 24 * MIB
const RAM_BYTES = 16 * MIB
/** Where the programs write: behind themselves. */
const FIRST = abi.GUEST_RAM_BASE + MIB
const ALL = (RAM_BYTES - MIB) / PAGE
const HALF = ALL / 2
/** Two guests can have so many each, and none can have all then. */
const GATE = (11 * MIB) / PAGE

const SECOND_NS = 1e9

interface Filling {
  /** Pages that it writes. */
  pages?: number
  /** It then waits for ever. */
  stays?: boolean
  /** It has a second hart that runs in a circle. */
  spins?: boolean
  /** Page behind which it waits until somebody types. */
  gate?: number
}

/** A machine whose frames are FRAMES_BYTES: what lies below them is found out first. */
function makeMachine(): Machine {
  const frames = new Machine({ memoryBytes: abi.MACHINE_BYTES }).machineStats()[abi.MACHINE_STAT_FRAMES] as number
  const machine = new Machine({ memoryBytes: abi.MACHINE_BYTES - frames * PAGE + FRAMES_BYTES })
  assert.is(machine.machineStats()[abi.MACHINE_STAT_FRAMES], FRAMES_BYTES / PAGE)
  return machine
}

/** Differs from guest to guest, so that they can't share what they write. */
let salt = 0

/** A guest that has been started. */
function begin(machine: Machine, { pages = ALL, stays = false, spins = false, gate = 0 }: Filling = {}): number {
  const source = fileURLToPath(new URL('fill.S', import.meta.url))
  const define = { FIRST, PAGES: pages, STAYS: Number(stays), SPINS: Number(spins), SALT: 10_000 * ++salt, GATE: gate }
  const program = assemble({ sources: [source], define })
  const harts = spins ? 2 : 1
  const tohost = addressOf(program, 'tohost')
  const id = machine.create({ boot: abi.BOOT_FIRMWARE, harts, tohost, ramBytes: RAM_BYTES })
  assert.is(machine.load(id, abi.LOAD_PHYSICAL, readFileSync(program.flat), { at: abi.GUEST_RAM_BASE }), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
  return id
}

function isStarved(machine: Machine, id: number): boolean {
  return machine.stats(id)[abi.STAT_STARVED] === 1
}

function isRunning(machine: Machine, id: number): boolean {
  return machine.door.guestState(id) === abi.GUEST_RUNNING
}

/** Lets so many seconds pass on the machine's clock. */
function pass(machine: Machine, seconds: number): void {
  const end = machine.now() + seconds * SECOND_NS
  assert.ok(machine.run({ until: () => machine.now() >= end, timeoutMs: 120_000 }))
}

/** Runs until the guest has come to its end; why. */
function reasonOf(machine: Machine, id: number): number {
  const until = () => !isRunning(machine, id)
  assert.ok(machine.run({ until, timeoutMs: 120_000 }), `Guest ${id} did not come to its end`)
  return machine.door.guestStopReason(id)
}

/** Two guests of which each has a part of its pages, wants the rest, and gets none. */
function beginStarved(machine: Machine, options: Filling = {}): [number, number] {
  const ids: [number, number] = [begin(machine, { ...options, gate: GATE }), begin(machine, { ...options, gate: GATE })]
  const frames = (id: number) => machine.stats(id)[abi.STAT_FRAMES] as number
  const areWaiting = () => ids.every((id) => frames(id) > GATE)
  assert.ok(machine.run({ until: areWaiting, timeoutMs: 120_000 }), `They have ${ids.map(frames)} pages`)
  for (const id of ids) machine.input.set(`${id}:0`, [10])
  const areStarved = () => ids.every((id) => isStarved(machine, id))
  assert.ok(machine.run({ until: areStarved, timeoutMs: 120_000 }), 'They do not starve each other')
  return ids
}

test('of guests that starve each other the one with the least weight is stopped for it, and the other goes on', () => {
  for (const favoured of [0, 1] as const) {
    const machine = makeMachine()
    const ids = beginStarved(machine)
    assert.is(machine.door.guestSet(ids[favoured], abi.SET_WEIGHT, 1024), abi.OK)
    const other = ids[1 - favoured] as number
    const start = machine.now()
    assert.is(reasonOf(machine, other), abi.STOP_NO_MEMORY)
    assert.ok(machine.now() - start > 4 * SECOND_NS, 'not at the first sign')
    pass(machine, 20)
    assert.ok(isRunning(machine, ids[favoured]), 'the other one is not removed yet, and waited for')
    assert.is(machine.door.guestRemove(other), abi.OK)
    assert.is(reasonOf(machine, ids[favoured]), abi.STOP_POWEROFF)
    assert.is(machine.door.guestStopCode(ids[favoured]), 0, 'what it wrote is there')
  }
})

test('a guest below its guarantee is not the one that is stopped', () => {
  const machine = makeMachine()
  const good = begin(machine)
  assert.is(machine.door.guestSet(good, abi.SET_GUARANTEE, RAM_BYTES), abi.OK)
  const bad = begin(machine)
  assert.is(reasonOf(machine, good), abi.STOP_POWEROFF)
  assert.is(machine.door.guestStopCode(good), 0)
  assert.is(machine.door.guestRemove(good), abi.OK)
  assert.is(reasonOf(machine, bad), abi.STOP_POWEROFF)
})

test('a starved guest waits for as long as another runs that is not, and goes on when that one is removed', () => {
  const machine = makeMachine()
  const idle = begin(machine, { stays: true })
  pass(machine, 1)
  const waiting = begin(machine)
  pass(machine, 200)
  assert.ok(isRunning(machine, waiting) && isStarved(machine, waiting) && !isStarved(machine, idle))
  assert.is(machine.door.guestStop(idle), abi.OK)
  pass(machine, 20)
  assert.ok(isRunning(machine, waiting), 'the host has not removed the other yet')
  assert.is(machine.door.guestRemove(idle), abi.OK)
  assert.is(reasonOf(machine, waiting), abi.STOP_POWEROFF)
  assert.is(machine.door.guestStopCode(waiting), 0)
})

test('a starved guest waits for one that is paused', () => {
  const machine = makeMachine()
  const paused = begin(machine, { stays: true })
  pass(machine, 1)
  assert.is(machine.door.guestPause(paused), abi.OK)
  const waiting = begin(machine)
  pass(machine, 200)
  assert.ok(isRunning(machine, waiting) && isStarved(machine, waiting))
  assert.is(machine.door.guestStop(paused), abi.OK)
  assert.is(machine.door.guestRemove(paused), abi.OK)
  assert.is(reasonOf(machine, waiting), abi.STOP_POWEROFF)
})

test('guests whose other harts run while one waits have a minute, and no more', () => {
  const machine = makeMachine()
  const ids = beginStarved(machine, { spins: true })
  const start = machine.now()
  // Nothing is idle here, so time is let pass: at each look it is a little later.
  const until = () => {
    machine.skippedNs += 0.1 * SECOND_NS
    return ids.some((id) => !isRunning(machine, id))
  }
  assert.ok(machine.run({ until, timeoutMs: 120_000 }), 'Nobody has to go')
  assert.ok(machine.now() - start > 20 * SECOND_NS, 'It was too short')
  const [gone] = ids.filter((id) => !isRunning(machine, id))
  assert.is(machine.door.guestStopReason(gone as number), abi.STOP_NO_MEMORY)
})

test('a guest that would fit the machine never is stopped for want of memory when it is alone', () => {
  const machine = makeMachine()
  const id = begin(machine, { pages: HALF })
  assert.is(reasonOf(machine, id), abi.STOP_POWEROFF)
  const most = (machine.machineStats()[abi.MACHINE_STAT_FRAMES] as number) * PAGE
  assert.is(machine.create({ ramBytes: most }), abi.E_NO_MEMORY, 'its map needs frames, too')
})

test.run()
