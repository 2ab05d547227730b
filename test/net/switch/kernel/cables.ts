// Ports of guests that are elsewhere: what comes and goes by a cable is treated as what a guest of the machine sends and gets.

import {
  E_BAD_ARG, E_BAD_ID, E_BAD_STATE, E_BUSY, MAX_GUESTS, MAX_UPLINKS, NETPORT_IN_FRAMES, NETPORT_MALFORMED, NETPORT_OUT_FRAMES, NETPORT_OVERRUN,
  NETPORT_SPOOFED, NIC_ISOLATED, NIC_OFFLOAD, NIC_TRUNK, NO_UPLINK, OK,
} from "../../../../hypervisor/abi";
import * as captures from "../../../../hypervisor/vmm/captures";
import * as networks from "../../../../hypervisor/vmm/networks";
import * as ports from "../../../../hypervisor/vmm/ports";
import { sentByte, sentCount, sentLength, setFull } from "../../../support/kernel/outside";
import {
  BROADCAST, FRAME, NOWHERE, OFFLOADS, OTHER, bridge, come, counted, gone, got, isFrame, look, macOf, nicSpec, pass, pump, send,
  station, stationOf, withHeader, write,
} from "./station";

const UPLINK: u32 = 2;
const CABLE: u32 = 20;
const OTHER_CABLE: u32 = 31;
const CAPTURE: u32 = 9;
const HEADER: u32 = 12;

/** Guest n, elsewhere, is plugged into network 0. */
function plug(n: u32, uplink: u32, flags: u32, vlan: u32): void {
  nicSpec(0, macOf(n), flags, vlan, 0);
  assert(ports.plug(n, 0, uplink) == OK, "the cable is refused");
}

export function frames_pass_between_a_guest_here_and_one_elsewhere(): void {
  bridge(0, NOWHERE);
  const a = station(0, 0);
  const b = station(1, 0);
  plug(2, CABLE, 0, 0);
  let length = write(macOf(2), macOf(0), OTHER, 1514, 7);
  send(a, length);
  assert(sentCount(CABLE) == 1 && sentLength(CABLE, 0) == length && got(b) == 0);
  for (let i: u32 = 0; i < length; i++) assert(sentByte(CABLE, 0, i) == <u32>load<u8>(FRAME + i));
  length = write(macOf(0), macOf(2), OTHER, 900, 3);
  come(CABLE, length);
  assert(isFrame(a, 0, length) && got(b) == 0);
  assert(counted(0, 2, NETPORT_IN_FRAMES) == 1 && counted(0, 2, NETPORT_OUT_FRAMES) == 1);
}

export function two_guests_elsewhere_reach_each_other(): void {
  bridge(0, UPLINK);
  plug(0, CABLE, 0, 0);
  plug(1, OTHER_CABLE, 0, 0);
  come(CABLE, write(macOf(1), macOf(0), OTHER, 60, 1));
  assert(sentCount(OTHER_CABLE) == 1 && sentCount(UPLINK) == 0 && sentCount(CABLE) == 0);
  come(OTHER_CABLE, write(BROADCAST, macOf(1), OTHER, 60, 1));
  assert(sentCount(CABLE) == 1 && sentCount(UPLINK) == 1 && sentCount(OTHER_CABLE) == 1);
}

export function a_guest_elsewhere_is_who_it_is(): void {
  bridge(0, NOWHERE);
  const a = station(0, 0);
  plug(1, CABLE, 0, 0);
  come(CABLE, write(macOf(0), macOf(9), OTHER, 60, 1));
  come(CABLE, write(macOf(0), macOf(0), OTHER, 60, 1));
  assert(got(a) == 0 && counted(0, 1, NETPORT_SPOOFED) == 2);
  come(CABLE, write(macOf(0), macOf(1), OTHER, 60, 1));
  assert(got(a) == 1);
}

