// The virtio block device (virtio 1.2, 5.2): a disk of the machine.
//
// A request goes to the host in pieces of up to SEGMENTS stretches of linear memory. Each piece is done at once or later;
// the request ends when its last piece has. Guest-physical neighbours need not be neighbours in linear memory, so every
// part is cut at 4 KiB, and stretches that do touch are joined again.
//
//   page:  Blk | REQUESTS x Request | SEGMENTS x (u32 pointer, u32 length) | … | queues
//
// The list of segments is scratch: the host reads it before `blockSubmit` returns.

import { BLOCK_DISCARD, BLOCK_DONE, BLOCK_FLUSH, BLOCK_INFO_BYTES, BLOCK_INFO_FLAGS, BLOCK_PENDING, BLOCK_READ, BLOCK_WRITE,
  BLOCK_WRITE_ZEROES, DISK_READ_ONLY, E_UNSUPPORTED, OK } from "../../abi";
import { Guest } from "../../guest/guest";
import * as ram from "../../guest/ram";
import * as host from "../../host";
import * as limits from "../limits";
import { LANE_BLOCK } from "../limits";
import { trafficOf } from "../traffic";
import * as mmio from "./mmio";
import * as ring from "./queue";
import { REQUESTS, Request, requestAt } from "./request";
import * as tag from "./tag";
import { FEATURES_OF_ALL, NONE, QUEUE_SIZE_MAX, Queue, STATE_SIZE, Virtio, fail, has, isLive, queueAt } from "./virtio";
import * as virtio from "./virtio";

const ID_BLOCK: u32 = 2;
const QUEUE_REQUEST: u32 = 0;

/** Feature bits, 5.2.3. */
const VIRTIO_BLK_F_SIZE_MAX: u64 = 1 << 1;
const VIRTIO_BLK_F_SEG_MAX: u64 = 1 << 2;
const VIRTIO_BLK_F_RO: u64 = 1 << 5;
const VIRTIO_BLK_F_BLK_SIZE: u64 = 1 << 6;
const VIRTIO_BLK_F_FLUSH: u64 = 1 << 9;
const VIRTIO_BLK_F_DISCARD: u64 = 1 << 13;
const VIRTIO_BLK_F_WRITE_ZEROES: u64 = 1 << 14;

/** Offsets in the configuration space, 5.2.4. */
const CONFIG_CAPACITY: u32 = 0;
const CONFIG_SIZE_MAX: u32 = 8;
const CONFIG_SEG_MAX: u32 = 12;
const CONFIG_BLK_SIZE: u32 = 20;
const CONFIG_NUM_QUEUES: u32 = 34;
const CONFIG_MAX_DISCARD_SECTORS: u32 = 36;
const CONFIG_MAX_DISCARD_SEG: u32 = 40;
const CONFIG_DISCARD_SECTOR_ALIGNMENT: u32 = 44;
const CONFIG_MAX_WRITE_ZEROES_SECTORS: u32 = 48;
const CONFIG_MAX_WRITE_ZEROES_SEG: u32 = 52;
const CONFIG_WRITE_ZEROES_MAY_UNMAP: u32 = 56;
const CONFIG_BYTES: u32 = 60;

/** Request types and status bytes, 5.2.6. */
const VIRTIO_BLK_T_IN: u32 = 0;
const VIRTIO_BLK_T_OUT: u32 = 1;
const VIRTIO_BLK_T_FLUSH: u32 = 4;
const VIRTIO_BLK_T_GET_ID: u32 = 8;
const VIRTIO_BLK_T_DISCARD: u32 = 11;
const VIRTIO_BLK_T_WRITE_ZEROES: u32 = 13;
const VIRTIO_BLK_S_OK: u32 = 0;
const VIRTIO_BLK_S_IOERR: u32 = 1;
const VIRTIO_BLK_S_UNSUPP: u32 = 2;
const VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP: u32 = 1;

