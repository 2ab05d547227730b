// Conversions between doubles, singles and integers, moves between the files of registers, and fclass, as wasm.

import * as exits from "./exits";
import { Instruction } from "./instruction";
import * as registers from "./registers";
import { D, P, Q, S, getF, getX } from "./registers";
import * as results from "./results";
import { IF_ZERO_DOUBLE, f64Const, getSingle } from "./results";
import * as singles from "./singles";
import * as wasm from "./wasm";
import {
  F32_CONVERT_I32_S, F32_CONVERT_I32_U, F32_CONVERT_I64_S, F32_CONVERT_I64_U, F32_DEMOTE_F64, F32_NE, F64_ABS, F64_ADD,
  F64_CEIL, F64_CONVERT_I32_S, F64_CONVERT_I32_U, F64_CONVERT_I64_S, F64_CONVERT_I64_U, F64_COPYSIGN, F64_FLOOR, F64_GT,
  F64_LT, F64_NEAREST, F64_PROMOTE_F32, F64_REINTERPRET_I64, I32_ADD, I32_AND, I32_EQZ, I32_REINTERPRET_F32,
  I32_TRUNC_F64_S, I32_WRAP_I64, I64_ADD, I64_EQZ, I64_EXTEND32_S, I64_EXTEND_I32_S, I64_EXTEND_I32_U, I64_GE_U, I64_GT_U,
  I64_NE, I64_REINTERPRET_F64, I64_SHL, I64_SHR_S, I64_TRUNC_F64_S, I64_TRUNC_F64_U, I64_XOR,
} from "./wasm";

/** Doubles: -1, 2^31, 2^32, 2^63, 2^64. */
const MINUS_ONE: u64 = 0xbff0_0000_0000_0000;
const TWO_31: u64 = 0x41e0_0000_0000_0000;
const TWO_32: u64 = 0x41f0_0000_0000_0000;
const TWO_63: u64 = 0x43e0_0000_0000_0000;
const TWO_64: u64 = 0x43f0_0000_0000_0000;

const BELOW_HALF: u64 = 0x3fdf_ffff_ffff_ffff;

const RNE: u32 = 0;
const RDN: u32 = 2;
const RUP: u32 = 3;
const RMM: u32 = 4;
const DYNAMIC: u32 = 7;

/** Integers, as the rs2 field of a conversion says. */
const WORD: u32 = 0;
const WORD_UNSIGNED: u32 = 1;
const LONG: u32 = 2;

/** Is this a rounding mode? Conversions to integers can be done with all of them. */
export function canRound(rm: u32): bool {
  return rm <= RMM || rm == DYNAMIC;
}

/**
 * Pops a double and pushes what truncates to it rounded to nearest, ties away from zero. What is added is the number below
 * one half: with a half, the number below a half would become 1.
 */
function addHalf(): void {
  wasm.localSet(D);
  wasm.localGet(D);
  f64Const(BELOW_HALF);
  wasm.localGet(D);
  wasm.byte(F64_COPYSIGN);
  wasm.byte(F64_ADD);
}

/** Fcvt.w, wu, l, lu, from a double or a single: within the range, the one flag it can raise is NX. */
export function toInteger(i: Instruction, integer: u32, rm: u32, isSingle: bool): void {
  if (isSingle) {
    results.leaveUnlessBoxed(i.rs1, i.rs1);
    getSingle(i.rs1);
    wasm.byte(F64_PROMOTE_F32);
  } else {
    getF(i.rs1);
  }
  if (rm == RNE || rm == DYNAMIC) wasm.byte(F64_NEAREST);
  else if (rm == RDN) wasm.byte(F64_FLOOR);
  else if (rm == RUP) wasm.byte(F64_CEIL);
  else if (rm == RMM) addHalf();
  wasm.localTee(D);
  // A NaN is in no range.
  if (integer == WORD || integer == LONG) {
    wasm.byte(F64_ABS);
    f64Const(integer == WORD ? TWO_31 : TWO_63);
    wasm.byte(F64_LT);
  } else {
    f64Const(MINUS_ONE);
    wasm.byte(F64_GT);
    wasm.localGet(D);
    f64Const(integer == WORD_UNSIGNED ? TWO_32 : TWO_64);
    wasm.byte(F64_LT);
    wasm.byte(I32_AND);
  }
  wasm.localGet(registers.LIMIT_DOUBLE);
  wasm.byte(I64_EQZ);
  wasm.byte(I32_EQZ);
  wasm.byte(I32_AND);
  wasm.byte(I32_EQZ);
  exits.leaveIf();
  wasm.localGet(D);
  if (integer == WORD) {
    wasm.byte(I32_TRUNC_F64_S);
    wasm.byte(I64_EXTEND_I32_S);
  } else if (integer == WORD_UNSIGNED) {
    wasm.byte(I64_TRUNC_F64_S);
    wasm.byte(I64_EXTEND32_S);
  } else {
    wasm.byte(integer == LONG ? I64_TRUNC_F64_S : I64_TRUNC_F64_U);
  }
  registers.setX(i.rd);
}

