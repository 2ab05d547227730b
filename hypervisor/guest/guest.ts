// What a guest is: one block of bytes. Saved and restored as it lies, so it holds values, offsets and indices, no pointers.
//
//   GUESTS + id * GUEST_STRIDE
//   +0x000000  Guest            head: shape, state, wires, bill
//   +0x001000  frame map        1024 words, each the frame of a leaf of 1024 entries (guest/ram.ts)
//   +0x002000  devices          DEVICE_SLOTS pages, one device each (devices/device.ts)
//   +0x01a000  papers           images, command line, seed, PMU words: what a start needs (vmm/papers.ts)
//   +0x01f000  traffic          limits and counters of devices (devices/traffic.ts)
//   +0x020000  harts            MAX_HARTS strides: registers, then TLBs that are rebuilt, never saved (cpu/hart.ts)

import { GUEST_RAM_BASE, MAX_GUESTS, MAX_HARTS, PAGE_SIZE } from "../abi";
import { GUESTS, GUEST_STRIDE } from "../core/layout";
import * as lock from "../core/lock";

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
  /** Pages that have a frame for themselves, and frames of the map: guest/promises keeps them. */
  owned: u32;
  leaves: u32;
  /** Grows when a page gets another frame: TLBs filled before are void. */
  mapGeneration: u32;
  /** The machine had no frame when this guest needed one: a note that vmm/memory takes away. */
  starved: u32;

  // Wires: owned by guest/lines. Devices set lines; the interrupt controllers turn them into bits of `mip`.
  /** Level of each interrupt line, bit n = source n (1 … 63). */
  lines: u64;
  /** Grows with each change of `lines`. */
  linesChanged: u32;
  /** For each hart the interrupt bits that wires hold high, as in `mip` (MSIP 3, MTIP 7, SEIP 9, MEIP 11). */
  wires0: u32; wires1: u32; wires2: u32; wires3: u32;
  wires4: u32; wires5: u32; wires6: u32; wires7: u32;

  /**
   * For each hart a count that is odd while it executes guest code on some CPU: owned by guest/presence. Who takes a frame away
   * waits until the counts of all harts have moved.
   */
  presence0: u32; presence1: u32; presence2: u32; presence3: u32;
  presence4: u32; presence5: u32; presence6: u32; presence7: u32;
  /** For each hart interrupt bits, as in `mip`, that other harts have set and it has not taken over: owned by guest/lines. */
  posted0: u32; posted1: u32; posted2: u32; posted3: u32;
  posted4: u32; posted5: u32; posted6: u32; posted7: u32;

  /** A virtio driver may have made a chain available without telling us: owned by devices/virtio/queue. */
  unheard: u32;
  /** Devices wait for frames: a note of devices/virtio/queue, taken away by vmm/service when it looks again. */
  lacking: u32;
  /** Slots of network devices whose drivers want to send: noted by devices/virtio/net, for vmm/wire. */
  sends: u32;
  /** core/lock: held by whoever works on the guest's devices, calls, wires or life; never while a hart executes guest code. */
  lock: u32;

  // Shares, as the host has set them: owned by vmm/settings.
  /** Share of the CPUs, 1 … 65535. */
  weight: u32;
  /** Most and least it gets of one CPU, 1 being all of it; 0: none. */
  cap: f64;
  reservation: f64;
  /** Pages that have a frame whenever they are touched, and that it shall keep. */
  guarantee: u32;
  target: u32;
  /** 1: pages that are like others may be shared with these. */
  sharing: u32;

  // The bill (law 5), in ns unless said otherwise: owned by vmm/bill. Several CPUs may work for one guest, so sums are atomic.
  guestNs: u64;
  deviceNs: u64;
  kernelNs: u64;
  idleNs: u64;
  /** Of kernelNs what translating took. */
  translateNs: u64;
  /** MMIO accesses that reached the bus. */
  mmio: u64;
  sbiCalls: u64;
  /** What a well-behaved guest never does (law 6). */
  offences: u64;
  /** Guest time in ns, and instructions, at the first instruction in U mode; 0: none yet. */
  firstUserNs: f64;
  firstUserInstructions: u64;
  /** CPU on which STOP_DIVERGED was found, which has the report. */
  divergedOn: u32;
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

/** Address of the guest's lock, for core/lock. */
export function lockOf(guest: Guest): usize {
  return changetype<usize>(guest) + offsetof<Guest>("lock");
}

/** Takes the guest's lock. Leaf locks (frames, schedule) may be taken behind it, another guest's may not. */
export function acquire(guest: Guest): void {
  lock.acquire(lockOf(guest));
}

/** Gives the guest's lock back. */
export function release(guest: Guest): void {
  lock.release(lockOf(guest));
}

/** Counts something a well-behaved guest never does. */
export function offend(guest: Guest): void {
  guest.offences++;
}
