// Loads and stores on the slow way: TLB misses, accesses that cross a page, code pages, and what is not RAM.

import * as frames from "../core/frames";
import { Guest, guestAt } from "../guest/guest";
import * as presence from "../guest/presence";
import * as ram from "../guest/ram";
import * as code from "./code";
import {
  CAUSE_LOAD_ACCESS, CAUSE_LOAD_MISALIGNED, CAUSE_STORE_ACCESS, CAUSE_STORE_MISALIGNED,
} from "./csrs";
import { Hart } from "./hart";
import * as mmu from "./mmu";
import { ACCESS_READ, ACCESS_WRITE, FAULTED, STARVED, TRANSLATED } from "./mmu";
import * as settle from "./settle";
import * as tlb from "./tlb";

export const DONE: u32 = 0;
/** A trap must be taken: hart.trapCause, trapValue. */
export const TRAP: u32 = FAULTED;
/** The machine has no frame left. */
export const NO_FRAME: u32 = STARVED;
/** Not RAM: hart.exitAddress. */
export const DEVICE: u32 = 3;

/** How a loaded value is widened to a register: bits 0-2 log2 of its size, bit 3 unsigned, bit 4 to a float register. */
export const EXTEND_UNSIGNED: u32 = 8;
export const EXTEND_FLOAT: u32 = 16;

/** What the last `load` gave, zero-extended. */
export let loaded: u64 = 0;

/** Physical CPU this worker is. */
export let cpu: u32 = 0;

/** Says which physical CPU this worker is. */
export function setCpu(number: u32): void {
  cpu = number;
}

/** Reads `size` bytes at `gva` for an instruction; DONE: `loaded`. */
export function load_(hart: Hart, gva: u64, size: u32): u32 {
  const guest = guestAt(hart.guest);
  const rest: u32 = 4096 - (<u32>gva & 0xfff);
  if (rest < size) return loadCrossing(hart, guest, gva, size, rest);
  const entry = tlb.dataEntry(hart, 0, gva);
  const offset = load<u64>(entry) ^ gva;
  if (offset < 4096) {
    loaded = get(<usize>load<u32>(entry, 8) + <usize>offset, size);
    return DONE;
  }
  const result = mmu.translate(hart, guest, gva, size, ACCESS_READ);
  if (result != TRANSLATED) return result;
  const gpa = mmu.gpa;
  if (!ram.has(guest, gpa)) return device(hart, gva, gpa, size, false);
  const base = ram.pageForRead(guest, gpa);
  if (base == 0) return NO_FRAME;
  if (!mmu.isPartial) {
    tlb.noteSuperpage(hart, gva, mmu.leafMask);
    tlb.fill(hart, hart.dataSet, entry, gva, base);
  }
  loaded = get(base + <usize>(gpa & 0xfff), size);
  return DONE;
}

/** Where the two parts of an access that crosses a page lie, guest-physical. */
let low: u64 = 0;
let high: u64 = 0;

/** Translates both parts: TRANSLATED and `low`, `high`, which hold at the same time. */
function translateBoth(hart: Hart, guest: Guest, gva: u64, size: u32, first: u32, access: u32): u32 {
  while (true) {
    let result = mmu.translate(hart, guest, gva, first, access);
    if (result != TRANSLATED) return result;
    low = mmu.gpa;
    const turn = presence.turn;
    result = mmu.translate(hart, guest, gva + first, size - first, access);
    if (result != TRANSLATED) return result;
    high = mmu.gpa;
    if (presence.turn == turn) return TRANSLATED;
  }
}

/** A load of which `first` bytes lie on one page and the rest on the next. Both are looked up before either is read. */
function loadCrossing(hart: Hart, guest: Guest, gva: u64, size: u32, first: u32): u32 {
  const result = translateBoth(hart, guest, gva, size, first, ACCESS_READ);
  if (result != TRANSLATED) return result;
  if (!ram.has(guest, low) || !ram.has(guest, high)) return refuse(hart, gva, CAUSE_LOAD_ACCESS);
  let value: u64 = 0;
  for (let i: u32 = 0; i < size; i++) {
    const ptr = ram.readable(guest, i < first ? low + i : high + (i - first));
    if (ptr == 0) return NO_FRAME;
    value |= <u64>load<u8>(ptr) << (<u64>i << 3);
  }
  loaded = value;
  return DONE;
}

/** Writes the low `size` bytes of `value` at `gva` for an instruction. */
export function store_(hart: Hart, gva: u64, size: u32, value: u64): u32 {
  const guest = guestAt(hart.guest);
  const rest: u32 = 4096 - (<u32>gva & 0xfff);
  if (rest < size) return storeCrossing(hart, guest, gva, size, rest, value);
  const result = writable(hart, guest, gva, size);
  if (result != DONE) return result;
  put(target, size, value);
  return DONE;
}

