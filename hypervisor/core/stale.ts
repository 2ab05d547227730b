// Frames whose decoded code is no longer true. Whoever writes to a frame marked FRAME_CODE leaves a note here;
// the code cache reads the notes before a hart runs again.

import { FRAME_CODE, clearFlag, hasFlag } from "./frames";
import { STALE, STALE_MAX, machine } from "./machine";

/** Notes that `frame` was written, if anyone holds decoded code of it. */
export function note(frame: u32): void {
  if (!hasFlag(frame, FRAME_CODE)) return;
  clearFlag(frame, FRAME_CODE);
  const m = machine();
  if (m.staleCount < STALE_MAX) store<u32>(STALE + (<usize>m.staleCount << 2), frame);
  if (m.staleCount <= STALE_MAX) m.staleCount++;
}

/** How many notes wait; more than STALE_MAX: the list ran over, everything is suspect. */
export function count(): u32 {
  return machine().staleCount;
}

/** The i-th noted frame. */
export function at(i: u32): u32 {
  return load<u32>(STALE + (<usize>i << 2));
}

/** Forgets all notes. */
export function clear(): void {
  machine().staleCount = 0;
}
