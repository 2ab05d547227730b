// Guest RAM: a map from guest page to machine frame. The only way to guest memory for devices and for vmm.
//
//   gpa - RAM_BASE:  31 .. 22 leaf (root has 1024 words) | 21 .. 12 entry of the leaf | 11 .. 0 byte
//   entry: frame number << 12 | PAGE_* flags; 0: never touched
//
// Several CPUs change the map at once, by compare and swap. A pointer that a hart got is good until it leaves guest code
// (guest/presence.ts); one that others got, as long as they hold the guest's lock; all to the end of their page. So a frame is
// taken away in this order: the entry changes, mapGeneration grows, all harts that are inside are expelled, the frame is released.

import { MAX_HARTS, PAGE_SIZE } from "../abi";
import * as frames from "../core/frames";
import { GUEST_STRIDE } from "../core/layout";
import { Guest, HARTS, HART_STRIDE, MAP_ROOT, RAM_BASE } from "./guest";
import * as presence from "./presence";
import * as promises from "./promises";

/** Written since the flag was last taken away: what migration and incremental snapshots look for. */
export const PAGE_DIRTY: u32 = 1;
/** Its frame is not written: who wants to write takes the flag away, or gets a copy if it has PAGE_MERGED too. */
export const PAGE_SHARED: u32 = 2;
/** Beside PAGE_SHARED: its frame has, or had, other owners, and is on no guest's account (guest/promises.ts). */
export const PAGE_MERGED: u32 = 4;

const FLAGS: u32 = 0xfff;

/** Behind the harts: frames that were taken out of the map and may still be in use. Under the guest's lock. */
const LEAVING: usize = HARTS + <usize>MAX_HARTS * HART_STRIDE;
export const LEAVING_MAX: u32 = 4096;

/** What a page without a frame holds, for those who read it when there is none to be had. Never written. */
const ZEROES: usize = memory.data(PAGE_SIZE, 16);

if (LEAVING + (<usize>LEAVING_MAX << 2) > GUEST_STRIDE) ERROR("the leaving frames run out of the guest block");

/** Is this guest-physical address inside RAM? */
export function has(guest: Guest, gpa: u64): bool {
  return gpa - RAM_BASE >> 12 < guest.ramPages;
}

/** Do `length` bytes from this address on lie inside RAM? `length` may be anything. */
export function hasRange(guest: Guest, gpa: u64, length: u64): bool {
  const size = guest.ramPages << 12;
  const offset = gpa - RAM_BASE;
  return offset <= size && length <= size - offset;
}

/** Changes a word of the map if it is still `old`: true. */
function swap(ptr: usize, old: u32, wanted: u32): bool {
  if (ASC_FEATURE_THREADS) return atomic.cmpxchg<u32>(ptr, old, wanted) == old;
  if (load<u32>(ptr) != old) return false;
  store<u32>(ptr, wanted);
  return true;
}

function add(ptr: usize, amount: u32): void {
  if (ASC_FEATURE_THREADS) atomic.add<u32>(ptr, amount);
  else store<u32>(ptr, load<u32>(ptr) + amount);
}

function count(guest: Guest, pages: u32): void {
  add(changetype<usize>(guest) + offsetof<Guest>("touched"), pages);
}


function rootOf(guest: Guest, page: u64): usize {
  return changetype<usize>(guest) + MAP_ROOT + (<usize>(page >> 10) << 2);
}

/** Address of the map entry of a page, making its leaf if need be; 0: outside RAM, or no frame left. */
function entry(guest: Guest, gpa: u64): usize {
  const page = gpa - RAM_BASE >> 12;
  if (page >= guest.ramPages) return 0;
  const root = rootOf(guest, page);
  let leaf = load<u32>(root);
  while (leaf == 0) {
    const frame = promises.takeLeaf(guest);
    if (frame == 0) return 0;
    // If another CPU was faster, its leaf is taken.
    if (!swap(root, 0, frame)) promises.returnLeaf(guest, frame);
    leaf = load<u32>(root);
  }
  return frames.address(leaf) + (<usize>(page & 1023) << 2);
}

