// Limits of disks: rates over minutes, bursts, debt, fairness between disks, and what may happen while requests are held.

import {
  E_BAD_ARG, GUEST_PAUSED, GUEST_RUNNING, OK, SET_BLOCK_BURST_BYTES, SET_BLOCK_BURST_OPERATIONS, SET_BLOCK_BYTES,
  SET_BLOCK_OPERATIONS, SET_CONSOLE_BURST_BYTES, SET_CONSOLE_BYTES, SET_NET_BURST_BYTES, SET_NET_BURST_FRAMES, SET_NET_BYTES,
  SET_NET_FRAMES, SET_WEIGHT,
} from "../../../hypervisor/abi";
import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_BLK, Device } from "../../../hypervisor/devices/device";
import * as limits from "../../../hypervisor/devices/limits";
import { trafficOf } from "../../../hypervisor/devices/traffic";
import * as tag from "../../../hypervisor/devices/virtio/tag";
import { Guest } from "../../../hypervisor/guest/guest";
import { BUFFERS, NEXT, STATUS, WRITE, add, makeGuest, notify, put32, put64, set } from "../../support/kernel/driver";
import {
  SECOND, clock, collect, describe, forget, gap, go, next, offer, open, prepare, refill, seen, serve, setClock,
} from "../../support/kernel/flow";
import { finish, makeDisk, pendingCount, pendingTag, setLater } from "../../support/kernel/outside";

const KIB: u32 = 1024;
const MIB: u32 = 1024 * 1024;
const DATA: u64 = BUFFERS + 0x10000;
const T_IN: u32 = 0;
const T_OUT: u32 = 1;
const T_FLUSH: u32 = 4;

/** A disk of 2 MiB with its queue in an area. */
function disk(guest: Guest, area: u32): Device {
  makeDisk(area, 2 * MIB, 0);
  const blk = add(guest, DEVICE_VIRTIO_BLK, area);
  prepare(guest, blk);
  open(guest, blk, 0, area);
  go(guest, blk);
  return blk;
}

/** Writes the i-th request of an area, i < 5; not made available yet. */
function request(guest: Guest, area: u32, i: u32, type: u32, length: u32): void {
  const header = BUFFERS + 1024 * area + 64 * i;
  put32(guest, header, type);
  put32(guest, header + 4, 0);
  put64(guest, header + 8, 0);
  describe(guest, area, 3 * i, header, 16, NEXT);
  if (length > 0) describe(guest, area, 3 * i + 1, DATA, length, NEXT | (type == T_IN ? WRITE : 0));
  describe(guest, area, length > 0 ? 3 * i + 2 : 3 * i + 1, header + 32, 1, WRITE);
}

/** Keeps five requests of this kind waiting from now on: see `refill`. */
function flood(guest: Guest, blk: Device, area: u32, type: u32, length: u32): void {
  for (let i: u32 = 0; i < 5; i++) {
    request(guest, area, i, type, length);
    offer(guest, area, 3 * i);
  }
  notify(guest, blk, 0);
}

/** Runs a disk that is flooded until `end`. */
function run(guest: Guest, blk: Device, area: u32, end: f64): void {
  do {
    let rounds = 0;
    while (refill(guest, blk, 0, area) > 0) assert(++rounds < 10_000, "nothing holds the disk");
  } while (next(guest, end));
}

function isNear(value: f64, wanted: f64, share: f64): bool {
  return Math.abs(value - wanted) <= wanted * share;
}

export function limits_keep_the_bandwidth_of_a_disk_for_minutes(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  assert(limits.set(guest, SET_BLOCK_BYTES, 4 * MIB) == OK);
  flood(guest, blk, 0, T_OUT, 64 * KIB);
  run(guest, blk, 0, SECOND);
  const before = seen(0);
  forget(0);
  run(guest, blk, 0, 121 * SECOND);
  assert(isNear(seen(0) - before, 120 * 64, 0.001));
  // 64 KiB take 15.6 ms: no request waits for longer than its turn.
  assert(gap(0) <= 15_630_000);
  assert(guest.offences == 0);
}

export function limits_keep_the_operations_of_a_disk_for_minutes(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  assert(limits.set(guest, SET_BLOCK_OPERATIONS, 333) == OK);
  flood(guest, blk, 0, T_IN, 512);
  run(guest, blk, 0, SECOND);
  const before = seen(0);
  forget(0);
  run(guest, blk, 0, 121 * SECOND);
  assert(isNear(seen(0) - before, 120 * 333, 0.001));
  assert(gap(0) <= 3_010_000);
}

