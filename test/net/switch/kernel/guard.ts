// What a guest may say of itself, and how often it may speak to all.

import { NETPORT_FLOODED, NETPORT_MALFORMED, NETPORT_SPOOFED, NIC_TRUSTED } from "../../../../hypervisor/abi";
import { seed } from "../../../support/kernel/outside";
import { Guest } from "../../../../hypervisor/guest/guest";
import { store48 } from "../../../../hypervisor/net/packet";
import {
  BROADCAST, FRAME, NOWHERE, OTHER, PLAIN, bridge, counted, gone, got, isFrame, macOf, offerBuffer, pass, send, station, stationOf, withHeader,
  write,
} from "./station";
import { usedCount } from "../../../support/kernel/driver";

const IP_A: u32 = 0x0a00_0001;
const IP_B: u32 = 0x0a00_0002;

function put32(at: u32, value: u32): void {
  store<u32>(FRAME + at, bswap<u32>(value));
}

/** An ARP packet from a station that says it is `ip` at `mac`. */
function arp(n: u32, mac: u64, ip: u32): u32 {
  write(BROADCAST, macOf(n), 0x0806, 60, 0);
  memory.fill(FRAME + 14, 0, 46);
  put32(14, 0x0001_0800);
  put32(18, 0x0604_0001);
  store48(FRAME + 22, mac);
  put32(28, ip);
  return 60;
}

/** An IPv4 packet with nothing in it. */
function ip4(to: u32, from: u32, ip: u32): u32 {
  write(macOf(to), macOf(from), 0x0800, 60, 0);
  memory.fill(FRAME + 14, 0, 46);
  put32(14, 0x4500_0014);
  put32(22, 0x40fd_0000);
  put32(26, ip);
  put32(30, IP_B);
  return 60;
}

export function a_foreign_mac_is_not_let_in(): void {
  bridge(0, NOWHERE);
  const a = station(0, 0);
  const b = station(1, 0);
  send(a, write(macOf(1), macOf(9), OTHER, 60, 1));
  send(a, write(macOf(1), BROADCAST, OTHER, 60, 1));
  assert(got(b) == 0 && gone(a) == 2);
  assert(counted(0, 0, NETPORT_SPOOFED) == 1 && counted(0, 0, NETPORT_MALFORMED) == 1);
}

export function a_trusted_guest_may_use_any_mac(): void {
  bridge(0, NOWHERE);
  const a = stationOf(0, 0, NIC_TRUSTED, 0, 0, PLAIN, 8);
  const b = station(1, 0);
  send(a, write(macOf(1), macOf(9), OTHER, 60, 1));
  assert(got(b) == 1 && counted(0, 0, NETPORT_SPOOFED) == 0);
}

export function a_guest_with_a_fixed_address_has_no_other(): void {
  bridge(0, NOWHERE);
  const a = stationOf(0, 0, 0, 0, IP_A, PLAIN, 8);
  const b = station(1, 0);
  send(a, ip4(1, 0, IP_A));
  assert(got(b) == 1);
  send(a, ip4(1, 0, IP_B));
  send(a, arp(0, macOf(0), IP_B));
  assert(got(b) == 1 && counted(0, 0, NETPORT_SPOOFED) == 2);
  send(a, arp(0, macOf(0), IP_A));
  assert(got(b) == 2);
}

export function an_address_belongs_to_who_used_it_first(): void {
  bridge(0, NOWHERE);
  const a = station(0, 0);
  const b = station(1, 0);
  const c = station(2, 0);
  send(a, arp(0, macOf(0), IP_A));
  assert(got(b) == 1 && got(c) == 1);
  send(b, arp(1, macOf(1), IP_A));
  assert(got(a) == 0 && got(c) == 1 && counted(0, 1, NETPORT_SPOOFED) == 1);
}

export function arp_tells_of_no_foreign_mac(): void {
  bridge(0, NOWHERE);
  const a = station(0, 0);
  const b = station(1, 0);
  send(a, arp(0, macOf(5), IP_A));
  assert(got(b) == 0 && counted(0, 0, NETPORT_SPOOFED) == 1);
  // A probe, before there is an address (RFC 5227), passes.
  send(a, arp(0, macOf(0), 0));
  assert(got(b) == 1);
}

