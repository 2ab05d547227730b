// The disk: data in both directions, status bytes, transfers that end later.

import { BLOCK_DISCARD, BLOCK_FLUSH, BLOCK_READ, BLOCK_WRITE, BLOCK_WRITE_ZEROES, DISK_READ_ONLY, E_IO, E_UNSUPPORTED, OK,
} from "../../../hypervisor/abi";
import * as frames from "../../../hypervisor/core/frames";
import * as stale from "../../../hypervisor/core/stale";
import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_BLK, Device } from "../../../hypervisor/devices/device";
import * as tag from "../../../hypervisor/devices/virtio/tag";
import { Blk } from "../../../hypervisor/devices/virtio/blk";
import { Guest } from "../../../hypervisor/guest/guest";
import * as lines from "../../../hypervisor/guest/lines";
import * as ram from "../../../hypervisor/guest/ram";
import {
  BUFFERS, INDIRECT, INTERRUPT_ACK, NEXT, STATUS, WRITE, add, describe, describeIn, driverArea, fill, get, get8, isBroken, makeGuest,
  notify, offer, offered, place, put32, put64, put8, send, set, start, usedCount, usedHead, usedLength,
} from "../../support/kernel/driver";
import {
  diskByte, finish, makeDisk, pendingCount, pendingTag, setLater, setStatus, submitCount, submitLength, submitOffset,
  submitOperation, submitSegments,
} from "../../support/kernel/outside";

const SECTORS: u32 = 4096;
const DATA: u64 = BUFFERS + 0x10000;
const S_OK: u32 = 0;
const S_IOERR: u32 = 1;
const S_UNSUPP: u32 = 2;
const UNTOUCHED: u32 = 0xee;

function header(i: u32): u64 {
  return BUFFERS + 64 * i;
}

function status(guest: Guest, i: u32): u32 {
  return get8(guest, header(i) + 32);
}

/** A disk of 2 MiB, negotiated, with a queue of 256. */
function diskFor(guest: Guest, flags: u32): Device {
  makeDisk(0, SECTORS * 512, flags);
  const blk = add(guest, DEVICE_VIRTIO_BLK, 0);
  start(guest, blk, 1, 256);
  return blk;
}

/** Writes the i-th request: header, one part of data (or none), status; descriptors 3i … 3i + 2. */
function request(guest: Guest, i: u32, type: u32, sector: u64, gpa: u64, length: u32, flags: u32): void {
  put32(guest, header(i), type);
  put32(guest, header(i) + 4, 0);
  put64(guest, header(i) + 8, sector);
  put8(guest, header(i) + 32, UNTOUCHED);
  const hasData = length > 0;
  describe(guest, 0, 3 * i, header(i), 16, NEXT);
  if (hasData) describe(guest, 0, 3 * i + 1, gpa, length, flags | NEXT);
  describe(guest, 0, hasData ? 3 * i + 2 : 3 * i + 1, header(i) + 32, 1, WRITE);
}

/** Does a request and gives its status. */
function ask(guest: Guest, blk: Device, type: u32, sector: u64, gpa: u64, length: u32, flags: u32): u32 {
  const before = usedCount(guest, 0);
  request(guest, 0, type, sector, gpa, length, flags);
  send(guest, blk, 0, 0);
  assert(usedCount(guest, 0) == before + 1, "the request did not come back");
  return status(guest, 0);
}

/** Byte `at` of a fresh disk. */
function fresh(at: u32): u32 {
  return at * 7 + (at >> 9) & 0xff;
}

function complete(guest: Guest): void {
  const t = pendingTag();
  assert(tag.guestOf(t) == guest.id);
  bus.complete(guest, tag.slotOf(t), tag.requestOf(t), finish());
}

/** One range of discard or write-zeroes in guest RAM. */
function range(guest: Guest, i: u32, sector: u64, sectors: u32, flags: u32): void {
  put64(guest, DATA + 16 * i, sector);
  put32(guest, DATA + 16 * i + 8, sectors);
  put32(guest, DATA + 16 * i + 12, flags);
}

