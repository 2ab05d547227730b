// Devices that need a frame when the machine has none: they wait as a slow device does, and go on when there is one.

import { OK } from "../../../hypervisor/abi";
import * as bus from "../../../hypervisor/devices/bus";
import {
  DEVICE_VIRTIO_BALLOON, DEVICE_VIRTIO_BLK, DEVICE_VIRTIO_CONSOLE, DEVICE_VIRTIO_INPUT, DEVICE_VIRTIO_RNG, Device,
} from "../../../hypervisor/devices/device";
import * as balloon from "../../../hypervisor/devices/virtio/balloon";
import { Balloon } from "../../../hypervisor/devices/virtio/balloon";
import * as tag from "../../../hypervisor/devices/virtio/tag";
import { Guest, RAM_BASE, guestAt } from "../../../hypervisor/guest/guest";
import * as promises from "../../../hypervisor/guest/promises";
import * as ram from "../../../hypervisor/guest/ram";
import {
  BUFFERS, NEXT, RAM_END, WRITE, add, availEvent, describe, deviceArea, get16, get32, get8, isBroken, makeGuest, notify, offer,
  offered, openQueueAt, put16, put32, put64, put8, send, set, start, startWith, usedCount, usedLength,
} from "../../support/kernel/driver";
import * as hog from "../../support/kernel/hog";
import {
  consoleByte, consoleLength, diskByte, finish, makeDisk, pendingTag, setLater, submitCount, typeIn,
} from "../../support/kernel/outside";

const F_EVENT_IDX: u64 = 1 << 29;

/** A page of data that the tests take the frame of, and what lies behind. */
const DATA: u64 = BUFFERS + 0x10000;
const STATUS: u64 = BUFFERS + 0x1000;

/** What vmm/service does while the guest has the note. */
function serve(guest: Guest): bool {
  if (guest.lacking == 0) return false;
  guest.lacking = 0;
  bus.hear(guest);
  return bus.poll(guest);
}

/** The device waits, says so, does not ask to be looked at at once, and the guest is not to blame. */
function waits(guest: Guest, device: Device): bool {
  for (let i = 0; i < 3; i++) {
    if (guest.lacking == 0 || isBroken(guest, device) || guest.offences != 0) return false;
    if (serve(guest) || guest.unheard != 0) return false;
  }
  return guest.lacking != 0;
}

/** Nothing waits any more, and nobody is to blame. */
function isWell(guest: Guest, device: Device): bool {
  return guest.lacking == 0 && !isBroken(guest, device) && guest.offences == 0;
}

function header(guest: Guest, type: u32, sector: u64): void {
  put32(guest, BUFFERS, type);
  put32(guest, BUFFERS + 4, 0);
  put64(guest, BUFFERS + 8, sector);
}

/** A disk with a request of one part of data; its chain is offered. */
function request(guest: Guest, type: u32, length: u32): Device {
  makeDisk(0, 1 << 20, 0);
  const disk = add(guest, DEVICE_VIRTIO_BLK, 0);
  start(guest, disk, 1, 8);
  header(guest, type, 3);
  put8(guest, STATUS, 99);
  describe(guest, 0, 0, BUFFERS, 16, NEXT);
  describe(guest, 0, 1, DATA, length, NEXT | (type == 0 ? WRITE : 0));
  describe(guest, 0, 2, STATUS, 1, WRITE);
  offer(guest, disk, 0, 0);
  return disk;
}

function isRead(guest: Guest, length: u32): bool {
  for (let i: u32 = 0; i < length; i++) if (get8(guest, DATA + i) != diskByte(0, 1536 + i)) return false;
  return get8(guest, STATUS) == 0;
}

export function a_disk_that_reads_into_a_page_without_a_frame_waits_for_one(): void {
  const guest = makeGuest(0);
  const disk = request(guest, 0, 1024);
  hog.takeFrom(guest, DATA);
  notify(guest, disk, 0);
  assert(waits(guest, disk));
  assert(usedCount(guest, 0) == 0 && submitCount() == 0 && bus.busy(guest) == 0);
  hog.give(1);
  serve(guest);
  assert(usedCount(guest, 0) == 1 && usedLength(guest, disk, 0, 0) == 1025);
  assert(isRead(guest, 1024) && isWell(guest, disk));
}

