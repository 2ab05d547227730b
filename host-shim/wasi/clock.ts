// The clocks of WASI, or, for the self-test, one that is counted.

import { FIXED_TICK_NS, FIXED_WALL_NS } from "./fixed";
import { MOVED } from "./layout";
import { clock_time_get } from "./wasi_snapshot_preview1";

const WALL: u32 = 0;
export const MONOTONIC: u32 = 1;

let isFixed = false;
let counted: f64 = 0;

/** From now on each reading is a tick later than the last one, whatever the time is. */
export function fix(): void {
  isFixed = true;
}

/** Time passes on the clock that is counted. */
export function skip(ns: f64): void {
  counted += ns;
}

/** ns since some moment. */
export function now(): f64 {
  if (!isFixed) return read(MONOTONIC);
  counted += FIXED_TICK_NS;
  return counted;
}

/** ns since 1970. */
export function wall(): f64 {
  return isFixed ? <f64>FIXED_WALL_NS : read(WALL);
}

function read(clock: u32): f64 {
  clock_time_get(clock, 1, MOVED);
  return <f64>load<u64>(MOVED);
}
