// Fences that other harts ask for (SBI remote fences): posted to a hart, and done by it before it next executes guest code.
//
// Who posts looks at the target's presence afterwards, and waits if it is executing; who enters makes its presence known
// first and looks for posts afterwards. So one of the two sees the other.

import * as lock from "../core/lock";
import { Hart } from "./hart";
import * as fresh from "./fresh";
import * as tlb from "./tlb";

/** Ranges remembered one by one; one more means "everything". */
const RANGES: u32 = 4;

/** What is posted: bits of Hart.fences. */
const FENCE_RANGES: u32 = 1;
const FENCE_ALL: u32 = 2;
const FENCE_CODE: u32 = 4;

function range(hart: Hart, i: u32): usize {
  return changetype<usize>(hart) + offsetof<Hart>("fenceAddress0") + (<usize>i << 4);
}

function lockOf(hart: Hart): usize {
  return changetype<usize>(hart) + offsetof<Hart>("fenceLock");
}

/** Posts a fence of so many pages from a guest-virtual address on; `pages` 0: of everything. */
export function post(hart: Hart, gva: u64, pages: u64): void {
  lock.acquire(lockOf(hart));
  if (pages == 0 || hart.fenceCount == RANGES) {
    set(hart, FENCE_ALL);
  } else {
    const place = range(hart, hart.fenceCount++);
    store<u64>(place, gva);
    store<u64>(place, pages, 8);
    set(hart, FENCE_RANGES);
  }
  lock.release(lockOf(hart));
}

/** Posts a fence.i. */
export function postCode(hart: Hart): void {
  lock.acquire(lockOf(hart));
  set(hart, FENCE_CODE);
  lock.release(lockOf(hart));
}

function set(hart: Hart, bit: u32): void {
  const word = changetype<usize>(hart) + offsetof<Hart>("fences");
  if (ASC_FEATURE_THREADS) atomic.or<u32>(word, bit);
  else store<u32>(word, load<u32>(word) | bit);
}

/** Is there anything to be done? Seen in one order with presence, hence atomic. */
export function areWaiting(hart: Hart): bool {
  const word = changetype<usize>(hart) + offsetof<Hart>("fences");
  return (ASC_FEATURE_THREADS ? atomic.load<u32>(word) : load<u32>(word)) != 0;
}

/** Does what was posted to a hart that is about to execute on this CPU. */
export function absorb(hart: Hart, cpu: u32): void {
  lock.acquire(lockOf(hart));
  const bits = hart.fences;
  if ((bits & FENCE_ALL) != 0) {
    tlb.flush(hart);
  } else {
    for (let i: u32 = 0; i < hart.fenceCount; i++) {
      const gva = load<u64>(range(hart, i));
      const pages = load<u64>(range(hart, i), 8);
      for (let page: u64 = 0; page < pages; page++) tlb.flushAddress(hart, gva + (page << 12));
    }
  }
  if ((bits & FENCE_CODE) != 0) fresh.fence(cpu);
  hart.fenceCount = 0;
  hart.fences = 0;
  lock.release(lockOf(hart));
}

if (offsetof<Hart>("fenceAddress3") - offsetof<Hart>("fenceAddress0") != <usize>(RANGES - 1) * 16) ERROR("the ranges must be a run");
