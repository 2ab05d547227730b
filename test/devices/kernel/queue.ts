// The walk through the rings, with the entropy device at the end of it: whatever is fine, and whatever breaks a rule.

import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_RNG, Device } from "../../../hypervisor/devices/device";
import { Guest, RAM_BASE } from "../../../hypervisor/guest/guest";
import * as lines from "../../../hypervisor/guest/lines";
import {
  BUFFERS, INDIRECT, INTERRUPT_ACK, INTERRUPT_STATUS, NEXT, RAM_END, STATUS, WRITE, add, availEvent, describe, describeIn,
  descriptorArea, driverArea, get, get8, isBroken, makeGuest, notify, offer, openQueueAt, put16, send, set, setUsedEvent, start,
  startWith, usedCount, usedHead, usedLength,
} from "../../support/kernel/driver";

const VERSION_1: u64 = 1 << 32;
const EVENT_IDX: u64 = 1 << 29;
const INDIRECT_DESC: u64 = 1 << 28;

const SIZE: u32 = 8;

/** An entropy device without event index, whose queue has 8 descriptors. */
function rngFor(guest: Guest): Device {
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  startWith(guest, rng, VERSION_1 | INDIRECT_DESC, 1, SIZE);
  return rng;
}

/** The chain at descriptor 0 must break the device: it says so, does nothing more, and works again after a reset. */
function refuses(guest: Guest, rng: Device): void {
  const offences = guest.offences;
  send(guest, rng, 0, 0);
  assert(isBroken(guest, rng), "the device asks for a reset");
  assert(get(guest, rng, INTERRUPT_STATUS) == 2, "and tells so by a configuration interrupt");
  assert(lines.isHigh(guest, rng.line));
  assert(guest.offences == offences + 1, "and counts it once");
  assert(usedCount(guest, 0) == 0);
  describe(guest, 0, 1, BUFFERS, 4, WRITE);
  offer(guest, rng, 0, 1);
  notify(guest, rng, 0);
  bus.poll(guest);
  assert(usedCount(guest, 0) == 0, "and does nothing more");
  start(guest, rng, 1, SIZE);
  describe(guest, 0, 1, BUFFERS, 4, WRITE);
  send(guest, rng, 0, 1);
  assert(usedCount(guest, 0) == 1, "until it is reset");
}

export function queue_gives_a_chain_back(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describe(guest, 0, 3, BUFFERS + 5, 10, WRITE);
  send(guest, rng, 0, 3);
  assert(usedCount(guest, 0) == 1);
  assert(usedHead(guest, rng, 0, 0) == 3);
  assert(usedLength(guest, rng, 0, 0) == 10);
  assert(get8(guest, BUFFERS + 4) == 0);
  for (let i: u32 = 5; i < 15; i++) assert(get8(guest, BUFFERS + i) != 0);
  assert(get8(guest, BUFFERS + 15) == 0);
  assert(get(guest, rng, INTERRUPT_STATUS) == 1);
  assert(guest.offences == 0);
}

export function queue_follows_a_chain_over_its_whole_table(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  for (let i: u32 = 0; i < SIZE; i++) describe(guest, 0, i, BUFFERS + 16 * i, 8, i == SIZE - 1 ? WRITE : WRITE | NEXT);
  send(guest, rng, 0, 0);
  assert(usedLength(guest, rng, 0, 0) == 64);
  for (let i: u32 = 0; i < 128; i++) assert((get8(guest, BUFFERS + i) != 0) == ((i & 8) == 0));
}

export function queue_goes_round_many_times(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  for (let i: u32 = 0; i < 70_000; i++) {
    describe(guest, 0, i & 7, BUFFERS, 1, WRITE);
    send(guest, rng, 0, i & 7);
    assert(usedCount(guest, 0) == (i + 1 & 0xffff));
    assert(usedHead(guest, rng, 0, i) == (i & 7));
  }
  assert(guest.offences == 0);
}

