// Caps are exact, reservations are kept.

import * as machine from "./machine";
import { MS, SECOND } from "./machine";

/** Have the guest's harts had `cpus` CPUs for ten seconds, within so much? What they did is less than what they were charged. */
function had(guest: u32, cpus: f64, tolerance: f64): void {
  const error = machine.charged(guest) / (10 * SECOND) - cpus;
  assert(error >= -tolerance * cpus && error <= tolerance * cpus);
}

function capAlone(cpus: u32, harts: u32, cap: f64): void {
  machine.open(cpus);
  machine.addHog(0, harts, 256);
  machine.limit(0, 256, cap, 0);
  machine.run(10 * SECOND);
  had(0, cap, 0.005);
}

export function a_cap_of_half_a_cpu_is_exact(): void {
  capAlone(1, 1, 0.5);
}

export function a_cap_of_a_hundredth_of_a_cpu_is_exact(): void {
  capAlone(2, 1, 0.01);
}

export function a_cap_of_half_a_cpu_is_exact_for_harts_that_run_at_once(): void {
  capAlone(4, 8, 0.5);
}

export function a_cap_of_two_cpus_and_a_half_is_exact_for_eight_harts(): void {
  capAlone(4, 8, 2.5);
}

export function a_cap_of_half_a_cpu_is_exact_on_eight_cpus(): void {
  capAlone(8, 8, 0.5);
}

export function a_cap_of_nine_tenths_is_exact(): void {
  capAlone(2, 1, 0.9);
}

export function a_capped_guest_gets_its_cap_among_hogs_and_they_get_the_rest(): void {
  machine.open(2);
  machine.addHog(0, 2, 1024);
  machine.limit(0, 1024, 0.5, 0);
  for (let i: u32 = 1; i < 4; i++) machine.addHog(i, 1, 256);
  machine.run(10 * SECOND);
  had(0, 0.5, 0.005);
  for (let i: u32 = 1; i < 4; i++) had(i, 0.5, 0.01);
  assert(machine.idleNs() < MS);
}

export function a_cap_above_a_guests_share_takes_nothing_from_it(): void {
  machine.open(1);
  for (let i: u32 = 0; i < 4; i++) machine.addHog(i, 1, 256);
  machine.limit(0, 256, 0.4, 0);
  machine.run(10 * SECOND);
  for (let i: u32 = 0; i < 4; i++) had(i, 0.25, 0.01);
}

function reserveAmongHogs(cpus: u32, harts: u32, reservation: f64): void {
  machine.open(cpus);
  machine.addHog(0, harts, 256);
  machine.limit(0, 256, 0, reservation);
  for (let i: u32 = 1; i <= 8; i++) machine.addHog(i, cpus, 256);
  machine.run(10 * SECOND);
  had(0, reservation, 0.01);
  for (let i: u32 = 1; i <= 8; i++) had(i, (<f64>cpus - reservation) / 8, 0.01);
}

export function a_reservation_is_kept_under_eight_hogs(): void {
  reserveAmongHogs(1, 1, 0.3);
}

export function a_reservation_is_kept_under_eight_hogs_on_two_cpus(): void {
  reserveAmongHogs(2, 1, 0.8);
}

export function a_reservation_is_kept_for_eight_harts_under_eight_hogs_on_four_cpus(): void {
  reserveAmongHogs(4, 8, 1.5);
}

export function reservations_of_several_guests_are_kept_at_once(): void {
  machine.open(2);
  for (let i: u32 = 0; i < 9; i++) machine.addHog(i, 2, 256);
  machine.limit(0, 256, 0, 0.9);
  machine.limit(1, 256, 0, 0.6);
  machine.limit(2, 16, 0, 0.4);
  machine.run(10 * SECOND);
  had(0, 0.9, 0.01);
  had(1, 0.6, 0.01);
  had(2, 0.4, 0.01);
}

export function a_reservation_below_its_share_changes_nothing(): void {
  machine.open(1);
  for (let i: u32 = 0; i < 3; i++) machine.addHog(i, 1, 256);
  machine.limit(0, 256, 0, 0.2);
  machine.run(10 * SECOND);
  for (let i: u32 = 0; i < 3; i++) had(i, 1.0 / 3, 0.01);
}

export function a_guest_that_sleeps_keeps_its_reservation_while_it_works(): void {
  machine.open(1);
  machine.add(0, 1, 256, 2 * MS, 4 * MS);
  machine.limit(0, 256, 0, 0.3);
  for (let i: u32 = 1; i <= 8; i++) machine.addHog(i, 1, 256);
  machine.run(10 * SECOND);
  // 2 ms of work in 6 ms would be a third, and each switch and wait takes from that.
  assert(machine.charged(0) > 2.6 * SECOND);
}