export function limits_count_a_flush_as_an_operation_without_bytes(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  limits.set(guest, SET_BLOCK_BYTES, 1);
  limits.set(guest, SET_BLOCK_OPERATIONS, 10);
  flood(guest, blk, 0, T_FLUSH, 0);
  run(guest, blk, 0, 60 * SECOND);
  assert(isNear(seen(0), 600, 0.01));
}

export function limits_of_both_kinds_hold_together(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  limits.set(guest, SET_BLOCK_BYTES, MIB);
  limits.set(guest, SET_BLOCK_OPERATIONS, 100);
  flood(guest, blk, 0, T_OUT, 512);
  run(guest, blk, 0, 60 * SECOND);
  assert(isNear(seen(0), 6000, 0.01), "small requests: the operations are what is short");
  const before = seen(0);
  for (let i: u32 = 0; i < 5; i++) request(guest, 0, i, T_OUT, 64 * KIB);
  run(guest, blk, 0, 120 * SECOND);
  assert(isNear(seen(0) - before, 960, 0.01), "large ones: the bytes");
}

export function limits_let_a_burst_pass_after_a_rest_and_no_more(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  limits.set(guest, SET_BLOCK_BYTES, MIB);
  limits.set(guest, SET_BLOCK_BURST_BYTES, 512 * KIB);
  setClock(1000 * SECOND);
  flood(guest, blk, 0, T_OUT, 64 * KIB);
  run(guest, blk, 0, 1000 * SECOND);
  assert(seen(0) == 9, "eight for the burst, and one that goes into debt");
  limits.set(guest, SET_BLOCK_BURST_BYTES, 0);
  run(guest, blk, 0, 1010 * SECOND);
  setClock(2000 * SECOND);
  const before = seen(0);
  serve(guest);
  run(guest, blk, 0, 2000 * SECOND);
  assert(seen(0) - before == 2, "100 ms are 1.6 requests, and one goes into debt");
}

export function limits_let_operations_burst_as_asked(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  limits.set(guest, SET_BLOCK_OPERATIONS, 10);
  limits.set(guest, SET_BLOCK_BURST_OPERATIONS, 50);
  flood(guest, blk, 0, T_IN, 512);
  run(guest, blk, 0, 0);
  assert(seen(0) == 51);
}

export function limits_make_who_comes_behind_a_large_request_wait_until_its_debt_is_paid(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  limits.set(guest, SET_BLOCK_BYTES, MIB);
  request(guest, 0, 0, T_OUT, MIB);
  request(guest, 0, 1, T_OUT, 512);
  offer(guest, 0, 0);
  offer(guest, 0, 3);
  notify(guest, blk, 0);
  assert(collect(guest, 0, false) == 1, "larger than the burst, and yet it passes");
  // Nine tenths of a second, as the burst of a tenth has been used.
  const deadline = bus.deadlineNs(guest);
  assert(deadline >= 0.9 * SECOND && deadline < 0.9 * SECOND + 1000);
  setClock(deadline - 1000);
  serve(guest);
  assert(collect(guest, 0, false) == 0);
  setClock(deadline);
  serve(guest);
  assert(collect(guest, 0, false) == 1);
  assert(bus.deadlineNs(guest) == Infinity);
}

export function limits_keep_the_rate_on_a_machine_that_serves_late(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  limits.set(guest, SET_BLOCK_BYTES, 16 * MIB);
  limits.set(guest, SET_BLOCK_BURST_BYTES, 1); // less than what comes in between two looks, which therefore counts
  flood(guest, blk, 0, T_OUT, 4096);
  for (let ms = 0; ms < 20_000; ms += 7) {
    setClock(<f64>ms * 1e6);
    serve(guest);
    while (refill(guest, blk, 0, 0) > 0) continue;
  }
  assert(isNear(seen(0), 20 * 4096, 0.01));
}

export function limits_divide_bytes_evenly_between_disks_whatever_the_size_of_requests(): void {
  const guest = makeGuest(0);
  const first = disk(guest, 0);
  const second = disk(guest, 1);
  limits.set(guest, SET_BLOCK_BYTES, 4 * MIB);
  flood(guest, first, 0, T_OUT, 4 * KIB);
  flood(guest, second, 1, T_OUT, 128 * KIB);
  forget(0);
  forget(1);
  do {
    while (refill(guest, first, 0, 0) + refill(guest, second, 0, 1) > 0) continue;
  } while (next(guest, 60 * SECOND));
  assert(isNear(4 * <f64>seen(0), 120 * 1024, 0.02));
  assert(isNear(128 * <f64>seen(1), 120 * 1024, 0.02));
  assert(gap(0) < 40_000_000, "one large request between small ones");
  assert(gap(1) < 70_000_000);
}

