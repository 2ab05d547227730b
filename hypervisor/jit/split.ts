// Loops with several ways in: a loop is given one head by copying the rest of it for those who come in past the head.
//
// The copies lead to the head as the originals do, so each way in goes once through copies at most, and then around the
// originals, which nothing but the head leads to any more.

import { Block, NONE, addBlock, addWay, blockAt, blocks, dropBlocks, ordered, wayAt } from "./desk";
import * as flow from "./flow";
import { goal, setGoal, waysOut } from "./flow";

/** Instructions that are copied at most for one loop. */
const COPIED_MOST: u32 = 200;

/** Gives one head to a loop that has several; false: there is none, or it is too large. The ways must be traced anew then. */
export function split(): bool {
  for (let place: u32 = 0; place < flow.reached; place++) {
    const last = ordered(place);
    const block = blockAt(last);
    for (let k: u32 = 0; k < waysOut(block); k++) {
      const head = goal(block, k);
      if (head == NONE || blockAt(head).order > block.order || flow.dominates(head, last)) continue;
      if (spare(head, last)) return true;
    }
  }
  return false;
}

/** Spares the loop from `head` to `last` its other ways in. */
function spare(head: u32, last: u32): bool {
  mark(head, last);
  const first = blocks;
  if (!copyAll(head)) {
    dropBlocks(first);
    return false;
  }
  for (let b = first; b < blocks; b++) lead(blockAt(b), head);
  for (let place: u32 = 0; place < flow.reached; place++) {
    const block = blockAt(ordered(place));
    if (!isInside(block)) lead(block, head);
  }
  return true;
}

function isInside(block: Block): bool {
  return block.isAhead && block.isBehind;
}

/** Marks what lies on ways from `head` to `last` that don't lead through what dominates both. */
function mark(head: u32, last: u32): void {
  const above = flow.common(head, last);
  for (let place: u32 = 0; place < flow.reached; place++) {
    const block = blockAt(ordered(place));
    block.isAhead = ordered(place) == head;
    block.isBehind = ordered(place) == last;
  }
  let changed = true;
  while (changed) {
    changed = false;
    for (let place: u32 = 0; place < flow.reached; place++) {
      const number = ordered(place);
      if (number == above) continue;
      const block = blockAt(number);
      for (let k: u32 = 0; k < waysOut(block); k++) {
        const target = goal(block, k);
        if (target == NONE || target == above) continue;
        const next = blockAt(target);
        if (block.isAhead && !next.isAhead) next.isAhead = changed = true;
        if (next.isBehind && !block.isBehind) block.isBehind = changed = true;
      }
    }
  }
}

/** Copies what is marked but the head; false: that is too much. */
function copyAll(head: u32): bool {
  let count: u32 = 0;
  for (let place: u32 = 0; place < flow.reached; place++) {
    const number = ordered(place);
    const block = blockAt(number);
    if (number == head || !isInside(block)) continue;
    count += block.count;
    if (count > COPIED_MOST || !copy(block)) return false;
  }
  return true;
}

function copy(block: Block): bool {
  const fresh = addBlock();
  if (fresh == null) return false;
  block.copy = blocks - 1;
  memory.copy(changetype<usize>(fresh), changetype<usize>(block), offsetof<Block>());
  fresh.isAhead = fresh.isBehind = false;
  if (block.ways == 0) return true;
  fresh.ways = 0;
  for (let k: u32 = 0; k < block.ways; k++) {
    const way = wayAt(block.firstWay + k);
    if (!addWay(fresh, way.offset)) return false;
    wayAt(fresh.firstWay + k).goal = way.goal;
  }
  return true;
}

/** Leads the ways that go into the loop past its head to the copies. */
function lead(block: Block, head: u32): void {
  for (let k: u32 = 0; k < waysOut(block); k++) {
    const target = goal(block, k);
    if (target != NONE && target != head && isInside(blockAt(target))) setGoal(block, k, blockAt(target).copy);
  }
}
