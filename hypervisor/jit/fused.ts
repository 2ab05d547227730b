// Fmadd, fmsub, fnmsub, fnmadd: a product and a sum, rounded once.
//
// Where the host has such an instruction and wasm lets us have it (probe.ts), that is one instruction. Elsewhere it is made
// of ordinary arithmetic (S. Boldo, G. Melquiond, "Emulation of FMA and correctly rounded sums", IEEE TC 57, 2008):
//
//   product + error  = a * b              exactly (Dekker: halves of 26 bits)
//   th + tl          = error + c          exactly (Knuth)
//   vh + vl          = product + th       exactly
//   result           = vh + odd(tl + vl)  rounded; odd: what is not exact gets an odd last bit, so that nothing ties
//
// That is right as long as the product is so large that its error is no subnormal number. Overflow anywhere gives an
// infinity or a NaN as the result, and the region is left.

import * as exits from "./exits";
import { Instruction } from "./instruction";
import * as registers from "./registers";
import { D, E, P, Q, R, getF } from "./registers";
import * as results from "./results";
import { IF_ZERO_AND_ZERO, f64Const, getSingle } from "./results";
import * as singles from "./singles";
import * as wasm from "./wasm";
import {
  ELSE, END, F32X4_EXTRACT_LANE, F32X4_NEG, F32X4_RELAXED_MADD, F32X4_RELAXED_NMADD, F32_DEMOTE_F64, F64X2_EXTRACT_LANE,
  F64X2_RELAXED_MADD, F64X2_RELAXED_NMADD, F64X2_SPLAT, F64, F64_ABS, F64_ADD, F64_LT, F64_MUL, F64_NE, F64_NEG, F64_PROMOTE_F32,
  F64_REINTERPRET_I64, F64_SUB, I32_AND, I32_EQZ, I32_OR, I32_WRAP_I64, I32_XOR, I64_ADD, I64_OR, I64_REINTERPRET_F64,
  I64_SHR_S, I64_XOR, IF, SELECT, SIMD,
} from "./wasm";

/** 2^27 + 1: what splits a double into halves. */
const SPLIT: u64 = 0x41a0_0000_0200_0000;
/** 2^-960: the error of a product from here on has all its bits. */
const LEAST_PRODUCT: u64 = 0x03f0_0000_0000_0000;

/** The host's relaxed_madd rounds once, and may be used. */
let isFusedHost: bool = false;
let isAllowed: bool = true;

export function setFusedHost(value: bool): void {
  isFusedHost = value;
}

/** May code that is written from now on use what not all engines have? */
export function allow(value: bool): void {
  isAllowed = value;
}

/** Is one instruction enough? */
function isFused(): bool {
  return isFusedHost && isAllowed;
}

/** rs3. */
export function addendOf(raw: u32): u32 {
  return raw >> 27;
}

/** Fmadd, fmsub, fnmsub, fnmadd: `which` is 0 to 3. */
export function emit(i: Instruction, which: u32, isSingle: bool): void {
  const c = addendOf(i.raw);
  const isProductNegative = which >= 2;
  const isAddendNegative = which == 1 || which == 3;
  if (isSingle) {
    results.leaveUnlessBoxed(i.rs1, i.rs2);
    results.leaveUnlessBoxed(c, c);
    if (isFused()) {
      relaxedSingle(i, c, isProductNegative, isAddendNegative);
    } else {
      emulateSingle(i, c, isProductNegative, isAddendNegative);
    }
    results.keepSingle(IF_ZERO_AND_ZERO, i.rs1, i.rs2, c);
    singles.set(i);
    return;
  }
  if (isFused()) relaxed(i, c, isProductNegative, isAddendNegative);
  else emulate(i, c, isProductNegative, isAddendNegative);
  results.keep(IF_ZERO_AND_ZERO, i.rs1, i.rs2, c);
  wasm.localGet(D);
  registers.setF(i.rd);
}

/** Pushes f`number` in both lanes; of a register with a single, two of four hold it. */
function lanes(number: u32): void {
  getF(number);
  wasm.prefixed(SIMD, F64X2_SPLAT);
}

function relaxed(i: Instruction, c: u32, isProductNegative: bool, isAddendNegative: bool): void {
  lanes(i.rs1);
  lanes(i.rs2);
  addend(c, isAddendNegative);
  wasm.prefixed(SIMD, F64X2_SPLAT);
  wasm.prefixed(SIMD, isProductNegative ? F64X2_RELAXED_NMADD : F64X2_RELAXED_MADD);
  wasm.prefixed(SIMD, F64X2_EXTRACT_LANE);
  wasm.byte(0);
}

function relaxedSingle(i: Instruction, c: u32, isProductNegative: bool, isAddendNegative: bool): void {
  lanes(i.rs1);
  lanes(i.rs2);
  lanes(c);
  if (isAddendNegative) wasm.prefixed(SIMD, F32X4_NEG);
  wasm.prefixed(SIMD, isProductNegative ? F32X4_RELAXED_NMADD : F32X4_RELAXED_MADD);
  wasm.prefixed(SIMD, F32X4_EXTRACT_LANE);
  wasm.byte(0);
}

/** P, Q and R hold doubles here, as bits. */
function put(local: u32): void {
  wasm.byte(I64_REINTERPRET_F64);
  wasm.localSet(local);
}

function take(local: u32): void {
  wasm.localGet(local);
  if (local == P || local == Q || local == R) wasm.byte(F64_REINTERPRET_I64);
}

function subtract(a: u32, b: u32): void {
  take(a);
  take(b);
  wasm.byte(F64_SUB);
}

