// Two guests with the same program, in one kernel: guest 0 for the interpreter, guest 1 for the engine under test.
//
// Guest 0 can be made to forget: then it has no TLB, as before each instruction all that it knows of addresses is emptied. A
// hart may be built like that, so whatever guest 1 still knows and should not is a difference, whichever engine uses it.
//
// Both run the same slices; after each their harts must be the same in every bit that software can see, and every few
// slices their RAM as well. Between slices the schedule plays the outside: wires go up and down, a device writes to RAM.
//
//   schedule, at WINDOW: 16 bytes a slice: u32 budget | u32 EVENT_* | u32 argument | u32 argument

import { BOOT_FIRMWARE, CODE_BYTES, PAGE_SIZE } from "../../../../hypervisor/abi";
import * as frames from "../../../../hypervisor/core/frames";
import { WINDOW } from "../../../../hypervisor/core/layout";
import { machine } from "../../../../hypervisor/core/machine";
import {
  EXIT_BUDGET, EXIT_DIVERGED, EXIT_LOAD, EXIT_NO_MEMORY, EXIT_STORE, EXIT_WFI, Hart, PRIV_M, hartAt,
} from "../../../../hypervisor/cpu/hart";
import { reset } from "../../../../hypervisor/cpu/reset";
import { completeLoad, refuseAccess, run } from "../../../../hypervisor/cpu/run";
import * as spaces from "../../../../hypervisor/cpu/spaces";
import * as tlb from "../../../../hypervisor/cpu/tlb";
import { Guest, RAM_BASE, guestAt } from "../../../../hypervisor/guest/guest";
import * as lines from "../../../../hypervisor/guest/lines";
import * as ram from "../../../../hypervisor/guest/ram";
import * as engine from "./engine";

/** Nothing happens before the slice. */
export const EVENT_NONE: u32 = 0;
/** The wires of the first argument go up. */
export const EVENT_RAISE: u32 = 1;
/** All wires go down. */
export const EVENT_LOWER: u32 = 2;
/** A device writes the second argument, a word, to the guest-physical address that is the first. */
export const EVENT_WRITE: u32 = 3;

/** How guest 1 does a slice: at once, or instruction by instruction. */
export const WHOLE: u32 = 0;
export const STEPS: u32 = 1;
/** Guest 0 forgets before each instruction. */
export const FORGETS: u32 = 2;

/** Loads and stores here are answered as by a device; elsewhere outside of RAM is nothing. */
const DEVICE_BASE: u64 = 0x1000_0000;
const DEVICE_END: u64 = 0x1000_1000;
const PRIME: u64 = 0x100_0000_01b3;
const WIRES: u32 = 0x888;

/** Nothing differs; a difference in RAM is told as this plus the page's number. */
export const SAME: u32 = 0xffff_ffff;
export const RAM: u32 = 0x1_0000;

/** A sum of all exits of each guest, with what devices have seen: both have to be the same. */
let seen0: u64 = 0;
let seen1: u64 = 0;

/** Exits of the latest slice: a count, then for each u64 EXIT_*, address, bytes, value. */
const EXITS: usize = WINDOW + 0x8_0000;
const EXITS_STRIDE: usize = 0x1_0000;
const EXITS_MOST: u64 = 1000;

/** A guest of `pages` pages, empty, with one hart in M mode at RAM_BASE. */
export function make(id: u32, pages: u32, translator: u32, heat: u32): void {
  if (machine().endFrame == 0) {
    machine().cpus = 1;
    frames.open(1, <u64>memory.size() << 16, CODE_BYTES);
  }
  const guest = guestAt(id);
  ram.clear(guest);
  guest.id = id;
  guest.harts = 1;
  guest.ramPages = pages;
  guest.boot = BOOT_FIRMWARE;
  lines.setWires(guest, 0, WIRES, false);
  engine.choose(guest, translator, heat);
  const hart = hartAt(guest, 0);
  hart.guest = id;
  hart.retired = 0;
  reset(hart, RAM_BASE, 0, 0, PRIV_M);
  if (id == 0) seen0 = 0;
  else seen1 = 0;
}

/** Where a page of a guest's RAM lies, to be written from outside. */
export function page(id: u32, gpa: u32): usize {
  return ram.writable(guestAt(id), <u64>gpa);
}

/** Where a guest's hart lies, to be read from outside. */
export function hart(id: u32): usize {
  return changetype<usize>(hartAt(guestAt(id), 0));
}

/** Where the schedule lies. */
export function schedule(): usize {
  return WINDOW;
}

/** Where the list of exits of a guest's latest slice lies. */
export function exits(id: u32): usize {
  return EXITS + <usize>id * EXITS_STRIDE;
}

function note(hart: Hart, reason: u32): void {
  const list = exits(hart.guest);
  const count = load<u64>(list);
  const place = list + 8 + <usize>(count % EXITS_MOST << 5);
  const isAccess = reason == EXIT_LOAD || reason == EXIT_STORE;
  store<u64>(list, count + 1);
  store<u64>(place, reason);
  store<u64>(place, isAccess ? hart.exitAddress : 0, 8);
  store<u64>(place, isAccess ? hart.exitSize : 0, 16);
  store<u64>(place, reason == EXIT_STORE ? hart.exitValue : 0, 24);
  for (let i: usize = 0; i < 32; i += 8) {
    if (hart.guest == 0) seen0 = (seen0 ^ load<u64>(place + i)) * PRIME;
    else seen1 = (seen1 ^ load<u64>(place + i)) * PRIME;
  }
}