export function queue_takes_a_full_ring_in_one_go(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  startWith(guest, rng, VERSION_1, 1, 256);
  for (let i: u32 = 0; i < 256; i++) {
    describe(guest, 0, i, BUFFERS + i, 1, WRITE);
    offer(guest, rng, 0, 255 - i);
  }
  notify(guest, rng, 0);
  assert(usedCount(guest, 0) == 256);
  for (let i: u32 = 0; i < 256; i++) assert(usedHead(guest, rng, 0, i) == 255 - i && usedLength(guest, rng, 0, i) == 1);
  assert(guest.offences == 0);
}

export function queue_of_one_descriptor_works(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, 1);
  describe(guest, 0, 0, BUFFERS, 1, WRITE);
  for (let i: u32 = 0; i < 5; i++) {
    send(guest, rng, 0, 0);
    assert(usedCount(guest, 0) == i + 1);
  }
}

export function queue_reads_an_indirect_table(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  const table = BUFFERS + 0x1000 - 16; // its second descriptor lies in another frame
  for (let i: u32 = 0; i < 20; i++) describeIn(guest, table, i, BUFFERS + 0x3000 + 2 * i, 1, i == 19 ? WRITE : WRITE | NEXT, i + 1);
  describe(guest, 0, 2, table, 20 * 16, INDIRECT);
  send(guest, rng, 0, 2);
  assert(usedLength(guest, rng, 0, 0) == 20, "an indirect chain may be longer than the queue");
  assert(usedHead(guest, rng, 0, 0) == 2);
  assert(guest.offences == 0);
}

export function queue_reads_an_indirect_table_that_is_not_aligned(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  for (let i: u32 = 1; i < 16; i++) {
    const table = BUFFERS + 0x1000 * i - i; // the first descriptor lies in two frames
    describeIn(guest, table, 0, BUFFERS + 0x20000, 3, WRITE | NEXT, 1);
    describeIn(guest, table, 1, BUFFERS + 0x20000, 4, WRITE, 0);
    describe(guest, 0, 0, table, 32, INDIRECT);
    send(guest, rng, 0, 0);
    assert(usedCount(guest, 0) == i);
    assert(usedLength(guest, rng, 0, i - 1) == 7);
  }
  assert(guest.offences == 0);
}

export function queue_may_end_a_chain_in_an_indirect_table(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describe(guest, 0, 0, BUFFERS, 2, WRITE | NEXT);
  describe(guest, 0, 1, BUFFERS + 0x1000, 16, INDIRECT);
  describeIn(guest, BUFFERS + 0x1000, 0, BUFFERS + 8, 3, WRITE, 0);
  send(guest, rng, 0, 0);
  assert(usedLength(guest, rng, 0, 0) == 5);
}

export function queue_passes_over_parts_without_bytes(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describe(guest, 0, 0, 0, 0, WRITE | NEXT);
  describe(guest, 0, 1, BUFFERS, 2, WRITE | NEXT);
  describe(guest, 0, 2, ~<u64>0, 0, WRITE);
  send(guest, rng, 0, 0);
  assert(usedLength(guest, rng, 0, 0) == 2);
  describe(guest, 0, 4, BUFFERS, 0, WRITE);
  send(guest, rng, 0, 4);
  assert(usedCount(guest, 0) == 2);
  assert(usedLength(guest, rng, 0, 1) == 0);
  assert(guest.offences == 0);
}

export function queue_gives_back_a_chain_that_it_cannot_write(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describe(guest, 0, 0, BUFFERS, 8, 0);
  send(guest, rng, 0, 0);
  assert(usedLength(guest, rng, 0, 0) == 0);
  for (let i: u32 = 0; i < 8; i++) assert(get8(guest, BUFFERS + i) == 0);
}

export function queue_is_quiet_when_the_driver_wants_no_interrupt(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  put16(guest, driverArea(0), 1);
  describe(guest, 0, 0, BUFFERS, 1, WRITE);
  send(guest, rng, 0, 0);
  assert(usedCount(guest, 0) == 1);
  assert(!lines.isHigh(guest, rng.line));
  put16(guest, driverArea(0), 0);
  send(guest, rng, 0, 0);
  assert(lines.isHigh(guest, rng.line));
}

