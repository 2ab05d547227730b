// Frames whose decoded code is no longer true: a ring of notes with a count that only grows.
//
// A CPU remembers the count up to which it has read (cpu/code.ts), and reads on before a hart executes and at a fence.i. One
// that fell behind by more than the ring holds can't know what it missed.
//
//   a note:  31 .. 20 CPU that needn't read it + 1 (0: none) | 19 .. 0 frame

import { MAX_FRAMES } from "./layout";
import * as lock from "./lock";
import { Machine, STALE, STALE_MAX, machine } from "./machine";

/** For `note`: every CPU is to read it. */
export const ALL_CPUS: u32 = 0;

const CPU_SHIFT: u32 = 20;

if (MAX_FRAMES != 1 << CPU_SHIFT) ERROR("a note has 20 bits for its frame");

function slot(i: u32): usize {
  return STALE + (<usize>(i & STALE_MAX - 1) << 2);
}

/** Leaves a note about `frame`; `exempt`: 1 + the CPU that knows already, or ALL_CPUS. */
export function note(frame: u32, exempt: u32): void {
  const m = machine();
  const word = changetype<usize>(m) + offsetof<Machine>("staleLock");
  lock.acquire(word);
  store<u32>(slot(m.staleCount), frame | exempt << CPU_SHIFT);
  if (ASC_FEATURE_THREADS) atomic.add<u32>(changetype<usize>(m) + offsetof<Machine>("staleCount"), 1);
  else m.staleCount++;
  lock.release(word);
}

/** How many notes were ever left. */
export function count(): u32 {
  if (ASC_FEATURE_THREADS) return atomic.load<u32>(changetype<usize>(machine()) + offsetof<Machine>("staleCount"));
  return machine().staleCount;
}

/** The frame of note number `i`, or 0 if CPU `cpu` needn't care. True if `isKept(i)` afterwards. */
export function at(i: u32, cpu: u32): u32 {
  const word = load<u32>(slot(i));
  return word >> CPU_SHIFT == cpu + 1 ? 0 : word & (1 << CPU_SHIFT) - 1;
}

/** Is note number `i` still in the ring? Whoever leaves the next writes over one before it counts. */
export function isKept(i: u32): bool {
  return count() - i < STALE_MAX;
}
