// Our disassembler writes what GNU objdump writes, for every compressed word and thousands of random wide ones.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { disassemble, textOf } from '../../cli/disassemble.ts'
import { CSRS, INSTRUCTIONS } from '../../cli/instructions.ts'
import { disassemble as objdump } from '../support/asm.ts'
import { requireTool } from '../support/tools.ts'

const when = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

const BASE = 0x8000_0000
/** Zicond and Zfa: binutils knows them from 2.41 on, and Debian 12 has 2.40. */
const TOO_NEW = /^(czero|fli|fminm|fmaxm|fround|fleq|fltq|fcvtmod)/
const WORDS_EACH = 40
/** What objdump writes about so many words fits its pipe. */
const WORDS_AT_ONCE = 8192

/** Without the name of the place that a jump leads to, and the sum that objdump guesses from two instructions. */
function normalise(line: string): string {
  return line.replace(/ # .*$/, '').replace(/\b([0-9a-f]+) <[^>]*>/, '0x$1')
}

function compare(words: number[]): void {
  for (let from = 0; from < words.length; from += WORDS_AT_ONCE) {
    const bytes = Buffer.concat(words.slice(from, from + WORDS_AT_ONCE).map(parcels))
    const theirs = objdump(bytes, BASE).map(normalise)
    const ours = [...disassemble(bytes, BigInt(BASE))].map(
      ({ pc, bytes, text }, i) =>
        `${pc.toString(16)}: ${words[from + i]!.toString(16).padStart(2 * bytes, '0')} ${text}`,
    )
    assert.is(ours.length, theirs.length)
    const differences = [...ours.keys()].filter((i) => ours[i] !== theirs[i]).slice(0, 20)
    assert.equal(
      differences.map((i) => ours[i]),
      differences.map((i) => theirs[i]),
    )
  }
}

function parcels(word: number): Buffer {
  const bytes = Buffer.alloc((word & 3) === 3 ? 4 : 2)
  bytes.writeUIntLE(word, 0, bytes.length)
  return bytes
}

/** A repeatable random word (xorshift). */
let state = 0x2545_f491
function random(): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return state >>> 0
}

when('every compressed word', () => {
  compare(Array.from({ length: 0x10000 }, (_, i) => i).filter((word) => (word & 3) !== 3))
})

when('random operands of every wide instruction', () => {
  const known = INSTRUCTIONS.wide.filter(({ name }) => !TOO_NEW.test(name))
  const registers = [...CSRS.keys()]
  const words = known.flatMap(({ mask, match, operands }) =>
    Array.from({ length: WORDS_EACH }, () => {
      const word = (match | (random() & ~mask)) >>> 0
      // Of conversions that cannot round binutils 2.40 knows the default only.
      if (operands.endsWith('exact')) return (word & ~0x7000) >>> 0
      if (!operands.includes('csr')) return word
      return ((registers[random() % registers.length]! << 20) | (word & 0xf_ffff)) >>> 0
    }),
  )
  assert.ok(words.length > 5000)
  compare(words)
})

when('every control register of ours, and one that there is not', () => {
  compare([...CSRS.keys(), 0x8ff].map((number) => ((number << 20) | 0x2573) >>> 0))
})

test('what binutils 2.40 does not know yet', () => {
  for (const [word, text] of [
    [0x0e7352b3, 'czero.eqz x5,x6,x7'],
    [0x0e7372b3, 'czero.nez x5,x6,x7'],
    [0xf0180253, 'fli.s f4,1'],
    [0xc2811053, 'fcvtmod.w.d x0,f2,rtz'],
    [0x42407053, 'fround.d f0,f0'],
  ] as const) {
    assert.is(textOf(word, 0n), text)
  }
})

test('words that are no instruction, and an instruction that is cut off, come as numbers', () => {
  const bytes = Buffer.from('ffffffff00000000b302', 'hex')
  assert.equal(
    [...disassemble(bytes, 0xffff_ffff_ffff_fffen)],
    [
      { pc: 0xffff_ffff_ffff_fffen, bytes: 4, text: '.4byte 0xffffffff' },
      { pc: 2n, bytes: 2, text: 'c.unimp' },
      { pc: 4n, bytes: 2, text: 'c.unimp' },
      { pc: 6n, bytes: 2, text: '.2byte 0x2b3' },
    ],
  )
})

test('targets are addresses of 64 bits', () => {
  assert.is(textOf(0xffdff06f, 0xffff_ffff_8000_0000n), 'jal x0,0xffffffff7ffffffc')
  assert.is(textOf(0x0040006f, 0xffff_ffff_ffff_fffcn), 'jal x0,0x0')
})

test.run()
