// Turns RISC-V machine code into text, as GNU objdump does with "-M no-aliases,numeric".

import { CSRS, INSTRUCTIONS, type Instruction } from './instructions.ts'

export interface Line {
  /** Address of the instruction. */
  pc: bigint
  /** Its size. */
  bytes: number
  text: string
}

/** The instructions in `code`, whose first byte lies at `pc`. What ends in the middle comes as a half word. */
export function* disassemble(code: Uint8Array, pc: bigint): Generator<Line> {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength)
  for (let at = 0; at + 2 <= code.length; ) {
    const half = view.getUint16(at, true)
    const bytes = (half & 3) === 3 && at + 4 <= code.length ? 4 : 2
    const word = bytes === 4 ? view.getUint32(at, true) : half
    const here = BigInt.asUintN(64, pc + BigInt(at))
    const isCut = bytes === 2 && (half & 3) === 3
    yield { pc: here, bytes, text: isCut ? `.2byte ${hex(half)}` : textOf(word, here) }
    at += bytes
  }
}

/** One instruction, 16 or 32 bits wide by its lowest bits. */
export function textOf(word: number, pc: bigint): string {
  const isWide = (word & 3) === 3
  const table = isWide ? INSTRUCTIONS.wide : INSTRUCTIONS.compressed
  const found = table.find(({ mask, match }) => (word & mask) >>> 0 === match)
  if (found === undefined) return `.${word > 0xffff ? 4 : 2}byte ${hex(word)}`
  const operands = found.operands
    .split(',')
    .map((operand) => operand.replace(/[a-z][a-z0-9]*/g, (name) => (OPERANDS[name] as Operand)(word, pc)))
    .filter((operand) => operand !== '')
    .join(',')
  return `${nameOf(found, word)} ${operands}`.trimEnd()
}

function nameOf({ name }: Instruction, word: number): string {
  return name.replace('*', ['', '.rl', '.aq', '.aqrl'][bits(word, 25, 2)] as string)
}

/** Text of an operand; empty: left out, together with its comma. */
type Operand = (word: number, pc: bigint) => string

const ROUNDING = ['rne', 'rtz', 'rdn', 'rup', 'rmm', 'unknown', 'unknown', 'dyn']
/** The constants of fli, Zfa's table "Immediate values loaded by the FLI instruction". */
// biome-ignore format: a table
const CONSTANTS = [
  '-1', 'min', '2^-16', '2^-15', '2^-8', '2^-7', '0.0625', '0.125', '0.25', '0.3125', '0.375', '0.4375', '0.5', '0.625', '0.75', '0.875',
  '1', '1.25', '1.5', '1.75', '2', '2.5', '3', '4', '8', '16', '128', '256', '2^15', '2^16', 'inf', 'nan',
]

