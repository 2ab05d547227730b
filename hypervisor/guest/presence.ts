// Which harts execute guest code now: for each a count in the head of the guest that is odd while it does.
//
// A hart that executes may hold pointers into guest RAM, and entries of TLBs that were true when it began. Who takes a frame
// away changes the map, and then waits until each hart that was inside has left once. It looks at the map anew when it comes
// back. A hart that has to wait itself is outside meanwhile, or two would wait for each other; `turn` tells it that it was.
//
//   a word:  31 somebody waits for it to leave | 30 .. 0 how often it has entered and left

import { wait } from "../core/wait";
import { Guest, guestAt } from "./guest";

const AWAITED: u32 = 0x8000_0000;
const COUNT: u32 = ~AWAITED;

/** How often a hart is looked at before lying down to wait for it: some microseconds. */
const LOOKS = 200;
/** No wait is longer without another look. */
const WAIT_NS: i64 = 1_000_000;

/** The hart that this worker is executing. */
let isInside: bool = false;
let guestInside: u32 = 0;
let hartInside: u32 = 0;

/** Grows whenever the hart that this worker executes was outside amidst an instruction: what it knew is void. */
export let turn: u32 = 0;

function wordOf(guest: Guest, hart: u32): usize {
  return changetype<usize>(guest) + offsetof<Guest>("presence0") + (<usize>hart << 2);
}

function get(word: usize): u32 {
  return ASC_FEATURE_THREADS ? atomic.load<u32>(word) : load<u32>(word);
}

function step(word: usize): u32 {
  if (ASC_FEATURE_THREADS) return atomic.add<u32>(word, 1);
  const old = load<u32>(word);
  store<u32>(word, old + 1);
  return old;
}

/** Says that this worker begins to execute a hart. What others have changed and posted is to be looked at afterwards. */
export function enter(guest: Guest, hart: u32): void {
  assert(!isInside);
  isInside = true;
  guestInside = guest.id;
  hartInside = hart;
  step(wordOf(guest, hart));
}

/** Says that it does no longer. */
export function leave(guest: Guest, hart: u32): void {
  isInside = false;
  const word = wordOf(guest, hart);
  const old = step(word);
  if (!ASC_FEATURE_THREADS || (old & AWAITED) == 0) return;
  atomic.and<u32>(word, COUNT);
  atomic.notify(word, -1);
}

/** The hart's count, 0 while it is outside: `hasLeft` can tell later. */
export function countOf(guest: Guest, hart: u32): u32 {
  const count = get(wordOf(guest, hart)) & COUNT;
  return (count & 1) != 0 ? count : 0;
}

/** Has the hart been outside since `countOf` gave `count`? */
export function hasLeft(guest: Guest, hart: u32, count: u32): bool {
  return count == 0 || (get(wordOf(guest, hart)) & COUNT) != count;
}

/** Does a hart of the guest other than this one execute now? */
export function hasOthers(guest: Guest, hart: u32): bool {
  for (let i: u32 = 0; i < guest.harts; i++) if (i != hart && countOf(guest, i) != 0) return true;
  return false;
}

function awaitOne(guest: Guest, hart: u32): void {
  const count = countOf(guest, hart);
  for (let i = 0; i < LOOKS; i++) if (hasLeft(guest, hart, count)) return;
  if (!ASC_FEATURE_THREADS) return;
  const word = wordOf(guest, hart);
  while ((atomic.or<u32>(word, AWAITED) & COUNT) == count) wait(word, <i32>(count | AWAITED), WAIT_NS);
}

/** Waits until each of the harts, a bit for each, has left once if it executes now. This worker executes none. */
export function awaitHarts(guest: Guest, harts: u64): void {
  assert(!isInside);
  for (let i: u32 = 0; i < guest.harts; i++) if ((harts >> <u64>i & 1) != 0) awaitOne(guest, i);
}

/**
 * Waits until each hart of the guest that executes now has left once. The hart of this worker, if any, is outside meanwhile if
 * there is something to wait for: see `turn`.
 */
export function expel(guest: Guest): void {
  if (!isInside) {
    awaitHarts(guest, ~(<u64>0));
    return;
  }
  const own = guestAt(guestInside);
  const hart = hartInside;
  if (!hasOthers(guest, own == guest ? hart : guest.harts)) return;
  leave(own, hart);
  awaitHarts(guest, ~(<u64>0));
  enter(own, hart);
  turn++;
}

if (offsetof<Guest>("presence7") - offsetof<Guest>("presence0") != 28) ERROR("the counts of the harts must be a run of words");
