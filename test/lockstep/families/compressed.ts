// Random C: every 16-bit form, jumps in forms that come out behind themselves, and encodings that must trap.

import { encode } from '../encode.ts'
import { Draw, type Family, PLAIN, plainGroup, unit, units } from '../family.ts'
import type { Unit } from '../image.ts'

export const compressed: Family = {
  name: 'compressed',
  layout: PLAIN,
  group(random) {
    const draw = new Draw(random)
    const memory = random.once(3)
    // Mixed with 32-bit instructions, which then begin at odd halfwords and cross cache lines and pages.
    const next = () =>
      random.once(8)
        ? wide(draw)
        : memory && random.once(2)
          ? access(draw)
          : random.once(6)
            ? flow(draw)
            : compute(draw)
    const group = plainGroup(draw, units(20, next), memory)
    // 16-bit forms only have aligned offsets, so misaligned accesses need misaligned bases.
    if (random.once(2))
      for (const base of draw.bases.slice(1)) group.x[base] = (group.x[base] as bigint) - BigInt(random.below(8))
    return group
  },
}

function wide(draw: Draw): Unit {
  const name = draw.random.pick(['add', 'xori', 'lui', 'sraw', 'auipc'])
  return unit(name, [draw.instruction(name)])
}

/** The bits of `value` listed in `places` ("5:3=12" puts bits 5..3 at 12 and above). */
function scatter(value: number, places: string): number {
  let bits = 0
  for (const place of places.split(' ')) {
    const [range, at] = place.split('=') as [string, string]
    const [high, low = high] = range.split(':') as [string, string?]
    const width = Number(high) - Number(low) + 1
    bits |= ((value >> Number(low)) & ((1 << width) - 1)) << Number(at)
  }
  return bits
}

const word = (quadrant: number, funct3: number, rest: number) => (funct3 << 13) | rest | quadrant
const IMMEDIATE6 = '5=12 4:0=2'

function compute(draw: Draw): Unit {
  const random = draw.random
  const rd = draw.rd()
  const short = draw.rdShort() - 8
  const other = random.below(8)
  const immediate = random.below(64)
  const named = (name: string, code: number) => unit(name, [code])
  switch (random.below(18)) {
    case 0: {
      // An immediate of 0 is reserved, and the word 0 illegal by definition.
      const value = random.once(30) ? 0 : random.between(1, 255) * 4
      return value === 0
        ? named('c.illegal', 0)
        : named('c.addi4spn', word(0, 0, scatter(value, '5:4=11 9:6=7 2=6 3=5') | (short << 2)))
    }
    case 1:
      return named('c.addi', word(1, 0, scatter(immediate, IMMEDIATE6) | (rd << 7)))
    case 2:
      return rd === 0 ? named('c.nop', 1) : named('c.addiw', word(1, 1, scatter(immediate, IMMEDIATE6) | (rd << 7)))
    case 3:
      return named('c.li', word(1, 2, scatter(immediate, IMMEDIATE6) | (rd << 7)))
    case 4:
      return named('c.lui', word(1, 3, scatter(immediate || 1, IMMEDIATE6) | (rd << 7)))
    case 5: {
      // c.addi16sp there and back: x2 stays a base of memory accesses.
      const value = random.between(1, 31)
      const code = (v: number) => word(1, 3, scatter(v * 16, '9=12 4=6 6=5 8:7=3 5=2') | (2 << 7))
      return unit('c.addi16sp', [code(value), encode('addi', { rd, rs1: 2 }), code(-value)])
    }
    case 6:
      return named('c.srli', word(1, 4, scatter(immediate || 1, IMMEDIATE6) | (short << 7)))
    case 7:
      return named('c.srai', word(1, 4, scatter(immediate || 1, IMMEDIATE6) | (1 << 10) | (short << 7)))
    case 8:
      return named('c.andi', word(1, 4, scatter(immediate, IMMEDIATE6) | (2 << 10) | (short << 7)))
    case 9:
    case 10:
    case 11: {
      const [name, funct1, funct2] = random.pick([
        ['c.sub', 0, 0],
        ['c.xor', 0, 1],
        ['c.or', 0, 2],
        ['c.and', 0, 3],
        ['c.subw', 1, 0],
        ['c.addw', 1, 1],
      ] as const)
      return named(name, word(1, 4, (funct1 << 12) | (3 << 10) | (funct2 << 5) | (short << 7) | (other << 2)))
    }
    case 12:
      return named('c.slli', word(2, 0, scatter(immediate || 1, IMMEDIATE6) | (rd << 7)))
    case 13:
    case 14:
      return named('c.mv', word(2, 4, (rd << 7) | (random.between(1, 31) << 2)))
    case 15:
    case 16:
      return named('c.add', word(2, 4, (1 << 12) | (rd << 7) | (random.between(1, 31) << 2)))
    default:
      return random.once(6) ? trap(draw) : named('c.addi', word(1, 0, scatter(immediate, IMMEDIATE6) | (rd << 7)))
  }
}

