// Physical memory protection (privileged spec 3.7): 16 entries, OFF, TOR, NA4, NAPOT, lock.

import { Hart, PRIV_M } from "./hart";

export const PMP_R: u32 = 1;
export const PMP_W: u32 = 2;
export const PMP_X: u32 = 4;
const PMP_A: u32 = 3 << 3;
const PMP_TOR: u32 = 1 << 3;
const PMP_NA4: u32 = 2 << 3;
export const PMP_L: u32 = 1 << 7;

export const PMP_ENTRIES: u32 = 16;
/** pmpaddr holds bits 55 … 2 of an address. */
const ADDRESS: u64 = 0x003f_ffff_ffff_ffff;

/** The last `check` lies in an entry (or gap) that doesn't cover its whole page: its answer is not the page's. */
export let isPartial: bool = false;

/** Configuration byte of entry `i`. */
export function config(hart: Hart, i: u32): u32 {
  return load<u8>(changetype<usize>(hart) + <usize>i, offsetof<Hart>("pmpcfg0"));
}

/** Address word of entry `i`. */
export function address(hart: Hart, i: u32): u64 {
  return load<u64>(changetype<usize>(hart) + (<usize>i << 3), offsetof<Hart>("pmpaddr0"));
}

/** Writes the configuration byte of entry `i`, unless it is locked. W without R is reserved: the old value stays. */
export function setConfig(hart: Hart, i: u32, value: u32): void {
  if ((config(hart, i) & PMP_L) != 0) return;
  value &= PMP_R | PMP_W | PMP_X | PMP_A | PMP_L;
  if ((value & (PMP_R | PMP_W)) == PMP_W) value &= ~PMP_W;
  store<u8>(changetype<usize>(hart) + <usize>i, <u8>value, offsetof<Hart>("pmpcfg0"));
}

/** Writes the address of entry `i`, unless it is locked, or the top of a locked range above it. */
export function setAddress(hart: Hart, i: u32, value: u64): void {
  if ((config(hart, i) & PMP_L) != 0) return;
  if (i + 1 < PMP_ENTRIES) {
    const next = config(hart, i + 1);
    if ((next & PMP_L) != 0 && (next & PMP_A) == PMP_TOR) return;
  }
  store<u64>(changetype<usize>(hart) + (<usize>i << 3), value & ADDRESS, offsetof<Hart>("pmpaddr0"));
}

/**
 * May `privilege` touch [gpa, gpa + size) with these rights (PMP_R | PMP_W | PMP_X)? Sets isPartial.
 * An access that only partly matches an entry fails (3.7.1.4).
 */
export function check(hart: Hart, gpa: u64, size: u32, privilege: u32, rights: u32): bool {
  isPartial = false;
  if (hart.pmpActive == 0) return true;
  const first = gpa;
  const last = gpa + size - 1;
  const page = gpa & ~0xfff;
  let low: u64 = 0;
  for (let i: u32 = 0; i < PMP_ENTRIES; i++) {
    const cfg = config(hart, i);
    const word = address(hart, i);
    const mode = cfg & PMP_A;
    let from: u64 = low;
    let to: u64 = word << 2;
    low = to;
    if (mode == 0) continue;
    if (mode == PMP_NA4) {
      from = word << 2;
      to = from + 4;
    } else if (mode == PMP_A) {
      const ones = ctz<u64>(~word);
      from = (word & ~((<u64>1 << ones) - 1)) << 2;
      to = from + (<u64>8 << ones);
    }
    if (from >= to) continue;
    // Entries that touch the page without covering it make the answer one of this access alone.
    if (from < page + 4096 && to > page && (from > page || to < page + 4096)) isPartial = true;
    if (last < from || first >= to) continue;
    if (first < from || last >= to) return false;
    if (privilege == PRIV_M && (cfg & PMP_L) == 0) return true;
    return (cfg & rights) == rights;
  }
  return privilege == PRIV_M;
}
