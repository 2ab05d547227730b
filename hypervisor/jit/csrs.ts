// CSR instructions of S mode in translated code: those that change nothing but the registers themselves.
//
// What they compute stands in cpu/csr.ts. A write of sstatus leaves if it would do more than that: change what memory looks
// like (SUM, MXR), or let an interrupt in. While SIE is set none can be waiting, as it would have been taken before.

import {
  CSR_SCAUSE, CSR_SENVCFG, CSR_SEPC, CSR_SSCRATCH, CSR_SSTATUS, CSR_STVAL, MSTATUS_FS, MSTATUS_SD, MSTATUS_SIE, MSTATUS_SPIE,
  MSTATUS_SPP,
} from "../cpu/csrs";
import { SENVCFG_WRITABLE, SSTATUS_UXL, SSTATUS_WRITABLE } from "../cpu/csr";
import { Hart } from "../cpu/hart";
import { GUESTS, GUEST_STRIDE } from "../core/layout";
import { Guest } from "../guest/guest";
import * as exits from "./exits";
import { Instruction } from "./instruction";
import { A, HART, P, Q, getX, setX } from "./registers";
import * as wasm from "./wasm";
import {
  END, I32_ADD, I32_AND, I32_EQZ, I32_LOAD, I32_MUL, I32_SHL, I32_STORE, I64_AND, I64_EQ, I64_EXTEND_I32_U,
  I64_EQZ, I64_LOAD, I64_MUL, I64_NE, I64_OR, I64_SHL, I64_STORE, I64_XOR, IF, NOTHING,
} from "./wasm";

const OPCODE: u32 = 0x73;
/** Kinds, the low bits of funct3: csrrw, csrrs, csrrc. */
const SWAP: u32 = 1;
const SET: u32 = 2;
/** Bits of sstatus that only traps and returns, and instructions on sstatus, look at. */
const QUIET: u64 = MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP;

let isSupervisor: bool = false;
let hasFloats: bool = false;

/** Instructions that are looked at from now on are for code in this TLB set. */
export function begin(set: u32): void {
  isSupervisor = set == 1 || set == 2;
}

/** Instructions that are written from now on are in a unit that looks at the state of the floating-point unit, or not. */
export function beside(floats: bool): void {
  hasFloats = floats;
}

function numberOf(i: Instruction): u32 {
  return i.raw >> 20;
}

function kindOf(i: Instruction): u32 {
  return i.raw >> 12 & 3;
}

function isImmediate(i: Instruction): bool {
  return (i.raw >> 14 & 1) != 0;
}

function isWrite(i: Instruction): bool {
  return kindOf(i) == SWAP || i.rs1 != 0;
}

/** Fills in which registers the instruction reads and writes; false: not one of ours. */
export function effects(i: Instruction): bool {
  if (!isSupervisor || (i.raw & 0x7f) != OPCODE || kindOf(i) == 0) return false;
  if (numberOf(i) == CSR_SSTATUS) i.mayLeave = isWrite(i);
  else if (fieldOf(numberOf(i)) == 0) return false;
  if (!isImmediate(i)) i.readsX = 1 << i.rs1 & ~1;
  i.writesX = 1 << i.rd & ~1;
  return true;
}

/** Where in the hart a register lies all of whose writable bits have no effect; 0: it is none. */
function fieldOf(number: u32): u32 {
  switch (number) {
    case CSR_SSCRATCH: return <u32>offsetof<Hart>("sscratch");
    case CSR_SEPC: return <u32>offsetof<Hart>("sepc");
    case CSR_SCAUSE: return <u32>offsetof<Hart>("scause");
    case CSR_STVAL: return <u32>offsetof<Hart>("stval");
    case CSR_SENVCFG: return <u32>offsetof<Hart>("senvcfg");
    default: return 0;
  }
}

/** Its bits that can be written. */
function maskOf(number: u32): u64 {
  return number == CSR_SEPC ? ~(<u64>1) : number == CSR_SENVCFG ? SENVCFG_WRITABLE : ~(<u64>0);
}

