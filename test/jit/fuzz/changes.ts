// Code that changes: stores over instructions, functions written into data, pages swapped under one address.

import { encode } from '../../lockstep/encode.ts'
import type { Random } from '../../lockstep/random.ts'
import type { Label } from './assembler.ts'
import { type Pieces, X, Y } from './pieces.ts'
import { COPIES, FRESH, FRESH_PAGES, SERVICE, WINDOW } from './map.ts'

const RETURN = 0x8082
/** Instructions of one kind differ only in these bits: immediate, and which operation of addi, xori, ori, andi, slti. */
const SITES = ['addi', 'xori', 'ori', 'andi', 'slti', 'sltiu']
const Z = 5

export class Changes {
  /** Instructions that get overwritten. */
  private readonly sites: Label[] = []
  /** Functions at WINDOW; none without paging. */
  private readonly entries: Label[] = []

  constructor(private readonly pieces: Pieces) {}

  /** Some change of code, or an instruction that will be changed. */
  change() {
    const { random } = this.pieces
    switch (random.below(8)) {
      case 0:
      case 1:
        return this.site()
      case 2:
      case 3:
        return this.patch()
      case 4:
        return this.near()
      case 5:
      case 6:
        return this.fresh()
      default:
        return this.swap()
    }
  }

  /** An instruction that may be overwritten. */
  private site(): void {
    const { asm, random } = this.pieces
    this.sites.push(asm.mark())
    this.pieces.op(random.pick(SITES))
    if (random.once(2)) this.pieces.compute()
  }

  private fence(): void {
    if (this.pieces.random.once(2)) this.pieces.asm.op('fence.i')
  }

  /** Changes an instruction somewhere: its immediate, its operation, a byte or half of it, or all. */
  private patch() {
    const { random } = this.pieces
    if (this.sites.length === 0) return this.near()
    this.overwrite(random.pick(this.sites))
  }

  /** Changes an instruction right behind the store, or just before. */
  private near(): void {
    const { asm, random } = this.pieces
    const site = asm.label()
    const before = random.once(3)
    if (before) {
      asm.mark(site)
      this.pieces.op(random.pick(SITES))
    }
    this.overwrite(site)
    if (!before) {
      this.pieces.repeat(0, 3, () => this.pieces.compute())
      asm.mark(site)
      this.pieces.op(random.pick(SITES))
    }
    this.sites.push(site)
  }

  private overwrite(site: Label): void {
    const { asm, random } = this.pieces
    asm.address(X, site)
    switch (random.below(5)) {
      case 0: {
        // Other bits of the immediate.
        asm.op('lw', { rd: Y, rs1: X })
        asm.op('lui', { rd: Z, imm: random.below(256) << 8 })
        asm.op('xor', { rd: Y, rs1: Y, rs2: Z })
        asm.op('sw', { rs1: X, rs2: Y })
        break
      }
      case 1:
        // The upper half, or its last byte.
        asm.op('lhu', { rd: Y, rs1: X, imm: 2 })
        asm.op('xori', { rd: Y, rs1: Y, imm: random.below(128) << 4 })
        asm.op(random.once(2) ? 'sh' : 'sb', { rs1: X, rs2: Y, imm: 2 })
        break
      case 2: {
        const word = this.replacement()
        asm.constant(Y, word)
        asm.op('sw', { rs1: X, rs2: Y })
        break
      }
      case 3:
        // The operation: addi, xori, ori, andi differ in funct3.
        asm.op('lb', { rd: Y, rs1: X, imm: 1 })
        asm.op('xori', { rd: Y, rs1: Y, imm: random.pick([0x40, 0x60, 0x70]) })
        asm.op('sb', { rs1: X, rs2: Y, imm: 1 })
        break
      default: {
        // Eight bytes at once, the same as before except for one bit.
        asm.op('ld', { rd: Y, rs1: X })
        asm.op('binvi', { rd: Y, rs1: Y, imm: random.between(20, 31) })
        asm.op('sd', { rs1: X, rs2: Y })
      }
    }
    this.fence()
  }

