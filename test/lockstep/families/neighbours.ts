// Random pairs of instructions that belong together, as compilers write them and as a fast interpreter may join them: each is
// run as a whole, then entered in its middle, and some are overwritten between two runs.

import { encode } from '../encode.ts'
import { Draw, type Family, PLAIN, plainGroup, unit, units } from '../family.ts'
import type { Unit } from '../image.ts'

export const neighbours: Family = {
  name: 'neighbours',
  layout: PLAIN,
  group(random) {
    const draw = new Draw(random)
    const group = plainGroup(
      draw,
      units(10, () => (random.once(5) ? rewritten(draw) : entered(draw))),
      true,
    )
    // Also misaligned, and across the page border.
    if (random.once(3))
      for (const base of draw.bases.slice(1)) group.x[base] = (group.x[base] as bigint) - BigInt(random.below(8))
    return group
  },
}

/** The register that counts rounds; no pair writes it. */
const COUNTER = 31
const lengthOf = (words: number[]) => words.reduce((sum, word) => sum + ((word & 3) === 3 ? 4 : 2), 0)

/** Two rounds: the pair, then only its second half. */
function entered(draw: Draw): Unit {
  const random = draw.random
  const { name, first, second } = pair(draw)
  const skip = 4 + lengthOf([first])
  // beq counter, x0: taken in the last round.
  const body = [encode('beq', { rs1: COUNTER, rs2: 0, imm: skip }), first, ...second]
  const again = [encode('addi', { rd: COUNTER, rs1: COUNTER, imm: -1 })]
  const back = encode('bge', { rs1: COUNTER, rs2: 0, imm: -lengthOf([...body, ...again]) })
  const rounds = random.between(1, 2)
  return unit(name, [encode('addi', { rd: COUNTER, imm: rounds }), ...body, ...again, back], 4 + 5 * rounds)
}

/** Two rounds; between them a store changes a parcel or two of the pair into those of another one. */
function rewritten(draw: Draw): Unit {
  const random = draw.random
  const { name, first, second } = pair(draw)
  const other = pair(draw)
  // Only halves of the same length and without jumps can replace each other.
  const plain = other.second.length === 1 && second.length === 1
  const replaceSecond = plain && random.once(2) && lengthOf(second) === lengthOf(other.second)
  const old = replaceSecond ? (second[0] as number) : first
  const fresh = replaceSecond ? (other.second[0] as number) : other.first
  if (lengthOf([old]) !== lengthOf([fresh])) return entered(draw)
  const value = 30
  const address = 29
  const low = (fresh << 20) >> 20
  const load = [
    encode('lui', { rd: value, imm: ((fresh - low) >>> 12) & 0xfffff }),
    encode('addiw', { rd: value, rs1: value, imm: low }),
  ]
  const place = replaceSecond ? lengthOf([first]) : 0
  const body = [first, ...second]
  const store = encode(lengthOf([old]) === 4 ? 'sw' : 'sh', { rs1: address, rs2: value, imm: 4 + place })
  const again = [store, encode('fence.i'), encode('addi', { rd: COUNTER, rs1: COUNTER, imm: -1 })]
  const back = encode('bge', { rs1: COUNTER, rs2: 0, imm: -lengthOf([...body, ...again]) })
  const start = [...load, encode('addi', { rd: COUNTER, imm: 1 }), encode('auipc', { rd: address })]
  return unit(`${name} becomes ${other.name}`, [...start, ...body, ...again, back], 14)
}

interface Pair {
  name: string
  first: number
  /** The other half; behind a branch or jump what it may skip. */
  second: number[]
}

/** A destination that no loop needs. */
function target(draw: Draw): number {
  for (;;) {
    const rd = draw.rd()
    if (rd < 29) return rd
  }
}

/** The same, in x8..x15. */
function shortTarget(draw: Draw): number {
  return draw.rdShort()
}

const six = (value: number) => (((value >> 5) & 1) << 12) | ((value & 31) << 2)
const cLi = (rd: number, value: number) => 0x4001 | (rd << 7) | six(value)
const cAddi = (rd: number, value: number) => 0x0001 | (rd << 7) | six(value)
const cAddiw = (rd: number, value: number) => 0x2001 | (rd << 7) | six(value)
const cAndi = (rd: number, value: number) => 0x8801 | ((rd - 8) << 7) | six(value)
const cMv = (rd: number, rs2: number) => 0x8002 | (rd << 7) | (rs2 << 2)
const eightBytes = (offset: number) => (((offset >> 3) & 7) << 10) | (((offset >> 6) & 3) << 5)
const cLd = (rd: number, base: number, offset: number) =>
  0x6000 | eightBytes(offset) | ((base - 8) << 7) | ((rd - 8) << 2)
