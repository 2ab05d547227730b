// Control and status registers: reading and writing by number, with WARL rules and privileges (privileged spec, chapter 2).

import { Guest } from "../guest/guest";
import * as host from "../host";
import * as C from "./csrs";
import * as fpu from "./fpu";
import { Hart, PRIV_M, PRIV_U } from "./hart";
import * as interrupts from "./interrupts";
import * as pmp from "./pmp";
import * as spaces from "./spaces";
import * as tlb from "./tlb";

/** Nothing to be looked at again. */
export const EFFECT_NONE: u32 = 0;
/** Interrupts may have become deliverable. */
export const EFFECT_INTERRUPTS: u32 = 1;
/** Timers must be looked at again. */
export const EFFECT_TIMER: u32 = 2;

/** What the last successful `read` gave. */
export let value: u64 = 0;

const MSTATUS_WRITABLE: u64 = C.MSTATUS_SIE | C.MSTATUS_MIE | C.MSTATUS_SPIE | C.MSTATUS_MPIE | C.MSTATUS_SPP |
  C.MSTATUS_MPP | C.MSTATUS_FS | tlb.MSTATUS_MPRV | tlb.MSTATUS_SUM | C.MSTATUS_MXR | C.MSTATUS_TVM | C.MSTATUS_TW |
  C.MSTATUS_TSR;
export const SSTATUS_WRITABLE: u64 = C.MSTATUS_SIE | C.MSTATUS_SPIE | C.MSTATUS_SPP | C.MSTATUS_FS | tlb.MSTATUS_SUM | C.MSTATUS_MXR;
/** UXL as it reads in sstatus. */
export const SSTATUS_UXL: u64 = 0x2_0000_0000;
/** RV64 with A C D F I M S U. */
const MISA: u64 = 0x8000_0000_0014_112d;
/** All exceptions but ecall from M (11) and the reserved ones. */
const MEDELEG_WRITABLE: u64 = 0xb3ff;
const MENVCFG_WRITABLE: u64 = C.MENVCFG_FIOM | C.MENVCFG_CBIE | C.MENVCFG_CBCFE | C.MENVCFG_CBZE | C.MENVCFG_ADUE |
  C.MENVCFG_PBMTE | C.MENVCFG_STCE;
export const SENVCFG_WRITABLE: u64 = C.MENVCFG_FIOM | C.MENVCFG_CBIE | C.MENVCFG_CBCFE | C.MENVCFG_CBZE;
/** CY, TM, IR: there are no other counters. */
const COUNTERS: u64 = 7;
const INHIBIT: u64 = 5;

/** Guest time in ticks of 100 ns. */
export function ticks(guest: Guest): u64 {
  return <u64>((host.now() - guest.timeOffset) / 100.0);
}

/** Does this register exist, and may the hart touch it so in its mode? */
function isOpen(hart: Hart, number: u32): bool {
  if (hart.priv < (number >> 8 & 3)) return false;
  switch (number) {
    case C.CSR_FFLAGS: case C.CSR_FRM: case C.CSR_FCSR: return fpu.isOn(hart);
    case C.CSR_CYCLE: case C.CSR_TIME: case C.CSR_INSTRET: {
      const bit: u64 = <u64>1 << (number & 3);
      if (hart.priv < PRIV_M && (hart.mcounteren & bit) == 0) return false;
      return hart.priv != PRIV_U || (hart.scounteren & bit) != 0;
    }
    case C.CSR_STIMECMP:
      return hart.priv == PRIV_M || ((hart.mcounteren & 2) != 0 && (hart.menvcfg & C.MENVCFG_STCE) != 0);
    case C.CSR_SATP:
      return hart.priv == PRIV_M || (hart.mstatus & C.MSTATUS_TVM) == 0;
    default:
      return true;
  }
}

function statusOf(hart: Hart): u64 {
  const status = hart.mstatus | C.MSTATUS_XL;
  return (status & C.MSTATUS_FS) == C.MSTATUS_FS ? status | C.MSTATUS_SD : status;
}

/** A counter: counts retired instructions from its offset on, or stands still while inhibited. */
function counter(hart: Hart, offset: u64, inhibit: u64): u64 {
  return (hart.mcountinhibit & inhibit) != 0 ? offset : hart.retired + offset;
}

