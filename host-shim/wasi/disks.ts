// The machine's disks: files of the boot folder, read and written where they lie. Each transfer is done at once.

import {
  BLOCK_DISCARD, BLOCK_DONE, BLOCK_FLUSH, BLOCK_INFO_BYTES, BLOCK_INFO_FLAGS, BLOCK_INFO_SIZE, BLOCK_READ, BLOCK_WRITE,
  BLOCK_WRITE_ZEROES, DISK_READ_ONLY, E_BAD_ARG, E_BAD_ID, E_IO, OK,
} from "../../hypervisor/abi";
import { close, readAt, writeAt } from "./files";
import { DISKS, DISKS_MOST, DISK_FD, DISK_IS_THERE, DISK_SIZE } from "./layout";
import { say, sayNumber, sent } from "./say";
import { fd_sync } from "./wasi_snapshot_preview1";

const ZEROES_SIZE: u32 = 4096;
const ZEROES: usize = memory.data(4096, 8);

/** Attaches an open file as disk `number`; false: there is no such number, or it is taken. */
export function attach(number: u32, fd: u32, sizeBytes: u64, flags: u32): bool {
  if (number >= DISKS_MOST || load<u32>(at(number) + DISK_IS_THERE) != 0) return false;
  const disk = at(number);
  store<u64>(disk + BLOCK_INFO_BYTES, sizeBytes);
  store<u32>(disk + BLOCK_INFO_FLAGS, flags);
  store<u32>(disk + BLOCK_INFO_FLAGS + 4, 0);
  store<u32>(disk + DISK_FD, fd);
  store<u32>(disk + DISK_IS_THERE, 1);
  return true;
}

/** Closes a disk's file; false: there is no such disk. */
export function detach(number: u32): bool {
  if (!isThere(number)) return false;
  close(load<u32>(at(number) + DISK_FD));
  store<u32>(at(number) + DISK_IS_THERE, 0);
  return true;
}

export function blockInfo(number: u32, ptr: usize): i32 {
  if (!isThere(number)) return E_BAD_ID;
  memory.copy(ptr, at(number), BLOCK_INFO_SIZE);
  return OK;
}

export function blockSubmit(
  number: u32, operation: u32, offset: u64, length: u64, segments: usize, count: u32, _tag: u32,
): i32 {
  if (!isThere(number)) return E_BAD_ID;
  const disk = at(number);
  const size = load<u64>(disk + BLOCK_INFO_BYTES);
  const isWritable = (load<u32>(disk + BLOCK_INFO_FLAGS) & DISK_READ_ONLY) == 0;
  const fd = load<u32>(disk + DISK_FD);
  switch (operation) {
    case BLOCK_READ: return move(number, fd, offset, size, segments, count, false);
    case BLOCK_WRITE: return isWritable ? move(number, fd, offset, size, segments, count, true) : <i32>E_IO;
    case BLOCK_FLUSH: return isWritable ? told(number, fd_sync(fd)) : <i32>BLOCK_DONE;
    // A discarded sector may keep its content (virtio 1.2, section 5.2.6.2), and preview1 cannot punch holes.
    case BLOCK_DISCARD: return isWritable ? <i32>BLOCK_DONE : <i32>E_IO;
    case BLOCK_WRITE_ZEROES: return isWritable ? clear(number, fd, offset, length, size) : <i32>E_IO;
    default: return E_BAD_ARG;
  }
}

function move(number: u32, fd: u32, offset: u64, size: u64, segments: usize, count: u32, isWritten: bool): i32 {
  let position = offset;
  for (let i: u32 = 0; i < count; i++) {
    const ptr = <usize>load<u32>(segments + (<usize>i << 3));
    const length = load<u32>(segments + (<usize>i << 3), 4);
    if (position > size || length > size - position) return E_IO;
    if (isWritten) {
      const error = writeAt(fd, ptr, length, position);
      if (error != 0) return told(number, error);
    } else if (!readAt(fd, ptr, length, position)) return E_IO;
    position += length;
  }
  return BLOCK_DONE;
}

function clear(number: u32, fd: u32, offset: u64, length: u64, size: u64): i32 {
  if (offset > size || length > size - offset) return E_IO;
  for (let done: u64 = 0; done < length; done += ZEROES_SIZE) {
    const left = length - done;
    const error = writeAt(fd, ZEROES, left < ZEROES_SIZE ? <u32>left : ZEROES_SIZE, offset + done);
    if (error != 0) return told(number, error);
  }
  return BLOCK_DONE;
}

let hasFailed = false;

/** What the kernel is to know of an error; the user hears of the first. */
function told(number: u32, error: i32): i32 {
  if (error == 0) return BLOCK_DONE;
  if (!hasFailed) {
    say("Disk ");
    sayNumber(number);
    say(" of the machine has failed with WASI error ");
    sayNumber(error);
    say(error == 51 ? "; make room on the host, its guest sees I/O errors until then." : "; its guest sees I/O errors.");
    sent();
  }
  hasFailed = true;
  return E_IO;
}

function isThere(number: u32): bool {
  return number < DISKS_MOST && load<u32>(at(number) + DISK_IS_THERE) != 0;
}

function at(number: u32): usize {
  return DISKS + <usize>number * DISK_SIZE;
}
