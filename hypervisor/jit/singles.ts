// Singles, which lie NaN-boxed in the lower half of a register: arithmetic, signs, comparisons, extremes, as wasm. The
// region is left if an operand is not boxed.

import * as exits from "./exits";
import { Instruction } from "./instruction";
import * as registers from "./registers";
import { S, getF } from "./registers";
import * as results from "./results";
import { BOX, IF_EITHER_ZERO, IF_FIRST_ZERO, getSingle } from "./results";
import * as wasm from "./wasm";
import {
  F32X4_REPLACE_LANE, F32_ABS, F32_ADD, F32_DIV, F32_EQ, F32_LE, F32_LT, F32_MAX, F32_MIN, F32_MUL, F32_NE, F32_NEG, F32_SQRT,
  F32_SUB, F64X2_EXTRACT_LANE, F64X2_SPLAT, F64_REINTERPRET_I64, I64_AND, I64_EXTEND_I32_U, I64_OR, I64_REINTERPRET_F64, I64_XOR,
  SIMD,
} from "./wasm";

const SIGN: i64 = 0x8000_0000;

/** Rd = what lies in S; its upper half is copied from rs1, which holds a single. */
export function set(i: Instruction): void {
  getF(i.rs1);
  wasm.prefixed(SIMD, F64X2_SPLAT);
  wasm.localGet(S);
  wasm.prefixed(SIMD, F32X4_REPLACE_LANE);
  wasm.byte(0);
  wasm.prefixed(SIMD, F64X2_EXTRACT_LANE);
  wasm.byte(0);
  registers.setF(i.rd);
}

/** Pops an i32, a single's bits, into rd. */
export function setBits(i: Instruction): void {
  wasm.byte(I64_EXTEND_I32_U);
  wasm.i64Const(BOX);
  wasm.byte(I64_OR);
  wasm.byte(F64_REINTERPRET_I64);
  registers.setF(i.rd);
}

/** Fadd, fsub, fmul, fdiv: `which` is 0 to 3. */
export function arithmetic(i: Instruction, which: u32): void {
  results.leaveUnlessBoxed(i.rs1, i.rs2);
  getSingle(i.rs1);
  getSingle(i.rs2);
  wasm.byte(which == 0 ? F32_ADD : which == 1 ? F32_SUB : which == 2 ? F32_MUL : F32_DIV);
  if (which < 2) results.keepSumSingle();
  else results.keepSingle(which == 2 ? IF_EITHER_ZERO : IF_FIRST_ZERO, i.rs1, i.rs2, 0);
  set(i);
}

export function root(i: Instruction): void {
  results.leaveUnlessBoxed(i.rs1, i.rs1);
  getSingle(i.rs1);
  wasm.byte(F32_SQRT);
  results.keepSumSingle();
  set(i);
}

function getBits(number: u32): void {
  getF(number);
  wasm.byte(I64_REINTERPRET_F64);
}

function mask(bits: i64): void {
  wasm.i64Const(bits);
  wasm.byte(I64_AND);
}

/** Fsgnj, fsgnjn, fsgnjx; on one register, these copy, negate and take the magnitude. */
export function sign(i: Instruction, which: u32): void {
  results.leaveUnlessBoxed(i.rs1, i.rs2);
  if (i.rs1 != i.rs2) {
    combineSigns(i, which);
  } else if (which == 0) {
    getF(i.rs1);
    registers.setF(i.rd);
  } else {
    getSingle(i.rs1);
    wasm.byte(which == 1 ? F32_NEG : F32_ABS);
    wasm.localSet(S);
    set(i);
  }
}

function combineSigns(i: Instruction, which: u32): void {
  getBits(i.rs1);
  if (which < 2) mask(~SIGN);
  getBits(i.rs2);
  if (which == 1) {
    wasm.i64Const(-1);
    wasm.byte(I64_XOR);
  }
  mask(SIGN);
  wasm.byte(which == 2 ? I64_XOR : I64_OR);
  wasm.byte(F64_REINTERPRET_I64);
  registers.setF(i.rd);
}

/** Fle, flt, feq: `which` is 0 to 2. */
export function comparison(i: Instruction, which: u32): void {
  results.leaveUnlessBoxed(i.rs1, i.rs2);
  results.leaveIfUnordered(i.rs1, i.rs2, true);
  getSingle(i.rs1);
  getSingle(i.rs2);
  wasm.byte(which == 0 ? F32_LE : which == 1 ? F32_LT : F32_EQ);
  wasm.byte(I64_EXTEND_I32_U);
  registers.setX(i.rd);
}

/** Fmin, fmax. */
export function extreme(i: Instruction, isMax: bool): void {
  results.leaveUnlessBoxed(i.rs1, i.rs2);
  getSingle(i.rs1);
  getSingle(i.rs2);
  wasm.byte(isMax ? F32_MAX : F32_MIN);
  wasm.localTee(S);
  wasm.localGet(S);
  wasm.byte(F32_NE);
  exits.leaveIf();
  set(i);
}
