// What translated code was made from: a section of the module that says it, for a guest that trains (TRANSLATOR_TRAIN).
//
//   section "orlop"   u32 stamp | for each unit: ORIGIN_*, offsets of its functions, runs of its code as in a pack (abi.ts)

import { ORIGIN, ORIGIN_FUNCTIONS, ORIGIN_PLACE, ORIGIN_RUNS, ORIGIN_SET, TRAINED_RUN, TRAINED_RUN_FROM, TRAINED_RUN_LENGTH } from "../abi";
import * as frames from "../core/frames";
import { STAMP } from "../cpu/trained";
import * as desk from "./desk";
import { functionAt, instructionAt } from "./desk";
import * as pages from "./pages";

/** Room for one unit more: all its instructions, and a run for each. */
const UNIT_MOST: usize = <usize>desk.INSTRUCTIONS_MAX * (8 + <usize>TRAINED_RUN) + <usize>desk.FUNCTIONS_MAX * 4 + <usize>ORIGIN;

let at: usize = 0;
let run: usize = 0;
/** Where the run at hand goes on. */
let end: i32 = 0;
let runs: u32 = 0;

/** Begins with a module. */
export function begin(): void {
  at = desk.origins();
  store<u32>(at, STAMP);
  at += 4;
}

/** Has what follows the stamp of the section that is written. */
export function length(): u32 {
  return <u32>(at - desk.origins());
}

/** Notes the unit on the desk, whose entry lies at byte `place` of its page; false: there is no room. */
export function add(place: i32, set: u32): bool {
  if (at + UNIT_MOST > desk.origins() + desk.ORIGINS_SIZE) return false;
  const unit = at;
  at += ORIGIN;
  for (let k: u32 = 0; k < desk.functions; k++) {
    store<i32>(at, functionAt(k).offset);
    at += 4;
  }
  run = 0;
  runs = 0;
  for (let k: u32 = 0; k < desk.functions; k++) {
    const fn = functionAt(k);
    for (let i = fn.firstInstruction; i < fn.firstInstruction + fn.instructions; i++) {
      const instruction = instructionAt(i);
      const from = place + fn.offset + instruction.offset;
      for (let byte: i32 = 0; byte < <i32>instruction.length; byte += 2) halfword(from + byte);
    }
  }
  at = at + 3 & ~3;
  store<u32>(unit, set, ORIGIN_SET);
  store<i32>(unit, place, ORIGIN_PLACE);
  store<u32>(unit, desk.functions, ORIGIN_FUNCTIONS);
  store<u32>(unit, runs, ORIGIN_RUNS);
  return true;
}

/** Adds two bytes of code, to the run at hand if they follow it on the same page. */
function halfword(from: i32): void {
  if (run == 0 || from != end || (from & 0xfff) == 0) {
    at = at + 3 & ~3;
    run = at;
    runs++;
    store<i32>(run, from, TRAINED_RUN_FROM);
    store<u32>(run, 0, TRAINED_RUN_LENGTH);
    at += TRAINED_RUN;
  }
  store<u16>(at, load<u16>(frames.address(pages.frameOf(from >> 12)) + <usize>(from & 0xfff)));
  at += 2;
  end = from + 2;
  store<u32>(run, load<u32>(run, TRAINED_RUN_LENGTH) + 2, TRAINED_RUN_LENGTH);
}
