// What a hostile driver writes: rings full of something between fine and mad; and what happens around its guest meanwhile.

import { SET_BLOCK_BYTES } from "../../../hypervisor/abi";
import * as bus from "../../../hypervisor/devices/bus";
import { Device } from "../../../hypervisor/devices/device";
import * as limits from "../../../hypervisor/devices/limits";
import * as tag from "../../../hypervisor/devices/virtio/tag";
import { Virtio, queueAt } from "../../../hypervisor/devices/virtio/virtio";
import { Guest, RAM_BASE } from "../../../hypervisor/guest/guest";
import {
  BUFFERS, INDIRECT, NEXT, RAM_END, RAM_PAGES, STATUS, WRITE, describeIn, descriptorArea, deviceArea, driverArea, get16,
  negotiate, offered, openQueue, openQueueAt, put16, put32, put64, set,
} from "./driver";
import { arrive, consoleTakes, finish, pendingCount, pendingTag, setFull, setLater, setNow, setWall, typeIn } from "./outside";
import * as random from "./random";

/** Values that find mistakes. */
export function value(): u64 {
  switch (random.below(6)) {
    case 0: return random.below(16);
    case 1: return <u64>1 << random.below(64);
    case 2: return ~<u64>0;
    case 3: return RAM_BASE + random.below(RAM_PAGES << 12);
    case 4: return random.below(65536);
    default: return random.next();
  }
}

/** Lets the outside world do what it does. */
export function live(guest: Guest): void {
  const bytes = memory.data(2048);
  switch (random.below(11)) {
    case 0: arrive(0, bytes, random.below(2036) + 1); break;
    case 1: typeIn(random.below(3), bytes, random.below(100)); break;
    case 2: setFull(random.once(2)); break;
    case 3: consoleTakes(random.below(10_000)); break;
    case 4: setLater(random.once(2)); break;
    case 5: setNow(<f64>random.below(1 << 30)); setWall(<f64>random.below(1 << 30)); break;
    case 6:
      for (let i = random.below(4); i > 0 && pendingCount() > 0; i--) {
        const t = pendingTag();
        bus.complete(guest, tag.slotOf(t), tag.requestOf(t), finish());
      }
      break;
    case 7: bus.press(guest); break;
    case 9: limits.set(guest, SET_BLOCK_BYTES + random.below(13), <f64>random.below(1 << 20) * <f64>random.below(3)); break;
    case 8: bus.tick(guest); bus.refresh(guest); bus.deadlineNs(guest); break;
    default: bus.poll(guest);
  }
}

/** Ends all transfers and waits for the guest's last words. */
export function settle(guest: Guest): void {
  setLater(false);
  consoleTakes(1 << 30);
  setFull(false);
  while (pendingCount() > 0) {
    const t = pendingTag();
    bus.complete(guest, tag.slotOf(t), tag.requestOf(t), finish());
  }
  bus.flush(guest);
  assert(bus.busy(guest) == 0);
}

/** Somewhere in RAM, or just outside; often in a ring. */
function address(queue: u32): u64 {
  switch (random.below(12)) {
    case 0: return descriptorArea(queue) + random.below(4096);
    case 1: return driverArea(queue) + random.below(600);
    case 2: return deviceArea(queue) + random.below(2100);
    case 3: return random.once(8) ? random.next() : RAM_END - random.below(64);
    case 4: return random.once(8) ? RAM_END + random.below(16) : BUFFERS + random.below(64) * 16;
    default: return BUFFERS + random.below(0x100000);
  }
}

/** A length that a device might take, and now and then one that none would. */
function length(): u32 {
  const lengths = memory.data<u32>([0, 1, 8, 12, 16, 17, 20, 32, 64, 511, 512, 513, 1024, 1526, 4096, 8192, 65536]);
  return random.once(40) ? <u32>random.next() : load<u32>(lengths + 4 * random.below(17));
}

/** Fills a descriptor with something between fine and mad. */
function scribble(guest: Guest, queue: u32, table: u64, i: u32, size: u32): void {
  let flags = random.once(30) ? random.below(65536) : (random.once(2) ? NEXT : 0) | (random.once(2) ? WRITE : 0);
  let gpa = address(queue);
  let bytes = length();
  if (random.once(10)) {
    flags = INDIRECT;
    gpa = BUFFERS + 16 * random.below(64);
    bytes = 16 * random.below(20);
  }
  describeIn(guest, table, i, gpa, bytes, flags, random.once(20) ? random.below(65536) : (i + 1) % size);
}

/** Writes what a device may take for a header: of a block request, a range, a control message. */
function scribbleHeader(guest: Guest): void {
  const gpa = BUFFERS + 16 * random.below(0x1000);
  const types = memory.data<u8>([0, 1, 4, 8, 11, 13, 2, 255]);
  put32(guest, gpa, load<u8>(types + random.below(8)));
  put32(guest, gpa + 4, random.below(16) | random.below(3) << 16);
  put64(guest, gpa + 8, random.once(20) ? random.next() : random.below(2100));
}

/** Makes a chain available that is nearly fine: something to read, data in one direction, a byte for the status. */
function almost(guest: Guest, device: Device, queue: u32): void {
  const size = queueAt(changetype<Virtio>(device), queue).size;
  if (size < 4) return;
  const head = random.below(size - 3);
  const table = descriptorArea(queue);
  const direction = random.once(2) ? WRITE : 0;
  describeIn(guest, table, head, BUFFERS + 16 * random.below(0x1000), 16, NEXT, head + 1);
  describeIn(guest, table, head + 1, address(queue), 512 * random.below(200), direction | NEXT, head + 2);
  describeIn(guest, table, head + 2, BUFFERS + random.below(0x100000), 1, WRITE, 0);
  const next = get16(guest, driverArea(queue) + 2);
  put16(guest, driverArea(queue) + 4 + 2 * (next & size - 1), head);
  put16(guest, driverArea(queue) + 2, next + 1);
}

/** Resets a device and sets it up anew, mostly as it should be. */
export function restart(guest: Guest, device: Device, queues: u32): void {
  const all = offered(guest, device);
  negotiate(guest, device, random.once(2) ? all : all & ~(<u64>random.below(4) << 28));
  for (let i: u32 = 0; i < queues; i++) {
    put32(guest, driverArea(i), 0);
    const size: u32 = <u32>1 << random.below(9);
    if (random.once(30)) openQueueAt(guest, device, i, size, address(i) & ~<u64>15, address(i) & ~<u64>1, address(i) & ~<u64>3);
    else openQueue(guest, device, i, size);
  }
  set(guest, device, STATUS, 15);
}

/** A round of an attack: garbage in the rings of a device, and mostly one chain that is nearly fine. Nobody is told yet. */
export function fillRings(guest: Guest, device: Device, queue: u32): void {
  for (let j = random.below(6); j > 0; j--) scribble(guest, queue, descriptorArea(queue), random.below(256), 256);
  for (let j = random.below(4); j > 0; j--) scribble(guest, queue, BUFFERS, random.below(64), 20);
  for (let j = random.below(8); j > 0; j--) scribbleHeader(guest);
  if (random.once(2)) {
    almost(guest, device, queue);
    return;
  }
  const next = get16(guest, driverArea(queue) + 2);
  for (let j = 0; j < 4; j++) {
    put16(guest, driverArea(queue) + 4 + 2 * random.below(256), random.below(random.once(20) ? 65536 : 256));
  }
  put16(guest, driverArea(queue) + 2, random.once(50) ? random.below(65536) : next + random.below(3));
}