const OPERANDS: Record<string, Operand> = {
  rd: x(7),
  rs1: x(15),
  rs2: x(20),
  fd: f(7),
  fs1: f(15),
  fs2: f(20),
  fs3: f(27),
  imm: (word) => `${word >> 20}`,
  store: (word) => `${((word >> 25) << 5) | bits(word, 7, 5)}`,
  prefetch: (word) => `${(word >> 25) << 5}`,
  branch: (word, pc) =>
    target(pc, ((word >> 31) << 12) | (bits(word, 7, 1) << 11) | (bits(word, 25, 6) << 5) | (bits(word, 8, 4) << 1)),
  jump: (word, pc) =>
    target(
      pc,
      ((word >> 31) << 20) | (bits(word, 12, 8) << 12) | (bits(word, 20, 1) << 11) | (bits(word, 21, 10) << 1),
    ),
  upper: (word) => hex(word >>> 12),
  shamt: (word) => hex(bits(word, 20, 6)),
  csr: (word) => CSRS.get(word >>> 20) ?? hex(word >>> 20),
  zimm: (word) => `${bits(word, 15, 5)}`,
  pred: (word) => order(bits(word, 24, 4)),
  succ: (word) => order(bits(word, 20, 4)),
  rm: (word) => (bits(word, 12, 3) === 7 ? '' : (ROUNDING[bits(word, 12, 3)] as string)),
  // Nothing is rounded here, so the default is not "dyn", and objdump is silent about it.
  exact: (word) => (bits(word, 12, 3) === 0 ? '' : (ROUNDING[bits(word, 12, 3)] as string)),
  mode: (word) => ROUNDING[bits(word, 12, 3)] as string,
  constant: (word) => CONSTANTS[bits(word, 15, 5)] as string,

  x2: () => 'x2',
  half: hex,
  crd: x(7),
  crs2: x(2),
  cfd: f(7),
  cfs2: f(2),
  rdq: (word) => `x${8 + bits(word, 2, 3)}`,
  rs1q: (word) => `x${8 + bits(word, 7, 3)}`,
  fdq: (word) => `f${8 + bits(word, 2, 3)}`,
  cimm: (word) => `${signed6(word)}`,
  cshamt: (word) => hex(signed6(word) & 63),
  cupper: (word) => hex(signed6(word) & 0xfffff),
  addi4spn: (word) =>
    `${(bits(word, 7, 4) << 6) | (bits(word, 11, 2) << 4) | (bits(word, 5, 1) << 3) | (bits(word, 6, 1) << 2)}`,
  addi16sp: (word) =>
    `${(-bits(word, 12, 1) << 9) | (bits(word, 3, 2) << 7) | (bits(word, 5, 1) << 6) | (bits(word, 2, 1) << 5) | (bits(word, 6, 1) << 4)}`,
  offsetw: (word) => `${(bits(word, 5, 1) << 6) | (bits(word, 10, 3) << 3) | (bits(word, 6, 1) << 2)}`,
  offsetd: (word) => `${(bits(word, 5, 2) << 6) | (bits(word, 10, 3) << 3)}`,
  loadspw: (word) => `${(bits(word, 2, 2) << 6) | (bits(word, 12, 1) << 5) | (bits(word, 4, 3) << 2)}`,
  loadspd: (word) => `${(bits(word, 2, 3) << 6) | (bits(word, 12, 1) << 5) | (bits(word, 5, 2) << 3)}`,
  storespw: (word) => `${(bits(word, 7, 2) << 6) | (bits(word, 9, 4) << 2)}`,
  storespd: (word) => `${(bits(word, 7, 3) << 6) | (bits(word, 10, 3) << 3)}`,
  cbranch: (word, pc) =>
    target(
      pc,
      (-bits(word, 12, 1) << 8) |
        (bits(word, 5, 2) << 6) |
        (bits(word, 2, 1) << 5) |
        (bits(word, 10, 2) << 3) |
        (bits(word, 3, 2) << 1),
    ),
  cjump: (word, pc) =>
    target(
      pc,
      (-bits(word, 12, 1) << 11) |
        (bits(word, 8, 1) << 10) |
        (bits(word, 9, 2) << 8) |
        (bits(word, 6, 1) << 7) |
        (bits(word, 7, 1) << 6) |
        (bits(word, 2, 1) << 5) |
        (bits(word, 11, 1) << 4) |
        (bits(word, 3, 3) << 1),
    ),
}

function x(from: number): Operand {
  return (word) => `x${bits(word, from, 5)}`
}

function f(from: number): Operand {
  return (word) => `f${bits(word, from, 5)}`
}

function bits(word: number, from: number, count: number): number {
  return (word >>> from) & ((1 << count) - 1)
}

/** The immediate of most compressed instructions: bit 12, then 6 to 2. */
function signed6(word: number): number {
  return (-bits(word, 12, 1) << 5) | bits(word, 2, 5)
}

function target(pc: bigint, offset: number): string {
  return `0x${BigInt.asUintN(64, pc + BigInt(offset)).toString(16)}`
}

/** What a fence orders: input, output, reads, writes. */
function order(set: number): string {
  return [...'iorw'].filter((_, i) => (set & (8 >> i)) !== 0).join('') || 'unknown'
}

function hex(value: number): string {
  return `0x${value.toString(16)}`
}
