// The policy of the schedule: which hart of which guest has which CPU, and for how long. A state machine without a clock: time
// comes with each call, and all it knows lies in the schedule's memory (table.ts). Its caller holds the schedule's lock.
//
// Guests share the CPUs by weight (time.ts), within caps and reservations (budget.ts). choice.ts compares those who wait.
// A hart is OFF, BLOCKED, READY or RUNNING (states.ts):
//
//              admit              wake, deadline             pick
//      OFF ------------> BLOCKED ----------------> READY ------------> RUNNING
//       ^ dismiss           ^                        ^                    |
//       +-------------------+------------------------+------- put --------+

import { MAX_CPUS } from "../../abi";
import * as budget from "./budget";
import * as choice from "./choice";
import * as time from "./time";
import * as states from "./states";
import {
  HART_BITS, Head, NO_CPU, NO_ENTITY, STATE_BLOCKED, STATE_BYTES, STATE_OFF, STATE_READY, UNIT_WEIGHT, entityAt, guestOf,
  head, placeAt, shareAt,
} from "./table";
import * as trace from "./trace";

export { NO_CPU, NO_ENTITY, STATE_BLOCKED, STATE_OFF, STATE_READY, STATE_RUNNING } from "./table";

/** Longest slice with others waiting, and with nobody. */
const SLICE_NS: f64 = 3_000_000;
const SLICE_ALONE_NS: f64 = 10_000_000;
/** Shortest, which a cap that is nearly used up may ask for. */
const SLICE_LEAST_NS: f64 = 100_000;
/** A hart has its CPU at least so long before another one may have it. */
const RUN_LEAST_NS: f64 = 500_000;

/** A hart that waits for less than this is none that a spinning sibling waits for: or two that spin would only change places. */
const SPIN_NS: f64 = 50_000;

/** Time as everybody has come with it, which does not go back though the callers' clocks may differ by a little. */
function come(now: f64): f64 {
  const all: Head = head();
  if (now > all.now) all.now = now;
  return all.now;
}

/** The machine begins, with so many CPUs. */
export function open(cpus: u32): void {
  assert(cpus > 0 && cpus <= <u32>MAX_CPUS);
  memory.fill(changetype<usize>(head()), 0, STATE_BYTES);
  head().cpus = cpus;
  head().deadline = Infinity;
  trace.write(trace.CALL_OPEN, 0, cpus, 0, 0, 0, 0, 0);
}

/** A guest begins to run, or goes on: all its harts are BLOCKED, without a deadline. */
export function admit(guest: u32, harts: u32, now: f64): void {
  const at = come(now);
  const share = shareAt(guest);
  if (share.weight == 0) time.setWeight(share, <u32>UNIT_WEIGHT);
  share.admitted = 1;
  if (share.running == 0) time.begin(share);
  budget.begin(share, at);
  states.admit(guest, harts);
  trace.write(trace.CALL_ADMIT, guest, harts, 0, now, 0, 0, 0);
}

/** A guest runs no more: its harts are OFF, those that have a CPU now when they are put. */
export function dismiss(guest: u32): void {
  shareAt(guest).admitted = 0;
  states.dismiss(guest, head().now);
  trace.write(trace.CALL_DISMISS, guest, 0, 0, 0, 0, 0, 0);
}

/** Another guest gets this number: what was counted for the one before is forgotten. None of its harts may have a CPU. */
export function forget(guest: u32): void {
  assert(isOut(guest));
  states.dismiss(guest, head().now);
  states.forget(guest);
  trace.write(trace.CALL_FORGET, guest, 0, 0, 0, 0, 0, 0);
}

/** Has no hart of the guest a CPU? */
export function isOut(guest: u32): bool {
  return shareAt(guest).running == 0;
}

/** Sets a guest's weight, its cap and its reservation, both in CPUs, 0: none. */
export function set(guest: u32, weight: u32, cap: f64, reservation: f64, now: f64): void {
  const share = shareAt(guest);
  time.setWeight(share, weight);
  budget.set(share, cap, reservation, come(now));
  trace.write(trace.CALL_SET, guest, weight, 0, now, cap, reservation, 0);
}

