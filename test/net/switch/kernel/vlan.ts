// VLANs: tags on trunks, none elsewhere, and nobody hears another VLAN.

import { NETPORT_MALFORMED, NETPORT_UPLINK, NIC_TRUNK, NIC_TRUSTED } from "../../../../hypervisor/abi";
import { sentByte, sentCount, sentLength } from "../../../support/kernel/outside";
import {
  BROADCAST, FRAME, NOWHERE, OTHER, PLAIN, bridge, come, counted, got, gotByte, gotLength, isFrame, macOf, send, station, stationOf,
  write,
} from "./station";

const UPLINK: u32 = 2;

/** Makes the frame in FRAME a tagged one. */
function tag(vlan: u32, length: u32): u32 {
  memory.copy(FRAME + 16, FRAME + 12, length - 12);
  store<u8>(FRAME + 12, 0x81);
  store<u8>(FRAME + 13, 0);
  store<u8>(FRAME + 14, <u8>(vlan >> 8));
  store<u8>(FRAME + 15, <u8>vlan);
  return length + 4;
}

export function guests_in_one_vlan_hear_each_other_without_tags(): void {
  bridge(0, NOWHERE);
  const a = stationOf(0, 0, 0, 7, 0, PLAIN, 8);
  const b = stationOf(1, 0, 0, 7, 0, PLAIN, 8);
  const c = stationOf(2, 0, 0, 8, 0, PLAIN, 8);
  const d = station(3, 0);
  send(a, write(macOf(1), macOf(0), OTHER, 300, 1));
  assert(isFrame(b, 0, 300));
  send(a, write(macOf(2), macOf(0), OTHER, 300, 1));
  send(a, write(macOf(3), macOf(0), OTHER, 300, 1));
  send(a, write(BROADCAST, macOf(0), OTHER, 300, 1));
  assert(got(b) == 2 && got(c) == 0 && got(d) == 0);
}

export function the_uplink_of_a_bridge_is_a_trunk(): void {
  bridge(0, UPLINK);
  const a = stationOf(0, 0, 0, 0x123, 0, PLAIN, 8);
  const b = station(1, 0);
  let length = write(macOf(99), macOf(0), OTHER, 300, 1);
  send(a, length);
  length = tag(0x123, length);
  assert(sentCount(UPLINK) == 1 && sentLength(UPLINK, 0) == length);
  for (let i: u32 = 0; i < length; i++) assert(sentByte(UPLINK, 0, i) == <u32>load<u8>(FRAME + i));
  come(UPLINK, tag(0x123, write(BROADCAST, macOf(99), OTHER, 300, 2)));
  write(BROADCAST, macOf(99), OTHER, 300, 2);
  assert(isFrame(a, 0, 300) && got(b) == 0);
  come(UPLINK, write(BROADCAST, macOf(99), OTHER, 300, 2));
  assert(got(a) == 1 && got(b) == 1);
}

export function a_tag_from_a_port_that_is_no_trunk_is_not_let_in(): void {
  bridge(0, UPLINK);
  const a = station(0, 0);
  const b = stationOf(1, 0, 0, 5, 0, PLAIN, 8);
  const c = stationOf(2, 0, 0, 6, 0, PLAIN, 8);
  send(a, tag(5, write(macOf(1), macOf(0), OTHER, 300, 1)));
  send(a, tag(5, write(BROADCAST, macOf(0), OTHER, 300, 1)));
  send(c, tag(5, write(macOf(1), macOf(2), OTHER, 300, 1)));
  send(c, tag(6, tag(5, write(macOf(1), macOf(2), OTHER, 300, 1))));
  assert(got(b) == 0 && sentCount(UPLINK) == 0);
  assert(counted(0, 0, NETPORT_MALFORMED) == 2 && counted(0, 2, NETPORT_MALFORMED) == 2);
}

export function a_tag_that_is_only_a_priority_is_taken_off(): void {
  bridge(0, NOWHERE);
  const a = station(0, 0);
  const b = station(1, 0);
  send(a, tag(0xe000, write(macOf(1), macOf(0), OTHER, 300, 1)));
  const length = write(macOf(1), macOf(0), OTHER, 300, 1);
  assert(isFrame(b, 0, length));
}

export function a_trunk_to_a_guest_has_all_vlans_with_their_tags(): void {
  bridge(0, NOWHERE);
  const router = stationOf(0, 0, NIC_TRUSTED, NIC_TRUNK, 0, PLAIN, 8);
  const a = stationOf(1, 0, 0, 5, 0, PLAIN, 8);
  const b = stationOf(2, 0, 0, 6, 0, PLAIN, 8);
  const c = station(3, 0);
  send(a, write(BROADCAST, macOf(1), OTHER, 60, 1));
  assert(got(router) == 1 && gotLength(router, 0) == 64);
  assert(gotByte(router, 0, 12) == 0x81 && gotByte(router, 0, 15) == 5);
  send(c, write(BROADCAST, macOf(3), OTHER, 60, 1));
  assert(gotLength(router, 1) == 60);
  send(router, tag(6, write(macOf(2), macOf(0), OTHER, 60, 9)));
  write(macOf(2), macOf(0), OTHER, 60, 9);
  assert(isFrame(b, 0, 60) && got(a) == 0 && got(c) == 0);
  send(router, write(macOf(3), macOf(0), OTHER, 60, 9));
  assert(isFrame(c, 0, 60));
  // In each VLAN its address is known for itself.
  send(b, write(macOf(0), macOf(2), OTHER, 60, 9));
  assert(got(router) == 3 && gotByte(router, 2, 15) == 6);
}

export function two_tags_lead_nowhere(): void {
  bridge(0, UPLINK);
  const a = stationOf(0, 0, 0, 5, 0, PLAIN, 8);
  come(UPLINK, tag(5, tag(6, write(macOf(0), macOf(9), OTHER, 60, 1))));
  assert(got(a) == 0 && counted(0, NETPORT_UPLINK, NETPORT_MALFORMED) == 1);
}

export function a_providers_tag_leads_nowhere(): void {
  bridge(0, NOWHERE);
  const a = stationOf(0, 0, 0, NIC_TRUNK, 0, PLAIN, 8);
  const b = station(1, 0);
  send(a, write(macOf(1), macOf(0), 0x88a8, 60, 1));
  send(a, write(macOf(1), macOf(0), 0x9100, 60, 1));
  assert(got(b) == 0 && counted(0, 0, NETPORT_MALFORMED) == 2);
}

export function a_trunk_gets_what_is_for_it_before_it_has_said_anything(): void {
  bridge(0, NOWHERE);
  const a = stationOf(0, 0, 0, 7, 0, PLAIN, 8);
  const b = stationOf(1, 0, 0, NIC_TRUNK, 0, PLAIN, 8);
  const c = stationOf(2, 0, 0, 7, 0, PLAIN, 8);
  send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  assert(got(b) == 1 && gotLength(b, 0) == 64 && got(c) == 0);
}