/** Address of the map entry of a page that has one; 0: outside RAM, or nothing near it was ever touched. */
function known(guest: Guest, gpa: u64): usize {
  const page = gpa - RAM_BASE >> 12;
  if (page >= guest.ramPages) return 0;
  const leaf = load<u32>(rootOf(guest, page));
  return leaf == 0 ? 0 : frames.address(leaf) + (<usize>(page & 1023) << 2);
}

/** The word in a map entry, with a zeroed frame on first touch; 0: no frame left. */
function touch(guest: Guest, slot: usize): u32 {
  while (true) {
    const word = load<u32>(slot);
    if (word != 0) return word;
    const frame = promises.take(guest);
    if (frame == 0) return 0;
    if (swap(slot, 0, frame << 12)) {
      count(guest, 1);
      return frame << 12;
    }
    promises.giveBack(guest, frame);
  }
}

/** Address of the page's frame for reading, taking a zeroed frame on first touch; 0: outside RAM, or no frame left. */
export function pageForRead(guest: Guest, gpa: u64): usize {
  const slot = entry(guest, gpa);
  return slot == 0 ? 0 : <usize>(touch(guest, slot) & ~FLAGS);
}

/**
 * Address of the page's frame for writing: a frame of the guest's own, marked dirty; 0: outside RAM, or no frame left.
 * Decoded code of the page stays true only if the caller says what it writes: see `writable`. A hart looks at mapGeneration and
 * at presence.turn afterwards: if one has changed, what it knew before is void, and it begins anew.
 */
export function pageForStore(guest: Guest, gpa: u64): usize {
  const slot = entry(guest, gpa);
  if (slot == 0) return 0;
  while (true) {
    const word = touch(guest, slot);
    if (word == 0) return 0;
    if ((word & PAGE_SHARED) != 0) {
      if (!own(guest, slot, word)) return 0;
    } else if ((word & PAGE_DIRTY) != 0 || swap(slot, word, word | PAGE_DIRTY)) {
      return <usize>(word & ~FLAGS);
    }
  }
}

/** Makes the frame of a page whose entry was `word`, with PAGE_SHARED, its own, or gives it one; false: no frame left. */
function own(guest: Guest, slot: usize, word: u32): bool {
  if ((word & PAGE_MERGED) == 0) {
    swap(slot, word, word & ~PAGE_SHARED | PAGE_DIRTY);
    return true;
  }
  const frame = promises.take(guest);
  if (frame == 0) return false;
  memory.copy(frames.address(frame), <usize>(word & ~FLAGS), PAGE_SIZE);
  if (swap(slot, word, frame << 12 | PAGE_DIRTY)) {
    expel(guest);
    release(guest, word);
  } else {
    promises.giveBack(guest, frame);
  }
  return true;
}

/** A page whose entry was `word` has its frame no more, and nobody uses it. */
function release(guest: Guest, word: u32): void {
  if ((word & PAGE_MERGED) != 0) promises.leaveShared(word >> 12);
  else promises.giveBack(guest, word >> 12);
}

/** TLBs filled before are void when their harts next enter guest code. */
function renew(guest: Guest): void {
  add(changetype<usize>(guest) + offsetof<Guest>("mapGeneration"), 1);
}

/** What was found in the map before holds for nobody any more when this returns. */
export function expel(guest: Guest): void {
  renew(guest);
  presence.expel(guest);
}

/** Pointer to a byte of RAM for reading, good to the end of its page; 0: outside RAM. Without a frame left a page reads zero. */
export function readable(guest: Guest, gpa: u64): usize {
  let base = pageForRead(guest, gpa);
  if (base == 0 && has(guest, gpa)) base = ZEROES;
  return base == 0 ? 0 : base + <usize>(gpa & 0xfff);
}

