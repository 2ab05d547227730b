// The pool of 4 KiB frames: given out zeroed, counted, shared, returned.
//
//   FRAME_INFO word of a frame:  31 ........ 16 | 15 ............ 0
//                                flags (FRAME_*) | references (0: free)

import { PAGE_SIZE } from "../abi";
import { FRAME_INFO, MAX_FRAMES, framesBase } from "./layout";
import { machine } from "./machine";

/** Some CPU holds decoded code of this frame: stores must take the slow way. */
export const FRAME_CODE: u32 = 1 << 16;

const REFERENCES: u32 = 0xffff;

/** Divides `memoryBytes` of linear memory into frames. Called once, at boot. */
export function open(cpus: u32, memoryBytes: u64): void {
  const m = machine();
  const first = <u32>(framesBase(cpus) >> 12);
  let end = <u32>(memoryBytes >> 12);
  if (end > MAX_FRAMES) end = MAX_FRAMES;
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

/** Takes a zeroed frame with one reference; 0 when there is none left. */
export function take(): u32 {
  const m = machine();
  let frame = m.freeFrame;
  if (frame != 0) {
    m.freeFrame = load<u32>(address(frame));
    memory.fill(address(frame), 0, PAGE_SIZE);
  } else {
    if (m.freshFrame == m.endFrame) return 0;
    frame = m.freshFrame++;
  }
  store<u32>(info(frame), 1);
  m.usedFrames++;
  return frame;
}

/** One more owner of a frame. */
export function share(frame: u32): void {
  store<u32>(info(frame), load<u32>(info(frame)) + 1);
}

/** One owner fewer; the last one returns the frame to the pool. */
export function release(frame: u32): void {
  const word = load<u32>(info(frame));
  assert((word & REFERENCES) != 0);
  if ((word & REFERENCES) > 1) {
    store<u32>(info(frame), word - 1);
    return;
  }
  store<u32>(info(frame), 0);
  const m = machine();
  store<u32>(address(frame), m.freeFrame);
  m.freeFrame = frame;
  m.usedFrames--;
}

/** Has the frame more than one owner? */
export function isShared(frame: u32): bool {
  return (load<u32>(info(frame)) & REFERENCES) > 1;
}

/** Is a FRAME_* flag set? */
export function hasFlag(frame: u32, flag: u32): bool {
  return (load<u32>(info(frame)) & flag) != 0;
}

/** Sets a FRAME_* flag. */
export function setFlag(frame: u32, flag: u32): void {
  store<u32>(info(frame), load<u32>(info(frame)) | flag);
}

/** Clears a FRAME_* flag. */
export function clearFlag(frame: u32, flag: u32): void {
  store<u32>(info(frame), load<u32>(info(frame)) & ~flag);
}

/** How many frames can still be taken. */
export function available(): u32 {
  const m = machine();
  return m.endFrame - m.firstFrame - m.usedFrames;
}
