// The machine that a random program lives in: its start, and trap handlers that always go on. map.ts says where things lie.
//
// Page tables change only by routines in pages that are not the program's, which always fence: an entry that changed without a
// fence may be seen or not, so engines may differ. No user writes there, and neither stores of devices nor the cutting down
// change those pages.
//
// A handler sums up what it is told and goes on behind the instruction that trapped; after a jump into the void, at x1. Too
// many traps, or a software interrupt, which the schedule raises now and then, start the program again at `main`: so no
// program gets stuck for long. `ecall` asks for a service (a7): M mode has all, S mode has the routines.

import { encode } from '../../lockstep/encode.ts'
import type { Random } from '../../lockstep/random.ts'
import type { Assembler, Label } from './assembler.ts'
import {
  CODE,
  CODE_PAGES,
  DATA,
  DATA_PAGES,
  HANDLERS,
  type Mode,
  RAM,
  ROUTINES,
  ROUTINES_END,
  SAVED,
  SERVICE,
  SERVICES,
  TABLES,
  TREES,
  WINDOW,
} from './map.ts'
import { ROUTINES_OF_MACHINE, ROUTINES_OF_SUPERVISOR, ROUTINE_COUNT, Routines } from './routines.ts'
import { type Stage, buildStage, drawStage } from './stage.ts'
import { A, D, R, type Row, V, W, asidsOf, buildTree, drawRows, entryOf, isAmbiguous, leafOf, satp } from './tables.ts'

/** Toggles between a page of WINDOW's two copies, which lie two pages apart. */
const TOGGLE = 2 << 10

/** Offsets in a handler's part of SAVED. */
const AREA = { sum: 24, count: 32, mode: 40, satp: 48, link: 72, other: 80 }
const MODE_BITS = { M: 3 << 11, S: 1 << 11, U: 0 }

// Registers of the handlers.
const [T, E, V2, BASE] = [28, 29, 30, 31]

interface Level {
  cause: number
  epc: number
  tval: number
  scratch: number
  tvec: number
  status: number
  enable: number
  count: number
  /** Bit of the status that is set if the trap came from S mode. */
  previous: number
}
const MACHINE: Level = {
  cause: 0x342,
  epc: 0x341,
  tval: 0x343,
  scratch: 0x340,
  tvec: 0x305,
  status: 0x300,
  enable: 0x304,
  count: 0xb02,
  previous: 11,
}
const SUPERVISOR: Level = {
  cause: 0x142,
  epc: 0x141,
  tval: 0x143,
  scratch: 0x140,
  tvec: 0x105,
  status: 0x100,
  enable: 0x104,
  count: 0xc02,
  previous: 8,
}
const SATP = 0x180

export interface World {
  mode: Mode
  /** Traps before the program begins again. */
  patience: number
  /** Exceptions and interrupts that go to S mode. */
  medeleg: number
  mideleg: number
  /** Pages on which something is forbidden, or that were never accessed: flags taken away, by number of the page in RAM. */
  holes: Map<number, number>
  /** Routines for S mode that turn page 0 or 1 of WINDOW to its other copy: swaps[2 * page], and the same with a fence of that page alone. */
  swaps: Label[]
  /** Address spaces; the first row is the program's home. Where they have numbers it goes from one to the other without a fence. */
  rows: Row[]
  stage: Stage | undefined
  /** Routines that change what the stage leads to. */
  routines: Label[]
}

/** A world for a program in this mode. */
export function drawWorld(random: Random, mode: Mode): World {
  const holes = new Map<number, number>()
  if (mode !== 'M') {
    const first = (DATA - RAM) >> 12
    for (let i = 0; i < DATA_PAGES; i++)
      if (random.once(6)) holes.set(first + i, random.pick([V, W, R | W, A | D, D, 0]))
  }
  const delegates = mode !== 'M' && random.once(2)
  const hasStage = mode !== 'M' && !random.once(4)
  const rows = drawRows(random, random.once(2) || (hasStage && random.once(2)), hasStage)
  return {
    mode,
    patience: random.pick([20, 200, 1000]),
    medeleg: delegates ? random.u32() & 0xb1ff : 0,
    mideleg: delegates ? random.u32() & 0x222 : 0,
    holes,
    swaps: Array.from({ length: 4 }, () => ({ address: undefined })),
    rows,
    stage: hasStage ? drawStage(random, mode, rows) : undefined,
    routines: Array.from({ length: ROUTINE_COUNT }, () => ({ address: undefined })),
  }
}