export function its_vlan_and_its_isolation_hold(): void {
  bridge(0, NOWHERE);
  const a = stationOf(0, 0, 0, 7, 0, OFFLOADS, 8);
  plug(1, CABLE, 0, 7);
  plug(2, OTHER_CABLE, NIC_ISOLATED, 7);
  come(CABLE, write(macOf(0), macOf(1), OTHER, 60, 1));
  assert(got(a) == 1);
  come(OTHER_CABLE, write(macOf(0), macOf(2), OTHER, 60, 1));
  send(a, write(macOf(2), macOf(0), OTHER, 60, 1));
  assert(got(a) == 1 && sentCount(OTHER_CABLE) == 0);
  assert(ports.plug(2, 0, NO_UPLINK) == OK);
  plug(2, OTHER_CABLE, 0, NIC_TRUNK);
  send(a, write(BROADCAST, macOf(0), OTHER, 60, 1));
  assert(sentLength(CABLE, 0) == 60 && sentLength(OTHER_CABLE, 0) == 64, "a trunk gets the tag");
}

export function a_large_frame_leaves_whole_or_in_pieces(): void {
  bridge(0, NOWHERE);
  const a = stationOf(0, 0, 0, 0, 0, OFFLOADS, 8);
  plug(1, CABLE, 0, 0);
  plug(2, OTHER_CABLE, NIC_OFFLOAD, 0);
  // IPv4 and TCP: headers of 54 bytes, 3000 bytes of data in pieces of 1000.
  for (let n: u32 = 1; n <= 2; n++) {
    write(macOf(n), macOf(0), 0x0800, 3054, 0);
    memory.fill(FRAME + 14, 0, 40);
    store<u8>(FRAME + 14, 0x45);
    store<u16>(FRAME + 16, bswap<u16>(3040));
    store<u8>(FRAME + 22, 64);
    store<u8>(FRAME + 23, 6);
    store<u32>(FRAME + 26, bswap<u32>(0x0a00_0001));
    store<u32>(FRAME + 30, bswap<u32>(0x0a00_0002));
    store<u8>(FRAME + 46, 0x50);
    withHeader(1, 1, 54, 1000, 34, 16);
    send(a, 3054);
  }
  withHeader(0, 0, 0, 0, 0, 0);
  assert(sentCount(CABLE) == 3);
  for (let i: u32 = 0; i < 3; i++) assert(sentLength(CABLE, i) == 1054);
  assert(sentCount(OTHER_CABLE) == 1 && sentLength(OTHER_CABLE, 0) == HEADER + 3054);
  assert(sentByte(OTHER_CABLE, 0, 1) == 1 && sentByte(OTHER_CABLE, 0, HEADER) == 0x02);
}

/** A frame comes by CABLE behind a header that leaves a sum undone. */
function comeUnsummed(start: u32, offset: u32): void {
  const length = write(macOf(0), macOf(1), OTHER, 60, 1);
  memory.copy(FRAME + HEADER, FRAME, length);
  memory.fill(FRAME, 0, HEADER);
  store<u8>(FRAME, 1);
  store<u16>(FRAME + 6, start);
  store<u16>(FRAME + 8, offset);
  come(CABLE, HEADER + length);
}

export function regression_a_sum_outside_its_frame_is_not_made_for_who_captures(): void {
  bridge(0, NOWHERE);
  const a = station(0, 0);
  plug(1, CABLE, NIC_OFFLOAD, 0);
  assert(captures.capture(1, 0, CAPTURE) == OK);
  comeUnsummed(0xffff, 0xffff);
  comeUnsummed(61, 0);
  comeUnsummed(0, 0xffff);
  comeUnsummed(40, 19);
  assert(got(a) == 0 && sentCount(CAPTURE) == 0 && counted(0, 1, NETPORT_MALFORMED) == 4);
}

