// What the kernel writes about a divergence is read as it was meant, and shown so that one sees what went wrong.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { divergenceAsText, reportDivergence } from '../../cli/divergence.ts'
import { readDivergence } from '../../host-shim/divergence.ts'
import * as abi from '../../hypervisor/abi.ts'

const PC = 0xffff_ffff_8000_1000n
// addi x10,x10,1; c.addi x11,2; c.ret
const CODE = Uint8Array.of(0x13, 0x05, 0x15, 0x00, 0x89, 0x05, 0x82, 0x80)
const WORDS = 68

/** A window with harts that count from `seed` on, and `changes` (number of the word, value) in the last one. */
function windowWith(kind: number, changes: [number, bigint][] = []): Uint8Array {
  const window = new Uint8Array(new SharedArrayBuffer(abi.WINDOW_SIZE)).fill(0xaa)
  const view = new DataView(window.buffer)
  const u64 = (at: number, value: bigint) => view.setBigUint64(at, value, true)
  u64(abi.DIVERGENCE_PC, PC)
  u64(abi.DIVERGENCE_INSTRUCTIONS, 2n)
  view.setUint32(abi.DIVERGENCE_CODE_BYTES, CODE.length, true)
  view.setUint32(abi.DIVERGENCE_KIND, kind, true)
  u64(abi.DIVERGENCE_ADDRESS, 0x1008n)
  u64(abi.DIVERGENCE_EXPECTED, 0x11n)
  u64(abi.DIVERGENCE_FOUND, 0x12n)
  for (let word = 0; word < WORDS; word++) {
    u64(abi.DIVERGENCE_BEFORE + 8 * word, BigInt(word))
    u64(abi.DIVERGENCE_INTERPRETED + 8 * word, BigInt(word + 1000))
    u64(abi.DIVERGENCE_TRANSLATED + 8 * word, BigInt(word + 1000))
  }
  u64(abi.DIVERGENCE_BEFORE + 512, PC)
  u64(abi.DIVERGENCE_INTERPRETED + 512, PC + 6n)
  u64(abi.DIVERGENCE_TRANSLATED + 512, PC + 6n)
  for (const [word, value] of changes) u64(abi.DIVERGENCE_TRANSLATED + 8 * word, value)
  window.set(CODE, abi.DIVERGENCE_CODE)
  return window
}

test('every word of a divergence is where abi.ts says', () => {
  const found = readDivergence(windowWith(1, [[66, 7n]]))
  assert.is(found.pc, PC)
  assert.is(found.instructions, 2)
  assert.equal(found.memory, { address: 0x1008n, expected: 0x11n, found: 0x12n })
  assert.equal([...found.code], [...CODE])
  assert.is(found.before.integers[31], 31n)
  assert.is(found.before.floats[0], 32n)
  assert.is(found.interpreted.floats[31], 1063n)
  assert.is(found.interpreted.pc, PC + 6n)
  assert.is(found.interpreted.privilege, 1065n)
  assert.is(found.translated.fcsr, 7n)
  assert.is(found.translated.retired, 1067n)
})

test('what is read stays when the window is used again, and survives a message to another thread', () => {
  const window = windowWith(0)
  const found = readDivergence(window)
  window.fill(0)
  assert.equal([...found.code], [...CODE])
  assert.equal(structuredClone(found), found)
})

test('the report shows the registers that differ, and the program counter', () => {
  const window = windowWith(0, [
    [10, 5n],
    [35, 6n],
    [67, 1n],
  ])
  const report = reportDivergence(readDivergence(window))
  assert.equal(
    report.registers.map(({ name }) => name),
    ['pc', 'x10 a0', 'f3 ft3', 'retired'],
  )
  assert.equal(report.registers[1], { name: 'x10 a0', before: '0xa', interpreter: '0x3f2', translated: '0x5' })
  assert.is(report.memory, null)
  assert.equal(JSON.parse(JSON.stringify(report)), report)
})

test('the text has both states, the place in memory, and the code with both ends marked', () => {
  const text = divergenceAsText(reportDivergence(readDivergence(windowWith(1, [[64, PC]]))))
  assert.is(
    text,
    `Both began at 0xffffffff80001000; translated code says that it has done 2 instructions.
Memory differs from 0x1008 on: 0x11 after the interpreter, 0x12 after the other.

                    before              interpreter         translated
pc                  0xffffffff80001000  0xffffffff80001006  0xffffffff80001000

0xffffffff80001000  addi x10,x10,1  <- translated
0xffffffff80001004  c.addi x11,2
0xffffffff80001006  c.jr x1  <- interpreter
`,
  )
})

test('of a long page the first instructions are shown, and on to where an engine ended', () => {
  const found = readDivergence(windowWith(0))
  const long = { ...found, code: new Uint8Array(4096).fill(0x01) }
  assert.is(reportDivergence(long).code.length, 64)
  const further = { ...long, translated: { ...found.translated, pc: PC + 200n } }
  assert.is(reportDivergence(further).code.length, 101)
})

test('zeroes behind the code are not shown as instructions', () => {
  const found = readDivergence(windowWith(0))
  const code = new Uint8Array(4096)
  code.set(CODE)
  assert.is(reportDivergence({ ...found, code }).code.length, 3)
})

test.run()
