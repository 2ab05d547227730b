// The search for pages that hold the same: one frame does for all of them, until one is written. Pages of zeroes need none.
//
// A step looks at some pages of one guest. A page whose checksum has not changed since the last look, and is that of another
// page known by the table, makes a pair with it. The pairs of a step are made one frame each:
//
//   protect      both pages: who writes one takes its protection away first, so what is protected still can be trusted
//   expel        harts that could still write forget what they knew
//   compare      every byte: checksums can be made alike on purpose
//   merge        the other page's frame becomes a shared one, this page gets it by compare and swap
//   expel        nobody uses the frame that was too many: it goes back
//
// Both guests' locks are held, so no device writes; guests with host transfers under way are left alone. Harts go on meanwhile.
// Decoded and translated code belongs to frames: that of the frame which stays is everybody's, that of the other goes with it.
// The time is the guest's that is looked at.

import { GUEST_PAUSED, GUEST_RUNNING, MAX_GUESTS } from "../../abi";
import { Cpu } from "../../core/cpus";
import * as frames from "../../core/frames";
import * as lock from "../../core/lock";
import * as bus from "../../devices/bus";
import { Guest, RAM_BASE, guestAt, lockOf, release } from "../../guest/guest";
import * as promises from "../../guest/promises";
import * as ram from "../../guest/ram";
import { PAGE_MERGED, PAGE_SHARED } from "../../guest/ram";
import * as bill from "../bill";
import * as harts from "../harts";
import { PAIRS, PAIRS_SIZE, SUMS, State, TABLE, TABLE_WORDS, state } from "./state";
import { ZEROES, areSame, sumOf } from "./sum";

/** Pages with a frame looked at in a step, and pages passed over: some 100 µs. No step looks at more than PAIRS_MOST. */
const STEP_PAGES: u32 = 128;
const PAIRS_MOST: u32 = 256;
const STEP_PASSED: u32 = 4096;
/** ns between two steps: at first some 12 000 pages a second; fewer while there is nothing to be found. */
const STEP_LEAST_NS: f64 = 10_000_000;
const STEP_MOST_NS: f64 = 160_000_000;
/** Found less than one of so many pages that stayed as they were in a round: there is little to be found. */
const WORTH: u32 = 256;
/** Less than one of so many pages was seen before: the round tells nothing. */
const YOUNG: u32 = 4;
/** Owners of a shared frame at most: the count has 16 bits, and others share frames too. */
const OWNERS_MOST: u32 = 0xf000;

/** A page of any guest, in the table: 1 + guest << PAGE_BITS | page. It has two places there. */
const PAGE_BITS: u32 = 20;
const PAGE_MASK: u32 = (1 << PAGE_BITS) - 1;
const WAYS: u32 = 2;
/** No page. */
const NONE: u32 = 0xffff_ffff;

/** A page of the guest that is looked at, and the page it is like. */
@unmanaged @final
class Pair {
  page: u32;
  frame: u32;
  /** Guest and page, as in the table; NONE: it holds zeroes. */
  other: u32;
  otherFrame: u32;
}
if (<usize>PAIRS_MOST * offsetof<Pair>() > PAIRS_SIZE) ERROR("the pairs of a step don't fit");

function pairAt(i: u32): Pair {
  return changetype<Pair>(PAIRS + <usize>i * offsetof<Pair>());
}

function gpaOf(page: u32): u64 {
  return RAM_BASE + (<u64>page << 12);
}

/** May pages of the guest share the frame of another? */
function isSharing(guest: Guest): bool {
  return (guest.state == GUEST_RUNNING || guest.state == GUEST_PAUSED) && guest.sharing != 0;
}

/** Is the guest looked at? One that is paused does not pay for anything. */
function isLookedAt(guest: Guest): bool {
  return guest.state == GUEST_RUNNING && guest.sharing != 0;
}

/** Goes on with the search if that is due, for one step. Once a turn of a CPU that has time is right. */
export function tick(cpu: Cpu, now: f64): void {
  const s = state();
  if (now < s.sharingDue || !lock.tryAcquire(changetype<usize>(s) + offsetof<State>("lock"))) return;
  if (s.sharingStepNs < STEP_LEAST_NS) s.sharingStepNs = STEP_LEAST_NS;
  s.sharingDue = now + s.sharingStepNs;
  const id = s.guest;
  const guest = guestAt(id);
  bill.toCpu(cpu);
  if (step(STEP_PAGES) != 0) {
    bill.toKernel(guest);
    harts.charge(guest, bill.spent(cpu), bill.now());
  }
  lock.release(changetype<usize>(s) + offsetof<State>("lock"));
}

