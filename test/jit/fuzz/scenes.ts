// What happens on the stage: its functions, and pieces of programs that call them again and again while routines change
// what the stage's pages lead to.

import { encode } from '../../lockstep/encode.ts'
import type { Label } from './assembler.ts'
import { CODE_FRAMES, FRAMES, GUARD_FRAME, SERVICES } from './map.ts'
import { COUNTERS, type Pieces, X, Y } from './pieces.ts'
import { callRoutine } from './routines.ts'
import { CODE_VIEW, DATA_VIEW, FIELD, FIELD_END, type Stage, addressOf, viewNear } from './stage.ts'

const RETURN = 0x8082
const Z = 5
/** Instructions that stay valid whatever becomes of their immediate. */
const SITES = ['addi', 'xori', 'ori', 'andi', 'slti', 'sltiu']
const SIMPLE = ['add', 'xor', 'sub', 'mul', 'sltu', 'addw', 'sh1add', 'rol']

/** Where functions begin on each page: two that call, one that doesn't, one that writes code, one over the page's end. */
const [TOP, MIDDLE, LEAF, WRITER, BORDER] = [0x100, 0x400, 0x800, 0xa00, 0xf80]
/** Of the part behind the border, on the next page. */
const TAIL_END = 0x60
/** Bytes of each page that code may be written to, and that may be stored to. */
const [WRITTEN, STORED, STORED_END] = [0xc00, 0xd00, 0xe00]
/** Page for which distances to data are reckoned; from other pages it is other data. */
const NOMINAL = CODE_VIEW + 3

/** A place in a function; in all frames as many bytes long. */
type Slot = 'site' | 'simple' | 'near load' | 'load' | 'near store' | 'store'

export class Scenes {
  readonly isThere: boolean
  /** Offsets of instructions whose immediate may change, in every frame of code. */
  private sites: number[] = []
  /** Favourite functions of this program: addresses. */
  private entries: number[] = []

  constructor(private readonly pieces: Pieces) {
    this.isThere = pieces.world.stage !== undefined
  }

  /** Writes the stage's frames of code. */
  build(): void {
    if (!this.isThere) return
    const { random } = this.pieces
    const slots = (least: number, most: number) =>
      Array.from({ length: random.between(least, most) }, () => this.slot())
    const near = () => random.pick([-1, -1, 0, 1, 1])
    const shape: Shape = {
      bodies: [slots(1, 4), slots(0, 3), slots(1, 4), slots(0, 3), slots(2, 7)],
      middle: { distance: near(), offset: LEAF },
      top: { distance: near(), offset: random.pick([MIDDLE, MIDDLE, LEAF, BORDER, WRITER]) },
      crosses: random.once(2),
      writerView: DATA_VIEW + random.below(4),
      offsets: [],
    }
    for (let i = 0; i < FRAMES; i++) this.frame(CODE_FRAMES + i * 4096, shape, false)
    this.sites = shape.offsets
    this.frame(GUARD_FRAME, shape, true)
    this.entries = Array.from({ length: random.between(1, 4) }, () => {
      const view = this.view(CODE_VIEW)
      const offset = random.pick([TOP, TOP, TOP, MIDDLE, BORDER, LEAF, WRITER])
      return addressOf(view) + offset + (offset === BORDER && shape.crosses ? 2 : 0)
    })
  }

  private view(first: number): number {
    const { random, world } = this.pieces
    return viewNear(random, world.stage as Stage, first)
  }

  private slot(): Slot {
    return this.pieces.random.pick<Slot>(['site', 'site', 'simple', 'near load', 'load', 'load', 'near store', 'store'])
  }

  private frame(gpa: number, shape: Shape, isGuard: boolean): void {
    const { asm, random } = this.pieces
    const begin = (offset: number) => asm.at(gpa + offset, addressOf(NOMINAL) + offset)
    const fill = (slots: Slot[]) => {
      for (const slot of slots) this.instructions(slot, shape)
    }
    const times = (counter: number, most: number) =>
      asm.op('addi', { rd: counter, imm: random.pick([1, 2, random.between(1, most)]) })
    const again = (counter: number, head: Label) => {
      asm.op('addi', { rd: counter, rs1: counter, imm: -1 })
      asm.jump(encode('bne', { rs1: counter }), head)
    }
    const [beforeCall, afterCall, before, after, inLeaf] = shape.bodies as [Slot[], Slot[], Slot[], Slot[], Slot[]]
    const caller = (offset: number, link: number, counter: number, first: Slot[], second: Slot[], callee: Callee) => {
      begin(offset)
      if (isGuard) return asm.emit(RETURN)
      this.instructions('site', shape)
      asm.op('addi', { rd: link, rs1: 1 })
      times(counter, 4)
      const head = asm.mark()
      fill(first)
      const place = callee.offset + (callee.offset === BORDER && shape.crosses ? 2 : 0)
      asm.jump(encode('jal', { rd: 1 }), { address: addressOf(NOMINAL + callee.distance) + place })
      fill(second)
      again(counter, head)
      asm.op('addi', { rd: 1, rs1: link })
      asm.emit(RETURN)
    }
    caller(TOP, 26, 22, beforeCall, afterCall, shape.top)
    caller(MIDDLE, 28, 23, before, after, shape.middle)

    begin(LEAF)
    this.instructions('site', shape)
    times(24, 6)
    const head = asm.mark()
    fill(inLeaf)
    again(24, head)
    asm.emit(RETURN)
    this.writer(begin, shape)
    this.border(begin, shape, isGuard)
  }