/** `c.ebreak`, and encodings that the specification reserves for extensions that we do not have. */
function trap(draw: Draw): Unit {
  const random = draw.random
  switch (random.below(5)) {
    case 0:
      return unit('c.ebreak', [0x9002])
    case 1:
      return unit('c.addiw x0', [word(1, 1, scatter(random.below(64), IMMEDIATE6))])
    case 2:
      return unit('c.lwsp x0', [word(2, 2, random.below(32) << 2)])
    case 3:
      return unit('c.jr x0', [0x8002])
    default:
      return unit('quadrant 0, 4', [word(0, 4, 0)])
  }
}

function access(draw: Draw): Unit {
  const random = draw.random
  const base = random.pick(draw.bases.slice(1)) - 8
  const short = draw.rdShort() - 8
  const any = random.below(8)
  const float = random.below(32)
  const offset4 = random.below(32) * 4
  const offset8 = random.below(32) * 8
  const load4 = scatter(offset4, '5:3=10 2=6 6=5') | (base << 7)
  const load8 = scatter(offset8, '5:3=10 7:6=5') | (base << 7)
  const rd = draw.rd() || 1
  const [sp4, sp8] = [random.below(64) * 4, random.below(64) * 8]
  // biome-ignore format: a table
  const [name, code] = random.pick<[string, number]>([
    ['c.fld', word(0, 1, load8 | (any << 2))], ['c.lw', word(0, 2, load4 | (short << 2))], ['c.ld', word(0, 3, load8 | (short << 2))],
    ['c.fsd', word(0, 5, load8 | (any << 2))], ['c.sw', word(0, 6, load4 | (any << 2))], ['c.sd', word(0, 7, load8 | (any << 2))],
    ['c.fldsp', word(2, 1, scatter(sp8, '5=12 4:3=5 8:6=2') | (float << 7))], ['c.lwsp', word(2, 2, scatter(sp4, '5=12 4:2=4 7:6=2') | (rd << 7))],
    ['c.ldsp', word(2, 3, scatter(sp8, '5=12 4:3=5 8:6=2') | (rd << 7))],
    ['c.fsdsp', word(2, 5, scatter(sp8, '5:3=10 8:6=7') | (float << 2))], ['c.swsp', word(2, 6, scatter(sp4, '5:2=9 7:6=7') | (float << 2))],
    ['c.sdsp', word(2, 7, scatter(sp8, '5:3=10 8:6=7') | (float << 2))],
  ])
  return unit(name, [code])
}

function flow(draw: Draw): Unit {
  const random = draw.random
  const fill = Array.from({ length: random.below(4) }, () =>
    word(1, 0, scatter(random.between(1, 31), IMMEDIATE6) | ((draw.rd() || 5) << 7)),
  )
  const over = 2 * (fill.length + 1)
  switch (random.below(5)) {
    case 0:
      return unit('c.j', [word(1, 5, scatter(over, '11=12 4=11 9:8=9 10=8 6=7 7=6 3:1=3 5=2')), ...fill], 1)
    case 1:
    case 2: {
      const code = word(1, random.between(6, 7), scatter(over, '8=12 4:3=10 7:6=5 2:1=3 5=2') | (random.below(8) << 7))
      return unit('c.beqz/c.bnez', [code, ...fill], 1)
    }
    default: {
      // auipc t; addi t, t, behind: an odd target loses its lowest bit.
      const t = draw.rd() || 1
      const link = random.below(2)
      const target = encode('addi', { rd: t, rs1: t, imm: 8 + over + random.below(2) })
      return unit(
        link === 1 ? 'c.jalr' : 'c.jr',
        [encode('auipc', { rd: t }), target, word(2, 4, (link << 12) | (t << 7)), ...fill],
        3,
      )
    }
  }
}