export function who_sends_waits_for_a_cable_that_is_full_and_then_no_longer(): void {
  bridge(0, NOWHERE);
  pass(0);
  const a = station(0, 0);
  const b = station(1, 0);
  plug(2, CABLE, 0, 0);
  plug(3, OTHER_CABLE, 0, 0);
  setFull(true);
  send(a, write(macOf(2), macOf(0), OTHER, 60, 1));
  assert(gone(a) == 0, "it stays in its ring");
  come(OTHER_CABLE, write(macOf(2), macOf(3), OTHER, 60, 2));
  assert(sentCount(CABLE) == 0);
  setFull(false);
  look(CABLE);
  pump(a);
  assert(gone(a) == 1);
  pass(2e6);
  assert(sentCount(CABLE) == 2);
  setFull(true);
  send(a, write(macOf(2), macOf(0), OTHER, 60, 1));
  send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  let tries = 0;
  while (got(b) == 0 && tries++ < 400) {
    pass(1e6);
    pump(a);
  }
  assert(tries > 20 && tries < 400, "for a while, and not for ever");
  assert(counted(0, 0, NETPORT_OVERRUN) == 1);
}

export function a_cable_that_is_down_carries_nothing(): void {
  bridge(0, UPLINK);
  const a = station(0, 0);
  plug(1, CABLE, 0, 0);
  assert(networks.link(CABLE, false) == OK);
  send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  come(CABLE, write(macOf(0), macOf(1), OTHER, 60, 1));
  assert(sentCount(CABLE) == 0 && got(a) == 0 && gone(a) == 1);
  assert(networks.link(CABLE, true) == OK);
  assert(networks.link(UPLINK, false) == OK, "which is not the cable's");
  send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  assert(networks.link(UPLINK, true) == OK);
  send(a, write(macOf(1), macOf(0), OTHER, 60, 1));
  assert(sentCount(CABLE) >= 1);
}

export function a_cable_is_plugged_once_and_only_where_nobody_is(): void {
  bridge(0, UPLINK);
  station(0, 0);
  nicSpec(0, macOf(5), 0, 0, 0);
  assert(ports.plug(0, 1, CABLE) == E_BAD_STATE, "the guest is here");
  assert(ports.plug(MAX_GUESTS, 0, CABLE) == E_BAD_ID && ports.plug(1, 4, CABLE) == E_BAD_ID);
  assert(ports.plug(1, 0, MAX_UPLINKS) == E_BAD_ARG);
  assert(ports.plug(1, 0, UPLINK) == E_BUSY, "the network's");
  assert(ports.plug(1, 0, NO_UPLINK) == E_BAD_ID, "there is none");
  nicSpec(0, macOf(0), 0, 0, 0);
  assert(ports.plug(1, 0, CABLE) == E_BAD_ARG, "the address is taken");
  nicSpec(1, macOf(5), 0, 0, 0);
  assert(ports.plug(1, 0, CABLE) == E_BAD_ARG, "no such network");
  nicSpec(0, macOf(5), 16, 0, 0);
  assert(ports.plug(1, 0, CABLE) == E_BAD_ARG, "no such flag");
  plug(1, CABLE, 0, 0);
  nicSpec(0, macOf(6), 0, 0, 0);
  assert(ports.plug(1, 0, OTHER_CABLE) == E_BUSY);
  assert(ports.plug(1, 1, CABLE) == E_BUSY);
  assert(captures.capture(1, 0, CAPTURE) == OK);
  come(CABLE, write(macOf(0), macOf(5), OTHER, 60, 1));
  assert(networks.remove(0) == E_BUSY);
  assert(ports.plug(1, 0, NO_UPLINK) == OK);
  come(CABLE, write(macOf(0), macOf(1), OTHER, 60, 1));
  nicSpec(0, macOf(1), 0, 0, 0);
  assert(ports.plug(2, 0, CABLE) == OK, "cable and address are free again");
  assert(captures.capture(2, 0, CAPTURE) == OK, "and the capture's uplink");
}
