// The software TLB in line: from a guest-virtual address to the host's, for whatever accesses memory.
//
// An address is looked up in two steps, between which who asked decides whether what was found is good enough, or leaves.

import { SET_U, TLB, TLB_SET, TLB_WRITE } from "../cpu/tlb";
import { LOG_ENTRY } from "../cpu/verify";
import { A, B, HART, P, Q } from "./registers";
import * as wasm from "./wasm";
import {
  I32_ADD, I32_AND, I32_LOAD, I32_SHR_U, I32_STORE, I32_WRAP_I64, I32_XOR, I64_LOAD, I64_LOAD16_U, I64_LOAD32_U,
  I64_LOAD8_U, I64_STORE, I64_XOR,
} from "./wasm";

let set: u32 = 0;
let logEnd: usize = 0;

/** For code in this TLB set. `log`: where the end of a log of all stores is kept (cpu/verify.ts); 0: none. */
export function begin(tlbSet: u32, log: usize): void {
  set = tlbSet;
  logEnd = log;
}

/** Where in the hart the TLB entries of this code lie. */
export function table(isStore: bool): u32 {
  return <u32>TLB + set * <u32>TLB_SET + (isStore ? <u32>TLB_WRITE : 0);
}

/** Is it code of the user's? */
export function isUser(): bool {
  return set == SET_U;
}

/** Pops a guest-virtual address, and pushes how far behind the page in its entry it lies: from 4096 on it is another page. */
export function find(entries: u32): void {
  wasm.localTee(P);
  wasm.byte(I32_WRAP_I64);
  wasm.localTee(A);
  wasm.i32Const(8);
  wasm.byte(I32_SHR_U);
  wasm.localGet(A);
  wasm.i32Const(18);
  wasm.byte(I32_SHR_U);
  wasm.byte(I32_XOR);
  wasm.i32Const(0x3ff0);
  wasm.byte(I32_AND);
  wasm.localGet(HART);
  wasm.byte(I32_ADD);
  wasm.localTee(A);
  wasm.memory(I64_LOAD, entries);
  wasm.localGet(P);
  wasm.byte(I64_XOR);
  wasm.localTee(Q);
}

/** Pushes the host's address of what `find` has found last. */
export function host(entries: u32): void {
  wasm.localGet(A);
  wasm.memory(I32_LOAD, entries + 8);
  wasm.localGet(Q);
  wasm.byte(I32_WRAP_I64);
  wasm.byte(I32_ADD);
}

/** Notes in the log, if there is one, what a store is about to overwrite; its address is on the stack and stays there. */
export function log(distance: u32, size: u32): void {
  if (logEnd == 0) return;
  wasm.localSet(B);
  wasm.i32Const(<i32>logEnd);
  wasm.memory(I32_LOAD, 0);
  wasm.localTee(A);
  wasm.localGet(B);
  wasm.i32Const(<i32>distance);
  wasm.byte(I32_ADD);
  wasm.memory(I32_STORE, 0);
  wasm.localGet(A);
  wasm.i32Const(<i32>size);
  wasm.memory(I32_STORE, 4);
  wasm.localGet(A);
  wasm.localGet(B);
  wasm.memory(size == 1 ? I64_LOAD8_U : size == 2 ? I64_LOAD16_U : size == 4 ? I64_LOAD32_U : I64_LOAD, distance);
  wasm.memory(I64_STORE, 8);
  wasm.i32Const(<i32>logEnd);
  wasm.localGet(A);
  wasm.i32Const(<i32>LOG_ENTRY);
  wasm.byte(I32_ADD);
  wasm.memory(I32_STORE, 0);
  wasm.localGet(B);
}
