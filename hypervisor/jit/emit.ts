// Writes a function: its blocks in structured control flow, after the dominator tree ("Beyond Relooper", Ramsey 2022).
//
// A block that several lead to stands behind a wasm block that those leave; a loop's head stands in a wasm loop; any other
// is written where the one way into it is.

import { Hart } from "../cpu/hart";
import * as O from "../cpu/ops";
import {
  Block, END_BRANCH, END_CALL, END_FALL, END_INDIRECT, END_JUMP, Routine, NONE, blockAt, functionAt, instructionAt,
} from "./desk";
import * as effects from "./effects";
import * as exits from "./exits";
import * as floats from "./floats";
import * as graph from "./graph";
import { Instruction } from "./instruction";
import * as integers from "./integers";
import * as labels from "./labels";
import * as liveness from "./liveness";
import * as memory from "./memory";
import * as registers from "./registers";
import { DEPTH, HART, LEFT, LIMIT_DOUBLE, LIMIT_SINGLE, getX, setX } from "./registers";
import * as wasm from "./wasm";
import {
  BLOCK, BR, CALL, END, I32_EQZ, I32_LOAD, I32_LT_S, I32_SUB, I64_ADD, I64_AND, I64_EQ, I64_GE_S,
  I64_GE_U, I64_LOAD, I64_LT_S, I64_LT_U, I64_NE, I64_STORE, IF, LOOP, NOTHING, RETURN, UNREACHABLE,
} from "./wasm";

/** Number in the module of the unit's first function. */
let firstFunction: u32 = 0;
/** FS was looked at in this block. */
let hasLooked: bool = false;

/** Writes the body of a function, its size in front. */
export function write(fn: Routine, first: u32): void {
  firstFunction = first;
  liveness.find(fn);
  const size = wasm.reserve();
  const start = wasm.at;
  registers.declare(fn.usesX, fn.usesF);
  const entry = blockAt(fn.firstBlock);
  // Nothing is in locals yet.
  registers.setDirty(0, 0);
  check(entry, fn.calls != 0);
  registers.load_(entry.liveX, entry.liveF);
  if (fn.hasFloats) limits();
  labels.clear();
  tree(fn.firstBlock);
  // All ways have returned or gone back.
  wasm.byte(UNREACHABLE);
  wasm.byte(END);
  wasm.patch(size, <u32>(wasm.at - start));
}

function limits(): void {
  wasm.localGet(HART);
  wasm.memory(I64_LOAD, <u32>offsetof<Hart>("floatLimitDouble"));
  wasm.localSet(LIMIT_DOUBLE);
  wasm.localGet(HART);
  wasm.memory(I64_LOAD, <u32>offsetof<Hart>("floatLimitSingle"));
  wasm.localSet(LIMIT_SINGLE);
}

/** Leaves at the head of a block unless the budget lasts to the next look at it. */
function check(block: Block, isDeep: bool): void {
  if (isDeep) {
    wasm.localGet(DEPTH);
    wasm.byte(I32_EQZ);
    exits.stand(block.offset, 0);
    exits.leaveIf();
  }
  wasm.localGet(LEFT);
  wasm.i32Const(block.cost);
  wasm.byte(I32_LT_S);
  exits.stand(block.offset, 0);
  exits.leaveIf();
}

/** Writes a block and all that it dominates. */
function tree(number: u32): void {
  const block = blockAt(number);
  if (!block.isHeader) {
    within(number, block.child);
    return;
  }
  wasm.byte(LOOP);
  wasm.byte(NOTHING);
  labels.push(number);
  within(number, block.child);
  labels.pop();
  wasm.byte(END);
  wasm.byte(UNREACHABLE);
}

/** Writes a block inside of wasm blocks whose ends are where `child` and its siblings stand. */
function within(number: u32, child: u32): void {
  if (child == NONE) {
    body(number);
    return;
  }
  wasm.byte(BLOCK);
  wasm.byte(NOTHING);
  labels.push(child);
  within(number, blockAt(child).sibling);
  labels.pop();
  wasm.byte(END);
  tree(child);
}

function body(number: u32): void {
  const block = blockAt(number);
  registers.setDirty(block.dirtyX, block.dirtyF);
  if (block.isChecked && (block.order != 0 || block.isHeader)) check(block, false);
  memory.group(block.first, block.count);
  hasLooked = false;
  const isPlain = block.ending == END_FALL || block.ending > END_INDIRECT;
  const plain = isPlain ? block.count : block.count - 1;
  for (let i: u32 = 0; i < plain; i++) {
    const instruction = instructionAt(block.first + i);
    exits.stand(instruction.offset, block.owed + <i32>i);
    if (effects.isFloat(instruction)) look();
    if (!memory.emit(instruction) && !integers.emit(instruction)) floats.emit(instruction);
  }
  const last = instructionAt(block.first + block.count - 1);
  switch (block.ending) {
    case END_FALL: go(block, block.fall, block.fallOffset); return;
    case END_BRANCH: branch(block, last); return;
    case END_JUMP: go(block, block.taken, block.takenOffset); return;
    case END_CALL: call(block, last); return;
    case END_INDIRECT: indirect(block, last); return;
    default: exits.leaveAt(block.end, graph.owedAfter(block));
  }
}

