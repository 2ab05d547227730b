// Address translation: Sv39, Sv48, Sv57 walks with A/D updates (Svadu), Svnapot, Svpbmt, and PMP on the way.
// Privileged spec 12.3 to 12.6. The answer lies in this module's variables; they belong to the worker.

import * as ram from "../guest/ram";
import { Guest } from "../guest/guest";
import * as presence from "../guest/presence";
import {
  CAUSE_FETCH_ACCESS, CAUSE_FETCH_PAGE, CAUSE_LOAD_ACCESS, CAUSE_LOAD_PAGE, CAUSE_STORE_ACCESS, CAUSE_STORE_PAGE,
  MENVCFG_ADUE, MENVCFG_PBMTE, MSTATUS_MXR, SATP_PPN,
} from "./csrs";
import { Hart, PRIV_M, PRIV_S, PRIV_U } from "./hart";
import * as paths from "./paths";
import * as pmp from "./pmp";
import { PMP_R, PMP_W, PMP_X } from "./pmp";
import * as settle from "./settle";
import { MSTATUS_SUM, dataPrivilege } from "./tlb";

export const ACCESS_READ: u32 = 0;
export const ACCESS_WRITE: u32 = 1;
export const ACCESS_FETCH: u32 = 2;

export const TRANSLATED: u32 = 0;
/** hart.trapCause and trapValue say why. */
export const FAULTED: u32 = 1;
/** The machine had no frame for a page table the guest touches. */
export const STARVED: u32 = 2;

/** For `walk`: amidst it the map has changed, or the hart was outside. */
const MOVED: u32 = 3;

const PTE_V: u64 = 1;
const PTE_R: u64 = 2;
const PTE_W: u64 = 4;
const PTE_X: u64 = 8;
const PTE_U: u64 = 16;
const PTE_G: u64 = 32;
const PTE_A: u64 = 64;
const PTE_D: u64 = 128;
const PTE_PBMT: u64 = 3 << 61;
const PTE_N: u64 = 1 << 63;
/** Bits 60 … 54, reserved: a page fault when set. */
const PTE_RESERVED: u64 = 0x7f << 54;

/** Guest-physical address of the last translation. */
export let gpa: u64 = 0;
/** Bits of the address that one leaf covered: 0xfff, or more for superpages and NAPOT ranges. */
export let leafMask: u64 = 0xfff;
/** The answer holds for this access alone (PMP cuts the page). */
export let isPartial: bool = false;

function fault(hart: Hart, gva: u64, access: u32, page: bool): u32 {
  let cause = page ? CAUSE_LOAD_PAGE : CAUSE_LOAD_ACCESS;
  if (access == ACCESS_WRITE) cause = page ? CAUSE_STORE_PAGE : CAUSE_STORE_ACCESS;
  else if (access == ACCESS_FETCH) cause = page ? CAUSE_FETCH_PAGE : CAUSE_FETCH_ACCESS;
  hart.trapCause = cause;
  hart.trapValue = gva;
  return FAULTED;
}

function rightsOf(access: u32): u32 {
  return access == ACCESS_WRITE ? PMP_W : access == ACCESS_FETCH ? PMP_X : PMP_R;
}

/**
 * Translates `size` bytes at `gva` (which don't cross a page) for an access of the hart as it is now.
 * TRANSLATED: `gpa`, `leafMask`, `isPartial` hold. Sets A and D where Svadu is on.
 */
export function translate(hart: Hart, guest: Guest, gva: u64, size: u32, access: u32): u32 {
  const privilege = access == ACCESS_FETCH ? hart.priv : dataPrivilege(hart);
  gpa = gva;
  leafMask = ~(<u64>0);
  hart.isGlobal = 0;
  const mode = <u32>(hart.satp >> 60);
  if (privilege != PRIV_M && mode != 0) {
    let result = walk(hart, guest, gva, access, privilege, mode - 5);
    while (result == MOVED) {
      settle.all(hart, guest, hart.cpu - 1);
      result = walk(hart, guest, gva, access, privilege, mode - 5);
    }
    if (result != TRANSLATED) return result;
  }
  if (!pmp.check(hart, gpa, size, privilege, rightsOf(access))) return fault(hart, gva, access, false);
  isPartial = pmp.isPartial;
  return TRANSLATED;
}

let isPeeking: bool = false;

/** As `translate` for a fetch, but without a trace: an entry that has not been accessed yet counts as no translation. */
export function peek(hart: Hart, guest: Guest, gva: u64): u32 {
  isPeeking = true;
  const result = translate(hart, guest, gva, 2, ACCESS_FETCH);
  isPeeking = false;
  return result;
}