export function blk_tells_its_size_and_limits(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  assert(bus.read(guest, blk, 0x100, 8) == SECTORS);
  assert(get(guest, blk, 0x108) == 65536);
  assert(get(guest, blk, 0x10c) == 254);
  assert(get(guest, blk, 0x114) == 512);
  assert(get(guest, blk, 0x128) == 16);
}

export function blk_without_a_disk_is_empty(): void {
  const guest = makeGuest(0);
  const blk = add(guest, DEVICE_VIRTIO_BLK, 7);
  start(guest, blk, 1, 8);
  assert(bus.read(guest, blk, 0x100, 8) == 0);
  assert(ask(guest, blk, 0, 0, DATA, 512, WRITE) == S_IOERR);
}

export function blk_reads(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  assert(ask(guest, blk, 0, 3, DATA + 8, 1024, WRITE) == S_OK);
  for (let i: u32 = 0; i < 1024; i++) assert(get8(guest, DATA + 8 + i) == fresh(3 * 512 + i));
  assert(get8(guest, DATA + 7) == 0 && get8(guest, DATA + 1032) == 0);
  assert(usedLength(guest, blk, 0, 0) == 1025);
  assert(lines.isHigh(guest, blk.line));
  assert(guest.offences == 0);
}

export function blk_writes(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  fill(guest, DATA, 0x5a, 512);
  assert(ask(guest, blk, 1, 9, DATA, 512, 0) == S_OK);
  assert(diskByte(0, 9 * 512 - 1) == fresh(9 * 512 - 1));
  assert(diskByte(0, 9 * 512) == 0x5a && diskByte(0, 10 * 512 - 1) == 0x5a);
  assert(diskByte(0, 10 * 512) == fresh(10 * 512));
  assert(usedLength(guest, blk, 0, 0) == 1);
}

export function blk_cuts_data_at_page_borders(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  assert(ask(guest, blk, 0, 0, DATA + 512, 65536, WRITE) == S_OK);
  assert(submitCount() == 1);
  assert(submitSegments(0) == 17, "neighbours in guest RAM are none in linear memory");
  for (let i: u32 = 0; i < 65536; i++) assert(get8(guest, DATA + 512 + i) == fresh(i));
}

export function blk_joins_neighbours(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  put32(guest, header(0), 0);
  put64(guest, header(0) + 8, 0);
  describe(guest, 0, 0, header(0), 16, NEXT);
  for (let i: u32 = 0; i < 4; i++) describe(guest, 0, 1 + i, DATA + 256 * i, 256, WRITE | NEXT);
  describe(guest, 0, 5, header(0) + 32, 1, WRITE);
  send(guest, blk, 0, 0);
  assert(submitSegments(0) == 1);
  assert(submitLength(0) == 1024);
  for (let i: u32 = 0; i < 1024; i++) assert(get8(guest, DATA + i) == fresh(i));
}

export function blk_takes_a_request_that_is_cut_anywhere(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  // The header in two parts, and the status byte at the end of the last data part (2.7.4: no framing is assumed).
  put32(guest, header(0), 0);
  put64(guest, header(0) + 8, 2);
  describe(guest, 0, 0, header(0), 5, NEXT);
  describe(guest, 0, 1, header(0) + 5, 11, NEXT);
  describe(guest, 0, 2, DATA, 100, WRITE | NEXT);
  describe(guest, 0, 3, DATA + 4096, 413, WRITE);
  send(guest, blk, 0, 0);
  assert(usedLength(guest, blk, 0, 0) == 513);
  for (let i: u32 = 0; i < 100; i++) assert(get8(guest, DATA + i) == fresh(1024 + i));
  for (let i: u32 = 0; i < 412; i++) assert(get8(guest, DATA + 4096 + i) == fresh(1124 + i));
  assert(get8(guest, DATA + 4096 + 412) == S_OK);
}

