// The walk through a split virtqueue (virtio 1.2, 2.7): the only code that reads or writes rings and descriptors.
//
//   while ((head = peek(…)) != NONE) {      the oldest chain the driver has made available
//     if (!measure(…, head)) return;        checks all its descriptors; how much may be read and written
//     if (!prepare(…, head, most)) return;  frames for what will be written, or it waits
//     open(…, head);                        … then go through it:
//     pull(…) / push(…) / next(…)           copy bytes, or get the parts one by one
//     take(queue);                          it is ours
//     put(…, head, written);                and back to the driver
//   }
//   publish(…); listen(…);                  tell the driver (`show`: without an interrupt); ask to be told
//
// A chain for which the machine has no frame now stays in the available ring with all that follows, as if the device were slow;
// the guest gets a note (`lacking`), on which its devices are served again before long. Reading needs no frames.
//
// Nothing in guest memory is trusted: each field is read once and checked where it is used. A rule broken ends in
// `virtio.fail`, and all functions then answer "nothing there". Rings and tables may cross pages, whose frames are not
// neighbours, so every field is reached through the map of guest RAM.

import * as lock from "../../core/lock";
import { Guest } from "../../guest/guest";
import * as ram from "../../guest/ram";
import {
  NONE, QUEUE_SIZE_MAX, Queue, VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, Virtio, fail, has, interrupt, isLive,
  INTERRUPT_USED,
} from "./virtio";

/** Descriptor flags, 2.7.5. */
export const VIRTQ_DESC_F_NEXT: u32 = 1;
export const VIRTQ_DESC_F_WRITE: u32 = 2;
export const VIRTQ_DESC_F_INDIRECT: u32 = 4;
/** Flag of the available ring, 2.7.6. */
const VIRTQ_AVAIL_F_NO_INTERRUPT: u32 = 1;

const DESCRIPTOR_SIZE: u32 = 16;

/** Address of the used_event word, behind the available ring (2.7.6). */
function usedEvent(queue: Queue): u64 {
  return queue.driverArea + 4 + (<u64>queue.size << 1);
}

/** Address of the avail_event word, behind the used ring (2.7.8). */
function availEvent(queue: Queue): u64 {
  return queue.deviceArea + 4 + (<u64>queue.size << 3);
}

/** Index of the first descriptor of the oldest chain; NONE: nothing there. */
export function peek(guest: Guest, device: Virtio, queue: Queue): u32 {
  if (!isLive(device) || queue.ready == 0) return NONE;
  let ptr = ram.readable(guest, queue.driverArea + 2);
  if (ptr == 0) {
    fail(guest, device);
    return NONE;
  }
  const waiting = <u32>load<u16>(ptr) - queue.nextAvailable & 0xffff;
  if (waiting == 0) return NONE;
  if (waiting <= queue.size) {
    ptr = ram.readable(guest, queue.driverArea + 4 + (<u64>(queue.nextAvailable & queue.size - 1) << 1));
    if (ptr != 0) {
      const head: u32 = load<u16>(ptr);
      if (head < queue.size) return head;
    }
  }
  fail(guest, device);
  return NONE;
}

/** Takes the chain that `peek` showed. */
export function take(queue: Queue): void {
  queue.nextAvailable = queue.nextAvailable + 1 & 0xffff;
  queue.done = 0;
}

/** Begins the walk through a chain. */
export function open(device: Virtio, queue: Queue, head: u32): void {
  device.table = queue.descriptorArea;
  device.tableSize = queue.size;
  device.nextDescriptor = head;
  device.descriptorsLeft = queue.size;
  device.inWritable = 0;
  device.inIndirect = 0;
  device.partLength = 0;
  device.partWritable = 0;
}

/** Reads one descriptor into descriptor0 (address) and descriptor1 (length, flags, next); false: outside RAM. */
function fetch(guest: Guest, device: Virtio): bool {
  const gpa = device.table + <u64>device.nextDescriptor * DESCRIPTOR_SIZE;
  const ptr = ram.readable(guest, gpa);
  if (ptr == 0) return false;
  if (ram.run(gpa, DESCRIPTOR_SIZE) < DESCRIPTOR_SIZE) {
    return ram.copyOut(guest, gpa, changetype<usize>(device) + offsetof<Virtio>("descriptor0"), DESCRIPTOR_SIZE);
  }
  device.descriptor0 = load<u64>(ptr);
  device.descriptor1 = load<u64>(ptr, 8);
  return true;
}

