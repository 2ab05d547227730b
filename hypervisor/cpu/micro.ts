// The micro-TLB of a hart: for places in the user's translated code the page that each of them accessed last.
//
//   hart + MICRO   slots for reads, then for writes; of each kind SINGLES first, then GROUPS
//        + USED    u32: whether any has been filled since they were emptied
//
// A place has a slot of its own as long as there are enough: it computes no index, so neither the comparison nor the host's
// address waits for the guest's. What a slot says is a copy of an entry of set U (cpu/tlb.ts), so all slots are emptied
// whenever one of its entries is. That is too often for the sets of the kernel. Slots of single accesses hold the tag itself,
// those of several accesses that share one look hold its half: an empty slot is all ones, which neither can be.

import { Hart } from "./hart";
import { PATHS_END } from "./paths";

const MICRO: usize = PATHS_END;
export const SINGLES: u32 = 64;
export const GROUPS: u32 = 32;
const TABLE: usize = <usize>(SINGLES + GROUPS) << 4;
/** Offset from the hart of the word that is to be 1 when a slot is filled. */
export const USED: usize = MICRO + 2 * TABLE;
/** First byte behind it. */
export const MICRO_END: usize = USED + 64;

/** Offset from the hart of slot `number`: u64 tag, u32 what is to be added to an address. */
export function slotAt(isStore: bool, isSingle: bool, number: u32): u32 {
  return <u32>MICRO + (isStore ? <u32>TABLE : 0) + ((isSingle ? 0 : SINGLES) + number << 4);
}

function isUsed(hart: Hart): bool {
  return load<u32>(changetype<usize>(hart) + USED) != 0;
}

/** Empties all slots. */
export function empty(hart: Hart): void {
  if (isUsed(hart)) reset(hart);
}

/** Empties the slots for writes. */
export function emptyWrites(hart: Hart): void {
  if (isUsed(hart)) memory.fill(changetype<usize>(hart) + MICRO + TABLE, 0xff, TABLE);
}

/** Makes all slots empty, whatever the memory held before: for a hart that is new. */
export function reset(hart: Hart): void {
  memory.fill(changetype<usize>(hart) + MICRO, 0xff, 2 * TABLE);
  store<u32>(changetype<usize>(hart) + USED, 0);
}
