// Which harts a call means: the pair hart_mask, hart_mask_base (SBI 2.0, section 3.1).

import { Guest } from "../../guest/guest";

/** No such set of harts. */
export const INVALID: u32 = 0xffff_ffff;

/** The set as one bit per hart; INVALID if it names a hart the guest does not have. */
export function harts(guest: Guest, mask: u64, base: u64): u32 {
  const all: u32 = (<u32>1 << guest.harts) - 1;
  if (base == <u64>-1) return all;
  if (mask == 0) return 0;
  if (base >= guest.harts) return INVALID;
  if (mask >> (<u64>guest.harts - base) != 0) return INVALID;
  return <u32>mask << <u32>base;
}
