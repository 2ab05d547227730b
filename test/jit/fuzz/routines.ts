// Routines that change page tables and address spaces, and fence as the privileged spec demands before anybody may rely on it
// (12.2.1): programs that do nothing else come to the same on harts with TLBs of any kind, and without.
//
//   ROUTINES  where each routine begins, for M mode | the same for S mode | what satp is in each row: for U mode, for S mode | code
//
// The first routines do nothing but change to a row of address spaces, one each; what the others do is drawn.
//
// A routine is called with x1, by S mode or by a trap handler; x30 is 8 if the program is in S mode, and 0 in U mode. It
// changes x5, x28, x29, and leaves no address of a table in them.

import type { Random } from '../../lockstep/random.ts'
import { encode } from '../../lockstep/encode.ts'
import type { Assembler, Label } from './assembler.ts'
import { CODE_FRAMES, FRAMES, ROUTINES, ROUTINES_END, TREES } from './map.ts'
import { CODE_VIEW, DATA_VIEW, type Fence, type Stage, VIEWS, addressOf, flagsOf, frameOf, viewNear } from './stage.ts'
import { A, D, R, type Row, V, W, X, asidsOf, entry, isAmbiguous, satp, stageLink, stageTables } from './tables.ts'

/** Routines of a program with a stage. */
export const ROUTINE_COUNT = 24
export const ROUTINES_OF_MACHINE = ROUTINES
export const ROUTINES_OF_SUPERVISOR = ROUTINES + 8 * ROUTINE_COUNT
const SATPS = ROUTINES_OF_SUPERVISOR + 8 * ROUTINE_COUNT
const CODE_START = ROUTINES + 0x400
/** Bytes that a routine may take. */
const ROUTINE_MOST = 2400

const SATP = 0x180
const SSTATUS = 0x100
// Registers.
const [LINK, T, E, MODE] = [5, 28, 29, 30]

export class Routines {
  constructor(
    private readonly asm: Assembler,
    private readonly random: Random,
    private readonly stage: Stage,
    /** Where routines begin, for calls from S mode. */
    private readonly entries: Label[],
  ) {}

  /** Writes all; assembling goes on behind them. */
  build(): void {
    const { asm, random } = this
    this.stage.rows.forEach(({ supervisor, user }, i) => {
      asm.set64(SATPS + 16 * i, satp(user))
      asm.set64(SATPS + 16 * i + 8, satp(supervisor))
    })
    asm.at(CODE_START)
    const nothing = asm.mark()
    asm.op('jalr', { rs1: 1 })
    this.entries.forEach((label, i) => {
      asm.mark(label)
      const isFull = asm.here > ROUTINES_END - ROUTINE_MOST
      const touches = !isFull && random.once(6)
      const row = this.stage.rows[i]
      if (row !== undefined) this.change(row, i)
      else for (let k = isFull ? 0 : random.pick([1, 1, 1, 2]); k > 0; k--) this.action()
      if (touches) this.touch()
      asm.op('addi', { rd: T, imm: i })
      asm.op('jalr', { rs1: 1 })
      // M mode sees no pages of the stage.
      asm.word(ROUTINES_OF_MACHINE + 8 * i, touches ? nothing : label)
      asm.word(ROUTINES_OF_SUPERVISOR + 8 * i, label)
    })
  }

  private action() {
    const { random } = this
    switch (random.below(16)) {
      case 0:
      case 1:
      case 2:
        return this.swap()
      case 3:
      case 4:
        return this.put()
      case 5:
      case 6:
        return this.toggle()
      case 7:
        return this.restrict()
      case 8:
        return this.forget()
      case 9:
      case 10:
        return this.relink()
      default:
        return this.changeAny()
    }
  }

  /** A page whose leaf is to be changed. */
  private view(): number {
    return viewNear(this.random, this.stage, this.random.pick([CODE_VIEW, CODE_VIEW, DATA_VIEW]))
  }

