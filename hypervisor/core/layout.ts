// Where everything lies in linear memory. Each address is derived from the one before.
//
//   0          static data of the kernel (constant tables)
//   MACHINE    the machine's own state: frame pool, stale ring, mailbox, schedule, epitaph
//   CPUS       one page per physical CPU
//   WINDOW     through which the host hands over images and reads reports
//   FRAME_INFO one u32 for each frame of the machine (references, flags)
//   GUESTS     one block per guest
//   SHARING    what is known of pages that may be like others
//   NETS       networks: ports, addresses, connections, and a desk for frames per physical CPU
//   JIT        what each physical CPU knows of translated code, and room to translate in
//   code       one cache of decoded code per physical CPU, as large as `boot` was told
//   FRAMES     all the rest, in 4 KiB frames
//
// Linear memory is committed by the engine on first touch, so generous strides cost address space, not memory.

import { CODE_BYTES, CPU_BYTES, MAX_CPUS, MAX_GUESTS, PAGE_SIZE, WINDOW_SIZE } from "../abi";

export const MACHINE: usize = 0x0004_0000;
export const MACHINE_SIZE: usize = 0x0002_0000;

/** Words that threads of the host write too: MAILBOX_* of abi.ts. */
export const MAILBOX: usize = MACHINE + 0x8000;
/** Who runs where, and who is next (vmm/scheduler divides it). */
export const SCHEDULE: usize = MACHINE + 0x9000;
export const SCHEDULE_SIZE: usize = 0x1_6000;

export const CPUS: usize = MACHINE + MACHINE_SIZE;
export const CPU_STRIDE: usize = 0x2000;

export const WINDOW: usize = 0x0010_0000;

export const FRAME_INFO: usize = WINDOW + WINDOW_SIZE;
/** 4 GiB in frames: what a 32-bit linear memory can hold. */
export const MAX_FRAMES: u32 = 1 << 20;

export const GUESTS: usize = FRAME_INFO + (<usize>MAX_FRAMES << 2);
/** One guest block: head, frame map, devices, harts with their TLBs (guest/guest.ts divides it). */
export const GUEST_STRIDE: usize = 0x0020_0000;

/** What is known of pages that may be like others (vmm/memory/sharing.ts divides it). */
export const SHARING: usize = GUESTS + <usize>MAX_GUESTS * GUEST_STRIDE;
export const SHARING_SIZE: usize = 0x0080_0000;

/** What the machine's switch and routers know (net/layout.ts divides it). */
export const NETS: usize = SHARING + SHARING_SIZE;
export const NETS_SIZE: usize = 0x0120_0000;

export const JIT: usize = NETS + NETS_SIZE;
/** Bytes that one physical CPU has for translated code: what it knows of it, and the translator's desk (cpu/regions.ts divides it). */
export const JIT_STRIDE: usize = 0x0080_0000;

/** Where the caches of decoded code begin on a machine with that many physical CPUs (cpu/code.ts divides each). */
export function codeBase(cpus: u32): usize {
  return JIT + <usize>cpus * JIT_STRIDE;
}

/** First byte of the frame pool on a machine with that many physical CPUs, each with so many bytes for decoded code. */
export function framesBase(cpus: u32, codeBytes: u32): usize {
  return codeBase(cpus) + <usize>cpus * codeBytes;
}

if (<usize>CODE_BYTES + JIT_STRIDE != <usize>CPU_BYTES) ERROR("the host is told another size of a CPU");
if (SCHEDULE + SCHEDULE_SIZE + 256 > CPUS) ERROR("the schedule runs into the epitaph");
if (CPUS + <usize>MAX_CPUS * CPU_STRIDE > WINDOW) ERROR("the CPUs' pages run into the window");
if ((GUESTS & (PAGE_SIZE - 1)) != 0) ERROR("guest blocks must start on a page");