export function blk_takes_a_large_indirect_request_in_several_calls(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  const table = BUFFERS + 0x4000;
  put32(guest, header(0), 1);
  put64(guest, header(0) + 8, 1);
  describeIn(guest, table, 0, header(0), 16, NEXT, 1);
  // 254 parts of one page, each over a page's border, and none a neighbour of the next: 508 pieces.
  for (let i: u32 = 0; i < 254; i++) {
    const gpa = DATA + 512 + 4096 * <u64>(i * 37 % 254);
    put8(guest, gpa, i);
    put8(guest, gpa + 4095, ~i);
    describeIn(guest, table, 1 + i, gpa, 4096, NEXT, 2 + i);
  }
  describeIn(guest, table, 255, header(0) + 32, 1, WRITE, 0);
  describe(guest, 0, 0, table, 256 * 16, INDIRECT);
  send(guest, blk, 0, 0);
  assert(status(guest, 0) == S_OK);
  assert(submitCount() > 1);
  let bytes: u32 = 0;
  for (let i: u32 = 0; i < submitCount(); i++) {
    assert(submitOperation(i) == BLOCK_WRITE);
    assert(submitOffset(i) == 512 + bytes);
    bytes += submitLength(i);
  }
  assert(bytes == 254 * 4096);
  for (let i: u32 = 0; i < 254; i++) {
    assert(diskByte(0, 512 + 4096 * i) == (i & 0xff));
    assert(diskByte(0, 512 + 4096 * i + 4095) == (~i & 0xff));
  }
}

export function blk_flushes(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  assert(ask(guest, blk, 4, 0, 0, 0, 0) == S_OK);
  assert(submitCount() == 1);
  assert(submitOperation(0) == BLOCK_FLUSH);
}

export function blk_tells_its_serial_number(): void {
  const guest = makeGuest(0);
  makeDisk(12, 512, 0);
  const blk = add(guest, DEVICE_VIRTIO_BLK, 12);
  start(guest, blk, 1, 8);
  assert(ask(guest, blk, 8, 0, DATA, 20, WRITE) == S_OK);
  const wanted = memory.data<u8>([0x6f, 0x72, 0x6c, 0x6f, 0x70, 0x2d, 0x64, 0x69, 0x73, 0x6b, 0x2d, 0x31, 0x32, 0]);
  for (let i: u32 = 0; i < 14; i++) assert(get8(guest, DATA + i) == load<u8>(wanted + i));
  assert(usedLength(guest, blk, 0, 0) == 21);
}

export function blk_discards_ranges(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  range(guest, 0, 8, 8, 0);
  range(guest, 1, 100, 2, 0);
  assert(ask(guest, blk, 11, 0, DATA, 32, 0) == S_OK);
  assert(submitCount() == 2);
  assert(submitOperation(0) == BLOCK_DISCARD);
  assert(submitOffset(1) == 100 * 512 && submitLength(1) == 1024);
}

export function blk_writes_zeroes(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  range(guest, 0, 8, 8, 1);
  assert(ask(guest, blk, 13, 0, DATA, 16, 0) == S_OK);
  assert(submitOperation(0) == BLOCK_WRITE_ZEROES);
  for (let i: u32 = 0; i < 4096; i++) assert(diskByte(0, 4096 + i) == 0);
  assert(diskByte(0, 8192) == fresh(8192));
}

export function blk_refuses_ranges_that_are_wrong(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  range(guest, 0, SECTORS - 1, 2, 0);
  assert(ask(guest, blk, 11, 0, DATA, 16, 0) == S_IOERR);
  range(guest, 0, ~<u64>0, 2, 0);
  assert(ask(guest, blk, 13, 0, DATA, 16, 0) == S_IOERR);
  range(guest, 0, 0, 8, 1);
  assert(ask(guest, blk, 11, 0, DATA, 16, 0) == S_UNSUPP, "a discard has no UNMAP flag");
  range(guest, 0, 0, 8, 2);
  assert(ask(guest, blk, 13, 0, DATA, 16, 0) == S_UNSUPP);
  range(guest, 0, 0, 8, 0);
  assert(ask(guest, blk, 11, 0, DATA, 15, 0) == S_IOERR);
  assert(ask(guest, blk, 11, 0, DATA, 17 * 16, 0) == S_IOERR);
  assert(ask(guest, blk, 11, 0, 0, 0, 0) == S_IOERR);
  assert(ask(guest, blk, 13, 0, DATA, 32, 0) == S_IOERR, "one range of zeroes at a time");
  assert(submitCount() == 0);
}

