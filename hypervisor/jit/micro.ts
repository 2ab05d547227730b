// The micro-TLB in line (cpu/micro.ts): a place compares the address with the page it accessed last, before it looks it up.

import * as micro from "../cpu/micro";
import { A, HART, P, Q } from "./registers";
import * as wasm from "./wasm";
import {
  I32_ADD, I32_LOAD, I32_STORE, I32_SUB, I32_WRAP_I64, I64_AND, I64_GT_U, I64_LOAD, I64_NE, I64_SHR_U, I64_STORE, I64_XOR,
} from "./wasm";

/** Slots were given out in turn up to these. */
let singles: u32 = 0;
let groups: u32 = 0;

/** A slot for another place: for one access, or for several that share a look. */
export function take(isStore: bool, isSingle: bool): u32 {
  if (isSingle) singles = (singles + 1) % micro.SINGLES;
  else groups = (groups + 1) % micro.GROUPS;
  return micro.slotAt(isStore, isSingle, isSingle ? singles : groups);
}

/** Pops the guest-virtual address of `span` bytes, which stays in P, and pushes whether it must be looked up. */
export function differs(slot: u32, span: i32, isSingle: bool): void {
  wasm.localTee(P);
  if (isSingle) {
    // Bits that alignment wants to be 0 are compared with the tag's: what is not aligned is looked up each time.
    wasm.i64Const(~<i64>(4096 - span));
    wasm.byte(I64_AND);
  } else {
    wasm.i64Const(1);
    wasm.byte(I64_SHR_U);
  }
  wasm.localGet(HART);
  wasm.memory(I64_LOAD, slot);
  if (isSingle) {
    wasm.byte(I64_NE);
    return;
  }
  wasm.byte(I64_XOR);
  wasm.i64Const((4096 - span - 1) / 2);
  wasm.byte(I64_GT_U);
}

/** Fills the slot with what was looked up last (jit/lookup.ts). */
export function fill(slot: u32, isSingle: bool, table: u32): void {
  wasm.localGet(HART);
  // The tag: what was found differs from the address in it.
  wasm.localGet(P);
  wasm.localGet(Q);
  wasm.byte(I64_XOR);
  wasm.localTee(Q);
  if (!isSingle) {
    wasm.i64Const(1);
    wasm.byte(I64_SHR_U);
  }
  wasm.memory(I64_STORE, slot);
  wasm.localGet(HART);
  wasm.localGet(A);
  wasm.memory(I32_LOAD, table + 8);
  wasm.localGet(Q);
  wasm.byte(I32_WRAP_I64);
  wasm.byte(I32_SUB);
  wasm.memory(I32_STORE, slot + 8);
  wasm.localGet(HART);
  wasm.i32Const(1);
  wasm.memory(I32_STORE, <u32>micro.USED);
}

/** Pushes the host's address. */
export function host(slot: u32): void {
  wasm.localGet(P);
  wasm.byte(I32_WRAP_I64);
  wasm.localGet(HART);
  wasm.memory(I32_LOAD, slot + 8);
  wasm.byte(I32_ADD);
}
