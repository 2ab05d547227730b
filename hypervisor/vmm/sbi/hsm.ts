// SBI hart state management (chapter 9): harts are started, stopped, suspended and asked how they are.

import { Hart, PRIV_S, hartAt } from "../../cpu/hart";
import { reset } from "../../cpu/reset";
import { Guest } from "../../guest/guest";
import * as ram from "../../guest/ram";
import {
  SBI_ERR_ALREADY_AVAILABLE, SBI_ERR_INVALID_ADDRESS, SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED,
  argument, fail, functionId, succeed,
} from "./call";

const HART_START: u32 = 0;
const HART_STOP: u32 = 1;
const HART_GET_STATUS: u32 = 2;
const HART_SUSPEND: u32 = 3;

const STARTED: u64 = 0;
const STOPPED: u64 = 1;
const SUSPENDED: u64 = 4;

const SUSPEND_DEFAULT_RETENTIVE: u32 = 0;
const SUSPEND_DEFAULT_NON_RETENTIVE: u32 = 0x8000_0000;

/** Hart.waiting of a hart that waits because of HART_SUSPEND; 1 is wfi. */
export const WAITS_SUSPENDED: u32 = 2;

function start(guest: Guest, hart: Hart): void {
  const target = argument(hart, 0);
  const entry = argument(hart, 1);
  if (target >= guest.harts) return fail(hart, SBI_ERR_INVALID_PARAM);
  const other = hartAt(guest, <u32>target);
  if (other.stopped == 0) return fail(hart, SBI_ERR_ALREADY_AVAILABLE);
  if (!ram.has(guest, entry)) return fail(hart, SBI_ERR_INVALID_ADDRESS);
  reset(other, entry, target, argument(hart, 2), PRIV_S);
  other.stopped = 0;
  other.waiting = 0;
  succeed(hart, 0);
}

function status(guest: Guest, hart: Hart): void {
  const target = argument(hart, 0);
  if (target >= guest.harts) return fail(hart, SBI_ERR_INVALID_PARAM);
  const other = hartAt(guest, <u32>target);
  succeed(hart, other.stopped != 0 ? STOPPED : other.waiting == WAITS_SUSPENDED ? SUSPENDED : STARTED);
}

function suspend(hart: Hart): void {
  const kind = <u32>argument(hart, 0);
  // Nothing of a hart is lost while it sleeps, so the kinds that lose something have no use here.
  if (kind == SUSPEND_DEFAULT_NON_RETENTIVE) return fail(hart, SBI_ERR_NOT_SUPPORTED);
  if (kind != SUSPEND_DEFAULT_RETENTIVE) return fail(hart, SBI_ERR_INVALID_PARAM);
  succeed(hart, 0);
  hart.waiting = WAITS_SUSPENDED;
}

/** Answers a call. */
export function call(guest: Guest, hart: Hart): void {
  switch (functionId(hart)) {
    case HART_START: return start(guest, hart);
    case HART_STOP:
      hart.stopped = 1;
      break;
    case HART_GET_STATUS: return status(guest, hart);
    case HART_SUSPEND: return suspend(hart);
    default: fail(hart, SBI_ERR_NOT_SUPPORTED);
  }
}
