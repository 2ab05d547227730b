// Images on their way into guest RAM: what a kernel must look like, and where kernel, initial RAM disk and device tree lie.
//
//   RAM_BASE        text_offset                                                        end of RAM
//   | (firmware) |  kernel file, then its bss  | free …  | tree room | initial RAM disk |
//
// What the kernel takes while it starts (file and bss) must not touch the rest; the RAM disk goes as high as it can.

import {
  BOOT_FIRMWARE, E_BAD_ARG, E_BAD_STATE, E_CORRUPT, E_NO_MEMORY, E_NO_SPACE, GUEST_DEFINED, LOAD_INITRD, LOAD_KERNEL,
  LOAD_PHYSICAL, OK, PAGE_SIZE, WINDOW_SIZE,
} from "../abi";
import { WINDOW } from "../core/layout";
import { Guest, RAM_BASE } from "../guest/guest";
import * as ram from "../guest/ram";
import { Papers, papersOf } from "./papers";

// The header of a RISC-V Image (Linux, Documentation/arch/riscv/boot-image-header.rst).
const IMAGE_TEXT_OFFSET: usize = 8;
const IMAGE_SIZE: usize = 16;
const IMAGE_MAGIC2: usize = 56;
const IMAGE_HEADER_SIZE: u32 = 64;
/** "RSC\x05". */
const RISCV_IMAGE_MAGIC2: u32 = 0x0543_5352;

// The same file is a PE executable for UEFI where the kernel has an EFI stub (PE format specification, chapters 3 and 4).
const DOS_MAGIC: u32 = 0x5a4d;
const DOS_PE_OFFSET: usize = 60;
const PE_MAGIC: u32 = 0x4550;
const PE_SECTION_COUNT: usize = 6;
const PE_OPTIONAL_SIZE: usize = 20;
const PE_HEADER_SIZE: u32 = 24;
const PE_SECTION_SIZE: u32 = 40;
const SECTION_RAW_SIZE: usize = 16;
const SECTION_RAW_OFFSET: usize = 20;

/** RV64 kernels run on a 2 MiB boundary, because they map themselves with pages of that size. */
const KERNEL_ALIGNMENT: u64 = 0x20_0000;
/** Where firmware finds the next stage: what OpenSBI's fw_jump is built for. */
const FIRMWARE_NEXT_OFFSET: u64 = 0x20_0000;

/** Bytes kept for the device tree, and their alignment, so that it never lies across a 2 MiB boundary. */
export const TREE_ROOM: u64 = 0x1_0000;

/** One past the last byte of RAM. */
function ramEnd(guest: Guest): u64 {
  return RAM_BASE + (guest.ramPages << 12);
}

/** Where the tree room lies when everything from `ceiling` on is taken. */
function treeRoomBelow(ceiling: u64): u64 {
  return ceiling - TREE_ROOM & ~(TREE_ROOM - 1);
}

/** Where the device tree of this guest goes. */
export function treeBase(guest: Guest): u64 {
  const papers = papersOf(guest);
  return treeRoomBelow(papers.initrdBase != 0 ? papers.initrdBase : ramEnd(guest));
}

/** Have all bytes come of all images that were begun, and is there one to start with? */
export function areComplete(guest: Guest): bool {
  const papers = papersOf(guest);
  if (papers.kernelLoaded != papers.kernelBytes || papers.initrdLoaded != papers.initrdBytes) return false;
  return guest.boot == BOOT_FIRMWARE || papers.kernelBase != 0;
}

/** Does the first chunk of the kernel, in the window, begin with a RISC-V Image header? */
function isImage(length: u32): bool {
  return length >= IMAGE_HEADER_SIZE && load<u32>(WINDOW, IMAGE_MAGIC2) == RISCV_IMAGE_MAGIC2;
}

/** An image that claims less is no kernel of a size to tell from: a test program may well be mostly bss. */
const IMAGE_SIZE_TELLING: u64 = 0x10_0000;

/**
 * Bytes the file must have by its own word. A PE header tells exactly where the last section ends. Without one there is
 * only image_size, which counts bss too: a file of less than a quarter of it has surely lost its end.
 */