  /** A loop that begins on one page and ends on the next, with an instruction on both now and then. */
  private border(begin: (offset: number) => void, shape: Shape, isGuard: boolean): void {
    const { asm, random } = this.pieces
    const start = BORDER + (shape.crosses ? 2 : 0)
    begin(start)
    if (isGuard) asm.emit(RETURN)
    else {
      asm.op('addi', { rd: 25, imm: random.between(1, 4) })
      while (asm.here < addressOf(NOMINAL) + 0xffc) this.instructions(random.once(2) ? 'site' : 'simple', shape)
      if (shape.crosses) asm.half(this.siteWord() & 0xffff)
    }
    begin(0)
    if (shape.crosses) asm.half(this.siteWord() >>> 16)
    while (asm.here < addressOf(NOMINAL) + TAIL_END) this.instructions(random.once(2) ? 'site' : 'simple', shape)
    asm.op('addi', { rd: 25, rs1: 25, imm: -1 })
    asm.jump(encode('blt', { rs1: 0, rs2: 25 }), { address: addressOf(NOMINAL - 1) + start + 4 })
    asm.emit(RETURN)
  }

  /** Writes a function to a page of data that may be executed, as long as its tables allow it, and calls it. */
  private writer(begin: (offset: number) => void, shape: Shape): void {
    const { asm, random } = this.pieces
    begin(WRITER)
    asm.op('addi', { rd: 29, rs1: 1 })
    this.absolute(Y, addressOf(shape.writerView) + WRITTEN + 4 * random.below(16))
    // addi a0, a0, or another site, with an immediate out of a register.
    asm.constant(Z, encode(random.pick(SITES), { rd: 10 + random.below(4), rs1: 10 + random.below(4) }))
    asm.op('slli', { rd: X, rs1: 10 + random.below(6), imm: 20 + random.below(8) })
    asm.op('xor', { rd: Z, rs1: Z, rs2: X })
    asm.op('sw', { rs1: Y, rs2: Z })
    asm.constant(Z, encode('jalr', { rs1: 1 }))
    asm.op('sw', { rs1: Y, rs2: Z, imm: 4 })
    if (random.once(2)) asm.op('fence.i')
    asm.op('jalr', { rd: 1, rs1: Y })
    asm.op('addi', { rd: 1, rs1: 29 })
    asm.emit(RETURN)
  }

  private siteWord(): number {
    const { random } = this.pieces
    const operands = { rd: random.between(10, 15), rs1: random.between(10, 15), imm: random.between(-2048, 2047) }
    return encode(random.pick(SITES), operands) >>> 0
  }

  private instructions(slot: Slot, shape: Shape) {
    const { asm, random } = this.pieces
    const value = random.between(10, 15)
    const data = (offset: number) => addressOf(this.view(DATA_VIEW)) + offset
    const loaded = () => data(random.below(4096 / 8) * 8)
    const stored = () => data(STORED + random.below((STORED_END - STORED) / 8) * 8)
    switch (slot) {
      case 'site':
        shape.offsets.push(asm.here & 0xfff)
        return asm.emit(this.siteWord())
      case 'simple':
        return asm.op(random.pick(SIMPLE), { rd: value, rs1: random.between(10, 15), rs2: random.between(10, 15) })
      case 'near load':
        return asm.reach(Y, { address: loaded() }, encode(random.pick(['ld', 'lw', 'lbu']), { rd: value, rs1: Y }))
      case 'load': {
        const low = this.absolute(Y, loaded(), true)
        return asm.op(random.pick(['ld', 'lwu', 'lh']), { rd: value, rs1: Y, imm: low })
      }
      case 'near store':
        asm.address(Y, { address: stored() })
        return asm.op(random.pick(['sd', 'sw', 'sb']), { rs1: Y, rs2: value })
      default: {
        const low = this.absolute(Y, stored(), true)
        return asm.op(random.pick(['sd', 'sw', 'sh']), { rs1: Y, rs2: value, imm: low })
      }
    }
  }

