// One turn of a hart on a CPU: a slice of laps. A lap ends by its budget of instructions; what the hart leaves for is done in between.

import { GUEST_RUNNING } from "../abi";
import { Cpu, cpuAt } from "../core/cpus";
import * as heat from "../cpu/heat";
import { EXIT_BUDGET, EXIT_PAUSE, Hart, hartAt } from "../cpu/hart";
import * as cpuRun from "../cpu/run";
import * as bus from "../devices/bus";
import { Guest, acquire, guestAt, release } from "../guest/guest";
import * as presence from "../guest/presence";
import * as translate from "../jit/translate";
import * as bill from "./bill";
import * as exits from "./exits";
import * as harts from "./harts";
import * as htif from "./htif";
import { RETRY_NS } from "./memory/starvation";
import { STATE_BLOCKED, STATE_OFF, STATE_READY, stealNs } from "./schedule/policy";
import * as service from "./service";
import * as sta from "./sbi/sta";
import * as timers from "./timers";

/** A hart runs for about so long before anyone is asked; also how late an interrupt from outside may be seen. */
const LAP_NS: f64 = 500_000;
/** The same while harts of its guest run on other CPUs, which may wait for it to leave: fences, frames that are taken away. */
const LAP_CROWDED_NS: f64 = 100_000;
/** Longest slice: then `run` goes back to the host. */
const SLICE_MOST_NS: f64 = 3_000_000;
/** With so little left a lap is over. */
const REST_OF_LAP_NS: f64 = 50_000;

/** Bounds of a budget in instructions; the least keeps a late or crowded timer from eating the CPU with entries. */
const BUDGET_LEAST: f64 = 1_000;
const BUDGET_MOST: f64 = 4_000_000;
/** HTIF programs wait for an answer after each character. */
const BUDGET_HTIF: f64 = 20_000;

/** Instructions a ns that a hart is taken to do until it has shown what it does: few, as a lap goes on while it has time. */
const FIRST_SPEED: f64 = 0.005;

/** ns that the slice has cost so far. */
let ran: f64 = 0;
/** The hart has said that it spins. */
let spins: bool = false;

/** Instructions until the lap is over, at `end`, or the hart's next timer is due, whichever is sooner. */
function budget(guest: Guest, hart: Hart, end: f64): u32 {
  let ns = timers.untilNext(guest, hart, bill.now());
  if (ns > end - bill.now()) ns = end - bill.now();
  let instructions = ns * (hart.speed == 0 ? FIRST_SPEED : hart.speed);
  if (instructions > BUDGET_MOST) instructions = BUDGET_MOST;
  if (guest.tohost != 0 && instructions > BUDGET_HTIF) instructions = BUDGET_HTIF;
  if (instructions < BUDGET_LEAST) instructions = BUDGET_LEAST;
  return <u32>instructions;
}

/**
 * Learns from a lap how fast a hart runs; short laps tell more about the clock. A hart that was translated in between may be
 * many times as fast, one that left for cold code as slow: so the slower of two is believed at once.
 */
function learn(hart: Hart, instructions: u64, ns: f64): void {
  if (instructions < 1000 || ns <= 0) return;
  const found = <f64>instructions / ns;
  if (hart.speed == 0 || found < hart.speed) hart.speed = found;
  else hart.speed += (found - hart.speed) * 0.25;
}

/** Timers and interrupt lines, as they must be before a hart goes on. The guest's lock is held. */
function prepare(guest: Guest, hart: Hart): void {
  timers.update(guest, hart, bill.now());
  bus.refresh(guest);
}

/** May the hart go on? Another CPU may have stopped its guest; it may have stopped or laid down itself. */
function goesOn(guest: Guest, hart: Hart): bool {
  return guest.state == GUEST_RUNNING && hart.stopped == 0 && hart.waiting == 0 && hart.starved == 0;
}

/** Runs the hart until `end`, with all its exits; sooner if it can't go on, or spins. */
function lap(guest: Guest, hart: Hart, end: f64): void {
  let left = budget(guest, hart, end);
  do {
    const before = hart.retired;
    const reason = cpuRun.run(hart, left);
    const done = hart.retired - before;
    learn(hart, done, bill.toGuest(guest));
    // A hart that was thought slower than it is has time left. One that may wait for an answer of HTIF gets that first.
    if (reason == EXIT_BUDGET && (guest.tohost != 0 || bill.now() >= end - REST_OF_LAP_NS)) return;
    acquire(guest);
    if (guest.state == GUEST_RUNNING && reason != EXIT_BUDGET && reason != EXIT_PAUSE) exits.handle(guest, hart, reason);
    if (goesOn(guest, hart)) prepare(guest, hart);
    release(guest);
    if (reason == EXIT_PAUSE) spins = true;
    if (spins || !goesOn(guest, hart)) return;
    if (reason == EXIT_BUDGET) {
      left = budget(guest, hart, end);
      continue;
    }
    // The exit may have set a timer. One that retires nothing still costs: so a lap ends whatever the guest does.
    left -= done == 0 ? 1 : done < left ? <u32>done : left;
    const most = budget(guest, hart, end);
    if (left > most) left = most;
  } while (left > 0 && bill.now() < end);
}

