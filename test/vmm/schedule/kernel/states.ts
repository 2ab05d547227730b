// A hart's way through its states, and what the schedule says of it.

import * as policy from "../../../../hypervisor/vmm/schedule/policy";
import {
  NO_CPU, NO_ENTITY, STATE_BLOCKED, STATE_OFF, STATE_READY,
} from "../../../../hypervisor/vmm/schedule/policy";
import { MS } from "./machine";

/** A machine whose CPUs have found nothing to do, and guest 3 with two harts. */
function idle(cpus: u32): void {
  policy.open(cpus);
  policy.set(3, 256, 0, 0, 0);
  policy.admit(3, 2, 0);
  for (let i: u32 = 0; i < cpus; i++) assert(policy.pick(i, 0) == NO_ENTITY);
}

const FIRST: u32 = 3 << 3;
const SECOND: u32 = FIRST | 1;

export function a_hart_that_is_woken_gets_a_cpu(): void {
  idle(1);
  assert(policy.isBlocked(FIRST) && policy.busyHarts(3) == 0 && policy.isOut(3));
  assert(policy.wake(FIRST, 10) == 0);
  assert(!policy.isBlocked(FIRST) && policy.busyHarts(3) == 1 && policy.isOut(3));
  assert(policy.pick(0, 20) == FIRST);
  assert(policy.busyHarts(3) == 1 && !policy.isOut(3) && policy.slices(3) == 1);
  policy.put(FIRST, 0, 1020, 1000, STATE_BLOCKED, Infinity);
  assert(policy.isBlocked(FIRST) && policy.isOut(3));
  assert(policy.pick(0, 1020) == NO_ENTITY);
  assert(policy.idleNs(0, 1020) == Infinity);
}

export function a_wake_up_of_a_hart_that_is_not_blocked_changes_nothing(): void {
  idle(2);
  assert(policy.wake(3 << 3 | 5, 0) == NO_CPU && policy.busyHarts(3) == 0);
  assert(policy.wake(5 << 3, 0) == NO_CPU && policy.busyHarts(5) == 0);
  assert(policy.wake(FIRST, 0) != NO_CPU);
  assert(policy.wake(FIRST, 0) == NO_CPU);
  assert(policy.pick(0, 0) == FIRST);
  assert(policy.wake(FIRST, 0) == NO_CPU);
  policy.put(FIRST, 0, 0, 0, STATE_BLOCKED, Infinity);
  assert(policy.pick(0, 0) == NO_ENTITY);
}

export function a_deadline_wakes_a_blocked_hart(): void {
  idle(1);
  policy.wake(FIRST, 0);
  policy.pick(0, 0);
  policy.put(FIRST, 0, 1000, 1000, STATE_BLOCKED, 5000);
  assert(policy.pick(0, 1000) == NO_ENTITY);
  assert(policy.idleNs(0, 1000) == 4000);
  assert(policy.pick(0, 4999) == NO_ENTITY);
  assert(policy.pick(0, 5000) == FIRST);
}

export function a_deadline_is_forgotten_when_the_hart_wakes_before_it(): void {
  idle(1);
  policy.wake(FIRST, 0);
  policy.pick(0, 0);
  policy.put(FIRST, 0, 1000, 1000, STATE_BLOCKED, 5000);
  policy.wake(FIRST, 2000);
  assert(policy.pick(0, 2000) == FIRST);
  policy.put(FIRST, 0, 3000, 1000, STATE_BLOCKED, Infinity);
  assert(policy.pick(0, 9000) == NO_ENTITY);
  assert(policy.idleNs(0, 9000) == Infinity);
}

export function a_deadline_ends_a_slice_of_a_hog_that_used_more(): void {
  idle(1);
  policy.admit(4, 1, 0);
  policy.wake(4 << 3, 0);
  policy.wake(FIRST, 0);
  assert(policy.pick(0, 0) == FIRST);
  policy.put(FIRST, 0, 1000, 1000, STATE_BLOCKED, 20 * MS);
  for (let i: u32 = 0; i < 6; i++) {
    assert(policy.pick(0, <f64>i * 3 * MS + 1000) == 4 << 3);
    policy.put(4 << 3, 0, <f64>(i + 1) * 3 * MS + 1000, 3 * MS, STATE_READY, 0);
  }
  assert(policy.pick(0, 18 * MS + 1000) == 4 << 3);
  assert(!policy.shouldYield(4 << 3, 0, 19 * MS, MS));
  assert(policy.shouldYield(4 << 3, 0, 20 * MS, 2 * MS));
}

