// Harts that need a frame when there is none for their guest: they wait, with their instruction undone, until there is one. So do
// devices, with their chain where it was (devices/virtio/queue).

import { Hart, hartAt } from "../../cpu/hart";
import { Guest } from "../../guest/guest";
import * as promises from "../../guest/promises";

/** Who waits looks again after so many ns, whether it was told of a frame or not. */
export const RETRY_NS: f64 = 10_000_000;

/** The hart has found no frame. The guest's lock is held. */
export function hold(hart: Hart): void {
  hart.starved = 1;
}

/** Does the hart wait in vain? One that does not begins the instruction anew. */
export function isHeld(guest: Guest, hart: Hart): bool {
  return hart.starved != 0 && !promises.hasRoom(guest);
}

/** Do harts or devices of the guest wait for frames? */
export function isStarved(guest: Guest): bool {
  if (guest.lacking != 0) return true;
  for (let i: u32 = 0; i < guest.harts; i++) if (hartAt(guest, i).starved != 0) return true;
  return false;
}
