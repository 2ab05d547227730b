// Limits of network ports: bytes and frames, each direction for itself, and nothing lost that the guest has sent.

import { SET_NET_BYTES, SET_NET_BURST_FRAMES, SET_NET_FRAMES } from "../../../hypervisor/abi";
import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_NET, Device } from "../../../hypervisor/devices/device";
import * as limits from "../../../hypervisor/devices/limits";
import { trafficOf } from "../../../hypervisor/devices/traffic";
import * as nic from "../../../hypervisor/devices/virtio/net";
import { GIVE_HELD, Net } from "../../../hypervisor/devices/virtio/net";
import { Guest } from "../../../hypervisor/guest/guest";
import * as cable from "../../support/kernel/cable";
import { BUFFERS, WRITE, add, availEvent, fill, makeGuest, notify, put8 } from "../../support/kernel/driver";
import {
  SECOND, collect, describe, forget, gap, go, next, offer, open, prepare, refill, seen, serve, setClock,
} from "../../support/kernel/flow";
import { arrive, sentByte, sentCount, sentLength, setFull } from "../../support/kernel/outside";

const RX: u32 = 0;
const TX: u32 = 1;
const CHAINS: u32 = 16;

/** A port with number `port`, its queues in the areas 2 x port and 2 x port + 1. */
function netFor(guest: Guest, port: u32): Device {
  const net = add(guest, DEVICE_VIRTIO_NET, port);
  prepare(guest, net);
  open(guest, net, RX, 2 * port + RX);
  open(guest, net, TX, 2 * port + TX);
  go(guest, net);
  return net;
}

/** Keeps 16 frames of this length waiting to be sent; see `refill`. */
function flood(guest: Guest, net: Device, area: u32, length: u32): void {
  for (let i: u32 = 0; i < CHAINS; i++) {
    const gpa = BUFFERS + 2048 * i;
    fill(guest, gpa, 0, 12 + length);
    put8(guest, gpa + 12, i);
    describe(guest, area, i, gpa, 12 + length, 0);
    offer(guest, area, i);
  }
  notify(guest, net, TX);
}

/** Gives the device 16 buffers. */
function listen(guest: Guest, net: Device, area: u32): void {
  for (let i: u32 = 0; i < CHAINS; i++) {
    describe(guest, area, i, BUFFERS + 0x10000 + 2048 * i, 1526, WRITE);
    offer(guest, area, i);
  }
  notify(guest, net, RX);
}

function deliver(port: u32, length: u32): void {
  arrive(port, memory.data(2048), length);
}

/** Sends as much as it may until `end`. */
function run(guest: Guest, net: Device, area: u32, end: f64): void {
  do {
    let rounds = 0;
    while (refill(guest, net, TX, area) > 0) assert(++rounds < 10_000, "nothing holds the port");
  } while (next(guest, end));
}

function isNear(value: f64, wanted: f64, share: f64): bool {
  return Math.abs(value - wanted) <= wanted * share;
}

export function limits_keep_the_bandwidth_of_what_is_sent_for_minutes(): void {
  const guest = makeGuest(0);
  const net = netFor(guest, 0);
  limits.set(guest, SET_NET_BYTES, 151_400);
  flood(guest, net, TX, 1514);
  run(guest, net, TX, SECOND);
  const before = sentCount(0);
  forget(TX);
  run(guest, net, TX, 121 * SECOND);
  assert(isNear(sentCount(0) - before, 12_000, 0.001));
  assert(gap(TX) <= 10_010_000);
  assert(trafficOf(guest).sent == sentCount(0) && trafficOf(guest).sentBytes == <u64>sentCount(0) * 1514);
}

export function limits_keep_the_frames_that_are_sent_for_minutes_in_their_order(): void {
  const guest = makeGuest(0);
  const net = netFor(guest, 0);
  limits.set(guest, SET_NET_FRAMES, 250);
  flood(guest, net, TX, 60);
  run(guest, net, TX, 60 * SECOND);
  assert(isNear(sentCount(0), 60 * 250 + 25, 0.001));
  for (let i: u32 = 0; i < sentCount(0); i++) assert(sentByte(0, i, 0) == i % CHAINS && sentLength(0, i) == 60);
}

export function limits_wake_the_machine_for_many_frames_at_once(): void {
  const guest = makeGuest(0);
  const net = netFor(guest, 0);
  limits.set(guest, SET_NET_FRAMES, 100_000);
  flood(guest, net, TX, 60);
  const end = SECOND / 10;
  let wakes = 0;
  do {
    while (refill(guest, net, TX, TX) > 0) continue;
    wakes++;
  } while (next(guest, end));
  assert(isNear(sentCount(0), 20_000, 0.02), "100 ms and a burst");
  assert(wakes <= 1100);
}

