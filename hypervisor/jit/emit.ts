// Writes a function: its blocks in structured control flow, after the dominator tree ("Beyond Relooper", Ramsey 2022).
//
// A block that several lead to stands behind a wasm block that those leave; a loop's head stands in a wasm loop; any other
// is written where the one way into it is.

import { Hart } from "../cpu/hart";
import * as O from "../cpu/ops";
import * as atomics from "./atomics";
import * as blocks from "./blocks";
import * as csrs from "./csrs";
import {
  Block, END_BRANCH, END_CALL, END_CALLS, END_FALL, END_INDIRECT, END_JUMP, END_LEAVE, END_SWITCH, NONE, Routine, blockAt,
  instructionAt, wayAt,
} from "./desk";
import * as effects from "./effects";
import * as exits from "./exits";
import * as fences from "./fences";
import * as floats from "./floats";
import * as places from "./places";
import * as graph from "./graph";
import { Instruction } from "./instruction";
import * as integers from "./integers";
import * as labels from "./labels";
import * as liveness from "./liveness";
import * as memory from "./memory";
import { KERNEL } from "./module";
import * as scan from "./scan";
import * as registers from "./registers";
import { DEPTH, HART, LEFT, LIMIT_DOUBLE, LIMIT_SINGLE, P, PC, getX, setX } from "./registers";
import * as wasm from "./wasm";
import {
  BLOCK, BR, BR_IF, BR_TABLE, CALL, ELSE, END, I32_EQZ, I32_LOAD, I32_LT_S, I32_MUL, I32_SHR_U, I32_WRAP_I64,
  I64_ADD, I64_AND, I64_EQ, I64_GE_S, I64_GE_U, I64_LOAD, I64_LT_S, I64_LT_U, I64_NE, I64_STORE, I64_SUB, IF, LOOP,
  NOTHING, RETURN, UNREACHABLE,
} from "./wasm";

/** Number in the module of the unit's first function. */
let firstFunction: u32 = 0;
/** FS was looked at in this block. */
let hasLooked: bool = false;

