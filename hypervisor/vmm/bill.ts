// Who pays for the time of this worker (law 5): one clock, read at every change of hands; each lap goes to one guest.

import * as host from "../host";
import { Guest } from "../guest/guest";

/** host.now() when the clock was last read: up to here everything is billed. */
let mark: f64 = 0;

function lap(): f64 {
  const now = host.now();
  const ns = now - mark;
  mark = now;
  return ns;
}

/** Starts the clock; gives the ns since the worker last put it down, which are nobody's yet. */
export function open(): f64 {
  const isFirst = mark == 0;
  const ns = lap();
  return isFirst ? 0 : ns;
}

/** host.now() as of the last lap: good enough for whatever the same lap decides, and free. */
export function now(): f64 {
  return mark;
}

/** The lap ran guest code. */
export function toGuest(guest: Guest): f64 {
  const ns = lap();
  guest.guestNs += ns;
  return ns;
}

/** The lap went into devices for this guest. */
export function toDevices(guest: Guest): void {
  guest.deviceNs += lap();
}

/** The lap was the kernel's own work for this guest: SBI, timers, scheduling. */
export function toKernel(guest: Guest): void {
  guest.kernelNs += lap();
}

/** The lap translated code of this guest: a part of the kernel's work for it that is counted for itself too. */
export function toTranslator(guest: Guest): f64 {
  const ns = lap();
  guest.kernelNs += ns;
  guest.translateNs += ns;
  return ns;
}

/** `ns` in which the worker was not running; a guest pays at most for as long as it has been there. */
export function idle(guest: Guest, ns: f64): void {
  const age = mark - guest.timeOffset;
  guest.idleNs += ns < age ? ns : age;
}