function leastFileSize(length: u32): u64 {
  const pe = load<u32>(WINDOW, DOS_PE_OFFSET);
  if ((load<u32>(WINDOW) & 0xffff) != DOS_MAGIC || pe > length - PE_HEADER_SIZE || load<u32>(WINDOW + pe) != PE_MAGIC) {
    const size = load<u64>(WINDOW, IMAGE_SIZE);
    return size < IMAGE_SIZE_TELLING ? IMAGE_HEADER_SIZE : size >> 2;
  }
  let section = pe + PE_HEADER_SIZE + load<u16>(WINDOW + pe, PE_OPTIONAL_SIZE);
  let end: u64 = 0;
  let left: u32 = load<u16>(WINDOW + pe, PE_SECTION_COUNT);
  for (; left > 0 && section + PE_SECTION_SIZE <= length; left--) {
    const sectionEnd = <u64>load<u32>(WINDOW + section, SECTION_RAW_OFFSET) + load<u32>(WINDOW + section, SECTION_RAW_SIZE);
    if (sectionEnd > end) end = sectionEnd;
    section += PE_SECTION_SIZE;
  }
  // A table that goes on behind the first chunk is one that was cut off.
  return left == 0 ? end : ~(<u64>0);
}

/** Decides where a kernel of `total` bytes goes whose first `length` are in the window. */
function placeKernel(guest: Guest, papers: Papers, total: u64, length: u32): i32 {
  const ramBytes = guest.ramPages << 12;
  const image = isImage(length);
  if (!image && guest.boot != BOOT_FIRMWARE) return E_CORRUPT;
  let offset = FIRMWARE_NEXT_OFFSET;
  let size = total;
  if (image) {
    if (total < leastFileSize(length)) return E_CORRUPT;
    if (load<u64>(WINDOW, IMAGE_SIZE) > size) size = load<u64>(WINDOW, IMAGE_SIZE);
    if (guest.boot != BOOT_FIRMWARE) offset = load<u64>(WINDOW, IMAGE_TEXT_OFFSET);
    if ((offset & KERNEL_ALIGNMENT - 1) != 0) return E_CORRUPT;
  }
  if (offset > ramBytes || size > ramBytes || RAM_BASE + offset + size > treeBase(guest)) return E_NO_SPACE;
  papers.kernelBase = RAM_BASE + offset;
  papers.kernelEnd = RAM_BASE + offset + size;
  papers.kernelBytes = total;
  papers.kernelLoaded = 0;
  return OK;
}

/** Decides where an initial RAM disk of `total` bytes goes. */
function placeInitrd(guest: Guest, papers: Papers, total: u64): i32 {
  if (total > guest.ramPages << 12) return E_NO_SPACE;
  const base = ramEnd(guest) - total & ~(<u64>PAGE_SIZE - 1);
  const floor = papers.kernelBase != 0 ? papers.kernelEnd : RAM_BASE;
  if (base < floor + TREE_ROOM || treeRoomBelow(base) < floor) return E_NO_SPACE;
  papers.initrdBase = base;
  papers.initrdBytes = total;
  papers.initrdLoaded = 0;
  return OK;
}

/** Copies the window into RAM. */
function copy(guest: Guest, gpa: u64, length: u32): i32 {
  if (ram.copyIn(guest, gpa, WINDOW, length)) return OK;
  guest.starved = 0;
  return E_NO_MEMORY;
}

function loadKernel(guest: Guest, offset: u64, total: u64, length: u32): i32 {
  const papers = papersOf(guest);
  if (offset == 0) {
    const code = placeKernel(guest, papers, total, length);
    if (code != OK) return code;
  } else if (total != papers.kernelBytes || offset != papers.kernelLoaded) {
    return E_BAD_ARG;
  }
  const code = copy(guest, papers.kernelBase + offset, length);
  if (code == OK) papers.kernelLoaded += length;
  return code;
}

function loadInitrd(guest: Guest, offset: u64, total: u64, length: u32): i32 {
  const papers = papersOf(guest);
  if (offset == 0) {
    const code = placeInitrd(guest, papers, total);
    if (code != OK) return code;
  } else if (total != papers.initrdBytes || offset != papers.initrdLoaded) {
    return E_BAD_ARG;
  }
  const code = copy(guest, papers.initrdBase + offset, length);
  if (code == OK) papers.initrdLoaded += length;
  return code;
}

/**
 * Takes the next `length` bytes of an image from the window. Kernel and RAM disk come in order and are placed with their
 * first chunk, which must hold the kernel's headers (a page will do); beginning again at offset 0 replaces them.
 */
export function take(guest: Guest, what: u32, offset: u64, total: u64, length: u32): i32 {
  if (guest.state != GUEST_DEFINED) return E_BAD_STATE;
  if (length == 0 || length > <u32>WINDOW_SIZE) return E_BAD_ARG;
  if (what == LOAD_PHYSICAL) return ram.hasRange(guest, offset, length) ? copy(guest, offset, length) : E_NO_SPACE;
  if (offset > total || length > total - offset) return E_BAD_ARG;
  if (what == LOAD_KERNEL) return loadKernel(guest, offset, total, length);
  if (what == LOAD_INITRD) return loadInitrd(guest, offset, total, length);
  return E_BAD_ARG;
}
