// The boot folder: where a runtime has it, and whether what is written there lasts.
//
// It is "/", the first folder that is preopened. @wasmer/wasi has a root of its own before that, out of which nothing can be opened.
// Wasmer keeps in memory what is written to a folder that it was given as "/", so there it is "/machine".

import { ERRNO_NOENT, FOLDER, open } from "./files";
import { STAT } from "./layout";
import * as wasi from "./wasi_snapshot_preview1";

const ERRNO_NOTCAPABLE: i32 = 76;
const PLACE_LENGTH: u32 = 8;
const PLACED: usize = memory.data(1024, 8);
const PLACED_MOST: u32 = 1024;
const DOT: u32 = 46;
const SLASH: u32 = 47;

/** What is written would be lost. */
export const UNSAFE: i32 = -1000;

/** Opens a file of the boot folder: its descriptor, or an error number below zero, or UNSAFE. */
export function openBoot(path: usize, length: u32, isWritten: bool): i32 {
  const found = open(FOLDER, path, length, isWritten);
  if (found == -ERRNO_NOTCAPABLE) return open(FOLDER + 1, path, length, isWritten);
  if (found >= 0 && isWritten && isWasmer()) return UNSAFE;
  if (found != -ERRNO_NOENT || length > PLACED_MOST - PLACE_LENGTH) return found;
  store<u64>(PLACED, 0x2f65_6e69_6863_616d);
  memory.copy(PLACED + PLACE_LENGTH, path, length);
  return open(FOLDER, PLACED, PLACE_LENGTH + length, isWritten);
}

/** Wasmer preopens "/", "." and "/" again. */
function isWasmer(): bool {
  return isCalled(FOLDER, SLASH) && isCalled(FOLDER + 1, DOT) && isCalled(FOLDER + 2, SLASH);
}

function isCalled(fd: u32, letter: u32): bool {
  if (wasi.fd_prestat_get(fd, STAT) != 0 || load<u32>(STAT, 4) != 1) return false;
  return wasi.fd_prestat_dir_name(fd, PLACED, 1) == 0 && <u32>load<u8>(PLACED) == letter;
}