/** The walk of 12.3.2, in its steps' order, from where the last one nearby ended. `levels`: 3, 4 or 5. */
function walk(hart: Hart, guest: Guest, gva: u64, access: u32, privilege: u32, levels: u32): u32 {
  const path = paths.placeOf(hart, gva);
  let isKnown = guest.mapGeneration == hart.mapGeneration && paths.holds(path, hart, gva);
  let table: u64 = (hart.satp & SATP_PPN) << 12;
  let level = levels - 1;
  let page: usize = 0;
  let isGlobal: u64 = 0;
  if (isKnown) {
    table = path.table;
    level = path.level;
    page = <usize>path.page;
    isGlobal = path.isGlobal != 0 ? PTE_G : 0;
  } else {
    const unused: u64 = 64 - 12 - 9 * levels;
    if (<u64>(<i64>(gva << unused) >> unused) != gva) return fault(hart, gva, access, true);
  }
  while (true) {
    const shift: u64 = 12 + 9 * <u64>level;
    const place = table + ((gva >> shift & 0x1ff) << 3);
    if (!isKnown) {
      if (!ram.has(guest, place)) return fault(hart, gva, access, false);
      page = ram.pageForRead(guest, place);
      if (page == 0) return STARVED;
    }
    if (!pmp.check(hart, place, 8, PRIV_S, PMP_R)) return fault(hart, gva, access, false);
    const pte = load<u64>(page + <usize>(place & 0xfff));
    if ((pte & PTE_V) == 0 || (pte & (PTE_R | PTE_W)) == PTE_W || (pte & PTE_RESERVED) != 0) {
      return fault(hart, gva, access, true);
    }
    const ppn = pte >> 10 & SATP_PPN;
    if ((pte & (PTE_R | PTE_X)) == 0) {
      if ((pte & (PTE_A | PTE_D | PTE_U | PTE_PBMT | PTE_N)) != 0 || level == 0) return fault(hart, gva, access, true);
      table = ppn << 12;
      level--;
      isKnown = false;
      isGlobal |= pte & PTE_G;
      continue;
    }
    if (!isKnown) paths.note(path, hart, gva, table, page, level, isGlobal != 0);
    if (!isAllowed(hart, pte, access, privilege)) return fault(hart, gva, access, true);
    const memoryType = pte & PTE_PBMT;
    if (memoryType == PTE_PBMT || (memoryType != 0 && (hart.menvcfg & MENVCFG_PBMTE) == 0)) {
      return fault(hart, gva, access, true);
    }
    let mask: u64 = (<u64>1 << shift) - 1;
    if ((ppn & mask >> 12) != 0) return fault(hart, gva, access, true);
    let base = ppn << 12;
    if ((pte & PTE_N) != 0) {
      // Svnapot knows one size, 64 KiB: level 0 and ppn[3:0] = 1000.
      if (level != 0 || (ppn & 15) != 8) return fault(hart, gva, access, true);
      mask = 0xffff;
      base &= ~mask;
    }
    const wanted: u64 = access == ACCESS_WRITE ? PTE_A | PTE_D : PTE_A;
    if ((pte & wanted) != wanted) {
      if (isPeeking || (hart.menvcfg & MENVCFG_ADUE) == 0) return fault(hart, gva, access, true);
      if (!pmp.check(hart, place, 8, PRIV_S, PMP_W)) return fault(hart, gva, access, false);
      const turn = presence.turn;
      const writable = ram.writable(guest, place);
      if (writable == 0) return STARVED;
      if (presence.turn != turn || guest.mapGeneration != hart.mapGeneration) return MOVED;
      page = writable & ~0xfff;
      // Another hart may have changed the entry since: then walk this level again (12.3.2, step 9).
      if (!update(writable, pte, pte | wanted)) continue;
    }
    gpa = base | gva & mask;
    leafMask = mask;
    hart.isGlobal = ((isGlobal | pte) & PTE_G) != 0 ? 1 : 0;
    return TRANSLATED;
  }
}

/** Compare and swap of a page-table entry. */
function update(ptr: usize, old: u64, wanted: u64): bool {
  if (ASC_FEATURE_THREADS) return atomic.cmpxchg<u64>(ptr, old, wanted) == old;
  store<u64>(ptr, wanted);
  return true;
}

function isAllowed(hart: Hart, pte: u64, access: u32, privilege: u32): bool {
  if (privilege == PRIV_U) {
    if ((pte & PTE_U) == 0) return false;
  } else if ((pte & PTE_U) != 0) {
    if (access == ACCESS_FETCH || (hart.mstatus & MSTATUS_SUM) == 0) return false;
  }
  if (access == ACCESS_FETCH) return (pte & PTE_X) != 0;
  if (access == ACCESS_WRITE) return (pte & PTE_W) != 0;
  return (pte & PTE_R) != 0 || ((hart.mstatus & MSTATUS_MXR) != 0 && (pte & PTE_X) != 0);
}
