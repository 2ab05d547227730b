// The machine as a whole: how many CPUs and frames there are, and what waits to be dropped from the code caches.

import { PAGE_SIZE } from "../abi";
import { MACHINE } from "./layout";

/** One per machine, at MACHINE. Zero before `boot`. */
@unmanaged @final
export class Machine {
  /** Number of physical CPUs. */
  cpus: u32;
  /** First frame number of the pool. */
  firstFrame: u32;
  /** One past the last frame number of the pool. */
  endFrame: u32;
  /** Frames from here to endFrame were never given out, so they are still zero. */
  freshFrame: u32;
  /** First of the list of returned frames (linked through their first word), 0: none. */
  freeFrame: u32;
  /** Frames that are neither fresh nor free. */
  usedFrames: u32;
  /** Frames with decoded code that were written by a device or another guest; see `stale.ts`. */
  staleCount: u32;
}

/** The machine. */
export function machine(): Machine {
  return changetype<Machine>(MACHINE);
}

/** Where the list of stale frames starts. */
export const STALE: usize = MACHINE + PAGE_SIZE;
/** How many stale frames are remembered one by one; one more means "all of them". */
export const STALE_MAX: u32 = 1024;

if (offsetof<Machine>() > <usize>PAGE_SIZE) ERROR("Machine runs into the stale list");
