// Waiting: for time to pass, or for something to read.

import { MONOTONIC, now } from "./clock";
import { EVENTS, MOVED, SUBSCRIPTIONS } from "./layout";
import * as wasi from "./wasi_snapshot_preview1";

const EVENT_FD_READ: u8 = 1;
/** Where a runtime cannot wait for what there is to read, it sleeps no longer than this. */
const SLEEP_MOST_NS: f64 = 3_600_000_000_000;

// To look without waiting, Wasmer must be given 1 ns, as it takes 0 for no end at all. Wasmtime waits a millisecond for that, and
// must be given 0. Which of them this is shows in how long the first looks take.
const TRIALS: u32 = 16;
const SLOW_NS: f64 = 900_000;
let lookNs: u64 = 1;
let trials: u32 = 0;
let fastest: f64 = Infinity;

/**
 * Node's node:wasi counts in ms and tells nothing of input when it waits for less, so where nobody waits for longer one does for a
 * millisecond now and then, in ns.
 */
const LOOK_NS: f64 = 1_000_000;
const LOOK_EVERY_NS: f64 = 100_000_000;
/** When input was last looked for that way. */
let looked: f64 = 0;

/** Waits for `ns`, 0 to only look, or until stdin may be read if that `listens`: may it? */
export function poll(ns: f64, listens: bool): bool {
  if (listens && ns < LOOK_NS) {
    const start = now();
    if (start - looked >= LOOK_EVERY_NS) {
      looked = start;
      return wait(<u64>LOOK_NS, true);
    }
  }
  if (ns > 0) return wait(<u64>max(1, min(ns, SLEEP_MOST_NS)), listens);
  if (!listens) return false;
  if (trials == TRIALS) return wait(lookNs, true);
  const start = now();
  const mayRead = wait(lookNs, true);
  fastest = min(fastest, now() - start);
  if (++trials == TRIALS && fastest > SLOW_NS) lookNs = 0;
  return mayRead;
}

function wait(ns: u64, listens: bool): bool {
  memory.fill(SUBSCRIPTIONS, 0, 96);
  store<u32>(SUBSCRIPTIONS + 16, MONOTONIC);
  store<u64>(SUBSCRIPTIONS + 24, ns);
  store<u64>(SUBSCRIPTIONS + 48, 1);
  store<u8>(SUBSCRIPTIONS + 56, EVENT_FD_READ);
  // A runtime that cannot wait for what stdin is here has a file there, which is read without waiting.
  if (wasi.poll_oneoff(SUBSCRIPTIONS, EVENTS, listens ? 2 : 1, MOVED) != 0) return listens;
  const told = load<u32>(MOVED);
  for (let i: u32 = 0; i < told; i++) if (load<u64>(EVENTS + <usize>i * 32) == 1) return true;
  return false;
}
