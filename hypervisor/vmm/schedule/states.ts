// States of harts, and what follows from them: masks and earliest deadlines, which spare the others the look at each hart.

import { MAX_HARTS } from "../../abi";
import * as time from "./time";
import {
  Entity, HART_BITS, Head, STATE_BLOCKED, STATE_OFF, STATE_READY, STATE_RUNNING, Share, bitOf, entityAt, guestOf, head, shareAt,
} from "./table";

/** A CPU that rests leaves a hart whose deadline has come to the one that had it, for so long. */
const GRACE_NS: f64 = 1_000_000;

function bitOfGuest(guest: u32): u64 {
  return <u64>1 << <u64>guest;
}

/** Finds the earliest deadline of a guest anew, then of all. */
function findDeadlines(guest: u32): void {
  const share = shareAt(guest);
  let earliest = Infinity;
  for (let i: u32 = 0; i < share.harts; i++) {
    const entity = entityAt(guest << HART_BITS | i);
    if (entity.state == STATE_BLOCKED && entity.deadline < earliest) earliest = entity.deadline;
  }
  share.deadline = earliest;
  const all: Head = head();
  if (earliest == Infinity) all.timed &= ~bitOfGuest(guest);
  else all.timed |= bitOfGuest(guest);
  all.deadline = Infinity;
  for (let timed = all.timed; timed != 0; timed &= timed - 1) {
    const deadline = shareAt(<u32>ctz<u64>(timed)).deadline;
    if (deadline < all.deadline) all.deadline = deadline;
  }
}

/** The hart waits for a CPU since `since`. */
function makeReady(number: u32, entity: Entity, since: f64): void {
  const guest = guestOf(number);
  const share = shareAt(guest);
  entity.state = STATE_READY;
  entity.since = since;
  share.ready |= bitOf(number);
  head().ready |= bitOfGuest(guest);
}

/** BLOCKED becomes READY. */
export function wake(number: u32, since: f64): void {
  const entity = entityAt(number);
  const share = shareAt(guestOf(number));
  assert(entity.state == STATE_BLOCKED);
  if ((share.ready | share.running) == 0) time.rise(share);
  time.riseHart(share, entity);
  entity.woken = 1;
  const deadline = entity.deadline;
  entity.deadline = Infinity;
  makeReady(number, entity, since);
  if (deadline != Infinity && deadline <= share.deadline) findDeadlines(guestOf(number));
}

/** Wakes all harts whose deadlines have come. */
export function expire(now: f64): void {
  if (now < head().deadline) return;
  for (let timed = head().timed; timed != 0; timed &= timed - 1) {
    const guest = <u32>ctz<u64>(timed);
    if (shareAt(guest).deadline > now) continue;
    for (let i: u32 = 0; i < <u32>MAX_HARTS; i++) {
      const number = guest << HART_BITS | i;
      const entity = entityAt(number);
      if (entity.state == STATE_BLOCKED && entity.deadline <= now) wake(number, entity.deadline);
    }
  }
}

/** A READY hart is READY no more: its wait has ended. */
function unready(number: u32, entity: Entity, now: f64): void {
  const guest = guestOf(number);
  const share = shareAt(guest);
  if (now > entity.since) entity.stealNs += now - entity.since;
  share.ready &= ~bitOf(number);
  if (share.ready == 0) head().ready &= ~bitOfGuest(guest);
}

/** READY becomes RUNNING. */
export function run(number: u32, now: f64): void {
  const entity = entityAt(number);
  const share = shareAt(guestOf(number));
  assert(entity.state == STATE_READY);
  unready(number, entity, now);
  entity.state = STATE_RUNNING;
  entity.since = now;
  entity.woken = 0;
  share.running |= bitOf(number);
  share.startedSum += now;
}

/** RUNNING becomes what `next` says. */
export function leave(number: u32, next: u32, now: f64, deadline: f64): void {
  const entity = entityAt(number);
  const share = shareAt(guestOf(number));
  assert(entity.state == STATE_RUNNING);
  share.running &= ~bitOf(number);
  share.startedSum = share.running == 0 ? 0 : share.startedSum - entity.since;
  if (next == STATE_READY) return makeReady(number, entity, now);
  entity.state = next;
  if (next != STATE_BLOCKED || deadline == Infinity) return;
  entity.deadline = deadline;
  if (deadline < share.deadline) findDeadlines(guestOf(number));
}

/** All harts of a guest are BLOCKED, except those that still run. */
export function admit(guest: u32, harts: u32): void {
  const share = shareAt(guest);
  share.harts = harts;
  for (let i: u32 = 0; i < <u32>MAX_HARTS; i++) {
    const entity = entityAt(guest << HART_BITS | i);
    if (entity.state == STATE_RUNNING) continue;
    entity.state = i < harts ? STATE_BLOCKED : STATE_OFF;
    entity.deadline = Infinity;
    entity.time = 0;
  }
  share.hartTime = 0;
  findDeadlines(guest);
}

/** All harts of a guest are OFF, except those that still run. */
export function dismiss(guest: u32, now: f64): void {
  for (let i: u32 = 0; i < <u32>MAX_HARTS; i++) {
    const number = guest << HART_BITS | i;
    const entity = entityAt(number);
    if (entity.state == STATE_READY) unready(number, entity, now);
    if (entity.state != STATE_RUNNING) entity.state = STATE_OFF;
    entity.deadline = Infinity;
  }
  findDeadlines(guest);
}

/** Empties the records of a guest that is dismissed, and of its harts. */
export function forget(guest: u32): void {
  const share = shareAt(guest);
  memory.fill(changetype<usize>(share), 0, offsetof<Share>());
  share.deadline = Infinity;
  for (let i: u32 = 0; i < <u32>MAX_HARTS; i++) {
    memory.fill(changetype<usize>(entityAt(guest << HART_BITS | i)), 0, offsetof<Entity>());
  }
}

/** ns that CPU `cpu`, which rests, leaves a hart whose deadline has come to the CPU that should have it. */
function graceOf(cpu: u32, lastCpu: u32): f64 {
  const idle = head().idle;
  if (lastCpu == cpu + 1) return 0;
  // A CPU that rests wakes for its own harts. For one that is busy or none, the first one that rests does.
  const first = lastCpu != 0 && (idle >> lastCpu - 1 & 1) != 0 ? lastCpu - 1 : ctz<u32>(idle);
  return first == cpu ? 0 : GRACE_NS;
}

/** ns from `now` until CPU `cpu`, which rests, should look for a hart whose deadline has come; Infinity: never. */
export function untilDeadline(cpu: u32, now: f64): f64 {
  let earliest = Infinity;
  for (let timed = head().timed; timed != 0; timed &= timed - 1) {
    const guest = <u32>ctz<u64>(timed);
    const share = shareAt(guest);
    if (share.deadline >= earliest) continue;
    for (let i: u32 = 0; i < share.harts; i++) {
      const entity = entityAt(guest << HART_BITS | i);
      if (entity.state != STATE_BLOCKED || entity.deadline >= earliest) continue;
      earliest = min<f64>(earliest, entity.deadline + graceOf(cpu, entity.lastCpu));
    }
  }
  return earliest - now;
}
