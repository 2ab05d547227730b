// The guest's registers in a translated function: wasm locals, and which of them memory doesn't know yet.
//
//   parameters   HART i32 | LEFT i32 instructions of the budget | PC i64 guest-virtual entry | DEPTH i32 calls to go
//   locals       A, B, C i32, BASES of i32 | P, Q, R i64 | D, E f64 | S f32 | LIMIT_DOUBLE, LIMIT_SINGLE i64 | used x as i64
//                | used f as f64

import { Hart } from "../cpu/hart";
import * as wasm from "./wasm";
import { F32, F64, F64_LOAD, F64_STORE, I32, I64, I64_LOAD, I64_STORE } from "./wasm";

export const HART: u32 = 0;
export const LEFT: u32 = 1;
export const PC: u32 = 2;
export const DEPTH: u32 = 3;
/** Scratch, free between instructions. */
export const A: u32 = 4;
export const B: u32 = 5;
export const C: u32 = 6;
/** Host addresses that several accesses of a block share. */
export const BASE: u32 = 7;
export const BASES: u32 = 6;
export const P: u32 = BASE + BASES;
export const Q: u32 = P + 1;
export const R: u32 = P + 2;
export const D: u32 = P + 3;
export const E: u32 = P + 4;
export const S: u32 = P + 5;
/** Hart.floatLimitDouble and floatLimitSingle as they were at entry; they change only outside translated code. */
export const LIMIT_DOUBLE: u32 = P + 6;
export const LIMIT_SINGLE: u32 = P + 7;
const FIRST: u32 = P + 8;

/** Registers that memory doesn't know the value of, as bits. */
export let dirtyX: u32 = 0;
export let dirtyF: u32 = 0;
/** Registers that have a local. */
let usedX: u32 = 0;
let usedF: u32 = 0;

/** Gives locals to these registers and writes the function's declaration of locals. */
export function declare(x: u32, f: u32): void {
  usedX = x & ~1;
  usedF = f;
  dirtyX = 0;
  dirtyF = 0;
  wasm.unsigned(7);
  wasm.unsigned(3 + BASES); wasm.byte(I32);
  wasm.unsigned(3); wasm.byte(I64);
  wasm.unsigned(2); wasm.byte(F64);
  wasm.unsigned(1); wasm.byte(F32);
  wasm.unsigned(2); wasm.byte(I64);
  wasm.unsigned(popcnt<u32>(usedX)); wasm.byte(I64);
  wasm.unsigned(popcnt<u32>(usedF)); wasm.byte(F64);
}

function localX(number: u32): u32 {
  return FIRST + popcnt<u32>(usedX & (1 << number) - 1);
}

function localF(number: u32): u32 {
  return FIRST + popcnt<u32>(usedX) + popcnt<u32>(usedF & (1 << number) - 1);
}

/** Says which registers memory doesn't know: at the head of a block. */
export function setDirty(x: u32, f: u32): void {
  dirtyX = x;
  dirtyF = f;
}

/** Pushes x`number` as i64. */
export function getX(number: u32): void {
  if (number == 0) wasm.i64Const(0);
  else wasm.localGet(localX(number));
}

/** Pops an i64 into x`number`. */
export function setX(number: u32): void {
  if (number == 0) {
    wasm.byte(wasm.DROP);
    return;
  }
  wasm.localSet(localX(number));
  dirtyX |= 1 << number;
}

/** Pushes f`number`, all 64 bits of it, as f64. */
export function getF(number: u32): void {
  wasm.localGet(localF(number));
}

/** Pops an f64 into f`number`. */
export function setF(number: u32): void {
  wasm.localSet(localF(number));
  dirtyF |= 1 << number;
}

/** Loads these registers from the hart. */
export function load_(x: u32, f: u32): void {
  for (let i: u32 = 1; i < 32; i++) {
    if ((x >> i & 1) == 0) continue;
    wasm.localGet(HART);
    wasm.memory(I64_LOAD, i << 3);
    wasm.localSet(localX(i));
  }
  for (let i: u32 = 0; i < 32; i++) {
    if ((f >> i & 1) == 0) continue;
    wasm.localGet(HART);
    wasm.memory(F64_LOAD, <u32>offsetof<Hart>("f0") + (i << 3));
    wasm.localSet(localF(i));
  }
}

/** Stores these registers to the hart. */
export function save(x: u32, f: u32): void {
  for (let i: u32 = 1; i < 32; i++) {
    if ((x >> i & 1) == 0) continue;
    wasm.localGet(HART);
    wasm.localGet(localX(i));
    wasm.memory(I64_STORE, i << 3);
  }
  for (let i: u32 = 0; i < 32; i++) {
    if ((f >> i & 1) == 0) continue;
    wasm.localGet(HART);
    wasm.localGet(localF(i));
    wasm.memory(F64_STORE, <u32>offsetof<Hart>("f0") + (i << 3));
  }
}