  /** What an instruction of 32 bits may become. */
  private replacement(): number {
    const { random } = this.pieces
    const rd = this.pieces.rd()
    switch (random.below(8)) {
      case 0:
        return 0x0001_0001
      case 1:
        return encode('jal', { imm: random.pick([4, 8]) })
      case 2:
        return encode('beq', { rs1: rd, rs2: this.pieces.rd(), imm: 8 })
      case 3:
        return encode('ecall')
      case 4:
        return encode('ld', { rd, rs1: 3, imm: random.below(64) * 8 })
      case 5:
        return encode('sd', { rs2: rd, rs1: 3, imm: random.below(64) * 8 })
      default:
        return encode(random.pick(SITES), { rd, rs1: this.pieces.rd(), imm: random.between(-2048, 2047) })
    }
  }

  /** Writes a short function into a page of data, and calls it; the page stays data as well. */
  private fresh(): void {
    const { asm, random } = this.pieces
    const length = random.between(1, 4)
    const place =
      FRESH + random.below(FRESH_PAGES) * 4096 + random.pick([0, 0x40, 0x80, 0x800, 0xffa, 0xff4]) + random.below(3) * 2
    asm.address(X, { address: Math.min(place, FRESH + FRESH_PAGES * 4096 - 64) })
    for (let i = 0; i < length; i++) {
      asm.constant(Y, encode(random.pick(SITES), { rd: 10 + random.below(4), rs1: 10 + random.below(4) }))
      // Another immediate each time.
      asm.op('slli', { rd: Z, rs1: this.pieces.rd(), imm: 20 })
      asm.op('xor', { rd: Y, rs1: Y, rs2: Z })
      asm.op('sw', { rs1: X, rs2: Y, imm: 4 * i })
    }
    asm.constant(Y, random.once(2) ? encode('jalr', { rs1: 1 }) : (1 << 16) | RETURN)
    asm.op('sw', { rs1: X, rs2: Y, imm: 4 * length })
    this.fence()
    // The return address is kept in a register that the function leaves alone.
    asm.op('addi', { rd: 16, rs1: 1 })
    const times = random.between(1, 3)
    for (let i = 0; i < times; i++) asm.op('jalr', { rd: 1, rs1: X })
    asm.op('addi', { rd: 1, rs1: 16 })
  }

  /** Turns a page of WINDOW to its other copy. */
  private swap() {
    const { asm, random, world } = this.pieces
    if (world.mode === 'M') return this.fresh()
    if (world.mode === 'U' || random.once(2)) {
      asm.op('addi', {
        rd: 17,
        imm: random.pick([SERVICE.swapFirst, SERVICE.swapSecond, SERVICE.change, SERVICE.forget]),
      })
      return asm.op('ecall')
    }
    // The return address is kept in a register that the routine leaves alone.
    asm.op('addi', { rd: 16, rs1: 1 })
    asm.reach(X, random.pick(world.swaps), encode('jalr', { rd: 1, rs1: X }))
    asm.op('addi', { rd: 1, rs1: 16 })
  }

  /** Writes the functions of WINDOW: in each copy of the pages another one at the same place. */
  window(random: Random): void {
    const { asm, world } = this.pieces
    if (world.mode === 'M') return
    const offsets = [0x20, 0x400, 0xffe - 8 - 4 * random.below(3), 0x1800]
    for (const offset of offsets) {
      const label = asm.label()
      label.address = WINDOW + offset
      this.entries.push(label)
      for (const copy of [0, 2]) {
        asm.at(COPIES + copy * 4096 + offset, WINDOW + offset)
        const head = asm.label()
        asm.op('addi', { rd: X, imm: random.between(1, 6) })
        asm.mark(head)
        for (let i = 0; i < 6; i++) {
          this.pieces.op(random.pick(['add', 'xori', 'sub', 'addw', 'slli', 'mul']), {
            rd: random.between(10, 15),
            imm: random.below(32),
          })
        }
        asm.op('addi', { rd: X, rs1: X, imm: -1 })
        asm.jump(encode('bne', { rs1: X }), head)
        asm.emit(RETURN)
      }
    }
  }

  /** Calls a function of WINDOW; false: there is none. */
  call(): boolean {
    const { asm, random } = this.pieces
    if (this.entries.length === 0) return false
    asm.address(X, random.pick(this.entries))
    asm.op('jalr', { rd: 1, rs1: X })
    return true
  }
}