/** Writes start, handlers and page tables. The program itself begins at `main`. */
export function buildWorld(asm: Assembler, random: Random, world: World, main: Label): void {
  asm.at(HANDLERS)
  const machineEntry = handler(asm, world, MACHINE, main)
  const supervisorEntry = handler(asm, world, SUPERVISOR, main)
  world.swaps.forEach((label, i) => swap(asm, world, label, i >> 1, (i & 1) !== 0))
  if (asm.here > TABLES) throw new Error('The handlers do not fit into their page')
  start(asm, world, main, machineEntry, supervisorEntry)
  const { mode, stage, holes } = world
  if (mode === 'M') return
  for (const tree of treesOf(world)) buildTree(asm, tree, holes, stage !== undefined)
  if (stage === undefined) return
  new Routines(asm, random, stage, world.routines).build()
  buildStage(asm, random, stage)
}

function treesOf({ stage }: World): readonly number[] {
  return stage === undefined ? TREES.slice(0, 2) : TREES
}

function csr(asm: Assembler, name: 'csrrw' | 'csrrs' | 'csrrc', number: number, rs1: number, rd = 0): void {
  asm.op(name, { rd, rs1, imm: number })
}

function start(asm: Assembler, world: World, main: Label, machineEntry: Label, supervisorEntry: Label): void {
  const write = (number: number, value: number) => {
    asm.constant(T, value)
    csr(asm, 'csrrw', number, T)
  }
  asm.at(RAM)
  asm.address(T, machineEntry)
  csr(asm, 'csrrw', MACHINE.tvec, T)
  asm.address(T, supervisorEntry)
  csr(asm, 'csrrw', SUPERVISOR.tvec, T)
  const area = (at: number, number: number) => {
    asm.reach(T, { address: at }, encode('addi', { rd: T, rs1: T }))
    csr(asm, 'csrrw', number, T)
  }
  area(SAVED, MACHINE.scratch)
  area(SAVED + 0x100, SUPERVISOR.scratch)
  // All of memory is open to S and U mode.
  asm.op('addi', { rd: T, imm: -1 })
  csr(asm, 'csrrw', 0x3b0, T)
  write(0x3a0, 0x1f)
  write(0x302, world.medeleg)
  write(0x303, world.mideleg)
  write(0x306, 7)
  write(0x106, 7)
  // ADUE, and cbo.zero for everybody.
  asm.op('addi', { rd: T, imm: 1 })
  asm.op('slli', { rd: T, rs1: T, imm: 61 })
  asm.op('ori', { rd: T, rs1: T, imm: 0xd0 })
  csr(asm, 'csrrw', 0x30a, T)
  write(0x10a, 0xd0)
  write(MACHINE.enable, 0x888)
  write(MACHINE.status, (3 << 13) | MODE_BITS[world.mode] | (1 << 7))
  if (world.mode !== 'M') {
    const [{ supervisor, user }] = world.rows as [Row]
    asm.set64(SAVED + AREA.satp, satp(world.mode === 'U' ? user : supervisor))
    // From U mode to S mode, and from there to U mode.
    asm.set64(SAVED + AREA.satp + 8, satp(supervisor))
    asm.set64(SAVED + AREA.satp + 16, satp(user))
    asm.reach(T, { address: SAVED + AREA.satp }, encode('ld', { rd: T, rs1: T }))
    csr(asm, 'csrrw', SATP, T)
  }
  asm.set64(SAVED + AREA.mode, BigInt(MODE_BITS[world.mode]))
  asm.set64(SAVED + 0x100 + AREA.mode, world.mode === 'U' ? 0n : 0x100n)
  asm.set64(SAVED + AREA.count, BigInt(-world.patience))
  asm.set64(SAVED + 0x100 + AREA.count, BigInt(-world.patience))
  asm.set64(SAVED + 0x200, BigInt(-world.patience))
  asm.address(T, main)
  csr(asm, 'csrrw', MACHINE.epc, T)
  asm.op('mret')
}

