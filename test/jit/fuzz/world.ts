// The machine that a random program lives in: its memory map, page tables, start, and trap handlers that always go on.
//
//   page   0  start, in M mode               40  two physical copies of two pages of code, for WINDOW
//          1  trap handlers of M and S       48  page tables for S mode: root, middle, leaves; 52: the same for U mode
//          2  tables of addresses            64  stack
//          3  what the handlers note         (virtual) WINDOW: two pages that lead to one copy or the other
//          8  code      24  data      32  data that becomes code
//
// Page tables change only by routines in page 1, which always fence: a page-table entry that changed without a fence may be seen
// or not, so engines may differ. No user writes there, and neither stores of devices nor the cutting down change that page.
//
// A handler sums up what it is told and goes on behind the instruction that trapped; after a jump into the void, at x1. Too
// many traps, or a software interrupt, which the schedule raises now and then, start the program again at `main`: so no
// program gets stuck for long. `ecall` asks M mode for a service (a7).

import { encode } from '../../lockstep/encode.ts'
import type { Random } from '../../lockstep/random.ts'
import type { Assembler, Label } from './assembler.ts'

export const RAM = 0x8000_0000
export const PAGES = 128
const page = (number: number) => RAM + number * 4096

export const HANDLERS = page(1)
export const TABLES = page(2)
export const SAVED = page(3)
export const CODE = page(8)
export const CODE_PAGES = 12
export const DATA = page(24)
export const DATA_PAGES = 8
/** Data that becomes code and data again. */
export const FRESH = page(32)
export const FRESH_PAGES = 4
/** Two pages of code, and behind them two others. */
export const COPIES = page(40)
export const TREES = [page(48), page(52)] as const
const TREES_END = page(56)
export const STACK = page(64)
export const STACK_TOP = page(96)
/** Virtual: where the copies are seen, one or the other. */
export const WINDOW = RAM + 0x10_0000
/** Entries of the lowest table for the two pages of WINDOW. */
const WINDOW_ENTRY = 256

/** What `ecall` does, by the number in a7. */
export const SERVICE = { interrupts: 0, swapFirst: 1, change: 2, swapSecond: 3, floats: 4, forget: 5 }
export const SERVICES = 6

/** Modes in which programs run; only without paging is M mode used. */
export type Mode = 'M' | 'S' | 'U'

const [V, R, W, X, U, G, A, D] = [1, 2, 4, 8, 16, 32, 64, 128]
/** Toggles between a page of WINDOW's two copies, which lie two pages apart. */
const TOGGLE = 2 << 10

/** Offsets in a handler's part of SAVED. */
const AREA = { sum: 24, count: 32, mode: 40, satp: 48 }
const MODE_BITS = { M: 3 << 11, S: 1 << 11, U: 0 }
const SATP_MODE = 8n << 60n
/** Numbers of the trees' address spaces. */
const SPACES = [3, 1] as const

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
  /** Both trees have numbers, by which harts tell their pages apart: from one to the other it goes without a fence. */
  hasSpaces: boolean
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
  return {
    mode,
    patience: random.pick([20, 200, 1000]),
    medeleg: delegates ? random.u32() & 0xb1ff : 0,
    mideleg: delegates ? random.u32() & 0x222 : 0,
    holes,
    swaps: Array.from({ length: 4 }, () => ({ address: undefined })),
    hasSpaces: random.once(2),
  }
}

