// Weights that a guest can't use up, as it has too few harts: what it does not use is shared by the others, and forgotten.

import * as policy from "../../../../hypervisor/vmm/schedule/policy";
import * as machine from "./machine";
import { MS, SECOND } from "./machine";

/** Has the guest done `cpus` CPUs' work in so many seconds, within 2 %? */
function did(guest: u32, cpus: f64, seconds: f64): void {
  const error = machine.charged(guest) / (seconds * SECOND) / cpus - 1;
  assert(error < 0.02 && error > -0.02);
}

/** A guest with one hart that would deserve almost two CPUs, and three that share the other one. */
function heavy(): void {
  machine.open(2);
  machine.addHogs(0, 2, 1, 4096);
  for (let i: u32 = 1; i < 4; i++) machine.addHog(i, 1, 256);
  machine.run(20 * SECOND);
}

export function a_heavy_guest_with_one_hart_gets_one_cpu_and_the_others_share_the_rest(): void {
  heavy();
  did(0, 1, 20);
  for (let i: u32 = 1; i < 4; i++) did(i, 1.0 / 3, 20);
}

export function a_newcomer_beside_a_heavy_guest_takes_its_share_and_no_more(): void {
  heavy();
  machine.zero();
  machine.addHog(4, 1, 256);
  machine.run(SECOND);
  did(0, 1, 1);
  for (let i: u32 = 1; i < 5; i++) did(i, 0.25, 1);
}

export function a_heavy_guest_that_gets_more_harts_has_saved_nothing_up(): void {
  heavy();
  machine.zero();
  // 4096 of 4864: more than 1.6 of 2 CPUs. The little that the others get must come at once.
  machine.addSibling(0, 1);
  machine.run(SECOND / 2);
  for (let i: u32 = 1; i < 4; i++) assert(machine.charged(i) > 0.9 * SECOND / 2 * 2 * 256 / 4864);
}

export function one_two_four_with_one_hart_each_fill_two_cpus(): void {
  machine.open(2);
  for (let i: u32 = 0; i < 3; i++) machine.addHog(i, 1, 128 << i);
  machine.run(10 * SECOND);
  did(2, 1, 10);
  did(1, 2.0 / 3, 10);
  did(0, 1.0 / 3, 10);
}

export function a_guest_that_slept_has_saved_nothing_up(): void {
  machine.open(1);
  for (let i: u32 = 0; i < 2; i++) machine.addHog(i, 1, 256);
  machine.add(2, 1, 256, MS, Infinity);
  machine.run(10 * SECOND);
  machine.zero();
  machine.addHog(2, 1, 256);
  machine.run(SECOND);
  for (let i: u32 = 0; i < 3; i++) did(i, 1.0 / 3, 1);
}

export function a_guest_that_had_the_machine_for_itself_owes_nothing(): void {
  machine.open(2);
  machine.addHog(0, 2, 1);
  machine.run(10 * SECOND);
  machine.zero();
  machine.limit(0, 256, 0, 0);
  machine.addHog(1, 2, 256);
  machine.run(SECOND);
  for (let i: u32 = 0; i < 2; i++) did(i, 1, 1);
}

export function work_outside_its_slices_is_taken_off_a_guests_share(): void {
  machine.open(1);
  for (let i: u32 = 0; i < 2; i++) machine.addHog(i, 1, 256);
  for (let i = 0; i < 1000; i++) {
    machine.run(10 * MS);
    policy.charge(0, 2 * MS, machine.time());
  }
  // 10 s of slices and 2 s of other work are shared: 4 and 2, and 6.
  did(0, 0.4, 10);
  did(1, 0.6, 10);
}

export function a_change_of_weight_counts_at_once(): void {
  machine.open(1);
  for (let i: u32 = 0; i < 2; i++) machine.addHog(i, 1, 256);
  machine.run(SECOND);
  machine.zero();
  machine.limit(1, 768, 0, 0);
  machine.run(SECOND);
  did(0, 0.25, 1);
  did(1, 0.75, 1);
}
