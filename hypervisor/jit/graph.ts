// The shape of a function: loops, merges, and where the budget is looked at.
//
// A loop that can be entered past its head (irreducible) gets that head by copying the rest of it (jit/split.ts). Where that
// would be too much, the way in past the head leaves the function, and the dispatcher finds or makes another one that begins
// there, in which it is the head.

import { Block, END_CALL, END_CALLS, NONE, Routine, blockAt, blocks, ordered } from "./desk";
import * as flow from "./flow";
import { goal, waysOut } from "./flow";
import * as split from "./split";

/** Most loops of a function that are given one head. */
const SPLITS_MOST = 8;

/** Works out order, dominators, loops and costs of a function's blocks. Copies of blocks are added to the desk. */
export function shape(fn: Routine): void {
  const copies = blocks;
  flow.trace(fn, copies);
  for (let i = 0; i < SPLITS_MOST && split.split(); i++) flow.trace(fn, copies);
  settle(fn);
  costs();
  plant();
}

/** Finds loops and merges, cuts ways into loops past their head. */
function settle(fn: Routine): void {
  for (let place: u32 = 0; place < flow.reached; place++) {
    const number = ordered(place);
    const block = blockAt(number);
    for (let k: u32 = 0; k < waysOut(block); k++) {
      const target = goal(block, k);
      if (target == NONE) continue;
      if (!arrive(target, number, block)) flow.setGoal(block, k, NONE);
      else if (isCall(block)) blockAt(target).isChecked = true;
    }
  }
  blockAt(fn.firstBlock).isChecked = true;
}

/** Counts a way from `number` to `target`; false: it would enter a loop past its head. */
function arrive(target: u32, number: u32, block: Block): bool {
  const goal = blockAt(target);
  if (goal.order > block.order) {
    goal.entries++;
    goal.from = number;
    return true;
  }
  if (!flow.dominates(target, number)) return false;
  goal.isHeader = true;
  goal.isChecked = true;
  return true;
}

/** The longest way from each block to the next look at the budget, and what is owed at its head. */
function costs(): void {
  for (let place = flow.reached; place > 0; place--) {
    const block = blockAt(ordered(place - 1));
    let rest = 0;
    for (let k: u32 = 0; k < waysOut(block); k++) {
      const target = goal(block, k);
      if (target != NONE) rest = max<i32>(rest, ahead(target, block));
    }
    block.cost = <i32>block.count + rest;
  }
  for (let place: u32 = 0; place < flow.reached; place++) {
    const block = blockAt(ordered(place));
    const isPlain = !block.isChecked && block.entries == 1;
    block.owed = isPlain ? owedAfter(blockAt(block.from)) : 0;
  }
}

/** Does the block end with a call from which this function knows how to go on? */
export function isCall(block: Block): bool {
  return (block.ending == END_CALL || block.ending == END_CALLS) && block.fall != NONE;
}

function ahead(target: u32, block: Block): i32 {
  const goal = blockAt(target);
  return goal.isChecked || goal.order <= block.order ? 0 : goal.cost;
}

/** Instructions not yet taken off the budget at a block's end; a call settles the account. */
export function owedAfter(block: Block): i32 {
  return block.owed + <i32>block.count;
}

/** Links to each block those that it dominates and that are reached from several places, the last in order first. */
function plant(): void {
  for (let place: u32 = 1; place < flow.reached; place++) {
    const number = ordered(place);
    const block = blockAt(number);
    if (block.entries < 2) continue;
    const parent = blockAt(block.dominator);
    block.sibling = parent.child;
    parent.child = number;
  }
}
