// Which interrupt, if any, a hart has to take now (privileged spec 3.1.9).

import { guestAt } from "../guest/guest";
import * as lines from "../guest/lines";
import { CAUSE_INTERRUPT, MSTATUS_MIE, MSTATUS_SIE } from "./csrs";
import { Hart, PRIV_M, PRIV_S } from "./hart";
import * as trap from "./trap";

/** mip: what software set and what wires hold high. What others have posted to the hart, which executes here, is taken over. */
export function pending(hart: Hart): u64 {
  const guest = guestAt(hart.guest);
  hart.mip |= <u64>lines.takePosted(guest, hart.index);
  return hart.mip | <u64>lines.wires(guest, hart.index);
}

/** Would `wfi` end now? For those who look at a hart from outside: nothing changes. */
export function isWoken(hart: Hart): bool {
  const guest = guestAt(hart.guest);
  return ((hart.mip | <u64>(lines.wires(guest, hart.index) | lines.posted(guest, hart.index))) & hart.mie) != 0;
}

/** Is an interrupt pending that `wfi` must end for? The global enables don't matter (3.3.3). */
export function wakes(hart: Hart): bool {
  return (pending(hart) & hart.mie) != 0;
}

/** Takes the interrupt of highest priority that is enabled now; false: there is none. */
export function deliver(hart: Hart): bool {
  const ready = pending(hart) & hart.mie;
  if (ready == 0) return false;
  let chosen: u64 = 0;
  if (hart.priv < PRIV_M || (hart.mstatus & MSTATUS_MIE) != 0) chosen = ready & ~hart.mideleg;
  if (chosen == 0 && (hart.priv < PRIV_S || (hart.priv == PRIV_S && (hart.mstatus & MSTATUS_SIE) != 0))) {
    chosen = ready & hart.mideleg;
  }
  if (chosen == 0) return false;
  hart.trapCause = CAUSE_INTERRUPT | first(chosen);
  hart.trapValue = 0;
  trap.take(hart);
  return true;
}

/** MEI, MSI, MTI, SEI, SSI, STI, in this order. */
function first(bits: u64): u64 {
  if ((bits >> 11 & 1) != 0) return 11;
  if ((bits >> 3 & 1) != 0) return 3;
  if ((bits >> 7 & 1) != 0) return 7;
  if ((bits >> 9 & 1) != 0) return 9;
  if ((bits >> 1 & 1) != 0) return 1;
  return 5;
}