export function a_disk_reads_all_of_a_request_or_nothing(): void {
  const guest = makeGuest(0);
  const disk = request(guest, 0, 8 * 4096);
  for (let i: u64 = 0; i < 8; i++) hog.takeFrom(guest, DATA + (i << 12));
  notify(guest, disk, 0);
  assert(waits(guest, disk));
  hog.give(7);
  serve(guest);
  assert(waits(guest, disk) && submitCount() == 0, "seven of eight are not enough");
  hog.give(1);
  serve(guest);
  assert(usedCount(guest, 0) == 1 && isRead(guest, 8 * 4096) && isWell(guest, disk));
}

export function a_disk_waits_for_the_frame_of_its_status_and_of_its_ring(): void {
  const guest = makeGuest(0);
  const disk = request(guest, 0, 512);
  hog.takeFrom(guest, STATUS);
  notify(guest, disk, 0);
  assert(waits(guest, disk) && submitCount() == 0);
  hog.give(1);
  serve(guest);
  assert(usedCount(guest, 0) == 1 && isRead(guest, 512) && isWell(guest, disk));
  // The indices and the entries lie on two pages.
  for (let i: u64 = 0; i < 2; i++) {
    put8(guest, STATUS, 99);
    const index = get16(guest, deviceArea(0) + 2);
    hog.takeFrom(guest, deviceArea(0) + (i << 12));
    send(guest, disk, 0, 0);
    assert(waits(guest, disk) && submitCount() == <u32>(1 + i));
    hog.give(1);
    serve(guest);
    // What the guest's own doing had taken from the ring reads zero, but for what is new.
    assert(get16(guest, deviceArea(0) + 2) == index + 1);
    assert(isRead(guest, 512) && isWell(guest, disk));
  }
}

export function a_transfer_that_has_begun_ends_although_there_is_no_frame_left(): void {
  const guest = makeGuest(0);
  const disk = request(guest, 0, 1024);
  setLater(true);
  notify(guest, disk, 0);
  assert(bus.busy(guest) == 1);
  hog.eat();
  const t = pendingTag();
  const status = finish();
  bus.complete(guest, tag.slotOf(t), tag.requestOf(t), status);
  assert(usedCount(guest, 0) == 1 && isRead(guest, 1024) && isWell(guest, disk));
}

/** The page shares its frame with one of another guest, and wants one of its own when it is written. */
function share(guest: Guest, gpa: u64): void {
  const other = guestAt(7);
  other.id = 7;
  other.ramPages = 16;
  const frame = ram.protect(guest, gpa);
  ram.expel(guest);
  assert(promises.beginShared(guest) && ram.merge(guest, gpa, frame));
}

export function a_disk_that_writes_from_a_shared_page_waits_for_a_frame_of_its_own(): void {
  const guest = makeGuest(0);
  const disk = request(guest, 1, 1024);
  for (let i: u32 = 0; i < 1024; i++) put8(guest, DATA + i, i * 5);
  share(guest, DATA);
  hog.eat();
  notify(guest, disk, 0);
  assert(waits(guest, disk) && submitCount() == 0);
  hog.give(1);
  serve(guest);
  assert(usedCount(guest, 0) == 1 && get8(guest, STATUS) == 0 && isWell(guest, disk));
  for (let i: u32 = 0; i < 1024; i++) assert(diskByte(0, 1536 + i) == (i * 5 & 0xff));
}

export function a_disk_that_reads_into_a_shared_page_waits_for_a_frame_of_its_own(): void {
  const guest = makeGuest(0);
  const disk = request(guest, 0, 1024);
  share(guest, DATA);
  hog.eat();
  notify(guest, disk, 0);
  assert(waits(guest, disk) && submitCount() == 0);
  hog.give(1);
  serve(guest);
  assert(usedCount(guest, 0) == 1 && isRead(guest, 1024) && isWell(guest, disk));
}

