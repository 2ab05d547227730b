// Files that are part of the image itself (BUNDLE_EMBEDDED in host-shim/bundle.ts). They are only read.

import {
  BUNDLE_EMBEDDED, BUNDLE_EMBEDDED_ADDRESS, BUNDLE_EMBEDDED_BYTES, BUNDLE_EMBEDDED_PATH, BUNDLE_EMBEDDED_PATH_BYTES,
  BUNDLE_EMBEDDED_SIZE,
} from "../bundle";

/** Descriptors from here on are numbers of such files; no runtime gives so many. */
const FIRST: u32 = 0x4000_0000;

/** The descriptor of the file with this path; below zero: there is none. */
export function find(path: usize, length: u32): i32 {
  const count = load<u32>(BUNDLE_EMBEDDED, 4);
  for (let i: u32 = 0; i < count; i++) {
    const entry = at(i);
    if (load<u32>(entry, BUNDLE_EMBEDDED_PATH_BYTES) != length) continue;
    if (memory.compare(entry + BUNDLE_EMBEDDED_PATH, path, length) == 0) return FIRST + i;
  }
  return -1;
}

/** Is this the descriptor of such a file? */
export function has(fd: u32): bool {
  return fd >= FIRST;
}

export function sizeOf(fd: u32): i64 {
  return load<u32>(at(fd - FIRST), BUNDLE_EMBEDDED_BYTES);
}

/** Copies exactly so many bytes from `offset` on; false: there are not so many. */
export function readAt(fd: u32, ptr: usize, length: u32, offset: u64): bool {
  const entry = at(fd - FIRST);
  const size = <u64>load<u32>(entry, BUNDLE_EMBEDDED_BYTES);
  if (offset > size || length > size - offset) return false;
  memory.copy(ptr, <usize>load<u32>(entry, BUNDLE_EMBEDDED_ADDRESS) + <usize>offset, length);
  return true;
}

function at(i: u32): usize {
  return <usize>load<u32>(BUNDLE_EMBEDDED) + <usize>i * BUNDLE_EMBEDDED_SIZE;
}
