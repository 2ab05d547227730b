// Looks now and then at what the interpreter is doing, to find the entries that are worth translating.
//
// Every so many instructions it goes on one by one until it meets a call or a jump backwards: the function or the loop that
// begins there is charged with all that was executed since. So code is charged by the time it takes, and the loop of the
// interpreter has nothing to count. What follows a way out of translated code is charged directly.

import { Guest } from "../guest/guest";
import * as heat from "./heat";
import { Hart } from "./hart";
import { OP_CALL, OP_C_JALR, OP_C_JR, OP_FAR_JAL, OP_JAL, OP_JALR, OP_JR } from "./ops";
import * as tlb from "./tlb";
import * as trained from "./trained";

/** Instructions between two looks, on average. */
const PERIOD: i32 = 6000;
/** Most instructions that a look takes. */
const LOOK: i32 = 48;
/** What going on in the interpreter behind translated code is charged with: a few instructions, and the way out and in. */
const RESUMED: i32 = 60;
/** Instructions that code must have cost before it is translated. */
const ENOUGH: i32 = 1_000_000;
/** The same where translated code came with the image: to look whether it fits costs little. */
const ENOUGH_TRAINED: i32 = 20_000;

let random: u32 = 0x2545_f491;

/** Instructions that code of this guest must have cost. */
function enough(guest: Guest): i32 {
  if (guest.heat != 0) return <i32>guest.heat;
  return trained.isThere() ? ENOUGH_TRAINED : ENOUGH;
}

/** Instructions between two looks, on average: fewer where little is enough. */
function period(guest: Guest): i32 {
  return min<i32>(max<i32>(enough(guest) / 4, 8), PERIOD);
}

/** Not always the same, or a loop of that length would always be met in one place. */
function next(guest: Guest): i32 {
  random = random * 1664525 + 1013904223;
  const whole = period(guest);
  return whole / 2 + <i32>(random >> 16) % whole;
}

/** Most instructions that the interpreter may execute in one go. */
export function limit(hart: Hart, budget: i32): i32 {
  if (hart.untilLook <= 0) return 1;
  return budget < hart.untilLook ? budget : hart.untilLook;
}

/** The interpreter goes on at `slot`, where translated code was left. */
export function resumed(hart: Hart, guest: Guest, cpu: u32, slot: usize, page: usize, pc: u64): void {
  heat.add(cpu, slot, page, pc, tlb.setNumber(hart.dataSet), RESUMED, enough(guest));
}

/** The interpreter has executed some instructions from `slot` on. */
export function executed(hart: Hart, guest: Guest, cpu: u32, slot: usize, pc: u64, instructions: i32): void {
  const before = hart.untilLook;
  hart.untilLook = before - instructions;
  if (before > 0 || instructions == 0) return;
  if (isEntered(hart, slot, pc)) {
    const entry = tlb.fetchEntry(hart, hart.pc);
    if ((load<u64>(entry) ^ hart.pc) < 4096) {
      const page = <usize>load<u32>(entry, 8);
      const slot = page + (<usize>(hart.pc & 0xfff) << 2);
      heat.add(cpu, slot, page, hart.pc, tlb.setNumber(hart.dataSet), period(guest), enough(guest));
    }
  } else if (hart.untilLook > -LOOK) {
    return;
  }
  hart.untilLook = next(guest);
}

/** Was the instruction in `slot`, which has just been executed, a call or a jump backwards? Returns don't count. */
function isEntered(hart: Hart, slot: usize, pc: u64): bool {
  const operation = <u32>load<u8>(slot);
  if (operation == OP_JAL || operation == OP_FAR_JAL || operation == OP_JALR || operation == OP_C_JALR || operation == OP_CALL) {
    return hart.pc != pc + 4 && hart.pc != pc + 2;
  }
  if (operation == OP_JR || operation == OP_C_JR) return false;
  return hart.pc <= pc && pc - hart.pc < 0x10_0000;
}
