// When all guests wait for frames and nobody is left who could give one back: then one guest has to go, so that the others go on.
//
// As long as one guest runs that is not starved it may end, or free memory; as long as the host holds a guest back, paused or
// stopped, it may let it go on, or remove it. Then those who wait do so, for as long as it takes. Otherwise the guest that is
// furthest above its guarantee for its weight is stopped with STOP_NO_MEMORY; its frames come back when the host removes it.

import { GUEST_NONE, GUEST_RUNNING, MAX_GUESTS, STOP_NO_MEMORY } from "../../abi";
import { hartAt } from "../../cpu/hart";
import * as bus from "../../devices/bus";
import { Guest, acquire, guestAt, release } from "../../guest/guest";
import * as promises from "../../guest/promises";
import * as harts from "../harts";
import * as table from "../table";
import { isStarved } from "./starvation";
import { state } from "./state";

/**
 * It must have lasted for so long: 5 s if no hart of any guest would run, which is 50 looks (pressure.ts). Where harts do run while
 * siblings wait, they may be waiting for these in a loop, or may be about to free memory: they have a minute.
 */
const ENOUGH: u32 = 600;
const WEIGHT_STILL: u32 = 12;
const WEIGHT_MOVING: u32 = 1;

/** One look, whether due or not; the lock of `state` is held, and no guest's. */
export function look(): void {
  const s = state();
  const weight = distress();
  s.distress = weight == 0 ? 0 : s.distress + weight;
  if (s.distress < ENOUGH) return;
  s.distress = 0;
  const guest = victim();
  acquire(guest);
  // It may have ended itself, or got a frame, since we looked.
  if (guest.state == GUEST_RUNNING && isHeld(guest)) table.end(guest, STOP_NO_MEMORY, 0);
  release(guest);
}

/** How hopeless things are; 0: not at all. */
function distress(): u32 {
  let any = false;
  let moves = false;
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) {
    const guest = guestAt(id);
    if (guest.state == GUEST_NONE) continue;
    if (guest.state != GUEST_RUNNING) {
      if (promises.charged(guest) != 0) return 0;
      continue;
    }
    if (!isHeld(guest)) return 0;
    any = true;
    if (canMove(guest)) moves = true;
  }
  return !any ? 0 : moves ? WEIGHT_MOVING : WEIGHT_STILL;
}

/** Does the guest wait in vain? */
function isHeld(guest: Guest): bool {
  return isStarved(guest) && !promises.hasRoom(guest);
}

/** Has it harts that would run, or transfers under way? */
function canMove(guest: Guest): bool {
  for (let i: u32 = 0; i < guest.harts; i++) if (harts.canRun(hartAt(guest, i))) return true;
  return bus.busy(guest) != 0;
}

/** The guest with the most above its guarantee, divided by its weight; of two the younger. One is running. */
function victim(): Guest {
  let found: u32 = 0;
  let most: f64 = -1;
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) {
    const guest = guestAt(id);
    if (guest.state != GUEST_RUNNING) continue;
    const over = guest.owned > guest.guarantee ? guest.owned - guest.guarantee : 0;
    const claim = <f64>over / <f64>max(guest.weight, 1);
    if (claim < most) continue;
    most = claim;
    found = id;
  }
  return guestAt(found);
}