export function queue_interrupts_at_the_used_event(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, SIZE);
  describe(guest, 0, 0, BUFFERS, 1, WRITE);
  setUsedEvent(guest, rng, 0, 2);
  for (let i: u32 = 0; i < 5; i++) {
    send(guest, rng, 0, 0);
    assert(lines.isHigh(guest, rng.line) == (i == 2), "only the chain that passes the event");
    set(guest, rng, INTERRUPT_ACK, 1);
  }
  setUsedEvent(guest, rng, 0, 6);
  for (let i = 0; i < 3; i++) offer(guest, rng, 0, 0);
  notify(guest, rng, 0);
  assert(lines.isHigh(guest, rng.line), "also in the middle of a batch");
}

export function queue_interrupts_at_the_used_event_across_the_wrap(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, SIZE);
  describe(guest, 0, 0, BUFFERS, 1, WRITE);
  setUsedEvent(guest, rng, 0, 0);
  for (let i: u32 = 0; i < 65_540; i++) {
    set(guest, rng, INTERRUPT_ACK, 1);
    send(guest, rng, 0, 0);
    assert(lines.isHigh(guest, rng.line) == (i == 0 || i == 65_536));
  }
}

export function queue_asks_for_the_next_notification(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, SIZE);
  describe(guest, 0, 0, BUFFERS, 1, WRITE);
  for (let i = 0; i < 3; i++) offer(guest, rng, 0, 0);
  notify(guest, rng, 0);
  assert(availEvent(guest, rng, 0) == 3);
  send(guest, rng, 0, 0);
  assert(availEvent(guest, rng, 0) == 4);
}

export function queue_touches_no_event_words_unless_negotiated(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describe(guest, 0, 0, BUFFERS, 1, WRITE);
  send(guest, rng, 0, 0);
  assert(availEvent(guest, rng, 0) == 0);
}

export function queue_works_where_its_areas_end_with_ram(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  startWith(guest, rng, VERSION_1, 0, 0);
  openQueueAt(guest, rng, 0, SIZE, RAM_END - 16 * SIZE, driverArea(0), RAM_BASE);
  describeIn(guest, RAM_END - 16 * SIZE, SIZE - 1, BUFFERS, 4, WRITE, 0);
  send(guest, rng, 0, SIZE - 1);
  assert(!isBroken(guest, rng));
  assert(get8(guest, RAM_BASE + 2) == 1);
}

export function refuses_a_chain_that_loops(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  for (let i: u32 = 0; i < SIZE; i++) describeIn(guest, descriptorArea(0), i, BUFFERS, 4, WRITE | NEXT, (i + 1) % SIZE);
  refuses(guest, rng);
}

export function refuses_a_descriptor_that_follows_itself(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describeIn(guest, descriptorArea(0), 0, BUFFERS, 4, WRITE | NEXT, 0);
  refuses(guest, rng);
}

export function refuses_a_next_descriptor_outside_the_table(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describeIn(guest, descriptorArea(0), 0, BUFFERS, 4, WRITE | NEXT, SIZE);
  refuses(guest, rng);
}

export function refuses_a_head_outside_the_table(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  send(guest, rng, 0, SIZE);
  assert(isBroken(guest, rng));
  assert(guest.offences == 1);
}

export function refuses_an_available_index_that_jumps(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  put16(guest, driverArea(0) + 2, SIZE + 1);
  notify(guest, rng, 0);
  assert(isBroken(guest, rng));
  assert(usedCount(guest, 0) == 0);
}

export function refuses_an_available_index_that_goes_back(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  put16(guest, driverArea(0) + 2, 0xffff);
  notify(guest, rng, 0);
  assert(isBroken(guest, rng));
}

export function refuses_a_part_outside_ram(): void {
  const addresses = memory.data<u64>([
    0, 0x1000_0000, 0x7fff_ffff, 0x8040_0000, 0x803f_ffff, 0xffff_ffff_ffff_ffff, 0x1_8000_0000, 0x8000_0000_8000_0000,
  ]);
  for (let i: u32 = 0; i < 8; i++) {
    const guest = makeGuest(i);
    const rng = rngFor(guest);
    describe(guest, 0, 0, load<u64>(addresses + 8 * i), 2, WRITE);
    refuses(guest, rng);
  }
}