export function a_disk_that_writes_from_a_page_without_a_frame_waits_for_one(): void {
  const guest = makeGuest(0);
  const disk = request(guest, 1, 1024);
  hog.takeFrom(guest, DATA);
  notify(guest, disk, 0);
  assert(waits(guest, disk) && submitCount() == 0);
  hog.give(1);
  serve(guest);
  assert(usedCount(guest, 0) == 1 && get8(guest, STATUS) == 0 && isWell(guest, disk));
  for (let i: u32 = 0; i < 1024; i++) assert(diskByte(0, 1536 + i) == 0);
}

export function chains_behind_one_that_waits_are_done_in_order_afterwards(): void {
  const guest = makeGuest(0);
  const disk = request(guest, 0, 512);
  hog.takeFrom(guest, DATA);
  describe(guest, 0, 3, BUFFERS, 16, NEXT);
  describe(guest, 0, 4, BUFFERS + 0x2000, 512, NEXT | WRITE);
  describe(guest, 0, 5, STATUS + 1, 1, WRITE);
  send(guest, disk, 0, 3);
  assert(waits(guest, disk) && submitCount() == 0);
  hog.give(1);
  serve(guest);
  assert(usedCount(guest, 0) == 2 && submitCount() == 2);
  assert(get32(guest, deviceArea(0) + 4) == 0 && get32(guest, deviceArea(0) + 12) == 3);
  assert(isRead(guest, 512) && isWell(guest, disk));
}

export function a_reset_ends_the_waiting(): void {
  const guest = makeGuest(0);
  const disk = request(guest, 0, 512);
  hog.takeFrom(guest, DATA);
  notify(guest, disk, 0);
  assert(waits(guest, disk));
  start(guest, disk, 1, 8);
  guest.lacking = 0;
  bus.hear(guest);
  assert(!bus.poll(guest) && isWell(guest, disk) && usedCount(guest, 0) == 0);
  describe(guest, 0, 1, BUFFERS + 0x2000, 512, NEXT | WRITE);
  send(guest, disk, 0, 0);
  assert(usedCount(guest, 0) == 1 && isWell(guest, disk));
}

export function entropy_waits_for_the_frame_of_its_buffer(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, 8);
  describe(guest, 0, 0, DATA - 16, 16, WRITE | NEXT);
  describe(guest, 0, 1, DATA, 48, WRITE);
  hog.takeFrom(guest, DATA);
  send(guest, rng, 0, 0);
  assert(waits(guest, rng) && usedCount(guest, 0) == 0);
  hog.give(1);
  serve(guest);
  assert(usedCount(guest, 0) == 1 && usedLength(guest, rng, 0, 0) == 64 && isWell(guest, rng));
  for (let i: u32 = 0; i < 64; i++) assert(get8(guest, DATA - 16 + i) != 0);
}

export function a_press_of_the_key_waits_for_the_frame_of_its_event(): void {
  const guest = makeGuest(0);
  const key = add(guest, DEVICE_VIRTIO_INPUT, 0);
  start(guest, key, 2, 8);
  for (let i: u32 = 0; i < 4; i++) {
    describe(guest, 0, i, DATA + 8 * <u64>i, 8, WRITE);
    offer(guest, key, 0, i);
  }
  hog.takeFrom(guest, DATA);
  assert(bus.press(guest) == OK);
  assert(waits(guest, key) && usedCount(guest, 0) == 0);
  hog.give(1);
  serve(guest);
  assert(usedCount(guest, 0) == 4 && isWell(guest, key));
  assert(get16(guest, DATA) == 1 && get16(guest, DATA + 2) == 116 && get32(guest, DATA + 4) == 1);
  assert(get16(guest, DATA + 16) == 1 && get32(guest, DATA + 20) == 0);
}

