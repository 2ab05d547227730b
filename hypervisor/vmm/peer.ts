// The guests on which this CPU may work while it moves frames: the one whose lock its caller holds, and another one whose lock
// was taken for frames to it. Locks of two guests are never waited for at once: the second is looked at for a while, or is not had.

import { Cpu } from "../core/cpus";
import * as lock from "../core/lock";
import * as bus from "../devices/bus";
import { deviceAt } from "../devices/device";
import * as net from "../devices/virtio/net";
import { Net } from "../devices/virtio/net";
import { Guest, guestAt, lockOf, release } from "../guest/guest";
import * as bill from "./bill";
import * as harts from "./harts";

export const NOBODY: u32 = 0xffff_ffff;

/** How often a held lock is looked at. Of two who wait for each other one waits longer, and gets what it wants. */
const LOOKS: i32 = 2000;
const LOOKS_OF_THE_POLITE: i32 = 50;

let home: u32 = 0xffff_ffff;
let other: u32 = 0xffff_ffff;
/** Slots of network devices that have got frames which their drivers have not been told of. */
let homeGiven: u32 = 0;
let otherGiven: u32 = 0;
/** No other lock may be taken now. */
let isFixed: bool = false;
/** Who pays for a lock that was taken: the guest that has it, if nobody is at home. */
let payer: usize = 0;

/** Begins to move frames. The lock of guest `id` is held by the caller; NOBODY: none is, and `cpu` is who works. */
export function begin(id: u32, cpu: usize): void {
  home = id;
  payer = cpu;
  isFixed = false;
}

/** Ends it: who has got frames is told, and the other guest's lock given back. */
export function end(): void {
  letGo();
  if (home != NOBODY) tell(guestAt(home), homeGiven);
  homeGiven = 0;
  home = NOBODY;
}

/** From now on no other lock is taken, or it may be again. */
export function fix(fixed: bool): void {
  isFixed = fixed;
}

/** The other guest, or NOBODY. */
export function another(): u32 {
  return other;
}

/** Makes sure that this CPU has the guest's lock; false: somebody else has it. */
export function hold(id: u32): bool {
  if (id == home || id == other) return true;
  if (isFixed) return false;
  letGo();
  const word = lockOf(guestAt(id));
  const looks = home == NOBODY || id > home ? LOOKS : LOOKS_OF_THE_POLITE;
  for (let i = 0; i < looks; i++) {
    if (load<u32>(word) == 0 && lock.tryAcquire(word)) {
      other = id;
      return true;
    }
  }
  return false;
}

/** A network device of a guest whose lock is held has got a frame. */
export function note(id: u32, slot: u32): void {
  if (id == home) homeGiven |= 1 << slot;
  else otherGiven |= 1 << slot;
}

/** Tells the drivers of frames that they have got. */
function tell(guest: Guest, slots: u32): void {
  for (; slots != 0; slots &= slots - 1) net.endGive(guest, changetype<Net>(deviceAt(guest, ctz(slots))));
}

/** Gives the other guest's lock back; its harts are woken by what it has got. */
export function letGo(): void {
  if (other == NOBODY) return;
  const guest = guestAt(other);
  tell(guest, otherGiven);
  bus.refresh(guest);
  harts.rouse(guest, bill.now());
  if (home == NOBODY) {
    bill.toDevices(guest);
    harts.charge(guest, bill.spent(changetype<Cpu>(payer)), bill.now());
  }
  release(guest);
  other = NOBODY;
  otherGiven = 0;
}
