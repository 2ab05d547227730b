// Random control flow out of pieces: functions with loops, branches, switches, calls and returns of all sorts.
//
// A function keeps its loop counters and return address in a frame. Whatever loops or calls takes a unit of fuel (x27), and
// stops when there is none, so a round of `main` ends; x27 is filled up at its begin. What breaks these habits, such as a
// changed return address or overwritten code, is caught by the world's handlers and the schedule's interrupts.

import { encode } from '../../lockstep/encode.ts'
import type { Random } from '../../lockstep/random.ts'
import type { Assembler, Label } from './assembler.ts'
import { Changes } from './changes.ts'
import { CODE, CODE_PAGES, DATA, FRESH, RAM, STACK_TOP, TABLES } from './map.ts'
import { COUNTERS, FUEL, GP, Pieces, S0, S1, SP, type Taste, TP, X, Y } from './pieces.ts'
import { Scenes } from './scenes.ts'
import type { World } from './world.ts'

/** Entries of a jump table, a power of two. */
const CHOICES = 4
/** In the data: where a jump out of the depth leads, and its stack pointer. */
const JUMP = 0x700
const CONDITIONS = ['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu']
const RETURN = 0x8082

interface Routine {
  entry: Label
  /** Called by `jal t0`, and returns there. */
  isMillicode: boolean
}

export class Flow {
  readonly pieces: Pieces
  readonly changes: Changes
  readonly scenes: Scenes
  private readonly routines: Routine[] = []
  /** Where the next jump table lies. */
  private table = TABLES
  /** Depth of loops in the function being written. */
  private depth = 0
  /** Labels inside of loops, for jumps into them. */
  private inner: Label[] = []
  /** Instructions of the function that may still be written: nesting must not make it endless. */
  private room = 0
  /** It calls nothing. */
  private isLeaf = false

  constructor(
    private readonly asm: Assembler,
    private readonly random: Random,
    world: World,
    private readonly taste: Taste,
  ) {
    this.pieces = new Pieces(asm, random, world, taste)
    this.changes = new Changes(this.pieces)
    this.scenes = new Scenes(this.pieces)
  }

  /** Writes the whole program, which begins at `main` and never ends. */
  program(main: Label): void {
    const { asm, random } = this
    const count = random.between(2, 9)
    for (let i = 0; i < count; i++) this.routines.push({ entry: asm.label(), isMillicode: random.once(6) })
    this.changes.window(random)
    this.scenes.build()
    asm.at(CODE + random.below(64) * 2)
    this.main(main)
    const end = CODE + CODE_PAGES * 4096
    for (const routine of this.routines) {
      this.place()
      if (asm.here > end - 6000) asm.at(CODE + 0x2000 + random.below(0x800) * 2)
      this.routine(routine)
    }
  }

  /** Leaves a gap now and then, often so that the next function begins just before a page's end. */
  private place() {
    const { asm, random } = this
    switch (random.below(4)) {
      case 0: {
        const next = (asm.here | 0xfff) + 1
        const back = random.between(1, 40) * 2
        if (next - back > asm.here) asm.at(next - back)
        return
      }
      case 1:
        return asm.at(asm.here + random.below(300) * 2)
      default:
    }
  }

  private main(main: Label): void {
    const { asm, random } = this
    const address = (rd: number, to: number) => asm.address(rd, { address: to })
    asm.mark(main)
    // Bases near page borders; the stack pointer keeps its alignment, or doesn't.
    address(GP, DATA + 0x2000 + random.pick([0, 0, -8, 4, 1]))
    address(TP, DATA + 0x5000 + random.pick([0, -4, 3, 16, 0x800]))
    address(S0, FRESH + random.pick([0, 0x1000, 0x7f8]))
    address(SP, STACK_TOP - random.pick([0, 16, 0x800, 0xff8]))
    address(S1, DATA + 0x1ff0 + random.below(32))
    asm.op('addi', { rd: FUEL, imm: random.pick([30, 100, 300, 2000]) })
    this.room = 400
    this.depth = 0
    this.pieces.frame = { from: -512, to: -8 }
    this.body(random.between(2, 6))
    this.pieces.repeat(1, 5, () => {
      this.call()
      this.pieces.piece()
    })
    this.loop(() => this.call())
    if (this.scenes.isThere) this.pieces.repeat(1, 3, () => this.scene())
    asm.jump(encode('jal'), main)
  }