const cSd = (rs2: number, base: number, offset: number) =>
  0xe000 | eightBytes(offset) | ((base - 8) << 7) | ((rs2 - 8) << 2)

function pair(draw: Draw): Pair {
  switch (draw.random.below(8)) {
    case 0:
      return loads(draw)
    case 1:
      return stores(draw)
    case 2:
      return distant(draw)
    case 3:
      return moves(draw)
    default:
      return tested(draw)
  }
}

function loads(draw: Draw): Pair {
  const random = draw.random
  const base = random.pick(draw.bases.slice(1))
  const one = (): number => {
    if (random.once(2)) return cLd(shortTarget(draw), base, 8 * random.below(31))
    return encode('ld', { rd: target(draw), rs1: random.once(8) ? 2 : base, imm: draw.offset(base) & ~7 })
  }
  return { name: 'ld ld', first: one(), second: [one()] }
}

function stores(draw: Draw): Pair {
  const random = draw.random
  const base = random.pick(draw.bases.slice(1))
  const one = (): number => {
    if (random.once(2)) return cSd(8 + random.below(8), base, 8 * random.below(31))
    return encode('sd', { rs2: draw.register(), rs1: random.once(8) ? 2 : base, imm: draw.offset(base) & ~7 })
  }
  return { name: 'sd sd', first: one(), second: [one()] }
}

/** auipc and what adds to it. Entered in its middle it adds to what the first round left. */
function distant(draw: Draw): Pair {
  const random = draw.random
  const rd = target(draw)
  const first = encode('auipc', { rd, imm: random.below(1 << 20) })
  const to = random.once(4) ? target(draw) : rd
  const from = random.once(6) ? draw.register() : rd
  return {
    name: 'auipc addi',
    first,
    second: [encode('addi', { rd: to, rs1: from, imm: random.between(-2048, 2047) })],
  }
}

function moves(draw: Draw): Pair {
  const random = draw.random
  const one = (source: number): { word: number; rd: number } => {
    const rd = target(draw)
    if (random.once(2) && source !== 0) return { word: cMv(rd, source), rd }
    return { word: encode('addi', { rd, rs1: source }), rd }
  }
  const first = one(draw.register())
  const second = one(random.once(3) ? first.rd : draw.register())
  return { name: 'mv mv', first: first.word, second: [second.word] }
}

const BRANCHES = ['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu']

/** An operation and a branch that looks at its result, mostly. */
function tested(draw: Draw): Pair {
  const random = draw.random
  const short = random.once(2)
  const rd = short ? shortTarget(draw) : target(draw)
  const small = random.between(-32, 31)
  const wide = random.between(-2048, 2047)
  const from = random.once(6) ? draw.register() : rd
  const operations: [string, number][] = short
    ? [
        ['c.addi', cAddi(rd, small)],
        ['c.addiw', cAddiw(rd, small)],
        ['c.li', cLi(rd, small)],
        ['c.andi', cAndi(rd, small)],
      ]
    : [
        ['addi', encode('addi', { rd, rs1: from, imm: wide })],
        ['addiw', encode('addiw', { rd, rs1: from, imm: wide })],
        ['li', encode('addi', { rd, imm: wide })],
        ['andi', encode('andi', { rd, rs1: draw.register(), imm: wide })],
      ]
  const [name, first] = random.pick(operations)
  const skipped = Array.from({ length: random.below(3) }, () => cAddi(shortTarget(draw), random.between(1, 31)))
  const over = lengthOf(skipped)
  if (random.once(3) && rd >= 8 && rd < 16) {
    const distance = over + 2
    const code = (((distance >> 1) & 3) << 3) | (((distance >> 3) & 3) << 10)
    return {
      name: `${name} c.branch`,
      first,
      second: [0xc001 | (random.below(2) << 13) | ((rd - 8) << 7) | code, ...skipped],
    }
  }
  const operands = random.once(4)
    ? { rs1: draw.register(), rs2: draw.register() }
    : random.once(2)
      ? { rs1: rd, rs2: random.once(2) ? 0 : draw.register() }
      : { rs1: draw.register(), rs2: rd }
  return {
    name: `${name} branch`,
    first,
    second: [encode(random.pick(BRANCHES), { ...operands, imm: over + 4 }), ...skipped],
  }
}
