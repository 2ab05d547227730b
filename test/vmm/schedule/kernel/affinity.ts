// Harts stay where their code is, as far as that is fair, and no CPU rests while one waits.

import * as policy from "../../../../hypervisor/vmm/schedule/policy";
import * as machine from "./machine";
import { MS, SECOND } from "./machine";

function migrations(guests: u32): u64 {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < guests; i++) sum += policy.migrations(i);
  return sum;
}

export function harts_that_fill_the_cpus_evenly_stay_where_they_are(): void {
  machine.open(4);
  for (let i: u32 = 0; i < 8; i++) machine.addHog(i, 1, 256);
  machine.run(10 * SECOND);
  assert(migrations(8) <= 8);
}

export function one_hart_too_many_moves_a_hundred_times_a_second_at_most(): void {
  machine.open(2);
  for (let i: u32 = 0; i < 3; i++) machine.addHog(i, 1, 256);
  machine.run(10 * SECOND);
  assert(migrations(3) <= 1000);
}

export function a_guest_of_odd_many_harts_lets_them_take_turns(): void {
  machine.open(2);
  machine.addHog(0, 3, 256);
  machine.run(10 * SECOND);
  for (let i: u32 = 0; i < 3; i++) {
    const share = machine.workOf(i) / (20.0 / 3 * SECOND);
    assert(share > 0.98 && share < 1.02);
  }
  assert(migrations(1) <= 1000);
}

export function a_hart_that_sleeps_wakes_where_it_was(): void {
  machine.open(4);
  machine.shake(1);
  for (let i: u32 = 0; i < 3; i++) machine.add(i, 1, 256, MS, 5 * MS);
  machine.run(10 * SECOND);
  const slices = policy.slices(0) + policy.slices(1) + policy.slices(2);
  assert(slices > 4000);
  assert(migrations(3) * 20 < slices);
}

/** Guests that want more than there is, of hogs and of sleepers; each ns of each CPU must be used. */
export function no_cpu_rests_while_harts_wait(): void {
  machine.open(3);
  machine.shake(11);
  for (let i: u32 = 0; i < 4; i++) machine.addHog(i, 1, 100 + 100 * i);
  for (let i: u32 = 4; i < 20; i++) machine.add(i, 4, 256, 0.3 * MS, <f64>(1 + i) * MS);
  machine.run(5 * SECOND);
  assert(machine.idleNs() < MS);
}

/** Sleepers alone: CPUs rest, but never while a hart is READY, which the machine checks at each step. */
export function no_cpu_rests_for_longer_than_until_the_next_hart_wakes(): void {
  machine.open(4);
  machine.shake(13);
  for (let i: u32 = 0; i < 30; i++) machine.add(i, 2, 256, 0.5 * MS, <f64>(3 + i) * MS);
  machine.run(5 * SECOND);
  assert(machine.idleNs() > SECOND);
  assert(machine.wakeUpsSlowerThan(0.75 * MS) * 100 < machine.wakeUps());
}
