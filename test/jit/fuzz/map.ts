// Where things lie in a random program's memory.
//
//   page   0  start, in M mode                40  two physical copies of two pages of code, for WINDOW
//          1  trap handlers of M and S        44  the stage's guard
//          2  tables of addresses             48  frames of code for the stage
//          3  what the handlers note          56  frames of data for the stage
//          4  routines that change tables     72  stack
//          8  code                           104  page tables: four trees of five pages each (tables.ts)
//         24  data
//         32  data that becomes code
//
// A stack that overflows runs into data and code, and comes to page tables last of all: not before the program begins again.
//
//   (virtual) WINDOW: two pages that lead to one copy or the other
//             STAGE:  512 pages; what they lead to is what programs change (stage.ts)

export const RAM = 0x8000_0000
export const PAGES = 128
export const page = (number: number) => RAM + number * 4096

export const HANDLERS = page(1)
export const TABLES = page(2)
export const SAVED = page(3)
/** Routines that change page tables and address spaces, behind what they need. */
export const ROUTINES = page(4)
export const ROUTINES_END = page(8)
export const CODE = page(8)
export const CODE_PAGES = 12
export const DATA = page(24)
export const DATA_PAGES = 8
/** Data that becomes code and data again. */
export const FRESH = page(32)
export const FRESH_PAGES = 4
/** Two pages of code, and behind them two others. */
export const COPIES = page(40)
/** For S mode the first and the third, for U mode the others; the last two only with a stage. */
export const TREES = [page(104), page(109), page(114), page(119)] as const
export const TREES_END = page(124)
export const STACK_TOP = page(96)
/** Frames of the stage: of code, of data, and one of code that calls nothing. */
export const CODE_FRAMES = page(48)
export const DATA_FRAMES = page(56)
export const GUARD_FRAME = page(44)
/** A power of two: the numbers of the first frames differ from the others' in these bits alone. */
export const FRAMES = 8
/** Virtual: where the copies are seen, one or the other. */
export const WINDOW = RAM + 0x10_0000
/** Virtual: 2 MiB with a page table of their own. */
export const STAGE = RAM + 0x20_0000

/** What `ecall` does, by the number in a7; from SERVICES on the routines follow. */
export const SERVICE = { interrupts: 0, swapFirst: 1, change: 2, swapSecond: 3, floats: 4, forget: 5 }
export const SERVICES = 6

/** Modes in which programs run; only without paging is M mode used. */
export type Mode = 'M' | 'S' | 'U'
