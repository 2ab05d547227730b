// When devices want to be served without being asked: a time for each guest, which all CPUs look at.

import { MAX_GUESTS } from "../abi";
import { MAILBOX } from "../core/layout";
import { Guest } from "../guest/guest";

const DUE: usize = MAILBOX + 0x200;

if (<usize>MAX_GUESTS * 8 > 0x200) ERROR("the due times run into the schedule's lock");

/** host.now() at which the devices of guest `id` are due. */
export function at(id: u32): f64 {
  return load<f64>(DUE + (<usize>id << 3));
}

/** Sets it; the guest's lock is held. */
export function set(guest: Guest, when: f64): void {
  store<f64>(DUE + (<usize>guest.id << 3), when);
}

/** They are due as soon as a CPU looks. */
export function soon(guest: Guest): void {
  set(guest, 0);
}
