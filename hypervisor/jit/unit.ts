// A unit: a hot entry, and the functions that are called from there, translated together so that their calls are wasm calls.

import * as code from "../cpu/code";
import * as regions from "../cpu/regions";
import { Unit } from "../cpu/regions";
import * as csrs from "./csrs";
import * as desk from "./desk";
import { Block, END_CALL, END_CALLS, END_INDIRECT, END_JUMP, END_SWITCH, FUNCTIONS_MAX, NONE, Routine, addFunction, blockAt, functionAt, instructionAt, wayAt } from "./desk";
import * as effects from "./effects";
import * as emit from "./emit";
import * as graph from "./graph";
import * as memory from "./memory";
import * as pages from "./pages";
import * as scan from "./scan";

/** Reads what the unit consists of onto the desk. `place`: of the entry in its page. How many functions; 0: none. */
export function read(place: i32, set: u32): u32 {
  desk.clear();
  csrs.begin(set);
  const root = addFunction();
  if (!scan.read(root, 0, place)) return 0;
  // Functions already read are the list of whose callees are to be read.
  for (let k: u32 = 0; k < desk.functions; k++) addCallees(functionAt(k), place);
  for (let k: u32 = 0; k < desk.functions; k++) survey(functionAt(k));
  spread();
  return desk.functions;
}

function addCallees(fn: Routine, place: i32): void {
  for (let b = fn.firstBlock; b < fn.firstBlock + fn.blocks; b++) {
    const block = blockAt(b);
    if (block.ending == END_CALLS) addWays(fn, block, place);
    if (block.ending != END_CALL) continue;
    const callee = find(fn.offset + block.takenOffset, place);
    block.callee = callee;
    if (callee != NONE) fn.calls |= 1 << callee;
  }
}

/** Callees of an indirect call. */
function addWays(fn: Routine, block: Block, place: i32): void {
  for (let k: u32 = 0; k < block.ways; k++) {
    const way = wayAt(block.firstWay + k);
    way.goal = find(fn.offset + way.offset, place);
    if (way.goal != NONE) fn.calls |= 1 << way.goal;
  }
}

/** The function at `offset` bytes from the unit's entry, read if need be; NONE: it can't be, or there are enough. */
function find(offset: i32, place: i32): u32 {
  for (let k: u32 = 0; k < desk.functions; k++) if (functionAt(k).offset == offset) return k;
  if (desk.functions == FUNCTIONS_MAX || !pages.isKnown(place + offset)) return NONE;
  const number = desk.functions;
  const callee = addFunction();
  if (scan.read(callee, offset, place)) return number;
  desk.dropFunction();
  return NONE;
}

/** Notes which registers occur in a function. */
function survey(fn: Routine): void {
  for (let i = fn.firstInstruction; i < fn.firstInstruction + fn.instructions; i++) {
    const instruction = instructionAt(i);
    fn.writesX |= instruction.writesX;
    fn.writesF |= instruction.writesF;
    fn.usesX |= instruction.readsX | instruction.writesX;
    fn.usesF |= instruction.readsF | instruction.writesF;
    if (effects.isFloat(instruction)) fn.hasFloats = true;
  }
  // The unit's own function may be too large for it, or know more ways by now: what is not here may have a unit too.
  fn.goesElsewhere = fn.offset == 0;
  for (let b = fn.firstBlock; b < fn.firstBlock + fn.blocks; b++) {
    const block = blockAt(b);
    block.goesElsewhere = fn.offset == 0 || goesElsewhere(block);
    if (block.goesElsewhere) fn.goesElsewhere = true;
  }
  if (!fn.goesElsewhere) return;
  // What is there may write anything.
  fn.writesX = ~1;
  fn.writesF = ~0;
}

function goesElsewhere(block: Block): bool {
  switch (block.ending) {
    case END_CALL: return block.callee == NONE;
    case END_JUMP: return block.taken == NONE;
    case END_CALLS: case END_SWITCH: return true;
    case END_INDIRECT: return !scan.isReturn(instructionAt(block.first + block.count - 1));
    default: return false;
  }
}

/** What a function writes, its callees write for it too. */
function spread(): void {
  let changed = true;
  while (changed) {
    changed = false;
    for (let k: u32 = 0; k < desk.functions; k++) {
      const fn = functionAt(k);
      for (let c: u32 = 0; c < desk.functions; c++) {
        if ((fn.calls >> c & 1) == 0) continue;
        const callee = functionAt(c);
        if ((callee.writesX & ~fn.writesX) == 0 && (callee.writesF & ~fn.writesF) == 0) continue;
        fn.writesX |= callee.writesX;
        fn.writesF |= callee.writesF;
        changed = true;
      }
    }
  }
}

/** Writes the unit's functions, the first of which will be number `first` of the module. */
export function write(first: u32, set: u32, isSharing: bool, log: usize): void {
  memory.begin(set, isSharing, log);
  csrs.beside(hasFloats());
  for (let k: u32 = 0; k < desk.functions; k++) {
    const fn = functionAt(k);
    const blocks = desk.blocks;
    graph.shape(fn);
    emit.write(fn, first);
    desk.dropBlocks(blocks);
  }
}

function hasFloats(): bool {
  for (let k: u32 = 0; k < desk.functions; k++) if (functionAt(k).hasFloats) return true;
  return false;
}

/** Notes on which code the unit relies; false: it has too many pages. */
export function cover(cpu: u32, unit: Unit, place: i32): bool {
  for (let k: u32 = 0; k < desk.functions; k++) {
    const fn = functionAt(k);
    for (let i = fn.firstInstruction; i < fn.firstInstruction + fn.instructions; i++) {
      const instruction = instructionAt(i);
      const from = place + fn.offset + instruction.offset;
      const last = from + <i32>instruction.length - 1;
      if (!coverBytes(cpu, unit, from >> 12, from & 0xfff, (from >> 12) == (last >> 12) ? (last & 0xfff) + 1 : 4096)) return false;
      if ((from >> 12) != (last >> 12) && !coverBytes(cpu, unit, last >> 12, 0, (last & 0xfff) + 1)) return false;
    }
  }
  return true;
}

function coverBytes(cpu: u32, unit: Unit, delta: i32, from: u32, to: u32): bool {
  const frame = pages.frameOf(delta);
  if (frame == 0 || !regions.rely(unit, delta, frame)) return false;
  code.cover(cpu, frame, from, to);
  return true;
}