/** Reads register `number` into `value`; false: illegal instruction. */
export function read(hart: Hart, guest: Guest, number: u32): bool {
  if (!isOpen(hart, number)) return false;
  switch (number) {
    case C.CSR_FFLAGS: value = hart.fflags; return true;
    case C.CSR_FRM: value = hart.frm; return true;
    case C.CSR_FCSR: value = hart.fflags | hart.frm << 5; return true;
    case C.CSR_SSTATUS: value = statusOf(hart) & (SSTATUS_WRITABLE | C.MSTATUS_SD) | SSTATUS_UXL; return true;
    case C.CSR_SIE: value = hart.mie & hart.mideleg; return true;
    case C.CSR_STVEC: value = hart.stvec; return true;
    case C.CSR_SCOUNTEREN: value = hart.scounteren; return true;
    case C.CSR_SENVCFG: value = hart.senvcfg; return true;
    case C.CSR_SSCRATCH: value = hart.sscratch; return true;
    case C.CSR_SEPC: value = hart.sepc; return true;
    case C.CSR_SCAUSE: value = hart.scause; return true;
    case C.CSR_STVAL: value = hart.stval; return true;
    case C.CSR_SIP: value = interrupts.pending(hart) & hart.mideleg; return true;
    case C.CSR_STIMECMP: value = hart.stimecmp; return true;
    case C.CSR_SATP: value = hart.satp; return true;
    case C.CSR_MSTATUS: value = statusOf(hart); return true;
    case C.CSR_MISA: value = MISA; return true;
    case C.CSR_MEDELEG: value = hart.medeleg; return true;
    case C.CSR_MIDELEG: value = hart.mideleg; return true;
    case C.CSR_MIE: value = hart.mie; return true;
    case C.CSR_MTVEC: value = hart.mtvec; return true;
    case C.CSR_MCOUNTEREN: value = hart.mcounteren; return true;
    case C.CSR_MENVCFG: value = hart.menvcfg; return true;
    case C.CSR_MCOUNTINHIBIT: value = hart.mcountinhibit; return true;
    case C.CSR_MSCRATCH: value = hart.mscratch; return true;
    case C.CSR_MEPC: value = hart.mepc; return true;
    case C.CSR_MCAUSE: value = hart.mcause; return true;
    case C.CSR_MTVAL: value = hart.mtval; return true;
    case C.CSR_MIP: value = interrupts.pending(hart); return true;
    case C.CSR_PMPCFG0: value = hart.pmpcfg0; return true;
    case C.CSR_PMPCFG0 + 2: value = hart.pmpcfg2; return true;
    case C.CSR_MCYCLE: case C.CSR_CYCLE: value = counter(hart, hart.mcycleOffset, 1); return true;
    case C.CSR_MINSTRET: case C.CSR_INSTRET: value = counter(hart, hart.minstretOffset, 4); return true;
    case C.CSR_TIME: value = ticks(guest); return true;
    case C.CSR_MHARTID: value = hart.index; return true;
    case C.CSR_MVENDORID: case C.CSR_MARCHID: case C.CSR_MIMPID: case C.CSR_MCONFIGPTR: value = 0; return true;
    default:
  }
  if (number >= C.CSR_PMPADDR0 && number < C.CSR_PMPADDR0 + pmp.PMP_ENTRIES) {
    value = pmp.address(hart, number - C.CSR_PMPADDR0);
    return true;
  }
  // Counters 3 … 31 exist and are zero (3.1.10); S and U never see them, as mcounteren has no bit for them.
  if ((number >= C.CSR_MHPMCOUNTER3 && number < C.CSR_MHPMCOUNTER3 + 29) ||
    (number >= C.CSR_MHPMEVENT3 && number < C.CSR_MHPMEVENT3 + 29) ||
    (number >= C.CSR_HPMCOUNTER3 && number < C.CSR_HPMCOUNTER3 + 29 && hart.priv == PRIV_M)) {
    value = 0;
    return true;
  }
  return false;
}

