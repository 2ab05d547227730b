// Who runs next: guests take turns on a CPU, the harts of a guest take turns in it, each for a slice of instructions.
//
// A guest belongs to the CPU `id % cpus`, so no two CPUs ever touch one guest block, and nothing here is locked.
// Nothing to run: `run` gives the ns until something may happen. The kernel never sleeps.

import { GUEST_RUNNING, MAX_GUESTS, RUN_AGAIN, RUN_FINISHED } from "../abi";
import { machine } from "../core/machine";
import * as access from "../cpu/access";
import { EXIT_BUDGET, Hart, hartAt } from "../cpu/hart";
import { wakes } from "../cpu/interrupts";
import * as cpu from "../cpu/run";
import * as heat from "../cpu/heat";
import * as translate from "../jit/translate";
import * as bus from "../devices/bus";
import { Guest, guestAt } from "../guest/guest";
import * as bill from "./bill";
import * as exits from "./exits";
import * as htif from "./htif";
import * as table from "./table";
import * as timers from "./timers";

/** One call of `run` works for about so long, so that the host stays responsive (a browser draws every 16 ms). */
const RUN_NS: f64 = 2_000_000;
/** A hart runs for about so long before the next one; also how late an interrupt from outside may be seen. */
const SLICE_NS: f64 = 500_000;
/** Longest rest: outside input is announced (consoleReady, netReady), but a host that can't do so must not starve us. */
const REST_NS: f64 = 10_000_000;

/** With so little left a slice is over. */
const REST_OF_SLICE_NS: f64 = 50_000;

/** Bounds of a slice in instructions; the least keeps a late or crowded timer from eating the CPU with entries. */
const SLICE_LEAST: f64 = 1_000;
const SLICE_MOST: f64 = 4_000_000;
/** HTIF programs wait for an answer after each character. */
const SLICE_HTIF: f64 = 20_000;

/** Instructions a ns that a hart is taken to do until it has shown what it does: few, as a slice goes on while it has time. */
const FIRST_SPEED: f64 = 0.005;
/** The guest whose turn is next. */
let next: u32 = 0;
/** When to fetch input again that nobody has announced. */
let inputDue: f64 = 0;

