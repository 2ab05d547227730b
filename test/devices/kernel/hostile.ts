// Guests that try everything: accesses of every width everywhere, and rings full of garbage. The kernel must neither trap nor
// spin, and whatever is not the guest's must stay as it is.

import { PAGE_SIZE, SET_BLOCK_BYTES } from "../../../hypervisor/abi";
import * as bus from "../../../hypervisor/devices/bus";
import {
  DEVICE_ACLINT, DEVICE_PLIC, DEVICE_POWER, DEVICE_RTC, DEVICE_UART, DEVICE_VIRTIO_BLK, DEVICE_VIRTIO_CONSOLE,
  DEVICE_VIRTIO_INPUT, DEVICE_VIRTIO_NET, DEVICE_VIRTIO_RNG, Device, deviceAt,
} from "../../../hypervisor/devices/device";
import * as limits from "../../../hypervisor/devices/limits";
import { Virtio, queueAt } from "../../../hypervisor/devices/virtio/virtio";
import * as tag from "../../../hypervisor/devices/virtio/tag";
import { Guest, RAM_BASE } from "../../../hypervisor/guest/guest";
import {
  BUFFERS, INDIRECT, NEXT, RAM_END, RAM_PAGES, STATUS, WRITE, add, describeIn, descriptorArea, deviceArea, driverArea, get,
  get16, isBroken, makeGuest, negotiate, notify, offered, openQueue, openQueueAt, put16, put32, put64, put8, set,
} from "../../support/kernel/driver";
import * as ground from "../../support/kernel/ground";
import {
  arrive, consoleTakes, finish, makeDisk, pendingCount, pendingTag, seed, setFull, setLater, setNow, setWall, typeIn,
} from "../../support/kernel/outside";
import * as random from "../../support/kernel/random";

/** A board with one of each device, as large as the real ones. */
function board(guest: Guest): void {
  makeDisk(0, 1 << 20, 0);
  add(guest, DEVICE_PLIC, 0).size = 0x600000;
  add(guest, DEVICE_ACLINT, 0).size = 0x10000;
  add(guest, DEVICE_UART, 0).size = 0x100;
  add(guest, DEVICE_RTC, 0);
  add(guest, DEVICE_POWER, 0);
  add(guest, DEVICE_VIRTIO_BLK, 0);
  add(guest, DEVICE_VIRTIO_NET, 0);
  add(guest, DEVICE_VIRTIO_CONSOLE, 1);
  add(guest, DEVICE_VIRTIO_RNG, 0);
  add(guest, DEVICE_VIRTIO_INPUT, 0);
}

/** A second guest with something in each page, that must not notice anything. */
function bystander(): Guest {
  const guest = makeGuest(1);
  board(guest);
  for (let i: u32 = 0; i < RAM_PAGES; i++) put32(guest, RAM_BASE + (<u64>i << 12), i * 2654435761);
  return guest;
}