const HEADER_BYTES: u32 = 16;
const RANGE_BYTES: u32 = 16;
const ID_BYTES: u32 = 20;
const SECTOR_BITS: u64 = 9;

/** A part's largest size and their number, as the driver is told: together just below REQUEST_BYTES_MAX. */
const PART_BYTES_MAX: u32 = 65536;
const PARTS_MAX: u32 = QUEUE_SIZE_MAX - 2;
/** Bytes of one request at most. */
const REQUEST_BYTES_MAX: u64 = 16 << 20;
/** Bytes moved in one kick before the hart gets its turn again; `poll` goes on. */
const KICK_BYTES_MAX: u64 = 16 << 20;
/** Ranges of one discard at most, and sectors of one range. */
const DISCARD_RANGES_MAX: u32 = 16;
const DISCARD_SECTORS_MAX: u32 = 1 << 22;
/** The same for write-zeroes, which on many hosts is a write like any other. */
const ZEROES_RANGES_MAX: u32 = 1;
const ZEROES_SECTORS_MAX: u32 = <u32>(REQUEST_BYTES_MAX >> SECTOR_BITS);

@unmanaged @final
export class Blk extends Virtio {
  /** DISK_READ_ONLY if this guest may not write: set by vmm/board before reset. */
  flags: u32;
  /** Requests that are not free. */
  underWay: u32;
  /** Size in sectors of 512 bytes. */
  sectors: u64;
  /** 1: writes are refused. */
  readOnly: u32;
  /** Segments in the list. */
  segments: u32;
  /** Bytes of the segments in the list. */
  segmentBytes: u64;
  /** Bytes moved since the kick began. */
  kickBytes: u64;
  /** Header of the request at hand, and one range of a discard. */
  header0: u64; header1: u64;
}
const TABLE: usize = offsetof<Blk>();
const LIST: usize = TABLE + <usize>REQUESTS * offsetof<Request>();
const SEGMENTS: u32 = 256;
if (LIST + <usize>SEGMENTS * 8 > STATE_SIZE) ERROR("the disk's state runs into the queues");
const HEADER: usize = offsetof<Blk>("header0");

/** Power-on state, or after the driver's reset: transfers under way go on, but nobody waits for them. */
export function reset(blk: Blk): void {
  virtio.reset(blk);
  blk.resetting = blk.underWay > 0 ? 1 : 0;
  const info = changetype<usize>(blk) + LIST;
  store<u64>(info, 0, BLOCK_INFO_BYTES);
  store<u32>(info, 0, BLOCK_INFO_FLAGS);
  const isThere = host.blockInfo(blk.unit, info) == OK;
  blk.sectors = isThere ? load<u64>(info, BLOCK_INFO_BYTES) >> SECTOR_BITS : 0;
  blk.readOnly = ((load<u32>(info, BLOCK_INFO_FLAGS) | blk.flags) & DISK_READ_ONLY) != 0 ? 1 : 0;
  blk.deviceId = ID_BLOCK;
  blk.queueCount = 1;
  blk.configBytes = CONFIG_BYTES;
  blk.offered = FEATURES_OF_ALL | VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH |
    (blk.readOnly != 0 ? VIRTIO_BLK_F_RO : VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES);
  virtio.setConfig64(blk, CONFIG_CAPACITY, blk.sectors);
  virtio.setConfig32(blk, CONFIG_SIZE_MAX, PART_BYTES_MAX);
  virtio.setConfig32(blk, CONFIG_SEG_MAX, PARTS_MAX);
  virtio.setConfig32(blk, CONFIG_BLK_SIZE, 512);
  virtio.setConfig16(blk, CONFIG_NUM_QUEUES, 1);
  virtio.setConfig32(blk, CONFIG_MAX_DISCARD_SECTORS, DISCARD_SECTORS_MAX);
  virtio.setConfig32(blk, CONFIG_MAX_DISCARD_SEG, DISCARD_RANGES_MAX);
  virtio.setConfig32(blk, CONFIG_DISCARD_SECTOR_ALIGNMENT, 8);
  virtio.setConfig32(blk, CONFIG_MAX_WRITE_ZEROES_SECTORS, ZEROES_SECTORS_MAX);
  virtio.setConfig32(blk, CONFIG_MAX_WRITE_ZEROES_SEG, ZEROES_RANGES_MAX);
  virtio.setConfig8(blk, CONFIG_WRITE_ZEROES_MAY_UNMAP, 1);
}

