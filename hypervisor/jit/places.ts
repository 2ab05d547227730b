// Where a jump to one of many blocks goes, by a table: the place of each goal in it is a product of its distance from the
// entry, with a factor for which no two goals have the same place.

import { Block, NONE, wayAt } from "./desk";

function placeOf(offset: i32, factor: u32, bits: u32): u32 {
  return <u32>offset * factor >> 32 - bits;
}

/** A factor that gives each goal a place of its own; 0: none was found. */
export function spread(block: Block, bits: u32): u32 {
  let factor: u32 = 0x9e37_79b1;
  for (let tries = 0; tries < 4000; tries++) {
    let taken: u64 = 0;
    let taken2: u64 = 0;
    let collides = false;
    for (let k: u32 = 0; k < block.ways && !collides; k++) {
      const way = wayAt(block.firstWay + k);
      if (way.goal == NONE) continue;
      const place = placeOf(way.offset, factor, bits);
      const bit: u64 = <u64>1 << <u64>(place & 63);
      if (place < 64) {
        collides = (taken & bit) != 0;
        taken |= bit;
      } else {
        collides = (taken2 & bit) != 0;
        taken2 |= bit;
      }
    }
    if (!collides) return factor;
    factor = factor * 1664525 + 1013904223 | 1;
  }
  return 0;
}

/** Which of the goals has this place in the table; `goals`: none. */
export function goalAt(block: Block, factor: u32, bits: u32, place: u32, goals: u32): u32 {
  let number: u32 = 0;
  for (let k: u32 = 0; k < block.ways; k++) {
    const way = wayAt(block.firstWay + k);
    if (way.goal == NONE) continue;
    if (placeOf(way.offset, factor, bits) == place) return number;
    number++;
  }
  return goals;
}