/** Writes a register that `read` has just allowed; EFFECT_*. Registers with bits 11:10 = 3 never come here. */
export function write(hart: Hart, number: u32, next: u64): u32 {
  switch (number) {
    case C.CSR_FFLAGS: hart.fflags = <u32>next & 31; fpu.touch(hart); return EFFECT_NONE;
    case C.CSR_FRM: hart.frm = <u32>next & 7; fpu.touch(hart); return EFFECT_NONE;
    case C.CSR_FCSR: hart.fflags = <u32>next & 31; hart.frm = <u32>next >> 5 & 7; fpu.touch(hart); return EFFECT_NONE;
    case C.CSR_SSTATUS: return setStatus(hart, hart.mstatus & ~SSTATUS_WRITABLE | next & SSTATUS_WRITABLE);
    case C.CSR_SIE: hart.mie = hart.mie & ~hart.mideleg | next & hart.mideleg; return EFFECT_INTERRUPTS;
    case C.CSR_STVEC: if ((next & 2) == 0) hart.stvec = next; return EFFECT_NONE;
    case C.CSR_SCOUNTEREN: hart.scounteren = next & COUNTERS; return EFFECT_NONE;
    case C.CSR_SENVCFG: hart.senvcfg = next & SENVCFG_WRITABLE; return EFFECT_NONE;
    case C.CSR_SSCRATCH: hart.sscratch = next; return EFFECT_NONE;
    case C.CSR_SEPC: hart.sepc = next & ~1; return EFFECT_NONE;
    case C.CSR_SCAUSE: hart.scause = next; return EFFECT_NONE;
    case C.CSR_STVAL: hart.stval = next; return EFFECT_NONE;
    case C.CSR_SIP: {
      const writable = hart.mideleg & C.MIP_SSIP;
      hart.mip = hart.mip & ~writable | next & writable;
      return EFFECT_INTERRUPTS;
    }
    case C.CSR_STIMECMP: hart.stimecmp = next; return EFFECT_TIMER;
    case C.CSR_SATP: return setSatp(hart, next);
    case C.CSR_MSTATUS: return setStatus(hart, hart.mstatus & ~MSTATUS_WRITABLE | next & MSTATUS_WRITABLE);
    case C.CSR_MEDELEG: hart.medeleg = next & MEDELEG_WRITABLE; return EFFECT_NONE;
    case C.CSR_MIDELEG: hart.mideleg = next & C.MIP_S; return EFFECT_INTERRUPTS;
    case C.CSR_MIE: hart.mie = next & 0xaaa; return EFFECT_INTERRUPTS;
    case C.CSR_MTVEC: if ((next & 2) == 0) hart.mtvec = next; return EFFECT_NONE;
    case C.CSR_MCOUNTEREN: hart.mcounteren = next & COUNTERS; return EFFECT_NONE;
    case C.CSR_MENVCFG: return setMenvcfg(hart, next & MENVCFG_WRITABLE);
    case C.CSR_MCOUNTINHIBIT: inhibit(hart, next & INHIBIT); return EFFECT_NONE;
    case C.CSR_MSCRATCH: hart.mscratch = next; return EFFECT_NONE;
    case C.CSR_MEPC: hart.mepc = next & ~1; return EFFECT_NONE;
    case C.CSR_MCAUSE: hart.mcause = next; return EFFECT_NONE;
    case C.CSR_MTVAL: hart.mtval = next; return EFFECT_NONE;
    case C.CSR_MIP: {
      // With Sstc the timer owns STIP (Sstc, chapter 2).
      const writable = (hart.menvcfg & C.MENVCFG_STCE) != 0 ? C.MIP_S & ~C.MIP_STIP : C.MIP_S;
      hart.mip = hart.mip & ~writable | next & writable;
      return EFFECT_INTERRUPTS;
    }
    case C.CSR_PMPCFG0: return setPmpConfig(hart, 0, next);
    case C.CSR_PMPCFG0 + 2: return setPmpConfig(hart, 8, next);
    // The write stands for this instruction's own increment (3.1.10).
    case C.CSR_MCYCLE: hart.mcycleOffset = (hart.mcountinhibit & 1) != 0 ? next : next - hart.retired - 1; return EFFECT_NONE;
    case C.CSR_MINSTRET: hart.minstretOffset = (hart.mcountinhibit & 4) != 0 ? next : next - hart.retired - 1; return EFFECT_NONE;
    default:
  }
  if (number >= C.CSR_PMPADDR0 && number < C.CSR_PMPADDR0 + pmp.PMP_ENTRIES) {
    pmp.setAddress(hart, number - C.CSR_PMPADDR0, next);
    tlb.flush(hart);
  }
  return EFFECT_NONE;
}

function setStatus(hart: Hart, next: u64): u32 {
  // MPP = 2 is no mode: the old value stays (WARL).
  if ((next & C.MSTATUS_MPP) == <u64>2 << 11) next = next & ~C.MSTATUS_MPP | hart.mstatus & C.MSTATUS_MPP;
  if (((hart.mstatus ^ next) & C.MSTATUS_MXR) != 0) tlb.flush(hart);
  hart.mstatus = next;
  tlb.select(hart);
  fpu.refresh(hart);
  return EFFECT_INTERRUPTS;
}

/** A mode that doesn't exist leaves satp as it is (12.1.11). */
function setSatp(hart: Hart, next: u64): u32 {
  const mode = next >> 60;
  if (mode != C.SATP_BARE && mode != C.SATP_SV39 && mode != C.SATP_SV48 && mode != C.SATP_SV57) return EFFECT_NONE;
  if (next != hart.satp) spaces.change(hart, next);
  return EFFECT_NONE;
}

function setMenvcfg(hart: Hart, next: u64): u32 {
  if (((hart.menvcfg ^ next) & (C.MENVCFG_ADUE | C.MENVCFG_PBMTE)) != 0) tlb.flush(hart);
  // With STCE the comparison with stimecmp is STIP, and what software wrote before is gone (Sstc, chapter 2).
  if (((hart.menvcfg ^ next) & C.MENVCFG_STCE) != 0) hart.mip &= ~C.MIP_STIP;
  hart.menvcfg = next;
  return EFFECT_TIMER;
}

function setPmpConfig(hart: Hart, first: u32, next: u64): u32 {
  for (let i: u32 = 0; i < 8; i++) pmp.setConfig(hart, first + i, <u32>(next >> (<u64>i << 3)) & 0xff);
  tlb.flush(hart);
  return EFFECT_NONE;
}

/** Stops and starts counters so that none of them jumps. */
function inhibit(hart: Hart, next: u64): void {
  const cycle = counter(hart, hart.mcycleOffset, 1);
  const instret = counter(hart, hart.minstretOffset, 4);
  hart.mcountinhibit = next;
  hart.mcycleOffset = (next & 1) != 0 ? cycle : cycle - hart.retired;
  hart.minstretOffset = (next & 4) != 0 ? instret : instret - hart.retired;
}
