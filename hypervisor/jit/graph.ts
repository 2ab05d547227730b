// The shape of a function: order of its blocks, dominators, loops, and where the budget is looked at.
//
// A loop that can be entered past its head (irreducible) gets no second head here: the way in past the head leaves the
// function, and the dispatcher finds or makes another one that begins there, in which it is the head.

import { Block, END_CALL, END_CALLS, END_SWITCH, NONE, Routine, blockAt, ordered, setOrdered, wayAt } from "./desk";

let lowest: u32 = 0;

/** Works out order, dominators, loops and costs of a function's blocks. */
export function shape(fn: Routine): void {
  order(fn);
  dominators(fn);
  settle(fn);
  costs();
  plant();
}

/** How many blocks are reached: so many places has the order. */
export let reached: u32 = 0;

/** Reverse postorder: a block comes behind those that lead to it, loops apart. */
function order(fn: Routine): void {
  for (let b = fn.firstBlock; b < fn.firstBlock + fn.blocks; b++) {
    const block = blockAt(b);
    block.order = block.dominator = block.child = block.sibling = NONE;
  }
  lowest = fn.blocks;
  visit(fn.firstBlock);
  // Counted from the end: blocks that are not reached leave a gap at the start.
  reached = fn.blocks - lowest;
  for (let b = fn.firstBlock; b < fn.firstBlock + fn.blocks; b++) {
    const block = blockAt(b);
    if (block.order == NONE) continue;
    block.order -= lowest;
    setOrdered(block.order, b);
  }
}

function visit(number: u32): void {
  const block = blockAt(number);
  block.isMet = true;
  // What is visited last comes first: what falls through stays near.
  for (let k: u32 = 0; k < waysOut(block); k++) {
    const next = goal(block, k);
    if (next != NONE && !blockAt(next).isMet) visit(next);
  }
  block.order = --lowest;
}

/** Is there a way from this block to its `fall`? */
export function goesOn(block: Block): bool {
  return block.fall != NONE && (block.ending != END_CALL || block.callee != NONE) && (block.ending != END_CALLS || calls(block));
}

/** Does an indirect call know a function of the unit? */
function calls(block: Block): bool {
  for (let k: u32 = 0; k < block.ways; k++) if (wayAt(block.firstWay + k).goal != NONE) return true;
  return false;
}

/** How many ways out of a block there may be to others. */
export function waysOut(block: Block): u32 {
  return block.ending == END_SWITCH ? block.ways : 2;
}

/** The block at the end of the k-th way out; NONE: it is no way to a block. */
export function goal(block: Block, k: u32): u32 {
  if (block.ending == END_SWITCH) return wayAt(block.firstWay + k).goal;
  return k == 0 ? block.taken : goesOn(block) ? block.fall : NONE;
}

function cut(block: Block, k: u32): void {
  if (block.ending == END_SWITCH) wayAt(block.firstWay + k).goal = NONE;
  else if (k == 0) block.taken = NONE;
  else block.fall = NONE;
}

/** Immediate dominators by repeated intersection along the order. */
function dominators(fn: Routine): void {
  blockAt(fn.firstBlock).dominator = fn.firstBlock;
  let changed = true;
  while (changed) {
    changed = false;
    for (let place: u32 = 0; place < reached; place++) {
      const number = ordered(place);
      const block = blockAt(number);
      for (let k: u32 = 0; k < waysOut(block); k++) {
        const target = goal(block, k);
        if (target != NONE && offer(target, number)) changed = true;
      }
    }
  }
}

/** `number` leads to `target`: its dominator dominates both, or is `number`. True: something is new. */
function offer(target: u32, number: u32): bool {
  const block = blockAt(target);
  if (block.order == 0) return false;
  const old = block.dominator;
  block.dominator = old == NONE ? number : common(old, number);
  return block.dominator != old;
}

function common(a: u32, b: u32): u32 {
  while (a != b) {
    while (blockAt(a).order > blockAt(b).order) a = blockAt(a).dominator;
    while (blockAt(b).order > blockAt(a).order) b = blockAt(b).dominator;
  }
  return a;
}

function dominates(a: u32, b: u32): bool {
  const order = blockAt(a).order;
  while (blockAt(b).order > order) b = blockAt(b).dominator;
  return a == b;
}

/** Finds loops and merges, cuts ways into loops past their head. */
function settle(fn: Routine): void {
  for (let place: u32 = 0; place < reached; place++) {
    const number = ordered(place);
    const block = blockAt(number);
    for (let k: u32 = 0; k < waysOut(block); k++) {
      const target = goal(block, k);
      if (target == NONE) continue;
      if (!arrive(target, number, block)) cut(block, k);
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
  if (!dominates(target, number)) return false;
  goal.isHeader = true;
  goal.isChecked = true;
  return true;
}

/** The longest way from each block to the next look at the budget, and what is owed at its head. */
function costs(): void {
  for (let place = reached; place > 0; place--) {
    const block = blockAt(ordered(place - 1));
    let rest = 0;
    for (let k: u32 = 0; k < waysOut(block); k++) {
      const target = goal(block, k);
      if (target != NONE) rest = max<i32>(rest, ahead(target, block));
    }
    block.cost = <i32>block.count + rest;
  }
  for (let place: u32 = 0; place < reached; place++) {
    const block = blockAt(ordered(place));
    const isPlain = !block.isChecked && block.entries == 1;
    block.owed = isPlain ? owedAfter(blockAt(block.from)) : 0;
  }
}

/** Does the block end with a call of a function of the unit? */
export function isCall(block: Block): bool {
  return (block.ending == END_CALL || block.ending == END_CALLS) && goesOn(block);
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
  for (let place: u32 = 1; place < reached; place++) {
    const number = ordered(place);
    const block = blockAt(number);
    if (block.entries < 2) continue;
    const parent = blockAt(block.dominator);
    block.sibling = parent.child;
    parent.child = number;
  }
}