/** One slice with all its exits. */
function go(hart: Hart, budgetInstructions: u32): void {
  let left = budgetInstructions;
  while (left > 0) {
    const reason = run(hart, left);
    if (reason == EXIT_BUDGET) return;
    const isDevice = hart.exitAddress >= DEVICE_BASE && hart.exitAddress < DEVICE_END;
    note(hart, reason);
    // What the other guest will not have seen.
    if (reason == EXIT_DIVERGED) return;
    if (reason == EXIT_LOAD) {
      if (isDevice) completeLoad(hart, hart.exitAddress * PRIME ^ (hart.guest == 0 ? seen0 : seen1));
      else refuseAccess(hart, false);
    } else if (reason == EXIT_STORE) {
      if (!isDevice) refuseAccess(hart, true);
    } else if (reason == EXIT_WFI) {
      hart.waiting = 0;
    }
    assert(reason != EXIT_NO_MEMORY);
    left = <u32>hart.left - (reason == EXIT_LOAD ? 1 : 0);
  }
}

/** The same slice in single instructions. */
function crawl(hart: Hart, budgetInstructions: u32): void {
  for (let i: u32 = 0; i < budgetInstructions; i++) go(hart, 1);
}

/** The same slice by a hart without TLBs; as long as there are no page tables there is nothing to forget. */
function goForgetting(hart: Hart, budgetInstructions: u32): void {
  for (let i: u32 = 0; i < budgetInstructions; i++) {
    tlb.flush(hart);
    go(hart, 1);
  }
}

/** Empties what `flush` would, and without relying on it. */
function forgetAll(hart: Hart): void {
  tlb.reset(hart, true);
  spaces.reset(hart);
}

/** Pages of RAM that are compared after every slice: from the first to before the second. */
let watchedFrom: u64 = 0;
let watchedTo: u64 = 0;

export function watch(from: u32, to: u32): void {
  watchedFrom = from;
  watchedTo = to;
}

/** Where guest 0 stood before the latest slice. */
let start: u64 = 0;

export function began(): u64 {
  return start;
}

function happen(guest: Guest, event: u32, first: u32, second: u32): void {
  if (event == EVENT_RAISE) lines.setWires(guest, 0, first & WIRES, true);
  else if (event == EVENT_LOWER) lines.setWires(guest, 0, WIRES, false);
  else if (event == EVENT_WRITE) store<u32>(ram.writable(guest, <u64>(first & ~3)), second);
}

/**
 * Plays the slices `from` to `to` on both guests, as `how` says: STEPS and FORGETS, or WHOLE. All RAM is compared after every
 * `often` slices, and after the last. The slice after which both differ, or `to`.
 */
export function play(from: u32, to: u32, how: u32, often: u32): u32 {
  const a = guestAt(0);
  const b = guestAt(1);
  const left = hartAt(a, 0);
  const right = hartAt(b, 0);
  for (let i = from; i < to; i++) {
    const slice = WINDOW + (<usize>i << 4);
    const budget = load<u32>(slice);
    const event = load<u32>(slice, 4);
    happen(a, event, load<u32>(slice, 8), load<u32>(slice, 12));
    happen(b, event, load<u32>(slice, 8), load<u32>(slice, 12));
    start = left.pc;
    store<u64>(exits(0), 0);
    store<u64>(exits(1), 0);
    if ((how & FORGETS) != 0) goForgetting(left, budget);
    else go(left, budget);
    if ((how & STEPS) != 0) crawl(right, budget);
    else go(right, budget);
    engine.drain(right, b);
    const isWhole = (i + 1) % often == 0 || i + 1 == to;
    if (difference(isWhole) != SAME) return i;
    if (isWhole && (how & FORGETS) != 0) forgetAll(left);
  }
  return to;
}

/** Byte offset of the first word of the hart that differs, RAM + number of the first page that does, or SAME. */
export function difference(withRam: bool): u32 {
  const a = hart(0);
  const b = hart(1);
  for (let at: u32 = 0; at < <u32>offsetof<Hart>("tlbFills"); at += 4) {
    if (load<u32>(a + at) != load<u32>(b + at) && isVisible(at)) return at;
  }
  if (seen0 != seen1) return <u32>offsetof<Hart>("exitAddress");
  const guest = guestAt(0);
  const last = withRam ? guest.ramPages : watchedTo;
  for (let i = withRam ? 0 : watchedFrom; i < last; i++) {
    if (!samePage(ram.pageForRead(guest, RAM_BASE + (i << 12)), ram.pageForRead(guestAt(1), RAM_BASE + (i << 12)))) {
      return RAM + <u32>i;
    }
  }
  return SAME;
}

/** Can software see the field of a hart at this offset? What is derived, or holds only from here to there, it can't. */
function isVisible(at: u32): bool {
  if (at == offsetof<Hart>("left") || at == offsetof<Hart>("guest")) return false;
  if (at >= offsetof<Hart>("floatLimitDouble") && at <= offsetof<Hart>("floatDirty")) return false;
  if (at >= offsetof<Hart>("exitAddress") && at < offsetof<Hart>("mstatus")) return false;
  return true;
}

function samePage(a: usize, b: usize): bool {
  for (let i: usize = 0; i < <usize>PAGE_SIZE; i += 16) {
    if (v128.any_true(v128.xor(v128.load(a + i), v128.load(b + i)))) return false;
  }
  return true;
}

/** How many instructions guest 1 has retired. */
export function retired(): f64 {
  return <f64>hartAt(guestAt(1), 0).retired;
}
