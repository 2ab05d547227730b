// Looks at results of floating-point arithmetic, and at what went into it: may translated code keep it?
//
// If the flag NX is set already and rounding is to nearest, an operation whose result is a normal number changes nothing but
// its destination: no operand was a NaN, and nothing was divided by zero, overflowed or underflowed. The limits (Hart, fpu.ts)
// are 0 unless that much holds, and otherwise a large exponent; so one comparison of the result says all. What fails it leaves
// the region. Two details:
//
//   sums       are exact if they are small, so they need only be finite: |result| < 2^(limit - bias), or < 0
//   products   that are the smallest normal number may have been tiny before they were rounded, and then set UF
//
// All that is made of a limit alone the engine computes once, as nothing in translated code changes it.

import * as exits from "./exits";
import { D, LIMIT_DOUBLE, LIMIT_SINGLE, S, getF } from "./registers";
import * as wasm from "./wasm";
import {
  BLOCK, BR_IF, END, F32X4_EXTRACT_LANE, F32_ABS, F32_CONST, F32_EQ, F32_LT, F32_NE, F32_REINTERPRET_I32, F64X2_SPLAT,
  F64_ABS, F64_CONST, F64_EQ, F64_LT, F64_NE, F64_REINTERPRET_I64, I32_AND, I32_EQZ, I32_GE_U, I32_MUL, I32_OR,
  I32_REINTERPRET_F32, I32_SHL, I32_SUB, I32_WRAP_I64, I64_AND, I64_EQZ, I64_EXTEND_I32_U, I64_LT_U, I64_REINTERPRET_F64,
  I64_SHL, I64_SHR_U, IF, NOTHING, SIMD,
} from "./wasm";

/** The upper half of a register that holds a single; from here on, all values are such. */
export const BOX: i64 = -0x1_0000_0000;

// When a result that fails the comparison is right all the same.
/** Products: zero times something. */
export const IF_EITHER_ZERO: u32 = 0;
/** Quotients: zero over something. */
export const IF_FIRST_ZERO: u32 = 1;
/** Products with an addend: zero times something, plus zero. */
export const IF_ZERO_AND_ZERO: u32 = 2;
/** Singles made of a double: of zero. */
export const IF_ZERO_DOUBLE: u32 = 3;

/** Pushes a constant, given as bits. */
export function f64Const(bits: u64): void {
  wasm.byte(F64_CONST);
  for (let i: u64 = 0; i < 64; i += 8) wasm.byte(<u32>(bits >> i) & 0xff);
}

/** Pushes a constant, given as bits. */
export function f32Const(bits: u32): void {
  wasm.byte(F32_CONST);
  for (let i: u32 = 0; i < 32; i += 8) wasm.byte(bits >> i & 0xff);
}

/**
 * Pushes f`number` as a single; only if it is boxed, it is what the guest means. By way of a vector, which leaves it in the
 * host's floating-point registers: by way of an integer it would take three times as long.
 */
export function getSingle(number: u32): void {
  getF(number);
  wasm.prefixed(SIMD, F64X2_SPLAT);
  wasm.prefixed(SIMD, F32X4_EXTRACT_LANE);
  wasm.byte(0);
}

/** Leaves unless both registers hold singles. */
export function leaveUnlessBoxed(a: u32, b: u32): void {
  getF(a);
  wasm.byte(I64_REINTERPRET_F64);
  if (a != b) {
    getF(b);
    wasm.byte(I64_REINTERPRET_F64);
    wasm.byte(I64_AND);
  }
  wasm.i64Const(BOX);
  wasm.byte(I64_LT_U);
  exits.leaveIf();
}

/** Leaves if NX is not set, or rounding is not to nearest. */
export function leaveUnlessPlain(): void {
  wasm.localGet(LIMIT_DOUBLE);
  wasm.byte(I64_EQZ);
  exits.leaveIf();
}

/** Leaves if one of two registers is a NaN. Two branches that are never taken cost less than one on both. */
export function leaveIfUnordered(a: u32, b: u32, isSingle: bool): void {
  wasm.byte(BLOCK);
  wasm.byte(NOTHING);
  if (a != b) {
    wasm.byte(BLOCK);
    wasm.byte(NOTHING);
    compareWithItself(a, isSingle, false);
    wasm.indexed(BR_IF, 0);
    compareWithItself(b, isSingle, true);
    wasm.indexed(BR_IF, 1);
    wasm.byte(END);
  } else {
    compareWithItself(a, isSingle, true);
    wasm.indexed(BR_IF, 0);
  }
  exits.leave();
  wasm.byte(END);
}

function compareWithItself(number: u32, isSingle: bool, isEqual: bool): void {
  for (let i = 0; i < 2; i++) {
    if (isSingle) getSingle(number);
    else getF(number);
  }
  wasm.byte(isSingle ? (isEqual ? F32_EQ : F32_NE) : isEqual ? F64_EQ : F64_NE);
}

