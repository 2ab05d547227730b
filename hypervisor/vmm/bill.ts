// Who pays for the time of this worker (law 5): one clock, read at every change of hands; each lap goes to one guest, or to
// the CPU itself.

import { Cpu } from "../core/cpus";
import * as host from "../host";
import { Guest } from "../guest/guest";

/** host.now() when the clock was last read: up to here everything is billed. */
let mark: f64 = 0;
/** ns billed to guests since `spent` was last asked. */
let account: f64 = 0;

function lap(): f64 {
  const now = host.now();
  const ns = now - mark;
  mark = now;
  return ns;
}

/** Adds the lap to the sum at `ptr`, for a guest; the ns. */
function add(ptr: usize): f64 {
  const ns = lap();
  if (ASC_FEATURE_THREADS) atomic.add<u64>(ptr, <u64>ns);
  else store<u64>(ptr, load<u64>(ptr) + <u64>ns);
  account += ns;
  return ns;
}

/** Starts the clock of a worker that goes on with its CPU; the ns since it last put it down, which are nobody's yet. */
export function open(cpu: Cpu): f64 {
  if (cpu.since != 0) return lap();
  lap();
  cpu.since = mark;
  return 0;
}

/** host.now() as of the last lap: good enough for whatever the same lap decides, and free. */
export function now(): f64 {
  return mark;
}

/** ns billed to guests since the last call: what a slice cost, all in all. */
export function spent(cpu: Cpu): f64 {
  const ns = account;
  account = 0;
  cpu.guestsNs += ns;
  return ns;
}

/** The lap ran guest code. */
export function toGuest(guest: Guest): f64 {
  return add(changetype<usize>(guest) + offsetof<Guest>("guestNs"));
}

/** The lap went into devices for this guest. */
export function toDevices(guest: Guest): void {
  add(changetype<usize>(guest) + offsetof<Guest>("deviceNs"));
}

/** The lap was the kernel's own work for this guest: SBI, timers, scheduling. */
export function toKernel(guest: Guest): void {
  add(changetype<usize>(guest) + offsetof<Guest>("kernelNs"));
}

/** The lap translated code of this guest: a part of the kernel's work for it that is counted for itself too. */
export function toTranslator(guest: Guest): void {
  const ns = add(changetype<usize>(guest) + offsetof<Guest>("kernelNs"));
  const ptr = changetype<usize>(guest) + offsetof<Guest>("translateNs");
  if (ASC_FEATURE_THREADS) atomic.add<u64>(ptr, <u64>ns);
  else store<u64>(ptr, load<u64>(ptr) + <u64>ns);
}

/** The lap was the kernel's work for nobody in particular. */
export function toCpu(cpu: Cpu): void {
  cpu.kernelNs += lap();
}

/** `ns` in which a worker was not running, for a guest that had nothing to do either; at most for as long as it has been there. */
export function idle(guest: Guest, ns: f64): void {
  const age = mark - guest.timeOffset;
  const ptr = changetype<usize>(guest) + offsetof<Guest>("idleNs");
  const share = <u64>(ns < age ? ns : age);
  if (ASC_FEATURE_THREADS) atomic.add<u64>(ptr, share);
  else store<u64>(ptr, load<u64>(ptr) + share);
}
