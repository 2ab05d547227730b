// Whether the host takes translated code changes nothing but speed, and where it spoils the code, verifying finds out.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import initWabt from 'wabt'
import { NO_CODE } from '../../host-shim/code.ts'
import { readDivergence } from '../../host-shim/divergence.ts'
import * as abi from '../../hypervisor/abi.ts'
import { assemble } from '../support/asm.ts'
import { addressOf } from './image.ts'
import { Machine, type MachineOptions, type Spec } from './machine.ts'

const wabt = await initWabt()
const FEATURES = { threads: true, simd: true, relaxed_simd: true }

const ROUNDS = 2000
/** A clock that goes on when it is read: laps are short, and when what is hot gets translated is the same each time. */
const TICK_NS = 1_000_000
const RAM_BASE = 0x8000_0000

type Between = NonNullable<MachineOptions['code']>

/** A machine in which the guest of hot.S has come to its end. */
function runHot(code?: Between, spec: Spec = {}) {
  const source = fileURLToPath(new URL('hot.S', import.meta.url))
  const program = assemble({ sources: [source], define: { ROUNDS } })
  const image = readFileSync(program.flat)
  const machine = new Machine({ ...(code !== undefined && { code }) })
  const id = machine.create({ boot: abi.BOOT_FIRMWARE, tohost: addressOf(program, 'tohost'), heat: 1, ...spec })
  assert.is(machine.load(id, abi.LOAD_PHYSICAL, image, { at: RAM_BASE }), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
  assert.ok(machine.run({ timeoutMs: 30_000 }), 'The program did not come to its end')
  const stats = machine.stats(id)
  const bytes = image.subarray(0, addressOf(program, 'end') - RAM_BASE)
  const sum = machine.ram(id, addressOf(program, 'sum'), 8).readBigUInt64LE()
  return { machine, id, stats, sum, bytes, reason: machine.door.guestStopReason(id) }
}

/** What hot.S must leave behind. */
function hashOf(bytes: Uint8Array): bigint {
  let sum = 0n
  for (let round = 0; round < ROUNDS; round++) {
    for (const byte of bytes) sum = BigInt.asUintN(64, sum * 1000003n) ^ BigInt(byte)
  }
  return sum
}

for (const [title, code] of [
  ['where the host takes no code, the interpreter does all', () => NO_CODE],
  [
    'a host that has no room for code now is asked again or left alone',
    () => ({ ...NO_CODE, codeInstall: () => abi.E_NO_MEMORY }),
  ],
] as const) {
  test(title, () => {
    const { sum, bytes, stats, reason } = runHot(code)
    assert.is(reason, abi.STOP_POWEROFF)
    assert.is(sum, hashOf(bytes))
    assert.is(stats[abi.STAT_TRANSLATED_INSTRUCTIONS], 0)
    assert.is(stats[abi.STAT_REGION_ENTRIES], 0)
    assert.is(stats[abi.STAT_CODE_BYTES], 0)
  })
}

for (const translator of [abi.TRANSLATOR_ON, abi.TRANSLATOR_VERIFY]) {
  const name = translator === abi.TRANSLATOR_ON ? 'translated' : 'translated and verified'
  test(`a hot program comes to the same end after the same number of instructions when it is ${name}`, () => {
    const { sum, bytes, stats, reason } = runHot(undefined, { translator })
    assert.is(reason, abi.STOP_POWEROFF)
    assert.is(sum, hashOf(bytes))
    assert.ok(stats[abi.STAT_TRANSLATED_INSTRUCTIONS]! > 0)
    assert.is(stats[abi.STAT_INSTRUCTIONS], runHot(() => NO_CODE).stats[abi.STAT_INSTRUCTIONS])
  })
}

/** A host that makes a sum of every product in the code that it is given. */
const miscompile: Between = (code, memory) => ({
  ...code,
  codeInstall(ptr, length, slot, count) {
    const bytes = new Uint8Array(memory.buffer, ptr >>> 0, length)
    const module = wabt.readWasm(bytes.slice(), { ...FEATURES, readDebugNames: false })
    const text = module.toText({}).replaceAll('i64.mul', 'i64.add')
    const wrong = wabt.parseWat('code.wat', text, FEATURES).toBinary({}).buffer
    assert.ok(wrong.length <= length)
    bytes.set(wrong)
    return code.codeInstall(ptr, wrong.length, slot, count)
  },
})

test('a host that miscompiles goes unnoticed, unless both engines do the work', () => {
  const trusted = runHot(miscompile)
  assert.is(trusted.reason, abi.STOP_POWEROFF)
  assert.is.not(trusted.sum, hashOf(trusted.bytes))

  const { machine, id, reason } = runHot(miscompile, { translator: abi.TRANSLATOR_VERIFY })
  assert.is(reason, abi.STOP_DIVERGED)
  assert.is(machine.door.divergence(id), abi.OK)
  const { pc, code, instructions, before, interpreted, translated } = readDivergence(machine.window)
  assert.is(before.pc, pc)
  assert.ok(instructions > 0)
  assert.is.not(interpreted.integers[10], translated.integers[10])
  const at = Number(pc)
  assert.equal(Buffer.from(code.subarray(0, 8)), machine.ram(id, at, 8))
})

for (const translator of [abi.TRANSLATOR_OFF, abi.TRANSLATOR_ON, abi.TRANSLATOR_VERIFY]) {
  test(`code that is dropped to make room for other code runs as before (translator ${translator})`, () => {
    // A page's loop goes on for as long as it takes to be found hot and translated: later rounds find the page dropped.
    const [pages, rounds, loops] = [600, 4, 1000]
    const source = fileURLToPath(new URL('wide.S', import.meta.url))
    const program = assemble({ sources: [source], define: { PAGES: pages, ROUNDS: rounds, LOOPS: loops } })
    const machine = new Machine({ codeBytes: 8 << 20, tickNs: TICK_NS })
    const spec = { boot: abi.BOOT_FIRMWARE, tohost: addressOf(program, 'tohost'), heat: 200, translator }
    const id = machine.create(spec)
    assert.is(machine.load(id, abi.LOAD_PHYSICAL, readFileSync(program.flat), { at: RAM_BASE }), abi.OK)
    assert.is(machine.door.guestStart(id), abi.OK)
    assert.ok(machine.run({ timeoutMs: 60_000 }), 'The program did not come to its end')
    assert.is(machine.door.guestStopReason(id), abi.STOP_POWEROFF)
    const sum = machine.ram(id, addressOf(program, 'sum'), 8).readBigUInt64LE()
    assert.is(sum, BigInt(rounds * loops * ((pages * (pages + 1)) / 2)))
    const stats = machine.stats(id)
    assert.ok(stats[abi.STAT_CODE_PAGES]! < 400, `${stats[abi.STAT_CODE_PAGES]} pages of ${pages}`)
    if (translator === abi.TRANSLATOR_OFF) return
    assert.ok(stats[abi.STAT_TRANSLATED_INSTRUCTIONS]! > stats[abi.STAT_INSTRUCTIONS]! / 2, 'Little was translated')
    assert.ok(stats[abi.STAT_INVALIDATIONS]! > pages, 'Translations outlived their pages')
  })
}

test('a guest without a translator offers the host no code', () => {
  const offered: number[] = []
  const watch: Between = (code) => ({
    ...code,
    codeInstall(ptr, length, slot, count) {
      offered.push(length)
      return code.codeInstall(ptr, length, slot, count)
    },
  })
  const { sum, bytes } = runHot(watch, { translator: abi.TRANSLATOR_OFF })
  assert.is(sum, hashOf(bytes))
  assert.equal(offered, [])
})

test.run()