/** An idle CPU that a hart may have, the one where it was if possible; NO_CPU: none is idle. */
function idleCpu(lastCpu: u32): u32 {
  const all: Head = head();
  let free = all.idle & ~all.notified;
  // A CPU that was told already is told again rather than nobody: it may have been for another hart.
  if (free == 0) free = all.idle;
  if (free == 0) return NO_CPU;
  const cpu = lastCpu != 0 && (free >> lastCpu - 1 & 1) != 0 ? lastCpu - 1 : ctz<u32>(free);
  all.notified |= <u32>1 << cpu;
  return cpu;
}

/** A BLOCKED hart becomes READY, any other stays what it is; the CPU that should be woken for it, or NO_CPU. */
export function wake(entity: u32, now: f64): u32 {
  const at = come(now);
  let cpu = NO_CPU;
  if (entityAt(entity).state == STATE_BLOCKED) {
    states.wake(entity, at);
    // Also if its guest's cap is used up: that CPU learns until when.
    cpu = idleCpu(entityAt(entity).lastCpu);
  }
  trace.write(trace.CALL_WAKE, entity, 0, 0, now, 0, 0, cpu);
  return cpu;
}

/** Is the hart BLOCKED? */
export function isBlocked(entity: u32): bool {
  return entityAt(entity).state == STATE_BLOCKED;
}

/**
 * The slice of a hart on this CPU is over, for which its guest is charged `ns`. It becomes `next`: STATE_READY, STATE_OFF, or
 * STATE_BLOCKED until the time `deadline` (Infinity: until it is woken).
 */
export function put(entity: u32, cpu: u32, now: f64, ns: f64, next: u32, deadline: f64): void {
  const at = come(now);
  const share = shareAt(guestOf(entity));
  assert(placeAt(cpu).entity == entity + 1);
  placeAt(cpu).entity = 0;
  states.leave(entity, share.admitted != 0 ? next : STATE_OFF, at, deadline);
  entityAt(entity).time += ns;
  time.charge(share, ns);
  budget.charge(share, ns, at);
  trace.write(trace.CALL_PUT, entity, cpu, next, now, ns, deadline, 0);
}

/** Work was done for a guest outside its slices. */
export function charge(guest: u32, ns: f64, now: f64): void {
  const share = shareAt(guest);
  if (share.weight != 0) {
    time.charge(share, ns);
    budget.charge(share, ns, come(now));
  }
  trace.write(trace.CALL_CHARGE, guest, 0, 0, now, ns, 0, 0);
}

/** Gives the CPU to a hart. */
function give(entity: u32, cpu: u32, at: f64): void {
  const share = shareAt(guestOf(entity));
  const who = entityAt(entity);
  time.settle(share);
  time.advanceHarts(share, who);
  states.run(entity, at);
  placeAt(cpu).entity = entity + 1;
  share.slices++;
  if (who.lastCpu != 0 && who.lastCpu != cpu + 1) share.migrations++;
  who.lastCpu = cpu + 1;
}

/** The hart that this CPU runs next, which is RUNNING now; NO_ENTITY: none is READY and may run. */
export function pick(cpu: u32, now: f64): u32 {
  const at = come(now);
  const all: Head = head();
  const bit = <u32>1 << cpu;
  assert(cpu < all.cpus && placeAt(cpu).entity == 0);
  states.expire(at);
  const entity = choice.choose(cpu, at, 0);
  all.notified &= ~bit;
  placeAt(cpu).boosted = 0;
  if (entity == NO_ENTITY) {
    all.idle |= bit;
  } else {
    all.idle &= ~bit;
    if (choice.least() != Infinity) time.advance(choice.least());
    give(entity, cpu, at);
  }
  trace.write(trace.CALL_PICK, entity, cpu, 0, now, 0, 0, entity);
  return entity;
}

