// What a guest is: one block of bytes. Saved and restored as it lies, so it holds values, offsets and indices, no pointers.
//
//   GUESTS + id * GUEST_STRIDE
//   +0x000000  Guest            head: shape, state, wires, bill
//   +0x001000  frame map        1024 words, each the frame of a leaf of 1024 entries (guest/ram.ts)
//   +0x002000  devices          DEVICE_SLOTS pages, one device each (devices/device.ts)
//   +0x01a000  papers           images, command line, seed, PMU words: what a start needs (vmm/papers.ts)
//   +0x020000  harts            MAX_HARTS strides: registers, then TLBs that are rebuilt, never saved (cpu/hart.ts)

import { GUEST_RAM_BASE, MAX_GUESTS, MAX_HARTS, PAGE_SIZE } from "../abi";
import { GUESTS, GUEST_STRIDE } from "../core/layout";

export const MAP_ROOT: usize = 0x1000;
export const DEVICES: usize = 0x2000;
export const DEVICE_SLOTS: u32 = 24;
export const HARTS: usize = 0x20000;
export const HART_STRIDE: usize = 0x38000;

/** Where guest RAM begins. */
export const RAM_BASE: u64 = GUEST_RAM_BASE;

if (DEVICES + DEVICE_SLOTS * PAGE_SIZE > HARTS) ERROR("the devices run into the harts");
if (HARTS + <usize>MAX_HARTS * HART_STRIDE > GUEST_STRIDE) ERROR("the harts run out of the guest block");

/** Head of a guest block. */
@unmanaged @final
export class Guest {
  // Shape: set by vmm/table when the guest is defined, fixed afterwards.
  /** Index of this guest in the machine. */
  id: u32;
  /** Number of harts, 1 … MAX_HARTS. */
  harts: u32;
  /** Size of RAM in pages; RAM is [RAM_BASE, RAM_BASE + ramPages * 4096). */
  ramPages: u64;
  /** BOOT_DIRECT: we are the SBI. BOOT_FIRMWARE: harts start in M mode and bring their own. */
  boot: u32;
  /** TRANSLATOR_*, and the instructions that code must have cost before it is translated. */
  translator: u32;
  heat: u32;
  /** Number of devices in use; they fill the slots from 0. */
  devices: u32;

  // State: owned by vmm.
  /** GUEST_*. */
  state: u32;
  /** STOP_*, once `state` is GUEST_STOPPED. */
  stop: u32;
  /** HTIF: number of the failed test, or the exit value of the device that stopped the guest. */
  stopCode: u32;
  /** The guest asked for a reset: 1 cold, 2 warm, as SBI counts (system reset, chapter 10); 0: it did not. */
  resetAsked: u32;
  /** Guest time in ns = host.now() - timeOffset. */
  timeOffset: f64;
  /** Guest-physical address of the HTIF `tohost` word, 0: none. */
  tohost: u64;

  // RAM: owned by guest/ram.
  /** Pages that have a frame. */
  touched: u32;
  /** Grows when a page gets another frame: TLBs filled before are void. */
  mapGeneration: u32;
  /** The machine had no frame when this guest needed one. */
  starved: u32;

  // Wires: owned by guest/lines. Devices set lines; the interrupt controllers turn them into bits of `mip`.
  /** Level of each interrupt line, bit n = source n (1 … 63). */
  lines: u64;
  /** Grows with each change of `lines`. */
  linesChanged: u32;
  /** For each hart the interrupt bits that wires hold high, as in `mip` (MSIP 3, MTIP 7, SEIP 9, MEIP 11). */
  wires0: u32; wires1: u32; wires2: u32; wires3: u32;
  wires4: u32; wires5: u32; wires6: u32; wires7: u32;

  // The bill (law 5), in ns unless said otherwise: owned by vmm.
  guestNs: f64;
  deviceNs: f64;
  kernelNs: f64;
  idleNs: f64;
  /** MMIO accesses that reached the bus. */
  mmio: u64;
  sbiCalls: u64;
  /** What a well-behaved guest never does (law 6). */
  offences: u64;
  /** Guest time in ns, and instructions, at the first instruction in U mode; 0: none yet. */
  firstUserNs: f64;
  firstUserInstructions: u64;
  /** Of kernelNs what translating took. */
  translateNs: f64;
  /** What it was given beyond its turns, in slices that ran long and in translating, and has not made up for by waiting. */
  debtNs: f64;
  /** Hot entries that could not be translated. */
  refusals: u64;
}

if (offsetof<Guest>() > <usize>PAGE_SIZE) ERROR("Guest runs into the frame map");

/** The guest with this index; it must be below MAX_GUESTS. */
export function guestAt(id: u32): Guest {
  assert(id < <u32>MAX_GUESTS);
  return changetype<Guest>(GUESTS + <usize>id * GUEST_STRIDE);
}

/** Address of the i-th hart's block. */
export function hartBlock(guest: Guest, i: u32): usize {
  return changetype<usize>(guest) + HARTS + <usize>i * HART_STRIDE;
}

/** Address of the i-th device's page. */
export function deviceBlock(guest: Guest, i: u32): usize {
  return changetype<usize>(guest) + DEVICES + <usize>i * PAGE_SIZE;
}

/** Counts something a well-behaved guest never does. */
export function offend(guest: Guest): void {
  guest.offences++;
}
