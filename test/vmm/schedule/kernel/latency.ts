// How soon a hart that wakes gets a CPU.

import * as machine from "./machine";
import { MS, SECOND, SLICE_NS } from "./machine";

/** One wake-up in a hundred may wait for more than two slices. */
function isPrompt(): void {
  assert(machine.wakeUps() > 500);
  assert(machine.wakeUpsSlowerThan(2 * SLICE_NS) * 100 <= machine.wakeUps());
}

function idleAmongHogs(cpus: u32, burst: f64, sleep: f64): void {
  machine.open(cpus);
  machine.shake(7);
  for (let i: u32 = 0; i < 8; i++) machine.addHog(i, cpus, 256);
  machine.add(8, 1, 256, burst, sleep);
  machine.run(20 * SECOND);
  isPrompt();
}

export function an_idle_guest_under_eight_hogs_answers_within_two_slices(): void {
  idleAmongHogs(1, 0.2 * MS, 20 * MS);
}

export function an_idle_guest_under_eight_hogs_answers_within_two_slices_on_two_cpus(): void {
  idleAmongHogs(2, 0.2 * MS, 20 * MS);
}

export function an_idle_guest_under_eight_hogs_answers_within_two_slices_on_four_cpus(): void {
  idleAmongHogs(4, 0.5 * MS, 10 * MS);
}

export function a_guest_below_its_share_under_eight_hogs_answers_within_two_slices(): void {
  idleAmongHogs(1, MS, 15 * MS);
}

export function an_idle_guest_answers_beside_a_heavy_hog_that_never_has_enough(): void {
  machine.open(2);
  machine.shake(7);
  machine.addHog(0, 1, 4096);
  for (let i: u32 = 1; i < 8; i++) machine.addHog(i, 1, 256);
  machine.add(8, 1, 256, 0.2 * MS, 20 * MS);
  machine.run(20 * SECOND);
  isPrompt();
}

export function sixty_idle_guests_under_hogs_answer_within_two_slices(): void {
  machine.open(2);
  machine.shake(3);
  for (let i: u32 = 0; i < 4; i++) machine.addHog(i, 2, 256);
  for (let i: u32 = 4; i < 64; i++) machine.add(i, 1, 256, 0.05 * MS, 500 * MS);
  machine.run(10 * SECOND);
  isPrompt();
}

export function a_hart_that_wakes_on_an_idle_machine_waits_for_nobody(): void {
  machine.open(2);
  machine.shake(5);
  for (let i: u32 = 0; i < 3; i++) machine.add(i, 1, 256, 0.2 * MS, 20 * MS);
  machine.run(10 * SECOND);
  assert(machine.wakeUpsSlowerThan(0.5 * MS) * 100 <= machine.wakeUps());
}
