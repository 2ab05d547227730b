// The ways through a function: where each of its blocks leads to, their order, and which dominate which.

import { Block, END_SWITCH, NONE, Routine, blockAt, blocks, ordered, setOrdered, wayAt } from "./desk";

let lowest: u32 = 0;

/** How many blocks are reached: so many places has the order. */
export let reached: u32 = 0;

/** Works out order and dominators. Of the function are its own blocks, and those on the desk from number `copies` on. */
export function trace(fn: Routine, copies: u32): void {
  forget(fn.firstBlock, fn.firstBlock + fn.blocks);
  forget(copies, blocks);
  const most = fn.blocks + blocks - copies;
  lowest = most;
  visit(fn.firstBlock);
  // Counted from the end: blocks that are not reached leave a gap at the start.
  reached = most - lowest;
  place(fn.firstBlock, fn.firstBlock + fn.blocks);
  place(copies, blocks);
  dominators(fn);
}

function forget(from: u32, to: u32): void {
  for (let b = from; b < to; b++) {
    const block = blockAt(b);
    block.order = block.dominator = block.child = block.sibling = NONE;
    block.isMet = false;
  }
}

function place(from: u32, to: u32): void {
  for (let b = from; b < to; b++) {
    const block = blockAt(b);
    if (block.order == NONE) continue;
    block.order -= lowest;
    setOrdered(block.order, b);
  }
}

/** Reverse postorder: a block comes behind those that lead to it, loops apart. */
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

/** How many ways out of a block there may be to others. */
export function waysOut(block: Block): u32 {
  return block.ending == END_SWITCH ? block.ways : 2;
}

/** The block at the end of the k-th way out; NONE: it is no way to a block. */
export function goal(block: Block, k: u32): u32 {
  if (block.ending == END_SWITCH) return wayAt(block.firstWay + k).goal;
  return k == 0 ? block.taken : block.fall;
}

/** Lets the k-th way out of a block lead to another one; NONE: out of the function. */
export function setGoal(block: Block, k: u32, number: u32): void {
  if (block.ending == END_SWITCH) wayAt(block.firstWay + k).goal = number;
  else if (k == 0) block.taken = number;
  else block.fall = number;
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

/** The nearest block that dominates both. */
export function common(a: u32, b: u32): u32 {
  while (a != b) {
    while (blockAt(a).order > blockAt(b).order) a = blockAt(a).dominator;
    while (blockAt(b).order > blockAt(a).order) b = blockAt(b).dominator;
  }
  return a;
}

/** Do all ways to `b` lead through `a`? */
export function dominates(a: u32, b: u32): bool {
  const order = blockAt(a).order;
  while (blockAt(b).order > order) b = blockAt(b).dominator;
  return a == b;
}