  /** Tables in which a page is changed: if it is global in all, else in some. */
  private places(view: number): { trees: number[]; tables: number[] } {
    const { random, stage } = this
    const isGlobal = stage.globals.has(view)
    const { supervisor, user } = stage.rows[0] as Row
    const home = stage.mode === 'U' ? user : supervisor
    const trees = isGlobal || random.once(2) ? [...TREES] : [random.once(2) ? home.tree : random.pick(TREES)]
    const which = isGlobal ? [0, 1] : random.pick([[0], [0, 1], [0, 1], [1]])
    return { trees, tables: trees.flatMap((tree) => which.map((i) => stageTables(tree)[i as 0 | 1])) }
  }

  /** Changes a page's leaf in some tables, and fences. */
  private leaves(view: number, others: number[], make: (table: number) => void): void {
    const { asm } = this
    const { trees, tables } = this.places(view)
    for (const table of tables) {
      asm.address(T, { address: table })
      make(table)
    }
    const kinds: Fence[] = this.stage.globals.has(view) ? ['all', 'address'] : ['all', 'address', 'space', 'both']
    this.fence(kinds, [view, ...others].map(addressOf), trees)
  }

  /** Two pages change places. */
  private swap() {
    const { asm, random, stage } = this
    const first = this.view()
    // Pages that may lose rights stay with each other, and global ones too.
    const kind = (view: number) => [view >= DATA_VIEW, view >= DATA_VIEW + 4, stage.globals.has(view)].join()
    const others = [CODE_VIEW, DATA_VIEW]
      .flatMap((from) => Array.from({ length: VIEWS }, (_, i) => from + i))
      .filter((view) => view !== first && kind(view) === kind(first))
    if (others.length === 0) return this.toggle()
    const second = random.once(2) ? (others.find((view) => view > first) ?? (others[0] as number)) : random.pick(others)
    this.leaves(first, [second], () => {
      asm.op('ld', { rd: E, rs1: T, imm: 8 * first })
      asm.op('ld', { rd: LINK, rs1: T, imm: 8 * second })
      asm.op('sd', { rs1: T, rs2: LINK, imm: 8 * first })
      asm.op('sd', { rs1: T, rs2: E, imm: 8 * second })
    })
  }

  /** A page leads to another frame, whatever it was before, and has all its rights. */
  private put(): void {
    const { asm, random, stage } = this
    const view = this.view()
    const frame = frameOf(random, view)
    const missing = random.once(4) && !stage.globals.has(view) ? random.pick([A | D, D]) : 0
    this.leaves(view, [], (table) => {
      const tree = TREES.find((root) => stageTables(root).includes(table)) as number
      asm.constant(E, entry(frame, flagsOf(stage, tree, view) & ~missing))
      asm.op('sd', { rs1: T, rs2: E, imm: 8 * view })
    })
  }

  /** A page leads to another frame and back, by turns. */
  private toggle() {
    const bit = this.random.below(Math.log2(FRAMES))
    this.flip(this.view(), (1 << bit) << 10)
  }

  /** A right is taken and given back, by turns. */
  private restrict() {
    const { random } = this
    if (random.once(4)) return this.flip(CODE_VIEW + random.below(VIEWS), X)
    this.flip(DATA_VIEW + 4 + random.below(VIEWS - 4), random.pick([W, W, R, R | W, V]))
  }

  private flip(view: number, mask: number) {
    const { asm } = this
    this.leaves(view, [], () => {
      asm.op('ld', { rd: E, rs1: T, imm: 8 * view })
      asm.constant(LINK, mask)
      asm.op('xor', { rd: E, rs1: E, rs2: LINK })
      asm.op('sd', { rs1: T, rs2: E, imm: 8 * view })
    })
  }

  /**
   * A page has not been accessed, or not been written. Not for global ones: what was noted in one tree need not be noted again in
   * another one.
   */
  private forget() {
    const { asm, random, stage } = this
    const view = this.view()
    if (stage.globals.has(view)) return this.toggle()
    const mask = random.pick([A | D, A, D])
    this.leaves(view, [], () => {
      asm.op('ld', { rd: E, rs1: T, imm: 8 * view })
      asm.op('andi', { rd: E, rs1: E, imm: ~mask })
      asm.op('sd', { rs1: T, rs2: E, imm: 8 * view })
    })
  }

