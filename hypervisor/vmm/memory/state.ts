// What the machine remembers about its memory: when the next look is due, where the search for like pages stands.
//
//   SHARING + 0x00_0000  State
//         + 0x00_1000    pairs at hand
//         + 0x10_0000    for each frame the checksum of what it held when it was last looked at
//         + 0x50_0000    table of pages by checksum

import { MAX_FRAMES, SHARING, SHARING_SIZE } from "../../core/layout";

export const PAIRS: usize = SHARING + 0x1000;
export const PAIRS_SIZE: usize = 0xf_f000;
export const SUMS: usize = SHARING + 0x10_0000;
export const TABLE: usize = SUMS + (<usize>MAX_FRAMES << 2);
/** Words in the table, a power of two. */
export const TABLE_WORDS: u32 = 1 << 19;

if (TABLE + (<usize>TABLE_WORDS << 2) > SHARING + SHARING_SIZE) ERROR("the table of pages runs out of its region");

/** Zero before the machine starts. */
@unmanaged @final
export class State {
  /** core/lock: held by the CPU that looks. Tried, never waited for. */
  lock: u32;

  // Pressure.
  /** Looks so far. */
  ticks: u32;
  /** host.now() of the next look. */
  pressureDue: f64;
  /** How long nobody could go on: see stalemate.ts. */
  distress: u32;

  // Sharing.
  /** host.now() at which the search goes on, and ns between two steps. */
  sharingDue: f64;
  sharingStepNs: f64;
  /** The guest and the page that it goes on with. */
  guest: u32;
  page: u32;
  /** Since the search last was at guest 0: pages that were merged or dropped, that were as at the last look, that were looked at. */
  roundFound: u32;
  roundStable: u32;
  roundLooked: u32;
  /** Since the machine began: pages looked at, made to share a frame, dropped as they held zeroes. */
  looked: u64;
  merged: u64;
  dropped: u64;
}

/** The machine's. */
export function state(): State {
  return changetype<State>(SHARING);
}
