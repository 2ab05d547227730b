// The virtio entropy device (virtio 1.2, 5.4): fills the driver's buffers with random bytes from the host.

import { Guest } from "../../guest/guest";
import * as ram from "../../guest/ram";
import * as host from "../../host";
import * as mmio from "./mmio";
import * as ring from "./queue";
import { FEATURES_OF_ALL, NONE, Virtio, queueAt } from "./virtio";
import * as virtio from "./virtio";

const ID_ENTROPY: u32 = 4;
const QUEUE_REQUEST: u32 = 0;
/** Bytes for one request at most. The device may give fewer than asked for (5.4.6); Linux asks for 32 … 64. */
const BYTES_MAX: u32 = 4096;

@unmanaged @final
export class Rng extends Virtio {}

/** Power-on state. */
export function reset(rng: Rng): void {
  virtio.reset(rng);
  rng.deviceId = ID_ENTROPY;
  rng.queueCount = 1;
  rng.configBytes = 0;
  rng.offered = FEATURES_OF_ALL;
}

export function read(guest: Guest, rng: Rng, offset: u64, size: u32): u64 {
  return mmio.read(guest, rng, offset, size);
}

export function write(guest: Guest, rng: Rng, offset: u64, size: u32, value: u64): void {
  const news = mmio.write(guest, rng, offset, size, value);
  if (news < rng.queueCount) kick(guest, rng, news);
}

/** Fills the waiting buffers, at most one round of the queue; `poll` does the rest. */
export function kick(guest: Guest, rng: Rng, _queue: u32): void {
  serve(guest, rng);
}

/** As `kick`; true if a buffer was filled. */
function serve(guest: Guest, rng: Rng): bool {
  const queue = queueAt(rng, QUEUE_REQUEST);
  let served = false;
  for (let left = queue.size; left > 0; left--) {
    const head = ring.peek(guest, rng, queue);
    if (head == NONE || !ring.measure(guest, rng, queue, head)) break;
    if (!ring.prepare(guest, rng, queue, head, BYTES_MAX)) break;
    ring.take(queue);
    ring.open(rng, queue, head);
    ring.put(guest, rng, queue, head, fill(guest, rng));
    served = true;
  }
  ring.publish(guest, rng, queue);
  ring.listen(guest, rng, queue);
  return served;
}

/** Fills the chain at hand; how many bytes it got. */
function fill(guest: Guest, rng: Rng): u32 {
  let done: u32 = 0;
  while (done < BYTES_MAX && ring.part(guest, rng, true)) {
    const ptr = ram.writable(guest, rng.partAddress);
    if (ptr == 0) break;
    const count = min(ram.run(rng.partAddress, rng.partLength), BYTES_MAX - done);
    host.entropy(ptr, count);
    ring.advance(rng, count);
    done += count;
  }
  return done;
}

/** Nothing is ever under way. */
export function complete(_guest: Guest, _rng: Rng, _request: u32, _status: i32): void {}

export function busy(_rng: Rng): u32 {
  return 0;
}

/** Goes on where `kick` left off; true if it did. */
export function poll(guest: Guest, rng: Rng): bool {
  return ring.peek(guest, rng, queueAt(rng, QUEUE_REQUEST)) != NONE && serve(guest, rng);
}