export function a_hart_is_left_half_a_millisecond_at_least(): void {
  idle(1);
  policy.set(4, 1, 0, 0, 0);
  policy.admit(4, 1, 0);
  policy.wake(4 << 3, 0);
  assert(policy.pick(0, 0) == 4 << 3);
  policy.set(3, 65535, 0, 0.9, 0);
  policy.charge(4, 100 * MS, 0);
  policy.wake(FIRST, 100_000);
  assert(!policy.shouldYield(4 << 3, 0, 400_000, 400_000));
  assert(policy.shouldYield(4 << 3, 0, 500_000, 500_000));
}

export function a_dismissed_guests_harts_leave_their_cpus_when_they_are_put(): void {
  idle(2);
  policy.wake(FIRST, 0);
  policy.wake(SECOND, 0);
  assert(policy.pick(0, 0) == FIRST);
  policy.dismiss(3);
  assert(!policy.isOut(3));
  assert(policy.pick(1, 0) == NO_ENTITY, "the second hart is not READY any more");
  assert(policy.shouldYield(FIRST, 0, 100, 100));
  policy.put(FIRST, 0, 100, 100, STATE_READY, Infinity);
  assert(policy.isOut(3));
  assert(policy.pick(0, 100) == NO_ENTITY);
  assert(policy.wake(FIRST, 200) == NO_CPU);
  policy.admit(3, 2, 300);
  assert(policy.isBlocked(FIRST) && policy.isBlocked(SECOND));
}

export function a_guest_that_goes_on_before_its_hart_has_left_keeps_that_hart(): void {
  idle(1);
  policy.wake(FIRST, 0);
  policy.pick(0, 0);
  policy.dismiss(3);
  policy.admit(3, 2, 100);
  assert(policy.wake(FIRST, 100) == NO_CPU);
  policy.put(FIRST, 0, 200, 200, STATE_READY, Infinity);
  assert(policy.pick(0, 200) == FIRST);
}

export function a_hart_that_is_put_off_is_not_woken(): void {
  idle(1);
  policy.wake(FIRST, 0);
  policy.pick(0, 0);
  policy.put(FIRST, 0, 100, 100, STATE_OFF, Infinity);
  assert(policy.wake(FIRST, 100) == NO_CPU && policy.pick(0, 100) == NO_ENTITY);
}

export function a_wake_up_chooses_the_idle_cpu_where_the_hart_was(): void {
  idle(3);
  policy.wake(FIRST, 0);
  assert(policy.pick(2, 0) == FIRST);
  policy.put(FIRST, 2, 100, 100, STATE_BLOCKED, Infinity);
  assert(policy.pick(2, 100) == NO_ENTITY);
  assert(policy.wake(FIRST, 200) == 2);
  assert(policy.pick(2, 200) == FIRST);
  assert(policy.migrations(3) == 0);
  const other = policy.wake(SECOND, 200);
  assert(other == 0 || other == 1, "CPU 2 is not idle");
}

export function two_wake_ups_wake_two_cpus(): void {
  idle(2);
  const one = policy.wake(FIRST, 0);
  const other = policy.wake(SECOND, 0);
  assert(one != NO_CPU && other != NO_CPU && one != other);
}

export function a_cpu_that_sleeps_is_named_when_a_deadline_ends_elsewhere(): void {
  idle(2);
  policy.wake(FIRST, 0);
  policy.wake(SECOND, 0);
  assert(policy.pick(0, 0) == FIRST && policy.pick(1, 0) == SECOND);
  policy.put(SECOND, 1, 1000, 1000, STATE_BLOCKED, 5 * MS);
  assert(policy.pick(1, 1000) == NO_ENTITY);
  assert(policy.helper(2000) == NO_CPU);
  assert(!policy.shouldYield(FIRST, 0, 5 * MS, 5 * MS));
  assert(policy.helper(5 * MS) == 1);
  assert(policy.helper(5 * MS) == NO_CPU, "once is enough");
}