/** Goes to the next part of the chain: partAddress, partLength, partWritable. False at its end, and where a rule is broken. */
export function next(guest: Guest, device: Virtio): bool {
  device.partLength = 0;
  if (device.nextDescriptor == NONE) return false;
  // Twice at most: a descriptor that refers to an indirect table, and the first one in there.
  for (let depth = 0; depth < 2; depth++) {
    if (device.nextDescriptor >= device.tableSize || device.descriptorsLeft == 0 || !fetch(guest, device)) break;
    const address = device.descriptor0;
    const length = <u32>device.descriptor1;
    const flags = <u32>(device.descriptor1 >> 32) & 0xffff;
    if ((flags & VIRTQ_DESC_F_INDIRECT) != 0) {
      // 2.7.5.3.1: only where negotiated, not in an indirect table, not together with NEXT; whole descriptors.
      if (!has(device, VIRTIO_F_INDIRECT_DESC) || device.inIndirect != 0 || (flags & VIRTQ_DESC_F_NEXT) != 0) break;
      if (length == 0 || length % DESCRIPTOR_SIZE != 0 || !ram.hasRange(guest, address, length)) break;
      device.inIndirect = 1;
      device.table = address;
      device.tableSize = length / DESCRIPTOR_SIZE;
      device.nextDescriptor = 0;
      // Linux makes indirect chains longer than a small queue, so the bound here is that of the largest queue.
      device.descriptorsLeft = QUEUE_SIZE_MAX;
      continue;
    }
    const writable = flags & VIRTQ_DESC_F_WRITE;
    if (writable == 0 && device.inWritable != 0) break; // 2.7.4.2: readable parts come first
    if (length != 0 && !ram.hasRange(guest, address, length)) break;
    device.inWritable = writable;
    device.descriptorsLeft--;
    device.nextDescriptor = (flags & VIRTQ_DESC_F_NEXT) != 0 ? <u32>(device.descriptor1 >> 48) : NONE;
    device.partAddress = address;
    device.partLength = length;
    device.partWritable = writable;
    return true;
  }
  device.nextDescriptor = NONE;
  fail(guest, device);
  return false;
}

/** Checks a whole chain and measures it: readableBytes, writableBytes, lastWritable. False: a rule is broken. */
export function measure(guest: Guest, device: Virtio, queue: Queue, head: u32): bool {
  device.readableBytes = 0;
  device.writableBytes = 0;
  open(device, queue, head);
  while (next(guest, device)) {
    const length: u64 = device.partLength;
    if (device.partWritable == 0) {
      device.readableBytes += length;
    } else if (length > 0) {
      if (device.writableBytes == 0) {
        device.firstWritable = device.partAddress;
        device.firstWritableBytes = device.partLength;
      }
      device.writableBytes += length;
      device.lastWritable = device.partAddress + length - 1;
    }
  }
  return isLive(device);
}

/**
 * Makes ready what is to be written before a chain is taken: the used ring and, of a measured chain, the first `most` writable
 * bytes and the last. They stay so until the guest's lock is given back, or while the host works for the guest. False: there are no
 * frames for it now, so the chain must stay where it is; or a rule is broken. Ends a walk.
 */
export function prepare(guest: Guest, device: Virtio, queue: Queue, head: u32, most: u64): bool {
  if (!isLive(device) || queue.ready == 0) return false;
  const ring: u64 = (has(device, VIRTIO_F_EVENT_IDX) ? 6 : 4) + (<u64>queue.size << 3);
  if (!ram.hasRange(guest, queue.deviceArea, ring)) {
    fail(guest, device);
    return false;
  }
  const bytes = most == 0 ? 0 : min(most, device.writableBytes);
  queue.lacking = ram.secure(guest, queue.deviceArea, ring) && secure(guest, device, queue, head, bytes) ? 0 : 1;
  if (queue.lacking != 0) guest.lacking = 1;
  return queue.lacking == 0 && isLive(device);
}

/** Frames for the first `bytes` writable bytes of a measured chain, and for the last; false: there are not so many. */
function secure(guest: Guest, device: Virtio, queue: Queue, head: u32, bytes: u64): bool {
  if (bytes == 0) return true;
  if (!ram.secure(guest, device.lastWritable, 1)) return false;
  if (bytes <= device.firstWritableBytes) return ram.secure(guest, device.firstWritable, bytes);
  open(device, queue, head);
  while (bytes > 0 && part(guest, device, true)) {
    const length = min(bytes, <u64>device.partLength);
    if (!ram.secure(guest, device.partAddress, length)) return false;
    advance(device, <u32>length);
    bytes -= length;
  }
  return true;
}

/** Makes a readable (or writable) part with bytes left the one at hand; false when there is none. */
function reach(guest: Guest, device: Virtio, writable: u32): bool {
  while (device.partLength == 0 || device.partWritable != writable) {
    // Looking for readable bytes must not run past the first writable part.
    if (device.partLength > 0 && writable == 0) return false;
    if (!next(guest, device)) return false;
  }
  return true;
}

