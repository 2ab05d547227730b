// Frames that have to wait: for room, for a lock; and those for which nobody waits any more.

import { NETPORT_OVERRUN } from "../../../../hypervisor/abi";
import * as lock from "../../../../hypervisor/core/lock";
import { lockOf } from "../../../../hypervisor/guest/guest";
import * as wire from "../../../../hypervisor/vmm/wire";
import { sentCount, setFull } from "../../../support/kernel/outside";
import {
  BROADCAST, NOWHERE, OTHER, PLAIN, bridge, come, counted, gone, got, gotByte, isFrame, look, macOf, offerBuffer, pass, pump, send,
  station, stationOf, write,
} from "./station";

const UPLINK: u32 = 2;
const MS: f64 = 1e6;

export function a_frame_waits_for_room_and_comes_when_there_is_some(): void {
  bridge(0, NOWHERE);
  pass(0);
  const a = station(0, 0);
  const b = stationOf(1, 0, 0, 0, 0, PLAIN, 0);
  const length = write(macOf(1), macOf(0), OTHER, 600, 1);
  const again = send(a, length);
  assert(got(b) == 0 && gone(a) == 0, "it stays in its ring");
  assert(again < Infinity);
  assert(wire.isWanted(a) && wire.isWanted(b));
  offerBuffer(b, 0);
  wire.pump(b);
  assert(got(b) == 1 && isFrame(b, 0, length), "who has room fetches it");
  assert(gone(a) == 1 && !wire.isWanted(a) && !wire.isWanted(b));
}

export function frames_keep_their_order_over_waiting(): void {
  bridge(0, NOWHERE);
  pass(0);
  const a = station(0, 0);
  const b = stationOf(1, 0, 0, 0, 0, PLAIN, 2);
  for (let i: u32 = 0; i < 6; i++) send(a, write(macOf(1), macOf(0), OTHER, 60, i));
  assert(got(b) == 2 && gone(a) == 2);
  for (let i: u32 = 2; i < 6; i++) offerBuffer(b, i);
  pass(MS);
  pump(a);
  assert(got(b) == 6 && gone(a) == 6);
  for (let i: u32 = 0; i < 6; i++) assert(gotByte(b, i, 14) == i + 14);
}

export function a_port_without_patience_holds_up_nobody(): void {
  bridge(0, NOWHERE);
  pass(0);
  const a = station(0, 0);
  const dead = stationOf(1, 0, 0, 0, 0, PLAIN, 0);
  const c = station(2, 0);
  send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  send(a, write(macOf(2), macOf(0), OTHER, 60, 1));
  assert(got(c) == 0, "what comes behind waits");
  let tries = 0;
  while (got(c) == 0 && tries++ < 400) {
    pass(MS);
    pump(a);
  }
  assert(tries > 20 && tries < 400, "for a while, and not for ever");
  assert(got(c) == 1 && got(dead) == 0 && counted(0, 0, NETPORT_OVERRUN) == 1);
  // Then its frames are dropped at once.
  for (let i = 0; i < 5; i++) send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  send(a, write(macOf(2), macOf(0), OTHER, 60, 1));
  assert(got(c) == 2 && counted(0, 0, NETPORT_OVERRUN) == 6);
}

export function a_busy_port_gets_all_in_its_time(): void {
  bridge(0, NOWHERE);
  pass(0);
  const a = station(0, 0);
  const busy = stationOf(1, 0, 0, 0, 0, PLAIN, 0);
  for (let i: u32 = 0; i < 3000; i++) {
    send(a, write(macOf(1), macOf(0), OTHER, 60, i));
    pass(0.09 * MS);
    pump(a);
    offerBuffer(busy, i % 32);
    pump(a);
    assert(got(busy) == i + 1);
  }
  assert(counted(0, 0, NETPORT_OVERRUN) == 0);
}