/** Writes a trap handler; its entry. */
function handler(asm: Assembler, world: World, level: Level, main: Label): Label {
  const isMachine = level === MACHINE
  const [interrupt, restart, lost, service, leave, nested, count] = Array.from({ length: 7 }, () => asm.label()) as [
    Label,
    Label,
    Label,
    Label,
    Label,
    Label,
    Label,
  ]
  const branch = (name: string, rs1: number, rs2: number, label: Label) => asm.jump(encode(name, { rs1, rs2 }), label)
  const goto = (label: Label) => asm.jump(encode('jal', {}), label)
  const setVector = (label: Label) => {
    asm.address(T, label)
    csr(asm, 'csrrw', level.tvec, T)
  }
  while (asm.here & 3) asm.emit(1)
  const entry = asm.mark()
  csr(asm, 'csrrw', level.scratch, BASE, BASE)
  for (const [i, rs2] of [V2, E, T].entries()) asm.op('sd', { rs1: BASE, rs2, imm: 8 * i })
  csr(asm, 'csrrs', level.cause, 0, V2)
  branch('blt', V2, 0, interrupt)
  csr(asm, 'csrrs', level.epc, 0, E)
  asm.op('ld', { rd: T, rs1: BASE, imm: AREA.sum })
  asm.op('rori', { rd: T, rs1: T, imm: 7 })
  asm.op('add', { rd: T, rs1: T, rs2: E })
  asm.op('xor', { rd: T, rs1: T, rs2: V2 })
  csr(asm, 'csrrs', level.tval, 0, V2)
  asm.op('add', { rd: T, rs1: T, rs2: V2 })
  csr(asm, 'csrrs', level.count, 0, V2)
  asm.op('xor', { rd: T, rs1: T, rs2: V2 })
  asm.op('sd', { rs1: BASE, rs2: T, imm: AREA.sum })
  asm.op('ld', { rd: T, rs1: BASE, imm: AREA.count })
  asm.op('addi', { rd: T, rs1: T, imm: 1 })
  asm.op('sd', { rs1: BASE, rs2: T, imm: AREA.count })
  branch('bge', T, 0, restart)
  csr(asm, 'csrrs', level.cause, 0, V2)
  for (const cause of [0, 1, 12]) {
    asm.op('addi', { rd: T, rs1: V2, imm: -cause })
    branch('beq', T, 0, lost)
  }
  asm.op('addi', { rd: T, rs1: V2, imm: -8 })
  asm.op('sltiu', { rd: T, rs1: T, imm: 4 })
  branch('bne', T, 0, service)

  // How long is the instruction? It is read as the program sees it; should that fail, the program begins again.
  setVector(nested)
  asm.op('lui', { rd: T, imm: isMachine ? 0x20 : 0x40 })
  csr(asm, 'csrrs', level.status, T)
  asm.op('lhu', { rd: V2, rs1: E })
  csr(asm, 'csrrc', level.status, T)
  setVector(entry)
  asm.op('andi', { rd: V2, rs1: V2, imm: 3 })
  asm.op('addi', { rd: V2, rs1: V2, imm: -3 })
  asm.op('addi', { rd: E, rs1: E, imm: 2 })
  asm.op('bne', { rs1: V2, imm: 8 })
  asm.op('addi', { rd: E, rs1: E, imm: 2 })
  csr(asm, 'csrrw', level.epc, E)
  goto(leave)

  asm.mark(lost)
  csr(asm, 'csrrw', level.epc, 1)
  goto(leave)

  asm.mark(nested)
  setVector(entry)
  asm.mark(restart)
  asm.address(T, { address: SAVED + 0x200 })
  if (!isMachine) goto(count)
  asm.op('lui', { rd: E, imm: 0x20 })
  csr(asm, 'csrrc', level.status, E)
  asm.op('lui', { rd: E, imm: 2 })
  asm.op('addiw', { rd: E, rs1: E, imm: -2048 })
  csr(asm, 'csrrc', level.status, E)
  asm.mark(count)
  asm.op('ld', { rd: V2, rs1: T })
  asm.op('sd', { rs1: BASE, rs2: V2, imm: AREA.count })
  asm.op('ld', { rd: E, rs1: BASE, imm: AREA.mode })
  if (!isMachine) {
    asm.op('addi', { rd: V2, imm: 0x100 })
    csr(asm, 'csrrc', level.status, V2)
  } else {
    asm.op('ld', { rd: V2, rs1: BASE, imm: AREA.satp })
    csr(asm, 'csrrw', SATP, V2)
    asm.op('sfence.vma')
    enableAll(asm, level)
  }
  csr(asm, 'csrrs', level.status, E)
  asm.op('lui', { rd: E, imm: 6 })
  csr(asm, 'csrrs', level.status, E)
  asm.address(E, main)
  csr(asm, 'csrrw', level.epc, E)
  goto(leave)

  asm.mark(service)
  asm.op('addi', { rd: E, rs1: E, imm: 4 })
  csr(asm, 'csrrw', level.epc, E)
  if (isMachine) services(asm, world, level, leave)
  if (world.stage !== undefined) dispatch(asm, level, leave)
  asm.mark(leave)
  for (const [i, rd] of [V2, E, T].entries()) asm.op('ld', { rd, rs1: BASE, imm: 8 * i })
  csr(asm, 'csrrw', level.scratch, BASE, BASE)
  asm.op(isMachine ? 'mret' : 'sret')

  asm.mark(interrupt)
  asm.op('andi', { rd: V2, rs1: V2, imm: 63 })
  if (isMachine) {
    const ordinary = asm.label()
    asm.op('addi', { rd: E, rs1: V2, imm: -3 })
    branch('bne', E, 0, ordinary)
    // A routine that S mode has called is not left in its middle, or tables would no longer fit each other.
    csr(asm, 'csrrs', level.epc, 0, E)
    asm.op('srli', { rd: E, rs1: E, imm: Math.log2(ROUTINES_END - ROUTINES) })
    asm.constant(T, ROUTINES / (ROUTINES_END - ROUTINES))
    branch('bne', E, T, restart)
    asm.mark(ordinary)
  }
  asm.op('addi', { rd: E, imm: 1 })
  asm.op('sll', { rd: E, rs1: E, rs2: V2 })
  csr(asm, 'csrrc', level.enable, E)
  goto(leave)
  return entry
}

