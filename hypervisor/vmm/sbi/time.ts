// SBI timer extension (chapter 6): one deadline per hart, kept where Sstc keeps it.

import { Hart } from "../../cpu/hart";
import { SBI_ERR_NOT_SUPPORTED, argument, fail, functionId, succeed } from "./call";

const SET_TIMER: u32 = 0;

/** Sets the hart's deadline; vmm/timers moves the wire before the hart goes on. */
export function setTimer(hart: Hart, deadline: u64): void {
  hart.stimecmp = deadline;
}

/** Answers a call. */
export function call(hart: Hart): void {
  if (functionId(hart) != SET_TIMER) return fail(hart, SBI_ERR_NOT_SUPPORTED);
  setTimer(hart, argument(hart, 0));
  succeed(hart, 0);
}
