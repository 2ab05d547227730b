// The pool of 4 KiB frames: given out zeroed, counted, shared, returned.
//
//   FRAME_INFO word of a frame:  31 ........ 16 | 15 ............ 0
//                                bit 16 + c: CPU c holds decoded code of it | references (0: free)
//
// The word changes by atomic operations; the lists are under the pool's lock, which is held for a few instructions.

import { PAGE_SIZE } from "../abi";
import { FRAME_INFO, MAX_FRAMES, codeBase, framesBase } from "./layout";
import * as lock from "./lock";
import { Machine, machine } from "./machine";
import * as stale from "./stale";
import { ALL_CPUS } from "./stale";

const REFERENCES: u32 = 0xffff;
const CODE_SHIFT: u32 = 16;

/** Divides what the CPUs, each with so many bytes for decoded code, leave of linear memory into frames. Called once, at boot. */
export function open(cpus: u32, memoryBytes: u64, codeBytes: u32): void {
  const m = machine();
  const first = <u32>(framesBase(cpus, codeBytes) >> 12);
  let end = <u32>(memoryBytes >> 12);
  if (end > MAX_FRAMES) end = MAX_FRAMES;
  m.codeBase = <u32>codeBase(cpus);
  m.codeBytes = codeBytes;
  m.firstFrame = first;
  m.freshFrame = first;
  m.endFrame = end > first ? end : first;
  m.freeFrame = 0;
  m.usedFrames = 0;
}

/** Address of a frame's first byte. */
export function address(frame: u32): usize {
  return <usize>frame << 12;
}

/** The frame an address lies in. */
export function frameOf(ptr: usize): u32 {
  return <u32>(ptr >> 12);
}

function info(frame: u32): usize {
  return FRAME_INFO + (<usize>frame << 2);
}

function poolLock(): usize {
  return changetype<usize>(machine()) + offsetof<Machine>("poolLock");
}

// Each gives the word as it was.

function add(frame: u32, amount: u32): u32 {
  const ptr = info(frame);
  if (ASC_FEATURE_THREADS) return atomic.add<u32>(ptr, amount);
  const old = load<u32>(ptr);
  store<u32>(ptr, old + amount);
  return old;
}

function or(frame: u32, bits: u32): u32 {
  const ptr = info(frame);
  if (ASC_FEATURE_THREADS) return atomic.or<u32>(ptr, bits);
  const old = load<u32>(ptr);
  store<u32>(ptr, old | bits);
  return old;
}

function and(frame: u32, bits: u32): u32 {
  const ptr = info(frame);
  if (ASC_FEATURE_THREADS) return atomic.and<u32>(ptr, bits);
  const old = load<u32>(ptr);
  store<u32>(ptr, old & bits);
  return old;
}

function get(frame: u32): u32 {
  return ASC_FEATURE_THREADS ? atomic.load<u32>(info(frame)) : load<u32>(info(frame));
}

/** Takes a zeroed frame with one reference; 0 when there is none left. */
export function take(): u32 {
  const m = machine();
  lock.acquire(poolLock());
  let frame = m.freeFrame;
  const isUsed = frame != 0;
  if (isUsed) m.freeFrame = load<u32>(address(frame));
  else if (m.freshFrame != m.endFrame) frame = m.freshFrame++;
  if (frame != 0) m.usedFrames++;
  lock.release(poolLock());
  if (frame == 0) return 0;
  if (isUsed) memory.fill(address(frame), 0, PAGE_SIZE);
  // Nobody else knows the frame yet: whoever is told of it is told by an atomic operation.
  store<u32>(info(frame), 1);
  return frame;
}

/** One more owner of a frame, by one of its owners. */
export function share(frame: u32): void {
  const old = add(frame, 1);
  assert((old & REFERENCES) != 0 && (old & REFERENCES) != REFERENCES);
}

/**
 * One more owner of a frame that may be given back at the same time; false: it is free, or has all the owners that can be
 * counted. The caller looks afterwards whether the frame still is what it was taken for.
 */
export function tryShare(frame: u32): bool {
  while (true) {
    const word = get(frame);
    const references = word & REFERENCES;
    if (references == 0 || references == REFERENCES) return false;
    if (!ASC_FEATURE_THREADS) {
      store<u32>(info(frame), word + 1);
      return true;
    }
    if (atomic.cmpxchg<u32>(info(frame), word, word + 1) == word) return true;
  }
}

/** One owner fewer; the last one returns the frame to the pool: true. */
export function release(frame: u32): bool {
  const old = add(frame, <u32>-1);
  assert((old & REFERENCES) != 0);
  if ((old & REFERENCES) > 1) return false;
  // What CPUs have decoded is of no use to the next owner.
  written(frame);
  const m = machine();
  lock.acquire(poolLock());
  store<u32>(address(frame), m.freeFrame);
  m.freeFrame = frame;
  m.usedFrames--;
  lock.release(poolLock());
  return true;
}

/** Number of owners. */
export function references(frame: u32): u32 {
  return get(frame) & REFERENCES;
}

/** Does any CPU hold decoded code of the frame? Then stores must take the slow way. */
export function hasCode(frame: u32): bool {
  return get(frame) >> CODE_SHIFT != 0;
}

/** Says that CPU `cpu` holds decoded code of the frame; false: that was known. */
export function setCode(frame: u32, cpu: u32): bool {
  const bit: u32 = 1 << CODE_SHIFT + cpu;
  return (or(frame, bit) & bit) == 0;
}

/** Says that CPU `cpu` holds no decoded code of the frame any more. */
export function clearCode(frame: u32, cpu: u32): void {
  const bit: u32 = 1 << CODE_SHIFT + cpu;
  and(frame, ~bit);
}

/** Says that the frame is written: CPUs that hold decoded code of it are told, and don't hold it any more. */
export function written(frame: u32): void {
  if (hasCode(frame) && and(frame, REFERENCES) >> CODE_SHIFT != 0) stale.note(frame, ALL_CPUS);
}

/** As `written`, by a hart on CPU `cpu`, which sees to its own code. */
export function writtenOn(frame: u32, cpu: u32): void {
  const own: u32 = 1 << CODE_SHIFT + cpu | REFERENCES;
  if ((get(frame) & ~own) != 0 && (and(frame, own) & ~own) != 0) stale.note(frame, cpu + 1);
}

/** How many frames can still be taken. */
export function available(): u32 {
  const m = machine();
  return m.endFrame - m.firstFrame - m.usedFrames;
}
