// Doubles: arithmetic, signs, comparisons, extremes, as wasm. What they compute stands in cpu/burst.ts and cpu/floating.ts.

import * as exits from "./exits";
import { Instruction } from "./instruction";
import * as registers from "./registers";
import { D, getF } from "./registers";
import * as results from "./results";
import { IF_EITHER_ZERO, IF_FIRST_ZERO } from "./results";
import * as wasm from "./wasm";
import {
  F64_ABS, F64_ADD, F64_COPYSIGN, F64_DIV, F64_EQ, F64_LE, F64_LT, F64_MAX, F64_MIN, F64_MUL, F64_NE, F64_NEG,
  F64_REINTERPRET_I64, F64_SQRT, F64_SUB, I64_AND, I64_EXTEND_I32_U, I64_REINTERPRET_F64, I64_XOR,
} from "./wasm";

const SIGN: i64 = i64.MIN_VALUE;

function set(i: Instruction): void {
  wasm.localGet(D);
  registers.setF(i.rd);
}

/** Fadd, fsub, fmul, fdiv: `which` is 0 to 3. */
export function arithmetic(i: Instruction, which: u32): void {
  getF(i.rs1);
  getF(i.rs2);
  wasm.byte(which == 0 ? F64_ADD : which == 1 ? F64_SUB : which == 2 ? F64_MUL : F64_DIV);
  if (which < 2) results.keepSum();
  else results.keep(which == 2 ? IF_EITHER_ZERO : IF_FIRST_ZERO, i.rs1, i.rs2, 0);
  set(i);
}

export function root(i: Instruction): void {
  getF(i.rs1);
  wasm.byte(F64_SQRT);
  results.keepSum();
  set(i);
}

/** Fsgnj, fsgnjn, fsgnjx. All of wasm's instructions that only touch the sign leave a NaN's other bits alone. */
export function sign(i: Instruction, which: u32): void {
  const isSame = i.rs1 == i.rs2;
  getF(i.rs1);
  if (isSame) {
    if (which != 0) wasm.byte(which == 1 ? F64_NEG : F64_ABS);
  } else if (which < 2) {
    getF(i.rs2);
    if (which == 1) wasm.byte(F64_NEG);
    wasm.byte(F64_COPYSIGN);
  } else {
    wasm.byte(I64_REINTERPRET_F64);
    getF(i.rs2);
    wasm.byte(I64_REINTERPRET_F64);
    wasm.i64Const(SIGN);
    wasm.byte(I64_AND);
    wasm.byte(I64_XOR);
    wasm.byte(F64_REINTERPRET_I64);
  }
  registers.setF(i.rd);
}

/** Fle, flt, feq: `which` is 0 to 2. */
export function comparison(i: Instruction, which: u32): void {
  results.leaveIfUnordered(i.rs1, i.rs2, false);
  getF(i.rs1);
  getF(i.rs2);
  wasm.byte(which == 0 ? F64_LE : which == 1 ? F64_LT : F64_EQ);
  wasm.byte(I64_EXTEND_I32_U);
  registers.setX(i.rd);
}

/** Fmin, fmax: wasm orders zeros as RISC-V does; of NaNs it gives a NaN, and the region is left. */
export function extreme(i: Instruction, isMax: bool): void {
  getF(i.rs1);
  getF(i.rs2);
  wasm.byte(isMax ? F64_MAX : F64_MIN);
  wasm.localTee(D);
  wasm.localGet(D);
  wasm.byte(F64_NE);
  exits.leaveIf();
  set(i);
}