export function read(guest: Guest, blk: Blk, offset: u64, size: u32): u64 {
  return mmio.read(guest, blk, offset, size);
}

export function write(guest: Guest, blk: Blk, offset: u64, size: u32, value: u64): void {
  const news = mmio.write(guest, blk, offset, size, value);
  if (news == mmio.RESET) reset(blk);
  else if (news < blk.queueCount) kick(guest, blk, news);
}

/** Starts the waiting requests, as many as there is room, limit and patience for; `complete` and `poll` go on. */
export function kick(guest: Guest, blk: Blk, _queue: u32): void {
  start(guest, blk);
}

/** As `kick`; true if a request was started. */
function start(guest: Guest, blk: Blk): bool {
  const queue = queueAt(blk, QUEUE_REQUEST);
  let started = false;
  let held = false;
  blk.kickBytes = 0;
  for (let left = queue.size; left > 0 && blk.underWay < REQUESTS && blk.kickBytes < KICK_BYTES_MAX; left--) {
    const head = ring.peek(guest, blk, queue);
    if (head == NONE) break;
    if (!limits.mayPass(guest, LANE_BLOCK, blk.slot)) {
      held = true;
      break;
    }
    if (!begin(guest, blk, queue, head)) break;
    started = true;
  }
  if (!held) limits.leave(guest, LANE_BLOCK, blk.slot);
  ring.publish(guest, blk, queue);
  // What comes behind requests that wait for the limit waits with them: no need to be told of it.
  if (!held) ring.listen(guest, blk, queue);
  return started;
}

/** Takes one chain and starts its request; false: the chain is not one, or waits for frames. */
function begin(guest: Guest, blk: Blk, queue: Queue, head: u32): bool {
  if (!ring.measure(guest, blk, queue, head)) return false;
  // Without a header there is no request, without a writable byte no place to say so.
  if (blk.readableBytes < HEADER_BYTES || blk.writableBytes == 0) {
    fail(guest, blk);
    return false;
  }
  if (!ring.prepare(guest, blk, queue, head, REQUEST_BYTES_MAX)) return false;
  ring.open(blk, queue, head);
  if (ring.pull(guest, blk, changetype<usize>(blk) + HEADER, HEADER_BYTES) < HEADER_BYTES) return false;
  if (<u32>blk.header0 == VIRTIO_BLK_T_OUT) {
    if (!canLast(guest, blk, queue)) return false;
    ring.open(blk, queue, head);
    ring.skip(guest, blk, HEADER_BYTES);
  }
  ring.take(queue);
  const request = free(blk);
  blk.underWay++;
  request.statusAddress = blk.lastWritable;
  request.parts = 1;
  request.head = head;
  request.bytes = 0;
  request.type = <u32>blk.header0;
  request.status = VIRTIO_BLK_S_OK;
  request.epoch = queue.epoch;
  submit(guest, blk, request, blk.header1);
  limits.charge(guest, LANE_BLOCK, blk.slot, request.bytes, 1);
  end(guest, blk, request);
  return isLive(blk);
}

/** Has the data of a write, of which the header has been pulled, frames that stay until the host has read them? If not the request waits. */
function canLast(guest: Guest, blk: Blk, queue: Queue): bool {
  let left = min(blk.readableBytes - HEADER_BYTES, REQUEST_BYTES_MAX);
  while (left > 0 && ring.part(guest, blk, false)) {
    const length = ram.run(blk.partAddress, min(left, <u64>blk.partLength));
    if (ram.lasting(guest, blk.partAddress) == 0) {
      queue.lacking = 1;
      guest.lacking = 1;
      return false;
    }
    ring.advance(blk, length);
    left -= length;
  }
  return true;
}