/** A console with one port. */
function consoleOf(guest: Guest): Device {
  const console = add(guest, DEVICE_VIRTIO_CONSOLE, 0);
  startWith(guest, console, offered(guest, console) & ~(<u64>2), 2, 8);
  return console;
}

export function what_is_typed_waits_for_the_frame_of_its_buffer_and_nothing_is_lost(): void {
  const guest = makeGuest(0);
  const console = consoleOf(guest);
  const text = memory.data<u8>([0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x21]); // hello!
  describe(guest, 0, 0, DATA, 4, WRITE);
  describe(guest, 0, 1, DATA + 4, 4, WRITE);
  hog.takeFrom(guest, DATA);
  offer(guest, console, 0, 0);
  send(guest, console, 0, 1);
  typeIn(0, text, 6);
  assert(!bus.poll(guest));
  assert(waits(guest, console) && usedCount(guest, 0) == 0);
  // A driver that begins anew meanwhile has it, too.
  startWith(guest, console, offered(guest, console) & ~(<u64>2), 2, 8);
  offer(guest, console, 0, 0);
  send(guest, console, 0, 1);
  bus.poll(guest);
  assert(waits(guest, console));
  hog.give(1);
  assert(serve(guest));
  assert(usedCount(guest, 0) == 2 && usedLength(guest, console, 0, 0) == 4 && usedLength(guest, console, 0, 1) == 2);
  for (let i: u32 = 0; i < 6; i++) assert(get8(guest, DATA + i) == load<u8>(text + i));
  assert(isWell(guest, console));
}

export function what_is_said_waits_for_the_frame_of_the_ring_and_is_said_once(): void {
  const guest = makeGuest(0);
  const console = consoleOf(guest);
  put32(guest, DATA, 0x64636261);
  describe(guest, 1, 0, DATA, 4, 0);
  hog.takeFrom(guest, deviceArea(1));
  send(guest, console, 1, 0);
  assert(waits(guest, console) && consoleLength(0) == 0);
  hog.give(1);
  serve(guest);
  assert(consoleLength(0) == 4 && consoleByte(0, 3) == 0x64 && usedCount(guest, 1) == 1 && isWell(guest, console));
}

export function last_words_are_heard_though_there_is_no_frame_for_the_ring(): void {
  const guest = makeGuest(0);
  const console = consoleOf(guest);
  for (let i: u32 = 0; i < 3; i++) {
    put8(guest, DATA + i, 0x61 + i);
    describe(guest, 1, i, DATA + i, 1, 0);
    offer(guest, console, 1, i);
  }
  hog.takeFrom(guest, deviceArea(1));
  bus.flush(guest);
  assert(consoleLength(0) == 3 && consoleByte(0, 2) == 0x63);
}

export function messages_to_a_console_wait_for_frames(): void {
  const guest = makeGuest(0);
  const console = add(guest, DEVICE_VIRTIO_CONSOLE, 0);
  start(guest, console, 6, 8);
  for (let i: u32 = 0; i < 2; i++) {
    describe(guest, 2, i, DATA + 64 * <u64>i, 64, WRITE);
    offer(guest, console, 2, i);
  }
  hog.takeFrom(guest, DATA);
  put32(guest, BUFFERS, 0);
  put16(guest, BUFFERS + 4, 0); // DEVICE_READY
  put16(guest, BUFFERS + 6, 1);
  describe(guest, 3, 0, BUFFERS, 8, 0);
  send(guest, console, 3, 0);
  assert(waits(guest, console) && usedCount(guest, 2) == 0 && usedCount(guest, 3) == 1);
  hog.give(1);
  serve(guest);
  assert(usedCount(guest, 2) == 2 && isWell(guest, console));
  assert(get32(guest, DATA) == 0 && get32(guest, DATA + 64) == 1, "both ports are announced");
}

function balloonOf(guest: Guest): Device {
  const device = add(guest, DEVICE_VIRTIO_BALLOON, 0);
  start(guest, device, 4, 8);
  return device;
}

