// The balloon, played by drivers that keep the rules, and by some that don't.

import { OK } from "../../../hypervisor/abi";
import * as frames from "../../../hypervisor/core/frames";
import { machine } from "../../../hypervisor/core/machine";
import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_BALLOON, DEVICE_VIRTIO_BLK, Device } from "../../../hypervisor/devices/device";
import * as balloon from "../../../hypervisor/devices/virtio/balloon";
import { Balloon } from "../../../hypervisor/devices/virtio/balloon";
import * as tag from "../../../hypervisor/devices/virtio/tag";
import { Guest, RAM_BASE } from "../../../hypervisor/guest/guest";
import * as ram from "../../../hypervisor/guest/ram";
import {
  BUFFERS, INTERRUPT_STATUS, NEXT, RAM_PAGES, WRITE, add, describe, fill, get, get8, isBroken, makeGuest, offer, offered, put16,
  put32, put64, put8, send, set, start, startWith, usedCount, usedHead, usedLength,
} from "../../support/kernel/driver";
import { finish, makeDisk, pendingTag, setLater } from "../../support/kernel/outside";

const INFLATE: u32 = 0;
const DEFLATE: u32 = 1;
const STATS: u32 = 2;
const REPORTING: u32 = 3;
const REPORTING_BY_THE_BOOK: u32 = 4;

const F_STATS: u64 = 2;
const F_POISON: u64 = 16;
const F_REPORTING: u64 = 32;

const CONFIG_NUM_PAGES: u64 = 0x100;
const CONFIG_ACTUAL: u64 = 0x104;
const CONFIG_POISON_VAL: u64 = 0x10c;
const CONFIG_GENERATION: u64 = 0xfc;

/** Pages that the tests give away: 2.5 MiB into RAM, where nothing else is. */
const FREE: u32 = 640;

function gpaOf(page: u32): u64 {
  return RAM_BASE + (<u64>page << 12);
}

/** Page numbers from `page` on, in a buffer. */
function list(guest: Guest, gpa: u64, page: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) put32(guest, gpa + 4 * <u64>i, <u32>(gpaOf(page + i) >> 12));
}

function has(guest: Guest, page: u32): bool {
  return ram.wordOf(guest, gpaOf(page)) != 0;
}

function started(guest: Guest): Device {
  const device = add(guest, DEVICE_VIRTIO_BALLOON, 0);
  start(guest, device, 4, 8);
  return device;
}

/** Lets the device work until it has nothing more to do. */
function settle(guest: Guest): u32 {
  let turns: u32 = 1;
  while (bus.poll(guest)) turns++;
  return turns;
}

export function balloon_takes_the_frames_of_inflated_pages_which_read_zero_afterwards(): void {
  const guest = makeGuest(0);
  const device = started(guest);
  for (let i: u32 = 0; i < 300; i++) put32(guest, gpaOf(FREE + i), 0xabcd);
  const used = machine().usedFrames;
  const generation = guest.mapGeneration;
  list(guest, BUFFERS, FREE, 256);
  describe(guest, INFLATE, 0, BUFFERS, 1024, 0);
  send(guest, device, INFLATE, 0);
  settle(guest);
  assert(usedCount(guest, INFLATE) == 1 && usedLength(guest, device, INFLATE, 0) == 0);
  assert(machine().usedFrames == used - 256);
  assert(guest.touched == RAM_PAGES - 256);
  assert(guest.mapGeneration == generation + 1, "one look at all harts for a batch");
  for (let i: u32 = 0; i < 256; i++) assert(!has(guest, FREE + i));
  for (let i: u32 = 256; i < 300; i++) assert(get8(guest, gpaOf(FREE + i)) == 0xcd);
  for (let i: u32 = 0; i < 256; i++) assert(get8(guest, gpaOf(FREE + i)) == 0);
  assert(machine().usedFrames == used);
}