export function refuses_a_part_that_is_longer_than_ram(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describe(guest, 0, 0, BUFFERS, 0xffff_ffff, WRITE);
  refuses(guest, rng);
}

export function refuses_a_readable_part_behind_a_writable_one(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describe(guest, 0, 0, BUFFERS, 4, WRITE | NEXT);
  describe(guest, 0, 1, BUFFERS, 4, 0);
  refuses(guest, rng);
}

export function refuses_an_indirect_table_in_an_indirect_table(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describe(guest, 0, 0, BUFFERS, 32, INDIRECT);
  describeIn(guest, BUFFERS, 0, BUFFERS + 0x100, 4, WRITE | NEXT, 1);
  describeIn(guest, BUFFERS, 1, BUFFERS, 32, INDIRECT, 0);
  refuses(guest, rng);
}

export function refuses_an_indirect_table_that_contains_itself(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describe(guest, 0, 0, BUFFERS, 16, INDIRECT);
  describeIn(guest, BUFFERS, 0, BUFFERS, 16, INDIRECT, 0);
  refuses(guest, rng);
}

export function refuses_a_loop_in_an_indirect_table(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describe(guest, 0, 0, BUFFERS, 32, INDIRECT);
  describeIn(guest, BUFFERS, 0, BUFFERS + 0x100, 1, WRITE | NEXT, 1);
  describeIn(guest, BUFFERS, 1, BUFFERS + 0x100, 1, WRITE | NEXT, 0);
  refuses(guest, rng);
}

export function refuses_an_indirect_descriptor_that_goes_on(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describe(guest, 0, 0, BUFFERS, 16, INDIRECT | NEXT);
  describeIn(guest, BUFFERS, 0, BUFFERS + 0x100, 4, WRITE, 0);
  refuses(guest, rng);
}

export function refuses_indirect_tables_of_broken_size(): void {
  const sizes = memory.data<u32>([0, 1, 15, 17, 24, 0xffff_fff0]);
  for (let i: u32 = 0; i < 6; i++) {
    const guest = makeGuest(i);
    const rng = rngFor(guest);
    describe(guest, 0, 0, BUFFERS, load<u32>(sizes + 4 * i), INDIRECT);
    describeIn(guest, BUFFERS, 0, BUFFERS + 0x100, 4, WRITE, 0);
    refuses(guest, rng);
  }
}

export function refuses_an_indirect_table_outside_ram(): void {
  const guest = makeGuest(0);
  const rng = rngFor(guest);
  describe(guest, 0, 0, RAM_END - 16, 32, INDIRECT);
  refuses(guest, rng);
}

export function refuses_an_indirect_table_that_was_not_negotiated(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  startWith(guest, rng, VERSION_1 | EVENT_IDX, 1, SIZE);
  describe(guest, 0, 0, BUFFERS, 16, INDIRECT);
  describeIn(guest, BUFFERS, 0, BUFFERS + 0x100, 4, WRITE, 0);
  send(guest, rng, 0, 0);
  assert(isBroken(guest, rng));
}

export function refuses_rings_outside_ram(): void {
  for (let i: u32 = 0; i < 3; i++) {
    const guest = makeGuest(i);
    const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
    startWith(guest, rng, VERSION_1 | EVENT_IDX, 0, 0);
    openQueueAt(
      guest, rng, 0, SIZE, i == 0 ? RAM_END : descriptorArea(0), i == 1 ? 0x1000 : driverArea(0), i == 2 ? ~<u64>3 : RAM_BASE,
    );
    describe(guest, 0, 0, BUFFERS, 4, WRITE);
    offer(guest, rng, 0, 0);
    notify(guest, rng, 0);
    assert(isBroken(guest, rng));
    assert(get(guest, rng, STATUS) == 15 + 64);
    assert(guest.offences >= 1);
  }
}
