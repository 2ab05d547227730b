// CSR instructions of S mode: they do what the interpreter does, let no interrupt in, and leave only for a reason.

import { SENVCFG_WRITABLE } from "../../../../hypervisor/cpu/csr";
import * as C from "../../../../hypervisor/cpu/csrs";
import * as fpu from "../../../../hypervisor/cpu/fpu";
import { Hart, PRIV_S } from "../../../../hypervisor/cpu/hart";
import * as interrupts from "../../../../hypervisor/cpu/interrupts";
import { MSTATUS_SUM } from "../../../../hypervisor/cpu/tlb";
import { guestAt } from "../../../../hypervisor/guest/guest";
import * as lines from "../../../../hypervisor/guest/lines";
import { Instruction } from "../../../../hypervisor/jit/instruction";
import * as csrs from "../../../../hypervisor/jit/csrs";
import { seed as hostSeed, show } from "../../../support/kernel/outside";
import { below, next, once, seed } from "../../../support/kernel/random";
import * as bench from "./bench";
import { ENTRY } from "./bench";
import * as values from "./values";

const OPCODE: u32 = 0x73;
const RUNS: u32 = 1500;
const SET_U: u32 = 0;
const SET_S: u32 = 1;
const SET_SUM: u32 = 2;
const SET_M: u32 = 3;
/** What sstatus may become without leaving. */
const QUIET: u64 = C.MSTATUS_SIE | C.MSTATUS_SPIE | C.MSTATUS_SPP;
const SSTATUS: u64 = QUIET | C.MSTATUS_FS | C.MSTATUS_MXR | MSTATUS_SUM;
/** Bits that S mode neither sees nor changes. */
const MACHINE: u64 = C.MSTATUS_MIE | C.MSTATUS_MPIE | <u64>1 << 11 | C.MSTATUS_TW;
const INTERRUPTS: u64 = 0xaaa;

function begin(set: u32, hasFloats: bool): void {
  seed(<u64>hostSeed() + 79);
  bench.open();
  csrs.begin(set);
  csrs.beside(hasFloats);
  guestAt(0).harts = 4;
  // Their wires must be found by this number.
  bench.translated.index = 3;
  bench.interpreted.index = 1;
}

function encoded(number: u32, funct3: u32, rd: u32, rs1: u32): u32 {
  return OPCODE | rd << 7 | funct3 << 12 | rs1 << 15 | number << 20;
}

/** A batch of all forms of access to a register, with the same and other registers, x0, and several numbers. */
function build(number: u32): void {
  bench.clear();
  for (let funct3: u32 = 1; funct3 < 8; funct3++) {
    if (funct3 == 4) continue;
    assert(bench.add(encoded(number, funct3, 5, 6)));
    assert(bench.add(encoded(number, funct3, 4, 4)));
    assert(bench.add(encoded(number, funct3, 0, 2)));
    assert(bench.add(encoded(number, funct3, 7, 0)));
    assert(bench.add(encoded(number, funct3, 7, 31)));
  }
  bench.build();
}

function kindOf(i: Instruction): u32 {
  return i.raw >> 12 & 3;
}

function complain(i: Instruction, what: string): void {
  show(<f64>i.raw);
  assert(false, what);
}

/** Some of the bits, mostly one or two. */
function some(bits: u64): u64 {
  return once(4) ? next() & bits : next() & next() & next() & bits;
}

/** A state in which no interrupt is due. */
function fill(i: Instruction): void {
  do {
    const status = some(SSTATUS | MACHINE) | C.MSTATUS_XL;
    const pending = some(INTERRUPTS & ~C.MIP_MSIP);
    const wires = <u32>some(INTERRUPTS);
    const enabled = once(3) ? 0 : some(INTERRUPTS);
    const delegated = once(2) ? C.MIP_S : some(C.MIP_S);
    lines.setWires(guestAt(0), 0, <u32>INTERRUPTS, once(2));
    lines.setWires(guestAt(0), 2, <u32>INTERRUPTS, once(2));
    fillHart(bench.translated, status, pending, wires, enabled, delegated);
    fillHart(bench.interpreted, status, pending, wires, enabled, delegated);
    bench.setUnit(below(32), below(5));
    restore(bench.translated, status);
    restore(bench.interpreted, status);
  } while (isDue(bench.interpreted));
  const first = next();
  fillSupervisor(bench.translated, first);
  fillSupervisor(bench.interpreted, first);
  for (let x: u32 = 1; x < 32; x++) {
    const isRead = (i.readsX >> x & 1) != 0;
    if (!isRead) bench.setX(x, bench.interpreted.x(x));
    else bench.setX(x, once(2) ? values.integer() : once(2) ? bench.interpreted.mstatus ^ some(SSTATUS) : some(SSTATUS));
  }
}

function fillHart(hart: Hart, status: u64, pending: u64, wires: u32, enabled: u64, delegated: u64): void {
  hart.priv = PRIV_S;
  hart.pc = ENTRY;
  hart.mstatus = status;
  hart.mip = pending;
  hart.mie = enabled;
  hart.mideleg = delegated;
  lines.setWires(guestAt(0), hart.index, <u32>INTERRUPTS, false);
  lines.setWires(guestAt(0), hart.index, wires, true);
}

