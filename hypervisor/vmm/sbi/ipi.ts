// SBI IPI extension (chapter 7): a supervisor software interrupt for other harts.

import { MIP_SSIP } from "../../cpu/csrs";
import { Hart } from "../../cpu/hart";
import { Guest } from "../../guest/guest";
import * as lines from "../../guest/lines";
import { SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED, argument, fail, functionId, succeed } from "./call";
import * as mask from "./mask";

const SEND_IPI: u32 = 0;

/** Answers a call. The targets may run on other CPUs: interrupts are posted, and vmm/exits wakes who waits for one. */
export function call(guest: Guest, hart: Hart): void {
  if (functionId(hart) != SEND_IPI) return fail(hart, SBI_ERR_NOT_SUPPORTED);
  const targets = mask.harts(guest, argument(hart, 0), argument(hart, 1));
  if (targets == mask.INVALID) return fail(hart, SBI_ERR_INVALID_PARAM);
  for (let i: u32 = 0; i < guest.harts; i++) {
    if ((targets >> i & 1) != 0) lines.post(guest, i, <u32>MIP_SSIP);
  }
  succeed(hart, 0);
}