/** A request that is not in use: the caller has seen that there is one. */
function free(blk: Blk): Request {
  let i: u32 = 0;
  while (requestAt(blk, TABLE, i).parts != 0) i++;
  return requestAt(blk, TABLE, i);
}

/** Sets the status of a request that went wrong; the first reason stays. */
function refuse(request: Request, status: u32): void {
  if (request.status == VIRTIO_BLK_S_OK) request.status = status;
}

/** Hands a request to the host. Its header has been pulled; what follows is data. */
function submit(guest: Guest, blk: Blk, request: Request, sector: u64): void {
  const room = blk.writableBytes - 1; // the last writable byte is the status
  switch (request.type) {
    case VIRTIO_BLK_T_IN: transfer(guest, blk, request, sector, room, true); break;
    case VIRTIO_BLK_T_OUT: transfer(guest, blk, request, sector, blk.readableBytes - HEADER_BYTES, false); break;
    case VIRTIO_BLK_T_FLUSH: call(guest, blk, request, BLOCK_FLUSH, 0, 0); break;
    case VIRTIO_BLK_T_GET_ID: identify(guest, blk, request, room); break;
    case VIRTIO_BLK_T_DISCARD: ranges(guest, blk, request, BLOCK_DISCARD); break;
    case VIRTIO_BLK_T_WRITE_ZEROES: ranges(guest, blk, request, BLOCK_WRITE_ZEROES); break;
    default: refuse(request, VIRTIO_BLK_S_UNSUPP);
  }
}

/** Does the range lie on the disk? */
function isOnDisk(blk: Blk, sector: u64, sectors: u64): bool {
  return sector <= blk.sectors && sectors <= blk.sectors - sector;
}

/** Reads or writes `bytes` bytes from `sector` on, in as many calls as the list of segments asks for. */
function transfer(guest: Guest, blk: Blk, request: Request, sector: u64, bytes: u64, isRead: bool): void {
  const isWhole = (bytes & 511) == 0 && bytes <= REQUEST_BYTES_MAX && isOnDisk(blk, sector, bytes >> SECTOR_BITS);
  if (!isWhole || !isRead && blk.readOnly != 0) {
    refuse(request, VIRTIO_BLK_S_IOERR);
    return;
  }
  const operation = isRead ? BLOCK_READ : BLOCK_WRITE;
  let at = sector << SECTOR_BITS;
  let left = bytes;
  clearList(blk);
  while (left > 0 && request.status == VIRTIO_BLK_S_OK) {
    if (!ring.part(guest, blk, isRead)) {
      refuse(request, VIRTIO_BLK_S_IOERR);
      return;
    }
    const length = ram.run(blk.partAddress, min(left, <u64>blk.partLength));
    const ptr = isRead ? ram.writable(guest, blk.partAddress) : ram.lasting(guest, blk.partAddress);
    if (ptr == 0) { // the driver has changed the chain since it was prepared, and there is no frame for what it is now
      refuse(request, VIRTIO_BLK_S_IOERR);
      return;
    }
    if (!append(blk, ptr, length)) {
      const sent = blk.segmentBytes;
      call(guest, blk, request, operation, at, sent);
      at += sent;
      clearList(blk);
      continue;
    }
    ring.advance(blk, length);
    left -= length;
  }
  if (blk.segments > 0 && request.status == VIRTIO_BLK_S_OK) call(guest, blk, request, operation, at, blk.segmentBytes);
  request.bytes = <u32>bytes;
  blk.kickBytes += bytes;
}

function clearList(blk: Blk): void {
  blk.segments = 0;
  blk.segmentBytes = 0;
}

