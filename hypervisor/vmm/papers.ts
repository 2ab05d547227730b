// The papers of a guest: what vmm keeps about it beyond its shape - images, command line, seed, pause, counters.
//
//   guest block + 0x1a000  Papers
//                + 0x1a200  command line, SPEC_CMDLINE_MAX bytes and a NUL: in the same page as far as it can

import { MAX_HARTS, PAGE_SIZE, SPEC_CMDLINE_MAX } from "../abi";
import { DEVICES, DEVICE_SLOTS, Guest, HARTS } from "../guest/guest";

const PAPERS: usize = DEVICES + DEVICE_SLOTS * PAGE_SIZE;
const COMMAND_LINE: usize = PAPERS + 0x200;

if (COMMAND_LINE + <usize>SPEC_CMDLINE_MAX + 1 > HARTS) ERROR("the command line runs into the harts");

if (offsetof<Papers>() > COMMAND_LINE - PAPERS) ERROR("the papers run into the command line");

/** Lies in the guest block, so it holds no pointers. */
@unmanaged @final
export class Papers {
  // Images, all in guest-physical addresses: owned by vmm/images.
  /** First byte of the kernel, 0: none given. */
  kernelBase: u64;
  /** Bytes of the kernel's file, and how many of them have come. */
  kernelBytes: u64;
  kernelLoaded: u64;
  /** One past the last byte the kernel uses before it reads the device tree: file and bss. */
  kernelEnd: u64;
  /** First byte of the initial RAM disk, 0: none given. */
  initrdBase: u64;
  initrdBytes: u64;
  initrdLoaded: u64;

  // How the harts start: owned by vmm/boot.
  /** Where harts start in firmware mode. */
  entry: u64;
  /** Where the device tree lies. */
  treeBase: u64;
  /** What kaslr-seed and rng-seed are made of; 0: the machine's entropy. */
  seed: u64;
  /** Bytes of the command line. */
  commandLineBytes: u32;

  // Time: owned by vmm/table.
  /** host.now() when the guest was paused. */
  pausedAt: f64;

  // SBI PMU (chapter 11), one word a hart: bit n = counter n is configured, bit 16 + n = it counts. Owned by vmm/sbi/pmu.
  pmu0: u32; pmu1: u32; pmu2: u32; pmu3: u32;
  pmu4: u32; pmu5: u32; pmu6: u32; pmu7: u32;

  /** SBI STA (chapter 16): guest-physical address of each hart's 64 bytes, 0: none. Owned by vmm/sbi/sta. */
  sta0: u64; sta1: u64; sta2: u64; sta3: u64;
  sta4: u64; sta5: u64; sta6: u64; sta7: u64;

  /** One byte on its way between a register and the host's console: owned by vmm/sbi/console. */
  scratch: u32;

  /** PMU word of a hart. */
  pmu(hart: u32): u32 {
    return load<u32>(changetype<usize>(this) + (<usize>hart << 2), offsetof<Papers>("pmu0"));
  }

  /** Sets the PMU word of a hart. */
  setPmu(hart: u32, word: u32): void {
    store<u32>(changetype<usize>(this) + (<usize>hart << 2), word, offsetof<Papers>("pmu0"));
  }

  /** Where a hart wants to be told of steal time. */
  sta(hart: u32): u64 {
    return load<u64>(changetype<usize>(this) + (<usize>hart << 3), offsetof<Papers>("sta0"));
  }

  /** Sets where a hart wants to be told of it. */
  setSta(hart: u32, gpa: u64): void {
    store<u64>(changetype<usize>(this) + (<usize>hart << 3), gpa, offsetof<Papers>("sta0"));
  }
}

if (offsetof<Papers>() > <usize>PAGE_SIZE) ERROR("Papers run into the command line");
if (offsetof<Papers>("pmu7") - offsetof<Papers>("pmu0") != <usize>(MAX_HARTS - 1) * 4) ERROR("one PMU word for each hart");
if (offsetof<Papers>("sta7") - offsetof<Papers>("sta0") != <usize>(MAX_HARTS - 1) * 8) ERROR("one STA address for each hart");

/** The papers of a guest. */
export function papersOf(guest: Guest): Papers {
  return changetype<Papers>(changetype<usize>(guest) + PAPERS);
}

/** Where the command line of a guest lies, with a NUL at its end. */
export function commandLine(guest: Guest): usize {
  return changetype<usize>(guest) + COMMAND_LINE;
}
