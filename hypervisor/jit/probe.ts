// A module that finds out whether the host's relaxed multiply-adds round once: wasm leaves that to the host.

import { f32Const, f64Const } from "./results";
import * as wasm from "./wasm";
import {
  END, F32X4_EXTRACT_LANE, F32X4_RELAXED_MADD, F32X4_RELAXED_NMADD, F32X4_SPLAT, F32_EQ, F64X2_EXTRACT_LANE, F64X2_RELAXED_MADD,
  F64X2_RELAXED_NMADD, F64X2_SPLAT, F64_EQ, I32, I32_AND, I64, SIMD,
} from "./wasm";

const MAGIC: u64 = 0x0000_0001_6d73_6100;
const TYPES: u32 = 1;
const FUNCTIONS: u32 = 3;
const EXPORTS: u32 = 7;
const CODE: u32 = 10;
const FUNCTION: u32 = 0x60;

/** Doubles and singles: 1 and one unit of its last place; the same with two; the square of one such unit. */
const MORE: u64 = 0x3ff0_0000_0000_0001;
const TWICE: u64 = 0x3ff0_0000_0000_0002;
const SQUARE: u64 = 0x3970_0000_0000_0000;
const SIGN: u64 = 0x8000_0000_0000_0000;
const MORE_SINGLE: u32 = 0x3f80_0001;
const TWICE_SINGLE: u32 = 0x3f80_0002;
const SQUARE_SINGLE: u32 = 0x2880_0000;
const SIGN_SINGLE: u32 = 0x8000_0000;

/**
 * Writes the module at `ptr`, into less than 256 bytes; its length. It exports one function, "0", of the type that translated
 * code has: it answers 1 if all multiply-adds round once, else 0.
 */
export function write(ptr: usize): u32 {
  wasm.open(ptr, ptr + 256 + 32);
  for (let i: u64 = 0; i < 64; i += 8) wasm.byte(<u32>(MAGIC >> i) & 0xff);
  let size = begin(TYPES);
  wasm.byte(1);
  wasm.byte(FUNCTION);
  wasm.byte(4);
  wasm.byte(I32); wasm.byte(I32); wasm.byte(I64); wasm.byte(I32);
  wasm.byte(1);
  wasm.byte(I32);
  finish(size);
  size = begin(FUNCTIONS);
  wasm.byte(1);
  wasm.byte(0);
  finish(size);
  size = begin(EXPORTS);
  wasm.byte(1);
  wasm.byte(1); wasm.byte(0x30);
  wasm.byte(0);
  wasm.byte(0);
  finish(size);
  size = begin(CODE);
  wasm.byte(1);
  const body = wasm.reserve();
  wasm.byte(0);
  // (1 + u)^2 - (1 + 2u) is u^2, and nothing if the product is rounded first.
  double_(F64X2_RELAXED_MADD, SIGN, 0);
  double_(F64X2_RELAXED_NMADD, 0, SIGN);
  wasm.byte(I32_AND);
  single_(F32X4_RELAXED_MADD, SIGN_SINGLE, 0);
  wasm.byte(I32_AND);
  single_(F32X4_RELAXED_NMADD, 0, SIGN_SINGLE);
  wasm.byte(I32_AND);
  wasm.byte(END);
  finish(body);
  finish(size);
  return <u32>(wasm.at - ptr);
}

function begin(section: u32): usize {
  wasm.byte(section);
  return wasm.reserve();
}

function finish(size: usize): void {
  wasm.patch(size, <u32>(wasm.at - size) - 5);
}

function double_(instruction: u32, addendSign: u64, resultSign: u64): void {
  f64Const(MORE);
  wasm.prefixed(SIMD, F64X2_SPLAT);
  f64Const(MORE);
  wasm.prefixed(SIMD, F64X2_SPLAT);
  f64Const(TWICE ^ addendSign);
  wasm.prefixed(SIMD, F64X2_SPLAT);
  wasm.prefixed(SIMD, instruction);
  wasm.prefixed(SIMD, F64X2_EXTRACT_LANE);
  wasm.byte(0);
  f64Const(SQUARE ^ resultSign);
  wasm.byte(F64_EQ);
}

function single_(instruction: u32, addendSign: u32, resultSign: u32): void {
  f32Const(MORE_SINGLE);
  wasm.prefixed(SIMD, F32X4_SPLAT);
  f32Const(MORE_SINGLE);
  wasm.prefixed(SIMD, F32X4_SPLAT);
  f32Const(TWICE_SINGLE ^ addendSign);
  wasm.prefixed(SIMD, F32X4_SPLAT);
  wasm.prefixed(SIMD, instruction);
  wasm.prefixed(SIMD, F32X4_EXTRACT_LANE);
  wasm.byte(0);
  f32Const(SQUARE_SINGLE ^ resultSign);
  wasm.byte(F32_EQ);
}
