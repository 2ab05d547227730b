// SBI IPI extension (chapter 7): a supervisor software interrupt for other harts.

import { MIP_SSIP } from "../../cpu/csrs";
import { Hart, hartAt } from "../../cpu/hart";
import { Guest } from "../../guest/guest";
import { SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED, argument, fail, functionId, succeed } from "./call";
import * as mask from "./mask";

const SEND_IPI: u32 = 0;

/** Answers a call. All harts of a guest run on one CPU, one after the other, so their state is ours to change. */
export function call(guest: Guest, hart: Hart): void {
  if (functionId(hart) != SEND_IPI) return fail(hart, SBI_ERR_NOT_SUPPORTED);
  const targets = mask.harts(guest, argument(hart, 0), argument(hart, 1));
  if (targets == mask.INVALID) return fail(hart, SBI_ERR_INVALID_PARAM);
  for (let i: u32 = 0; i < guest.harts; i++) {
    if ((targets >> i & 1) != 0) hartAt(guest, i).mip |= MIP_SSIP;
  }
  succeed(hart, 0);
}
