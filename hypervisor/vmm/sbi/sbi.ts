// The supervisor binary interface, version 2.0, for guests that boot without firmware: what `ecall` from S mode reaches.
// Here stands the list of all extensions; each has a file of its own.

import { Hart } from "../../cpu/hart";
import { Guest } from "../../guest/guest";
import * as base from "./base";
import { SBI_ERR_NOT_SUPPORTED, extension, fail, succeed } from "./call";
import * as console from "./console";
import * as hsm from "./hsm";
import * as ipi from "./ipi";
import * as legacy from "./legacy";
import * as pmu from "./pmu";
import * as rfence from "./rfence";
import * as srst from "./srst";
import * as sta from "./sta";
import * as time from "./time";

// The numbers are the names in ASCII.
const EID_BASE: u32 = 0x10;
const EID_TIME: u32 = 0x5449_4d45;
const EID_IPI: u32 = 0x73_5049;
const EID_RFENCE: u32 = 0x5246_4e43;
const EID_HSM: u32 = 0x48_534d;
const EID_SRST: u32 = 0x5352_5354;
const EID_PMU: u32 = 0x50_4d55;
const EID_DBCN: u32 = 0x4442_434e;
const EID_STA: u32 = 0x53_5441;

/** Is this extension offered? */
function offers(eid: u32): bool {
  switch (eid) {
    case EID_BASE:
    case EID_TIME:
    case EID_IPI:
    case EID_RFENCE:
    case EID_HSM:
    case EID_SRST:
    case EID_PMU:
    case EID_DBCN:
    case EID_STA: return true;
    default: return legacy.offers(eid);
  }
}

/** Answers the `ecall` that `hart` has stopped at. May leave notes: Guest.stop, Guest.resetAsked, Hart.stopped, Hart.waiting. */
export function call(guest: Guest, hart: Hart): void {
  guest.sbiCalls++;
  const eid = extension(hart);
  switch (eid) {
    case EID_BASE:
      if (base.isProbe(hart)) succeed(hart, offers(base.probed(hart)) ? 1 : 0);
      else base.call(hart);
      break;
    case EID_TIME: time.call(hart); break;
    case EID_IPI: ipi.call(guest, hart); break;
    case EID_RFENCE: rfence.call(guest, hart); break;
    case EID_HSM: hsm.call(guest, hart); break;
    case EID_SRST: srst.call(guest, hart); break;
    case EID_PMU: pmu.call(guest, hart); break;
    case EID_DBCN: console.call(guest, hart); break;
    case EID_STA: sta.call(guest, hart); break;
    default:
      if (legacy.isLegacy(eid)) legacy.call(guest, hart);
      else fail(hart, SBI_ERR_NOT_SUPPORTED);
  }
}