/** `local` = the upper half of register `f`. */
function split(f: u32, local: u32): void {
  f64Const(SPLIT);
  getF(f);
  wasm.byte(F64_MUL);
  wasm.localTee(local);
  wasm.localGet(local);
  getF(f);
  wasm.byte(F64_SUB);
  wasm.byte(F64_SUB);
  wasm.localSet(local);
}

/** Pushes the lower half of register `f`, whose upper half lies in `local`. */
function rest(f: u32, local: u32): void {
  getF(f);
  wasm.localGet(local);
  wasm.byte(F64_SUB);
}

/**
 * Pushes what rounding took off the sum of `a` and `b`, which lies in `sum`; `scratch` is overwritten. Knuth's way, which
 * does not ask which one is larger.
 */
function errorOfSum(a: u32, b: u32, sum: u32, scratch: u32): void {
  subtract(sum, a);
  put(scratch);
  take(a);
  subtract(sum, scratch);
  wasm.byte(F64_SUB);
  subtract(b, scratch);
  wasm.byte(F64_ADD);
}

/** Pops what rounding took off the sum in P, which gets an odd last bit if that is not zero. */
function makeOdd(): void {
  // One up in magnitude if the error has the sum's sign, else one down.
  wasm.localSet(E);
  wasm.localGet(P);
  wasm.localGet(E);
  wasm.byte(I64_REINTERPRET_F64);
  wasm.localGet(P);
  wasm.byte(I64_XOR);
  wasm.i64Const(63);
  wasm.byte(I64_SHR_S);
  wasm.i64Const(1);
  wasm.byte(I64_OR);
  wasm.byte(I64_ADD);
  wasm.localGet(P);
  wasm.localGet(E);
  f64Const(0);
  wasm.byte(F64_NE);
  wasm.localGet(P);
  wasm.byte(I32_WRAP_I64);
  wasm.i32Const(-1);
  wasm.byte(I32_XOR);
  wasm.byte(I32_AND);
  wasm.byte(SELECT);
  wasm.localSet(P);
}

/** Pushes the product, with the sign that the instruction wants. */
function product(isNegative: bool): void {
  take(P);
  if (isNegative) wasm.byte(F64_NEG);
}

function addend(c: u32, isNegative: bool): void {
  getF(c);
  if (isNegative) wasm.byte(F64_NEG);
}

/** Pushes the result of doubles. */
function emulate(i: Instruction, c: u32, isProductNegative: bool, isAddendNegative: bool): void {
  const a = i.rs1;
  const b = i.rs2;
  getF(a);
  getF(b);
  wasm.byte(F64_MUL);
  wasm.localTee(D);
  put(P);
  wasm.localGet(D);
  wasm.byte(F64_ABS);
  f64Const(LEAST_PRODUCT);
  wasm.byte(F64_LT);
  wasm.byte(IF);
  wasm.byte(F64);
  results.isZero(a, false);
  results.isZero(b, false);
  wasm.byte(I32_OR);
  wasm.byte(I32_EQZ);
  exits.leaveIf();
  product(isProductNegative);
  addend(c, isAddendNegative);
  wasm.byte(F64_ADD);
  wasm.byte(ELSE);
  split(a, D);
  split(b, E);
  wasm.localGet(D);
  wasm.localGet(E);
  wasm.byte(F64_MUL);
  take(P);
  wasm.byte(F64_SUB);
  wasm.localGet(D);
  rest(b, E);
  wasm.byte(F64_MUL);
  wasm.byte(F64_ADD);
  rest(a, D);
  wasm.localGet(E);
  wasm.byte(F64_MUL);
  wasm.byte(F64_ADD);
  rest(a, D);
  rest(b, E);
  wasm.byte(F64_MUL);
  wasm.byte(F64_ADD);
  if (isProductNegative) wasm.byte(F64_NEG);
  wasm.localSet(D);
  product(isProductNegative);
  put(P);
  // Product in P, its error in D.
  addend(c, isAddendNegative);
  put(Q);
  take(Q);
  wasm.localGet(D);
  wasm.byte(F64_ADD);
  wasm.localSet(E);
  errorOfSum(D, Q, E, R);
  wasm.localSet(D);
  // th in E, tl in D.
  take(P);
  wasm.localGet(E);
  wasm.byte(F64_ADD);
  put(Q);
  errorOfSum(P, E, Q, R);
  wasm.localSet(E);
  // vh in Q, vl in E.
  wasm.localGet(D);
  wasm.localGet(E);
  wasm.byte(F64_ADD);
  put(P);
  errorOfSum(D, E, P, R);
  makeOdd();
  take(Q);
  take(P);
  wasm.byte(F64_ADD);
  wasm.byte(END);
}

/** Pushes the result of singles: in doubles the product is exact, and an odd sum has bits enough to be rounded again. */
function emulateSingle(i: Instruction, c: u32, isProductNegative: bool, isAddendNegative: bool): void {
  getSingle(i.rs1);
  wasm.byte(F64_PROMOTE_F32);
  getSingle(i.rs2);
  wasm.byte(F64_PROMOTE_F32);
  wasm.byte(F64_MUL);
  if (isProductNegative) wasm.byte(F64_NEG);
  wasm.localSet(D);
  getSingle(c);
  wasm.byte(F64_PROMOTE_F32);
  if (isAddendNegative) wasm.byte(F64_NEG);
  wasm.localSet(E);
  wasm.localGet(D);
  wasm.localGet(E);
  wasm.byte(F64_ADD);
  put(P);
  errorOfSum(D, E, P, R);
  makeOdd();
  take(P);
  wasm.byte(F32_DEMOTE_F64);
}