function enableAll(asm: Assembler, level: Level): void {
  asm.op('lui', { rd: V2, imm: 1 })
  asm.op('addiw', { rd: V2, rs1: V2, imm: 0xaaa - 0x1000 })
  csr(asm, 'csrrw', level.enable, V2)
}

/** What M mode does for a program, by a7. */
function services(asm: Assembler, world: World, level: Level, leave: Label): void {
  const cases = Array.from({ length: SERVICES }, () => asm.label())
  cases.forEach((label, number) => {
    asm.op('addi', { rd: T, rs1: 17, imm: -number })
    asm.jump(encode('beq', { rs1: T }), label)
  })
  const others = asm.label()
  asm.jump(encode('jal', {}), world.stage === undefined ? leave : others)
  const begin = (number: number) => asm.mark(cases[number] as Label)
  const end = () => asm.jump(encode('jal', {}), leave)

  begin(SERVICE.interrupts)
  enableAll(asm, level)
  end()
  for (const [number, which] of [
    [SERVICE.swapFirst, 0],
    [SERVICE.swapSecond, 1],
  ] as const) {
    begin(number)
    for (const tree of treesOf(world)) {
      asm.address(E, { address: entryOf(tree, which) })
      toggle(asm, E, V2, T)
    }
    asm.op('sfence.vma')
    end()
  }
  begin(SERVICE.change)
  // The other mode, with the space of that mode that is at home.
  csr(asm, 'csrrs', level.status, 0, V2)
  asm.op('lui', { rd: E, imm: 1 })
  asm.op('addiw', { rd: E, rs1: E, imm: -2048 })
  asm.op('xor', { rd: T, rs1: V2, rs2: E })
  asm.op('srli', { rd: V2, rs1: V2, imm: 8 })
  asm.op('andi', { rd: V2, rs1: V2, imm: 8 })
  asm.op('add', { rd: V2, rs1: V2, rs2: BASE })
  asm.op('ld', { rd: V2, rs1: V2, imm: AREA.satp + 8 })
  asm.jump(encode('beq', { rs1: V2 }), leave)
  csr(asm, 'csrrw', level.status, T)
  csr(asm, 'csrrw', SATP, V2)
  const home = Object.values(world.rows[0] as Row)
  if (home.some(({ asid }) => isAmbiguous(world.rows, asid))) asm.op('sfence.vma')
  end()
  begin(SERVICE.forget)
  for (const tree of TREES.slice(0, 2)) {
    // No page of code has been accessed: A is cleared in all their leaves.
    asm.address(E, { address: leafOf(tree, CODE) })
    for (let i = 0; i < CODE_PAGES; i++) {
      asm.op('ld', { rd: V2, rs1: E, imm: 8 * i })
      asm.op('andi', { rd: V2, rs1: V2, imm: ~A })
      asm.op('sd', { rs1: E, rs2: V2, imm: 8 * i })
    }
  }
  asm.op('sfence.vma')
  end()
  begin(SERVICE.floats)
  asm.op('lui', { rd: E, imm: 6 })
  csr(asm, 'csrrs', level.status, E)
  end()
  asm.mark(others)
}

