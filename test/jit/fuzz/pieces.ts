// Straight pieces of random programs: arithmetic, memory, floats, counters, registers of S mode, atomics, traps. No piece jumps.
//
// x2, x3, x4, x8 and x9 hold addresses, x18 to x21 count loops, x27 is the fuel; all else is free.

import { SETS, describe, encode } from '../../lockstep/encode.ts'
import type { Random } from '../../lockstep/random.ts'
import type { Assembler } from './assembler.ts'
import { SERVICES } from './map.ts'
import type { World } from './world.ts'

/** Registers that pieces may write. */
export const FREE = [5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 22, 23, 24, 25, 26, 28, 29, 30, 31]
const FREE_SHORT = [10, 11, 12, 13, 14, 15]
export const [SP, GP, TP, S0, S1] = [2, 3, 4, 8, 9]
const BASES = [SP, GP, TP, S0, S1]
export const FUEL = 27
export const COUNTERS = [18, 19, 20, 21]
/** For sequences of instructions that belong together. */
export const [X, Y] = [6, 7]

const COMPUTING = [...SETS.integer, ...SETS.multiply, ...SETS.bits].filter(
  (name) =>
    ['R', 'R1', 'I', 'H5', 'H6', 'U'].includes(describe(name).format) && !/^(l[bhwd]u?|jalr|fence.*)$/.test(name),
)
const SIMPLE = [
  'add',
  'addi',
  'addiw',
  'addw',
  'sub',
  'slli',
  'srli',
  'and',
  'or',
  'xor',
  'andi',
  'sltu',
  'lui',
  'auipc',
]
const LOADS = ['lb', 'lh', 'lw', 'ld', 'lbu', 'lhu', 'lwu']
const STORES = ['sb', 'sh', 'sw', 'sd']
const SIZES: Record<string, number> = { b: 1, h: 2, w: 4, d: 8 }
const FLOATS = SETS.float.filter((name) => !/^f[ls][hwd]$/.test(name))
const COMMON_FLOATS = FLOATS.filter((name) => /^f(add|sub|mul|div|sqrt|n?madd|n?msub|cvt|eq|lt|le|sgnj|mv)/.test(name))
const AMOS = SETS.atomic.filter((name) => name.startsWith('amo'))

const [SSTATUS, SSCRATCH] = [0x100, 0x140]
/** sscratch, sepc, scause, stval, senvcfg. */
const PLAIN_REGISTERS = [SSCRATCH, 0x141, 0x142, 0x143, 0x10a]
/** SIE, SPIE, SPP, FS, SUM, MXR. */
const STATUS_BITS = [1 << 1, 1 << 5, 1 << 8, 1 << 13, 1 << 14, 1 << 18, 1 << 19]

/** How often a program does what; each program has a taste of its own. */
export interface Taste {
  arithmetic: number
  memory: number
  floats: number
  counters: number
  registers: number
  atomics: number
  traps: number
  changes: number
  scenes: number
  calls: number
  loops: number
  branches: number
}

export class Pieces {
  /** Bytes at the stack pointer that a function may touch without harm to what it has saved. */
  frame = { from: 0, to: 256 }

  constructor(
    readonly asm: Assembler,
    readonly random: Random,
    readonly world: World,
    readonly taste: Taste,
  ) {}

  rd(): number {
    return this.random.pick(FREE)
  }

  rs(): number {
    return this.random.once(4) ? this.random.below(32) : this.rd()
  }

  float(): number {
    return this.random.below(this.random.once(3) ? 32 : 8)
  }