export function balloon_gives_deflated_pages_back_as_they_are_touched(): void {
  const guest = makeGuest(0);
  const device = started(guest);
  list(guest, BUFFERS, FREE, 10);
  describe(guest, INFLATE, 0, BUFFERS, 40, 0);
  send(guest, device, INFLATE, 0);
  settle(guest);
  describe(guest, DEFLATE, 0, BUFFERS, 40, 0);
  send(guest, device, DEFLATE, 0);
  settle(guest);
  assert(usedCount(guest, DEFLATE) == 1);
  put8(guest, gpaOf(FREE), 7);
  assert(get8(guest, gpaOf(FREE)) == 7);
  assert(guest.touched == RAM_PAGES - 9);
}

export function balloon_survives_pages_named_twice_outside_ram_and_in_the_ring_itself(): void {
  const guest = makeGuest(0);
  const device = started(guest);
  const before = guest.offences;
  list(guest, BUFFERS, FREE, 4);
  list(guest, BUFFERS + 16, FREE, 4);
  put32(guest, BUFFERS + 32, 0);
  put32(guest, BUFFERS + 36, 0xffff_ffff);
  put32(guest, BUFFERS + 40, <u32>(gpaOf(RAM_PAGES) >> 12));
  describe(guest, INFLATE, 0, BUFFERS, 44, 0);
  send(guest, device, INFLATE, 0);
  settle(guest);
  assert(usedCount(guest, INFLATE) == 1);
  assert(guest.touched == RAM_PAGES - 4);
  assert(guest.offences == before + 3);
  assert(changetype<Balloon>(device).wild == 3);
  // Its own rings, all of them: they read zero, so there is nothing more in them.
  list(guest, BUFFERS, 256, 256);
  describe(guest, INFLATE, 1, BUFFERS, 1024, 0);
  send(guest, device, INFLATE, 1);
  settle(guest);
  assert(frames.available() > 0);
}

export function balloon_counts_what_is_no_list_of_pages_and_gives_it_back(): void {
  const guest = makeGuest(0);
  const device = started(guest);
  const before = guest.offences;
  list(guest, BUFFERS, FREE, 4);
  describe(guest, INFLATE, 0, BUFFERS, 7, 0);
  describe(guest, INFLATE, 1, BUFFERS, 8, WRITE);
  offer(guest, device, INFLATE, 0);
  send(guest, device, INFLATE, 1);
  settle(guest);
  assert(usedCount(guest, INFLATE) == 2);
  assert(guest.offences == before + 2);
  assert(!has(guest, FREE) && has(guest, FREE + 1));
}

export function balloon_works_through_an_immodest_list_in_turns(): void {
  const guest = makeGuest(0);
  const device = started(guest);
  // 8 x 64 KiB of page numbers, all the same pages again and again: 131072 of them.
  list(guest, BUFFERS, FREE + 64, 256);
  for (let i: u32 = 1; i < 16; i++) list(guest, BUFFERS + 1024 * <u64>i, FREE + 64, 256);
  for (let i: u32 = 0; i < 8; i++) describe(guest, INFLATE, i, BUFFERS, 16384, i < 7 ? NEXT : 0);
  send(guest, device, INFLATE, 0);
  assert(bus.poll(guest), "it is not done at once");
  assert(usedCount(guest, INFLATE) == 0);
  const turns = settle(guest);
  assert(turns > 4 && turns < 12);
  assert(usedCount(guest, INFLATE) == 1);
  assert(guest.touched == RAM_PAGES - 256);
}

export function balloon_takes_reported_pages_in_parts_of_any_size(): void {
  const guest = makeGuest(0);
  const device = started(guest);
  describe(guest, REPORTING, 0, gpaOf(FREE), 64 << 12, WRITE | NEXT);
  describe(guest, REPORTING, 1, gpaOf(FREE + 100) + 1, 3 << 12, WRITE);
  send(guest, device, REPORTING, 0);
  settle(guest);
  assert(usedCount(guest, REPORTING) == 1 && usedHead(guest, device, REPORTING, 0) == 0);
  // Of a part that does not begin on a page only whole pages go.
  assert(guest.touched == RAM_PAGES - 64 - 2);
  assert(has(guest, FREE + 100) && !has(guest, FREE + 101) && !has(guest, FREE + 102) && has(guest, FREE + 103));
  assert(changetype<Balloon>(device).reported == 66);
}

