// Taking traps and returning from them (privileged spec 3.1.6, 3.3.2, 12.1.1).

import { Guest } from "../guest/guest";
import {
  CAUSE_INTERRUPT, MSTATUS_MIE, MSTATUS_MPIE, MSTATUS_MPP, MSTATUS_SIE, MSTATUS_SPIE, MSTATUS_SPP,
} from "./csrs";
import { Hart, PRIV_M, PRIV_S, PRIV_U } from "./hart";
import { MSTATUS_MPRV, select } from "./tlb";

/** Takes the trap of hart.trapCause and hart.trapValue; hart.pc is the instruction it happened at. */
export function take(hart: Hart): void {
  const cause = hart.trapCause;
  const isInterrupt = (cause & CAUSE_INTERRUPT) != 0;
  const number = cause & 63;
  const delegated = isInterrupt ? hart.mideleg : hart.medeleg;
  if (isInterrupt) hart.interrupts++;
  else hart.traps++;
  if (hart.priv <= PRIV_S && (delegated >> number & 1) != 0) toSupervisor(hart, cause, isInterrupt ? number : 0);
  else toMachine(hart, cause, isInterrupt ? number : 0);
  hart.waiting = 0;
  select(hart);
}

function toSupervisor(hart: Hart, cause: u64, vector: u64): void {
  const status = hart.mstatus;
  hart.sepc = hart.pc;
  hart.scause = cause;
  hart.stval = hart.trapValue;
  hart.mstatus = status & ~(MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP) |
    ((status & MSTATUS_SIE) != 0 ? MSTATUS_SPIE : 0) | (hart.priv == PRIV_S ? MSTATUS_SPP : 0);
  hart.priv = PRIV_S;
  hart.pc = target(hart.stvec, vector);
}

function toMachine(hart: Hart, cause: u64, vector: u64): void {
  const status = hart.mstatus;
  hart.mepc = hart.pc;
  hart.mcause = cause;
  hart.mtval = hart.trapValue;
  hart.mstatus = status & ~(MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP) |
    ((status & MSTATUS_MIE) != 0 ? MSTATUS_MPIE : 0) | <u64>hart.priv << 11;
  hart.priv = PRIV_M;
  hart.pc = target(hart.mtvec, vector);
}

/** In vectored mode interrupts go to base + 4 * cause. */
function target(vectors: u64, vector: u64): u64 {
  return (vectors & ~3) + ((vectors & 1) != 0 ? vector << 2 : 0);
}

/** `sret`. */
export function returnFromSupervisor(hart: Hart, guest: Guest): void {
  const status = hart.mstatus;
  hart.priv = (status & MSTATUS_SPP) != 0 ? PRIV_S : PRIV_U;
  hart.mstatus = status & ~(MSTATUS_SIE | MSTATUS_SPP | MSTATUS_MPRV) | MSTATUS_SPIE |
    ((status & MSTATUS_SPIE) != 0 ? MSTATUS_SIE : 0);
  hart.pc = hart.sepc;
  select(hart);
  noteFirstUser(hart, guest);
}

/** `mret`. */
export function returnFromMachine(hart: Hart, guest: Guest): void {
  const status = hart.mstatus;
  hart.priv = <u32>(status >> 11) & 3;
  let next = status & ~(MSTATUS_MIE | MSTATUS_MPP) | MSTATUS_MPIE | ((status & MSTATUS_MPIE) != 0 ? MSTATUS_MIE : 0);
  if (hart.priv != PRIV_M) next &= ~MSTATUS_MPRV;
  hart.mstatus = next;
  hart.pc = hart.mepc;
  select(hart);
  noteFirstUser(hart, guest);
}

/** The report wants to know when the guest first reached U mode. */
function noteFirstUser(hart: Hart, guest: Guest): void {
  if (hart.priv == PRIV_U && guest.firstUserInstructions == 0) guest.firstUserInstructions = hart.retired + 1;
}
