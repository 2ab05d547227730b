// Who gets which frame on a bridge, byte for byte.

import {
  NETPORT_IN_BYTES, NETPORT_IN_FRAMES, NETPORT_MALFORMED, NETPORT_OUT_FRAMES, NETPORT_UPLINK, NIC_ISOLATED, NIC_TRUSTED,
} from "../../../../hypervisor/abi";
import { sentByte, sentCount, sentLength } from "../../../support/kernel/outside";
import {
  BROADCAST, FRAME, NOWHERE, OTHER, PLAIN, bridge, come, counted, gone, got, isFrame, macOf, offerBuffer, pass, send, station, stationOf, write,
} from "./station";

const UPLINK: u32 = 3;

export function a_frame_reaches_the_guest_it_is_for_and_nobody_else(): void {
  bridge(0, NOWHERE);
  const a = station(0, 0);
  const b = station(1, 0);
  const c = station(2, 0);
  const length = write(macOf(1), macOf(0), OTHER, 1514, 7);
  send(a, length);
  assert(got(b) == 1 && isFrame(b, 0, length));
  assert(got(a) == 0 && got(c) == 0);
  assert(gone(a) == 1);
  assert(counted(0, 0, NETPORT_IN_FRAMES) == 1 && counted(0, 0, NETPORT_IN_BYTES) == 1514);
  assert(counted(0, 1, NETPORT_OUT_FRAMES) == 1);
}

export function frames_of_every_length_arrive_as_they_were_sent(): void {
  bridge(0, NOWHERE);
  const a = station(0, 0);
  const b = station(1, 0);
  let n: u32 = 0;
  for (let length: u32 = 14; length <= 1514 && n < 16; length += 97) {
    write(macOf(1), macOf(0), OTHER, length, n);
    send(a, length);
    assert(isFrame(b, n, length));
    n++;
  }
}

export function a_broadcast_reaches_all_others(): void {
  bridge(0, UPLINK);
  const a = station(0, 0);
  const b = station(1, 0);
  const c = station(2, 0);
  const length = write(BROADCAST, macOf(1), OTHER, 60, 1);
  send(b, length);
  assert(isFrame(a, 0, length) && isFrame(c, 0, length));
  assert(got(b) == 0);
  assert(sentCount(UPLINK) == 1 && sentLength(UPLINK, 0) == 60);
  for (let i: u32 = 0; i < 60; i++) assert(sentByte(UPLINK, 0, i) == <u32>load<u8>(FRAME + i));
}

export function networks_do_not_know_each_other(): void {
  bridge(0, NOWHERE);
  bridge(1, UPLINK);
  const a = station(0, 0);
  const b = station(1, 1);
  send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  send(a, write(BROADCAST, macOf(0), OTHER, 60, 1));
  assert(got(b) == 0 && sentCount(UPLINK) == 0);
  assert(gone(a) == 2);
}

export function what_nobody_has_goes_to_the_uplink_alone(): void {
  bridge(0, UPLINK);
  const a = station(0, 0);
  const b = station(1, 0);
  send(a, write(macOf(99), macOf(0), OTHER, 60, 1));
  assert(sentCount(UPLINK) == 1);
  assert(got(b) == 0);
}

export function frames_from_the_uplink_reach_the_guest_they_are_for(): void {
  bridge(0, UPLINK);
  const a = station(0, 0);
  const b = station(1, 0);
  come(UPLINK, write(macOf(1), macOf(77), OTHER, 1000, 5));
  assert(isFrame(b, 0, 1000) && got(a) == 0);
  assert(sentCount(UPLINK) == 0, "nothing goes back");
  // What has been learned: an answer goes there, and frames for it from there do not come back.
  send(b, write(macOf(77), macOf(1), OTHER, 60, 1));
  assert(sentCount(UPLINK) == 1);
  come(UPLINK, write(macOf(77), macOf(78), OTHER, 60, 1));
  assert(sentCount(UPLINK) == 1 && got(a) == 0);
  assert(counted(0, NETPORT_UPLINK, NETPORT_IN_FRAMES) == 2);
}