export function a_flood_is_cut_off_and_others_speak_on(): void {
  bridge(0, NOWHERE);
  const a = station(0, 0);
  const b = station(1, 0);
  const c = stationOf(2, 0, 0, 0, 0, PLAIN, 16);
  pass(0);
  for (let i = 0; i < 1000; i++) {
    send(a, write(BROADCAST, macOf(0), OTHER, 60, 1));
    if (got(b) > 8 && i < 8) break;
  }
  const passed = 1000 - <u32>counted(0, 0, NETPORT_FLOODED);
  assert(passed == 250);
  const before = got(c);
  for (let i: u32 = 0; i < 8; i++) offerBuffer(c, i);
  send(b, write(BROADCAST, macOf(1), OTHER, 60, 1));
  assert(got(c) == before + 1, "another port's broadcast passes");
  assert(counted(0, 1, NETPORT_FLOODED) == 0);
  // Unicast is no flood.
  const gotBefore = usedCount(c, 0);
  send(a, write(macOf(2), macOf(0), OTHER, 60, 1));
  assert(usedCount(c, 0) == gotBefore + 1);
}

/** xorshift32. */
let state: u32 = 1;
function random(below: u32): u32 {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % below;
}

function scribble(length: u32): void {
  for (let i: u32 = 0; i < length; i++) store<u8>(FRAME + i, <u8>random(256));
  const kinds = memory.data<u16>([0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x0060]);
  if (random(4) != 0 && length >= 14) {
    const kind: u32 = load<u16>(kinds + (<usize>random(6) << 1));
    store<u8>(FRAME + 12, <u8>(kind >> 8));
    store<u8>(FRAME + 13, <u8>kind);
    if (random(2) != 0) store48(FRAME + 6, macOf(0));
    const target = random(5);
    if (target < 3) store48(FRAME, macOf(target));
    if (kind == 0x0800 && random(2) != 0 && length >= 34) {
      store<u8>(FRAME + 14, 0x45);
      store<u16>(FRAME + 16, bswap<u16>(<u16>random(length)));
    }
    if (kind == 0x86dd && random(2) != 0) {
      store<u8>(FRAME + 14, 0x60);
      store<u16>(FRAME + 18, bswap<u16>(<u16>random(length)));
    }
  }
}

/** Frames and virtio headers full of noise from a hostile guest in VLAN 5: its neighbour there may get some, nobody else any. */
export function noise_reaches_only_who_may_get_it_and_breaks_nothing(): void {
  state = seed() | 1;
  bridge(0, NOWHERE);
  const a = stationOf(0, 0, 0, 5, IP_A, PLAIN, 8);
  const b = stationOf(1, 0, 0, 5, 0, PLAIN, 8);
  const c = station(2, 0);
  const d = stationOf(3, 0, 1, 5, 0, PLAIN, 8);
  let n: u32 = 0;
  for (let i: u32 = 0; i < 20000; i++) {
    const length = random(16) == 0 ? random(3000) : random(200);
    scribble(length);
    if (random(2) != 0) withHeader(random(4), random(8), random(200), random(2000), random(200), random(40));
    else withHeader(0, 0, 0, 0, 0, 0);
    send(a, length);
    if (got(b) == n) continue;
    checkSource(b, n);
    offerBuffer(b, n % 8);
    n++;
  }
  assert(got(a) == 0 && got(c) == 0 && got(d) == 0);
  assert(n > 50, "some noise is a good frame");
  withHeader(0, 0, 0, 0, 0, 0);
  const length = write(macOf(1), macOf(0), OTHER, 1000, 3);
  send(a, length);
  assert(isFrame(b, n, length), "the hostile guest's good frames still pass");
}

/** What station b got says that it is from a. */
function checkSource(b: Guest, n: u32): void {
  assert((got(b) & 0xffff) == (n + 1 & 0xffff), "one at a time");
}