/** One step, whether due or not; the lock of `state` is held. How many pages were looked at. */
export function step(most: u32): u32 {
  const s = state();
  const guest = guestAt(s.guest);
  let looked: u32 = 0;
  if (isLookedAt(guest) && lock.tryAcquire(lockOf(guest))) {
    if (isLookedAt(guest)) looked = stepOf(guest, min(most, PAIRS_MOST));
    release(guest);
    if (<u64>s.page < guest.ramPages) return looked;
  }
  s.page = 0;
  s.guest = next(s.guest);
  return looked;
}

/** The next guest to look at, and a new round behind the last. */
function next(id: u32): u32 {
  while (++id < <u32>MAX_GUESTS) if (isLookedAt(guestAt(id))) return id;
  const s = state();
  // Where no page was seen before, as in the first round of young guests, nothing could be found.
  if (s.roundFound > s.roundStable / WORTH) s.sharingStepNs = STEP_LEAST_NS;
  else if (s.roundStable > s.roundLooked / YOUNG) s.sharingStepNs = min(s.sharingStepNs * 2, STEP_MOST_NS);
  s.roundFound = 0;
  s.roundStable = 0;
  s.roundLooked = 0;
  for (id = 0; id < <u32>MAX_GUESTS; id++) if (isLookedAt(guestAt(id))) return id;
  return 0;
}

/** A step through the pages of a guest, whose lock is held; and that of the one other guest with which it makes pairs. */
function stepOf(guest: Guest, most: u32): u32 {
  const s = state();
  const isBusy = bus.busy(guest) != 0;
  let partner: Guest | null = null;
  let pairs: u32 = 0;
  let looked: u32 = 0;
  let passed: u32 = 0;
  while (looked < most && passed++ < STEP_PASSED && <u64>s.page < guest.ramPages) {
    if ((s.page & 1023) == 0) s.page = ram.nextKnown(guest, s.page);
    if (<u64>s.page >= guest.ramPages) break;
    const page = s.page++;
    const word = ram.wordOf(guest, gpaOf(page));
    const frame = word >> 12;
    if (frame == 0) continue;
    looked++;
    const sum = (word & PAGE_MERGED) != 0 ? lastSum(frame) : sumOf(frames.address(frame));
    const isStable = sum == lastSum(frame);
    setSum(frame, sum);
    if (!isStable) continue;
    s.roundStable++;
    if (isBusy) continue;
    if (sum == ZEROES) {
      addPair(pairs++, page, frame, NONE, 0);
      continue;
    }
    const known = find(sum, frame);
    if (known == NONE) {
      remember(sum, guest.id, page);
      continue;
    }
    if ((word & PAGE_MERGED) != 0) continue;
    const other = guestAt(known >> PAGE_BITS);
    if (other != guest && other != partner) {
      if (partner || !lock.tryAcquire(lockOf(other))) continue;
      partner = other;
    }
    // It is looked at again, as its lock is held now.
    if (!isSharing(other) || bus.busy(other) != 0 || find(sum, frame) != known) continue;
    addPair(pairs++, page, frame, known, ram.wordOf(other, gpaOf(known & PAGE_MASK)) >> 12);
  }
  s.looked += looked;
  s.roundLooked += looked;
  if (pairs != 0) s.roundFound += makeOne(guest, partner, pairs);
  if (partner) release(partner);
  return looked;
}

function addPair(i: u32, page: u32, frame: u32, other: u32, otherFrame: u32): void {
  const pair = pairAt(i);
  pair.page = page;
  pair.frame = frame;
  pair.other = other;
  pair.otherFrame = otherFrame;
}

function lastSum(frame: u32): u32 {
  return load<u32>(SUMS + (<usize>frame << 2));
}

function setSum(frame: u32, sum: u32): void {
  store<u32>(SUMS + (<usize>frame << 2), sum);
}

function slotOf(sum: u32, way: u32): usize {
  return TABLE + (<usize>((sum ^ way) & TABLE_WORDS - 1) << 2);
}