/** Fcvt from w, wu, l, lu, to a double or a single; `isExact`: the rounding mode does not matter. */
export function fromInteger(i: Instruction, integer: u32, isSingle: bool, isExact: bool): void {
  if (!isExact) results.leaveUnlessPlain();
  getX(i.rs1);
  if (integer < LONG) wasm.byte(I32_WRAP_I64);
  if (isSingle) {
    wasm.byte(integer == WORD ? F32_CONVERT_I32_S : integer == WORD_UNSIGNED ? F32_CONVERT_I32_U :
      integer == LONG ? F32_CONVERT_I64_S : F32_CONVERT_I64_U);
    wasm.byte(I32_REINTERPRET_F32);
    singles.setBits(i);
  } else {
    wasm.byte(integer == WORD ? F64_CONVERT_I32_S : integer == WORD_UNSIGNED ? F64_CONVERT_I32_U :
      integer == LONG ? F64_CONVERT_I64_S : F64_CONVERT_I64_U);
    registers.setF(i.rd);
  }
}

/** Fcvt.d.s; `isExact`: there is no dynamic rounding mode that might be an illegal one. */
export function widen(i: Instruction, isExact: bool): void {
  if (!isExact) results.leaveUnlessPlain();
  results.leaveUnlessBoxed(i.rs1, i.rs1);
  getSingle(i.rs1);
  wasm.localTee(S);
  wasm.localGet(S);
  wasm.byte(F32_NE);
  exits.leaveIf();
  wasm.localGet(S);
  wasm.byte(F64_PROMOTE_F32);
  registers.setF(i.rd);
}

/** Fcvt.s.d. */
export function narrow(i: Instruction): void {
  getF(i.rs1);
  wasm.byte(F32_DEMOTE_F64);
  results.keepSingle(IF_ZERO_DOUBLE, i.rs1, 0, 0);
  wasm.localGet(S);
  wasm.byte(I32_REINTERPRET_F32);
  singles.setBits(i);
}

/** Fmv.x.d, fmv.x.w. */
export function moveToInteger(i: Instruction, isSingle: bool): void {
  getF(i.rs1);
  wasm.byte(I64_REINTERPRET_F64);
  if (isSingle) wasm.byte(I64_EXTEND32_S);
  registers.setX(i.rd);
}

/** Fmv.d.x, fmv.w.x. */
export function moveFromInteger(i: Instruction, isSingle: bool): void {
  getX(i.rs1);
  if (isSingle) {
    wasm.byte(I32_WRAP_I64);
    singles.setBits(i);
  } else {
    wasm.byte(F64_REINTERPRET_I64);
    registers.setF(i.rd);
  }
}

/**
 * Fclass of what is not a NaN. The magnitude's class is 0 (zero) to 3 (infinite): bit 4 and up of the answer for positive
 * numbers, bit 3 and down for negative ones.
 */
export function classify(i: Instruction, isSingle: bool): void {
  const normal: i64 = isSingle ? 1 << 56 : 1 << 53;
  const infinite: i64 = isSingle ? 0xff << 56 : 0x7ff << 53;
  getF(i.rs1);
  wasm.byte(I64_REINTERPRET_F64);
  if (isSingle) {
    results.leaveUnlessBoxed(i.rs1, i.rs1);
    wasm.i64Const(32);
    wasm.byte(I64_SHL);
  }
  wasm.localTee(P);
  wasm.i64Const(1);
  wasm.byte(I64_SHL);
  wasm.localTee(Q);
  wasm.i64Const(infinite);
  wasm.byte(I64_GT_U);
  exits.leaveIf();
  wasm.i64Const(1);
  wasm.localGet(Q);
  wasm.i64Const(0);
  wasm.byte(I64_NE);
  wasm.localGet(Q);
  wasm.i64Const(normal);
  wasm.byte(I64_GE_U);
  wasm.byte(I32_ADD);
  wasm.localGet(Q);
  wasm.i64Const(infinite);
  wasm.byte(I64_GE_U);
  wasm.byte(I32_ADD);
  wasm.byte(I64_EXTEND_I32_U);
  wasm.localGet(P);
  wasm.i64Const(63);
  wasm.byte(I64_SHR_S);
  wasm.byte(I64_XOR);
  wasm.i64Const(4);
  wasm.byte(I64_ADD);
  wasm.byte(I64_SHL);
  registers.setX(i.rd);
}
