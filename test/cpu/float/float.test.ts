/**
 * Every function of cpu/float gives the value and the flags that real RISC-V instructions give under QEMU.
 * ORLOP_FLOAT_CASES sets how many random cases each family gets (200000), ORLOP_FLOAT_SEED repeats a run.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CASE_BYTES, CASE_WORDS, directedCases, type Family } from './cases.js'
import { Drawer, Random } from './drawer.js'
import { compileRoom, oracleSide, roomSide } from './oracle.js'
import { Operation as Op } from './operation.js'

const RANDOM_CASES = Number(process.env.ORLOP_FLOAT_CASES ?? 200_000)
const SEED = Number(process.env.ORLOP_FLOAT_SEED ?? Date.now() % 0x1_0000_0000) >>> 0
const BATCH = 1 << 18

const FAMILIES: Family[] = [
  {
    title: 'adds and subtracts doubles',
    operations: [Op.F64_ADD, Op.F64_SUB],
    kind: 'd',
    operands: 2,
    relation: 'sum',
    rounds: true,
  },
  {
    title: 'adds and subtracts singles',
    operations: [Op.F32_ADD, Op.F32_SUB],
    kind: 's',
    operands: 2,
    relation: 'sum',
    rounds: true,
  },
  { title: 'multiplies doubles', operations: [Op.F64_MUL], kind: 'd', operands: 2, relation: 'product', rounds: true },
  { title: 'multiplies singles', operations: [Op.F32_MUL], kind: 's', operands: 2, relation: 'product', rounds: true },
  { title: 'divides doubles', operations: [Op.F64_DIV], kind: 'd', operands: 2, relation: 'quotient', rounds: true },
  { title: 'divides singles', operations: [Op.F32_DIV], kind: 's', operands: 2, relation: 'quotient', rounds: true },
  {
    title: 'takes the square root of doubles',
    operations: [Op.F64_SQRT],
    kind: 'd',
    operands: 1,
    relation: 'root',
    rounds: true,
  },
  {
    title: 'takes the square root of singles',
    operations: [Op.F32_SQRT],
    kind: 's',
    operands: 1,
    relation: 'root',
    rounds: true,
  },
  {
    title: 'multiplies and adds doubles with one rounding',
    operations: [Op.F64_MULADD],
    kind: 'd',
    operands: 3,
    relation: 'fused',
    rounds: true,
  },
  {
    title: 'multiplies and adds singles with one rounding',
    operations: [Op.F32_MULADD],
    kind: 's',
    operands: 3,
    relation: 'fused',
    rounds: true,
  },
  {
    title: 'compares doubles and picks the lesser and the greater',
    operations: [
      Op.F64_MIN,
      Op.F64_MAX,
      Op.F64_MINM,
      Op.F64_MAXM,
      Op.F64_EQ,
      Op.F64_LT,
      Op.F64_LE,
      Op.F64_LTQ,
      Op.F64_LEQ,
    ],
    kind: 'd',
    operands: 2,
    relation: 'none',
    rounds: false,
  },
  {
    title: 'compares singles and picks the lesser and the greater',
    operations: [
      Op.F32_MIN,
      Op.F32_MAX,
      Op.F32_MINM,
      Op.F32_MAXM,
      Op.F32_EQ,
      Op.F32_LT,
      Op.F32_LE,
      Op.F32_LTQ,
      Op.F32_LEQ,
    ],
    kind: 's',
    operands: 2,
    relation: 'none',
    rounds: false,
  },
  { title: 'classifies doubles', operations: [Op.F64_CLASS], kind: 'd', operands: 1, relation: 'none', rounds: false },
  { title: 'classifies singles', operations: [Op.F32_CLASS], kind: 's', operands: 1, relation: 'none', rounds: false },
  {
    title: 'rounds doubles to integral doubles',
    operations: [Op.F64_ROUND, Op.F64_ROUNDNX],
    kind: 'd',
    operands: 1,
    relation: 'integer',
    rounds: true,
  },
  {
    title: 'rounds singles to integral singles',
    operations: [Op.F32_ROUND, Op.F32_ROUNDNX],
    kind: 's',
    operands: 1,
    relation: 'integer',
    rounds: true,
  },
  {
    title: 'turns doubles into integers',
    operations: [Op.F64_TO_I32, Op.F64_TO_U32, Op.F64_TO_I64, Op.F64_TO_U64, Op.F64_TO_I32_MODULAR],
    kind: 'd',
    operands: 1,
    relation: 'integer',
    rounds: true,
  },
  {
    title: 'turns singles into integers',
    operations: [Op.F32_TO_I32, Op.F32_TO_U32, Op.F32_TO_I64, Op.F32_TO_U64],
    kind: 's',
    operands: 1,
    relation: 'integer',
    rounds: true,
  },
  {
    title: 'turns 32-bit integers into floats',
    operations: [Op.I32_TO_F64, Op.U32_TO_F64, Op.I32_TO_F32, Op.U32_TO_F32],
    kind: 'w',
    operands: 1,
    relation: 'none',
    rounds: true,
  },
  {
    title: 'turns 64-bit integers into floats',
    operations: [Op.I64_TO_F64, Op.U64_TO_F64, Op.I64_TO_F32, Op.U64_TO_F32],
    kind: 'l',
    operands: 1,
    relation: 'none',
    rounds: true,
  },
  {
    title: 'narrows doubles to singles and halves',
    operations: [Op.F64_TO_F32, Op.F64_TO_F16],
    kind: 'd',
    operands: 1,
    relation: 'none',
    rounds: true,
  },
  {
    title: 'narrows singles to halves',
    operations: [Op.F32_TO_F16],
    kind: 's',
    operands: 1,
    relation: 'none',
    rounds: true,
  },
  {
    title: 'widens singles to doubles',
    operations: [Op.F32_TO_F64],
    kind: 's',
    operands: 1,
    relation: 'none',
    rounds: false,
  },
]
/** All halves there are, so nothing is drawn. */
const HALVES: Family = {
  title: '',
  operations: [Op.F16_TO_F32, Op.F16_TO_F64],
  kind: 'h',
  operands: 1,
  relation: 'none',
  rounds: false,
}

