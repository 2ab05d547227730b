// Page tables and address spaces of random programs: Sv39, everything in RAM at its own address.
//
// A tree has five pages: root, middle, the leaves of RAM, and two tables of leaves for the stage, of which one is in use. Trees
// for U mode have most pages marked as the user's. An address space is a tree with a number (ASID); a row is one of S mode with
// one of U mode, as who changes to another row does not know in which mode the program is.

import type { Random } from '../../lockstep/random.ts'
import type { Assembler } from './assembler.ts'
import { COPIES, HANDLERS, PAGES, RAM, ROUTINES, ROUTINES_END, SAVED, TREES, TREES_END, WINDOW, page } from './map.ts'

export const [V, R, W, X, U, G, A, D] = [1, 2, 4, 8, 16, 32, 64, 128] as const
const SATP_MODE = 8n << 60n
/** Entries of the table of RAM for the two pages of WINDOW. */
const WINDOW_ENTRY = (WINDOW - RAM) >>> 12
/** Numbers of the spaces where there are only two. */
const TWO = [3, 1] as const

export interface Space {
  /** Address of its root. */
  tree: number
  asid: number
}

export interface Row {
  supervisor: Space
  user: Space
}

export function isUser(tree: number): boolean {
  return tree === TREES[1] || tree === TREES[3]
}

/** Address spaces of a program. Without numbers all have 0; with a stage some may share one. */
export function drawRows(random: Random, hasNumbers: boolean, hasStage: boolean): Row[] {
  if (!hasStage) {
    const [supervisor, user] = [TREES[0], TREES[1]].map((tree, i) => ({ tree, asid: hasNumbers ? TWO[i] : 0 }))
    return [{ supervisor, user } as Row]
  }
  const shares = random.once(3)
  let last = 0
  const number = () => (hasNumbers ? (shares ? random.pick([1, 2, 0x800]) : ++last * random.pick([1, 1, 0x101])) : 0)
  return Array.from({ length: random.between(1, 5) }, (_, i) => ({
    supervisor: { tree: i === 0 || random.once(2) ? TREES[0] : TREES[2], asid: number() },
    user: { tree: i === 0 || random.once(2) ? TREES[1] : TREES[3], asid: number() },
  }))
}

function spacesOf(rows: Row[]): Space[] {
  return rows.flatMap(({ supervisor, user }) => [supervisor, user])
}

/** Numbers under which these trees may be known. */
export function asidsOf(rows: Row[], trees: readonly number[]): number[] {
  const found = spacesOf(rows).filter(({ tree }) => trees.includes(tree))
  return [...new Set(found.map(({ asid }) => asid))]
}

/** Does the number stand for more than one tree, so that who changes to it has to fence? */
export function isAmbiguous(rows: Row[], number: number): boolean {
  const trees = spacesOf(rows).filter(({ asid }) => asid === number)
  return number === 0 || new Set(trees.map(({ tree }) => tree)).size > 1
}

export function satp({ tree, asid }: Space): bigint {
  return SATP_MODE | (BigInt(asid) << 44n) | BigInt(tree >>> 12)
}

/** A leaf, or the entry that leads to a table. */
export function entry(address: number, flags: number): number {
  return (address >>> 12) * 1024 + flags
}

/** Where the entry for page `which` of WINDOW lies. */
export function entryOf(tree: number, which: number): number {
  return tree + 2 * 4096 + 8 * (WINDOW_ENTRY + which)
}

/** Where the leaf of an address in RAM lies. */
export function leafOf(tree: number, address: number): number {
  return tree + 2 * 4096 + 8 * ((address - RAM) >>> 12)
}

/** The stage's two tables, the one in use at the beginning first. */
export function stageTables(tree: number): [number, number] {
  return [tree + 3 * 4096, tree + 4 * 4096]
}

/** Where the entry lies that leads to the stage's table. */
export function stageLink(tree: number): number {
  return tree + 4096 + 8
}

/** Writes a tree, without the stage's leaves. `holes`: flags taken away from leaves, by number of the page in RAM. */
export function buildTree(asm: Assembler, tree: number, holes: Map<number, number>, hasStage: boolean): void {
  const set = (at: number, address: number, flags: number) => asm.set64(at, BigInt(entry(address, flags)))
  const user = isUser(tree) ? U : 0
  set(tree + 8 * 2, tree + 4096, V)
  set(tree + 4096, tree + 8192, V)
  if (hasStage) set(stageLink(tree), stageTables(tree)[0], V)
  for (let i = 0; i < PAGES; i++) {
    const at = page(i)
    const isOwn =
      at === HANDLERS || at === SAVED || (at >= ROUTINES && at < ROUTINES_END) || (at >= TREES[0] && at < TREES_END)
    // Own pages are the same in all trees.
    set(leafOf(tree, at), at, (V | R | W | X | A | D | (isOwn ? G : user)) & ~(holes.get(i) ?? 0))
  }
  for (const which of [0, 1]) set(entryOf(tree, which), COPIES + which * 4096, V | R | W | X | A | D | user)
}