  private routine(routine: Routine) {
    const { asm, random } = this
    asm.mark(routine.entry)
    this.room = random.pick([40, 120, 300])
    this.depth = 0
    this.inner = []
    if (routine.isMillicode) {
      this.pieces.frame = { from: 0, to: 64 }
      this.pieces.repeat(1, 4, () => this.pieces.compute())
      return asm.emit(random.once(2) ? 0x8002 | (5 << 7) : encode('jalr', { rs1: 5 }))
    }
    const size = 48 + random.pick([0, 16, 32, 64, 208, 8])
    asm.op('addi', { rd: SP, rs1: SP, imm: -size })
    const saved = [1, ...COUNTERS]
    saved.forEach((rs2, i) => asm.op('sd', { rs1: SP, rs2, imm: 8 * i }))
    this.pieces.frame = { from: 40, to: size }
    this.isLeaf = random.once(3)
    this.body(random.between(2, 8))
    if (random.once(10)) this.spoilReturn()
    saved.forEach((rd, i) => asm.op('ld', { rd, rs1: SP, imm: 8 * i }))
    asm.op('addi', { rd: SP, rs1: SP, imm: size })
    this.leave()
  }

  /** The return address is not what the caller expects. */
  private spoilReturn(): void {
    const { asm, random } = this
    if (random.once(2)) {
      // Behind the next instruction of the caller, or in its middle.
      asm.op('ld', { rd: X, rs1: SP, imm: 0 })
      asm.op('addi', { rd: X, rs1: X, imm: random.pick([2, 4, 4, 8]) })
    } else {
      asm.address(X, random.pick(this.routines).entry)
    }
    asm.op('sd', { rs1: SP, rs2: X, imm: 0 })
  }

  /** The end of a function: a return, a tail call, a jump out of the depth, or the next function. */
  private leave() {
    const { asm, random } = this
    const next = random.pick(
      this.routines.filter(({ isMillicode }) => !isMillicode).concat(this.routines[0] as Routine),
    )
    switch (random.below(12)) {
      case 0: {
        const end = asm.label()
        asm.op('addi', { rd: FUEL, rs1: FUEL, imm: -1 })
        asm.jump(encode('bge', { rs1: 0, rs2: FUEL }), end)
        if (random.once(2)) asm.jump(encode('jal'), next.entry)
        else asm.reach(X, next.entry, encode('jalr', { rs1: X }))
        asm.mark(end)
        return asm.emit(RETURN)
      }
      case 1:
        // Falls into whatever comes next.
        return
      case 2: {
        // longjmp: the stack is what it was at the place that is jumped to.
        asm.op('andi', { rd: X, rs1: this.pieces.rd(), imm: 3 })
        const end = asm.label()
        asm.jump(encode('bne', { rs1: X }), end)
        asm.address(Y, { address: DATA + JUMP })
        asm.op('ld', { rd: X, rs1: Y, imm: 0 })
        asm.jump(encode('beq', { rs1: X }), end)
        asm.op('ld', { rd: SP, rs1: Y, imm: 8 })
        asm.emit(0x8002 | (X << 7))
        asm.mark(end)
        return asm.emit(RETURN)
      }
      case 3:
        return asm.op('jalr', { rs1: 1 })
      default:
        return asm.emit(RETURN)
    }
  }

  private body(statements: number): void {
    for (let i = 0; i < statements; i++) this.statement()
  }