/** Instructions on f registers need FS to be dirty: looked at once in a block, as it changes only outside. */
function look(): void {
  if (hasLooked) return;
  hasLooked = true;
  wasm.localGet(HART);
  wasm.memory(I32_LOAD, <u32>offsetof<Hart>("floatDirty"));
  wasm.byte(I32_EQZ);
  exits.leaveIf();
}

/** Takes what `block` owes off the budget, for a block that begins without debts. */
function pay(block: Block, target: Block): void {
  const owed = graph.owedAfter(block);
  if (target.owed != 0 || owed == 0) return;
  exits.left(owed);
  wasm.localSet(LEFT);
}

/** Goes on at another block, or out of the function. */
function go(block: Block, target: u32, offset: i32): void {
  const dirtyX = registers.dirtyX;
  const dirtyF = registers.dirtyF;
  if (target == NONE) {
    exits.leaveAt(offset, graph.owedAfter(block));
    return;
  }
  const goal = blockAt(target);
  if (goal.order <= block.order || goal.entries > 1) {
    pay(block, goal);
    wasm.indexed(BR, labels.depthOf(target));
  } else {
    pay(block, goal);
    tree(target);
  }
  registers.setDirty(dirtyX, dirtyF);
}

function branch(block: Block, last: Instruction): void {
  getX(last.rs1);
  getX(last.rs2);
  switch (last.operation) {
    case O.OP_FAR_BEQ: wasm.byte(I64_EQ); break;
    case O.OP_FAR_BNE: wasm.byte(I64_NE); break;
    case O.OP_FAR_BLT: wasm.byte(I64_LT_S); break;
    case O.OP_FAR_BGE: wasm.byte(I64_GE_S); break;
    case O.OP_FAR_BLTU: wasm.byte(I64_LT_U); break;
    default: wasm.byte(I64_GE_U);
  }
  wasm.byte(IF);
  wasm.byte(NOTHING);
  labels.push(NONE);
  go(block, block.taken, block.takenOffset);
  labels.pop();
  wasm.byte(END);
  go(block, block.fall, block.fallOffset);
}

/** A call of a function of this unit is a call of its wasm function; one that came back to elsewhere ends this one too. */
function call(block: Block, last: Instruction): void {
  exits.address(block.end);
  setX(last.rd);
  if (block.callee == NONE || block.fall == NONE) {
    exits.leaveAt(block.takenOffset, graph.owedAfter(block));
    return;
  }
  const callee = functionAt(block.callee);
  const back = blockAt(block.fall);
  registers.save(registers.dirtyX, registers.dirtyF);
  registers.setDirty(0, 0);
  wasm.localGet(HART);
  exits.left(graph.owedAfter(block));
  exits.address(block.takenOffset);
  wasm.localGet(DEPTH);
  wasm.i32Const(1);
  wasm.byte(I32_SUB);
  wasm.indexed(CALL, firstFunction + block.callee);
  wasm.localSet(LEFT);
  wasm.localGet(HART);
  wasm.memory(I64_LOAD, <u32>offsetof<Hart>("pc"));
  exits.address(block.end);
  wasm.byte(I64_NE);
  wasm.byte(IF);
  wasm.byte(NOTHING);
  wasm.localGet(LEFT);
  wasm.byte(RETURN);
  wasm.byte(END);
  registers.load_(back.liveX & callee.writesX, back.liveF & callee.writesF);
  registers.setDirty(0, 0);
  if (back.entries > 1 || back.order <= block.order) wasm.indexed(BR, labels.depthOf(block.fall));
  else tree(block.fall);
}

/** Jumps to where a register says: the dispatcher knows what is there, or the caller, if it is a return. */
function indirect(block: Block, last: Instruction): void {
  wasm.localGet(HART);
  getX(last.rs1);
  if (last.immediate != 0) {
    wasm.i64Const(last.immediate);
    wasm.byte(I64_ADD);
  }
  wasm.i64Const(-2);
  wasm.byte(I64_AND);
  wasm.memory(I64_STORE, <u32>offsetof<Hart>("pc"));
  if (last.rd != 0) {
    exits.address(block.end);
    setX(last.rd);
  }
  registers.save(registers.dirtyX, registers.dirtyF);
  exits.left(graph.owedAfter(block));
  wasm.byte(RETURN);
}