export function limits_give_no_credit_to_a_disk_that_has_rested(): void {
  const guest = makeGuest(0);
  const first = disk(guest, 0);
  const second = disk(guest, 1);
  limits.set(guest, SET_BLOCK_OPERATIONS, 1000);
  flood(guest, second, 1, T_OUT, 512);
  run(guest, second, 1, 60 * SECOND);
  flood(guest, first, 0, T_OUT, 512);
  const before = seen(1);
  do {
    while (refill(guest, first, 0, 0) + refill(guest, second, 0, 1) > 0) continue;
  } while (next(guest, 62 * SECOND));
  assert(isNear(seen(0), 1000, 0.02));
  assert(isNear(seen(1) - before, 1000, 0.02));
}

export function limits_that_are_removed_let_all_pass_at_once(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  limits.set(guest, SET_BLOCK_BYTES, 1);
  limits.set(guest, SET_BLOCK_OPERATIONS, 0.001);
  flood(guest, blk, 0, T_OUT, 64 * KIB);
  assert(collect(guest, 0, false) == 1);
  setClock(3600 * SECOND);
  serve(guest);
  assert(collect(guest, 0, false) == 0);
  limits.set(guest, SET_BLOCK_BYTES, 0);
  assert(bus.deadlineNs(guest) < Infinity, "the other one still holds");
  limits.set(guest, SET_BLOCK_OPERATIONS, 0);
  assert(bus.deadlineNs(guest) == Infinity);
  serve(guest);
  assert(collect(guest, 0, false) == 4);
}

export function limits_may_change_while_they_hold_requests(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  limits.set(guest, SET_BLOCK_BYTES, 1);
  flood(guest, blk, 0, T_OUT, 64 * KIB);
  assert(bus.deadlineNs(guest) > 60_000 * SECOND);
  limits.set(guest, SET_BLOCK_BYTES, 64 * KIB);
  assert(bus.deadlineNs(guest) < SECOND, "a debt is paid at the new rate");
  run(guest, blk, 0, 10 * SECOND);
  assert(seen(0) >= 10 && seen(0) <= 12);
  limits.set(guest, SET_BLOCK_BYTES, 1);
  assert(bus.deadlineNs(guest) < 12 * SECOND, "and never takes longer than at the old one");
  limits.set(guest, SET_BLOCK_BYTES, 1e15);
  assert(next(guest, 11 * SECOND));
  for (let i = 0; i < 1000; i++) assert(refill(guest, blk, 0, 0) == 5);
  limits.set(guest, SET_BLOCK_BYTES, MIB);
  const before = seen(0);
  run(guest, blk, 0, clock() + 10 * SECOND);
  assert(isNear(seen(0) - before, 160, 0.05), "what was saved up is no more than a burst");
}

export function limits_so_large_that_they_are_none_hold_nothing(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  limits.set(guest, SET_BLOCK_BYTES, 1e300);
  limits.set(guest, SET_BLOCK_OPERATIONS, 1e15);
  limits.set(guest, SET_BLOCK_BURST_BYTES, 1e308);
  flood(guest, blk, 0, T_OUT, 64 * KIB);
  for (let i = 0; i < 1000; i++) assert(refill(guest, blk, 0, 0) == 5);
  assert(trafficOf(guest).throttledNs == 0);
}

export function limits_forget_requests_of_a_driver_that_resets(): void {
  const guest = makeGuest(0);
  const first = disk(guest, 0);
  const second = disk(guest, 1);
  limits.set(guest, SET_BLOCK_BYTES, 64 * KIB);
  flood(guest, first, 0, T_OUT, 64 * KIB);
  flood(guest, second, 1, T_OUT, 64 * KIB);
  set(guest, first, STATUS, 0);
  const before = seen(1);
  run(guest, second, 1, 20 * SECOND);
  assert(isNear(seen(1) - before, 19, 0.1), "the other one has all of it");
  set(guest, second, STATUS, 0);
  serve(guest);
  assert(bus.deadlineNs(guest) == Infinity);
  prepare(guest, first);
  open(guest, first, 0, 0);
  go(guest, first);
  flood(guest, first, 0, T_OUT, 64 * KIB);
  run(guest, first, 0, 40 * SECOND);
  assert(isNear(seen(0), 20, 0.1), "and whoever comes back has it again");
}

export function limits_do_not_hold_a_disk_for_one_that_waits_for_the_host(): void {
  const guest = makeGuest(0);
  const first = disk(guest, 0);
  const second = disk(guest, 1);
  limits.set(guest, SET_BLOCK_OPERATIONS, 10);
  setLater(true);
  // All of its requests are at the host now.
  flood(guest, first, 0, T_OUT, 512);
  while (pendingCount() < 5) assert(next(guest, 10 * SECOND));
  flood(guest, second, 1, T_OUT, 512);
  const end = clock() + SECOND;
  while (next(guest, end)) continue;
  assert(pendingCount() == 10);
  while (pendingCount() > 0) {
    const t = pendingTag();
    bus.complete(guest, tag.slotOf(t), tag.requestOf(t), finish());
  }
  assert(collect(guest, 0, false) == 5 && collect(guest, 1, false) == 5);
  assert(bus.busy(guest) == 0);
}