export function a_balloon_that_lacks_a_frame_for_its_ring_uses_one_that_it_is_given(): void {
  const guest = makeGuest(0);
  const device = balloonOf(guest);
  for (let i: u32 = 0; i < 8; i++) put32(guest, BUFFERS + 4 * <u64>i, <u32>(DATA >> 12) + i);
  describe(guest, 0, 0, BUFFERS, 32, 0);
  describe(guest, 3, 0, DATA + 0x100000, 0x8000, WRITE);
  hog.takeFrom(guest, deviceArea(0));
  send(guest, device, 0, 0);
  while (bus.poll(guest)) {}
  serve(guest);
  assert(usedCount(guest, 0) == 1 && isWell(guest, device));
  assert(changetype<Balloon>(device).inflated == 8);
  hog.takeFrom(guest, deviceArea(3));
  send(guest, device, 3, 0);
  while (bus.poll(guest)) {}
  serve(guest);
  assert(usedCount(guest, 3) == 1 && isWell(guest, device));
  assert(changetype<Balloon>(device).reported == 8);
}

export function a_balloon_that_is_given_nothing_waits_for_the_frame_of_its_ring(): void {
  const guest = makeGuest(0);
  const device = balloonOf(guest);
  describe(guest, 0, 0, BUFFERS, 0, 0);
  describe(guest, 1, 0, BUFFERS, 4, 0);
  hog.takeFrom(guest, deviceArea(0));
  hog.takeFrom(guest, deviceArea(1));
  offer(guest, device, 0, 0);
  send(guest, device, 1, 0);
  assert(!bus.poll(guest));
  assert(waits(guest, device) && usedCount(guest, 0) == 0 && usedCount(guest, 1) == 0);
  hog.give(2);
  serve(guest);
  assert(usedCount(guest, 0) == 1 && usedCount(guest, 1) == 1 && isWell(guest, device));
}

export function a_balloon_without_a_frame_for_its_ring_asks_for_statistics_later(): void {
  const guest = makeGuest(0);
  const device = balloonOf(guest);
  describe(guest, 2, 0, BUFFERS, 10, 0);
  send(guest, device, 2, 0);
  assert(!bus.poll(guest));
  hog.takeFrom(guest, deviceArea(2));
  balloon.refreshStats(guest, changetype<Balloon>(device));
  assert(usedCount(guest, 2) == 0 && !isBroken(guest, device));
  hog.give(1);
  balloon.refreshStats(guest, changetype<Balloon>(device));
  assert(usedCount(guest, 2) == 1 && !isBroken(guest, device) && guest.offences == 0);
}

export function a_driver_is_told_when_to_notify_as_soon_as_there_is_a_frame_to_say_so(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  assert((offered(guest, rng) & F_EVENT_IDX) != 0);
  start(guest, rng, 1, 8);
  describe(guest, 0, 0, DATA, 8, WRITE);
  send(guest, rng, 0, 0);
  assert(availEvent(guest, rng, 0) == 1);
  hog.takeFrom(guest, deviceArea(0) + 0x1000);
  notify(guest, rng, 0);
  assert(availEvent(guest, rng, 0) == 0 && waits(guest, rng));
  hog.give(1);
  serve(guest);
  assert(availEvent(guest, rng, 0) == 1 && isWell(guest, rng));
}

export function a_ring_outside_ram_still_is_the_drivers_mistake(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, 8);
  set(guest, rng, 0x30, 0);
  set(guest, rng, 0x44, 0);
  openQueueAt(guest, rng, 0, 8, RAM_BASE + 0x100000, RAM_BASE + 0x104000, RAM_END - 32);
  describe(guest, 0, 0, DATA, 8, WRITE);
  hog.eat();
  put16(guest, RAM_BASE + 0x104004, 0);
  put16(guest, RAM_BASE + 0x104002, 1);
  notify(guest, rng, 0);
  assert(isBroken(guest, rng) && guest.lacking == 0);
}