/** Writes the body of a function of the unit, its size in front. */
export function write(fn: Routine, first: u32): void {
  firstFunction = first;
  liveness.find();
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
  const isPlain = block.ending == END_FALL || block.ending == END_LEAVE;
  const plain = isPlain ? block.count : block.count - 1;
  for (let i: u32 = 0; i < plain; i++) {
    const instruction = instructionAt(block.first + i);
    exits.stand(instruction.offset, block.owed + <i32>i);
    if (effects.isFloat(instruction)) look();
    if (memory.emit(instruction) || integers.emit(instruction) || atomics.emit(instruction)) continue;
    if (blocks.emit(instruction) || csrs.emit(instruction) || fences.emit(instruction)) continue;
    floats.emit(instruction);
  }
  const last = instructionAt(block.first + block.count - 1);
  switch (block.ending) {
    case END_FALL: go(block, block.fall, block.fallOffset); return;
    case END_BRANCH: branch(block, last); return;
    case END_JUMP: go(block, block.taken, block.takenOffset); return;
    case END_CALL: call(block, last); return;
    case END_INDIRECT: indirect(block, last); return;
    case END_SWITCH: turn(block, last); return;
    case END_CALLS: callOne(block, last); return;
    default: goOut(block, block.end);
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
    goOut(block, offset);
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

/** Goes on at `offset`, which is not in this function. */
function goOut(block: Block, offset: i32): void {
  if (block.goesElsewhere) exits.goAt(offset, graph.owedAfter(block));
  else exits.leaveAt(offset, graph.owedAfter(block));
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

/** Pushes the arguments of a call to `distance` bytes from the entry, and calls; LEFT is what is left then. */
function enter(block: Block, distance: i32, callee: u32): void {
  wasm.localGet(HART);
  exits.left(graph.owedAfter(block));
  exits.address(distance);
  exits.deeper();
  wasm.indexed(CALL, callee == NONE ? KERNEL : firstFunction + callee);
  wasm.localSet(LEFT);
}

/** Behind a call: one that came back to elsewhere ends this function too; else it goes on with what the callee may have written. */
function comeBack(block: Block): void {
  wasm.localGet(HART);
  wasm.memory(I64_LOAD, <u32>offsetof<Hart>("pc"));
  exits.address(block.end);
  wasm.byte(I64_NE);
  wasm.byte(IF);
  wasm.byte(NOTHING);
  wasm.localGet(LEFT);
  wasm.byte(RETURN);
  wasm.byte(END);
  const back = blockAt(block.fall);
  registers.load_(back.liveX & liveness.writtenX(block), back.liveF & liveness.writtenF(block));
  registers.setDirty(0, 0);
  if (back.entries > 1 || back.order <= block.order) wasm.indexed(BR, labels.depthOf(block.fall));
  else tree(block.fall);
}

/** A call of a function of this unit is a call of its wasm function. */
function call(block: Block, last: Instruction): void {
  exits.address(block.end);
  setX(last.rd);
  if (!graph.isCall(block)) {
    exits.leaveAt(block.takenOffset, graph.owedAfter(block));
    return;
  }
  registers.save(registers.dirtyX, registers.dirtyF);
  registers.setDirty(0, 0);
  enter(block, block.takenOffset, block.callee);
  comeBack(block);
}

/** Computes where an indirect jump goes, into P. */
function aim(last: Instruction): void {
  getX(last.rs1);
  if (last.immediate != 0) {
    wasm.i64Const(last.immediate);
    wasm.byte(I64_ADD);
  }
  wasm.i64Const(-2);
  wasm.byte(I64_AND);
  wasm.localSet(P);
}

/** Goes on at the address in P: a return leaves, as the caller knows what is there, any other jump asks the kernel. */
function goToP(block: Block, last: Instruction): void {
  registers.save(registers.dirtyX, registers.dirtyF);
  if (scan.isReturn(last)) {
    wasm.localGet(HART);
    wasm.localGet(P);
    wasm.memory(I64_STORE, <u32>offsetof<Hart>("pc"));
    exits.left(graph.owedAfter(block));
  } else {
    askForP(block, last);
  }
  wasm.byte(RETURN);
}

/** Lets the kernel go on at the address in P, of which it learns that this jump or call led there; what is left is pushed. */
function askForP(block: Block, last: Instruction): void {
  noteSite(last);
  wasm.localGet(HART);
  exits.left(graph.owedAfter(block));
  wasm.localGet(P);
  exits.deeper();
  wasm.indexed(CALL, KERNEL);
}

/** Says which indirect jump or call this is: where it goes is learned (cpu/targets.ts). */
function noteSite(last: Instruction): void {
  wasm.localGet(HART);
  exits.address(last.offset);
  wasm.memory(I64_STORE, <u32>offsetof<Hart>("site"));
}

/** Jumps to where a register says. */
function indirect(block: Block, last: Instruction): void {
  aim(last);
  goToP(block, last);
}

/** An indirect call, perhaps mostly of one of a few functions of this unit. */
function callOne(block: Block, last: Instruction): void {
  aim(last);
  exits.address(block.end);
  setX(last.rd);
  registers.save(registers.dirtyX, registers.dirtyF);
  registers.setDirty(0, 0);
  let open: u32 = 0;
  for (let k: u32 = 0; k < block.ways; k++) {
    const way = wayAt(block.firstWay + k);
    if (way.goal == NONE) continue;
    isAt(way.offset);
    wasm.byte(IF);
    wasm.byte(NOTHING);
    enter(block, way.offset, way.goal);
    wasm.byte(ELSE);
    open++;
  }
  askForP(block, last);
  wasm.localSet(LEFT);
  for (; open > 0; open--) wasm.byte(END);
  if (graph.isCall(block)) {
    comeBack(block);
    return;
  }
  wasm.localGet(LEFT);
  wasm.byte(RETURN);
}

/** Pushes whether P is the address at `distance` bytes from the entry. */
function isAt(distance: i32): void {
  wasm.localGet(P);
  exits.address(distance);
  wasm.byte(I64_EQ);
}

/** Most goals that are compared with one after the other; with more of them a table is looked at. */
const COMPARED: u32 = 3;

/** An indirect jump that is mostly to one of a few blocks of this function. */
function turn(block: Block, last: Instruction): void {
  aim(last);
  let goals: u32 = 0;
  for (let k: u32 = 0; k < block.ways; k++) if (wayAt(block.firstWay + k).goal != NONE) goals++;
  if (goals > COMPARED) {
    turnByTable(block, last, goals);
    return;
  }
  for (let k: u32 = 0; k < block.ways; k++) {
    const way = wayAt(block.firstWay + k);
    if (way.goal == NONE) continue;
    isAt(way.offset);
    wasm.byte(IF);
    wasm.byte(NOTHING);
    labels.push(NONE);
    go(block, way.goal, way.offset);
    labels.pop();
    wasm.byte(END);
  }
  goToP(block, last);
}

/** The goals' places in a table are found by a product without collisions; what is found must still be compared. */
function turnByTable(block: Block, last: Instruction, goals: u32): void {
  const bits = 34 - clz<u32>(goals - 1);
  const factor = places.spread(block, bits);
  if (factor == 0) {
    goToP(block, last);
    return;
  }
  // Outermost the label of what is not known, then those of the goals, the first innermost.
  for (let k: u32 = 0; k <= goals; k++) {
    wasm.byte(BLOCK);
    wasm.byte(NOTHING);
    labels.push(NONE);
  }
  wasm.localGet(P);
  wasm.localGet(PC);
  wasm.byte(I64_SUB);
  wasm.byte(I32_WRAP_I64);
  wasm.i32Const(<i32>factor);
  wasm.byte(I32_MUL);
  wasm.i32Const(<i32>(32 - bits));
  wasm.byte(I32_SHR_U);
  wasm.byte(BR_TABLE);
  wasm.unsigned(1 << bits);
  for (let place: u32 = 0; place < <u32>1 << bits; place++) wasm.unsigned(places.goalAt(block, factor, bits, place, goals));
  wasm.unsigned(goals);
  let rest = goals;
  for (let k: u32 = 0; k < block.ways; k++) {
    const way = wayAt(block.firstWay + k);
    if (way.goal == NONE) continue;
    labels.pop();
    wasm.byte(END);
    rest--;
    wasm.localGet(P);
    exits.address(way.offset);
    wasm.byte(I64_NE);
    wasm.indexed(BR_IF, rest);
    go(block, way.goal, way.offset);
  }
  labels.pop();
  wasm.byte(END);
  goToP(block, last);
}