/** Where the last `writable` points. */
export let target: usize = 0;

/** Makes `size` bytes at `gva`, which don't cross a page, ready to be written: DONE and `target`, or as `store_`. */
export function writable(hart: Hart, guest: Guest, gva: u64, size: u32): u32 {
  const entry = tlb.dataEntry(hart, tlb.TLB_WRITE, gva);
  const offset = load<u64>(entry) ^ gva;
  if (offset < 4096) {
    target = <usize>load<u32>(entry, 8) + <usize>offset;
    return DONE;
  }
  let base: usize = 0;
  let gpa: u64 = 0;
  while (true) {
    const turn = presence.turn;
    const result = mmu.translate(hart, guest, gva, size, ACCESS_WRITE);
    if (result != TRANSLATED) return result;
    gpa = mmu.gpa;
    if (!ram.has(guest, gpa)) return device(hart, gva, gpa, size, true);
    base = ram.pageForStore(guest, gpa);
    if (base == 0) return NO_FRAME;
    if (presence.turn == turn && guest.mapGeneration == hart.mapGeneration) break;
    // The page, or another one meanwhile, got another frame: what TLBs hold is void.
    settle.all(hart, guest, cpu);
  }
  target = base + <usize>(gpa & 0xfff);
  const frame = frames.frameOf(base);
  if (frames.hasCode(frame)) {
    code.stored(cpu, frame, <u32>(gpa & 0xfff), size);
  } else if (!mmu.isPartial) {
    tlb.noteSuperpage(hart, gva, mmu.leafMask);
    tlb.fill(hart, hart.dataSet, entry, gva, base);
  }
  return DONE;
}

function storeCrossing(hart: Hart, guest: Guest, gva: u64, size: u32, first: u32, value: u64): u32 {
  let result = translateBoth(hart, guest, gva, size, first, ACCESS_WRITE);
  if (result != TRANSLATED) return result;
  if (!ram.has(guest, low) || !ram.has(guest, high)) return refuse(hart, gva, CAUSE_STORE_ACCESS);
  let ptr: usize = 0;
  let turn: u32 = 0;
  do {
    result = writable(hart, guest, gva, first);
    if (result != DONE) return result;
    ptr = target;
    turn = presence.turn;
    result = writable(hart, guest, gva + first, size - first);
    if (result != DONE) return result;
    // For the second part the first one's frame may have been left alone for a while.
  } while (presence.turn != turn);
  for (let i: u32 = 0; i < size; i++) {
    if (i == first) ptr = target - first;
    store<u8>(ptr + i, <u8>(value >> (<u64>i << 3)));
  }
  return DONE;
}

/** An access to what is not RAM: the bus wants it aligned. */
function device(hart: Hart, gva: u64, gpa: u64, size: u32, isStore: bool): u32 {
  if ((gpa & <u64>(size - 1)) != 0) return refuse(hart, gva, isStore ? CAUSE_STORE_MISALIGNED : CAUSE_LOAD_MISALIGNED);
  hart.exitAddress = gpa;
  hart.exitSize = size;
  return DEVICE;
}

/** A trap with this cause, at this address. */
export function refuse(hart: Hart, gva: u64, cause: u64): u32 {
  hart.trapCause = cause;
  hart.trapValue = gva;
  return TRAP;
}

function get(ptr: usize, size: u32): u64 {
  return size == 8 ? load<u64>(ptr) : size == 4 ? <u64>load<u32>(ptr) : size == 2 ? <u64>load<u16>(ptr) : <u64>load<u8>(ptr);
}

function put(ptr: usize, size: u32, value: u64): void {
  if (size == 8) store<u64>(ptr, value);
  else if (size == 4) store<u32>(ptr, <u32>value);
  else if (size == 2) store<u16>(ptr, <u16>value);
  else store<u8>(ptr, <u8>value);
}

/** Widens a loaded value as `extend` says and puts it into register `rd`. */
export function deliver(hart: Hart, rd: u32, extend: u32, value: u64): void {
  const size = extend & 7;
  if ((extend & EXTEND_FLOAT) != 0) {
    hart.setF(rd, size == 3 ? value : size == 2 ? value | 0xffff_ffff_0000_0000 : value | 0xffff_ffff_ffff_0000);
    return;
  }
  if ((extend & EXTEND_UNSIGNED) == 0) {
    const unused: u64 = 64 - (<u64>8 << size);
    value = <u64>(<i64>(value << unused) >> unused);
  }
  hart.setX(rd, value);
}