/** Pops a sum or a root and keeps it in D; leaves unless it is finite. */
export function keepSum(): void {
  wasm.localTee(D);
  wasm.byte(F64_ABS);
  wasm.localGet(LIMIT_DOUBLE);
  wasm.i64Const(52);
  wasm.byte(I64_SHL);
  wasm.byte(F64_REINTERPRET_I64);
  wasm.byte(F64_LT);
  wasm.byte(I32_EQZ);
  exits.leaveIf();
}

/** Pops a sum or a root and keeps it in S; leaves unless it is finite. */
export function keepSumSingle(): void {
  wasm.localTee(S);
  wasm.byte(F32_ABS);
  wasm.localGet(LIMIT_SINGLE);
  wasm.byte(I32_WRAP_I64);
  wasm.i32Const(23);
  wasm.byte(I32_SHL);
  wasm.byte(F32_REINTERPRET_I32);
  wasm.byte(F32_LT);
  wasm.byte(I32_EQZ);
  exits.leaveIf();
}

/**
 * Pops any other result and keeps it in D; leaves unless it is normal, and not the smallest such number, or `exception`
 * holds for the operands, registers a, b, c.
 */
export function keep(exception: u32, a: u32, b: u32, c: u32): void {
  wasm.localTee(D);
  wasm.byte(I64_REINTERPRET_F64);
  wasm.i64Const(32);
  wasm.byte(I64_SHR_U);
  wasm.byte(I32_WRAP_I64);
  compare(LIMIT_DOUBLE, 20);
  wasm.byte(IF);
  wasm.byte(NOTHING);
  leaveUnless(exception, a, b, c, false);
  wasm.byte(END);
}

/** The same for a single, which is kept in S. */
export function keepSingle(exception: u32, a: u32, b: u32, c: u32): void {
  wasm.localTee(S);
  wasm.byte(I32_REINTERPRET_F32);
  compare(LIMIT_SINGLE, 23);
  wasm.byte(IF);
  wasm.byte(NOTHING);
  leaveUnless(exception, a, b, c, true);
  wasm.byte(END);
}

/**
 * Pops the upper 32 bits of a result, of which `bits` belong to the fraction; pushes 1 if that is not surely a normal number.
 * The sign is shifted out, and the smallest normal number and one more taken off, so that what is smaller becomes large. That
 * and the limit less its share of one unit leave out infinities, and near both ends some numbers that would do.
 */
function compare(limit: u32, bits: u32): void {
  wasm.i32Const(1);
  wasm.byte(I32_SHL);
  wasm.i32Const((2 << bits) + 2);
  wasm.byte(I32_SUB);
  wasm.localGet(limit);
  wasm.byte(I32_WRAP_I64);
  wasm.i32Const((2 << bits) - 1);
  wasm.byte(I32_MUL);
  wasm.byte(I32_GE_U);
}

/** Leaves, unless `exception` holds for operands a, b, c and the result. */
function leaveUnless(exception: u32, a: u32, b: u32, c: u32, isSingle: bool): void {
  if (exception == IF_ZERO_DOUBLE) {
    isZero(a, false);
  } else {
    wasm.localGet(isSingle ? S : D);
    if (isSingle) {
      wasm.byte(I32_REINTERPRET_F32);
      wasm.byte(I64_EXTEND_I32_U);
    } else {
      wasm.byte(I64_REINTERPRET_F64);
    }
    isZeroBits(isSingle);
    isZero(a, isSingle);
    if (exception != IF_FIRST_ZERO) {
      isZero(b, isSingle);
      wasm.byte(I32_OR);
    }
    wasm.byte(I32_AND);
    if (exception == IF_ZERO_AND_ZERO) {
      isZero(c, isSingle);
      wasm.byte(I32_AND);
    }
  }
  wasm.byte(I32_EQZ);
  wasm.localGet(LIMIT_DOUBLE);
  wasm.byte(I64_EQZ);
  wasm.byte(I32_OR);
  exits.leaveIf();
}

/** Pushes 1 if a register holds a zero. */
export function isZero(number: u32, isSingle: bool): void {
  getF(number);
  wasm.byte(I64_REINTERPRET_F64);
  isZeroBits(isSingle);
}

/** Pops an i64; pushes 1 if it is zero but for the sign. */
function isZeroBits(isSingle: bool): void {
  if (isSingle) {
    wasm.byte(I32_WRAP_I64);
    wasm.i32Const(1);
    wasm.byte(I32_SHL);
    wasm.byte(I32_EQZ);
  } else {
    wasm.i64Const(1);
    wasm.byte(I64_SHL);
    wasm.byte(I64_EQZ);
  }
}
