// Files and streams: every byte is moved, however few a runtime moves at a time (wasmtime serves the first part alone).

import * as embedded from "./embedded";
import { LETTERS, LETTERS_MOST, MOVED, PART, STAT } from "./layout";
import * as wasi from "./wasi_snapshot_preview1";

/** Error numbers of preview1. */
const ERRNO_AGAIN: i32 = 6;
export const ERRNO_BADF: i32 = 8;
const ERRNO_INTR: i32 = 27;
const ERRNO_IO: i32 = 29;
export const ERRNO_NOENT: i32 = 44;
export const ERRNO_ROFS: i32 = 69;

/** The first preopened folder. */
export const FOLDER: u32 = 3;
const RIGHT_FD_READ: u64 = 1 << 1;
const RIGHT_FD_SEEK: u64 = 1 << 2;
const RIGHT_FD_SYNC: u64 = 1 << 4;
const RIGHT_FD_TELL: u64 = 1 << 5;
const RIGHT_FD_WRITE: u64 = 1 << 6;
const RIGHT_FD_FILESTAT_GET: u64 = 1 << 21;
const LOOKUP_SYMLINK_FOLLOW: u32 = 1;
const FILETYPE_CHARACTER_DEVICE: u32 = 2;
const FILETYPE_REGULAR: u32 = 4;
const SLASH: u32 = 47;
const DIGIT_0: u32 = 48;
const LETTER_D: u32 = 100;
const STAT_FILETYPE: usize = 16;
const STAT_SIZE: usize = 32;

/** Opens "dN/FILE", whose folder is preopened as "/dN", or lies in the first one that is preopened; like `open`. */
export function openIn(number: u32, path: usize, length: u32, isWritten: bool): i32 {
  let slash: u32 = 0;
  while (slash < length && <u32>load<u8>(path + slash) != SLASH) slash++;
  for (let fd = FOLDER; wasi.fd_prestat_get(fd, STAT) == 0; fd++) {
    const size = load<u32>(STAT, 4);
    if (size > LETTERS_MOST || wasi.fd_prestat_dir_name(fd, LETTERS, size) != 0 || !isFolder(number, size)) continue;
    return slash < length ? open(fd, path + slash + 1, length - slash - 1, isWritten) : -ERRNO_NOENT;
  }
  return open(FOLDER, path, length, isWritten);
}

/** Is the name at LETTERS "/dN", or "dN"? */
function isFolder(number: u32, length: u32): bool {
  let at: u32 = load<u8>(LETTERS) == SLASH ? 1 : 0;
  if (at + 1 >= length || load<u8>(LETTERS + at++) != LETTER_D) return false;
  let found: u32 = 0;
  for (; at < length; at++) {
    const digit = <u32>load<u8>(LETTERS + at) - DIGIT_0;
    if (digit > 9) return false;
    found = found * 10 + digit;
  }
  return found == number;
}

/** Opens a file of a folder, or in the image: its descriptor, or an error number below zero. */
export function open(folder: u32, path: usize, length: u32, isWritten: bool): i32 {
  const inside = isWritten ? -1 : embedded.find(path, length);
  if (inside >= 0) return inside;
  let rights = RIGHT_FD_READ | RIGHT_FD_SEEK | RIGHT_FD_TELL | RIGHT_FD_FILESTAT_GET;
  if (isWritten) rights |= RIGHT_FD_WRITE | RIGHT_FD_SYNC;
  const error = wasi.path_open(folder, LOOKUP_SYMLINK_FOLLOW, path, length, 0, rights, 0, 0, MOVED);
  return error == 0 ? load<i32>(MOVED) : -error;
}

export function close(fd: u32): void {
  if (!embedded.has(fd)) wasi.fd_close(fd);
}

/** Size in bytes; -1 for what is no regular file. */
export function sizeOf(fd: u32): i64 {
  if (embedded.has(fd)) return embedded.sizeOf(fd);
  if (wasi.fd_filestat_get(fd, STAT) != 0 || load<u8>(STAT + STAT_FILETYPE) != FILETYPE_REGULAR) return -1;
  return load<i64>(STAT + STAT_SIZE);
}

/** Is it a terminal? */
export function isTerminal(fd: u32): bool {
  return wasi.fd_fdstat_get(fd, STAT) == 0 && load<u8>(STAT) == FILETYPE_CHARACTER_DEVICE;
}

/** Reads exactly so many bytes from `offset` on; false: there are not so many, or the file failed. */
export function readAt(fd: u32, ptr: usize, length: u32, offset: u64): bool {
  if (embedded.has(fd)) return embedded.readAt(fd, ptr, length, offset);
  for (let done: u32 = 0; done < length; ) {
    part(ptr + done, length - done);
    const error = wasi.fd_pread(fd, PART, 1, offset + done, MOVED);
    if (error == ERRNO_INTR) continue;
    const moved = load<u32>(MOVED);
    if (error != 0 || moved == 0) return false;
    done += moved;
  }
  return true;
}

/** Writes exactly so many bytes from `offset` on: an error number, 0 for none. */
export function writeAt(fd: u32, ptr: usize, length: u32, offset: u64): i32 {
  for (let done: u32 = 0; done < length; ) {
    part(ptr + done, length - done);
    const error = wasi.fd_pwrite(fd, PART, 1, offset + done, MOVED);
    if (error == ERRNO_INTR) continue;
    if (error != 0) return error;
    const moved = load<u32>(MOVED);
    if (moved == 0) return ERRNO_IO;
    done += moved;
  }
  return 0;
}

/** Writes all to a stream; false: nobody reads it any more. */
export function writeAll(fd: u32, ptr: usize, length: u32): bool {
  for (let done: u32 = 0; done < length; ) {
    part(ptr + done, length - done);
    const error = wasi.fd_write(fd, PART, 1, MOVED);
    if (error == ERRNO_INTR || error == ERRNO_AGAIN) continue;
    if (error != 0) return false;
    done += load<u32>(MOVED);
  }
  return true;
}

/** Reads what a stream has, at most `capacity` bytes: how many; 0 at its end; below zero: nothing now. */
export function readSome(fd: u32, ptr: usize, capacity: u32): i32 {
  part(ptr, capacity);
  const error = wasi.fd_read(fd, PART, 1, MOVED);
  if (error == ERRNO_INTR || error == ERRNO_AGAIN) return -1;
  return error == 0 ? load<i32>(MOVED) : 0;
}

function part(ptr: usize, length: u32): void {
  store<u32>(PART, <u32>ptr);
  store<u32>(PART + 4, length);
}
