// The block transfers of a virtio disk that are under way: what must be known when the host says that one has ended.
//
// The number of a request, not the head of its chain, goes to the host as part of the tag: after a reset the driver may
// use the same head again while the old transfer still runs.

import { Virtio } from "./virtio";

/** Transfers under way at once, for one disk. */
export const REQUESTS: u32 = 32;

@unmanaged @final
export class Request {
  /** Guest-physical address of the status byte. */
  statusAddress: u64;
  /** Calls of the host that have not ended, and 1 while the request is still being submitted; 0: this one is free. */
  parts: u32;
  /** First descriptor of the chain. */
  head: u32;
  /** Bytes of data that it moves. */
  bytes: u32;
  /** VIRTIO_BLK_T_*. */
  type: u32;
  /** VIRTIO_BLK_S_*: the first that went wrong. */
  status: u32;
  /** Queue.epoch when it began: another one now means that nobody waits for it. */
  epoch: u32;
}

/** The i-th request, i < REQUESTS; they lie `at` bytes into the device's page. */
export function requestAt(device: Virtio, at: usize, i: u32): Request {
  assert(i < REQUESTS);
  return changetype<Request>(changetype<usize>(device) + at + <usize>i * offsetof<Request>());
}
