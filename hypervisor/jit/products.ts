// High halves of products: wasm multiplies 64 bits to 64, so they are put together from products of halves.

import * as registers from "./registers";
import { getX, P } from "./registers";
import * as wasm from "./wasm";
import { I64_ADD, I64_AND, I64_MUL, I64_SHR_S, I64_SHR_U, I64_SUB } from "./wasm";

const LOW: i64 = 0xffff_ffff;

function high(x: u32): void {
  getX(x);
  wasm.i64Const(32);
  wasm.byte(I64_SHR_U);
}

function low(x: u32): void {
  getX(x);
  wasm.i64Const(LOW);
  wasm.byte(I64_AND);
}

/** Takes x`b` off what is on the stack if x`a` is negative. */
function correct(a: u32, b: u32): void {
  getX(a);
  wasm.i64Const(63);
  wasm.byte(I64_SHR_S);
  getX(b);
  wasm.byte(I64_AND);
  wasm.byte(I64_SUB);
}

function unsigned(a: u32, b: u32): void {
  high(a);
  low(b);
  wasm.byte(I64_MUL);
  low(a);
  low(b);
  wasm.byte(I64_MUL);
  wasm.i64Const(32);
  wasm.byte(I64_SHR_U);
  wasm.byte(I64_ADD);
  wasm.localSet(P);
  high(a);
  high(b);
  wasm.byte(I64_MUL);
  wasm.localGet(P);
  wasm.i64Const(32);
  wasm.byte(I64_SHR_U);
  wasm.byte(I64_ADD);
  low(a);
  high(b);
  wasm.byte(I64_MUL);
  wasm.localGet(P);
  wasm.i64Const(LOW);
  wasm.byte(I64_AND);
  wasm.byte(I64_ADD);
  wasm.i64Const(32);
  wasm.byte(I64_SHR_U);
  wasm.byte(I64_ADD);
}

/** x`rd` = high half of x`a` times x`b`, each of them signed or not; if only one is, it is `a`. */
export function emit(rd: u32, a: u32, b: u32, isSignedA: bool, isSignedB: bool): void {
  unsigned(a, b);
  if (isSignedA) correct(a, b);
  if (isSignedB) correct(b, a);
  registers.setX(rd);
}
