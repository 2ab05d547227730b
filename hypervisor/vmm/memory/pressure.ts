// What balloons are asked to hold: what the host has set, and more while the machine is short of frames.
//
//   spare frames   0 ……… 1/32 ……… 1/16 ………………… all
//                  squeeze    hold      let go
//
// Below the lower mark what is missing to the upper one is asked of the guests that are above their guarantee, each in
// proportion to what it has above it, divided by its weight. What is asked for is an amount of RAM to keep, so that a guest
// can't satisfy us with pages that never had a frame. A driver that does not listen keeps what it has: nobody waits for it,
// but it gets no frame more while there are none.

import { GUEST_RUNNING, MAX_GUESTS } from "../../abi";
import { Cpu } from "../../core/cpus";
import * as lock from "../../core/lock";
import { machine } from "../../core/machine";
import * as bus from "../../devices/bus";
import * as balloon from "../../devices/virtio/balloon";
import { isLive } from "../../devices/virtio/virtio";
import { Guest, guestAt, lockOf, release } from "../../guest/guest";
import * as promises from "../../guest/promises";
import * as bill from "../bill";
import * as due from "../due";
import * as stalemate from "./stalemate";
import { isStarved } from "./starvation";
import { State, state } from "./state";

const TICK_NS: f64 = 100_000_000;
/** Marks, as shares of all frames: 1 / 2^n. */
const LOW_SHIFT: u32 = 5;
const HIGH_SHIFT: u32 = 4;
/** A guest is not asked to live with less than 16 MiB: no system does. */
const LEAST_PAGES: u32 = 4096;
/** What is let go at a time: a share of the room there is, or at least 1 MiB. */
const LET_GO_SHIFT: u32 = 2;
const LET_GO_PAGES: u32 = 256;
/** Looks between two questions for the guest's own statistics: about a second. */
const STATS_TICKS: u32 = 10;

/** Looks at the machine's memory if that is due; at most MAX_GUESTS steps. Once a turn of any CPU is right. */
export function tick(cpu: Cpu, now: f64): void {
  const s = state();
  if (now < s.pressureDue || !lock.tryAcquire(changetype<usize>(s) + offsetof<State>("lock"))) return;
  s.pressureDue = now + TICK_NS;
  s.ticks++;
  look();
  stalemate.look();
  lock.release(changetype<usize>(s) + offsetof<State>("lock"));
  bill.toCpu(cpu);
}

/** One look, whether due or not; the lock of `state` is held. */
export function look(): void {
  const m = machine();
  const frames = m.endFrame - m.firstFrame;
  const low = frames >> LOW_SHIFT;
  const high = frames >> HIGH_SHIFT;
  const spare = promises.spare();
  if (spare < low) squeeze(high - spare);
  else if (spare > high) letGo(spare - high);
  const asksStats = state().ticks % STATS_TICKS == 0;
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) {
    const guest = guestAt(id);
    if (guest.state != GUEST_RUNNING || !lock.tryAcquire(lockOf(guest))) continue;
    const device = bus.balloonOf(guest);
    if (guest.state == GUEST_RUNNING && device) {
      // A guest that is asked has work: so nobody asks for what nobody wants to know.
      if (device.statsWanted != 0) {
        device.statsWanted--;
        if (asksStats) balloon.refreshStats(guest, device);
      }
      if (!isStarved(guest)) guest.starved = 0;
      settle(guest);
    }
    release(guest);
  }
}

/** Pages that the guest has, may have to give, and whose driver listens; 0: none. */
function excess(guest: Guest): u32 {
  const device = bus.balloonOf(guest);
  if (guest.state != GUEST_RUNNING || !device || !isLive(device)) return 0;
  const least = min(max(guest.guarantee, LEAST_PAGES), <u32>guest.ramPages);
  return guest.touched > least ? guest.touched - least : 0;
}

/** Asks for `pages` frames. */
function squeeze(pages: u32): void {
  let sum: f64 = 0;
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) {
    const guest = guestAt(id);
    const over = excess(guest);
    if (over != 0) sum += <f64>over / <f64>max(guest.weight, 1);
  }
  if (sum == 0) return;
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) {
    const guest = guestAt(id);
    const over = excess(guest);
    const device = bus.balloonOf(guest);
    if (over == 0 || !device) continue;
    const part = <f64>pages * (<f64>over / <f64>max(guest.weight, 1)) / sum;
    device.keep = guest.touched - (part < <f64>over ? <u32>part : over);
  }
}

/** Lets guests that were asked to keep less have `pages` frames, slowly: what they take at once shows at the next look. */
function letGo(pages: u32): void {
  let count: u32 = 0;
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) if (keepOf(guestAt(id)) != 0) count++;
  if (count == 0) return;
  const step = max((pages >> LET_GO_SHIFT) / count, LET_GO_PAGES);
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) {
    const guest = guestAt(id);
    const keep = keepOf(guest);
    const device = bus.balloonOf(guest);
    if (keep != 0 && device) device.keep = <u64>keep + step < guest.ramPages ? keep + step : 0;
  }
}

function keepOf(guest: Guest): u32 {
  const device = bus.balloonOf(guest);
  return guest.state == GUEST_RUNNING && device ? device.keep : 0;
}

/** Tells the guest's balloon what it is asked for, if that has changed. The guest's lock is held. */
export function settle(guest: Guest): void {
  const device = bus.balloonOf(guest);
  if (!device) return;
  const keep = device.keep != 0 ? min(device.keep, guest.target) : guest.target;
  const pages = <u64>keep < guest.ramPages ? <u32>guest.ramPages - keep : 0;
  if (pages == device.asked) return;
  balloon.ask(guest, device, pages);
  if (guest.state == GUEST_RUNNING) due.soon(guest);
}
