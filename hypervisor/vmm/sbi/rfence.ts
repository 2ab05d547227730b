// SBI remote fence extension (chapter 8): other harts forget translations, and see code that was written.

import { Hart, hartAt } from "../../cpu/hart";
import * as fences from "../../cpu/fences";
import { Guest } from "../../guest/guest";
import * as presence from "../../guest/presence";
import { SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED, argument, fail, functionId, succeed } from "./call";
import * as mask from "./mask";

const REMOTE_FENCE_I: u32 = 0;
const REMOTE_SFENCE_VMA: u32 = 1;
const REMOTE_SFENCE_VMA_ASID: u32 = 2;

/** Beyond that many pages, emptying the TLB is cheaper than going through it page by page (Linux draws this line at 64). */
const PAGES_MAX: u64 = 64;

/** Pages of a range of guest-virtual addresses; 0: all there are. Size 0 or all ones means everything (section 8.2). */
function pagesOf(gva: u64, size: u64): u64 {
  const pages = (size >> 12) + ((size & 0xfff) + (gva & 0xfff) + 0xfff >> 12);
  return size == 0 || size == <u64>-1 || pages > PAGES_MAX ? 0 : pages;
}

/**
 * Answers a call. Targets may be executing on other CPUs: fences are posted, and done by a hart before it executes again;
 * those that execute now are waited for, which takes them a lap at most, and none of them waits for us.
 */
export function call(guest: Guest, hart: Hart): void {
  const fid = functionId(hart);
  // 3 … 6 are for guests that are hypervisors themselves.
  if (fid > REMOTE_SFENCE_VMA_ASID) return fail(hart, SBI_ERR_NOT_SUPPORTED);
  const targets = mask.harts(guest, argument(hart, 0), argument(hart, 1));
  if (targets == mask.INVALID) return fail(hart, SBI_ERR_INVALID_PARAM);
  const gva = argument(hart, 2);
  const pages = pagesOf(gva, argument(hart, 3));
  for (let i: u32 = 0; i < guest.harts; i++) {
    if ((targets >> i & 1) == 0) continue;
    // Where one address space is meant, all are fenced: more than is asked for.
    if (fid == REMOTE_FENCE_I) fences.postCode(hartAt(guest, i));
    else fences.post(hartAt(guest, i), gva, pages);
  }
  presence.awaitHarts(guest, <u64>targets);
  succeed(hart, 0);
}

if (REMOTE_SFENCE_VMA != 1) ERROR("function ids of the remote fences are dense");
