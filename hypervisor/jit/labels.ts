// The labels of wasm's nested constructs: which block each stands for, innermost last.

import { NONE, label, setLabel } from "./desk";

let depth: u32 = 0;

/** Forgets all. */
export function clear(): void {
  depth = 0;
}

/** Opens a construct whose label leads to `block`; NONE: to none. */
export function push(block: u32): void {
  setLabel(depth++, block);
}

/** Closes the innermost construct. */
export function pop(): void {
  depth--;
}

/** How many constructs lie between here and the one whose label leads to `block`. */
export function depthOf(block: u32): u32 {
  for (let i: u32 = 0; i < depth; i++) if (label(depth - 1 - i) == block) return i;
  return NONE;
}