export function limits_keep_the_bandwidth_of_what_comes_for_minutes(): void {
  const guest = makeGuest(0);
  const net = netFor(guest, 0);
  limits.set(guest, SET_NET_BYTES, 100_000);
  listen(guest, net, RX);
  let arrived: u32 = 0;
  do {
    while (arrived < seen(RX) + 40) {
      deliver(0, 1000);
      arrived++;
    }
    serve(guest);
    refill(guest, net, RX, RX);
  } while (next(guest, 120 * SECOND));
  assert(isNear(seen(RX), 12_010, 0.001));
  assert(trafficOf(guest).dropped == 0, "what may not come in yet waits outside");
  assert(trafficOf(guest).received == seen(RX) && trafficOf(guest).receivedBytes == <u64>seen(RX) * 1000);
  assert(trafficOf(guest).throttledNs > 110 * SECOND);
}

export function limits_hold_each_direction_for_itself(): void {
  const guest = makeGuest(0);
  const net = netFor(guest, 0);
  limits.set(guest, SET_NET_FRAMES, 100);
  listen(guest, net, RX);
  flood(guest, net, TX, 60);
  let arrived: u32 = 0;
  do {
    while (arrived < seen(RX) + 20) {
      deliver(0, 60);
      arrived++;
    }
    serve(guest);
    while (refill(guest, net, TX, TX) + refill(guest, net, RX, RX) > 0) continue;
  } while (next(guest, 30 * SECOND));
  assert(isNear(seen(RX), 3010, 0.01));
  assert(isNear(sentCount(0), 3010, 0.01));
}

export function limits_are_those_of_all_ports_together(): void {
  const guest = makeGuest(0);
  const first = netFor(guest, 0);
  const second = netFor(guest, 1);
  limits.set(guest, SET_NET_BYTES, 100_000);
  flood(guest, first, TX, 100);
  flood(guest, second, 2 + TX, 1000);
  // Both floods lie in the same bytes, and the second is longer.
  do {
    while (refill(guest, first, TX, TX) + refill(guest, second, TX, 2 + TX) > 0) continue;
  } while (next(guest, 60 * SECOND));
  assert(isNear(100 * <f64>sentCount(0), 3_000_000, 0.02));
  assert(isNear(1000 * <f64>sentCount(1), 3_000_000, 0.02));
}

export function limits_leave_no_deadline_behind_when_no_frame_comes(): void {
  const guest = makeGuest(0);
  const net = changetype<Net>(netFor(guest, 0));
  limits.set(guest, SET_NET_FRAMES, 10);
  limits.set(guest, SET_NET_BURST_FRAMES, 1);
  listen(guest, net, RX);
  deliver(0, 60);
  deliver(0, 60);
  serve(guest);
  assert(collect(guest, RX, false) == 2);
  assert(bus.deadlineNs(guest) == Infinity);
  const held = cable.frame();
  held.headBytes = held.bytes = 60;
  assert(nic.giveFrame(guest, net, held) == GIVE_HELD);
  assert(bus.deadlineNs(guest) < Infinity, "it will be offered again");
  let rounds = 0;
  while (bus.deadlineNs(guest) < Infinity) {
    assert(next(guest, SECOND) && ++rounds < 100, "or not, and then nobody waits for it");
  }
  assert(trafficOf(guest).throttledNs == 0, "and nothing has waited");
}

export function limits_do_not_count_a_port_whose_host_is_full(): void {
  const guest = makeGuest(0);
  const net = netFor(guest, 0);
  limits.set(guest, SET_NET_FRAMES, 100);
  setFull(true);
  flood(guest, net, TX, 60);
  setClock(10 * SECOND);
  serve(guest);
  assert(trafficOf(guest).throttledNs == 0 && bus.deadlineNs(guest) == Infinity);
  setFull(false);
  serve(guest);
  assert(sentCount(0) == 11, "the burst, and one more");
}

export function limits_keep_the_driver_from_telling_of_frames_that_have_to_wait(): void {
  const guest = makeGuest(0);
  const net = add(guest, DEVICE_VIRTIO_NET, 0);
  prepare(guest, net);
  open(guest, net, RX, RX);
  open(guest, net, TX, TX);
  go(guest, net);
  limits.set(guest, SET_NET_FRAMES, 1);
  for (let i: u32 = 0; i < 4; i++) {
    describe(guest, TX, i, BUFFERS, 72, 0);
    offer(guest, TX, i);
  }
  notify(guest, net, TX);
  assert(sentCount(0) == 2 && availEvent(guest, net, TX) == 0);
  while (next(guest, 10 * SECOND)) continue;
  assert(sentCount(0) == 4 && availEvent(guest, net, TX) == 4, "until none has to");
}
