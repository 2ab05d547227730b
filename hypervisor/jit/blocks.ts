// cbo.zero in translated code: Linux clears its pages with it, 64 bytes at a time. What it asks for stands in cpu/system.ts.

import { MENVCFG_CBZE } from "../cpu/csrs";
import { Hart, PRIV_M, PRIV_U } from "../cpu/hart";
import * as exits from "./exits";
import { Instruction } from "./instruction";
import * as lookup from "./lookup";
import * as pages from "./pages";
import { C, HART, getX } from "./registers";
import * as wasm from "./wasm";
import { I64_AND, I64_EQZ, I64_GT_U, I64_LOAD, I64_STORE } from "./wasm";

/** cbo.zero without its register, and the bits it is known by. */
const ZERO: u32 = 0x0040_200f;
const FIXED: u32 = 0xfff0_7fff;
const SIZE: i32 = 64;

/** Fills in which registers the instruction reads; false: not one of ours. */
export function effects(i: Instruction): bool {
  if ((i.raw & FIXED) != ZERO) return false;
  i.rs1 = i.raw >> 15 & 31;
  i.readsX = 1 << i.rs1 & ~1;
  i.mayLeave = true;
  return true;
}

/** Writes the instruction as wasm; false: not one of ours. */
export function emit(i: Instruction): bool {
  if ((i.raw & FIXED) != ZERO) return false;
  leaveIfOff();
  const table = lookup.table(true);
  getX(i.rs1);
  wasm.i64Const(-SIZE);
  wasm.byte(I64_AND);
  lookup.find(table);
  wasm.i64Const(4096 - SIZE);
  wasm.byte(I64_GT_U);
  exits.leaveIf();
  lookup.host(table);
  wasm.localSet(C);
  for (let place = 0; place < SIZE; place += 8) {
    wasm.localGet(C);
    lookup.log(place, 8);
    wasm.i64Const(0);
    wasm.memory(I64_STORE, place);
  }
  return true;
}

/** Leaves unless the modes above let this one clear blocks. */
function leaveIfOff(): void {
  if (pages.privilege == PRIV_M) return;
  wasm.localGet(HART);
  wasm.memory(I64_LOAD, <u32>offsetof<Hart>("menvcfg"));
  if (pages.privilege == PRIV_U) {
    wasm.localGet(HART);
    wasm.memory(I64_LOAD, <u32>offsetof<Hart>("senvcfg"));
    wasm.byte(I64_AND);
  }
  wasm.i64Const(<i64>MENVCFG_CBZE);
  wasm.byte(I64_AND);
  wasm.byte(I64_EQZ);
  exits.leaveIf();
}