  private statement() {
    const { random, taste } = this
    if (--this.room < 0) return this.pieces.compute()
    const kinds: [number, () => void][] = [
      [40, () => this.pieces.piece()],
      [taste.loops, () => this.loop(() => this.body(random.between(1, 4)))],
      [taste.branches, () => this.choice()],
      [taste.calls, () => this.call()],
      [taste.branches >> 1, () => this.table4()],
      [taste.loops >> 2, () => this.walk()],
      [taste.calls >> 2, () => this.setJump()],
      [taste.changes, () => this.changes.change()],
      [this.scenes.isThere ? taste.scenes : 0, () => this.scene()],
    ]
    let at = random.below(kinds.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, make] of kinds) {
      if (at < weight) return make()
      at -= weight
    }
  }

  private condition(label: Label, odds = 2): void {
    const { asm, random } = this
    if (random.once(5)) asm.jump(0xc001 | (random.below(2) << 13) | (random.below(8) << 7), label)
    else if (random.once(odds))
      asm.jump(encode(random.pick(CONDITIONS), { rs1: this.pieces.rd(), rs2: this.pieces.rs() }), label)
    else {
      // Taken now and then, by low bits of something.
      asm.op('andi', { rd: X, rs1: this.pieces.rd(), imm: random.pick([1, 3, 7]) })
      asm.jump(encode(random.pick(['beq', 'bne']), { rs1: X }), label)
    }
  }

  private choice(): void {
    const { asm, random } = this
    const [other, end] = [asm.label(), asm.label()]
    this.condition(other)
    this.body(random.between(1, 2))
    if (random.once(2)) {
      asm.mark(other)
      return
    }
    if (random.once(4)) asm.jump(0xa001, end)
    else asm.jump(encode('jal'), end)
    asm.mark(other)
    this.body(random.between(1, 2))
    asm.mark(end)
  }

  /** A loop: counted, or as long as something holds; left and gone on with in its middle, and sometimes entered there. */
  private loop(body: () => void) {
    const { asm, random } = this
    if (this.depth >= COUNTERS.length) return this.pieces.piece()
    const counter = COUNTERS[this.depth++] as number
    const [head, middle, next, end] = [asm.label(), asm.label(), asm.label(), asm.label()]
    asm.op('addi', { rd: counter, imm: random.pick([1, 2, 3, 7, 20, 50]) })
    if (random.once(5)) this.condition(middle)
    if (random.once(6) && this.inner.length > 0) this.condition(random.pick(this.inner), 4)
    if (random.once(4)) asm.jump(encode('jal'), next)
    asm.mark(head)
    body()
    if (random.once(4)) this.condition(end)
    asm.mark(middle)
    if (random.once(2)) this.inner.push(middle)
    if (random.once(2)) this.pieces.piece()
    if (random.once(4)) this.condition(next)
    if (random.once(2)) body()
    asm.mark(next)
    if (random.once(2)) {
      asm.op('addi', { rd: FUEL, rs1: FUEL, imm: -1 })
      asm.jump(encode('bge', { rs1: 0, rs2: FUEL }), end)
    }
    asm.op('addi', { rd: counter, rs1: counter, imm: -1 })
    asm.jump(encode(random.pick(['bne', 'blt']), { rs1: 0, rs2: counter }), head)
    asm.mark(end)
    this.depth--
  }

  /** A loop that walks over memory with one or two pointers, across pages. */
  private walk() {
    const { asm, random } = this
    if (this.depth >= COUNTERS.length) return this.pieces.piece()
    const counter = COUNTERS[this.depth++] as number
    const step = random.pick([1, 2, 4, 8, 8, 16, 32, -8])
    const size = random.pick(['b', 'h', 'w', 'd'])
    const head = asm.label()
    asm.op('addi', { rd: counter, imm: random.pick([10, 60, 300]) })
    asm.op('addi', { rd: X, rs1: GP, imm: random.between(-2048, 2047) })
    asm.op('addi', { rd: S1, rs1: random.pick([GP, TP]), imm: random.between(-2048, 2047) })
    asm.mark(head)
    const times = random.between(1, 4)
    for (let i = 0; i < times; i++) {
      asm.op(`l${size}`, { rd: Y, rs1: S1, imm: i * 8 })
      if (random.once(2)) asm.op('add', { rd: 10, rs1: 10, rs2: Y })
      if (random.once(2)) asm.op(`s${size}`, { rs1: X, rs2: random.pick([Y, 10]), imm: i * 8 })
    }
    asm.op('addi', { rd: S1, rs1: S1, imm: step })
    asm.op('addi', { rd: X, rs1: X, imm: random.pick([step, 8]) })
    asm.op('addi', { rd: counter, rs1: counter, imm: -1 })
    asm.jump(encode('bne', { rs1: counter }), head)
    this.depth--
  }

  /** A call of some function in some way. */
  private call() {
    const { asm, random } = this
    if (this.isLeaf) return this.pieces.piece()
    const routine = random.pick(this.routines)
    const end = asm.label()
    if (routine.isMillicode) {
      if (random.once(2)) return asm.jump(encode('jal', { rd: 5 }), routine.entry)
      return asm.reach(X, routine.entry, encode('jalr', { rd: 5, rs1: X }))
    }
    asm.op('addi', { rd: FUEL, rs1: FUEL, imm: -1 })
    asm.jump(encode('bge', { rs1: 0, rs2: FUEL }), end)
    switch (random.below(7)) {
      case 0:
        asm.reach(1, routine.entry, encode('jalr', { rd: 1, rs1: 1 }))
        break
      case 1:
        asm.address(X, routine.entry)
        asm.emit(0x9002 | (X << 7))
        break
      case 2: {
        // Through a table.
        const at = this.addresses(Array.from({ length: CHOICES }, () => random.pick(this.routines).entry))
        this.pick(at)
        asm.op('jalr', { rd: 1, rs1: X })
        break
      }
      case 3:
        if (this.changes.call()) break
        asm.jump(encode('jal', { rd: 1 }), routine.entry)
        break
      default:
        asm.jump(encode('jal', { rd: 1 }), routine.entry)
    }
    // What comes behind a call may be skipped by a return that is not as expected.
    if (random.once(3)) asm.op('addi', { rd: this.pieces.rd(), rs1: this.pieces.rd(), imm: 1 })
    asm.mark(end)
  }

  /** Puts addresses into the tables; where. */
  private addresses(labels: Label[]): number {
    if (this.table + 8 * labels.length > TABLES + 4096) this.table = TABLES
    const at = this.table
    labels.forEach((label, i) => this.asm.word(at + 8 * i, label))
    this.table += 8 * labels.length
    return at
  }

  /** x6 = one of the addresses at `at`, by low bits of something. */
  private pick(at: number): void {
    const { asm, random } = this
    asm.op('andi', { rd: Y, rs1: random.once(2) ? FUEL : this.pieces.rd(), imm: CHOICES - 1 })
    asm.address(X, { address: at })
    asm.op('sh3add', { rd: X, rs1: Y, rs2: X })
    asm.op('ld', { rd: X, rs1: X })
  }

  /** A switch: a jump through a table, or into a row of jumps. */
  private table4(): void {
    const { asm, random } = this
    const cases = Array.from({ length: CHOICES }, () => asm.label())
    const end = asm.label()
    if (random.once(2)) {
      this.pick(this.addresses(cases))
      asm.emit(random.once(2) ? 0x8002 | (X << 7) : encode('jalr', { rs1: X, imm: 0 }))
    } else {
      asm.op('andi', { rd: Y, rs1: this.pieces.rd(), imm: CHOICES - 1 })
      asm.op('slli', { rd: Y, rs1: Y, imm: 2 })
      asm.op('auipc', { rd: X })
      asm.op('add', { rd: X, rs1: X, rs2: Y })
      asm.op('jalr', { rs1: X, imm: 12 })
      for (const label of cases) asm.jump(encode('jal'), label)
    }
    for (const label of cases) {
      asm.mark(label)
      this.body(1)
      if (!random.once(3)) asm.jump(encode('jal'), end)
    }
    asm.mark(end)
  }

  /** Code of the stage is called again and again while the stage changes. */
  private scene() {
    if (this.random.once(8)) this.scenes.sweep()
    else if (this.random.once(4)) this.scenes.act()
    else this.loop(() => this.scenes.act())
  }

  /** setjmp: functions that are called from here may come back to this place, past their callers. */
  private setJump(): void {
    const { asm } = this
    const place = asm.label()
    asm.address(Y, { address: DATA + JUMP })
    asm.address(X, place)
    asm.op('sd', { rs1: Y, rs2: X, imm: 0 })
    asm.op('sd', { rs1: Y, rs2: SP, imm: 8 })
    asm.mark(place)
    this.pieces.piece()
  }
}

/** Where programs put their words lies in RAM; what is above may be reached by no `auipc`. */
if (STACK_TOP - RAM > 1 << 20) throw new Error('The world does not fit')