export function balloon_finds_the_reporting_queue_where_the_specification_counts_it_too(): void {
  const guest = makeGuest(0);
  const device = add(guest, DEVICE_VIRTIO_BALLOON, 0);
  start(guest, device, 5, 8);
  describe(guest, REPORTING_BY_THE_BOOK, 0, gpaOf(FREE), 4096, WRITE);
  send(guest, device, REPORTING_BY_THE_BOOK, 0);
  settle(guest);
  assert(usedCount(guest, REPORTING_BY_THE_BOOK) == 1 && !has(guest, FREE));
  const other = makeGuest(1);
  const plain = add(other, DEVICE_VIRTIO_BALLOON, 0);
  startWith(other, plain, offered(other, plain) & ~F_STATS, 3, 8);
  describe(other, 2, 0, gpaOf(FREE), 4096, WRITE);
  send(other, plain, 2, 0);
  settle(other);
  assert(usedCount(other, 2) == 1 && !has(other, FREE));
}

export function balloon_leaves_reported_pages_alone_that_must_hold_a_poison(): void {
  const guest = makeGuest(0);
  const device = started(guest);
  set(guest, device, CONFIG_POISON_VAL, 0xaaaa_aaaa);
  describe(guest, REPORTING, 0, gpaOf(FREE), 4096, WRITE);
  send(guest, device, REPORTING, 0);
  settle(guest);
  assert(usedCount(guest, REPORTING) == 1 && has(guest, FREE));
  set(guest, device, CONFIG_POISON_VAL, 0);
  send(guest, device, REPORTING, 0);
  settle(guest);
  assert(usedCount(guest, REPORTING) == 2 && !has(guest, FREE));
}

export function balloon_goes_through_a_huge_report_in_turns(): void {
  const guest = makeGuest(0);
  const device = started(guest);
  for (let i: u32 = 0; i < 8; i++) describe(guest, REPORTING, i, gpaOf(FREE), 256 << 12, WRITE | (i < 7 ? NEXT : 0));
  for (let i: u32 = 0; i < 5; i++) offer(guest, device, REPORTING, 0);
  send(guest, device, REPORTING, 0);
  const turns = settle(guest);
  assert(turns >= 3 && turns < 20);
  assert(usedCount(guest, REPORTING) == 6);
  assert(guest.touched == RAM_PAGES - 256);
}

export function balloon_waits_for_the_transfers_of_the_host_and_not_for_ever(): void {
  const guest = makeGuest(0);
  makeDisk(0, 1 << 20, 0);
  const disk = add(guest, DEVICE_VIRTIO_BLK, 0);
  start(guest, disk, 1, 8);
  setLater(true);
  put64(guest, BUFFERS + 0x1000, 0);
  put64(guest, BUFFERS + 0x1008, 0);
  describe(guest, 0, 0, BUFFERS + 0x1000, 16, NEXT);
  describe(guest, 0, 1, gpaOf(FREE), 4096, WRITE | NEXT);
  describe(guest, 0, 2, BUFFERS + 0x1010, 1, WRITE);
  send(guest, disk, 0, 0);
  assert(bus.busy(guest) == 1);
  // The queues of both devices lie in the same places, but the disk's is not looked at any more.
  const device = started(guest);
  list(guest, BUFFERS, FREE, 1);
  describe(guest, INFLATE, 0, BUFFERS, 4, 0);
  send(guest, device, INFLATE, 0);
  const before = ram.wordOf(guest, gpaOf(FREE));
  for (let i = 0; i < 500; i++) assert(!bus.poll(guest));
  assert(usedCount(guest, INFLATE) == 0);
  for (let i = 0; i < 600; i++) bus.poll(guest);
  assert(usedCount(guest, INFLATE) == 1 && changetype<Balloon>(device).skipped == 1);
  assert(ram.wordOf(guest, gpaOf(FREE)) == before, "the host writes there");
  set(guest, disk, 0x70, 0);
  const t = pendingTag();
  assert(finish() == OK);
  bus.complete(guest, tag.slotOf(t), tag.requestOf(t), OK);
  assert(bus.busy(guest) == 0);
  send(guest, device, INFLATE, 0);
  settle(guest);
  assert(usedCount(guest, INFLATE) == 2 && !has(guest, FREE));
}

