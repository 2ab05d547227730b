// Calls from one module of translated code to what another has: the host gives each module the door's function for that.

import * as dispatch from "../cpu/dispatch";
import { Hart } from "../cpu/hart";

/** Runs what begins at guest-virtual `pc`, as cpu/dispatch.ts says. `hart`: its address; `left`: of the budget, as is the answer. */
export function call(hart: usize, left: i32, pc: u64, depth: i32): i32 {
  return dispatch.callCode(changetype<Hart>(hart), left, pc, depth);
}
