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
import { A, HART, P, Q, R, getX, setX } from "./registers";
import * as wasm from "./wasm";
import {
  END, I32_LOAD, I32_NE, I32_OR, I32_STORE, I32_WRAP_I64, I64_ADD, I64_AND, I64_EQ, I64_EXTEND_I32_S, I64_EXTEND_I32_U, I64_GT_U,
  I64_LOAD, I64_LOAD32_U, I64_NE, I64_OR, I64_ROTR, I64_STORE, I64_STORE32, I64_XOR, IF, NOTHING,
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

/** May what is written from now on use atomic instructions, which not all engines have? Else it is good for one CPU alone. */
export function allow(value: bool): void {
  isAllowed = value;
}

let isAllowed: bool = true;

export function areAllowed(): bool {
  return isAllowed;
}

/** Pops what the address on the stack is to get, and pushes the old value. */
function access(i: Instruction, instruction: u32): void {
  if (isAllowed) wasm.atomic(instruction, isDouble(i) ? 3 : 2);
  else plain(i, instruction);
}

/** The same in steps. Halves of a double are kept as doubles, of which there are enough locals. */
function plain(i: Instruction, instruction: u32): void {
  if (instruction == wasm.I32_ATOMIC_LOAD) {
    wasm.memory(isDouble(i) ? I64_LOAD : I32_LOAD, 0);
    return;
  }
  const isExchange = instruction == wasm.I32_ATOMIC_RMW_CMPXCHG;
  keep(i, P);
  if (isExchange) keep(i, Q);
  wasm.localTee(A);
  wasm.memory(isDouble(i) ? I64_LOAD : I64_LOAD32_U, 0);
  wasm.localSet(R);
  if (isExchange) {
    wasm.localGet(R);
    wasm.localGet(Q);
    wasm.byte(I64_EQ);
    wasm.byte(IF);
    wasm.byte(NOTHING);
  }
  wasm.localGet(A);
  if (!isExchange && instruction != wasm.I32_ATOMIC_RMW_XCHG) wasm.localGet(R);
  wasm.localGet(P);
  switch (instruction) {
    case wasm.I32_ATOMIC_RMW_ADD: wasm.byte(I64_ADD); break;
    case wasm.I32_ATOMIC_RMW_AND: wasm.byte(I64_AND); break;
    case wasm.I32_ATOMIC_RMW_OR: wasm.byte(I64_OR); break;
    case wasm.I32_ATOMIC_RMW_XOR: wasm.byte(I64_XOR); break;
  }
  wasm.memory(isDouble(i) ? I64_STORE : I64_STORE32, 0);
  if (isExchange) wasm.byte(END);
  wasm.localGet(R);
  if (!isDouble(i)) wasm.byte(I32_WRAP_I64);
}

/** Pops an operand into a local. */
function keep(i: Instruction, local: u32): void {
  if (!isDouble(i)) wasm.byte(I64_EXTEND_I32_U);
  wasm.localSet(local);
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