export function limits_stand_still_while_a_guest_is_paused(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  guest.state = GUEST_RUNNING;
  limits.set(guest, SET_BLOCK_BYTES, 64 * KIB);
  flood(guest, blk, 0, T_OUT, 64 * KIB);
  run(guest, blk, 0, 10 * SECOND);
  const left = bus.deadlineNs(guest) - clock();
  guest.state = GUEST_PAUSED;
  setClock(1000 * SECOND);
  serve(guest);
  while (refill(guest, blk, 0, 0) > 0) continue;
  const before = seen(0);
  limits.set(guest, SET_BLOCK_BYTES, 64 * KIB);
  guest.timeOffset = 990 * SECOND;
  guest.state = GUEST_RUNNING;
  serve(guest);
  assert(Math.abs(bus.deadlineNs(guest) - clock() - left) < 10);
  run(guest, blk, 0, 1010 * SECOND);
  assert(seen(0) - before == 10);
}

export function limits_that_were_set_before_the_start_hold_from_the_start(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  setClock(5000 * SECOND);
  limits.set(guest, SET_BLOCK_BYTES, 64 * KIB);
  guest.timeOffset = 5000 * SECOND;
  flood(guest, blk, 0, T_OUT, 64 * KIB);
  run(guest, blk, 0, 5010 * SECOND);
  assert(seen(0) >= 10 && seen(0) <= 12);
}

export function limits_refuse_what_is_no_limit(): void {
  const guest = makeGuest(0);
  const kinds = memory.data<u32>([
    SET_BLOCK_BYTES, SET_BLOCK_OPERATIONS, SET_NET_BYTES, SET_NET_FRAMES, SET_CONSOLE_BYTES, SET_BLOCK_BURST_BYTES,
    SET_BLOCK_BURST_OPERATIONS, SET_NET_BURST_BYTES, SET_NET_BURST_FRAMES, SET_CONSOLE_BURST_BYTES,
  ]);
  for (let i: u32 = 0; i < 10; i++) {
    const what = load<u32>(kinds + 4 * i);
    assert(limits.set(guest, what, NaN) == E_BAD_ARG);
    assert(limits.set(guest, what, -1) == E_BAD_ARG);
    assert(limits.set(guest, what, -1e-300) == E_BAD_ARG);
    assert(limits.set(guest, what, Infinity) == E_BAD_ARG);
    assert(limits.set(guest, what, -Infinity) == E_BAD_ARG);
    assert(limits.set(guest, what, 0) == OK);
    assert(limits.set(guest, what, 1e15) == OK);
  }
  assert(limits.set(guest, SET_WEIGHT, 1) == E_BAD_ARG);
  assert(limits.set(guest, 13, 1) == E_BAD_ARG);
  assert(limits.set(guest, 0xffff_ffff, 1) == E_BAD_ARG);
}

export function a_guest_without_limits_is_never_held(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  flood(guest, blk, 0, T_OUT, 64 * KIB);
  for (let i = 0; i < 1000; i++) assert(refill(guest, blk, 0, 0) == 5);
  assert(bus.deadlineNs(guest) == Infinity);
}

export function traffic_counts_what_disks_have_done(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  const traffic = trafficOf(guest);
  request(guest, 0, 0, T_IN, 4096);
  request(guest, 0, 1, T_OUT, 512);
  request(guest, 0, 2, T_FLUSH, 0);
  request(guest, 0, 3, T_OUT, 513); // refused
  for (let i: u32 = 0; i < 4; i++) offer(guest, 0, 3 * i);
  notify(guest, blk, 0);
  assert(traffic.reads == 1 && traffic.readBytes == 4096);
  assert(traffic.writes == 1 && traffic.writtenBytes == 512);
  assert(traffic.flushes == 1);
}

export function traffic_counts_the_time_that_a_limit_held_something_back(): void {
  const guest = makeGuest(0);
  const blk = disk(guest, 0);
  limits.set(guest, SET_BLOCK_OPERATIONS, 1);
  setClock(7 * SECOND);
  for (let i: u32 = 0; i < 4; i++) {
    request(guest, 0, i, T_OUT, 512);
    offer(guest, 0, 3 * i);
  }
  notify(guest, blk, 0);
  while (next(guest, 100 * SECOND)) continue;
  assert(collect(guest, 0, false) == 4);
  assert(isNear(trafficOf(guest).throttledNs, 2 * SECOND, 1e-6), "two went at once, one after 1 s, one after 2 s");
}
