// The schedule under its lock: what is told of harts here reaches the policy (schedule/policy), and CPUs that sleep.
//
// A hart blocks, and is woken, by whoever holds its guest's lock; so nothing can happen between the look at its wires and
// its rest. The lock of the schedule is the last that anyone takes.

import { MAX_HARTS } from "../abi";
import { MAILBOX } from "../core/layout";
import * as lock from "../core/lock";
import * as mailbox from "../core/mailbox";
import { wait } from "../core/wait";
import { Hart, hartAt } from "../cpu/hart";
import * as interrupts from "../cpu/interrupts";
import { Guest, guestAt } from "../guest/guest";
import * as starvation from "./memory/starvation";
import * as policy from "./schedule/policy";
import { NO_CPU } from "./schedule/policy";

/** The lock's word: behind the mailbox. */
const LOCK: usize = MAILBOX + 0x400;
/** A word that never changes, to wait on. */
const REST: usize = LOCK + 64;
const REST_NS: i64 = 20_000;
const HART_BITS: u32 = 3;

if (1 << HART_BITS != MAX_HARTS) ERROR("an entity has its hart in the low bits");

/** The number by which the schedule knows a hart. */
export function entity(guest: u32, hart: u32): u32 {
  return guest << HART_BITS | hart;
}

/** The guest and the hart of an entity. */
export function guestOf(entity: u32): u32 {
  return entity >> HART_BITS;
}

export function hartOf(entity: u32): u32 {
  return entity & (1 << HART_BITS) - 1;
}

/** The machine begins. */
export function open(cpus: u32): void {
  policy.open(cpus);
}

/** A guest begins to run, or goes on; the guest's lock is held. */
export function admit(guest: Guest, now: f64): void {
  lock.acquire(LOCK);
  policy.set(guest.id, guest.weight, guest.cap, guest.reservation, now);
  policy.admit(guest.id, guest.harts, now);
  lock.release(LOCK);
  rouse(guest, now);
}

/** A guest runs no more. Those of its harts that have a CPU now leave it within a lap: see `isOut`. */
export function dismiss(guest: Guest): void {
  lock.acquire(LOCK);
  policy.dismiss(guest.id);
  lock.release(LOCK);
}

/** Has no hart of the guest a CPU? */
export function isOut(guest: Guest): bool {
  lock.acquire(LOCK);
  const isOut = policy.isOut(guest.id);
  lock.release(LOCK);
  return isOut;
}

/** The guest is no more; what was counted for it is forgotten. */
export function forget(guest: Guest): void {
  lock.acquire(LOCK);
  policy.forget(guest.id);
  lock.release(LOCK);
}

/** Waits for a moment, for what other CPUs will have done within a lap. */
export function rest(): void {
  wait(REST, 0, REST_NS);
}

/** The guest's shares have changed. */
export function setShares(guest: Guest, now: f64): void {
  lock.acquire(LOCK);
  policy.set(guest.id, guest.weight, guest.cap, guest.reservation, now);
  const helper = policy.helper(now);
  lock.release(LOCK);
  if (helper != NO_CPU) mailbox.wake(helper);
}

/** Makes a hart ready that may have been blocked, and ends the sleep of a CPU for it. */
export function wake(guest: Guest, hart: u32, now: f64): void {
  lock.acquire(LOCK);
  const cpu = policy.wake(entity(guest.id, hart), now);
  lock.release(LOCK);
  if (cpu != NO_CPU) mailbox.wake(cpu);
}

/** Is there anything that this hart would do? */
export function canRun(hart: Hart): bool {
  if (hart.starved != 0 && starvation.isHeld(guestAt(hart.guest), hart)) return false;
  return hart.stopped == 0 && (hart.waiting == 0 || interrupts.isWoken(hart));
}

/** Makes all harts of the guest ready that wires, posts, or other harts have woken; the guest's lock is held. */
export function rouse(guest: Guest, now: f64): void {
  for (let i: u32 = 0; i < guest.harts; i++) {
    if (policy.isBlocked(entity(guest.id, i)) && canRun(hartAt(guest, i))) wake(guest, i, now);
  }
}

/** The hart that CPU `cpu` runs next, or NO_ENTITY. */
export function pick(cpu: u32, now: f64): u32 {
  lock.acquire(LOCK);
  const entity = policy.pick(cpu, now);
  const helper = policy.helper(now);
  lock.release(LOCK);
  if (helper != NO_CPU) mailbox.wake(helper);
  return entity;
}

/** A hart leaves its CPU, for which its guest pays `ns`; `next` and `deadline` as policy.put has them. The guest's lock is held. */
export function put(entity: u32, cpu: u32, now: f64, ns: f64, next: u32, deadline: f64): void {
  lock.acquire(LOCK);
  policy.put(entity, cpu, now, ns, next, deadline);
  lock.release(LOCK);
}

/** Something was done for a guest outside its slices. */
export function charge(guest: Guest, ns: f64, now: f64): void {
  lock.acquire(LOCK);
  policy.charge(guest.id, ns, now);
  lock.release(LOCK);
}

/** ns that the hart may have its CPU. */
export function sliceNs(entity: u32, cpu: u32, now: f64): f64 {
  lock.acquire(LOCK);
  const ns = policy.sliceNs(entity, cpu, now);
  lock.release(LOCK);
  return ns;
}

/** Shall another hart have the CPU now? */
export function shouldYield(entity: u32, cpu: u32, now: f64, ranNs: f64): bool {
  lock.acquire(LOCK);
  const yes = policy.shouldYield(entity, cpu, now, ranNs);
  const helper = policy.helper(now);
  lock.release(LOCK);
  if (helper != NO_CPU) mailbox.wake(helper);
  return yes;
}

/** A hart spins: is there a sibling that should run in its place? */
export function yieldTo(entity: u32, cpu: u32, now: f64): bool {
  lock.acquire(LOCK);
  const yes = policy.yieldTo(entity, cpu, now);
  lock.release(LOCK);
  return yes;
}

/** ns until the schedule has something for a CPU that has nothing now. */
export function idleNs(cpu: u32, now: f64): f64 {
  lock.acquire(LOCK);
  const ns = policy.idleNs(cpu, now);
  lock.release(LOCK);
  return ns;
}
