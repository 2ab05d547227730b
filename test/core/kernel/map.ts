// The map of a guest: pages touched, written, protected and taken away by several CPUs at once.

import * as frames from "../../../hypervisor/core/frames";
import { machine } from "../../../hypervisor/core/machine";
import { Guest, RAM_BASE, acquire, guestAt, release } from "../../../hypervisor/guest/guest";
import * as promises from "../../../hypervisor/guest/promises";
import * as ram from "../../../hypervisor/guest/ram";
import {
  CPUS, FENCE, WORDS, add, addi, at, beq, bne, boot, codeOf, done, emit, finish, finished, hart, ld, leaves, makeGuest, meet, plus, runHart, sd,
  setX,
} from "./crowd";

const GUESTS: u32 = 6;
const PAGES: u32 = 2100;

export function a_page_that_all_touch_at_once_has_one_frame__before(): void {
  boot();
  for (let id: u32 = 0; id < GUESTS; id++) makeGuest(id, 1, PAGES);
}

export function a_page_that_all_touch_at_once_has_one_frame__on(cpu: u32): void {
  for (let id: u32 = 0; id < GUESTS; id++) {
    const guest = guestAt(id);
    meet();
    for (let i: u32 = 0; i < PAGES; i++) {
      const gpa = RAM_BASE + (<u64>i << 12);
      add((i + cpu & 1) != 0 ? ram.pageForRead(guest, gpa) : ram.pageForStore(guest, gpa), 1);
    }
  }
}

export function a_page_that_all_touch_at_once_has_one_frame__after(): void {
  for (let id: u32 = 0; id < GUESTS; id++) {
    assert(guestAt(id).touched == PAGES);
    for (let i: u32 = 0; i < PAGES; i++) assert(load<u32>(ram.pageForRead(guestAt(id), RAM_BASE + (<u64>i << 12))) == CPUS);
  }
  assert(machine().usedFrames == GUESTS * (PAGES + leaves(PAGES)));
  for (let id: u32 = 0; id < GUESTS; id++) ram.clear(guestAt(id));
  assert(machine().usedFrames == 0);
}

const DATA: u64 = RAM_BASE + 0x10000;
const DATA_PAGES: u32 = 8;
const ROUNDS: u32 = 1000;
/** Pages that CPU 2 shares, or takes away, at least. */
const ENOUGH: u32 = 40;

/** Each hart counts in a word of its own on each page, and reads the words of both. */
function counting(i: u32): void {
  at(codeOf(i));
  // a0: page, a1: pages to go, a2: rounds to go
  setX(i, 13, DATA + (<u64>i << 3));
  setX(i, 14, 4096);
  emit(addi(10, 13, 0));
  emit(addi(11, 0, <i32>DATA_PAGES));
  emit(ld(15, 10, 0));
  emit(addi(15, 15, 1));
  emit(sd(15, 10, 0));
  emit(ld(16, 10, 0));
  // A store that went to a frame that is gone reads back as the old value.
  emit(bne(15, 16, 24));
  emit(plus(10, 10, 14));
  emit(addi(11, 11, -1));
  emit(bne(11, 0, -28));
  emit(addi(12, 12, -1));
  emit(bne(12, 0, -44));
  done();
}

/** Runs the hart's program again and again, until CPU 2 has done enough beside it. */
function repeat(cpu: u32): void {
  let runs: u32 = 0;
  do {
    hart(cpu).pc = codeOf(cpu);
    setX(cpu, 12, ROUNDS);
    setX(cpu, 17, 0);
    runHart(cpu, cpu, 2000);
    runs++;
  } while (hart(cpu).x(12) == 0 && atomic.load<u32>(WORDS) < ENOUGH);
  store<u32>(WORDS + 4 + (<usize>cpu << 2), runs);
  finish();
}

/** How often the programs of the harts were run. */
function runsOf(i: u32): u64 {
  return load<u32>(WORDS + 4 + (<usize>i << 2));
}

export function no_store_is_lost_while_pages_are_shared_and_copied__before(): void {
  boot();
  makeGuest(0, 2, 64);
  counting(0);
  counting(1);
}