/** Adds a stretch of linear memory to the list, or lengthens the last one; false: the list is full. */
function append(blk: Blk, ptr: usize, length: u32): bool {
  const end = changetype<usize>(blk) + LIST + (<usize>blk.segments << 3);
  if (blk.segments > 0 && <usize>load<u32>(end - 8) + load<u32>(end - 4) == ptr) {
    store<u32>(end - 4, load<u32>(end - 4) + length);
  } else {
    if (blk.segments == SEGMENTS) return false;
    store<u32>(end, <u32>ptr);
    store<u32>(end, length, 4);
    blk.segments++;
  }
  blk.segmentBytes += length;
  return true;
}

/** Calls the host with the list of segments, and counts the call among the request's parts if it is not done at once. */
function call(guest: Guest, blk: Blk, request: Request, operation: i32, offset: u64, length: u64): void {
  const number = <u32>((changetype<usize>(request) - changetype<usize>(blk) - TABLE) / offsetof<Request>());
  const hasData = operation == BLOCK_READ || operation == BLOCK_WRITE;
  const answer = host.blockSubmit(
    blk.unit, operation, offset, length,
    changetype<usize>(blk) + LIST, hasData ? blk.segments : 0, tag.make(guest.id, blk.slot, number),
  );
  if (answer == BLOCK_PENDING) request.parts++;
  else if (answer != BLOCK_DONE) refuse(request, statusOf(answer));
}

/** The status byte for an error of the host. */
function statusOf(error: i32): u32 {
  return error == E_UNSUPPORTED ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
}

/** GET_ID: a serial number of up to 20 bytes, not terminated when it has 20 (5.2.6). Here "orlop-disk-" and two digits. */
function identify(guest: Guest, blk: Blk, request: Request, room: u64): void {
  const prefix = memory.data<u8>([0x6f, 0x72, 0x6c, 0x6f, 0x70, 0x2d, 0x64, 0x69, 0x73, 0x6b, 0x2d]);
  const id = changetype<usize>(blk) + LIST;
  memory.fill(id, 0, ID_BYTES);
  memory.copy(id, prefix, 11);
  store<u8>(id, 0x30 + blk.unit / 10 % 10, 11);
  store<u8>(id, 0x30 + blk.unit % 10, 12);
  request.bytes = ring.push(guest, blk, id, <u32>min(room, <u64>ID_BYTES));
}

/** Discard and write-zeroes: 16-byte ranges of u64 sector, u32 number of sectors, u32 flags (5.2.6). */
function ranges(guest: Guest, blk: Blk, request: Request, operation: i32): void {
  const isDiscard = operation == BLOCK_DISCARD;
  const bytes = blk.readableBytes - HEADER_BYTES;
  if (!has(blk, isDiscard ? VIRTIO_BLK_F_DISCARD : VIRTIO_BLK_F_WRITE_ZEROES)) {
    refuse(request, VIRTIO_BLK_S_UNSUPP);
    return;
  }
  const rangesMax = isDiscard ? DISCARD_RANGES_MAX : ZEROES_RANGES_MAX;
  const sectorsMax = isDiscard ? DISCARD_SECTORS_MAX : ZEROES_SECTORS_MAX;
  if (bytes == 0 || bytes % RANGE_BYTES != 0 || bytes > rangesMax * RANGE_BYTES) {
    refuse(request, VIRTIO_BLK_S_IOERR);
    return;
  }
  for (let i: u32 = 0; i < <u32>bytes / RANGE_BYTES && request.status == VIRTIO_BLK_S_OK; i++) {
    if (ring.pull(guest, blk, changetype<usize>(blk) + HEADER, RANGE_BYTES) < RANGE_BYTES) {
      refuse(request, VIRTIO_BLK_S_IOERR);
      return;
    }
    const sector = blk.header0;
    const sectors = <u32>blk.header1;
    const flags = <u32>(blk.header1 >> 32);
    if ((flags & ~VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP) != 0 || isDiscard && flags != 0) {
      refuse(request, VIRTIO_BLK_S_UNSUPP); // 5.2.6.2: UNMAP only makes sense for zeroes, other bits are reserved
    } else if (sectors > sectorsMax || !isOnDisk(blk, sector, sectors)) {
      refuse(request, VIRTIO_BLK_S_IOERR);
    } else if (sectors > 0) {
      call(guest, blk, request, operation, sector << SECTOR_BITS, <u64>sectors << SECTOR_BITS);
      if (isDiscard) continue; // moves nothing
      request.bytes += sectors << <u32>SECTOR_BITS;
      blk.kickBytes += <u64>sectors << SECTOR_BITS;
    }
  }
}

