// What comes from outside while guests run: transfers that have ended, input that waits.

import { GUEST_NONE, MAX_GUESTS } from "../abi";
import * as bus from "../devices/bus";
import { guestAt } from "../guest/guest";
import * as tag from "../devices/virtio/tag";

/** A pending block transfer has ended; `status` is OK or E_IO. A tag that means nothing is ignored. */
export function blockDone(word: u32, status: i32): void {
  const id = tag.guestOf(word);
  if (id >= <u32>MAX_GUESTS) return;
  const guest = guestAt(id);
  const slot = tag.slotOf(word);
  if (guest.state == GUEST_NONE || slot >= guest.devices) return;
  bus.complete(guest, slot, tag.requestOf(word), status);
}