/** Pointer to a byte of RAM for writing from outside the harts, good to the end of its page; 0: outside RAM, or no frame left. */
export function writable(guest: Guest, gpa: u64): usize {
  const base = pageForStore(guest, gpa);
  if (base == 0) return 0;
  frames.written(frames.frameOf(base));
  return base + <usize>(gpa & 0xfff);
}

/**
 * As `readable`, for one who goes on reading when the guest's lock has been given back: its frame does not go meanwhile. 0: outside
 * RAM, or no frame left that it could have for itself.
 */
export function lasting(guest: Guest, gpa: u64): usize {
  const base = (wordOf(guest, gpa) & PAGE_MERGED) != 0 ? pageForStore(guest, gpa) : pageForRead(guest, gpa);
  return base == 0 ? 0 : base + <usize>(gpa & 0xfff);
}

/**
 * Gives each page of a range inside RAM a frame of the guest's own, so that `writable` has it as long as the guest's lock is held,
 * or the host works for the guest. False: there are not so many frames; pages that got one keep it.
 */
export function secure(guest: Guest, gpa: u64, length: u64): bool {
  const end = gpa + length;
  for (let page = gpa & ~0xfff; page < end; page += PAGE_SIZE) if (pageForStore(guest, page) == 0) return false;
  return true;
}

/** Bytes from this address to the end of its page, at most `length`. */
export function run(gpa: u64, length: u64): u32 {
  const rest = <u64>PAGE_SIZE - (gpa & 0xfff);
  return <u32>(length < rest ? length : rest);
}

/** Copies guest bytes to kernel memory; false (and nothing more copied) where RAM ends. */
export function copyOut(guest: Guest, gpa: u64, ptr: usize, length: u32): bool {
  while (length > 0) {
    const source = readable(guest, gpa);
    if (source == 0) return false;
    const part = run(gpa, length);
    memory.copy(ptr, source, part);
    gpa += part;
    ptr += part;
    length -= part;
  }
  return true;
}

/** Copies kernel bytes into guest RAM; false (and nothing more copied) where RAM ends. */
export function copyIn(guest: Guest, gpa: u64, ptr: usize, length: u32): bool {
  while (length > 0) {
    const target = writable(guest, gpa);
    if (target == 0) return false;
    const part = run(gpa, length);
    memory.copy(target, ptr, part);
    gpa += part;
    ptr += part;
    length -= part;
  }
  return true;
}

// What follows is for the guest's lock: frames that go, and pages that share one.

/** Takes pages out of the map; they are as if never touched. The guest's lock is held. How many had a frame. */
export function discard(guest: Guest, gpa: u64, pages: u32): u32 {
  let total: u32 = 0;
  while (pages > 0) {
    let leaving: u32 = 0;
    while (pages > 0 && leaving < LEAVING_MAX) {
      leaving = takeOut(guest, gpa, leaving);
      gpa += PAGE_SIZE;
      pages--;
    }
    letGo(guest, leaving);
    total += leaving;
  }
  return total;
}

/** Takes one page out of the map, with `leaving` others that wait for `letGo`; how many wait then, at most LEAVING_MAX. */
export function takeOut(guest: Guest, gpa: u64, leaving: u32): u32 {
  const slot = known(guest, gpa);
  if (slot == 0 || load<u32>(slot) == 0) return leaving;
  const word = empty(slot);
  if (word == 0) return leaving;
  store<u32>(changetype<usize>(guest) + LEAVING + (<usize>leaving << 2), word);
  return leaving + 1;
}

function empty(slot: usize): u32 {
  if (ASC_FEATURE_THREADS) return atomic.xchg<u32>(slot, 0);
  const word = load<u32>(slot);
  store<u32>(slot, 0);
  return word;
}

