// Random work, wakes, pauses, new guests and new shares: what must hold holds after each step, and nobody starves.

import * as policy from "../../../../hypervisor/vmm/schedule/policy";
import { seed } from "../../../support/kernel/outside";
import * as invariants from "./invariants";
import * as machine from "./machine";
import { MS, SECOND, random } from "./machine";

const GUESTS: u32 = 12;
const STEPS: u32 = 60_000;
/** The least share that a guest may have here gives each of its harts a slice in that time. */
const WAIT_MOST: f64 = 5 * SECOND;

function harts(guest: u32): u32 {
  return 1 + (guest * 5 & 7) % 8;
}

function setAnything(guest: u32): void {
  const cap: f64 = random(3) == 0 ? 0.1 + <f64>random(20) / 10 : 0;
  const reservation: f64 = random(3) == 0 ? <f64>random(10) / 100 : 0;
  machine.limit(guest, random(512) + 64, cap, reservation);
}

function addAnything(guest: u32): void {
  if (random(3) == 0) machine.addHog(guest, harts(guest), random(512) + 64);
  else machine.add(guest, harts(guest), random(512) + 64, <f64>(random(3000) + 1) * 1000, random(4) == 0 ? Infinity : <f64>random(20) * MS);
}

function disturb(): void {
  const guest = random(GUESTS);
  switch (random(8)) {
    case 0: machine.stop(guest); break;
    case 1: machine.resume(guest, harts(guest)); break;
    case 2: setAnything(guest); break;
    case 3: policy.charge(guest, <f64>random(5000) * 1000, machine.time()); break;
    default: machine.wake(guest << 3 | random(8)); break;
  }
}

function fuzz(cpus: u32, salt: u32): void {
  invariants.begin();
  machine.open(cpus);
  machine.shake(seed() + salt);
  machine.spin(5);
  for (let i: u32 = 0; i < GUESTS; i++) addAnything(i);
  for (let i: u32 = 0; i < STEPS; i++) {
    machine.step(Infinity);
    if (random(10) == 0) disturb();
    if ((i & 3) == 0) invariants.check(cpus);
    for (let entity: u32 = 0; entity < GUESTS << 3; entity++) assert(invariants.waitNs(entity) < WAIT_MOST, "a hart starves");
  }
  let slices: u64 = 0;
  for (let i: u32 = 0; i < GUESTS; i++) slices += policy.slices(i);
  assert(slices > 1000);
}

export function random_sequences_break_nothing_on_one_cpu(): void {
  fuzz(1, 1);
}

export function random_sequences_break_nothing_on_three_cpus(): void {
  fuzz(3, 2);
}

export function random_sequences_break_nothing_on_sixteen_cpus(): void {
  fuzz(16, 3);
}