/** ns that the hart may have this CPU at most. */
export function sliceNs(entity: u32, cpu: u32, now: f64): f64 {
  const at = come(now);
  let ns = head().ready == 0 ? SLICE_ALONE_NS : SLICE_NS;
  const rest = budget.untilEmpty(shareAt(guestOf(entity)), at);
  if (rest < ns) ns = rest > SLICE_LEAST_NS ? rest : SLICE_LEAST_NS;
  trace.write(trace.CALL_SLICE, entity, cpu, 0, now, 0, 0, ns);
  return ns;
}

/** Shall the hart, which has run for `ranNs`, leave this CPU to another one? */
export function shouldYield(entity: u32, cpu: u32, now: f64, ranNs: f64): bool {
  const at = come(now);
  const share = shareAt(guestOf(entity));
  states.expire(at);
  let yes = share.admitted == 0 || budget.isThrottled(share, at);
  if (!yes && ranNs >= RUN_LEAST_NS) yes = choice.isBetter(entity, cpu, at);
  trace.write(trace.CALL_YIELD, entity, cpu, 0, now, ranNs, 0, yes ? 1 : 0);
  return yes;
}

/** ns that a CPU with nothing to run may sleep if nobody wakes it; Infinity: for ever. */
export function idleNs(cpu: u32, now: f64): f64 {
  const at = come(now);
  let ns: f64 = 0;
  if (choice.countReady(at) == 0) ns = min<f64>(states.untilDeadline(cpu, at), choice.untilRefill(at));
  if (ns < 0) ns = 0;
  trace.write(trace.CALL_IDLE, 0, cpu, 0, now, 0, 0, ns);
  return ns;
}

/** A hart spins on this CPU. If a sibling waits the CPU shall be its: true, and the caller puts the spinning one. */
export function yieldTo(entity: u32, cpu: u32, now: f64): bool {
  const at = come(now);
  const guest = guestOf(entity);
  let sibling = NO_ENTITY;
  for (let ready = shareAt(guest).ready; ready != 0; ready &= ready - 1) {
    const number = guest << HART_BITS | ctz<u32>(ready);
    if (at - entityAt(number).since < SPIN_NS) continue;
    if (sibling == NO_ENTITY || entityAt(number).since < entityAt(sibling).since) sibling = number;
  }
  if (sibling != NO_ENTITY) placeAt(cpu).boosted = sibling + 1;
  trace.write(trace.CALL_YIELD_TO, entity, cpu, 0, now, 0, 0, sibling != NO_ENTITY ? 1 : 0);
  return sibling != NO_ENTITY;
}

/**
 * A CPU that sleeps although a hart is READY, which its caller wakes; NO_CPU: there is none. To be asked after `pick`,
 * `shouldYield` and `set`: deadlines and caps end on CPUs that are awake, and those which sleep don't know of all.
 */
export function helper(now: f64): u32 {
  const at = come(now);
  const all: Head = head();
  let cpu = NO_CPU;
  if ((all.idle & ~all.notified) != 0 && all.ready != 0) {
    if (choice.countReady(at) > popcnt<u32>(all.idle & all.notified)) cpu = idleCpu(0);
  }
  trace.write(trace.CALL_HELPER, 0, 0, 0, now, 0, 0, cpu);
  return cpu;
}

/** Harts that wait for a CPU, and may run. */
export function waiting(now: f64): u32 {
  const count = choice.countReady(come(now));
  trace.write(trace.CALL_WAITING, 0, 0, 0, now, 0, 0, count);
  return count;
}

/** ns that the hart was READY and had no CPU, so far. */
export function stealNs(entity: u32): f64 {
  const who = entityAt(entity);
  const wait = head().now - who.since;
  return who.state == STATE_READY && wait > 0 ? who.stealNs + wait : who.stealNs;
}

/** Times that harts of the guest were given a CPU. */
export function slices(guest: u32): u64 {
  return shareAt(guest).slices;
}

/** Times that this was another CPU than the hart had before. */
export function migrations(guest: u32): u64 {
  return shareAt(guest).migrations;
}

/** Harts of the guest that have a CPU, or wait for one. */
export function busyHarts(guest: u32): u32 {
  const share = shareAt(guest);
  return popcnt<u32>(share.ready | share.running);
}