/** Writes the instruction as wasm; false: not one of ours. */
export function emit(i: Instruction): bool {
  if ((i.raw & 0x7f) != OPCODE) return false;
  if (numberOf(i) == CSR_SSTATUS) status(i);
  else plain(i, fieldOf(numberOf(i)), maskOf(numberOf(i)));
  return true;
}

function plain(i: Instruction, field: u32, mask: u64): void {
  wasm.localGet(HART);
  wasm.memory(I64_LOAD, field);
  wasm.localSet(P);
  if (isWrite(i)) {
    wasm.localGet(HART);
    combine(i, mask, 0);
    wasm.memory(I64_STORE, field);
  }
  if (i.rd == 0) return;
  wasm.localGet(P);
  setX(i.rd);
}

/** Pushes what becomes of the value in P: only bits in `mask` change, those in `rest` are kept by a swap too. */
function combine(i: Instruction, mask: u64, rest: u64): void {
  const kind = kindOf(i);
  if (kind == SWAP) {
    operand(i, mask);
    if (rest == 0) return;
    wasm.localGet(P);
    wasm.i64Const(rest);
    wasm.byte(I64_AND);
    wasm.byte(I64_OR);
    return;
  }
  wasm.localGet(P);
  operand(i, mask);
  if (kind != SET) {
    wasm.i64Const(-1);
    wasm.byte(I64_XOR);
  }
  wasm.byte(kind == SET ? I64_OR : I64_AND);
}

function operand(i: Instruction, mask: u64): void {
  if (isImmediate(i)) {
    wasm.i64Const(<i64>(<u64>i.rs1 & mask));
    return;
  }
  getX(i.rs1);
  if (mask == ~(<u64>0)) return;
  wasm.i64Const(<i64>mask);
  wasm.byte(I64_AND);
}

/** Sstatus: P is mstatus as it was, Q as it will be. */
function status(i: Instruction): void {
  wasm.localGet(HART);
  wasm.memory(I64_LOAD, <u32>offsetof<Hart>("mstatus"));
  wasm.localSet(P);
  if (isWrite(i)) {
    combine(i, SSTATUS_WRITABLE, ~SSTATUS_WRITABLE);
    wasm.localSet(Q);
    const changes = changesOf(i);
    if ((changes & ~QUIET) != 0) refuse(kindOf(i) == SET || hasFloats ? QUIET : QUIET | MSTATUS_FS);
    if ((changes & MSTATUS_SIE) != 0 && kindOf(i) <= SET) admit();
    if ((changes & MSTATUS_FS) != 0 && kindOf(i) != SET && !hasFloats) floatUnit();
    wasm.localGet(HART);
    wasm.localGet(Q);
    wasm.memory(I64_STORE, <u32>offsetof<Hart>("mstatus"));
  }
  if (i.rd == 0) return;
  view();
  setX(i.rd);
}

/** Bits that the instruction may change, as far as its own bits say. */
function changesOf(i: Instruction): u64 {
  return kindOf(i) == SWAP || !isImmediate(i) ? SSTATUS_WRITABLE : SSTATUS_WRITABLE & <u64>i.rs1;
}

/** Leaves if other bits change than these. */
function refuse(allowed: u64): void {
  wasm.localGet(P);
  wasm.localGet(Q);
  wasm.byte(I64_XOR);
  wasm.i64Const(<i64>~allowed);
  wasm.byte(I64_AND);
  wasm.i64Const(0);
  wasm.byte(I64_NE);
  exits.leaveIf();
}

/** Leaves if SIE is set from now on and that lets an interrupt in: what cpu/interrupts.ts would deliver. */
function admit(): void {
  wasm.localGet(Q);
  wasm.localGet(P);
  wasm.i64Const(-1);
  wasm.byte(I64_XOR);
  wasm.byte(I64_AND);
  wasm.i64Const(<i64>MSTATUS_SIE);
  wasm.byte(I64_AND);
  wasm.byte(I64_EQZ);
  wasm.byte(I32_EQZ);
  wasm.byte(IF);
  wasm.byte(NOTHING);
  bits(<u32>(GUESTS + offsetof<Guest>("wires0")));
  bits(<u32>(GUESTS + offsetof<Guest>("posted0")));
  wasm.byte(I64_OR);
  wasm.localGet(HART);
  wasm.memory(I64_LOAD, <u32>offsetof<Hart>("mip"));
  wasm.byte(I64_OR);
  wasm.localGet(HART);
  wasm.memory(I64_LOAD, <u32>offsetof<Hart>("mie"));
  wasm.byte(I64_AND);
  wasm.localGet(HART);
  wasm.memory(I64_LOAD, <u32>offsetof<Hart>("mideleg"));
  wasm.byte(I64_AND);
  wasm.i64Const(0);
  wasm.byte(I64_NE);
  exits.leaveIf();
  wasm.byte(END);
}

