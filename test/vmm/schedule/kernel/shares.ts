// Shares of the CPUs by weight, under full load.

import * as machine from "./machine";
import { MS, SECOND } from "./machine";

/** The guest has done what it should within 1 %. */
function gets(guest: u32, seconds: f64): void {
  const error = machine.work(guest) / (seconds * SECOND) - 1;
  assert(error < 0.01 && error > -0.01);
}

/** Three guests of weights 1, 2 and 4 with so many harts each. */
function weigh(cpus: u32, harts: u32): void {
  machine.open(cpus);
  machine.addHog(0, harts, 128);
  machine.addHog(1, harts, 256);
  machine.addHog(2, harts, 512);
  machine.run(10 * SECOND);
  assert(machine.idleNs() < MS);
}

export function three_weights_share_one_cpu(): void {
  weigh(1, 1);
  for (let i: u32 = 0; i < 3; i++) gets(i, 10.0 / 7 * <f64>(1 << i));
}

export function three_weights_share_two_cpus(): void {
  weigh(2, 2);
  for (let i: u32 = 0; i < 3; i++) gets(i, 20.0 / 7 * <f64>(1 << i));
}

export function three_weights_share_four_cpus(): void {
  weigh(4, 4);
  for (let i: u32 = 0; i < 3; i++) gets(i, 40.0 / 7 * <f64>(1 << i));
}

export function three_weights_share_four_cpus_with_eight_harts_each(): void {
  weigh(4, 8);
  for (let i: u32 = 0; i < 3; i++) gets(i, 40.0 / 7 * <f64>(1 << i));
}

export function three_equal_harts_share_two_cpus(): void {
  machine.open(2);
  for (let i: u32 = 0; i < 3; i++) machine.addHog(i, 1, 256);
  machine.zero();
  machine.run(10 * SECOND);
  for (let i: u32 = 0; i < 3; i++) gets(i, 20.0 / 3);
}
