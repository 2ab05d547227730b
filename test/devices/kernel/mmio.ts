// The virtio-mmio registers: identity, negotiation, queues, reset.

import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_BLK, DEVICE_VIRTIO_CONSOLE, DEVICE_VIRTIO_NET, DEVICE_VIRTIO_RNG } from "../../../hypervisor/devices/device";
import { RAM_BASE } from "../../../hypervisor/guest/guest";
import * as lines from "../../../hypervisor/guest/lines";
import {
  BUFFERS, INTERRUPT_ACK, INTERRUPT_STATUS, STATUS, WRITE, add, describe, descriptorArea, get, isBroken, makeGuest, negotiate,
  offered, openQueue, openQueueAt, send, set, start, usedCount,
} from "../../support/kernel/driver";
import { makeDisk } from "../../support/kernel/outside";

const VERSION_1: u64 = 1 << 32;
const EVENT_IDX: u64 = 1 << 29;
const INDIRECT_DESC: u64 = 1 << 28;

export function mmio_says_what_it_is(): void {
  const guest = makeGuest(0);
  const kinds = memory.data<u32>([DEVICE_VIRTIO_NET, DEVICE_VIRTIO_BLK, DEVICE_VIRTIO_CONSOLE, DEVICE_VIRTIO_RNG]);
  const queues = memory.data<u32>([2, 1, 6, 1]);
  for (let i: u32 = 0; i < 4; i++) {
    const device = add(guest, load<u32>(kinds + 4 * i), 0);
    assert(get(guest, device, 0x000) == 0x74726976);
    assert(get(guest, device, 0x004) == 2);
    assert(get(guest, device, 0x008) == 1 + i);
    const all = VERSION_1 | EVENT_IDX | INDIRECT_DESC;
    assert((offered(guest, device) & all) == all);
    set(guest, device, 0x14, 2);
    assert(get(guest, device, 0x10) == 0, "no features beyond bit 63");
    const count = load<u32>(queues + 4 * i);
    for (let queue: u32 = 0; queue < 10; queue++) {
      set(guest, device, 0x30, queue);
      assert(get(guest, device, 0x34) == (queue < count ? 256 : 0));
    }
    assert(get(guest, device, 0xb0) == 0xffff_ffff, "no shared memory");
    assert(get(guest, device, 0xbc) == 0xffff_ffff);
  }
  assert(guest.offences == 0);
}

export function mmio_accepts_the_features_it_offers(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  assert(negotiate(guest, rng, offered(guest, rng)));
  assert(negotiate(guest, rng, VERSION_1));
  assert(guest.offences == 0);
}

export function mmio_refuses_features_that_it_does_not_offer(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  assert(!negotiate(guest, rng, VERSION_1 | 1));
  assert(get(guest, rng, STATUS) == 3);
  assert(!negotiate(guest, rng, VERSION_1 | 1 << 40));
}

export function mmio_refuses_a_legacy_driver(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  assert(!negotiate(guest, rng, EVENT_IDX));
  set(guest, rng, STATUS, 15);
  assert(get(guest, rng, STATUS) == 3, "no DRIVER_OK without FEATURES_OK");
  assert(guest.offences == 1);
}

export function mmio_keeps_features_after_features_ok(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  assert(negotiate(guest, rng, VERSION_1));
  set(guest, rng, 0x20, 0xffff_ffff);
  assert(guest.offences == 1);
  set(guest, rng, STATUS, 15);
  assert(get(guest, rng, STATUS) == 15);
}

export function mmio_status_bits_are_only_taken_away_by_reset(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  set(guest, rng, STATUS, 3);
  set(guest, rng, STATUS, 1);
  assert(get(guest, rng, STATUS) == 3);
  set(guest, rng, STATUS, 64);
  assert(get(guest, rng, STATUS) == 3, "NEEDS_RESET is not the driver's to set");
  set(guest, rng, STATUS, 128);
  assert(get(guest, rng, STATUS) == 131);
  set(guest, rng, STATUS, 0);
  assert(get(guest, rng, STATUS) == 0);
}

export function mmio_forgets_queues_on_reset(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, 8);
  describe(guest, 0, 0, BUFFERS, 4, WRITE);
  send(guest, rng, 0, 0);
  assert(lines.isHigh(guest, rng.line));
  set(guest, rng, STATUS, 0);
  assert(!lines.isHigh(guest, rng.line));
  assert(get(guest, rng, INTERRUPT_STATUS) == 0);
  set(guest, rng, 0x30, 0);
  assert(get(guest, rng, 0x44) == 0);
  send(guest, rng, 0, 0);
  assert(usedCount(guest, 0) == 1, "a device without DRIVER_OK leaves the rings alone");
  start(guest, rng, 1, 8);
  send(guest, rng, 0, 0);
  assert(usedCount(guest, 0) == 1);
  assert(!isBroken(guest, rng));
}

