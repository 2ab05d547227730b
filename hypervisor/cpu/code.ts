// The cache of decoded code of one physical CPU: for each machine frame that was executed, one page of slots.
//
//   machine().codeBase + cpu * codeBytes
//   +0          index       u16 for each frame of the machine: number of its page, 0: none
//   +2 MiB      pages       CODE_PAGE bytes each, as many as there is room for
//
//   a page:  2048 slots of 8 bytes, one for each halfword of the frame | sentinel slot | head (frame, stores, translated)
//   a slot:  u8 operation (ops.ts) | u8 8*rd | u8 8*rs1 | u8 8*rs2 | i32 immediate        operation 0: not decoded yet
//
// A page is found by machine frame, so guests that share a frame share its decoded code, and sfence.vma costs nothing here.
// A store to a frame with decoded code clears the slots it touches; after STORM of those the page is dropped and the frame is
// data again. Stores by other CPUs, and by devices, are read from core/stale, and the whole page is dropped. A hart elsewhere
// that was executing when the page was made may store unnoticed for a while: cpu/fresh.ts.
// Code that was translated too (cpu/regions.ts) is covered by bits in the
// head, one for 64 bytes: what happens to covered code is listed, so that the translation can be dropped.

import * as frames from "../core/frames";
import { CPUS, CPU_STRIDE, MAX_FRAMES } from "../core/layout";
import { Machine, machine } from "../core/machine";
import * as stale from "../core/stale";
import { OP_PAGE_END } from "./ops";

const PAGES: usize = <usize>MAX_FRAMES << 1;
export const SLOTS: usize = 2048 << 3;
/** Byte of a page where the number of its frame stands. */
export const PAGE_FRAME: usize = SLOTS + 16;
const PAGE_STORES: usize = SLOTS + 20;
const PAGE_TRANSLATED: usize = SLOTS + 24;
const PAGE_NARROW: usize = SLOTS + 32;
/** Not a multiple of 4 KiB, so that slots of the same offset in many pages spread over the host's cache sets. */
const CODE_PAGE: usize = SLOTS + 64;
/** Bytes that a CPU can have for all of it: many times what one function of translated code lies on; as much as the index can number. */
export const CODE_LEAST: u32 = 0x0080_0000;
export const CODE_MOST: u32 = <u32>PAGES + 65535 * <u32>CODE_PAGE;
const STORM: u32 = 32;
/** In the CPU's page behind the code cache's head and run's scratch: frames whose translated code has changed. */
const CHANGES: usize = 1024;
/** How many are remembered one by one; one more means "all of them". */
export const CHANGES_MAX: u32 = 64;

/** What a physical CPU remembers about its code cache; lies in the CPU's page. */
@unmanaged @final
export class CodeCache {
  /** Next page to be given out, from 1 on. */
  next: u32;
  /** Grows when pages were dropped: fetch TLBs filled before are void. */
  generation: u32;
  /** Pages given out so far, at most as many as there are. */
  pages: u32;
  /** How many frames are listed as changed. */
  changes: u32;
  /** How many notes of core/stale it has read. */
  notes: u32;
  /** How many pages are listed as fresh (cpu/fresh.ts). */
  fresh: u32;
}

/** The code cache of physical CPU `cpu`. */
export function cacheOf(cpu: u32): CodeCache {
  return changetype<CodeCache>(CPUS + <usize>cpu * CPU_STRIDE);
}

function areaOf(cpu: u32): usize {
  return machine().codeBase + cpu * machine().codeBytes;
}

function indexSlot(cpu: u32, frame: u32): usize {
  return areaOf(cpu) + (<usize>frame << 1);
}

/** Pages are numbered from 1 on. */
function pageAt(cpu: u32, number: u32): usize {
  return areaOf(cpu) + PAGES + <usize>(number - 1) * CODE_PAGE;
}

/** How many pages there are. */
function most(): u32 {
  return (machine().codeBytes - <u32>PAGES) / <u32>CODE_PAGE;
}

/** How often frames became code on any CPU. */
export function marks(): u32 {
  if (ASC_FEATURE_THREADS) return atomic.load<u32>(changetype<usize>(machine()) + offsetof<Machine>("codeMarks"));
  return machine().codeMarks;
}

function mark(): void {
  if (ASC_FEATURE_THREADS) atomic.add<u32>(changetype<usize>(machine()) + offsetof<Machine>("codeMarks"), 1);
  else machine().codeMarks++;
}

/** The last `pageOf` made the page. */
export let isNew: bool = false;

/**
 * The page of decoded code for a frame, made if need be. The caller has read the notes of core/stale (`settle`), and looks at
 * `generation` and `marks` afterwards.
 */
export function pageOf(cpu: u32, frame: u32): usize {
  const known = load<u16>(indexSlot(cpu, frame));
  isNew = known == 0;
  if (known != 0) return pageAt(cpu, known);
  const cache = cacheOf(cpu);
  const number = cache.next < most() ? cache.next + 1 : 1;
  cache.next = number;
  const page = pageAt(cpu, number);
  if (cache.pages < most()) {
    // Never used, so still zero; and what is never decoded in it is never committed.
    cache.pages++;
  } else {
    const evicted = load<u32>(page, PAGE_FRAME);
    if (evicted != 0) drop(cpu, evicted);
    memory.fill(page, 0, CODE_PAGE);
  }
  store<u8>(page + SLOTS, OP_PAGE_END);
  store<u32>(page, frame, PAGE_FRAME);
  store<u16>(indexSlot(cpu, frame), <u16>number);
  // First the bit, then the count: a hart that enters and still has the old count fills no write TLB against the bit.
  if (frames.setCode(frame, cpu)) mark();
  return page;
}

