// Guest time and what it triggers: the timer interrupt of each hart, and how long a hart may sleep.

import { BOOT_FIRMWARE } from "../abi";
import { MENVCFG_STCE, MIP_STIP } from "../cpu/csrs";
import { Hart } from "../cpu/hart";
import * as aclint from "../devices/aclint";
import { Guest } from "../guest/guest";
import * as lines from "../guest/lines";
import * as board from "./board";

/** Ticks of `time` in a second, as on QEMU's board. */
export const TICK_HZ: u32 = 10_000_000;
const TICK_NS: f64 = 100;

/** A deadline that never comes. */
export const NEVER: f64 = Infinity;

/** `time` of a guest when host.now() is `now`. */
export function ticks(guest: Guest, now: f64): u64 {
  return <u64>((now - guest.timeOffset) / TICK_NS);
}

/** Sets the hart's timer wire to what it must be at `now`: with Sstc, STIP follows stimecmp while menvcfg.STCE lets it. */
export function update(guest: Guest, hart: Hart, now: f64): void {
  const due = (hart.menvcfg & MENVCFG_STCE) != 0 && ticks(guest, now) >= hart.stimecmp;
  lines.setWires(guest, hart.index, <u32>MIP_STIP, due);
  if (guest.boot == BOOT_FIRMWARE) aclint.update(guest, board.aclintOf(guest));
}

/** ns from `now` until the next timer of this hart fires; NEVER, or at least one tick. */
export function untilNext(guest: Guest, hart: Hart, now: f64): f64 {
  const deadline = (hart.menvcfg & MENVCFG_STCE) != 0 ? <f64>hart.stimecmp * TICK_NS + guest.timeOffset : NEVER;
  const ns = later(deadline, now);
  if (guest.boot != BOOT_FIRMWARE) return ns;
  const machine = later(aclint.deadlineNs(guest, board.aclintOf(guest), hart.index), now);
  return machine < ns ? machine : ns;
}

/** ns until a deadline that is still to come; one that has passed has moved its wire already. */
export function later(deadline: f64, now: f64): f64 {
  const ns = deadline - now;
  if (ns <= 0) return NEVER;
  return ns < TICK_NS ? TICK_NS : ns;
}
