// SBI remote fence extension (chapter 8): other harts forget translations.

import { Hart, hartAt } from "../../cpu/hart";
import * as tlb from "../../cpu/tlb";
import { Guest } from "../../guest/guest";
import { SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED, argument, fail, functionId, succeed } from "./call";
import * as mask from "./mask";

const REMOTE_FENCE_I: u32 = 0;
const REMOTE_SFENCE_VMA: u32 = 1;
const REMOTE_SFENCE_VMA_ASID: u32 = 2;

/** Beyond that many pages, emptying the TLB is cheaper than going through it page by page (Linux draws this line at 64). */
const PAGES_MAX: u64 = 64;

/** Makes one hart forget a range of guest-virtual addresses; size 0 or all ones means everything (section 8.2). */
function forget(hart: Hart, gva: u64, size: u64): void {
  const pages = (size >> 12) + ((size & 0xfff) + (gva & 0xfff) + 0xfff >> 12);
  if (size == 0 || size == <u64>-1 || pages > PAGES_MAX) {
    tlb.flush(hart);
    return;
  }
  for (let i: u64 = 0; i < pages; i++) tlb.flushAddress(hart, gva + (i << 12));
}

/** Answers a call. */
export function call(guest: Guest, hart: Hart): void {
  const fid = functionId(hart);
  // 3 … 6 are for guests that are hypervisors themselves.
  if (fid > REMOTE_SFENCE_VMA_ASID) return fail(hart, SBI_ERR_NOT_SUPPORTED);
  const targets = mask.harts(guest, argument(hart, 0), argument(hart, 1));
  if (targets == mask.INVALID) return fail(hart, SBI_ERR_INVALID_PARAM);
  // Decoded code follows every store to its frame, so a remote fence.i has nothing left to do. Where one address space is
  // meant, all are fenced: more than is asked for.
  if (fid != REMOTE_FENCE_I) {
    for (let i: u32 = 0; i < guest.harts; i++) {
      if ((targets >> i & 1) != 0) forget(hartAt(guest, i), argument(hart, 2), argument(hart, 3));
    }
  }
  succeed(hart, 0);
}

if (REMOTE_SFENCE_VMA != 1) ERROR("function ids of the remote fences are dense");