export function balloon_tells_the_driver_what_is_asked_for(): void {
  const guest = makeGuest(0);
  const device = started(guest);
  const b = changetype<Balloon>(device);
  assert(get(guest, device, CONFIG_NUM_PAGES) == 0);
  const generation = get(guest, device, CONFIG_GENERATION);
  balloon.ask(guest, b, 100);
  assert(get(guest, device, CONFIG_NUM_PAGES) == 100);
  assert(get(guest, device, CONFIG_GENERATION) != generation);
  assert((get(guest, device, INTERRUPT_STATUS) & 2) != 0);
  set(guest, device, CONFIG_ACTUAL, 60);
  assert(balloon.actual(guest, b) == 60);
  set(guest, device, CONFIG_ACTUAL, 0xffff_ffff);
  assert(balloon.actual(guest, b) == RAM_PAGES, "a driver can't hold more than there is");
  start(guest, device, 4, 8);
  assert(get(guest, device, CONFIG_NUM_PAGES) == 100, "a driver that begins anew is asked for the same");
}

export function balloon_reads_statistics_and_asks_for_newer_ones(): void {
  const guest = makeGuest(0);
  const device = started(guest);
  const b = changetype<Balloon>(device);
  assert(balloon.stat(b, balloon.VIRTIO_BALLOON_S_MEMFREE) == ~(<u64>0));
  put16(guest, BUFFERS, balloon.VIRTIO_BALLOON_S_MEMFREE);
  put64(guest, BUFFERS + 2, 123_456);
  put16(guest, BUFFERS + 10, 999);
  put64(guest, BUFFERS + 12, 1);
  put16(guest, BUFFERS + 20, balloon.VIRTIO_BALLOON_S_AVAIL);
  put64(guest, BUFFERS + 22, 234_567);
  describe(guest, STATS, 0, BUFFERS, 33, 0); // and three bytes that are no statistic
  send(guest, device, STATS, 0);
  settle(guest);
  assert(balloon.stat(b, balloon.VIRTIO_BALLOON_S_MEMFREE) == 123_456);
  assert(balloon.stat(b, balloon.VIRTIO_BALLOON_S_AVAIL) == 234_567);
  assert(usedCount(guest, STATS) == 0, "the buffer stays ours until we want more");
  balloon.refreshStats(guest, b);
  assert(usedCount(guest, STATS) == 1);
  balloon.refreshStats(guest, b);
  assert(usedCount(guest, STATS) == 1);
  put64(guest, BUFFERS + 2, 99);
  send(guest, device, STATS, 0);
  settle(guest);
  assert(balloon.stat(b, balloon.VIRTIO_BALLOON_S_MEMFREE) == 99);
}

export function balloon_stops_at_a_chain_that_breaks_the_rules(): void {
  const guest = makeGuest(0);
  const device = started(guest);
  describe(guest, REPORTING, 0, gpaOf(RAM_PAGES - 1), 8192, WRITE);
  send(guest, device, REPORTING, 0);
  assert(!bus.poll(guest));
  assert(isBroken(guest, device));
  assert(guest.touched == RAM_PAGES);
  startWith(guest, device, offered(guest, device) & ~F_REPORTING & ~F_POISON, 3, 8);
  assert(!isBroken(guest, device));
  fill(guest, BUFFERS, 0, 8);
  bus.poll(guest);
}