/** What both modes do for a program with a stage: one of the routines. */
function dispatch(asm: Assembler, level: Level, leave: Label): void {
  asm.op('addi', { rd: T, rs1: 17, imm: -SERVICES })
  asm.op('sltiu', { rd: E, rs1: T, imm: ROUTINE_COUNT })
  asm.jump(encode('beq', { rs1: E }), leave)
  asm.op('sd', { rs1: BASE, rs2: 1, imm: AREA.link })
  asm.op('sd', { rs1: BASE, rs2: 5, imm: AREA.other })
  asm.address(E, { address: level === MACHINE ? ROUTINES_OF_MACHINE : ROUTINES_OF_SUPERVISOR })
  asm.op('sh3add', { rd: T, rs1: T, rs2: E })
  asm.op('ld', { rd: T, rs1: T })
  csr(asm, 'csrrs', level.status, 0, V2)
  asm.op('srli', { rd: V2, rs1: V2, imm: level.previous - 3 })
  asm.op('andi', { rd: V2, rs1: V2, imm: 8 })
  asm.op('jalr', { rd: 1, rs1: T })
  asm.op('ld', { rd: 1, rs1: BASE, imm: AREA.link })
  asm.op('ld', { rd: 5, rs1: BASE, imm: AREA.other })
}

/** A routine of S mode that turns page `which` of WINDOW to its other copy, called with x1; no address of a table remains. */
function swap(asm: Assembler, world: World, label: Label, which: number, isNarrow: boolean): void {
  asm.mark(label)
  for (const tree of treesOf(world)) {
    asm.address(E, { address: entryOf(tree, which) })
    toggle(asm, E, V2, T)
  }
  asm.address(E, { address: WINDOW + which * 4096 })
  for (const space of asidsOf(world.rows, TREES)) {
    asm.constant(V2, space)
    asm.op('sfence.vma', { rs1: isNarrow ? E : 0, rs2: space === 0 ? 0 : V2 })
  }
  asm.op('jalr', { rs1: 1 })
}

/** Turns the entry at the address in `base` to the other copy; two registers are needed. */
function toggle(asm: Assembler, base: number, value: number, mask: number): void {
  asm.op('ld', { rd: value, rs1: base })
  asm.op('addi', { rd: mask, imm: 1 })
  asm.op('slli', { rd: mask, rs1: mask, imm: Math.log2(TOGGLE) })
  asm.op('xor', { rd: value, rs1: value, rs2: mask })
  asm.op('sd', { rs1: base, rs2: value })
}