  /** rd = an address on the stage; or only nearly, and what is missing is the answer. */
  private absolute(rd: number, address: number, isPart = false): number {
    const { asm } = this.pieces
    const low = (address << 20) >> 20
    asm.op('lui', { rd, imm: ((address - low) >>> 12) & 0xfffff })
    asm.op('add.uw', { rd, rs1: rd, rs2: 0 })
    if (isPart) return low
    asm.op('addi', { rd, rs1: rd, imm: low })
    return 0
  }

  /** Calls functions, lets something change, and calls them again. */
  act() {
    const { asm, random, world } = this.pieces
    if (world.mode === 'S' && random.once(3)) {
      // S mode may touch pages of the user; or not.
      asm.op('lui', { rd: X, imm: 0x40 })
      asm.op(random.once(5) ? 'csrrc' : 'csrrs', { imm: 0x100, rs1: X })
    }
    const favourite = random.pick(this.entries)
    if (random.once(4)) return this.tour(favourite)
    this.pieces.repeat(1, 3, () => this.call(random.once(4) ? random.pick(this.entries) : favourite))
    this.pieces.repeat(1, 2, () => (random.once(8) ? this.patch() : this.change()))
    this.pieces.repeat(1, 2, () => this.call(favourite))
  }

  /** Calls a function in several address spaces in turn; what changes in between is mostly seen later. */
  private tour(entry: number): void {
    const { random, world } = this.pieces
    const rows = world.rows.length
    this.pieces.repeat(2, 4, () => {
      this.change(random.below(rows))
      this.pieces.repeat(1, 2, () => this.call(entry))
      if (random.once(3)) this.change()
    })
  }

  private call(entry: number): void {
    const { asm } = this.pieces
    asm.address(X, { address: entry })
    asm.op('jalr', { rd: 1, rs1: X })
  }

  /** A routine does its work, called or asked for. */
  private change(number = this.pieces.random.below(this.pieces.world.routines.length)) {
    const { asm, random, world } = this.pieces
    if (world.mode === 'S' && random.once(2)) return callRoutine(asm, world.routines[number] as Label, X)
    asm.op('addi', { rd: 17, imm: SERVICES + number })
    asm.op('ecall')
  }

  /** Another immediate in an instruction of a function, by the page that leads there, or past the stage. */
  private patch() {
    const { asm, random } = this.pieces
    if (this.sites.length === 0) return
    const page = random.once(2) ? addressOf(this.view(CODE_VIEW)) : CODE_FRAMES + random.below(FRAMES) * 4096
    const counter = COUNTERS[3] as number
    asm.address(X, { address: page + random.pick(this.sites) })
    // So often that the page counts as data again, or once.
    asm.op('addi', { rd: counter, imm: random.once(4) ? 37 : 1 })
    asm.op('lw', { rd: Y, rs1: X })
    const head = asm.mark()
    asm.op('lui', { rd: Z, imm: random.below(256) << 8 })
    asm.op('xor', { rd: Y, rs1: Y, rs2: Z })
    asm.op('sw', { rs1: X, rs2: Y })
    asm.op('addi', { rd: counter, rs1: counter, imm: -1 })
    asm.jump(encode('blt', { rs1: 0, rs2: counter }), head)
    if (random.once(2)) asm.op('fence.i')
  }

  /** Goes over many pages of the field, so that lists of what TLBs were given run over; then something changes. */
  sweep() {
    const { asm, random } = this.pieces
    const counter = COUNTERS[3] as number
    const pages = random.pick([40, 130, 300])
    const writes = random.once(2)
    const walk = () => {
      asm.op('addi', { rd: counter, imm: pages })
      asm.address(X, { address: addressOf(FIELD) + STORED })
      asm.op('lui', { rd: Z, imm: 1 })
      const head = asm.mark()
      asm.op('ld', { rd: Y, rs1: X, imm: 8 })
      asm.op('add', { rd: 10, rs1: 10, rs2: Y })
      if (writes) asm.op('sd', { rs1: X, rs2: 10 })
      asm.op('add', { rd: X, rs1: X, rs2: Z })
      asm.op('addi', { rd: counter, rs1: counter, imm: -1 })
      asm.jump(encode('bne', { rs1: counter }), head)
    }
    if (FIELD + 300 > FIELD_END) throw new Error('The field is too small')
    walk()
    this.pieces.repeat(1, 2, () => this.change())
    walk()
  }
}

interface Callee {
  /** Pages from the caller's. */
  distance: number
  offset: number
}

/** What all frames of code have in common. */
interface Shape {
  bodies: Slot[][]
  top: Callee
  middle: Callee
  /** The function over the page's end has an instruction on both pages. */
  crosses: boolean
  /** Page that code is written to. */
  writerView: number
  offsets: number[]
}