export function mmio_lowers_the_line_when_all_is_acknowledged(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, 8);
  describe(guest, 0, 0, BUFFERS, 4, WRITE);
  send(guest, rng, 0, 0);
  assert(get(guest, rng, INTERRUPT_STATUS) == 1);
  set(guest, rng, INTERRUPT_ACK, 2);
  assert(lines.isHigh(guest, rng.line));
  set(guest, rng, INTERRUPT_ACK, 1);
  assert(!lines.isHigh(guest, rng.line));
}

export function mmio_refuses_queue_sizes_that_are_no_power_of_two(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  assert(negotiate(guest, rng, VERSION_1));
  set(guest, rng, 0x30, 0);
  set(guest, rng, 0x38, 0);
  set(guest, rng, 0x38, 3);
  set(guest, rng, 0x38, 512);
  assert(guest.offences == 3);
  set(guest, rng, 0x44, 1);
  assert(get(guest, rng, 0x44) == 0);
  assert(isBroken(guest, rng));
}

export function mmio_refuses_areas_that_are_not_aligned(): void {
  for (let i = 0; i < 3; i++) {
    const guest = makeGuest(i);
    const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
    assert(negotiate(guest, rng, VERSION_1));
    openQueueAt(guest, rng, 0, 8, RAM_BASE + (i == 0 ? 8 : 0), RAM_BASE + (i == 1 ? 4097 : 4096), RAM_BASE + (i == 2 ? 8194 : 8192));
    assert(get(guest, rng, 0x44) == 0);
    assert(isBroken(guest, rng));
  }
}

export function mmio_does_not_move_a_queue_in_use(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, 8);
  const before = guest.offences;
  set(guest, rng, 0x30, 0);
  set(guest, rng, 0x38, 16);
  set(guest, rng, 0x80, 0);
  set(guest, rng, 0xa4, 7);
  assert(guest.offences == before + 3);
  describe(guest, 0, 0, BUFFERS, 4, WRITE);
  send(guest, rng, 0, 0);
  assert(usedCount(guest, 0) == 1);
}

export function mmio_stops_a_queue_that_the_driver_takes_back(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, 8);
  set(guest, rng, 0x30, 0);
  set(guest, rng, 0x44, 0);
  assert(get(guest, rng, 0x44) == 0);
  describe(guest, 0, 0, BUFFERS, 4, WRITE);
  send(guest, rng, 0, 0);
  assert(usedCount(guest, 0) == 0);
  openQueue(guest, rng, 0, 8);
  assert(get(guest, rng, 0x44) == 1);
  send(guest, rng, 0, 0);
  assert(!isBroken(guest, rng));
}

export function mmio_reads_the_configuration_in_any_width(): void {
  const guest = makeGuest(0);
  makeDisk(0, 0x1234 * 512, 0);
  const blk = add(guest, DEVICE_VIRTIO_BLK, 0);
  assert(bus.read(guest, blk, 0x100, 8) == 0x1234);
  assert(bus.read(guest, blk, 0x100, 4) == 0x1234);
  assert(bus.read(guest, blk, 0x100, 2) == 0x1234);
  assert(bus.read(guest, blk, 0x101, 1) == 0x12);
  assert(bus.read(guest, blk, 0x138, 4) == 1);
  assert(get(guest, blk, 0xfc) == 0);
  assert(guest.offences == 0);
  assert(bus.read(guest, blk, 0x139, 4) == 0);
  assert(bus.read(guest, blk, 0xff8, 8) == 0);
  bus.write(guest, blk, 0x100, 4, 0);
  assert(guest.offences == 3);
  assert(bus.read(guest, blk, 0x100, 4) == 0x1234);
}

export function mmio_answers_only_aligned_words(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  assert(bus.read(guest, rng, 0, 1) == 0);
  assert(bus.read(guest, rng, 0, 8) == 0);
  assert(bus.read(guest, rng, 2, 4) == 0);
  bus.write(guest, rng, 0x70, 1, 1);
  assert(get(guest, rng, STATUS) == 0);
  assert(guest.offences == 4);
}

export function mmio_counts_notifications_of_queues_that_are_not_there(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, 8);
  set(guest, rng, 0x50, 1);
  set(guest, rng, 0x50, 0xffff_fffe);
  assert(guest.offences == 2);
  assert(get(guest, rng, STATUS) == 15, "and does not take a large number for a reset");
}

export function mmio_keeps_guests_apart(): void {
  const one = makeGuest(0);
  const other = makeGuest(1);
  const a = add(one, DEVICE_VIRTIO_RNG, 0);
  const b = add(other, DEVICE_VIRTIO_RNG, 0);
  start(one, a, 1, 8);
  assert(get(other, b, STATUS) == 0);
  set(other, b, 0x30, 0);
  assert(get(other, b, 0x44) == 0);
  assert(descriptorArea(0) != 0);
}
