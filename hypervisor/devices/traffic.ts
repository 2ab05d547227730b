// What has passed through a guest's devices since it was made: the counters behind STAT_BLOCK_READS … STAT_THROTTLED_NS.

import { PAGE_SIZE } from "../abi";
import { Guest, HARTS } from "../guest/guest";

/** The page before the harts: this, then the lanes (devices/limits.ts). */
export const TRAFFIC: usize = HARTS - PAGE_SIZE;

/** Lies in the guest block, so it holds no pointers. Written under the guest's lock. */
@unmanaged @final
export class Traffic {
  // Requests to disks that ended well; writing zeroes is writing.
  reads: u64;
  writes: u64;
  flushes: u64;
  readBytes: u64;
  writtenBytes: u64;
  // Frames without virtio's header: from the guest, to it, and those for which it had no room.
  sent: u64;
  received: u64;
  sentBytes: u64;
  receivedBytes: u64;
  dropped: u64;
  /** UART, virtio console with all its ports, and SBI together. */
  consoleBytes: u64;
  /** ns of guest time in which a device had work that a limit held back: the sum over all devices, as of their last look. */
  throttledNs: f64;
}

/** The counters of a guest. */
export function trafficOf(guest: Guest): Traffic {
  return changetype<Traffic>(changetype<usize>(guest) + TRAFFIC);
}