/** Pushes the hart's word of those that are at `place` for hart 0 of guest 0, whichever guest it belongs to: wires or posts. */
function bits(place: u32): void {
  wasm.localGet(HART);
  wasm.memory(I32_LOAD, <u32>offsetof<Hart>("guest"));
  wasm.i32Const(<i32>GUEST_STRIDE);
  wasm.byte(I32_MUL);
  wasm.localGet(HART);
  wasm.memory(I32_LOAD, <u32>offsetof<Hart>("index"));
  wasm.i32Const(2);
  wasm.byte(I32_SHL);
  wasm.byte(I32_ADD);
  wasm.memory(I32_LOAD, place);
  wasm.byte(I64_EXTEND_I32_U);
}

/**
 * If FS changes, brings in step what is derived from it (cpu/fpu.ts, `refresh`). No code of this unit looks at that. A caller in
 * another unit may, and looks at FS again behind the call; the limits it has are still right if FS is dirty, or let less pass.
 */
function floatUnit(): void {
  wasm.localGet(P);
  wasm.localGet(Q);
  wasm.byte(I64_XOR);
  wasm.i64Const(<i64>MSTATUS_FS);
  wasm.byte(I64_AND);
  wasm.byte(I64_EQZ);
  wasm.byte(I32_EQZ);
  wasm.byte(IF);
  wasm.byte(NOTHING);
  wasm.localGet(HART);
  isDirty(Q);
  wasm.localTee(A);
  wasm.memory(I32_STORE, <u32>offsetof<Hart>("floatDirty"));
  wasm.localGet(A);
  wasm.localGet(HART);
  wasm.memory(I32_LOAD, <u32>offsetof<Hart>("frm"));
  wasm.byte(I32_EQZ);
  wasm.byte(I32_AND);
  wasm.localGet(HART);
  wasm.memory(I32_LOAD, <u32>offsetof<Hart>("fflags"));
  // Its bit 0 is NX.
  wasm.byte(I32_AND);
  wasm.localSet(A);
  limit(0x7fd, <u32>offsetof<Hart>("floatLimitDouble"));
  limit(0xfd, <u32>offsetof<Hart>("floatLimitSingle"));
  wasm.byte(END);
}

/** Stores `value` if A is 1, and 0 if it is 0. */
function limit(value: i64, field: u32): void {
  wasm.localGet(HART);
  wasm.localGet(A);
  wasm.byte(I64_EXTEND_I32_U);
  wasm.i64Const(value);
  wasm.byte(I64_MUL);
  wasm.memory(I64_STORE, field);
}

/** Pushes as i32 whether FS is dirty in the value of mstatus in a local. */
function isDirty(local: u32): void {
  wasm.localGet(local);
  wasm.i64Const(<i64>MSTATUS_FS);
  wasm.byte(I64_AND);
  wasm.i64Const(<i64>MSTATUS_FS);
  wasm.byte(I64_EQ);
}

/** Pushes sstatus as it reads while mstatus is P. */
function view(): void {
  wasm.localGet(P);
  wasm.i64Const(<i64>SSTATUS_WRITABLE);
  wasm.byte(I64_AND);
  wasm.i64Const(<i64>SSTATUS_UXL);
  wasm.byte(I64_OR);
  isDirty(P);
  wasm.byte(I64_EXTEND_I32_U);
  wasm.i64Const(63);
  wasm.byte(I64_SHL);
  wasm.byte(I64_OR);
}

if (MSTATUS_SD != <u64>1 << 63) ERROR("view() puts SD into bit 63");