  /** The whole stage of one tree by its other table. No address is enough for that. */
  private relink(): void {
    const { asm, random } = this
    const trees = random.once(3) ? [...TREES] : [random.pick(TREES)]
    for (const tree of trees) {
      const [one, other] = stageTables(tree)
      asm.address(T, { address: stageLink(tree) })
      asm.op('ld', { rd: E, rs1: T })
      asm.constant(LINK, ((one >>> 12) ^ (other >>> 12)) * 1024)
      asm.op('xor', { rd: E, rs1: E, rs2: LINK })
      asm.op('sd', { rs1: T, rs2: E })
    }
    this.fence(['all', 'space'], [], trees)
  }

  private changeAny(): void {
    const { rows } = this.stage
    const number = this.random.below(rows.length)
    this.change(rows[number] as Row, number)
  }

  /** Another address space; a fence only if its number means another one as well. */
  private change(row: Row, number: number) {
    const { asm, stage } = this
    asm.address(T, { address: SATPS + 16 * number })
    asm.op('add', { rd: T, rs1: T, rs2: MODE })
    asm.op('ld', { rd: T, rs1: T })
    asm.op('csrrw', { rs1: T, imm: SATP })
    const numbers = [row.supervisor.asid, row.user.asid]
    for (const asid of new Set(numbers)) if (isAmbiguous(stage.rows, asid)) this.fenceOne(undefined, asid)
  }

  /** S mode moves something on pages of data that are always there, the user's or not. */
  private touch(): void {
    const { asm, random } = this
    asm.op('lui', { rd: E, imm: 0x40 })
    asm.op('csrrs', { rd: LINK, rs1: E, imm: SSTATUS })
    for (let i = random.between(1, 4); i > 0; i--) {
      const place = () => addressOf(DATA_VIEW + random.below(4)) + 0xd00 + 8 * random.below(32)
      asm.address(E, { address: place() })
      asm.op('ld', { rd: T, rs1: E })
      asm.address(E, { address: place() })
      asm.op('sd', { rs1: E, rs2: T })
    }
    asm.op('csrrw', { rs1: LINK, imm: SSTATUS })
  }

  /** A fence of one of these kinds, for all numbers under which the trees may be known. */
  private fence(kinds: Fence[], addresses: number[], trees: number[]): void {
    const { asm, random, stage } = this
    const wanted = kinds.filter((kind) => stage.fences.includes(kind))
    const kind = random.pick(wanted.length > 0 ? wanted : kinds)
    const numbers = kind === 'space' || kind === 'both' ? asidsOf(stage.rows, trees) : [undefined]
    const places = kind === 'address' || kind === 'both' ? addresses : [undefined]
    for (const place of places) {
      if (place !== undefined) asm.address(E, { address: place + random.pick([0, 0, 0x7f8]) })
      for (const asid of numbers) this.fenceOne(place === undefined ? undefined : E, asid)
    }
    asm.op('addi', { rd: E, imm: 0 })
  }

  private fenceOne(register: number | undefined, asid: number | undefined) {
    const { asm, random } = this
    if (asid !== undefined) asm.constant(LINK, asid)
    const operands = { rs1: register ?? 0, rs2: asid === undefined ? 0 : LINK }
    if (!random.once(6)) return asm.op('sfence.vma', operands)
    asm.op('sfence.w.inval')
    asm.op('sinval.vma', operands)
    asm.op('sfence.inval.ir')
  }
}

/** Calls routine `number` from S mode; x16 keeps the return address. */
export function callRoutine(asm: Assembler, routine: Label, scratch: number): void {
  asm.op('addi', { rd: 16, rs1: 1 })
  asm.op('addi', { rd: MODE, imm: 8 })
  asm.reach(scratch, routine, encode('jalr', { rd: 1, rs1: scratch }))
  asm.op('addi', { rd: 1, rs1: 16 })
}

if (CODE_FRAMES % (FRAMES * 4096) !== 0) throw new Error('The frames of code do not begin where they must')
