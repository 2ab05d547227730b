// What comes from outside while guests run: transfers that have ended.

import { GUEST_NONE, GUEST_RUNNING, MAX_GUESTS } from "../abi";
import * as bus from "../devices/bus";
import * as tag from "../devices/virtio/tag";
import { acquire, guestAt, release } from "../guest/guest";
import * as due from "./due";

/**
 * A pending block transfer has ended; `status` is OK or E_IO. A tag that means nothing is ignored. The guest's harts are woken
 * by the CPU that serves its devices next, which is soon.
 */
export function blockDone(word: u32, status: i32): void {
  const id = tag.guestOf(word);
  if (id >= <u32>MAX_GUESTS) return;
  const guest = guestAt(id);
  const slot = tag.slotOf(word);
  acquire(guest);
  if (guest.state != GUEST_NONE && slot < guest.devices) {
    bus.complete(guest, slot, tag.requestOf(word), status);
    if (guest.state == GUEST_RUNNING) due.soon(guest);
  }
  release(guest);
}
