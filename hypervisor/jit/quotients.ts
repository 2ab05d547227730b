// Division, which never traps in RISC-V (unprivileged spec, chapter "M"): by zero it gives all ones and the dividend as the
// remainder; the overflow -2^63 / -1 gives the dividend and no remainder. Wasm would trap, so those have a way of their own.

import * as registers from "./registers";
import { getX } from "./registers";
import * as wasm from "./wasm";
import {
  ELSE, END, I32, I32_ADD, I32_DIV_S, I32_DIV_U, I32_EQZ, I32_LT_U, I32_REM_S, I32_REM_U, I32_SUB, I32_WRAP_I64, I64,
  I64_ADD, I64_DIV_S, I64_DIV_U, I64_EQZ, I64_EXTEND_I32_S, I64_LT_U, I64_REM_S, I64_REM_U, I64_SUB, IF, SELECT,
} from "./wasm";

function word(x: u32): void {
  getX(x);
  wasm.byte(I32_WRAP_I64);
}

function begin(type: u32): void {
  wasm.byte(IF);
  wasm.byte(type);
}

function end(rd: u32, a: u32, b: u32, instruction: u32): void {
  wasm.byte(ELSE);
  getX(a);
  getX(b);
  wasm.byte(instruction);
  wasm.byte(END);
  registers.setX(rd);
}

function endWord(rd: u32, a: u32, b: u32, instruction: u32): void {
  wasm.byte(ELSE);
  word(a);
  word(b);
  wasm.byte(instruction);
  wasm.byte(END);
  wasm.byte(I64_EXTEND_I32_S);
  registers.setX(rd);
}

/** div: divisors 0 and -1 are told apart from all others by one comparison, and -a is what overflow wants too. */
export function signed(rd: u32, a: u32, b: u32): void {
  getX(b);
  wasm.i64Const(1);
  wasm.byte(I64_ADD);
  wasm.i64Const(2);
  wasm.byte(I64_LT_U);
  begin(I64);
  wasm.i64Const(-1);
  wasm.i64Const(0);
  getX(a);
  wasm.byte(I64_SUB);
  getX(b);
  wasm.byte(I64_EQZ);
  wasm.byte(SELECT);
  end(rd, a, b, I64_DIV_S);
}

/** divw. */
export function signedWord(rd: u32, a: u32, b: u32): void {
  word(b);
  wasm.i32Const(1);
  wasm.byte(I32_ADD);
  wasm.i32Const(2);
  wasm.byte(I32_LT_U);
  begin(I32);
  wasm.i32Const(-1);
  wasm.i32Const(0);
  word(a);
  wasm.byte(I32_SUB);
  word(b);
  wasm.byte(I32_EQZ);
  wasm.byte(SELECT);
  endWord(rd, a, b, I32_DIV_S);
}

/** divu. */
export function unsigned(rd: u32, a: u32, b: u32): void {
  getX(b);
  wasm.byte(I64_EQZ);
  begin(I64);
  wasm.i64Const(-1);
  end(rd, a, b, I64_DIV_U);
}

/** divuw. */
export function unsignedWord(rd: u32, a: u32, b: u32): void {
  word(b);
  wasm.byte(I32_EQZ);
  begin(I32);
  wasm.i32Const(-1);
  endWord(rd, a, b, I32_DIV_U);
}

/** rem and remu. */
export function remainder(rd: u32, a: u32, b: u32, isSigned: bool): void {
  getX(b);
  wasm.byte(I64_EQZ);
  begin(I64);
  getX(a);
  end(rd, a, b, isSigned ? I64_REM_S : I64_REM_U);
}

/** remw and remuw. */
export function remainderWord(rd: u32, a: u32, b: u32, isSigned: bool): void {
  word(b);
  wasm.byte(I32_EQZ);
  begin(I32);
  word(a);
  endWord(rd, a, b, isSigned ? I32_REM_S : I32_REM_U);
}
