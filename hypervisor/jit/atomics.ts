// A in translated code: wasm's own atomic instructions, which order more than any aq or rl asks for.
//
// What each of them computes, and when it leaves, stands in cpu/burst.ts. Minimum and maximum, for which wasm has no
// instruction, stay with the interpreter.

import * as atomic from "../cpu/atomic";
import { FUNCT_ADD, FUNCT_AND, FUNCT_LR, FUNCT_MIN, FUNCT_OR, FUNCT_SC, FUNCT_XOR } from "../cpu/atomic";
import { Hart } from "../cpu/hart";
import * as exits from "./exits";
import { Instruction } from "./instruction";
import * as lookup from "./lookup";
import { HART, P, getX, setX } from "./registers";
import * as wasm from "./wasm";
import {
  I32_LOAD, I32_NE, I32_OR, I32_STORE, I32_WRAP_I64, I64_EXTEND_I32_S, I64_EXTEND_I32_U, I64_GT_U, I64_LOAD, I64_NE, I64_ROTR,
  I64_STORE,
} from "./wasm";

const OPCODE: u32 = 0x2f;

function isDouble(i: Instruction): bool {
  return (i.raw >> 12 & 1) != 0;
}

/** Fills in which registers the instruction reads and writes; false: not one of ours. */
export function effects(i: Instruction): bool {
  if ((i.raw & 0x7f) != OPCODE || !atomic.isLegal(i.raw) || i.raw >> 27 >= FUNCT_MIN) return false;
  i.readsX = (1 << i.rs1 | 1 << i.rs2) & ~1;
  i.writesX = 1 << i.rd & ~1;
  i.mayLeave = true;
  return true;
}

/** Writes the instruction as wasm; false: not one of ours. */
export function emit(i: Instruction): bool {
  if ((i.raw & 0x7f) != OPCODE) return false;
  switch (i.raw >> 27) {
    case FUNCT_LR: loadReserved(i); break;
    case FUNCT_SC: conditional(i); break;
    default: modify(i);
  }
  return true;
}

/** Pushes the host's address of what rs1 points at, or leaves: it must be aligned too. */
function look(i: Instruction, isStore: bool): void {
  const table = lookup.table(isStore);
  getX(i.rs1);
  lookup.find(table);
  // Bits that must be zero come to the top.
  wasm.i64Const(isDouble(i) ? 3 : 2);
  wasm.byte(I64_ROTR);
  wasm.i64Const(isDouble(i) ? 511 : 1023);
  wasm.byte(I64_GT_U);
  exits.leaveIf();
  lookup.host(table);
}

/** Pops what the address on the stack is to get, and pushes the old value. */
function access(i: Instruction, instruction: u32): void {
  wasm.atomic(instruction, isDouble(i) ? 3 : 2);
}

/** A register as an operand of such an access. */
function getOperand(i: Instruction, number: u32): void {
  getX(number);
  if (!isDouble(i)) wasm.byte(I32_WRAP_I64);
}

function extend(i: Instruction): void {
  if (!isDouble(i)) wasm.byte(I64_EXTEND_I32_S);
}

function loadReserved(i: Instruction): void {
  look(i, false);
  access(i, wasm.I32_ATOMIC_LOAD);
  extend(i);
  wasm.localSet(P);
  wasm.localGet(HART);
  wasm.i32Const(isDouble(i) ? 8 : 4);
  wasm.memory(I32_STORE, <u32>offsetof<Hart>("reservationSize"));
  wasm.localGet(HART);
  getX(i.rs1);
  wasm.memory(I64_STORE, <u32>offsetof<Hart>("reservationAddress"));
  wasm.localGet(HART);
  wasm.localGet(P);
  wasm.memory(I64_STORE, <u32>offsetof<Hart>("reservationValue"));
  wasm.localGet(P);
  setX(i.rd);
}

/** Without a reservation that fits it leaves. */
function conditional(i: Instruction): void {
  wasm.localGet(HART);
  wasm.memory(I32_LOAD, <u32>offsetof<Hart>("reservationSize"));
  wasm.i32Const(isDouble(i) ? 8 : 4);
  wasm.byte(I32_NE);
  wasm.localGet(HART);
  wasm.memory(I64_LOAD, <u32>offsetof<Hart>("reservationAddress"));
  getX(i.rs1);
  wasm.byte(I64_NE);
  wasm.byte(I32_OR);
  exits.leaveIf();
  look(i, true);
  lookup.log(0, isDouble(i) ? 8 : 4);
  wasm.localGet(HART);
  wasm.i32Const(0);
  wasm.memory(I32_STORE, <u32>offsetof<Hart>("reservationSize"));
  getReservation(i);
  getOperand(i, i.rs2);
  access(i, wasm.I32_ATOMIC_RMW_CMPXCHG);
  getReservation(i);
  wasm.byte(isDouble(i) ? I64_NE : I32_NE);
  wasm.byte(I64_EXTEND_I32_U);
  setX(i.rd);
}

function getReservation(i: Instruction): void {
  wasm.localGet(HART);
  wasm.memory(isDouble(i) ? I64_LOAD : I32_LOAD, <u32>offsetof<Hart>("reservationValue"));
}

function modify(i: Instruction): void {
  look(i, true);
  lookup.log(0, isDouble(i) ? 8 : 4);
  getOperand(i, i.rs2);
  access(i, operationOf(i.raw >> 27));
  extend(i);
  setX(i.rd);
}

function operationOf(funct: u32): u32 {
  switch (funct) {
    case FUNCT_ADD: return wasm.I32_ATOMIC_RMW_ADD;
    case FUNCT_AND: return wasm.I32_ATOMIC_RMW_AND;
    case FUNCT_OR: return wasm.I32_ATOMIC_RMW_OR;
    case FUNCT_XOR: return wasm.I32_ATOMIC_RMW_XOR;
    default: return wasm.I32_ATOMIC_RMW_XCHG;
  }
}
