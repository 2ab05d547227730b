// Ways out of a translated function: state into memory, pc behind it, what is left of the budget as the answer.

import { Hart } from "../cpu/hart";
import { KERNEL } from "./module";
import * as registers from "./registers";
import { DEPTH, HART, LEFT, PC } from "./registers";
import * as wasm from "./wasm";
import { CALL, END, I32_CONST, I32_SUB, I64_ADD, I64_STORE, IF, NOTHING, RETURN } from "./wasm";

/** Distance from the region's entry of the instruction being written, and how many LEFT is behind by. */
let offset: i32 = 0;
let owed: i32 = 0;

/** Tells where the code that is written next stands: instruction at `distance`, with `instructions` not yet taken off LEFT. */
export function stand(distance: i32, instructions: i32): void {
  offset = distance;
  owed = instructions;
}

/** Pushes the guest-virtual address at `distance` bytes from the entry. */
export function address(distance: i32): void {
  wasm.localGet(PC);
  if (distance == 0) return;
  wasm.i64Const(distance);
  wasm.byte(I64_ADD);
}

/** Pushes LEFT less what is owed. */
export function left(instructions: i32): void {
  wasm.localGet(LEFT);
  if (instructions == 0) return;
  wasm.byte(I32_CONST);
  wasm.signed(instructions);
  wasm.byte(I32_SUB);
}

/** Leaves, with the instruction at `distance` as the next one. */
export function leaveAt(distance: i32, instructions: i32): void {
  wasm.localGet(HART);
  address(distance);
  wasm.memory(I64_STORE, <u32>offsetof<Hart>("pc"));
  registers.save(registers.dirtyX, registers.dirtyF);
  left(instructions);
  wasm.byte(RETURN);
}

/** Pushes how deep calls may still nest in what is called next. */
export function deeper(): void {
  wasm.localGet(DEPTH);
  wasm.i32Const(1);
  wasm.byte(I32_SUB);
}

/** Goes on at the instruction at `distance`, which is not in this function: the kernel may know translated code for it. */
export function goAt(distance: i32, instructions: i32): void {
  registers.save(registers.dirtyX, registers.dirtyF);
  wasm.localGet(HART);
  left(instructions);
  address(distance);
  deeper();
  wasm.indexed(CALL, KERNEL);
  wasm.byte(RETURN);
}

/** Leaves before the instruction being written. */
export function leave(): void {
  leaveAt(offset, owed);
}

/** Pops an i32: if it is not zero, leaves before the instruction being written. */
export function leaveIf(): void {
  wasm.byte(IF);
  wasm.byte(NOTHING);
  leave();
  wasm.byte(END);
}