const module = await compileRoom()
const room = roomSide(module)
const oracle = oracleSide()
if ('missing' in oracle) console.log(`The float room is not compared with an oracle. ${oracle.missing}`)
else console.log(`float: seed ${SEED}, ${RANDOM_CASES} random cases a family`)

function hex(words: Uint32Array, at: number): string {
  const text = (i: number): string => words[at + i]!.toString(16).padStart(8, '0')
  return text(1) + text(0)
}

/** Fails with the first case on which the two sides differ. */
function compare(cases: Uint32Array): void {
  if ('missing' in oracle) throw new Error(oracle.missing)
  const ours = room(cases),
    theirs = oracle.side(cases)
  if (Buffer.compare(ours, theirs) === 0) return
  assert.is(theirs.length, ours.length, 'the oracle answered every case')
  const mine = new Uint32Array(ours.slice().buffer),
    right = new Uint32Array(new Uint8Array(theirs).buffer)
  const wrong: number[] = []
  for (let i = 0; i < cases.byteLength / CASE_BYTES; i++) {
    for (let w = 0; w < 4; w++) {
      if (mine[i * 4 + w] !== right[i * 4 + w]) {
        wrong.push(i)
        break
      }
    }
  }
  const shown = wrong.slice(0, 8).map((i) => {
    const at = i * CASE_WORDS
    return (
      `${Op[cases[at]!]} rm ${cases[at + 1]} a ${hex(cases, at + 2)} b ${hex(cases, at + 4)} c ${hex(cases, at + 6)}: ` +
      `ours ${hex(mine, i * 4)} flags ${mine[i * 4 + 2]}, oracle ${hex(right, i * 4)} flags ${right[i * 4 + 2]}`
    )
  })
  assert.unreachable(
    `${wrong.length} of ${cases.byteLength / CASE_BYTES} cases differ (seed ${SEED}):\n${shown.join('\n')}`,
  )
}

/** A user's machine may lack the oracle; where everything is promised to be there, its absence is a failure. */
const compared = 'missing' in oracle && process.env.CI !== 'true' ? test.skip : test

test('the room needs no runtime, no start function and no import', () => {
  assert.equal(WebAssembly.Module.imports(module), [])
  assert.equal(
    WebAssembly.Module.exports(module)
      .map((it) => it.name)
      .sort(),
    ['memory', 'run'],
  )
})

for (const [index, family] of FAMILIES.entries()) {
  compared(`${family.title} as the oracle does, in directed cases`, () => compare(directedCases(family)))
  compared(`${family.title} as the oracle does, in random cases`, () => {
    const drawer = new Drawer(family, new Random(SEED + index))
    for (let left = RANDOM_CASES; left > 0; left -= BATCH) {
      const cases = new Uint32Array(Math.min(left, BATCH) * CASE_WORDS)
      drawer.fill(cases)
      compare(cases)
    }
  })
}

compared('widens every half as the oracle does', () => compare(directedCases(HALVES)))

compared('knows the constants of fli', () => {
  const cases = new Uint32Array(64 * CASE_WORDS)
  for (let i = 0; i < 64; i++) cases.set([i < 32 ? Op.F64_LITERAL : Op.F32_LITERAL, 0, i & 31], i * CASE_WORDS)
  compare(cases)
})

test.after(() => {
  if (!('missing' in oracle)) oracle.close()
})
test.run()