/** Writes start, handlers and page tables. The program itself begins at `main`. */
export function buildWorld(asm: Assembler, world: World, main: Label): void {
  asm.at(HANDLERS)
  const machineEntry = handler(asm, world, MACHINE, main)
  const supervisorEntry = handler(asm, world, SUPERVISOR, main)
  world.swaps.forEach((label, i) => swap(asm, world, label, i >> 1, (i & 1) !== 0))
  if (asm.here > TABLES) throw new Error('The handlers do not fit into their page')
  start(asm, world, main, machineEntry, supervisorEntry)
  if (world.mode !== 'M') TREES.forEach((tree, index) => buildTree(asm, tree, world, index === 1))
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
    asm.set64(SAVED + AREA.satp, satp(world, world.mode === 'U' ? 1 : 0))
    asm.set64(SAVED + AREA.satp + 8, satp(world, 0) ^ satp(world, 1))
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

function satp({ hasSpaces }: World, tree: 0 | 1): bigint {
  return SATP_MODE | (hasSpaces ? BigInt(SPACES[tree]) << 44n : 0n) | BigInt(TREES[tree] >>> 12)
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
  asm.mark(leave)
  for (const [i, rd] of [V2, E, T].entries()) asm.op('ld', { rd, rs1: BASE, imm: 8 * i })
  csr(asm, 'csrrw', level.scratch, BASE, BASE)
  asm.op(isMachine ? 'mret' : 'sret')

  asm.mark(interrupt)
  asm.op('andi', { rd: V2, rs1: V2, imm: 63 })
  if (isMachine) {
    asm.op('addi', { rd: E, rs1: V2, imm: -3 })
    branch('beq', E, 0, restart)
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
  asm.jump(encode('jal', {}), leave)
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
    for (const tree of TREES) {
      asm.address(E, { address: entryOf(tree, which) })
      toggle(asm, E, V2, T)
    }
    asm.op('sfence.vma')
    end()
  }
  begin(SERVICE.change)
  asm.op('ld', { rd: E, rs1: BASE, imm: AREA.satp + 8 })
  asm.jump(encode('beq', { rs1: E }), leave)
  csr(asm, 'csrrs', SATP, 0, V2)
  asm.op('xor', { rd: V2, rs1: V2, rs2: E })
  csr(asm, 'csrrw', SATP, V2)
  if (!world.hasSpaces) asm.op('sfence.vma')
  csr(asm, 'csrrs', level.status, 0, V2)
  asm.op('lui', { rd: E, imm: 1 })
  asm.op('addiw', { rd: E, rs1: E, imm: -2048 })
  asm.op('xor', { rd: V2, rs1: V2, rs2: E })
  csr(asm, 'csrrw', level.status, V2)
  end()
  begin(SERVICE.forget)
  for (const tree of TREES) {
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
}

/** A routine of S mode that turns page `which` of WINDOW to its other copy, called with x1; no address of a table remains. */
function swap(asm: Assembler, world: World, label: Label, which: number, isNarrow: boolean): void {
  asm.mark(label)
  for (const tree of TREES) {
    asm.address(E, { address: entryOf(tree, which) })
    toggle(asm, E, V2, T)
  }
  asm.address(E, { address: WINDOW + which * 4096 })
  for (const space of world.hasSpaces ? SPACES : [0]) {
    asm.op('addi', { rd: V2, imm: space })
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

/** Where the entry for page `which` of WINDOW lies. */
function entryOf(tree: number, which: number): number {
  return tree + 2 * 4096 + 8 * (WINDOW_ENTRY + which)
}

/** Where the leaf of an address in RAM lies. */
function leafOf(tree: number, address: number): number {
  return tree + 2 * 4096 + 8 * ((address - RAM) >>> 12)
}

/** Sv39: everything at its own address; one tree for S mode, one in which most pages are the user's. */
function buildTree(asm: Assembler, root: number, world: World, isUser: boolean): void {
  const entry = (address: number, flags: number) => BigInt(address >>> 12) * 1024n + BigInt(flags)
  asm.set64(root + 8 * 2, entry(root + 4096, V))
  asm.set64(root + 4096, entry(root + 8192, V))
  for (let i = 0; i < PAGES; i++) {
    const at = page(i)
    const isOwn = at === HANDLERS || at === SAVED || (at >= TREES[0] && at < TREES_END)
    // Own pages are the same in both trees.
    const flags = V | R | W | X | A | D | (isOwn ? G : isUser ? U : 0)
    asm.set64(leafOf(root, at), entry(at, flags & ~(world.holes.get(i) ?? 0)))
  }
  for (const which of [0, 1]) {
    asm.set64(entryOf(root, which), entry(COPIES + which * 4096, V | R | W | X | A | D | (isUser ? U : 0)))
  }
}