  /** Some instructions of one kind. */
  piece() {
    const { random, taste } = this
    const kinds: [number, () => void][] = [
      [taste.arithmetic, () => this.repeat(1, 8, () => this.compute())],
      [taste.memory, () => this.accesses()],
      [taste.floats, () => this.repeat(1, 5, () => this.floating())],
      [taste.counters, () => this.counter()],
      [taste.registers, () => this.repeat(1, 3, () => this.register())],
      [taste.atomics, () => this.atomic()],
      [taste.traps, () => this.trap()],
    ]
    let at = random.below(kinds.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, make] of kinds) {
      if (at < weight) return make()
      at -= weight
    }
  }

  repeat(least: number, most: number, make: () => void): void {
    for (let i = this.random.between(least, most); i > 0; i--) make()
  }

  /** An instruction with random operands; `fixed` overrides some. */
  op(name: string, fixed: Parameters<typeof encode>[1] = {}): void {
    const { random } = this
    const { format } = describe(name)
    const imm =
      format === 'U'
        ? random.below(1 << 20)
        : random.once(3)
          ? random.pick([0, 1, -1, 2047, -2048])
          : random.between(-2048, 2047)
    const rm = random.once(4) ? random.pick([0, 1, 2, 3, 4, 7]) : random.once(60) ? 5 : 7
    this.asm.op(name, { rd: this.rd(), rs1: this.rs(), rs2: this.rs(), rs3: this.rs(), imm, rm, ...fixed })
  }

  compute(): void {
    const { random } = this
    if (random.once(3)) this.short()
    else if (random.once(12)) this.op(random.pick(COMPUTING), { rd: 0 })
    else this.op(random.pick(random.once(2) ? SIMPLE : COMPUTING))
  }

  /** A 16-bit instruction of arithmetic. */
  short() {
    const { asm, random } = this
    const rd = this.rd()
    const low = random.pick(FREE_SHORT) - 8
    const other = random.below(8)
    const six = random.below(64)
    const immediate = ((six >> 5) << 12) | ((six & 31) << 2)
    switch (random.below(9)) {
      case 0:
        return asm.emit(0x0001 | immediate | (rd << 7))
      case 1:
        return asm.emit(0x2001 | immediate | (rd << 7))
      case 2:
        return asm.emit(0x4001 | immediate | (rd << 7))
      case 3:
        return asm.emit(0x8001 | immediate | (random.below(3) << 10) | (low << 7))
      case 4:
        return asm.emit(0x8c01 | (random.below(4) << 5) | (low << 7) | (other << 2))
      case 5:
        return asm.emit(0x9c01 | (random.below(2) << 5) | (low << 7) | (other << 2))
      case 6:
        return asm.emit(0x0002 | immediate | (rd << 7))
      case 7:
        return asm.emit(0x8002 | (rd << 7) | (random.between(1, 31) << 2))
      default:
        return asm.emit(0x9002 | (rd << 7) | (random.between(1, 31) << 2))
    }
  }

  /** Several accesses off one base, close to each other, so that one check may serve them all; or must not. */
  accesses() {
    const { asm, random } = this
    const base = random.pick(BASES)
    const [from, to] = base === SP ? [this.frame.from, this.frame.to] : [-2048, 2040]
    const middle = base === SP || random.once(2) ? random.between(from, to - 8) : random.between(-64, 64)
    const spread = random.pick([8, 16, 64, 512])
    const aligned = random.once(2)
    this.repeat(1, 6, () => {
      if (random.once(6)) return this.shortAccess(base)
      const isLoad = random.once(2)
      const isFloat = random.once(6)
      const name = isFloat ? `f${isLoad ? 'l' : 's'}${random.pick(['w', 'd'])}` : random.pick(isLoad ? LOADS : STORES)
      const size = SIZES[name.replace(/^f?[ls]/, '').charAt(0)] as number
      let imm = Math.max(from, Math.min(to - size, middle + random.between(-spread, spread)))
      if (aligned) imm &= -size
      const rd = isFloat ? this.float() : random.once(20) ? 0 : this.rd()
      this.op(name, { rd, rs1: base, imm, ...(isFloat ? { rs2: this.float() } : {}) })
      if (random.once(6)) this.compute()
    })
    if (base === S1 && random.once(2)) this.walk()
    else if (random.once(8)) asm.op('ld', { rd: this.rd(), rs1: base, imm: middle & ~7 })
  }

  /** Moves x9 on, within the data around x3. */
  walk() {
    const { asm, random } = this
    if (random.once(3)) return asm.op('addi', { rd: S1, rs1: GP, imm: random.between(-2048, 2047) })
    asm.op('addi', { rd: S1, rs1: S1, imm: random.pick([1, 2, 4, 8, -8, 16, 24, 64, -64, 4]) })
  }

  /** A 16-bit access off x2, x8 or x9. */
  shortAccess(base: number) {
    const { asm, random } = this
    const value = random.pick(FREE_SHORT) - 8
    if (base === S0 || base === S1) {
      const wide = random.once(2)
      const offset = random.below(32)
      const place = wide
        ? ((offset & 7) << 10) | ((offset >> 3) << 5)
        : (((offset >> 1) & 7) << 10) | ((offset & 1) << 6) | ((offset >> 4) << 5)
      const kinds = wide ? [0x6000, 0xe000, 0x2000, 0xa000] : [0x4000, 0xc000]
      return asm.emit(random.pick(kinds) | place | ((base - 8) << 7) | (value << 2))
    }
    // Multiples of 8 in the frame; c.ldsp and c.sdsp reach 504 bytes.
    const offset = random.between((this.frame.from + 7) >> 3, (this.frame.to >> 3) - 1)
    if (offset < 0 || offset > 63) return this.compute()
    if (random.once(2)) {
      const place = (((offset >> 2) & 1) << 12) | ((offset & 3) << 5) | ((offset >> 3) << 2)
      return asm.emit(0x6002 | place | (this.rd() << 7))
    }
    asm.emit(0xe002 | ((offset & 7) << 10) | ((offset >> 3) << 7) | (this.rs() << 2))
  }

  floating() {
    const { asm, random } = this
    if (random.once(12)) return this.rounding()
    if (random.once(10))
      return this.op(random.pick(['fld', 'flw']), { rd: this.float(), rs1: GP, imm: random.between(-256, 255) * 8 })
    const name = random.pick(random.once(6) ? FLOATS : COMMON_FLOATS)
    const toInteger = /^(f(le|lt|eq|leq|ltq|class)\.|fcvtmod|fcvt\.[wl]u?\.|fmv\.x)/.test(name)
    const fromInteger = /^(fcvt\.[sd]\.[wl]|fmv\.[wdh]\.x)/.test(name)
    this.op(name, {
      rd: toInteger ? this.rd() : this.float(),
      rs1: fromInteger || name.startsWith('fli') ? this.rs() : this.float(),
      rs2: this.float(),
      rs3: this.float(),
    })
    if (random.once(16)) asm.op('csrrs', { rd: this.rd(), imm: 1 })
  }

  /** Changes rounding mode or flags. */
  rounding() {
    const { asm, random } = this
    switch (random.below(6)) {
      case 0:
        return asm.op('csrrwi', { rd: this.rd(), imm: 2, rs1: random.once(10) ? 5 : random.below(5) })
      case 1:
        return asm.op('csrrwi', { imm: 2 })
      case 2:
        return asm.op('csrrwi', { rd: this.rd(), imm: 1 })
      case 3:
        return asm.op('csrrsi', { imm: 1, rs1: random.below(32) })
      case 4:
        return asm.op('csrrci', { imm: 1, rs1: random.below(32) })
      default:
        return asm.op('csrrw', { rd: this.rd(), imm: 3, rs1: this.rd() })
    }
  }

  /** Reads a counter: it must be exact. */
  counter() {
    const { asm, random, world } = this
    const isMachine = world.mode === 'M'
    const imm = random.pick(isMachine ? [0xb00, 0xb02, 0xc00, 0xc02] : [0xc00, 0xc02, 0xc02])
    if (isMachine && random.once(12)) return asm.op('csrrw', { rd: this.rd(), imm: 0xb02, rs1: this.rd() })
    if (isMachine && random.once(30)) return asm.op('csrrwi', { imm: 0x320, rs1: random.pick([0, 0, 1, 4, 5]) })
    asm.op('csrrs', { rd: this.rd(), imm })
  }

  /** Reads or writes a register of S mode. */
  register() {
    const { asm, random, world } = this
    if (world.mode !== 'S') return this.counter()
    const imm = random.pick([SSTATUS, SSTATUS, ...PLAIN_REGISTERS])
    // The handler of S mode finds its memory by sscratch.
    if (imm === SSCRATCH && (world.medeleg | world.mideleg) !== 0) return asm.op('csrrs', { rd: this.rd(), imm })
    const name = random.pick(['csrrw', 'csrrs', 'csrrc'])
    const rd = random.once(3) ? 0 : this.rd()
    if (random.once(4)) return asm.op('csrrs', { rd: this.rd(), imm })
    if (random.once(4)) return asm.op(`${name}i`, { rd, imm, rs1: random.below(32) })
    if (imm !== SSTATUS || random.once(8)) return asm.op(name, { rd, imm, rs1: this.rs() })
    asm.constant(
      X,
      STATUS_BITS.filter(() => random.once(4)).reduce((sum, bit) => sum | bit, 0),
    )
    return asm.op(name === 'csrrw' && !random.once(4) ? 'csrrs' : name, { rd, imm, rs1: X })
  }

  atomic() {
    const { asm, random } = this
    const width = random.pick(['w', 'd'])
    const size = width === 'd' ? 8 : 4
    asm.op('addi', { rd: X, rs1: random.pick([GP, TP, S0]), imm: random.between(-2048, 2040) & -size })
    if (random.once(10)) asm.op('addi', { rd: X, rs1: X, imm: random.below(size) })
    if (random.once(2)) return this.op(random.pick(AMOS), { rs1: X, imm: random.below(4) })
    const rd = random.pick(FREE.filter((register) => register !== X))
    asm.op(`lr.${width}`, { rd, rs1: X, imm: random.below(4) })
    this.repeat(0, 2, () => this.op('addi', { rd, rs1: rd }))
    asm.op(`sc.${width}`, { rd: Y, rs1: X, rs2: rd, imm: random.below(4) })
    // Not for ever: after a failure just once more.
    if (random.once(2)) asm.op('bne', { rs1: Y, rs2: 0, imm: 4 })
  }

  /** What leaves translated code: a trap, a fence, a service, an access to nothing or to a device. */
  trap() {
    const { asm, random, world } = this
    switch (random.below(16)) {
      case 0:
      case 1:
        return asm.op('ecall')
      case 2:
      case 3:
        asm.op('addi', { rd: 17, imm: random.below(SERVICES + 1) })
        return asm.op('ecall')
      case 4:
        return asm.emit(random.once(2) ? 0x9002 : encode('ebreak'))
      case 5:
        return asm.emit(random.pick([0xffff_ffff, 0, 0x0000_5063, 0x8002, 0x0200_70ab]))
      case 6:
        // Far below RAM, or nowhere.
        return this.op(random.pick([...LOADS, ...STORES]), { rs1: 0, imm: random.between(-2048, 2047) & ~7 })
      case 7:
        asm.op('lui', { rd: X, imm: 0x10000 })
        return this.op(random.pick([...LOADS, ...STORES]), { rs1: X, imm: random.below(256) * 8 })
      case 8:
        // Beyond the end of RAM, or at it.
        asm.op('addi', { rd: X, imm: 1 })
        asm.op('slli', { rd: X, rs1: X, imm: 31 })
        asm.op('lui', { rd: Y, imm: 0x80 })
        asm.op('add', { rd: X, rs1: X, rs2: Y })
        return this.repeat(1, 3, () =>
          this.op(random.pick([...LOADS, ...STORES]), { rs1: X, imm: random.between(-12, 3) }),
        )
      case 9:
        return asm.op(random.pick(['fence', 'fence.i', 'wrs.nto']), {})
      case 10:
        if (world.mode === 'U') return asm.op('fence.i')
        return asm.op('sfence.vma', { rs1: random.once(2) ? 0 : random.pick(BASES) })
      case 11:
        return asm.op('wfi')
      case 12:
        // Floats off, a few instructions, and on again by the service.
        if (world.mode === 'U') return asm.op('ecall')
        asm.op('lui', { rd: X, imm: random.pick([2, 4, 6]) })
        asm.op('csrrc', { imm: world.mode === 'M' ? 0x300 : 0x100, rs1: X })
        this.repeat(1, 3, () =>
          random.once(2) ? this.floating() : this.op('fld', { rd: this.float(), rs1: GP, imm: 8 }),
        )
        asm.op('lui', { rd: X, imm: 6 })
        return asm.op('csrrs', { imm: world.mode === 'M' ? 0x300 : 0x100, rs1: X })
      case 13:
        asm.op('andi', { rd: X, rs1: random.pick([GP, S0, TP]), imm: -64 })
        return asm.op(random.pick(['cbo.zero', 'cbo.clean', 'cbo.flush', 'cbo.inval']), { rs1: X })
      case 14:
        // A software interrupt, or SUM.
        if (world.mode === 'U') return asm.op('csrrs', { rd: this.rd(), imm: 0xc01 })
        if (random.once(2)) return asm.op('csrrsi', { imm: world.mode === 'M' ? 0x344 : 0x144, rs1: 2 })
        asm.op('lui', { rd: X, imm: 0x40 })
        return asm.op(random.pick(['csrrs', 'csrrc']), { imm: 0x100, rs1: X })
      default:
        return asm.op(random.pick(['ecall', 'ecall', 'mret', 'sret']))
    }
  }
}
