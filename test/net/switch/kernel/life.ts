// Networks and ports that come and go, links that are up or down, captures.

import {
  E_BAD_ARG, E_BAD_ID, E_BAD_STATE, E_BUSY, GUEST_PAUSED, GUEST_RUNNING, MAX_NETWORKS, MAX_UPLINKS, NETPORT_LINK, NETWORK_FLAGS, NETWORK_MODE, NETWORK_MTU,
  NETWORK_SIZE, NETWORK_UPLINK, NIC_TRUNK, NIC_UNPLUGGED, NO_UPLINK, OK,
} from "../../../../hypervisor/abi";
import { WINDOW } from "../../../../hypervisor/core/layout";
import * as bus from "../../../../hypervisor/devices/bus";
import { Guest } from "../../../../hypervisor/guest/guest";
import * as captures from "../../../../hypervisor/vmm/captures";
import * as networks from "../../../../hypervisor/vmm/networks";
import * as ports from "../../../../hypervisor/vmm/ports";
import { sentByte, sentCount, sentLength, setFull } from "../../../support/kernel/outside";
import {
  BROADCAST, FRAME, NOWHERE, OTHER, PLAIN, bridge, come, counted, gone, got, isFrame, macOf, nicOf, nicSpec, send, station, stationOf,
  write,
} from "./station";

const UPLINK: u32 = 2;
const CAPTURE: u32 = 9;

function spec(mode: u32, uplink: u32, flags: u32, mtu: u32): void {
  memory.fill(WINDOW, 0, NETWORK_SIZE);
  store<u32>(WINDOW, mode, NETWORK_MODE);
  store<u32>(WINDOW, uplink, NETWORK_UPLINK);
  store<u32>(WINDOW, flags, NETWORK_FLAGS);
  store<u32>(WINDOW, mtu, NETWORK_MTU);
}

export function a_network_is_made_once_and_only_as_it_can_be(): void {
  spec(0, NO_UPLINK, 0, 1500);
  assert(networks.define(MAX_NETWORKS) == E_BAD_ID);
  assert(networks.define(0) == OK);
  assert(networks.define(0) == E_BAD_STATE);
  spec(0, 4, 0, 1500);
  assert(networks.define(1) == OK);
  assert(networks.define(2) == E_BUSY, "the uplink is another's");
  spec(0, MAX_UPLINKS, 0, 1500);
  assert(networks.define(2) == E_BAD_ARG);
  spec(2, 5, 0, 1500);
  assert(networks.define(2) == E_BAD_ARG);
  spec(0, 5, 64, 1500);
  assert(networks.define(2) == E_BAD_ARG);
  spec(0, 5, 0, 575);
  assert(networks.define(2) == E_BAD_ARG);
  spec(0, 5, 0, 65522);
  assert(networks.define(2) == E_BAD_ARG);
  assert(networks.remove(2) == E_BAD_ID && networks.report(2, WINDOW) == E_BAD_ID);
  assert(networks.remove(1) == OK);
  spec(0, 4, 0, 1500);
  assert(networks.define(2) == OK, "a removed network's uplink is free");
}

export function devices_need_a_network_and_an_address_of_their_own(): void {
  bridge(0, NOWHERE);
  bridge(1, NOWHERE);
  station(0, 0);
  nicSpec(0, macOf(1), 0, 0, 0);
  assert(ports.accepts(WINDOW));
  nicSpec(2, macOf(1), 0, 0, 0);
  assert(!ports.accepts(WINDOW), "no such network");
  nicSpec(0, macOf(0), 0, 0, 0);
  assert(!ports.accepts(WINDOW), "the address is taken");
  nicSpec(1, macOf(0), 0, 0, 0);
  assert(ports.accepts(WINDOW), "elsewhere it is not");
  nicSpec(0, macOf(1) | 1 << 40, 0, 0, 0);
  assert(!ports.accepts(WINDOW), "a group's address");
  nicSpec(0, macOf(1), 8, 0, 0);
  assert(!ports.accepts(WINDOW));
  nicSpec(0, macOf(1), 0, 4095, 0);
  assert(!ports.accepts(WINDOW));
  nicSpec(0, macOf(1), 0, NIC_TRUNK, 0);
  assert(ports.accepts(WINDOW));
}

export function a_network_with_guests_stays(): void {
  bridge(0, NOWHERE);
  const a = station(0, 0);
  const b = station(1, 0);
  assert(networks.remove(0) == E_BUSY);
  ports.detach(a);
  send(b, write(macOf(0), macOf(1), OTHER, 60, 1));
  assert(got(a) == 0);
  assert(networks.remove(0) == E_BUSY);
  ports.detach(b);
  assert(networks.remove(0) == OK);
}

