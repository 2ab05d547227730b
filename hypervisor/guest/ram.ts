// Guest RAM: a map from guest page to machine frame. The only way to guest memory for devices and for vmm.
//
//   gpa - RAM_BASE:  31 .. 22 leaf (root has 1024 words) | 21 .. 12 entry of the leaf | 11 .. 0 byte
//   entry: frame number << 12 | PAGE_* flags; 0: never touched
//
// A pointer given out here is good until the guest runs again, and to the end of its page.

import { PAGE_SIZE } from "../abi";
import * as frames from "../core/frames";
import * as stale from "../core/stale";
import { Guest, MAP_ROOT, RAM_BASE } from "./guest";

/** Written since the flag was last taken away: what migration and incremental snapshots look for. */
export const PAGE_DIRTY: u32 = 1;

const FLAGS: u32 = 0xfff;

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

/** Address of the map entry of a page, making its leaf if need be; 0: outside RAM, or no frame left. */
function entry(guest: Guest, gpa: u64): usize {
  const page = gpa - RAM_BASE >> 12;
  if (page >= guest.ramPages) return 0;
  const root = changetype<usize>(guest) + MAP_ROOT + (<usize>(page >> 10) << 2);
  let leaf = load<u32>(root);
  if (leaf == 0) {
    leaf = frames.take();
    if (leaf == 0) {
      guest.starved = 1;
      return 0;
    }
    store<u32>(root, leaf);
  }
  return frames.address(leaf) + (<usize>(page & 1023) << 2);
}

/** Address of the page's frame for reading, taking a zeroed frame on first touch; 0: outside RAM, or no frame left. */
export function pageForRead(guest: Guest, gpa: u64): usize {
  const slot = entry(guest, gpa);
  if (slot == 0) return 0;
  let word = load<u32>(slot);
  if (word == 0) {
    const frame = frames.take();
    if (frame == 0) {
      guest.starved = 1;
      return 0;
    }
    guest.touched++;
    word = frame << 12;
    store<u32>(slot, word);
  }
  return <usize>(word & ~FLAGS);
}

/**
 * Address of the page's frame for writing: a frame of the guest's own, marked dirty; 0: outside RAM, or no frame left.
 * Decoded code of the page stays true only if the caller says what it writes: see `pageForStore` and `writable`.
 */
export function pageForStore(guest: Guest, gpa: u64): usize {
  const base = pageForRead(guest, gpa);
  if (base == 0) return 0;
  const slot = entry(guest, gpa);
  const word = load<u32>(slot);
  let frame = frames.frameOf(base);
  if (frames.isShared(frame)) {
    const own = frames.take();
    if (own == 0) {
      guest.starved = 1;
      return 0;
    }
    memory.copy(frames.address(own), base, PAGE_SIZE);
    frames.release(frame);
    frame = own;
    guest.mapGeneration++;
  }
  store<u32>(slot, frame << 12 | word & FLAGS | PAGE_DIRTY);
  return frames.address(frame);
}

/** Pointer to a byte of RAM for reading, good to the end of its page; 0: outside RAM, or no frame left. */
export function readable(guest: Guest, gpa: u64): usize {
  const base = pageForRead(guest, gpa);
  return base == 0 ? 0 : base + <usize>(gpa & 0xfff);
}

/** Pointer to a byte of RAM for writing from outside the harts, good to the end of its page; 0 as above. */
export function writable(guest: Guest, gpa: u64): usize {
  const base = pageForStore(guest, gpa);
  if (base == 0) return 0;
  stale.note(frames.frameOf(base));
  return base + <usize>(gpa & 0xfff);
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

/** Gives all frames back; the guest's RAM is as if never touched. */
export function clear(guest: Guest): void {
  const root = changetype<usize>(guest) + MAP_ROOT;
  for (let i: usize = 0; i < 1024; i++) {
    const leaf = load<u32>(root + (i << 2));
    if (leaf == 0) continue;
    for (let j: usize = 0; j < 1024; j++) {
      const word = load<u32>(frames.address(leaf) + (j << 2));
      if (word == 0) continue;
      stale.note(word >> 12);
      frames.release(word >> 12);
    }
    frames.release(leaf);
    store<u32>(root + (i << 2), 0);
  }
  guest.touched = 0;
  guest.starved = 0;
  guest.mapGeneration++;
}