/** Says that the frame of a page has another owner; false: it was written since. */
function share(guest: Guest, gpa: u64, frame: u32): bool {
  if ((ram.wordOf(guest, gpa) & ram.PAGE_MERGED) != 0) return ram.sharedFrame(guest, gpa) == frame;
  if (!promises.beginShared(guest)) return false;
  if (ram.merge(guest, gpa, frame)) return true;
  promises.undoShared(guest);
  return false;
}

export function no_store_is_lost_while_pages_are_shared_and_copied__on(cpu: u32): void {
  const guest = guestAt(0);
  meet();
  if (cpu < 2) {
    repeat(cpu);
    return;
  }
  for (let i: u32 = 0; finished() < 2; i++) {
    const gpa = DATA + (<u64>(i % DATA_PAGES) << 12);
    acquire(guest);
    const frame = ram.protect(guest, gpa);
    if (frame != 0) ram.expel(guest);
    const isOurs = frame != 0 && frames.tryShare(frame);
    const isShared = isOurs && share(guest, gpa, frame);
    release(guest);
    if (!isOurs) continue;
    if (isShared) {
      // With two owners nobody writes to it, whoever of them writes.
      const first = load<u64>(frames.address(frame));
      const second = load<u64>(frames.address(frame), 8);
      for (let k = 0; k < 200; k++) assert(load<u64>(frames.address(frame)) == first && load<u64>(frames.address(frame), 8) == second);
      add(WORDS, 1);
      promises.leaveShared(frame);
    } else {
      frames.release(frame);
    }
  }
}

export function no_store_is_lost_while_pages_are_shared_and_copied__after(): void {
  for (let i: u64 = 0; i < <u64>DATA_PAGES; i++) {
    const page = ram.pageForRead(guestAt(0), DATA + (i << 12));
    assert(load<u64>(page) == runsOf(0) * ROUNDS && load<u64>(page, 8) == runsOf(1) * ROUNDS);
  }
  assert(hart(0).x(12) == 0 && hart(1).x(12) == 0);
  assert(load<u32>(WORDS) >= ENOUGH);
  assert(machine().usedFrames == guestAt(0).touched + 1);
}

/** Each hart writes its number to its word on each page and reads it again: it is there, or the page was taken away. */
function writing(i: u32): void {
  at(codeOf(i));
  setX(i, 13, DATA + (<u64>i << 3));
  setX(i, 14, 4096);
  setX(i, 15, 0x1234567 + i);
  emit(addi(10, 13, 0));
  emit(addi(11, 0, <i32>DATA_PAGES));
  emit(sd(15, 10, 0));
  emit(FENCE);
  emit(ld(16, 10, 0));
  emit(beq(16, 0, 8));
  emit(bne(15, 16, 24));
  emit(plus(10, 10, 14));
  emit(addi(11, 11, -1));
  emit(bne(11, 0, -28));
  emit(addi(12, 12, -1));
  emit(bne(12, 0, -44));
  done();
}

export function a_frame_that_was_taken_away_is_used_by_nobody__before(): void {
  boot();
  makeGuest(0, 2, 64);
  writing(0);
  writing(1);
}

export function a_frame_that_was_taken_away_is_used_by_nobody__on(cpu: u32): void {
  const guest = guestAt(0);
  meet();
  if (cpu < 2) {
    repeat(cpu);
    return;
  }
  while (finished() < 2) {
    acquire(guest);
    const gone = ram.discard(guest, DATA, DATA_PAGES);
    release(guest);
    add(WORDS, gone);
    // The last ones that were returned are the first to be taken.
    const frame = frames.take();
    for (let k = 0; k < 100; k++) assert(load<u64>(frames.address(frame)) == 0 && load<u64>(frames.address(frame), 8) == 0);
    memory.fill(frames.address(frame), 0xee, 4096);
    frames.release(frame);
  }
}

export function a_frame_that_was_taken_away_is_used_by_nobody__after(): void {
  assert(hart(0).x(12) == 0 && hart(1).x(12) == 0);
  assert(load<u32>(WORDS) >= ENOUGH);
  assert(machine().usedFrames == guestAt(0).touched + 1);
  ram.discard(guestAt(0), RAM_BASE, 64);
  assert(guestAt(0).touched == 0 && machine().usedFrames == 1);
}
