// One RISC-V hart, as bytes: registers, CSRs, and the note it leaves when it stops.
// Saved and restored as it lies up to HART_STATE_END; what follows (TLBs) is rebuilt.
//
//   hartBlock + 0        Hart
//   hartBlock + TLB      four TLB sets and the lists of their fills (cpu/tlb.ts)
//   hartBlock + PATHS    ways to page tables (cpu/paths.ts)
//   hartBlock + SPACES   TLB entries of address spaces that were left (cpu/spaces.ts)

import { MAX_HARTS } from "../abi";
import { Guest, guestAt, hartBlock } from "../guest/guest";

export const PRIV_U: u32 = 0;
export const PRIV_S: u32 = 1;
export const PRIV_M: u32 = 3;

/** Why `run` returned. */
export const EXIT_BUDGET: u32 = 0;
/** A load from an address that is not RAM: exitAddress, exitSize; answer with `completeLoad`. */
export const EXIT_LOAD: u32 = 1;
/** A store to an address that is not RAM: exitAddress, exitSize, exitValue. The hart has gone on. */
export const EXIT_STORE: u32 = 2;
/** `ecall` from S mode while the hypervisor is the SBI; pc is behind the ecall. */
export const EXIT_ECALL: u32 = 3;
/** `wfi` or `wrs.*` with nothing pending; pc is behind it. */
export const EXIT_WFI: u32 = 4;
/** The guest needed a frame and the machine had none. The instruction has not happened. */
export const EXIT_NO_MEMORY: u32 = 5;
/** A CSR changed that timers or wires depend on (stimecmp, menvcfg, mip): look again, then go on. */
export const EXIT_TIMER: u32 = 6;
/** Translated code and the interpreter disagreed: cpu/verify.ts has the report. */
export const EXIT_DIVERGED: u32 = 7;
/** `pause` in a guest with several harts: it spins, and another one may be who it waits for. */
export const EXIT_PAUSE: u32 = 8;

@unmanaged @final
export class Hart {
  // Integer registers: first, because the interpreter and the translator address them as hart + 8 * number. x0 stays 0.
  x0: u64; x1: u64; x2: u64; x3: u64; x4: u64; x5: u64; x6: u64; x7: u64;
  x8: u64; x9: u64; x10: u64; x11: u64; x12: u64; x13: u64; x14: u64; x15: u64;
  x16: u64; x17: u64; x18: u64; x19: u64; x20: u64; x21: u64; x22: u64; x23: u64;
  x24: u64; x25: u64; x26: u64; x27: u64; x28: u64; x29: u64; x30: u64; x31: u64;
  // Floating-point registers, singles NaN-boxed.
  f0: u64; f1: u64; f2: u64; f3: u64; f4: u64; f5: u64; f6: u64; f7: u64;
  f8: u64; f9: u64; f10: u64; f11: u64; f12: u64; f13: u64; f14: u64; f15: u64;
  f16: u64; f17: u64; f18: u64; f19: u64; f20: u64; f21: u64; f22: u64; f23: u64;
  f24: u64; f25: u64; f26: u64; f27: u64; f28: u64; f29: u64; f30: u64; f31: u64;

  /** Next instruction, guest virtual. */
  pc: u64;
  /** PRIV_*. */
  priv: u32;
  /** Instructions this run may still retire. */
  left: i32;
  /** Instructions retired since reset (minstret and mcycle are offsets from it). */
  retired: u64;

  // Floating point: fflags and frm, and what the fast paths ask of them (cpu/fpu.ts keeps both in step).
  fflags: u32;
  frm: u32;
  /**
   * 0x7fd while a double result with a normal exponent can change no flag (NX set, frm RNE, FS dirty), else 0. An exponent of
   * 2 … 0x7fe is beyond doubt. With 1 a product or a quotient may have been rounded up from below, which underflows.
   */
  floatLimitDouble: u64;
  /** 0xfd or 0: the same for singles. */
  floatLimitSingle: u64;
  /** 1 while FS is dirty: loads and moves need no check. */
  floatDirty: u32;

  /** Index of this hart in its guest (mhartid), and the guest's id. */
  index: u32;
  guest: u32;
  /** 1 while the hart is stopped (SBI HSM) or waits for its start. */
  stopped: u32;
  /** 1 while it waits in wfi. */
  waiting: u32;
  /** 1 while the hart waits for a frame that its guest can't have now (vmm/memory/starvation.ts). */
  starved: u32;

  // Reservation of LR: guest-physical address, value seen, bytes (0: none).
  reservationSize: u32;
  reservationAddress: u64;
  reservationValue: u64;

  // Why it stopped.
  exitAddress: u64;
  exitValue: u64;
  /** Bytes of the access: 1, 2, 4, 8. */
  exitSize: u32;
  /** Where the value of an EXIT_LOAD goes: register number, and EXTEND_* of cpu/access.ts. */
  exitRegister: u32;
  exitExtend: u32;
  /** Bytes of the instruction that caused the exit. */
  exitLength: u32;

  // Trap about to be taken: cause, value (mtval).
  trapCause: u64;
  trapValue: u64;

  // Machine-mode CSRs (privileged spec, chapter 3).
  mstatus: u64;
  medeleg: u64;
  mideleg: u64;
  mie: u64;
  /** Bits of mip that software owns (SSIP, and STIP without Sstc, SEIP's soft half); wires are ORed in. */
  mip: u64;
  mtvec: u64;
  mscratch: u64;
  mepc: u64;
  mcause: u64;
  mtval: u64;
  mcounteren: u64;
  mcountinhibit: u64;
  menvcfg: u64;
  /** mcycle and minstret are `retired` + these. */
  mcycleOffset: u64;
  minstretOffset: u64;