export function steal_is_the_time_a_ready_hart_waits(): void {
  idle(1);
  policy.wake(FIRST, 1000);
  policy.wake(SECOND, 1000);
  assert(policy.pick(0, 1500) == FIRST);
  assert(policy.stealNs(FIRST) == 500);
  policy.put(FIRST, 0, 4000, 2500, STATE_BLOCKED, Infinity);
  assert(policy.stealNs(SECOND) == 3000, "also while it waits");
  assert(policy.pick(0, 4000) == SECOND);
  assert(policy.stealNs(SECOND) == 3000);
  policy.put(SECOND, 0, 9000, 5000, STATE_BLOCKED, Infinity);
  assert(policy.pick(0, 99_000) == NO_ENTITY);
  assert(policy.stealNs(FIRST) == 500 && policy.stealNs(SECOND) == 3000, "sleep is not stolen");
  policy.dismiss(3);
  policy.admit(3, 2, 100_000);
  assert(policy.stealNs(SECOND) == 3000, "nor is a pause");
  policy.dismiss(3);
  policy.forget(3);
  assert(policy.stealNs(SECOND) == 0 && policy.slices(3) == 0);
}

export function a_spinning_hart_leaves_its_cpu_to_a_sibling(): void {
  idle(1);
  policy.admit(4, 1, 0);
  policy.wake(4 << 3, 0);
  assert(policy.pick(0, MS) == 4 << 3);
  policy.wake(FIRST, MS);
  policy.wake(SECOND, MS);
  assert(!policy.yieldTo(4 << 3, 0, 2 * MS), "it has none");
  policy.put(4 << 3, 0, 2 * MS, MS, STATE_BLOCKED, Infinity);
  assert(policy.pick(0, 2 * MS) == FIRST);
  assert(policy.yieldTo(FIRST, 0, 2 * MS + 100_000));
  policy.put(FIRST, 0, 2 * MS + 100_000, 100_000, STATE_READY, Infinity);
  policy.wake(4 << 3, 2 * MS + 100_000);
  assert(policy.pick(0, 2 * MS + 100_000) == SECOND);
  assert(!policy.yieldTo(SECOND, 0, 2 * MS + 110_000), "two that spin don't change places all the time");
  assert(policy.yieldTo(SECOND, 0, 3 * MS));
}

export function a_guest_that_spins_does_not_get_more_than_its_share(): void {
  idle(1);
  policy.admit(4, 1, 0);
  policy.wake(4 << 3, 0);
  policy.wake(FIRST, 0);
  policy.wake(SECOND, 0);
  let time: f64 = 0;
  let mine: f64 = 0;
  while (time < 1000 * MS) {
    const entity = policy.pick(0, time);
    const ns = entity == 4 << 3 ? 3 * MS : 0.1 * MS;
    time += ns;
    if (entity != 4 << 3) {
      mine += ns;
      policy.yieldTo(entity, 0, time);
    }
    policy.put(entity, 0, time, ns, STATE_READY, Infinity);
  }
  assert(mine > 490 * MS && mine < 510 * MS);
}

export function a_slice_ends_before_a_cap_does(): void {
  idle(2);
  policy.set(3, 256, 0.5, 0, 0);
  policy.wake(FIRST, 0);
  policy.wake(SECOND, 0);
  assert(policy.pick(0, 0) == FIRST && policy.pick(1, 0) == SECOND);
  const slice = policy.sliceNs(FIRST, 0, 0);
  assert(slice > MS && slice < 2 * MS, "two harts use up what 5 ms bring in less than 2");
  assert(!policy.shouldYield(FIRST, 0, slice - 1000, slice - 1000));
  assert(policy.shouldYield(FIRST, 0, slice + 1000, slice + 1000));
}

export function a_cpu_without_work_rests_until_a_cap_is_refilled(): void {
  idle(1);
  policy.set(3, 256, 0.5, 0, 0);
  policy.wake(FIRST, 0);
  policy.pick(0, 0);
  policy.put(FIRST, 0, 10 * MS, 10 * MS, STATE_READY, Infinity);
  assert(policy.pick(0, 10 * MS) == NO_ENTITY);
  const ns = policy.idleNs(0, 10 * MS);
  assert(ns > MS && ns < 20 * MS);
  assert(policy.pick(0, 10 * MS + ns - 10) == NO_ENTITY);
  assert(policy.pick(0, 10 * MS + ns) == FIRST);
}
