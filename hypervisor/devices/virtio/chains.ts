// Bytes that go from one guest's chain to another's, page by page, without a stop in between.

import { Guest } from "../../guest/guest";
import * as ram from "../../guest/ram";
import * as ring from "./queue";
import { Virtio } from "./virtio";

/**
 * Copies up to `length` bytes of the readable rest of the chain that `source` has open to the writable rest of the one that
 * `target` has open; how many. The locks of both guests are held.
 */
export function copy(from: Guest, source: Virtio, to: Guest, target: Virtio, length: u32): u32 {
  let done: u32 = 0;
  while (done < length && ring.part(from, source, false) && ring.part(to, target, true)) {
    let count = min(length - done, min(source.partLength, target.partLength));
    count = min(ram.run(source.partAddress, count), ram.run(target.partAddress, count));
    const bytes = ram.readable(from, source.partAddress);
    const room = ram.writable(to, target.partAddress);
    if (bytes == 0 || room == 0) break;
    memory.copy(room, bytes, count);
    ring.advance(source, count);
    ring.advance(target, count);
    done += count;
  }
  return done;
}