  // Supervisor-mode CSRs (chapter 10); sstatus, sie, sip are views.
  stvec: u64;
  sscratch: u64;
  sepc: u64;
  scause: u64;
  stval: u64;
  scounteren: u64;
  senvcfg: u64;
  satp: u64;
  stimecmp: u64;

  // Physical memory protection: 16 entries. pmpcfg as 16 bytes, pmpaddr as 16 words.
  pmpcfg0: u64; pmpcfg2: u64;
  pmpaddr0: u64; pmpaddr1: u64; pmpaddr2: u64; pmpaddr3: u64;
  pmpaddr4: u64; pmpaddr5: u64; pmpaddr6: u64; pmpaddr7: u64;
  pmpaddr8: u64; pmpaddr9: u64; pmpaddr10: u64; pmpaddr11: u64;
  pmpaddr12: u64; pmpaddr13: u64; pmpaddr14: u64; pmpaddr15: u64;
  /** 1 where the guest brings its own firmware; under our SBI all memory is open, as firmware would have left it. */
  pmpActive: u32;

  // Counted for the report.
  traps: u64;
  interrupts: u64;
  tlbFills: u64;
  /** Instructions retired in translated code, and how often it was entered. */
  translated: u64;
  entries: u64;

  // Derived, rebuilt after a restore (cpu/tlb.ts): not part of the saved state.
  /** Byte offset from the hart of the TLB set that data accesses use now. */
  dataSet: u32;
  /** The same for fetches. */
  fetchSet: u32;
  /** Guest.mapGeneration when the TLBs were last emptied. */
  mapGeneration: u32;
  /** 1 + the CPU that it last executed on, to which fetch TLBs, their epochs, `site` and `sharedMiss` belong; 0: none. */
  cpu: u32;
  /** 1 if the guest has other harts: then fences order, and `pause` leaves. */
  hasSiblings: u32;
  /** How often it has paused. */
  pauses: u32;
  /** That CPU's code generation (cpu/code.ts) when the fetch TLBs were last true. */
  codeGeneration: u32;
  /** The machine's count of frames that became code when the write TLBs were last true. */
  codeMarks: u32;
  /** The decoded page that `burst` stopped in. */
  codePage: u32;
  /** Guest-virtual address of the access that missed. */
  missAddress: u64;
  /** Another number for each time that fetch TLB entries were emptied, on this CPU. */
  fetchEpoch: u32;
  /** 1: translated code was left as bytes that share one look at the TLB were not all there. */
  sharedMiss: u32;
  /** Guest-virtual address of the indirect jump or call through which translated code goes elsewhere; 0: none. */
  site: u64;
  /** The unit whose code runs, or was left last: `site` and `sharedMiss` are about it. */
  unit: u32;
  /** Instructions a ns that it has lately done: owned by vmm/scheduler; 0: not known. */
  speed: f64;
  /** Instructions until the interpreter looks again at what it is doing; below 0: it is looking (cpu/run.ts). */
  untilLook: i32;
  /**
   * How many entries each TLB set has been given since it was last emptied, and how many of those of S and SUM hold in this
   * address space alone; they are listed behind the sets.
   */
  fills0: u32; fills1: u32; fills2: u32; fills3: u32;
  localFills1: u32; localFills2: u32;
  /** The last translation holds in every address space: its leaf, or a table on the way, is marked G. */
  isGlobal: u32;
  /** What `fetchEpoch` is in U, S and M mode. */
  epochU: u32; epochS: u32; epochM: u32;
  /** Number of the address space in use, and of the last one that got one (cpu/paths.ts). */
  space: u64;
  lastSpace: u64;
  /** Grows when what was kept of address spaces left (cpu/spaces.ts) is void. */
  flushes: u32;
  /** Grows with each change of the address space. */
  spaceChanges: u32;
  /** Which gigabytes hold superpages that the TLBs know: a filter of 64 bits, see tlb.ts. */
  superpages: u64;

  /** Fences that others have posted (cpu/fences.ts): bits, how many ranges, and the lock of these. */
  fences: u32;
  fenceCount: u32;
  fenceLock: u32;
  fenceAddress0: u64; fencePages0: u64; fenceAddress1: u64; fencePages1: u64;
  fenceAddress2: u64; fencePages2: u64; fenceAddress3: u64; fencePages3: u64;

  /** Register number `i`; x0 reads 0. */
  x(i: u32): u64 {
    return load<u64>(changetype<usize>(this) + (<usize>i << 3));
  }

  /** Sets register number `i`; x0 stays 0. */
  setX(i: u32, value: u64): void {
    if (i != 0) store<u64>(changetype<usize>(this) + (<usize>i << 3), value);
  }

  /** Floating-point register number `i`. */
  f(i: u32): u64 {
    return load<u64>(changetype<usize>(this) + (<usize>i << 3), offsetof<Hart>("f0"));
  }

  /** Sets floating-point register number `i`. */
  setF(i: u32, value: u64): void {
    store<u64>(changetype<usize>(this) + (<usize>i << 3), value, offsetof<Hart>("f0"));
  }
}

if (offsetof<Hart>("x0") != 0) ERROR("Hart.x0 moved: the interpreter counts on hart + 8 * number");
if (offsetof<Hart>("f0") != 256) ERROR("Hart.f0 moved: the interpreter counts on hart + 256 + 8 * number");
if (offsetof<Hart>() > 0x1000) ERROR("Hart runs into its TLBs");

/** The i-th hart of a guest. */
export function hartAt(guest: Guest, i: u32): Hart {
  assert(i < <u32>MAX_HARTS);
  return changetype<Hart>(hartBlock(guest, i));
}

/** The guest a hart belongs to. */
export function guestOf(hart: Hart): Guest {
  return guestAt(hart.guest);
}
