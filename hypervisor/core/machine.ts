// The machine as a whole: how many CPUs and frames there are, and what must be dropped from the code caches.

import { PAGE_SIZE } from "../abi";
import { MACHINE } from "./layout";

/** One per machine, at MACHINE. Zero before `boot`. */
@unmanaged @final
export class Machine {
  /** Number of physical CPUs. */
  cpus: u32;
  /** Where the caches of decoded code lie, and how large that of one CPU is. */
  codeBase: u32;
  codeBytes: u32;
  /** First frame number of the pool. */
  firstFrame: u32;
  /** One past the last frame number of the pool. */
  endFrame: u32;

  // Under poolLock (core/frames.ts).
  /** Frames from here to endFrame were never given out, so they are still zero. */
  freshFrame: u32;
  /** First of the list of returned frames (linked through their first word), 0: none. */
  freeFrame: u32;
  /** Frames that are neither fresh nor free. */
  usedFrames: u32;
  poolLock: u32;

  // Under promisesLock (guest/promises.ts).
  /** Frames that guests have, and those that they are promised beyond; never more than there are. */
  committedFrames: u32;
  /** Frames that several pages share. */
  sharedFrames: u32;
  promisesLock: u32;

  // Written under staleLock, read by all (core/stale.ts).
  /** How many notes were ever left, modulo 2^32. */
  staleCount: u32;
  staleLock: u32;

  /** Atomic: grows whenever a CPU begins to hold decoded code of a frame; write TLBs filled before are void (cpu/code.ts). */
  codeMarks: u32;
}

/** The machine. */
export function machine(): Machine {
  return changetype<Machine>(MACHINE);
}

/** Where the ring of stale frames starts. */
export const STALE: usize = MACHINE + PAGE_SIZE;
/** How many stale frames are remembered; a CPU that has missed more than these takes all its code for stale. */
export const STALE_MAX: u32 = 1024;

if (offsetof<Machine>() > <usize>PAGE_SIZE) ERROR("Machine runs into the stale ring");
