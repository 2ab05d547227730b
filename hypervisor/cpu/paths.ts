// Where page walks ended: for 2 MiB of an address space the page table that has the last entry of a walk.
//
//   hart + PATHS   256 entries, found by bits 28 … 21 of the address
//
// What is kept is a table, never an entry of it, so leaves are read anew with each walk; inner entries are kept as long as
// a TLB may keep them (privileged spec 12.2.1). Each entry has the number of the address space it was found in; a flush gives
// the space another number, and nothing has to be emptied. PMP is asked for the last table again.

import { HART_STRIDE } from "../guest/guest";
import { Hart } from "./hart";

export const PATHS: usize = 0x2_6000;
const ENTRIES: usize = 256;
const SIZE: usize = 32;
/** First byte behind them. */
export const PATHS_END: usize = PATHS + ENTRIES * SIZE;

/** Where walks for 2 MiB ended. */
@unmanaged @final
export class Path {
  /** Guest-virtual address >> 21. */
  region: u64;
  /** Hart.space when it was found. */
  space: u64;
  /** Guest-physical address of the table. */
  table: u64;
  /** Address of the table's frame. */
  page: u32;
  /** Level of the table: 0 has leaves of 4 KiB. */
  level: u8;
  /** 1: an entry on the way was marked G. */
  isGlobal: u8;
}

if (offsetof<Path>() > SIZE) ERROR("Path has not its size");
if (PATHS_END > HART_STRIDE) ERROR("the paths run out of the hart");

/** The only place where the path for an address can be. */
export function placeOf(hart: Hart, gva: u64): Path {
  return changetype<Path>(changetype<usize>(hart) + PATHS + (<usize>(gva >> 21) & ENTRIES - 1) * SIZE);
}

/** Is it the path for this address, as the hart sees memory now? */
export function holds(path: Path, hart: Hart, gva: u64): bool {
  return path.region == gva >> 21 && path.space == hart.space;
}

/** Makes it the path for this address. */
export function note(path: Path, hart: Hart, gva: u64, table: u64, page: usize, level: u32, isGlobal: bool): void {
  path.region = gva >> 21;
  path.space = hart.space;
  path.table = table;
  path.page = <u32>page;
  path.level = <u8>level;
  path.isGlobal = isGlobal ? 1 : 0;
}

/** Forgets the path for an address, in whatever space. */
export function forget(hart: Hart, gva: u64): void {
  const path = placeOf(hart, gva);
  if (path.region == gva >> 21) path.space = 0;
}

/** From now on no path holds. */
export function renumber(hart: Hart): void {
  hart.space = ++hart.lastSpace;
}

/** Forgets all, whatever the memory held before: for a hart that is new. */
export function reset(hart: Hart): void {
  memory.fill(changetype<usize>(hart) + PATHS, 0, ENTRIES * SIZE);
  renumber(hart);
}
