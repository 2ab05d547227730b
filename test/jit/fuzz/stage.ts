// The stage: pages of which programs change what they lead to, while code on them is hot.
//
//   page   0  guard        1  eight pages of code        9  guard       10  eight pages of data      18  the field
//
// All frames of code have the same functions at the same places, which do different things: they go through loops, load and
// store data, and call each other on their own page and on those beside it; one goes over the border of its page. What
// is beside a page may be another frame each time. The last four pages of data lose rights now and then, the first four never
// do. The field is many pages of few frames, for who wants to touch more pages than TLBs remember one by one.

import type { Random } from '../../lockstep/random.ts'
import type { Assembler } from './assembler.ts'
import { CODE_FRAMES, DATA_FRAMES, FRAMES, GUARD_FRAME, type Mode, STAGE, TREES } from './map.ts'
import { A, D, G, R, type Row, U, V, W, X, entry, isUser, stageTables } from './tables.ts'

export const CODE_VIEW = 1
export const DATA_VIEW = 10
/** Pages of code, and pages of data. */
export const VIEWS = 8
export const FIELD = 18
export const FIELD_END = 512

/** sfence.vma with neither register, with an address, with an ASID, with both. */
export type Fence = 'all' | 'address' | 'space' | 'both'

export interface Stage {
  rows: Row[]
  /** Pages that are the same in all address spaces, by number. */
  globals: Set<number>
  /** Pages of data and the field, by number: in S mode, too, they are the user's. */
  shared: Set<number>
  /** Number among the pages of code, and among those of data, of the one about which most things happen. */
  focus: number
  /** Which mode global pages are for. */
  mode: Mode
  /** Kinds of fences that routines use, as far as they suffice. */
  fences: Fence[]
  /** What tables give to data pages beside reading and writing. */
  dataFlags: number
}

export function drawStage(random: Random, mode: Mode, rows: Row[]): Stage {
  const some = (first: number, count: number, odds: number) =>
    Array.from({ length: count }, (_, i) => first + i).filter(() => random.once(odds))
  const hasGlobals = random.once(2)
  const globals = new Set(hasGlobals ? [...some(CODE_VIEW, VIEWS, 2), ...some(DATA_VIEW, VIEWS, 3)] : [])
  return {
    rows,
    focus: random.below(VIEWS),
    globals,
    shared: new Set([...some(DATA_VIEW, VIEWS, 2), ...(random.once(2) ? [FIELD] : [])]),
    mode,
    fences: random.pick<Fence[]>([
      ['all', 'address', 'space', 'both'],
      ['space', 'both'],
      ['both'],
      ['space'],
      ['address'],
      ['address'],
      ['address', 'both'],
      ['address', 'both'],
      ['all'],
    ]),
    dataFlags: random.once(2) ? X : 0,
  }
}

/** Flags of a page's leaf in this tree. */
export function flagsOf(stage: Stage, tree: number, view: number): number {
  const isData = view >= DATA_VIEW
  const flags = V | R | W | A | D | (isData ? stage.dataFlags : X)
  if (stage.globals.has(view)) return flags | G | (stage.mode === 'U' ? U : 0)
  return flags | (isUser(tree) || stage.shared.has(Math.min(view, FIELD)) ? U : 0)
}

/** Writes the leaves of the stage into both tables of each tree. */
export function buildStage(asm: Assembler, random: Random, stage: Stage): void {
  const factors = [random.pick([1, 3, 5]), random.pick([1, 3, 7])]
  const first = Array.from({ length: FIELD }, (_, view) => frameOf(random, view))
  for (const tree of TREES) {
    stageTables(tree).forEach((table, which) => {
      for (let view = 0; view < FIELD_END; view++) {
        const isSame = which === 0 || stage.globals.has(view)
        const frame =
          view >= FIELD
            ? DATA_FRAMES + ((view * (factors[which] as number) + which) % (2 * FRAMES)) * 4096
            : isSame
              ? (first[view] as number)
              : frameOf(random, view)
        asm.set64(table + 8 * view, BigInt(entry(frame, flagsOf(stage, tree, view))))
      }
    })
  }
}

/** A frame that may lie there. */
export function frameOf(random: Random, view: number): number {
  if (view >= DATA_VIEW) {
    // Now and then code is seen as data.
    if (random.once(10)) return CODE_FRAMES + random.below(FRAMES) * 4096
    return DATA_FRAMES + random.below(2 * FRAMES) * 4096
  }
  if (view < CODE_VIEW || view >= CODE_VIEW + VIEWS) return GUARD_FRAME
  return CODE_FRAMES + random.below(FRAMES) * 4096
}

/** A page of code or data, often the one in focus or beside it. */
export function viewNear(random: Random, { focus }: Stage, first: number): number {
  if (random.once(3)) return first + random.below(VIEWS)
  return first + Math.max(0, Math.min(VIEWS - 1, focus + random.between(-1, 1)))
}

export function addressOf(view: number): number {
  return STAGE + view * 4096
}
