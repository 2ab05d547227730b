// Legacy SBI (chapter 5): one number per call, an answer in a0 only. Those that take a pointer to a hart mask are not
// offered: whoever needs several harts finds IPI and RFENCE.

import { MIP_SSIP } from "../../cpu/csrs";
import { Hart } from "../../cpu/hart";
import * as interrupts from "../../cpu/interrupts";
import { Guest } from "../../guest/guest";
import { SBI_ERR_NOT_SUPPORTED, answerLegacy, argument, extension } from "./call";
import * as console from "./console";
import * as srst from "./srst";
import * as time from "./time";

const SET_TIMER: u32 = 0;
const CONSOLE_PUTCHAR: u32 = 1;
const CONSOLE_GETCHAR: u32 = 2;
const CLEAR_IPI: u32 = 3;
const SHUTDOWN: u32 = 8;
const LAST: u32 = 15;

/** Is this number one of the legacy calls? */
export function isLegacy(eid: u32): bool {
  return eid <= LAST;
}

/** Is this legacy call offered? */
export function offers(eid: u32): bool {
  return eid <= CLEAR_IPI || eid == SHUTDOWN;
}

/** Answers a call. */
export function call(guest: Guest, hart: Hart): void {
  switch (extension(hart)) {
    case SET_TIMER:
      time.setTimer(hart, argument(hart, 0));
      return answerLegacy(hart, 0);
    case CONSOLE_PUTCHAR:
      if (console.waitToWrite(guest, hart, <u32>argument(hart, 0) & 0xff)) answerLegacy(hart, 0);
      return;
    case CONSOLE_GETCHAR: return answerLegacy(hart, console.readByte(guest));
    case CLEAR_IPI: {
      const pending = (interrupts.pending(hart) & MIP_SSIP) != 0;
      hart.mip &= ~MIP_SSIP;
      return answerLegacy(hart, pending ? 1 : 0);
    }
    case SHUTDOWN: return srst.shutDown(guest);
    default: answerLegacy(hart, SBI_ERR_NOT_SUPPORTED);
  }
}
