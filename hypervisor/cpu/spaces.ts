// Address spaces: what a change of satp and a fence with an ASID leave true, and what is kept of spaces that were left.
//
//   hart + SPACES   8 spaces: head | filter of fetched pages | up to 119 entries of the TLBs
//
// An operating system that gives its address spaces numbers (ASIDs) changes satp with each change of the process and flushes
// nothing. Its own pages are global, and stay. The local entries of the space that is left are put aside, as far as they are
// listed, and back in their places when the space is come back to: mostly that is sooner than anything about it changes. A
// space with ASID 0 is not kept, as that is what all have for a system that doesn't use numbers.

import { HART_STRIDE } from "../guest/guest";
import { SATP_ASID } from "./csrs";
import { Hart } from "./hart";
import { MICRO_END } from "./micro";
import * as tlb from "./tlb";
import { FETCHED, FETCHED_SIZE, LIST_SUM, LIST_U } from "./tlb";

const SPACES: usize = MICRO_END;
const COUNT: usize = 8;
const SIZE: usize = 2048;
const FILTER: usize = 64;
const ENTRIES: usize = FILTER + FETCHED_SIZE;
const ENTRIES_MAX: u32 = <u32>((SIZE - ENTRIES) >> 4);
const ASID_SHIFT: u64 = 44;

/** An address space that was left. */
@unmanaged @final
class Space {
  /** satp: mode, ASID and root. 0: none. */
  satp: u64;
  /** Hart.space, by which its paths are still known. */
  number: u64;
  /** Hart.flushes when it was left: another number now, and what is kept is void. */
  flushes: u32;
  /** Hart.epochU. */
  epoch: u32;
  /** Entries kept. */
  count: u32;
  /** Hart.spaceChanges when it was left. */
  leftAt: u32;
}

if (offsetof<Space>() > FILTER) ERROR("Space runs into its filter");
if (SPACES + COUNT * SIZE > HART_STRIDE) ERROR("the spaces run out of the hart");

function spaceAt(hart: Hart, i: usize): Space {
  return changetype<Space>(changetype<usize>(hart) + SPACES + i * SIZE);
}

function asidOf(satp: u64): u64 {
  return (satp & SATP_ASID) >> ASID_SHIFT;
}

/** Writes satp, a value that is legal and another one than before. */
export function change(hart: Hart, satp: u64): void {
  const old = hart.satp;
  hart.satp = satp;
  if (old >> 60 != satp >> 60) {
    tlb.flush(hart);
    return;
  }
  hart.spaceChanges++;
  if (asidOf(old) != 0 && asidOf(old) != asidOf(satp)) leave(hart, old);
  tlb.flushLocal(hart);
  for (let i: usize = 0; i < COUNT; i++) {
    if (isKept(hart, spaceAt(hart, i)) && spaceAt(hart, i).satp == satp) comeBack(hart, spaceAt(hart, i));
  }
}

function isKept(hart: Hart, space: Space): bool {
  return space.satp != 0 && space.flushes == hart.flushes;
}

/** A place for one more: free, or of the space that was left longest ago. */
function take(hart: Hart): Space {
  let oldest = spaceAt(hart, 0);
  for (let i: usize = 0; i < COUNT; i++) {
    const space = spaceAt(hart, i);
    if (!isKept(hart, space)) return space;
    if (hart.spaceChanges - space.leftAt > hart.spaceChanges - oldest.leftAt) oldest = space;
  }
  return oldest;
}

function leave(hart: Hart, satp: u64): void {
  const space = take(hart);
  space.satp = satp;
  space.number = hart.space;
  space.flushes = hart.flushes;
  space.epoch = hart.epochU;
  space.count = 0;
  space.leftAt = hart.spaceChanges;
  memory.copy(changetype<usize>(space) + FILTER, changetype<usize>(hart) + FETCHED, FETCHED_SIZE);
  keep(hart, space, LIST_SUM);
  keep(hart, space, LIST_U);
}

/** Keeps the entries of a list, the newest first. */
function keep(hart: Hart, space: Space, list: u32): void {
  for (let i = tlb.listed(hart, list); i > 0 && space.count < ENTRIES_MAX; i--) {
    const place = tlb.listedAt(hart, list, i - 1);
    const entry = tlb.listedEntry(hart, list, place);
    const kept = changetype<usize>(space) + ENTRIES + (<usize>space.count << 4);
    space.count++;
    store<u64>(kept, load<u64>(entry));
    store<u32>(kept, load<u32>(entry, 8), 8);
    store<u32>(kept, <u32>place | list, 12);
  }
}

function comeBack(hart: Hart, space: Space): void {
  for (let i = space.count; i > 0; i--) {
    const kept = changetype<usize>(space) + ENTRIES + (<usize>(i - 1) << 4);
    const word = load<u32>(kept, 12);
    tlb.refill(hart, word & 15, <usize>(word & ~15), load<u64>(kept), load<u32>(kept, 8));
  }
  memory.copy(changetype<usize>(hart) + FETCHED, changetype<usize>(space) + FILTER, FETCHED_SIZE);
  hart.space = space.number;
  tlb.resume(hart, space.epoch);
  space.satp = 0;
}

/** The hart has come from another CPU: what is kept of fetch TLBs was for that one. */
export function arrive(hart: Hart): void {
  for (let i: usize = 0; i < COUNT; i++) {
    const space = spaceAt(hart, i);
    if (isKept(hart, space)) dropFetches(space);
  }
}

function dropFetches(space: Space): void {
  const entries = changetype<usize>(space) + ENTRIES;
  let count: u32 = 0;
  for (let i: u32 = 0; i < space.count; i++) {
    const entry = entries + (<usize>i << 4);
    if (<usize>(load<u32>(entry, 12) & ~15) >= tlb.TLB_FETCH) continue;
    memory.copy(entries + (<usize>count << 4), entry, 16);
    count++;
  }
  space.count = count;
  space.epoch = tlb.takeEpoch();
  memory.fill(changetype<usize>(space) + FILTER, 0, FETCHED_SIZE);
}

/** Is the address space in use the one with this ASID? Without translation there are no others. */
function isInUse(hart: Hart, asid: u64): bool {
  return hart.satp >> 60 == 0 || asidOf(hart.satp) == asid;
}

function forget(hart: Hart, asid: u64): void {
  for (let i: usize = 0; i < COUNT; i++) {
    if (asidOf(spaceAt(hart, i).satp) == asid) spaceAt(hart, i).satp = 0;
  }
}

/** Makes the hart forget what holds in the address space with this ASID alone. */
export function flush(hart: Hart, asid: u64): void {
  forget(hart, asid);
  if (isInUse(hart, asid)) tlb.flushLocal(hart);
}

/** Makes the hart forget what it knows of one guest-virtual address in the address space with this ASID alone. */
export function flushAddress(hart: Hart, asid: u64, gva: u64): void {
  forget(hart, asid);
  if (isInUse(hart, asid)) tlb.flushLocalAddress(hart, gva);
}

/** Forgets all that were left, whatever the memory held before: for a hart that is new. */
export function reset(hart: Hart): void {
  for (let i: usize = 0; i < COUNT; i++) spaceAt(hart, i).satp = 0;
}