export function blk_that_is_read_only_refuses_to_change(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, DISK_READ_ONLY);
  assert((offered(guest, blk) & 1 << 5) != 0);
  assert((offered(guest, blk) & (1 << 13 | 1 << 14)) == 0);
  fill(guest, DATA, 0x5a, 512);
  assert(ask(guest, blk, 1, 0, DATA, 512, 0) == S_IOERR);
  range(guest, 0, 0, 8, 0);
  assert(ask(guest, blk, 11, 0, DATA, 16, 0) == S_UNSUPP);
  assert(ask(guest, blk, 13, 0, DATA, 16, 0) == S_UNSUPP);
  assert(submitCount() == 0);
  assert(ask(guest, blk, 0, 0, DATA, 512, WRITE) == S_OK);
}

export function blk_may_be_read_only_for_one_guest(): void {
  const guest = makeGuest(0);
  makeDisk(0, 4096, 0);
  const blk = place(guest, DEVICE_VIRTIO_BLK, 0);
  changetype<Blk>(blk).flags = DISK_READ_ONLY;
  bus.reset(guest, blk);
  start(guest, blk, 1, 8);
  assert(ask(guest, blk, 1, 0, DATA, 512, 0) == S_IOERR);
}

export function blk_refuses_what_lies_behind_its_end(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  assert(ask(guest, blk, 0, SECTORS - 1, DATA, 512, WRITE) == S_OK);
  assert(ask(guest, blk, 0, SECTORS - 1, DATA, 1024, WRITE) == S_IOERR);
  assert(ask(guest, blk, 0, SECTORS, DATA, 512, WRITE) == S_IOERR);
  assert(ask(guest, blk, 1, ~<u64>0, DATA, 512, 0) == S_IOERR);
  assert(ask(guest, blk, 1, <u64>1 << 55, DATA, 512, 0) == S_IOERR);
  assert(submitCount() == 1);
  assert(usedLength(guest, blk, 0, 1) == 0);
}

export function blk_refuses_parts_of_sectors(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  assert(ask(guest, blk, 0, 0, DATA, 511, WRITE) == S_IOERR);
  assert(ask(guest, blk, 1, 0, DATA, 513, 0) == S_IOERR);
  assert(submitCount() == 0);
}

export function blk_does_nothing_for_a_request_without_data(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  assert(ask(guest, blk, 0, 0, 0, 0, 0) == S_OK);
  assert(ask(guest, blk, 1, 0, 0, 0, 0) == S_OK);
  assert(submitCount() == 0);
}

export function blk_does_not_know_other_requests(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  assert(ask(guest, blk, 2, 0, DATA, 512, WRITE) == S_UNSUPP);
  assert(ask(guest, blk, 0xffff_ffff, 0, DATA, 512, 0) == S_UNSUPP);
}

export function blk_ignores_data_that_goes_the_wrong_way(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  fill(guest, DATA, 0x5a, 512);
  assert(ask(guest, blk, 0, 0, DATA, 512, 0) == S_OK, "nothing to read into");
  assert(get8(guest, DATA) == 0x5a);
  assert(ask(guest, blk, 1, 0, DATA, 512, WRITE) == S_OK, "nothing to write");
  assert(diskByte(0, 0) == fresh(0));
  assert(submitCount() == 0);
}

export function blk_asks_for_a_reset_where_no_status_can_be_given(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  describe(guest, 0, 0, header(0), 16, 0);
  send(guest, blk, 0, 0);
  assert(isBroken(guest, blk));
  start(guest, blk, 1, 256);
  describe(guest, 0, 0, header(0), 15, NEXT);
  describe(guest, 0, 1, header(0) + 32, 1, WRITE);
  send(guest, blk, 0, 0);
  assert(isBroken(guest, blk), "nor without a header");
  assert(guest.offences == 2);
}