/** One part of a request has ended; with the last one the chain goes back to the driver. */
function end(guest: Guest, blk: Blk, request: Request): void {
  if (--request.parts > 0) return;
  if (--blk.underWay == 0) blk.resetting = 0;
  count(guest, request);
  const queue = queueAt(blk, QUEUE_REQUEST);
  if (request.epoch != queue.epoch || !isLive(blk)) return;
  const ptr = ram.writable(guest, request.statusAddress);
  if (ptr == 0) {
    fail(guest, blk);
    return;
  }
  store<u8>(ptr, request.status);
  // The used length counts from the first writable byte (2.7.8.2), so a read without its data has written nothing.
  const isRead = request.type == VIRTIO_BLK_T_IN;
  const data = isRead || request.type == VIRTIO_BLK_T_GET_ID ? request.bytes : 0;
  const written = request.status == VIRTIO_BLK_S_OK ? data + 1 : isRead ? 0 : 1;
  ring.put(guest, blk, queue, request.head, written);
}

/** Counts a request that has ended. */
function count(guest: Guest, request: Request): void {
  if (request.status != VIRTIO_BLK_S_OK) return;
  const traffic = trafficOf(guest);
  switch (request.type) {
    case VIRTIO_BLK_T_IN:
      traffic.reads++;
      traffic.readBytes += request.bytes;
      break;
    case VIRTIO_BLK_T_OUT:
    case VIRTIO_BLK_T_WRITE_ZEROES:
      traffic.writes++;
      traffic.writtenBytes += request.bytes;
      break;
    case VIRTIO_BLK_T_FLUSH: traffic.flushes++; break;
  }
}

/**
 * The data of a read has come after its chain was checked, and harts have run in between: say again that the pages were
 * written, for the dirty flags and for decoded code. A driver that has changed the chain since only fools itself.
 */
function touch(guest: Guest, blk: Blk, queue: Queue, request: Request): void {
  if (request.type != VIRTIO_BLK_T_IN || request.epoch != queue.epoch || !isLive(blk)) return;
  let left: u64 = request.bytes + 1; // with the status
  ring.open(blk, queue, request.head);
  while (left > 0 && ring.part(guest, blk, true)) {
    const length = ram.run(blk.partAddress, min(left, <u64>blk.partLength));
    ram.writable(guest, blk.partAddress);
    ring.advance(blk, length);
    left -= length;
  }
}

/** A pending call of the host has ended: OK or an error. */
export function complete(guest: Guest, blk: Blk, number: u32, status: i32): void {
  if (number >= REQUESTS) return;
  const request = requestAt(blk, TABLE, number);
  if (request.parts == 0) return;
  if (status != OK) refuse(request, statusOf(status));
  const queue = queueAt(blk, QUEUE_REQUEST);
  if (request.parts == 1) touch(guest, blk, queue, request);
  end(guest, blk, request);
  kick(guest, blk, QUEUE_REQUEST); // publishes, and starts what waited for room
}

/** Requests under way, also those that nobody waits for: until 0 the host may still write to the guest's frames. */
export function busy(blk: Blk): u32 {
  return blk.underWay;
}

/** Goes on where `kick` left off; true if it did. */
export function poll(guest: Guest, blk: Blk): bool {
  if (blk.underWay < REQUESTS && ring.peek(guest, blk, queueAt(blk, QUEUE_REQUEST)) != NONE) return start(guest, blk);
  limits.leave(guest, LANE_BLOCK, blk.slot);
  return false;
}
