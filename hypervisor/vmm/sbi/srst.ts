// SBI system reset (chapter 10): the guest switches itself off or asks to be started anew.

import { STOP_PANIC, STOP_POWEROFF } from "../../abi";
import { Hart } from "../../cpu/hart";
import { Guest } from "../../guest/guest";
import { SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED, argument, fail, functionId } from "./call";

const SYSTEM_RESET: u32 = 0;

const SHUTDOWN: u32 = 0;
const WARM_REBOOT: u32 = 2;

const NO_REASON: u32 = 0;
const SYSTEM_FAILURE: u32 = 1;

/** Leaves the note that ends the run. */
export function shutDown(guest: Guest): void {
  guest.stop = STOP_POWEROFF;
}

/** Answers a call; one that is carried out is never answered. */
export function call(guest: Guest, hart: Hart): void {
  if (functionId(hart) != SYSTEM_RESET) return fail(hart, SBI_ERR_NOT_SUPPORTED);
  const kind = <u32>argument(hart, 0);
  const reason = <u32>argument(hart, 1);
  if (kind > WARM_REBOOT || reason > SYSTEM_FAILURE) return fail(hart, SBI_ERR_INVALID_PARAM);
  if (reason != NO_REASON) guest.stop = STOP_PANIC;
  else if (kind == SHUTDOWN) shutDown(guest);
  else guest.resetAsked = kind;
}
