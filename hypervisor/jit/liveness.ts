// Which registers memory may not know the value of at the head of each block, and whose value is needed there.
//
// A way out stores what is dirty, so it needs the value of every register that may be dirty there, also on the ways on which
// it was not written: those load it at the function's entry.

import {
  Block, END_CALL, END_CALLS, NONE, blockAt, functionAt, instructionAt, ordered,
} from "./desk";
import * as flow from "./flow";
import * as graph from "./graph";

/** Fills in dirtyX … liveF of the blocks of the function that was shaped last; what callees write must be known. */
export function find(): void {
  spread();
  need();
}

/** Dirty registers, forward: what any way in may have written since the last call. */
function spread(): void {
  let changed = true;
  while (changed) {
    changed = false;
    for (let place: u32 = 0; place < flow.reached; place++) {
      const block = blockAt(ordered(place));
      let x = block.dirtyX;
      let f = block.dirtyF;
      for (let i: u32 = 0; i < block.count; i++) {
        const instruction = instructionAt(block.first + i);
        x |= instruction.writesX;
        f |= instruction.writesF;
      }
      if (block.ending == END_CALL || block.ending == END_CALLS) x = f = 0;
      for (let k: u32 = 0; k < flow.waysOut(block); k++) {
        const target = flow.goal(block, k);
        if (target != NONE && add(target, x, f)) changed = true;
      }
    }
  }
}

function add(number: u32, x: u32, f: u32): bool {
  const block = blockAt(number);
  if ((x & ~block.dirtyX) == 0 && (f & ~block.dirtyF) == 0) return false;
  block.dirtyX |= x;
  block.dirtyF |= f;
  return true;
}

/** Needed registers, backward. */
function need(): void {
  let changed = true;
  while (changed) {
    changed = false;
    for (let place = flow.reached; place > 0; place--) if (needOf(blockAt(ordered(place - 1)))) changed = true;
  }
}

function needOf(block: Block): bool {
  let x: u32 = 0;
  let f: u32 = 0;
  for (let k: u32 = 0; k < flow.waysOut(block); k++) {
    const target = flow.goal(block, k);
    if (target == NONE) continue;
    x |= blockAt(target).liveX;
    f |= blockAt(target).liveF;
  }
  if (graph.isCall(block)) {
    // What a callee may write is loaded anew behind the call.
    x &= ~writtenX(block);
    f &= ~writtenF(block);
  }
  // The end of the block may leave, and a call stores what is dirty: dirty at the head and not written since is needed.
  x |= block.dirtyX;
  f |= block.dirtyF;
  for (let i = block.count; i > 0; i--) {
    const instruction = instructionAt(block.first + i - 1);
    x = x & ~instruction.writesX | instruction.readsX;
    f = f & ~instruction.writesF | instruction.readsF;
    if (instruction.mayLeave) {
      x |= block.dirtyX;
      f |= block.dirtyF;
    }
  }
  if (block.isChecked) {
    x |= block.dirtyX;
    f |= block.dirtyF;
  }
  if (x == block.liveX && f == block.liveF) return false;
  block.liveX = x;
  block.liveF = f;
  return true;
}

/** x registers that the function a block calls may write: of one that is not in the unit nothing is known. */
export function writtenX(block: Block): u32 {
  return block.ending == END_CALL && block.callee != NONE ? functionAt(block.callee).writesX : ~1;
}

/** The same for f registers. */
export function writtenF(block: Block): u32 {
  return block.ending == END_CALL && block.callee != NONE ? functionAt(block.callee).writesF : ~0;
}