/** The decoded slot of the instruction at byte `offset` of a frame; 0 when the frame has no decoded code. */
export function slotOf(cpu: u32, frame: u32, offset: u32): usize {
  const number = load<u16>(indexSlot(cpu, frame));
  return number == 0 ? 0 : pageAt(cpu, number) + (<usize>offset << 2);
}

/** Notes that bytes `from` … `to` - 1 of a frame with decoded code are translated. */
export function cover(cpu: u32, frame: u32, from: u32, to: u32): void {
  const page = pageAt(cpu, load<u16>(indexSlot(cpu, frame)));
  const last: u32 = to - 1 >> 6;
  let bits = load<u64>(page, PAGE_TRANSLATED);
  for (let i: u32 = from >> 6; i <= last; i++) bits |= <u64>1 << <u64>i;
  store<u64>(page, bits, PAGE_TRANSLATED);
}

/** Must each access of code on this frame be looked up for itself (jit/memory.ts)? */
export function isNarrow(cpu: u32, frame: u32): bool {
  return load<u32>(pageAt(cpu, load<u16>(indexSlot(cpu, frame))), PAGE_NARROW) != 0;
}

/** Says that sharing looks did not go well on this frame. */
export function setNarrow(cpu: u32, frame: u32): void {
  const number = load<u16>(indexSlot(cpu, frame));
  if (number != 0) store<u32>(pageAt(cpu, number), 1, PAGE_NARROW);
}

function noteChange(cpu: u32, frame: u32): void {
  const cache = cacheOf(cpu);
  if (cache.changes < CHANGES_MAX) store<u32>(changetype<usize>(cache) + CHANGES + (<usize>cache.changes << 2), frame);
  if (cache.changes <= CHANGES_MAX) cache.changes++;
}

/** How many frames with translated code have changed or are no longer watched; more than CHANGES_MAX: any may have. */
export function changes(cpu: u32): u32 {
  return cacheOf(cpu).changes;
}

/** The i-th of them. */
export function changeAt(cpu: u32, i: u32): u32 {
  return load<u32>(changetype<usize>(cacheOf(cpu)) + CHANGES + (<usize>i << 2));
}

/** Forgets them. */
export function clearChanges(cpu: u32): void {
  cacheOf(cpu).changes = 0;
}

/** The machine frame that a page of decoded code was made from. */
export function frameOf(page: usize): u32 {
  return load<u32>(page, PAGE_FRAME);
}

/** Forgets the decoded code of a frame; it is data from now on. */
export function drop(cpu: u32, frame: u32): void {
  const slot = indexSlot(cpu, frame);
  const number = load<u16>(slot);
  if (number == 0) return;
  const page = pageAt(cpu, number);
  if (load<u64>(page, PAGE_TRANSLATED) != 0) noteChange(cpu, frame);
  store<u64>(page, 0, PAGE_TRANSLATED);
  store<u32>(page, 0, PAGE_FRAME);
  store<u16>(slot, 0);
  frames.clearCode(frame, cpu);
  cacheOf(cpu).generation++;
}

/** A hart on CPU `cpu` is about to store `size` bytes at byte `offset` of a frame of which some CPU holds decoded code. */
export function stored(cpu: u32, frame: u32, offset: u32, size: u32): void {
  frames.writtenOn(frame, cpu);
  const number = load<u16>(indexSlot(cpu, frame));
  if (number == 0) return;
  const page = pageAt(cpu, number);
  const stores = load<u32>(page, PAGE_STORES) + 1;
  if (stores > STORM) {
    drop(cpu, frame);
    return;
  }
  store<u32>(page, stores, PAGE_STORES);
  // An instruction, or a fused pair, may begin up to six bytes before the first byte stored.
  const first: u32 = offset < 6 ? 0 : offset - 6 >> 1;
  const last: u32 = offset + size - 1 >> 1;
  for (let i = first; i <= last; i++) store<u64>(page + (<usize>i << 3), 0);
  const translated = load<u64>(page, PAGE_TRANSLATED);
  if (translated == 0) return;
  const from: u64 = <u64>(first >> 5);
  const to: u64 = <u64>(last >> 5);
  if ((translated >> from & 1) != 0 || (translated >> to & 1) != 0) noteChange(cpu, frame);
}

/** Have notes been left that this CPU has not read? */
export function isBehind(cpu: u32): bool {
  return stale.count() != cacheOf(cpu).notes;
}

/** Drops the decoded code of all frames that others than harts of this CPU wrote to. To be called before a hart runs. */
export function settle(cpu: u32): void {
  const cache = cacheOf(cpu);
  const first = cache.notes;
  const count = stale.count();
  if (count == first) return;
  cache.notes = count;
  // A ring that has gone all round may have more notes than can be read before they are written over.
  for (let i = first; i != count && stale.isKept(first); i++) {
    const frame = stale.at(i, cpu);
    if (frame != 0) drop(cpu, frame);
  }
  if (stale.isKept(first)) return;
  for (let number: u32 = 1; number <= cache.pages; number++) {
    const frame = load<u32>(pageAt(cpu, number), PAGE_FRAME);
    if (frame != 0) drop(cpu, frame);
  }
}
