// Drivers that never let a queue run dry, and a clock that goes from deadline to deadline: what tests of limits are made of.
//
// Several devices may have queues of the same number, so each gets its rings in an area of its own (driver.ts has eight).

import * as bus from "../../../hypervisor/devices/bus";
import { Device } from "../../../hypervisor/devices/device";
import { Guest } from "../../../hypervisor/guest/guest";
import * as cable from "./cable";
import {
  STATUS, descriptorArea, describeIn, deviceArea, driverArea, fill, get16, get32, negotiate, notify, offered, openQueueAt, put16, set,
} from "./driver";
import { setNow } from "./outside";

export const SECOND: f64 = 1e9;
const SIZE: u32 = 16;

let now: f64 = 0;
/** For each area: chains that have come back and were seen, when the last came, and the longest time without one. */
const SEEN: usize = memory.data(8 * 4);
const LAST: usize = memory.data(8 * 8);
const GAP: usize = memory.data(8 * 8);

/** host.now(). */
export function clock(): f64 {
  return now;
}

export function setClock(ns: f64): void {
  now = ns;
  setNow(ns);
}

/** Negotiates with a device; its queues are to be opened with `open`, and then `go`. */
export function prepare(guest: Guest, device: Device): void {
  assert(negotiate(guest, device, offered(guest, device)), "the device refused its features");
}

/** Opens a queue with 16 empty places in this area. */
export function open(guest: Guest, device: Device, queue: u32, area: u32): void {
  fill(guest, driverArea(area), 0, 6 + 2 * SIZE);
  fill(guest, deviceArea(area), 0, 6 + 8 * SIZE);
  openQueueAt(guest, device, queue, SIZE, descriptorArea(area), driverArea(area), deviceArea(area));
  store<u32>(SEEN + 4 * <usize>area, 0);
}

export function go(guest: Guest, device: Device): void {
  set(guest, device, STATUS, 15);
}

/** Writes descriptor i of an area; with the flag NEXT it goes on at i + 1. */
export function describe(guest: Guest, area: u32, i: u32, gpa: u64, length: u32, flags: u32): void {
  describeIn(guest, descriptorArea(area), i, gpa, length, flags, i + 1);
}

/** Makes a chain available. */
export function offer(guest: Guest, area: u32, head: u32): void {
  const at = driverArea(area);
  const next = get16(guest, at + 2);
  put16(guest, at + 4 + 2 * <u64>(next & SIZE - 1), head);
  put16(guest, at + 2, next + 1);
}

/** Chains that have come back in this area so far, as of the last `refill` or `collect`. */
export function seen(area: u32): u32 {
  return load<u32>(SEEN + 4 * <usize>area);
}

/** The longest time in ns between two chains that came back, since `forget`. */
export function gap(area: u32): f64 {
  return load<f64>(GAP + 8 * <usize>area);
}

export function forget(area: u32): void {
  store<f64>(GAP + 8 * <usize>area, 0);
  store<f64>(LAST + 8 * <usize>area, now);
}

/** Looks at what has come back; how many chains. With `again` they are made available anew. */
export function collect(guest: Guest, area: u32, again: bool): u32 {
  const ring = deviceArea(area);
  let count = seen(area);
  const fresh = get16(guest, ring + 2) - count & 0xffff;
  for (let i: u32 = 0; i < fresh; i++) {
    const head = get32(guest, ring + 4 + 8 * <u64>(count++ & SIZE - 1));
    if (again) offer(guest, area, head);
  }
  store<u32>(SEEN + 4 * <usize>area, count);
  if (fresh > 0) {
    const last = LAST + 8 * <usize>area;
    const longest = GAP + 8 * <usize>area;
    store<f64>(longest, max(load<f64>(longest), now - load<f64>(last)));
    store<f64>(last, now);
  }
  return fresh;
}

/** What has come back is made available anew, and the device is told. */
export function refill(guest: Guest, device: Device, queue: u32, area: u32): u32 {
  const fresh = collect(guest, area, true);
  if (fresh > 0) notify(guest, device, queue);
  return fresh;
}

/** Serves the devices until nothing moves, as the scheduler does. */
export function serve(guest: Guest): void {
  let rounds = 0;
  while (cable.poll(guest)) assert(++rounds < 100_000, "the devices never rest");
}

/** Goes to the devices' next deadline, at most to `end`, and serves them; false once it is `end`. */
export function next(guest: Guest, end: f64): bool {
  if (now >= end) return false;
  const deadline = bus.deadlineNs(guest);
  assert(deadline > now, "a deadline that has passed is never kept");
  setClock(min(deadline, end));
  serve(guest);
  return true;
}