export function blk_tells_errors_of_the_host(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  setStatus(E_IO);
  assert(ask(guest, blk, 0, 0, DATA, 512, WRITE) == S_IOERR);
  assert(usedLength(guest, blk, 0, 0) == 0);
  setStatus(E_UNSUPPORTED);
  range(guest, 0, 0, 8, 0);
  assert(ask(guest, blk, 11, 0, DATA, 16, 0) == S_UNSUPP);
  setLater(true);
  setStatus(E_IO);
  request(guest, 1, 1, 0, DATA, 512, 0);
  send(guest, blk, 0, 3);
  assert(status(guest, 1) == UNTOUCHED);
  complete(guest);
  assert(status(guest, 1) == S_IOERR);
}

export function blk_ends_a_request_when_the_host_says_so(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  setLater(true);
  request(guest, 0, 0, 0, DATA, 512, WRITE);
  send(guest, blk, 0, 0);
  assert(usedCount(guest, 0) == 0);
  assert(bus.busy(guest) == 1);
  assert(!lines.isHigh(guest, blk.line));
  complete(guest);
  assert(bus.busy(guest) == 0);
  assert(status(guest, 0) == S_OK);
  assert(usedCount(guest, 0) == 1);
  assert(lines.isHigh(guest, blk.line));
  for (let i: u32 = 0; i < 512; i++) assert(get8(guest, DATA + i) == fresh(i));
}

export function blk_has_many_requests_under_way(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  setLater(true);
  for (let i: u32 = 0; i < 50; i++) {
    request(guest, i, 0, i, DATA + 512 * i, 512, WRITE);
    offer(guest, blk, 0, 3 * i);
  }
  notify(guest, blk, 0);
  assert(pendingCount() == 32);
  assert(bus.busy(guest) == 32);
  for (let i: u32 = 0; i < 50; i++) complete(guest);
  assert(bus.busy(guest) == 0);
  assert(usedCount(guest, 0) == 50);
  for (let i: u32 = 0; i < 50; i++) {
    assert(usedHead(guest, blk, 0, i) == 3 * i);
    assert(status(guest, i) == S_OK);
    for (let j: u32 = 0; j < 512; j++) assert(get8(guest, DATA + 512 * i + j) == fresh(512 * i + j));
  }
}

export function blk_waits_for_all_calls_of_a_request(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  setLater(true);
  for (let i: u32 = 0; i < 3; i++) range(guest, i, 8 * i, 8, 0);
  request(guest, 0, 11, 0, DATA, 48, 0);
  send(guest, blk, 0, 0);
  assert(pendingCount() == 3);
  assert(bus.busy(guest) == 1);
  complete(guest);
  setStatus(E_IO);
  complete(guest);
  assert(usedCount(guest, 0) == 0);
  setStatus(OK);
  complete(guest);
  assert(usedCount(guest, 0) == 1);
  assert(status(guest, 0) == S_IOERR, "one that went wrong spoils the whole");
}

export function blk_leaves_a_driver_alone_that_was_reset_meanwhile(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  setLater(true);
  request(guest, 0, 0, 0, DATA, 512, WRITE);
  send(guest, blk, 0, 0);
  set(guest, blk, STATUS, 0);
  assert(bus.busy(guest) == 1, "the host may still write to the frames");
  start(guest, blk, 1, 256);
  request(guest, 0, 0, 4, DATA + 4096, 512, WRITE);
  send(guest, blk, 0, 0); // the same head again
  assert(pendingCount() == 2);
  complete(guest);
  assert(usedCount(guest, 0) == 0);
  assert(status(guest, 0) == UNTOUCHED);
  assert(!lines.isHigh(guest, blk.line));
  complete(guest);
  assert(usedCount(guest, 0) == 1);
  assert(status(guest, 0) == S_OK);
  assert(bus.busy(guest) == 0);
}

export function blk_shows_a_reset_as_done_only_when_no_transfer_is_under_way(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  setLater(true);
  request(guest, 0, 0, 0, DATA, 512, WRITE);
  send(guest, blk, 0, 0);
  set(guest, blk, STATUS, 0);
  assert(get(guest, blk, STATUS) != 0);
  complete(guest);
  assert(get(guest, blk, STATUS) == 0);
}