/** A page that had this checksum when it was last looked at, in another frame, and may share it; NONE: not known. */
function find(sum: u32, frame: u32): u32 {
  for (let way: u32 = 0; way < WAYS; way++) {
    const known = load<u32>(slotOf(sum, way)) - 1;
    if (known == NONE || !isSharing(guestAt(known >> PAGE_BITS))) continue;
    const other = ram.wordOf(guestAt(known >> PAGE_BITS), gpaOf(known & PAGE_MASK)) >> 12;
    if (other == 0 || other == frame || lastSum(other) != sum) continue;
    if (frames.references(other) < OWNERS_MOST) return known;
  }
  return NONE;
}

/** Lets others find a page by its checksum: in the place of one that is out of date, or else of any. */
function remember(sum: u32, guest: u32, page: u32): void {
  let slot = slotOf(sum, 0);
  for (let way: u32 = 0; way < WAYS; way++) {
    const known = load<u32>(slotOf(sum, way)) - 1;
    if (known == (guest << PAGE_BITS | page)) return;
    const word = known == NONE ? 0 : ram.wordOf(guestAt(known >> PAGE_BITS), gpaOf(known & PAGE_MASK));
    if (word == 0 || ((lastSum(word >> 12) ^ sum) & TABLE_WORDS - WAYS) != 0) {
      slot = slotOf(sum, way);
      break;
    }
  }
  store<u32>(slot, (guest << PAGE_BITS | page) + 1);
}

/** Makes the pairs of a step one frame each, where they really are alike. How many pages gave a frame back. */
function makeOne(guest: Guest, partner: Guest | null, pairs: u32): u32 {
  for (let i: u32 = 0; i < pairs; i++) protect(guest, pairAt(i));
  ram.expel(guest);
  if (partner) ram.expel(partner);
  let leaving: u32 = 0;
  let merged: u32 = 0;
  for (let i: u32 = 0; i < pairs; i++) {
    const pair = pairAt(i);
    if (pair.frame == 0) continue;
    if (pair.other == NONE) {
      if (sumOf(frames.address(pair.frame)) == ZEROES) {
        leaving = ram.takeOutShared(guest, gpaOf(pair.page), pair.frame, leaving);
      }
      pair.frame = 0;
    } else if (areSame(frames.address(pair.frame), frames.address(pair.otherFrame)) && merge(guest, pair)) {
      merged++;
    } else {
      pair.frame = 0;
    }
  }
  if (leaving != 0) ram.letGo(guest, leaving);
  else if (merged != 0) ram.expel(guest);
  for (let i: u32 = 0; i < pairs; i++) if (pairAt(i).frame != 0) promises.giveBack(guest, pairAt(i).frame);
  state().merged += merged;
  state().dropped += leaving;
  return merged + leaving;
}

/** Protects both pages of a pair. One that has another frame by now is no pair any more. */
function protect(guest: Guest, pair: Pair): void {
  if (ram.protect(guest, gpaOf(pair.page)) != pair.frame) {
    pair.frame = 0;
  } else if (pair.other != NONE) {
    const other = guestAt(pair.other >> PAGE_BITS);
    if (ram.protect(other, gpaOf(pair.other & PAGE_MASK)) != pair.otherFrame) pair.frame = 0;
  }
}

/** Gives a page the frame of its like. Both are protected and hold the same. False: one has been written since. */
function merge(guest: Guest, pair: Pair): bool {
  const other = guestAt(pair.other >> PAGE_BITS);
  const gpa = gpaOf(pair.other & PAGE_MASK);
  const frame = pair.otherFrame;
  const word = ram.wordOf(other, gpa);
  if (word >> 12 != frame || (word & PAGE_SHARED) == 0) return false;
  if ((word & PAGE_MERGED) == 0) {
    if (!promises.beginShared(other)) return false;
    if (!ram.merge(other, gpa, frame)) {
      promises.undoShared(other);
      return false;
    }
  }
  if (!frames.tryShare(frame)) return false;
  // The other page may have been written in between, and its frame be somebody else's by now.
  if (ram.sharedFrame(other, gpa) == frame && ram.replace(guest, gpaOf(pair.page), pair.frame, frame)) return true;
  promises.leaveShared(frame);
  return false;
}