export function an_uplink_can_not_take_the_address_of_a_guest(): void {
  bridge(0, UPLINK);
  const a = station(0, 0);
  const b = station(1, 0);
  come(UPLINK, write(macOf(0), macOf(1), OTHER, 60, 5));
  send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  assert(got(b) == 1 && sentCount(UPLINK) == 0);
}

export function isolated_ports_reach_the_uplink_and_no_other_guest(): void {
  bridge(0, UPLINK);
  const a = stationOf(0, 0, NIC_ISOLATED, 0, 0, PLAIN, 8);
  const b = station(1, 0);
  const c = stationOf(2, 0, NIC_ISOLATED, 0, 0, PLAIN, 8);
  send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  send(a, write(macOf(2), macOf(0), OTHER, 60, 1));
  send(b, write(macOf(0), macOf(1), OTHER, 60, 1));
  assert(got(a) == 0 && got(b) == 0 && got(c) == 0);
  send(a, write(BROADCAST, macOf(0), OTHER, 60, 1));
  assert(sentCount(UPLINK) == 1 && got(b) == 0 && got(c) == 0);
  come(UPLINK, write(BROADCAST, macOf(50), OTHER, 60, 1));
  assert(got(a) == 1 && got(b) == 1 && got(c) == 1);
}

export function addresses_behind_a_trusted_guest_are_learned(): void {
  bridge(0, NOWHERE);
  const router = stationOf(0, 0, NIC_TRUSTED, 0, 0, PLAIN, 8);
  const a = station(1, 0);
  const b = station(2, 0);
  send(router, write(macOf(1), macOf(500), OTHER, 60, 1));
  assert(got(a) == 1);
  send(a, write(macOf(500), macOf(1), OTHER, 60, 1));
  assert(got(router) == 1 && got(b) == 0);
}

export function frames_for_the_next_bridge_alone_go_nowhere(): void {
  bridge(0, UPLINK);
  const a = station(0, 0);
  const b = station(1, 0);
  send(a, write(0x0180_c200_0000, macOf(0), OTHER, 60, 1));
  send(a, write(0x0180_c200_000e, macOf(0), OTHER, 60, 1));
  assert(got(b) == 0 && sentCount(UPLINK) == 0);
  assert(counted(0, 0, NETPORT_MALFORMED) == 2);
}

export function who_sends_to_itself_means_the_wire(): void {
  bridge(0, UPLINK);
  const a = station(0, 0);
  const b = station(1, 0);
  send(a, write(macOf(0), macOf(0), OTHER, 60, 1));
  assert(sentCount(UPLINK) == 1 && got(a) == 0 && got(b) == 0);
  // As a loopback brings it back.
  come(UPLINK, 60);
  assert(isFrame(a, 0, 60));
}

export function a_trusted_guest_that_teaches_thousands_of_addresses_drives_out_none_of_others(): void {
  bridge(0, UPLINK);
  pass(0);
  const a = station(0, 0);
  const greedy = stationOf(1, 0, NIC_TRUSTED, 0, 0, PLAIN, 16);
  for (let i: u32 = 0; i < 100; i++) {
    come(UPLINK, write(macOf(0), macOf(1000 + i), OTHER, 60, i));
    offerBuffer(a, i % 16);
  }
  for (let i: u32 = 0; i < 3000; i++) {
    if (i % 8 == 0) pass(1000);
    send(greedy, write(macOf(99), macOf(5000 + i), OTHER, 60, i));
  }
  const before = sentCount(UPLINK);
  for (let i: u32 = 0; i < 100; i++) send(a, write(macOf(1000 + i), macOf(0), OTHER, 60, i));
  assert(sentCount(UPLINK) == before + 100 && got(greedy) == 0, "nobody has to be looked for");
}