export function blk_leaves_a_queue_alone_that_was_stopped_meanwhile(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  setLater(true);
  request(guest, 0, 1, 0, DATA, 512, 0);
  send(guest, blk, 0, 0);
  set(guest, blk, 0x30, 0);
  set(guest, blk, 0x44, 0);
  put32(guest, driverArea(0), 0); // rings that start over are empty
  set(guest, blk, 0x44, 1);
  complete(guest);
  assert(usedCount(guest, 0) == 0);
  assert(status(guest, 0) == UNTOUCHED);
  assert(bus.busy(guest) == 0);
}

export function blk_survives_a_power_on_reset_with_transfers_under_way(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  setLater(true);
  for (let i: u32 = 0; i < 3; i++) {
    request(guest, i, 0, i, DATA + 512 * i, 512, WRITE);
    send(guest, blk, 0, 3 * i);
  }
  bus.reset(guest, blk);
  assert(bus.busy(guest) == 3);
  for (let i = 0; i < 3; i++) complete(guest);
  assert(bus.busy(guest) == 0);
  assert(usedCount(guest, 0) == 0);
}

export function blk_ignores_completions_that_nobody_waits_for(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  bus.complete(guest, blk.slot, 0, OK);
  bus.complete(guest, blk.slot, 31, OK);
  bus.complete(guest, blk.slot, 32, OK);
  bus.complete(guest, blk.slot, 65535, OK);
  assert(usedCount(guest, 0) == 0);
  assert(bus.busy(guest) == 0);
}

export function blk_makes_decoded_code_stale_when_the_data_comes(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  const frame = frames.frameOf(ram.pageForRead(guest, DATA));
  setLater(true);
  frames.setCode(frame, 0);
  request(guest, 0, 0, 0, DATA, 512, WRITE);
  send(guest, blk, 0, 0);
  assert(!frames.hasCode(frame), "at once");
  frames.setCode(frame, 0); // a hart decodes the old bytes while the transfer is under way
  const notes = stale.count();
  complete(guest);
  assert(!frames.hasCode(frame), "and again at the end");
  assert(stale.count() == notes + 1 && stale.at(notes, 0) == frame);
}

export function blk_gives_the_hart_its_turn_in_a_flood(): void {
  const guest = makeGuest(0);
  makeDisk(0, 4 << 20, 0);
  const blk = add(guest, DEVICE_VIRTIO_BLK, 0);
  start(guest, blk, 1, 256);
  for (let i: u32 = 0; i < 40; i++) {
    request(guest, i, 0, 0, BUFFERS + 0x10000, 1 << 20, WRITE);
    offer(guest, blk, 0, 3 * i);
  }
  notify(guest, blk, 0);
  assert(usedCount(guest, 0) == 16, "16 MiB in one kick");
  assert(bus.poll(guest));
  assert(bus.poll(guest));
  assert(usedCount(guest, 0) == 40);
  assert(!bus.poll(guest));
}

export function blk_refuses_a_request_that_is_larger_than_it_told(): void {
  const guest = makeGuest(0);
  makeDisk(0, 20 << 20, 0);
  const blk = add(guest, DEVICE_VIRTIO_BLK, 0);
  start(guest, blk, 1, 256);
  put32(guest, header(0), 0);
  put64(guest, header(0) + 8, 0);
  describe(guest, 0, 0, header(0), 16, NEXT);
  for (let i: u32 = 1; i <= 17; i++) describe(guest, 0, i, BUFFERS + 0x10000, 1 << 20, WRITE | NEXT);
  describe(guest, 0, 18, header(0) + 32, 1, WRITE);
  send(guest, blk, 0, 0);
  assert(status(guest, 0) == S_IOERR);
  assert(submitCount() == 0);
}

export function blk_interrupts_once_for_a_batch(): void {
  const guest = makeGuest(0);
  const blk = diskFor(guest, 0);
  for (let i: u32 = 0; i < 4; i++) {
    request(guest, i, 0, i, DATA + 512 * i, 512, WRITE);
    offer(guest, blk, 0, 3 * i);
  }
  const changes = guest.linesChanged;
  notify(guest, blk, 0);
  assert(usedCount(guest, 0) == 4);
  assert(guest.linesChanged == changes + 1);
  set(guest, blk, INTERRUPT_ACK, 1);
  assert(submitOperation(3) == BLOCK_READ);
}
