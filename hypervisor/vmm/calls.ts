// What the host's side of translated code asks for: calls from one module of it to what another has, and code that is there already.

import * as dispatch from "../cpu/dispatch";
import { Hart } from "../cpu/hart";
import * as trained from "../cpu/trained";

/** Runs what begins at guest-virtual `pc`, as cpu/dispatch.ts says. `hart`: its address; `left`: of the budget, as is the answer. */
export function call(hart: usize, left: i32, pc: u64, depth: i32): i32 {
  return dispatch.callCode(changetype<Hart>(hart), left, pc, depth);
}

/** There is a pack of translated code at this address (cpu/trained.ts): OK, E_CORRUPT, E_VERSION, E_BAD_STATE, E_UNSUPPORTED. */
export function train(ptr: usize, length: u32): i32 {
  return trained.open(ptr, length);
}