/** Instructions until the slice is over, at `end`, or the hart's next timer is due, whichever is sooner. */
function budget(guest: Guest, hart: Hart, end: f64): u32 {
  let ns = timers.untilNext(guest, hart, bill.now());
  if (ns > end - bill.now()) ns = end - bill.now();
  let instructions = ns * (hart.speed == 0 ? FIRST_SPEED : hart.speed);
  if (instructions > SLICE_MOST) instructions = SLICE_MOST;
  if (guest.tohost != 0 && instructions > SLICE_HTIF) instructions = SLICE_HTIF;
  if (instructions < SLICE_LEAST) instructions = SLICE_LEAST;
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

/** Timers and interrupt lines, as they must be before a hart goes on. */
function prepare(guest: Guest, hart: Hart): void {
  timers.update(guest, hart, bill.now());
  bus.refresh(guest);
}

/** In the slice of this hart the guest has reached U mode. cpu/trap has noted the hart's instructions; the others' are added. */
function noteFirstUser(guest: Guest, hart: u32): void {
  guest.firstUserNs = bill.now() - guest.timeOffset;
  for (let i: u32 = 0; i < guest.harts; i++) if (i != hart) guest.firstUserInstructions += hartAt(guest, i).retired;
}

/** Runs a hart for one slice, with all its exits. */
function slice(guest: Guest, hart: Hart): void {
  const end = bill.now() + SLICE_NS;
  let left = budget(guest, hart, end);
  do {
    const before = hart.retired;
    const reason = cpu.run(hart, left);
    const done = hart.retired - before;
    learn(hart, done, bill.toGuest(guest));
    if (reason == EXIT_BUDGET) {
      // A hart that was thought slower than it is has time left.
      if (bill.now() >= end - REST_OF_SLICE_NS) break;
      prepare(guest, hart);
      left = budget(guest, hart, end);
      continue;
    }
    exits.handle(guest, hart, reason);
    if (guest.state != GUEST_RUNNING || hart.stopped != 0 || hart.waiting != 0) return;
    prepare(guest, hart);
    // The exit may have set a timer. One that retires nothing still costs: so a slice ends whatever the guest does.
    left -= done == 0 ? 1 : done < left ? <u32>done : left;
    const most = budget(guest, hart, end);
    if (left > most) left = most;
  } while (left > 0 && bill.now() < end);
  // One that was thought faster has had more than its turn.
  if (bill.now() > end) guest.debtNs += bill.now() - end;
}

/** Input waits somewhere: it is fetched at the next turn. */
export function expectInput(): void {
  inputDue = 0;
}

/**
 * Gives each hart of the guest its slice; before that the guest's devices fetch their input and go on with long work, when
 * it is time. True: they had something, and may have more.
 */
function turn(guest: Guest, fetch: bool): bool {
  const busy = fetch && bus.poll(guest);
  bus.tick(guest);
  exits.settle(guest);
  bill.toDevices(guest);
  const turn = SLICE_NS * <f64>guest.harts;
  if (guest.debtNs >= turn) {
    // It has had its turn before: slices that ran long, and what was translated for it.
    guest.debtNs -= turn;
    return busy;
  }
  for (let i: u32 = 0; i < guest.harts && guest.state == GUEST_RUNNING; i++) {
    const hart = hartAt(guest, i);
    if (hart.stopped != 0) continue;
    prepare(guest, hart);
    if (hart.waiting != 0) {
      if (!wakes(hart)) continue;
      hart.waiting = 0;
    }
    slice(guest, hart);
    if (heat.count(access.cpu) != 0) {
      translate.drain(hart, guest, access.cpu);
      guest.debtNs += bill.toTranslator(guest);
    }
    if (guest.firstUserInstructions != 0 && guest.firstUserNs == 0) noteFirstUser(guest, i);
  }
  if (guest.state == GUEST_RUNNING) htif.poll(guest);
  return busy;
}

/** ns until a hart of this guest has something to do; 0: now. */
function rest(guest: Guest): f64 {
  let ns = timers.later(bus.deadlineNs(guest), bill.now());
  if (ns > REST_NS) ns = REST_NS;
  for (let i: u32 = 0; i < guest.harts; i++) {
    const hart = hartAt(guest, i);
    if (hart.stopped != 0) continue;
    if (hart.waiting == 0) return 0;
    prepare(guest, hart);
    if (wakes(hart)) return 0;
    const until = timers.untilNext(guest, hart, bill.now());
    if (until < ns) ns = until;
  }
  return ns;
}

/** Bills the time this CPU's worker did not run to the guests that might have: their machine was given to others, or idle. */
function billIdle(cpuIndex: u32, ns: f64): void {
  let count = 0;
  for (let id = cpuIndex; id < <u32>MAX_GUESTS; id += machine().cpus) if (guestAt(id).state == GUEST_RUNNING) count++;
  if (count == 0) return;
  for (let id = cpuIndex; id < <u32>MAX_GUESTS; id += machine().cpus) {
    if (guestAt(id).state == GUEST_RUNNING) bill.idle(guestAt(id), ns / count);
  }
}

/** Lets the guests of a CPU work for about RUN_NS; ns it may be left alone, RUN_AGAIN, or RUN_FINISHED. */
export function run(cpuIndex: u32): f64 {
  access.setCpu(cpuIndex);
  billIdle(cpuIndex, bill.open());
  const end = bill.now() + RUN_NS;
  while (true) {
    const fetch = bill.now() >= inputDue;
    if (fetch) inputDue = bill.now() + SLICE_NS;
    let running = 0;
    let ns = REST_NS;
    for (let k: u32 = 0; k < <u32>MAX_GUESTS; k++) {
      const id = (next + k) % <u32>MAX_GUESTS;
      if (id % machine().cpus != cpuIndex) continue;
      const guest = guestAt(id);
      if (guest.state != GUEST_RUNNING) continue;
      running++;
      const busy = turn(guest, fetch);
      if (busy || guest.state != GUEST_RUNNING) {
        ns = RUN_AGAIN;
      } else {
        const own = rest(guest);
        if (own < ns) ns = own;
      }
      bill.toKernel(guest);
      if (bill.now() >= end) {
        next = (id + 1) % <u32>MAX_GUESTS;
        return ns;
      }
    }
    if (running == 0) return table.any(GUEST_RUNNING) ? REST_NS : RUN_FINISHED;
    // Nobody rests before the devices have been asked.
    if (ns > 0 && fetch) return ns;
    if (ns > 0) inputDue = 0;
  }
}