/** Copies up to `length` bytes of the readable rest of the chain to kernel memory; how many there were. */
export function pull(guest: Guest, device: Virtio, ptr: usize, length: u32): u32 {
  let done: u32 = 0;
  while (done < length && reach(guest, device, 0)) {
    const count = min(length - done, device.partLength);
    if (!ram.copyOut(guest, device.partAddress, ptr + done, count)) break;
    advance(device, count);
    done += count;
  }
  return done;
}

/** Passes over up to `length` bytes of the readable rest of the chain; how many there were. */
export function skip(guest: Guest, device: Virtio, length: u32): u32 {
  let done: u32 = 0;
  while (done < length && reach(guest, device, 0)) {
    const count = min(length - done, device.partLength);
    advance(device, count);
    done += count;
  }
  return done;
}

/** Copies up to `length` bytes of kernel memory into the writable rest of the chain; how many had room. */
export function push(guest: Guest, device: Virtio, ptr: usize, length: u32): u32 {
  let done: u32 = 0;
  while (done < length && reach(guest, device, VIRTQ_DESC_F_WRITE)) {
    const count = min(length - done, device.partLength);
    if (!ram.copyIn(guest, device.partAddress, ptr + done, count)) break;
    advance(device, count);
    done += count;
  }
  return done;
}

/** Makes a part with bytes left, of the wanted direction, the one at hand: partAddress, partLength. */
export function part(guest: Guest, device: Virtio, writable: bool): bool {
  return reach(guest, device, writable ? VIRTQ_DESC_F_WRITE : 0);
}

/** Passes over bytes of the part at hand. */
export function advance(device: Virtio, length: u32): void {
  device.partAddress += length;
  device.partLength -= length;
}

function store16(guest: Guest, device: Virtio, gpa: u64, value: u32): void {
  const ptr = ram.writable(guest, gpa);
  if (ptr == 0) fail(guest, device);
  else store<u16>(ptr, value);
}

function store32(guest: Guest, device: Virtio, gpa: u64, value: u32): void {
  const ptr = ram.writable(guest, gpa);
  if (ptr == 0) fail(guest, device);
  else store<u32>(ptr, value);
}

/** Gives a chain back with `written` bytes in it. The driver sees it after `publish`. */
export function put(guest: Guest, device: Virtio, queue: Queue, head: u32, written: u32): void {
  if (!isLive(device) || queue.ready == 0) return;
  // An entry is 8 bytes at an odd multiple of 4, so it may cross a page.
  const entry = queue.deviceArea + 4 + (<u64>(queue.nextUsed & queue.size - 1) << 3);
  store32(guest, device, entry, head);
  store32(guest, device, entry + 4, written);
  queue.nextUsed = queue.nextUsed + 1 & 0xffff;
}

/** Shows the driver all chains given back. It is not interrupted, but may look by itself. */
export function show(guest: Guest, device: Virtio, queue: Queue): void {
  if (!isLive(device) || queue.ready == 0 || queue.nextUsed == queue.published) return;
  store16(guest, device, queue.deviceArea + 2, queue.nextUsed);
  queue.published = queue.nextUsed;
}

/** Chains that the driver was shown, and not interrupted for. */
export function unsignalled(queue: Queue): u32 {
  return queue.published - queue.signalled & 0xffff;
}

/** Shows the driver all chains given back, and interrupts it if it wants to know of one (2.7.7); true: it does. */
export function publish(guest: Guest, device: Virtio, queue: Queue): bool {
  show(guest, device, queue);
  if (!isLive(device) || queue.ready == 0) return false;
  const fresh = queue.published;
  const old = queue.signalled;
  if (fresh == old) return false;
  queue.signalled = fresh;
  lock.barrier();
  const hasEvent = has(device, VIRTIO_F_EVENT_IDX);
  const ptr = ram.readable(guest, hasEvent ? usedEvent(queue) : queue.driverArea);
  if (ptr == 0) {
    fail(guest, device);
    return false;
  }
  const word: u32 = load<u16>(ptr);
  const wanted = hasEvent
    ? (fresh - word - 1 & 0xffff) < (fresh - old & 0xffff)
    : (word & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0;
  if (wanted) interrupt(guest, device, INTERRUPT_USED);
  return wanted;
}

/**
 * Asks the driver to notify us of the next chain it makes available (2.7.10). One that it made available before it could see
 * that is noted in the guest: it would not tell us. Chains that wait for frames are looked at again anyway.
 */
export function listen(guest: Guest, device: Virtio, queue: Queue): void {
  if (!isLive(device) || queue.ready == 0 || !has(device, VIRTIO_F_EVENT_IDX)) return;
  const at = availEvent(queue);
  if (ram.has(guest, at) && !ram.secure(guest, at, 2)) {
    guest.lacking = 1;
    return;
  }
  store16(guest, device, at, queue.nextAvailable);
  lock.barrier();
  if (queue.lacking == 0 && peek(guest, device, queue) != NONE) guest.unheard = 1;
}
