// Who may take a frame: what guests have and what they are promised is never more than the machine has.
//
//   committed = sum over guests of max(owned, guarantee) + leaves, or all leaves it can need if it has a guarantee
//             + frames that several pages share
//
// A guest below its guarantee takes what is committed to it already; above, it takes only what is committed to nobody. A page
// that shares its frame is on no account: it may want a frame of its own at any time, and a guarantee covers that too.
// The account is made first when a frame is taken, and last when one is given back, so that there always is one.

import { E_NO_MEMORY, OK } from "../abi";
import * as frames from "../core/frames";
import * as lock from "../core/lock";
import { Machine, machine } from "../core/machine";
import { Guest } from "./guest";

function promisesLock(): usize {
  return changetype<usize>(machine()) + offsetof<Machine>("promisesLock");
}

/** Frames of the map that a guest can need at most. */
function leavesMost(guest: Guest): u32 {
  return <u32>(guest.ramPages + 1023 >> 10);
}

/** What the guest counts for, with these. */
function chargeOf(guest: Guest, owned: u32, leaves: u32, guarantee: u32): u32 {
  return guarantee == 0 ? owned + leaves : max(owned, guarantee) + leavesMost(guest);
}

/** Changes an account, and the number of shared frames; false: the machine has not so many frames, nothing has changed. */
function change(guest: Guest, owned: i32, leaves: i32, shared: i32): bool {
  const m = machine();
  lock.acquire(promisesLock());
  const before = chargeOf(guest, guest.owned, guest.leaves, guest.guarantee);
  const after = chargeOf(guest, guest.owned + owned, guest.leaves + leaves, guest.guarantee);
  const committed = m.committedFrames - before + after + shared;
  const fits = committed <= m.committedFrames || committed <= m.endFrame - m.firstFrame;
  if (fits) {
    m.committedFrames = committed;
    m.sharedFrames += shared;
    guest.owned += owned;
    guest.leaves += leaves;
  }
  lock.release(promisesLock());
  return fits;
}

/** A zeroed frame for a page; 0: none left for this guest, which is starved. */
export function take(guest: Guest): u32 {
  return takeFor(guest, 1, 0);
}

/** A zeroed frame for the guest's map; 0 as above. */
export function takeLeaf(guest: Guest): u32 {
  return takeFor(guest, 0, 1);
}

function takeFor(guest: Guest, owned: i32, leaves: i32): u32 {
  if (change(guest, owned, leaves, 0)) {
    const frame = frames.take();
    if (frame != 0) return frame;
    change(guest, -owned, -leaves, 0);
  }
  guest.starved = 1;
  return 0;
}

/** A frame that a page had for itself goes back. */
export function giveBack(guest: Guest, frame: u32): void {
  frames.release(frame);
  change(guest, -1, 0, 0);
}

/** A frame of the map goes back. */
export function returnLeaf(guest: Guest, frame: u32): void {
  frames.release(frame);
  change(guest, 0, -1, 0);
}

/** A page stops sharing its frame, which goes back with the last one. */
export function leaveShared(frame: u32): void {
  if (!frames.release(frame)) return;
  const m = machine();
  lock.acquire(promisesLock());
  m.committedFrames--;
  m.sharedFrames--;
  lock.release(promisesLock());
}

/** The frame of a page is to be shared: it leaves the guest's account. False: that would take what is promised to others. */
export function beginShared(guest: Guest): bool {
  return change(guest, -1, 0, 1);
}

/** `beginShared` did not come to pass. */
export function undoShared(guest: Guest): void {
  change(guest, 1, 0, -1);
}

/** Changes a guest's guarantee; E_NO_MEMORY: there is not so much left to promise. */
export function setGuarantee(guest: Guest, pages: u32): i32 {
  const m = machine();
  lock.acquire(promisesLock());
  const before = chargeOf(guest, guest.owned, guest.leaves, guest.guarantee);
  const after = chargeOf(guest, guest.owned, guest.leaves, pages);
  const committed = m.committedFrames - before + after;
  const fits = committed <= m.committedFrames || committed <= m.endFrame - m.firstFrame;
  if (fits) {
    m.committedFrames = committed;
    guest.guarantee = pages;
  }
  lock.release(promisesLock());
  return fits ? OK : E_NO_MEMORY;
}

/** Frames that are committed to nobody. */
export function spare(): u32 {
  const m = machine();
  return m.endFrame - m.firstFrame - m.committedFrames;
}

/** Would the guest get a frame now? A look that may be out of date; its page may need a leaf too. */
export function hasRoom(guest: Guest): bool {
  return spare() >= 2 || guest.owned < guest.guarantee;
}

/** Frames that are committed to the guest: those that it has, or is promised. */
export function charged(guest: Guest): u32 {
  return chargeOf(guest, guest.owned, guest.leaves, guest.guarantee);
}

/** Pages of the guest that share their frame. */
export function sharing(guest: Guest): u32 {
  return guest.touched > guest.owned ? guest.touched - guest.owned : 0;
}

/** Frames that the guest is promised and has not got. */
export function promised(guest: Guest): u32 {
  const all = chargeOf(guest, guest.owned, guest.leaves, guest.guarantee);
  const has = guest.owned + guest.leaves;
  return all > has ? all - has : 0;
}