/** Values that find mistakes. */
function value(): u64 {
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
function live(guest: Guest): void {
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
function settle(guest: Guest): void {
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

export function survives_accesses_of_every_width_at_every_offset(): void {
  const guest = makeGuest(0);
  const other = bystander();
  board(guest);
  random.seed(seed());
  const before = ground.sum(guest, other);
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    const device = deviceAt(guest, slot);
    for (let offset: u64 = 0; offset < <u64>PAGE_SIZE; offset++) {
      for (let size: u32 = 1; size <= 8; size <<= 1) {
        const got = bus.read(guest, device, offset, size);
        assert(size == 8 || device.kind == DEVICE_UART || got >> (size << 3) == 0, "an answer wider than the access");
        bus.write(guest, device, offset, size, value());
      }
    }
  }
  settle(guest);
  assert(ground.sum(guest, other) == before);
}

export function survives_a_hundred_thousand_random_accesses(): void {
  const guest = makeGuest(0);
  const other = bystander();
  board(guest);
  random.seed(seed() + 1);
  const before = ground.sum(guest, other);
  for (let i = 0; i < 100_000; i++) {
    const device = deviceAt(guest, random.below(guest.devices));
    // Half of the accesses go where registers are dense.
    let offset: u64 = random.once(2) ? random.below(0x110) : random.below(<u32>device.size);
    if (!random.once(4)) offset &= ~<u64>3;
    const size: u32 = random.once(3) ? <u32>1 << random.below(4) : 4;
    if (random.once(2)) bus.read(guest, device, offset, size);
    else bus.write(guest, device, offset, size, value());
    if (random.once(8)) live(guest);
  }
  settle(guest);
  assert(guest.offences > 0);
  assert(ground.sum(guest, other) == before);
}

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

function restart(guest: Guest, device: Device, queues: u32): void {
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

/** One virtio device under fire. */
function attack(kind: u32, queues: u32, rounds: u32): void {
  const guest = makeGuest(0);
  const other = bystander();
  makeDisk(0, 1 << 20, 0);
  const device = add(guest, kind, 0);
  random.seed(seed() + kind);
  const before = ground.sum(guest, other);
  let broken: u32 = 0;
  let given: u32 = 0;
  for (let i: u32 = 0; i < rounds; i++) {
    // Now and then also without need: a wild store may have stopped a queue for good.
    if (isBroken(guest, device) || get(guest, device, STATUS) != 15 || random.once(50)) {
      if (isBroken(guest, device)) broken++;
      restart(guest, device, queues);
    }
    const queue = random.below(queues);
    const used = get16(guest, deviceArea(queue) + 2);
    for (let j = random.below(6); j > 0; j--) scribble(guest, queue, descriptorArea(queue), random.below(256), 256);
    for (let j = random.below(4); j > 0; j--) scribble(guest, queue, BUFFERS, random.below(64), 20);
    for (let j = random.below(8); j > 0; j--) scribbleHeader(guest);
    if (random.once(2)) {
      almost(guest, device, queue);
    } else {
      const next = get16(guest, driverArea(queue) + 2);
      for (let j = 0; j < 4; j++) {
        put16(guest, driverArea(queue) + 4 + 2 * random.below(256), random.below(random.once(20) ? 65536 : 256));
      }
      put16(guest, driverArea(queue) + 2, random.once(50) ? random.below(65536) : next + random.below(3));
    }
    notify(guest, device, queue);
    if (random.once(3)) live(guest);
    if (random.once(100)) bus.write(guest, device, random.below(0x110), <u32>1 << random.below(4), value());
    if (random.once(100)) put8(guest, BUFFERS + random.below(0x1000), random.below(256));
    if (get16(guest, deviceArea(queue) + 2) != used) given++;
  }
  settle(guest);
  assert(ground.sum(guest, other) == before, "something was written that is not the guest's");
  assert(broken > 100, "the attack never broke a rule");
  assert(given > 100, "the attack never got through");
  assert(guest.offences >= broken);
  start(guest, device, queues);
}

/** After all that the device still works for a driver that behaves. */
function start(guest: Guest, device: Device, queues: u32): void {
  assert(negotiate(guest, device, offered(guest, device)));
  for (let i: u32 = 0; i < queues; i++) openQueue(guest, device, i, 8);
  set(guest, device, STATUS, 15);
  assert(get(guest, device, STATUS) == 15);
}

export function survives_garbage_in_the_rings_of_a_disk(): void {
  attack(DEVICE_VIRTIO_BLK, 1, 10_000);
}

export function survives_garbage_in_the_rings_of_a_network_device(): void {
  attack(DEVICE_VIRTIO_NET, 2, 10_000);
}

export function survives_garbage_in_the_rings_of_a_console(): void {
  attack(DEVICE_VIRTIO_CONSOLE, 6, 10_000);
}

export function survives_garbage_in_the_rings_of_an_entropy_device(): void {
  attack(DEVICE_VIRTIO_RNG, 1, 10_000);
}

export function survives_garbage_in_the_rings_of_a_power_key(): void {
  attack(DEVICE_VIRTIO_INPUT, 2, 10_000);
}

export function ends_a_kick_although_the_device_writes_its_own_ring(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1);
  // Each chain's buffer is the available index: the device itself makes more work appear.
  for (let i: u32 = 0; i < 8; i++) describeIn(guest, descriptorArea(0), i, driverArea(0) + 2, 1, WRITE, 0);
  put16(guest, driverArea(0) + 2, 1);
  notify(guest, rng, 0);
  for (let i = 0; i < 100; i++) bus.poll(guest);
  assert(get16(guest, deviceArea(0) + 2) <= 101 * 8);
}
