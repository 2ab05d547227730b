// A hart as it comes out of reset, for firmware, or as firmware leaves it to a kernel, when we are the SBI.

import { BOOT_FIRMWARE } from "../abi";
import { guestAt } from "../guest/guest";
import {
  MENVCFG_ADUE, MENVCFG_CBCFE, MENVCFG_CBIE, MENVCFG_CBZE, MENVCFG_PBMTE, MENVCFG_STCE, MIP_S, MSTATUS_FS,
} from "./csrs";
import * as fpu from "./fpu";
import { Hart, PRIV_M } from "./hart";
import * as spaces from "./spaces";
import * as tlb from "./tlb";

/** CBIE = 01: cbo.inval does what cbo.flush does. */
const CBIE_FLUSH: u64 = 1 << 4;

/** Resets a hart of a guest; its index and guest number stay. `privilege`: PRIV_M for firmware, PRIV_S under our SBI. */
export function reset(hart: Hart, pc: u64, a0: u64, a1: u64, privilege: u32): void {
  const index = hart.index;
  const guest = hart.guest;
  const retired = hart.retired;
  memory.fill(changetype<usize>(hart), 0, offsetof<Hart>());
  hart.index = index;
  hart.guest = guest;
  // The report counts on, also over a hart that is stopped and started; the guest's own counters begin at 0.
  hart.retired = retired;
  hart.mcycleOffset = hart.minstretOffset = 0 - retired;
  hart.pc = pc;
  hart.x10 = a0;
  hart.x11 = a1;
  hart.priv = privilege;
  hart.stimecmp = ~(<u64>0);
  hart.pmpActive = guestAt(guest).boot == <u32>BOOT_FIRMWARE ? 1 : 0;
  if (privilege != PRIV_M) {
    // What SBI firmware sets up before it starts a kernel: all traps are the kernel's, counters everybody's, extensions are on.
    hart.medeleg = ~(<u64>0);
    hart.mideleg = MIP_S;
    hart.mcounteren = hart.scounteren = 7;
    hart.menvcfg = MENVCFG_STCE | MENVCFG_PBMTE | MENVCFG_ADUE | MENVCFG_CBZE | MENVCFG_CBCFE | MENVCFG_CBIE & CBIE_FLUSH;
    hart.mstatus = MSTATUS_FS & <u64>1 << 13;
  }
  tlb.reset(hart, privilege == PRIV_M);
  spaces.reset(hart);
  fpu.refresh(hart);
}
