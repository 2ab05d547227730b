// What a family of random tests is, and the random states and operands that families draw from.

import { type Operands, describe, encode, parcelsOf } from './encode.ts'
import { type Group, type Layout, type Peek, type Poke, SCRATCH, type Unit } from './image.ts'
import type { Random } from './random.ts'

/** A source of random groups that exercise one part of the machine. */
export interface Family {
  name: string
  layout: Layout
  /** A random group; the same random stream gives the same group. */
  group(random: Random): Group
  /** For families of chosen cases: all groups there are. They are run once, in place of random ones. */
  all?(): Iterable<Group>
}

/** The layout of families that need no control registers. */
export const PLAIN: Layout = { control: false, protection: false, raise: false, traps: 6 }

export const MSTATUS_FS = 3n << 13n
export const MSTATUS_MPP = 11n
export const [USER, SUPERVISOR, MACHINE] = [0n, 1n, 3n]

/** Words of scratch memory around its middle, which is a page border. */
export const SCRATCH_WORDS = 64
const HALF = (SCRATCH_WORDS / 2) * 8

/** Makes a unit from instruction words. */
export function unit(name: string, words: number[], instructions = words.length): Unit {
  return { name, parcels: parcelsOf(words), instructions }
}

/** Random operands that leave the base registers of memory accesses alone. */
export class Draw {
  readonly random: Random
  /** Registers that hold addresses in the scratch memory and are never written: the first is x2, the others lie in x8..x15. */
  readonly bases: number[]

  constructor(random: Random) {
    this.random = random
    const low = random.below(8)
    this.bases = [2, 8 + low, 8 + ((low + random.between(1, 7)) & 7)]
  }

  /** A destination; x0 included. */
  rd(): number {
    for (;;) {
      const register = this.random.below(32)
      if (!this.bases.includes(register)) return register
    }
  }

  /** A destination in x8..x15, as most 16-bit instructions take. */
  rdShort(): number {
    for (;;) {
      const register = 8 + this.random.below(8)
      if (!this.bases.includes(register)) return register
    }
  }

  register(): number {
    return this.random.below(32)
  }

  /** A rounding mode; seldom one that does not exist. */
  rm(): number {
    return this.random.once(40) ? this.random.between(5, 6) : this.random.pick([0, 1, 2, 3, 4, 7])
  }

  /** An instruction of a plain format with random operands; `fixed` overrides some. */
  instruction(name: string, fixed: Operands = {}): number {
    const random = this.random
    const { format } = describe(name)
    const operands: Operands = { rd: this.rd(), rs1: this.register(), rs2: this.register(), rs3: this.register() }
    operands.rm = this.rm()
    if (format === 'U') operands.imm = random.below(1 << 20)
    else if (format === 'H6') operands.imm = random.below(64)
    else if (format === 'H5') operands.imm = random.below(32)
    else operands.imm = random.once(4) ? random.pick([0, 1, -1, 2047, -2048]) : random.between(-2048, 2047)
    return encode(name, { ...operands, ...fixed })
  }

  /** A load or store at a random place of the scratch memory, aligned or not. */
  access(name: string, fixed: Operands = {}): number {
    const base = this.random.pick(this.bases)
    return this.instruction(name, { rs1: base, imm: this.offset(base), ...fixed })
  }

  /** An offset from `base` into the scratch memory; often near the page border. */
  offset(base: number): number {
    const random = this.random
    const target = random.once(2) ? random.between(-10, 6) : random.between(-HALF, HALF - 8)
    const start = target + (base === 2 ? HALF : 0)
    return random.once(2) ? start & ~7 : start
  }

  /** Registers to begin with. */
  integers(): bigint[] {
    const x = Array.from({ length: 32 }, () => this.random.integer())
    for (const base of this.bases) x[base] = BigInt(SCRATCH)
    // 16-bit accesses through x2 only reach upward.
    x[2] = BigInt(SCRATCH - HALF)
    return x
  }

  /** Float registers to begin with: all widths, boxed rightly or wrongly. */
  floats(): bigint[] {
    return Array.from({ length: 32 }, () => this.float())
  }

  float(): bigint {
    const random = this.random
    switch (random.below(16)) {
      case 0:
        return random.u64()
      case 1:
        return 0xffff_ffff_ffff_0000n | random.half()
      case 2:
        return (BigInt(random.pick([0, 0xffff_fffe, 0x7fff_ffff])) << 32n) | random.single()
      case 3:
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
        return 0xffff_ffff_0000_0000n | random.single()
      default:
        return random.double()
    }
  }

  /** Random content for the scratch memory. */
  scratch(): Poke {
    return { address: SCRATCH - HALF, words: Array.from({ length: SCRATCH_WORDS }, () => this.random.integer()) }
  }
}

/** The scratch memory, to be recorded. */
export const SCRATCH_PEEK: Peek = { address: SCRATCH - HALF, words: SCRATCH_WORDS }

/** A group in a random mode without paging; `memory` gives it scratch memory. */
export function plainGroup(draw: Draw, units: Unit[], memory: boolean): Group {
  const random = draw.random
  const mode = random.pick([USER, SUPERVISOR, MACHINE, MACHINE])
  return {
    units,
    x: draw.integers(),
    f: draw.floats(),
    fcsr: (random.once(20) ? random.between(5, 7) : random.below(5)) * 32 + random.below(32),
    mstatus: MSTATUS_FS | (mode << MSTATUS_MPP),
    ...(memory ? { pokes: [draw.scratch()], peeks: [SCRATCH_PEEK] } : {}),
  }
}

/** `count` units, each made by `next`. */
export function units(count: number, next: () => Unit): Unit[] {
  return Array.from({ length: count }, next)
}
