// Service to devices outside their guests' slices: input that has come, deadlines, work that was left over.

import { GUEST_RUNNING, MAX_GUESTS } from "../abi";
import { Cpu } from "../core/cpus";
import * as lock from "../core/lock";
import * as mailbox from "../core/mailbox";
import * as bus from "../devices/bus";
import { Guest, guestAt, lockOf, release } from "../guest/guest";
import * as bill from "./bill";
import * as due from "./due";
import * as exits from "./exits";
import * as harts from "./harts";
import { RETRY_NS } from "./memory/starvation";
import * as wire from "./wire";

/** The host announces input (consoleReady, netReady, the mailbox); one that can't do so must not starve us for longer. */
const PATIENCE_NS: f64 = 100_000_000;

/**
 * When the guest's devices want to be served next; its lock is held. `isBusy`: they had input, and may have more. `sendAt`: when
 * frames that wait are to be tried again.
 */
function setDue(guest: Guest, isBusy: bool, sendAt: f64): void {
  let next = isBusy ? bill.now() : min(sendAt, bill.now() + PATIENCE_NS);
  // What was due by now has been done.
  const deadline = bus.deadlineNs(guest);
  if (deadline > bill.now() && deadline < next) next = deadline;
  if (guest.lacking != 0 && bill.now() + RETRY_NS < next) next = bill.now() + RETRY_NS;
  due.set(guest, next);
}

/** Fetches input for the guest's devices, goes on with long work, and wakes the harts that this concerns. Its lock is held. */
export function serve(guest: Guest): void {
  const isLacking = guest.lacking != 0;
  guest.lacking = 0;
  if (guest.unheard != 0 || isLacking) bus.hear(guest);
  const isBusy = bus.poll(guest) || guest.unheard != 0;
  const sendAt = wire.isWanted(guest) ? wire.pump(guest) : Infinity;
  bus.tick(guest);
  exits.settle(guest);
  bus.refresh(guest);
  harts.rouse(guest, bill.now());
  bill.toDevices(guest);
  setDue(guest, isBusy, sendAt);
}

/** Serves all guests that something waits for. Those whose lock another CPU has are served by the next who looks. */
export function round(cpu: Cpu): void {
  wire.round(cpu);
  const announced = mailbox.take();
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) {
    const isAnnounced = (announced >> <u64>id & 1) != 0;
    if (!isAnnounced && due.at(id) > bill.now()) continue;
    const guest = guestAt(id);
    if (guest.state != GUEST_RUNNING) continue;
    if (!lock.tryAcquire(lockOf(guest))) {
      if (isAnnounced) mailbox.announce(id);
      continue;
    }
    if (guest.state == GUEST_RUNNING) {
      bill.toCpu(cpu);
      serve(guest);
      harts.charge(guest, bill.spent(cpu), bill.now());
    }
    release(guest);
  }
}

/** ns until the devices of some guest want to be served; 0: now. */
export function restNs(): f64 {
  let ns = wire.restNs();
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) {
    if (guestAt(id).state != GUEST_RUNNING) continue;
    const rest = due.at(id) - bill.now();
    if (rest < ns) ns = rest;
  }
  return ns > 0 ? ns : 0;
}