export function a_port_that_takes_a_frame_now_and_then_does_not_slow_down_others(): void {
  bridge(0, UPLINK);
  pass(0);
  const slow = stationOf(1, 0, 0, 0, 0, PLAIN, 1);
  const c = stationOf(2, 0, 0, 0, 0, PLAIN, 16);
  // Until then it has some patience left.
  const patient: u32 = 300;
  const steps: u32 = 6000;
  let came: u32 = 0;
  for (let i: u32 = 0; i < steps; i++) {
    // Every tenth of a millisecond a frame comes for each from outside; one of six is taken by the slow one.
    come(UPLINK, write(macOf(1), macOf(9), OTHER, 60, i));
    come(UPLINK, write(macOf(2), macOf(9), OTHER, 60, i));
    pass(0.1 * MS);
    if (i % 6 == 0) offerBuffer(slow, i / 6 % 16);
    const before = came;
    came = got(c);
    for (let k = before; k < came; k++) offerBuffer(c, k % 16);
    if (i == patient) assert(came < patient, "it has held them up at first");
  }
  assert(got(slow) > steps / 8, "it gets what it has room for");
  assert(came > steps - steps / 8, "and the other nearly all");
}

export function a_broadcast_waits_for_nobody(): void {
  bridge(0, NOWHERE);
  pass(0);
  const a = station(0, 0);
  const full = stationOf(1, 0, 0, 0, 0, PLAIN, 0);
  const c = station(2, 0);
  send(a, write(BROADCAST, macOf(0), OTHER, 60, 1));
  assert(got(full) == 0 && got(c) == 1 && gone(a) == 1);
  assert(counted(0, 0, NETPORT_OVERRUN) == 1);
}

export function a_guest_whose_lock_is_held_gets_its_frame_later(): void {
  bridge(0, NOWHERE);
  pass(0);
  const a = station(0, 0);
  const b = station(1, 0);
  lock.acquire(lockOf(b));
  const length = write(macOf(1), macOf(0), OTHER, 60, 1);
  assert(send(a, length) == 0, "to be tried again at once");
  assert(got(b) == 0 && gone(a) == 0);
  lock.release(lockOf(b));
  pump(a);
  assert(isFrame(b, 0, length) && got(b) == 1);
}

export function a_broadcast_that_met_a_held_lock_comes_to_each_once(): void {
  bridge(0, NOWHERE);
  pass(0);
  const a = station(0, 0);
  const b = station(1, 0);
  const c = station(2, 0);
  const d = station(3, 0);
  lock.acquire(lockOf(c));
  send(a, write(BROADCAST, macOf(0), OTHER, 60, 1));
  assert(got(b) == 1 && got(c) == 0 && got(d) == 0 && gone(a) == 0);
  lock.release(lockOf(c));
  pump(a);
  assert(got(b) == 1 && got(c) == 1 && got(d) == 1 && gone(a) == 1);
}

export function no_lock_is_left_behind(): void {
  bridge(0, UPLINK);
  const a = station(0, 0);
  const b = station(1, 0);
  for (let i: u32 = 0; i < 4; i++) send(a, write(i % 2 == 0 ? BROADCAST : macOf(1), macOf(0), OTHER, 60, 1));
  come(UPLINK, write(macOf(1), macOf(9), OTHER, 60, 1));
  assert(lock.tryAcquire(lockOf(a)) && lock.tryAcquire(lockOf(b)));
}

export function a_full_uplink_holds_frames_and_takes_them_when_it_is_announced(): void {
  bridge(0, UPLINK);
  pass(0);
  const a = station(0, 0);
  setFull(true);
  for (let i: u32 = 0; i < 3; i++) send(a, write(macOf(9), macOf(0), OTHER, 60, i));
  assert(sentCount(UPLINK) == 0 && gone(a) == 0);
  setFull(false);
  look(UPLINK);
  pump(a);
  assert(sentCount(UPLINK) == 3 && gone(a) == 3);
}

export function a_frame_from_an_uplink_waits_for_room(): void {
  bridge(0, UPLINK);
  pass(0);
  const a = station(0, 0);
  const b = stationOf(1, 0, 0, 0, 0, PLAIN, 0);
  come(UPLINK, write(macOf(1), macOf(9), OTHER, 60, 1));
  come(UPLINK, write(macOf(0), macOf(9), OTHER, 60, 2));
  assert(got(b) == 0 && got(a) == 0);
  offerBuffer(b, 0);
  pass(5 * MS);
  look(UPLINK);
  assert(got(b) == 1 && got(a) == 1);
}