/** Takes a page that is ready to be shared, and has `frame`, out of the map, as `takeOut`. */
export function takeOutShared(guest: Guest, gpa: u64, frame: u32, leaving: u32): u32 {
  const slot = known(guest, gpa);
  if (slot == 0) return leaving;
  const word = load<u32>(slot);
  if ((word & PAGE_SHARED) == 0 || word >> 12 != frame || !swap(slot, word, 0)) return leaving;
  store<u32>(changetype<usize>(guest) + LEAVING + (<usize>leaving << 2), word);
  return leaving + 1;
}

/** Gives the frames of the pages that were taken out to whoever wants them, once no hart uses them any more. */
export function letGo(guest: Guest, leaving: u32): void {
  if (leaving == 0) return;
  expel(guest);
  const list = changetype<usize>(guest) + LEAVING;
  for (let i: u32 = 0; i < leaving; i++) release(guest, load<u32>(list + (<usize>i << 2)));
  count(guest, 0 - leaving);
}

/**
 * Makes a page ready to be shared; the guest's lock is held. Its frame, or 0: it has none. After the next `expel` of the guest
 * the frame is not written any more, as long as the page has it: see `sharedFrame`.
 */
export function protect(guest: Guest, gpa: u64): u32 {
  const slot = known(guest, gpa);
  if (slot == 0) return 0;
  while (true) {
    const word = load<u32>(slot);
    if (word == 0 || (word & PAGE_SHARED) != 0 || swap(slot, word, word | PAGE_SHARED)) return word >> 12;
  }
}

/** The frame of a page that is ready to be shared, or 0: it was written since, or never was ready. */
export function sharedFrame(guest: Guest, gpa: u64): u32 {
  const slot = known(guest, gpa);
  const word = slot == 0 ? 0 : load<u32>(slot);
  return (word & PAGE_SHARED) != 0 ? word >> 12 : 0;
}

/** The word in a page's map entry; 0: never touched. */
export function wordOf(guest: Guest, gpa: u64): u32 {
  const slot = known(guest, gpa);
  return slot == 0 ? 0 : load<u32>(slot);
}

/** The first page from this one on that lies near one that was touched; pages are counted from the start of RAM. */
export function nextKnown(guest: Guest, page: u32): u32 {
  while (<u64>page < guest.ramPages && load<u32>(rootOf(guest, page)) == 0) page = (page >> 10) + 1 << 10;
  return page;
}

/** Says that the frame of a page that is ready to be shared has other owners from now on; false: it was written since. */
export function merge(guest: Guest, gpa: u64, frame: u32): bool {
  const slot = known(guest, gpa);
  if (slot == 0) return false;
  const word = load<u32>(slot);
  return (word & PAGE_SHARED) != 0 && word >> 12 == frame && swap(slot, word, word | PAGE_MERGED);
}

/**
 * Gives a page that is ready to be shared, and has `frame` for itself, another one with the same content, of which the caller
 * has made it an owner; false: it was written since, and nothing has changed. The guest's lock is held. The old frame is given
 * back by the caller, after an `expel` that may do for several pages.
 */
export function replace(guest: Guest, gpa: u64, frame: u32, other: u32): bool {
  const slot = known(guest, gpa);
  if (slot == 0) return false;
  const word = load<u32>(slot);
  if ((word & (PAGE_SHARED | PAGE_MERGED)) != PAGE_SHARED || word >> 12 != frame) return false;
  return swap(slot, word, other << 12 | word & FLAGS | PAGE_MERGED);
}

/** Gives all frames back; the guest's RAM is as if never touched. None of its harts has a CPU. */
export function clear(guest: Guest): void {
  const root = changetype<usize>(guest) + MAP_ROOT;
  for (let i: usize = 0; i < 1024; i++) {
    const leaf = load<u32>(root + (i << 2));
    if (leaf == 0) continue;
    for (let j: usize = 0; j < 1024; j++) {
      const word = load<u32>(frames.address(leaf) + (j << 2));
      if (word != 0) release(guest, word);
    }
    promises.returnLeaf(guest, leaf);
    store<u32>(root + (i << 2), 0);
  }
  guest.touched = 0;
  guest.starved = 0;
  renew(guest);
}
