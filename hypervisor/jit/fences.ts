// Fences in translated code: they order where the guest has several harts; fence.i and pause leave then to the interpreter.
//
// Code is found by frame, so guests with one hart and with several may share it: it looks at the hart.

import { Hart } from "../cpu/hart";
import { OP_FENCE, OP_HINT } from "../cpu/ops";
import * as atomics from "./atomics";
import * as exits from "./exits";
import { Instruction } from "./instruction";
import { HART } from "./registers";
import * as wasm from "./wasm";
import { END, I32_LOAD, IF, NOTHING } from "./wasm";

/** Fills in which registers the instruction reads and writes; false: not one of ours. */
export function effects(i: Instruction): bool {
  i.mayLeave = i.operation == OP_HINT;
  return i.operation == OP_HINT || i.operation == OP_FENCE;
}

/** Writes the instruction as wasm; false: not one of ours. */
export function emit(i: Instruction): bool {
  if (i.operation != OP_HINT && i.operation != OP_FENCE) return false;
  wasm.localGet(HART);
  wasm.memory(I32_LOAD, <u32>offsetof<Hart>("hasSiblings"));
  if (i.operation == OP_HINT) {
    exits.leaveIf();
  } else {
    wasm.byte(IF);
    wasm.byte(NOTHING);
    if (ASC_FEATURE_THREADS && atomics.areAllowed()) wasm.fence();
    wasm.byte(END);
  }
  return true;
}
