// Hot code that changes under the translator's hands: every case of changes.c in both engines, alone and against each other.

import { fileURLToPath } from 'node:url'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NO_CODE } from '../../host-shim/code.ts'
import { Training } from '../../host-shim/training.ts'
import * as abi from '../../hypervisor/abi.ts'
import { assemble } from '../support/asm.ts'
import { requireTool } from '../support/tools.ts'
import { Machine, type MachineOptions } from '../vmm/machine.ts'

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const START = path('../../guests/programs/start.S')
const HEADER = path('../../guests/programs/machine.h')
const RAM_BASE = 0x8000_0000
const withAssembler = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

/** A clock by which the machine is so slow that its slices are as short as they can be: translating is done between two. */
const TICK_NS = 2e7
/** Nothing is ever written there; machines that look for words from their guests make shorter slices. */
const TOHOST = RAM_BASE + 0x70_0000
const SECTOR = 512
const ADDI_A0 = 0x0005_0513
const RET = 0x0000_8067

/** Names of the cases, by their numbers in changes.c. */
const CASES: [number, string][] = [
  [1, 'a store over a hot function is seen without fence.i, as the interpreter sees it'],
  [2, 'a store over a hot function is seen after fence.i'],
  [3, 'a hot loop overwrites instructions of its own body'],
  [4, 'a hot loop overwrites its next instruction in every round'],
  [5, 'another hart overwrites hot code'],
  [6, 'another page of code appears under a hot address, and the first one again'],
  [7, 'two address spaces have different code at the same hot address'],
  [8, 'a hot page may no longer be executed'],
  [9, 'a page that a hot loop writes may no longer be written'],
  [10, 'a page of hot code becomes data, and code again'],
  [11, 'a hot function counts in a word beside its own code'],
  [12, 'the second page of an instruction on two pages changes'],
  [13, 'a disk reads over hot code'],
  [14, 'what is hot in one privilege stays forbidden in another'],
]

/** Least share of translated instructions, where it is not two fifths: what is overwritten all the time had better stay as it is. */
const SHARES: Record<number, number> = { 4: 0.2, 9: 0.1, 11: 0.05 }

/** Cases in which a translation that was true must have been dropped. */
const INVALIDATING = [1, 2, 3, 4, 5, 10, 12, 13]

/** A disk whose sector n holds a function that adds n + 1. What the kernel asks for goes beside the rest of the machine's host. */
const withDisk: NonNullable<MachineOptions['code']> = (code, memory) => {
  const blockSubmit = (_disk: number, _operation: number, offset: bigint, _length: bigint, list: number) => {
    const [ptr] = new Uint32Array(memory.buffer, list, 2)
    const view = new DataView(memory.buffer, ptr as number, 8)
    view.setUint32(0, ADDI_A0 | ((Number(offset) / SECTOR + 1) << 20), true)
    view.setUint32(4, RET, true)
    return abi.BLOCK_DONE
  }
  const host = { ...code, blockSubmit }
  return host
}

/** Runs a case; with `training` it has that code, and can make none. Gives STAT_*. */
function run(number: number, translator: number, training?: Training, keep?: (module: Uint8Array) => void): number[] {
  const program = assemble({
    sources: [START, path('changes.c')],
    includes: [HEADER],
    define: { CASE: number },
  })
  const code: typeof withDisk = (own, memory) => withDisk(training === undefined ? own : NO_CODE, memory)
  const machine = new Machine({ tickNs: TICK_NS, code, keep })
  if (training !== undefined) assert.is(machine.equip(training), abi.OK)
  const id = machine.create({
    boot: abi.BOOT_FIRMWARE,
    ramBytes: 16 << 20,
    harts: number === 5 ? 2 : 1,
    disks: [{ disk: 0 }],
    translator,
    heat: 200,
    tohost: TOHOST,
  })
  assert.is(machine.load(id, abi.LOAD_PHYSICAL, readFileSync(program.flat), { at: RAM_BASE }), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
  assert.ok(machine.run({ timeoutMs: 60_000 }), 'The program does not come to its end')
  const { door } = machine
  const failed = `place ${door.guestStopCode(id)} of case ${number} in changes.c is wrong`
  assert.is(door.guestStopReason(id), abi.STOP_POWEROFF, failed)
  return machine.stats(id)
}

for (const [number, name] of CASES) {
  withAssembler(`${name}: both engines do the same`, () => {
    const interpreted = run(number, abi.TRANSLATOR_OFF)
    const translated = run(number, abi.TRANSLATOR_ON)
    const all = translated[abi.STAT_INSTRUCTIONS] as number
    // Two harts may wait for each other for more or fewer rounds, as slices happen to end.
    if (number !== 5 && number !== 13) assert.is(all, interpreted[abi.STAT_INSTRUCTIONS])
    const share = (translated[abi.STAT_TRANSLATED_INSTRUCTIONS] as number) / all
    assert.ok(share >= (SHARES[number] ?? 0.4), `only ${share} of it was translated`)
    const dropped = translated[abi.STAT_INVALIDATIONS] as number
    if (INVALIDATING.includes(number)) assert.ok(dropped > 0, 'no translation was dropped')
    run(number, abi.TRANSLATOR_VERIFY)
  })

  withAssembler(`${name}: code that was trained does the same`, () => {
    const interpreted = run(number, abi.TRANSLATOR_OFF)
    const training = new Training()
    run(number, abi.TRANSLATOR_TRAIN, undefined, (module) => training.add(module))
    const trained = run(number, abi.TRANSLATOR_ON, training)
    if (number !== 5 && number !== 13) assert.is(trained[abi.STAT_INSTRUCTIONS], interpreted[abi.STAT_INSTRUCTIONS])
    assert.ok((trained[abi.STAT_TRANSLATED_INSTRUCTIONS] as number) > 0, 'nothing of what was trained was used')
    assert.is(trained[abi.STAT_MODULES], 0)
  })
}

test.run()