function linkOf(guest: Guest): u64 {
  return bus.read(guest, nicOf(guest), 0x106, 2) & 1;
}

export function guests_on_a_bridge_see_whether_its_uplink_is_there(): void {
  bridge(0, UPLINK);
  bridge(1, NOWHERE);
  const a = station(0, 0);
  const b = stationOf(1, 0, NIC_UNPLUGGED, 0, 0, PLAIN, 8);
  const c = station(2, 1);
  assert(linkOf(a) == 1 && linkOf(b) == 0 && linkOf(c) == 1);
  assert(networks.link(UPLINK, false) == OK);
  assert(linkOf(a) == 0 && linkOf(b) == 0 && linkOf(c) == 1);
  send(a, write(macOf(9), macOf(0), OTHER, 60, 1));
  assert(sentCount(UPLINK) == 0 && gone(a) == 1);
  const late = station(3, 0);
  assert(linkOf(late) == 0, "also who comes later");
  assert(networks.link(UPLINK, true) == OK);
  assert(linkOf(a) == 1 && linkOf(b) == 0 && linkOf(late) == 1);
  send(a, write(macOf(9), macOf(0), OTHER, 60, 1));
  assert(sentCount(UPLINK) == 1);
  assert(networks.link(7, true) == E_BAD_STATE && networks.link(MAX_UPLINKS, true) == E_BAD_ARG);
}

export function who_is_unplugged_or_does_not_run_gets_nothing_and_holds_up_nobody(): void {
  bridge(0, NOWHERE);
  const a = station(0, 0);
  const b = stationOf(1, 0, NIC_UNPLUGGED, 0, 0, PLAIN, 8);
  const c = station(2, 0);
  c.state = GUEST_PAUSED;
  send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  send(a, write(macOf(2), macOf(0), OTHER, 60, 1));
  assert(got(b) == 0 && got(c) == 0 && gone(a) == 2);
  send(b, write(macOf(0), macOf(1), OTHER, 60, 1));
  assert(got(a) == 0, "an unplugged cable carries nothing out either");
  c.state = GUEST_RUNNING;
  send(a, write(macOf(2), macOf(0), OTHER, 60, 1));
  assert(got(c) == 1);
}

export function a_capture_shows_what_passes_a_port_in_both_directions(): void {
  bridge(0, UPLINK);
  const a = station(0, 0);
  const b = station(1, 0);
  const c = station(2, 0);
  assert(captures.capture(0, 0, UPLINK) == E_BUSY);
  assert(captures.capture(5, 0, CAPTURE) == E_BAD_ID && captures.capture(0, 1, CAPTURE) == E_BAD_ARG);
  assert(captures.capture(0, 0, CAPTURE) == OK);
  assert(captures.capture(0, 0, 8) == E_BUSY && captures.capture(1, 0, CAPTURE) == E_BUSY);
  let length = write(macOf(1), macOf(0), OTHER, 1514, 1);
  send(a, length);
  assert(isFrame(b, 0, length) && sentCount(CAPTURE) == 1 && sentLength(CAPTURE, 0) == length);
  for (let i: u32 = 0; i < length; i++) assert(sentByte(CAPTURE, 0, i) == <u32>load<u8>(FRAME + i));
  length = write(macOf(0), macOf(1), OTHER, 700, 2);
  send(b, length);
  assert(isFrame(a, 0, length) && sentCount(CAPTURE) == 2 && sentLength(CAPTURE, 1) == length);
  for (let i: u32 = 0; i < length; i++) assert(sentByte(CAPTURE, 1, i) == <u32>load<u8>(FRAME + i));
  send(b, write(macOf(2), macOf(1), OTHER, 700, 2));
  assert(got(c) == 1 && sentCount(CAPTURE) == 2, "what does not pass the port is not seen");
  come(UPLINK, write(BROADCAST, macOf(9), OTHER, 60, 2));
  assert(sentCount(CAPTURE) == 3);
  setFull(true);
  send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  assert(got(b) == 3, "a capture that nobody reads holds up nothing");
  setFull(false);
  assert(captures.capture(0, 0, NO_UPLINK) == OK);
  send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  assert(sentCount(CAPTURE) == 3);
  assert(captures.capture(1, 0, CAPTURE) == OK, "its uplink is free again");
}

export function a_report_tells_of_each_port(): void {
  bridge(0, UPLINK);
  station(0, 0);
  stationOf(1, 0, NIC_UNPLUGGED, 0, 0, PLAIN, 0);
  assert((counted(0, 0, NETPORT_LINK) & 0xffff_ffff) == 1);
  assert((counted(0, 1, NETPORT_LINK) & 0xffff_ffff) == 0);
}
