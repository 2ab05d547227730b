// Guests that try everything: accesses of every width everywhere, and rings full of garbage. The kernel must neither trap nor
// spin, and whatever is not the guest's must stay as it is.

import { PAGE_SIZE } from "../../../hypervisor/abi";
import * as bus from "../../../hypervisor/devices/bus";
import {
  DEVICE_ACLINT, DEVICE_PLIC, DEVICE_POWER, DEVICE_RTC, DEVICE_UART, DEVICE_VIRTIO_BALLOON, DEVICE_VIRTIO_BLK,
  DEVICE_VIRTIO_CONSOLE, DEVICE_VIRTIO_INPUT, DEVICE_VIRTIO_NET, DEVICE_VIRTIO_RNG, Device, deviceAt,
} from "../../../hypervisor/devices/device";
import { Guest, RAM_BASE } from "../../../hypervisor/guest/guest";
import * as ram from "../../../hypervisor/guest/ram";
import {
  BUFFERS, RAM_PAGES, STATUS, WRITE, add, describeIn, descriptorArea, deviceArea, driverArea, get, get16, isBroken, makeGuest,
  negotiate, notify, offered, openQueue, put16, put32, put8, set,
} from "../../support/kernel/driver";
import { fillRings, live, restart, settle, value } from "../../support/kernel/garbage";
import * as ground from "../../support/kernel/ground";
import * as hog from "../../support/kernel/hog";
import { makeDisk, seed } from "../../support/kernel/outside";
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
  add(guest, DEVICE_VIRTIO_BALLOON, 0);
}

/** A second guest with something in each page, that must not notice anything. */
function bystander(): Guest {
  const guest = makeGuest(1);
  board(guest);
  for (let i: u32 = 0; i < RAM_PAGES; i++) put32(guest, RAM_BASE + (<u64>i << 12), i * 2654435761);
  return guest;
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
    fillRings(guest, device, queue);
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

/** Takes the frames of pages that the device may want, and all others that there are. */
function starve(guest: Guest, queue: u32): void {
  // While the host works for the guest none of its frames goes: see devices/virtio/balloon.
  for (let j = random.below(12); j > 0 && bus.busy(guest) == 0; j--) {
    const gpa = random.once(3) ? descriptorArea(queue) + (<u64>random.below(16) << 12) : BUFFERS + (<u64>random.below(257) << 12);
    ram.discard(guest, gpa & ~0xfff, 1);
  }
  hog.eat();
}

/** One virtio device under fire, whose guest loses pages, has none to touch them again, and gets some. */
function attackStarving(kind: u32, queues: u32, rounds: u32): void {
  const guest = makeGuest(0);
  const other = bystander();
  makeDisk(0, 1 << 20, 0);
  const device = add(guest, kind, 0);
  random.seed(seed() + kind + 100);
  const before = ground.sumOfOther(other);
  let broken: u32 = 0;
  let given: u32 = 0;
  let waited: u32 = 0;
  for (let i: u32 = 0; i < rounds; i++) {
    if (isBroken(guest, device) || get(guest, device, STATUS) != 15 || random.once(50)) {
      if (isBroken(guest, device)) broken++;
      restart(guest, device, queues);
    }
    const queue = random.below(queues);
    const used = get16(guest, deviceArea(queue) + 2);
    fillRings(guest, device, queue);
    // Page numbers, for a device that reads these.
    for (let j = random.below(32); j > 0; j--) {
      put32(guest, BUFFERS + 4 * random.below(0x4000), <u32>(RAM_BASE >> 12) + random.below(RAM_PAGES + 16));
    }
    starve(guest, queue);
    notify(guest, device, queue);
    if (random.once(2)) live(guest);
    if (random.once(2)) bus.poll(guest);
    if (guest.lacking != 0) {
      waited++;
      hog.give(random.below(4));
      guest.lacking = 0;
      bus.hear(guest);
      bus.poll(guest);
    }
    hog.give(64);
    if (get16(guest, deviceArea(queue) + 2) != used) given++;
    if ((i & 255) == 0) assert(ground.isInOrder(guest), "the account of frames is wrong");
  }
  hog.give(1000);
  settle(guest);
  assert(ground.isInOrder(guest), "the account of frames is wrong");
  assert(ground.sumOfOther(other) == before, "something was written that is not the guest's");
  assert(broken > 20, "the attack never broke a rule");
  assert(given > 100, "the attack never got through");
  assert(waited > 100, "the attack never had to wait");
  start(guest, device, queues);
}

export function survives_garbage_in_the_rings_of_a_balloon_while_there_are_no_frames(): void {
  attackStarving(DEVICE_VIRTIO_BALLOON, 5, 3000);
}

export function survives_garbage_in_the_rings_of_a_disk_while_there_are_no_frames(): void {
  attackStarving(DEVICE_VIRTIO_BLK, 1, 3000);
}

export function survives_garbage_in_the_rings_of_a_console_while_there_are_no_frames(): void {
  attackStarving(DEVICE_VIRTIO_CONSOLE, 6, 3000);
}

export function survives_garbage_in_the_rings_of_an_entropy_device_while_there_are_no_frames(): void {
  attackStarving(DEVICE_VIRTIO_RNG, 1, 3000);
}

export function survives_garbage_in_the_rings_of_a_power_key_while_there_are_no_frames(): void {
  attackStarving(DEVICE_VIRTIO_INPUT, 2, 3000);
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
