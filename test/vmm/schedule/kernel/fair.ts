// Random guests under full load, against what an ideal machine would give them: CPUs in infinitely small pieces.

import { seed } from "../../../support/kernel/outside";
import * as machine from "./machine";
import { SECOND, random } from "./machine";

const ROUNDS: u32 = 12;
const NS: f64 = 10 * SECOND;
const GUESTS_MOST: u32 = 10;

// What the round at hand has: harts and weights of its guests, and what an ideal machine gives each, in CPUs.
const HARTS = memory.data<u32>([0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const WEIGHTS = memory.data<u32>([0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const IDEAL = memory.data<f64>([0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

function harts(guest: u32): u32 {
  return load<u32>(HARTS + (<usize>guest << 2));
}

function weight(guest: u32): f64 {
  return <f64>load<u32>(WEIGHTS + (<usize>guest << 2));
}

function ideal(guest: u32): f64 {
  return load<f64>(IDEAL + (<usize>guest << 3));
}

/** Shares `cpus` by weight; who has too few harts for its share gets one CPU for each, and the rest is shared anew. */
function share(guests: u32, cpus: u32): void {
  for (let i: u32 = 0; i < guests; i++) store<f64>(IDEAL + (<usize>i << 3), 0);
  for (let round: u32 = 0; round <= guests; round++) {
    let left = <f64>cpus;
    let weights: f64 = 0;
    for (let i: u32 = 0; i < guests; i++) {
      if (ideal(i) == <f64>harts(i)) left -= ideal(i);
      else weights += weight(i);
    }
    for (let i: u32 = 0; i < guests; i++) {
      if (ideal(i) == <f64>harts(i)) continue;
      const part = left * weight(i) / weights;
      store<f64>(IDEAL + (<usize>i << 3), part < <f64>harts(i) ? part : <f64>harts(i));
    }
  }
}

export function random_hogs_on_random_machines_get_what_an_ideal_machine_would_give_them(): void {
  machine.shake(seed());
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const cpus = random(6) + 1;
    const guests = random(GUESTS_MOST - 1) + 2;
    machine.open(cpus);
    let sum: u32 = 0;
    for (let i: u32 = 0; i < guests; i++) {
      store<u32>(HARTS + (<usize>i << 2), random(8) + 1);
      store<u32>(WEIGHTS + (<usize>i << 2), random(960) + 64);
      sum += harts(i);
      machine.addHog(i, harts(i), load<u32>(WEIGHTS + (<usize>i << 2)));
    }
    machine.zero();
    machine.run(NS);
    if (sum < cpus) continue;
    share(guests, cpus);
    assert(machine.idleNs() < NS / 1000);
    for (let i: u32 = 0; i < guests; i++) {
      const error = machine.charged(i) / NS / ideal(i) - 1;
      assert(error < 0.01 && error > -0.01);
    }
  }
}