/** Hot code of the guest becomes wasm. The hart counts as executing, so that no frame goes away from under the translator. */
function translateHot(guest: Guest, hart: Hart, number: u32): void {
  presence.enter(guest, hart.index);
  translate.drain(hart, guest, number);
  presence.leave(guest, hart.index);
  bill.toTranslator(guest);
}

/** Laps until the slice is over, or somebody else deserves the CPU more. */
function laps(guest: Guest, hart: Hart, entity: u32, number: u32, cpu: Cpu): void {
  let end = bill.now() + harts.sliceNs(entity, number, bill.now());
  if (end > bill.now() + SLICE_MOST_NS) end = bill.now() + SLICE_MOST_NS;
  let seen = guest.mmio;
  while (true) {
    let lapEnd = bill.now() + (presence.hasOthers(guest, hart.index) ? LAP_CROWDED_NS : LAP_NS);
    if (lapEnd > end) lapEnd = end;
    do {
      spins = false;
      lap(guest, hart, lapEnd);
      if (!goesOn(guest, hart)) return;
      if (spins && harts.yieldTo(entity, number, bill.now())) return;
    } while (spins && bill.now() < lapEnd);
    if (guest.tohost != 0) {
      acquire(guest);
      if (guest.state == GUEST_RUNNING) htif.poll(guest);
      release(guest);
      if (!goesOn(guest, hart)) return;
    }
    if (heat.count(number) != 0) translateHot(guest, hart, number);
    if (bill.now() >= end) return;
    if (guest.mmio != seen || guest.unheard != 0) {
      seen = guest.mmio;
      acquire(guest);
      if (guest.state == GUEST_RUNNING) service.serve(guest);
      release(guest);
    }
    ran += bill.spent(cpu);
    service.round(cpu);
    if (harts.shouldYield(entity, number, bill.now(), ran)) return;
  }
}

/** In the slice of this hart the guest has reached U mode. cpu/trap has noted the hart's instructions; the others' are added. */
function noteFirstUser(guest: Guest, hart: Hart): void {
  guest.firstUserNs = bill.now() - guest.timeOffset;
  for (let i: u32 = 0; i < guest.harts; i++) {
    if (i != hart.index) guest.firstUserInstructions += hartAt(guest, i).retired;
  }
}

/** What the guest has left undone is done before its hart leaves the CPU. Its lock is held. */
function finish(guest: Guest, hart: Hart): void {
  if (guest.firstUserInstructions != 0 && guest.firstUserNs == 0) noteFirstUser(guest, hart);
  htif.poll(guest);
  if (guest.state == GUEST_RUNNING) service.serve(guest);
}

/** Gives CPU `number` to the hart that the schedule has picked for it, for a slice. */
export function play(entity: u32, number: u32): void {
  const cpu = cpuAt(number);
  const guest = guestAt(harts.guestOf(entity));
  const hart = hartAt(guest, harts.hartOf(entity));
  ran = 0;
  acquire(guest);
  if (guest.state == GUEST_RUNNING) {
    sta.publish(guest, hart, <u64>stealNs(entity), false);
    prepare(guest, hart);
    if (harts.canRun(hart)) {
      hart.waiting = 0;
      hart.starved = 0;
      const before = guest.mmio;
      release(guest);
      laps(guest, hart, entity, number, cpu);
      // What it has met that is hot is known by the address space that it leaves.
      if (heat.count(number) != 0) translateHot(guest, hart, number);
      acquire(guest);
      if (guest.state == GUEST_RUNNING && (guest.mmio != before || guest.tohost != 0 || guest.firstUserNs == 0)) {
        finish(guest, hart);
      }
    }
  }
  let next = STATE_OFF;
  let deadline = timers.NEVER;
  if (guest.state == GUEST_RUNNING) {
    // A timer may have come since: one that has passed wakes nobody who rests.
    prepare(guest, hart);
    next = harts.canRun(hart) ? STATE_READY : STATE_BLOCKED;
    if (next == STATE_READY) sta.publish(guest, hart, <u64>stealNs(entity), true);
    else if (hart.stopped == 0) deadline = bill.now() + timers.untilNext(guest, hart, bill.now());
  }
  if (hart.starved != 0 && deadline > bill.now() + RETRY_NS) deadline = bill.now() + RETRY_NS;
  bill.toKernel(guest);
  ran += bill.spent(cpu);
  harts.put(entity, number, bill.now(), ran, next, deadline);
  release(guest);
}