/** Values that software could have written. */
function fillSupervisor(hart: Hart, first: u64): void {
  hart.sscratch = first;
  hart.sepc = first << 1;
  hart.scause = first >> 3;
  hart.stval = ~first;
  hart.senvcfg = first & SENVCFG_WRITABLE;
}

/** Setting up the floating-point unit makes FS dirty. */
function restore(hart: Hart, status: u64): void {
  hart.mstatus = status;
  fpu.refresh(hart);
}

/** Would an interrupt be taken now? */
function isDue(hart: Hart): bool {
  const ready = interrupts.pending(hart) & hart.mie;
  return (ready & ~hart.mideleg) != 0 || ((hart.mstatus & C.MSTATUS_SIE) != 0 && (ready & hart.mideleg) != 0);
}

function agree(): bool {
  const a = bench.translated;
  const b = bench.interpreted;
  return bench.agree() && a.sscratch == b.sscratch && a.sepc == b.sepc && a.scause == b.scause && a.stval == b.stval &&
    a.senvcfg == b.senvcfg && a.floatDirty == b.floatDirty && a.floatLimitDouble == b.floatLimitDouble &&
    a.floatLimitSingle == b.floatLimitSingle;
}

/** Tries all of the batch; how often an instruction was done. `quiet`: bits of mstatus for which it has no reason to leave. */
function exerciseAll(quiet: u64): u32 {
  let done: u32 = 0;
  for (let k: u32 = 0; k < bench.count; k++) {
    const i = bench.instructionAt(k);
    for (let run: u32 = 0; run < RUNS; run++) {
      fill(i);
      const before = bench.interpreted.mstatus;
      const isDone = bench.runTranslated(k);
      if (!isDone && (!i.mayLeave || !agree())) complain(i, "it left, though it had not said that it may, or too late");
      bench.runInterpreted(k);
      const changed = before ^ bench.interpreted.mstatus;
      if (isDone) {
        done++;
        if (!agree()) complain(i, "translated code and the interpreter disagree");
        if (isDue(bench.interpreted) || (changed & ~(QUIET | C.MSTATUS_FS)) != 0) complain(i, "it should have left");
      } else {
        const loud = kindOf(i) == 2 ? ~QUIET : ~quiet;
        if (!isDue(bench.interpreted) && (changed & loud) == 0) complain(i, "it left without a reason");
      }
    }
  }
  return done;
}

export function registers_of_traps_are_read_and_written_as_the_interpreter_does(): void {
  begin(SET_S, false);
  let done: u32 = 0;
  build(C.CSR_SSCRATCH);
  done += exerciseAll(QUIET);
  build(C.CSR_SEPC);
  done += exerciseAll(QUIET);
  build(C.CSR_SCAUSE);
  done += exerciseAll(QUIET);
  build(C.CSR_STVAL);
  done += exerciseAll(QUIET);
  build(C.CSR_SENVCFG);
  done += exerciseAll(QUIET);
  assert(done == 5 * bench.count * RUNS);
}

export function sstatus_is_changed_unless_more_would_change_with_it(): void {
  begin(SET_S, false);
  build(C.CSR_SSTATUS);
  assert(exerciseAll(QUIET | C.MSTATUS_FS) > bench.count * RUNS / 4);
}

export function beside_floats_a_change_of_fs_leaves(): void {
  begin(SET_SUM, true);
  build(C.CSR_SSTATUS);
  assert(exerciseAll(QUIET) > bench.count * RUNS / 6);
  for (let k: u32 = 0; k < bench.count; k++) {
    const i = bench.instructionAt(k);
    if (kindOf(i) != 3 || (i.raw >> 14 & 1) != 0 || i.rs1 == 0) continue;
    fill(i);
    bench.setUnit(1, 0);
    bench.setX(i.rs1, C.MSTATUS_FS);
    assert(!bench.runTranslated(k));
  }
}

export function other_registers_and_other_modes_are_left_to_the_interpreter(): void {
  begin(SET_S, false);
  for (let number: u32 = 0; number < 4096; number++) {
    const isOurs = number == C.CSR_SSTATUS || (number >= C.CSR_SSCRATCH && number <= C.CSR_STVAL) || number == C.CSR_SENVCFG;
    assert(bench.add(encoded(number, 2, 5, 0)) == isOurs);
    assert(!bench.add(encoded(number, 0, 0, 0)));
    assert(!bench.add(encoded(number, 4, 5, 6)));
  }
  csrs.begin(SET_U);
  assert(!bench.add(encoded(C.CSR_SSCRATCH, 1, 5, 6)));
  csrs.begin(SET_M);
  assert(!bench.add(encoded(C.CSR_SSCRATCH, 1, 5, 6)));
  csrs.begin(SET_SUM);
  assert(bench.add(encoded(C.CSR_SSCRATCH, 1, 5, 6)));
}
