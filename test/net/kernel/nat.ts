// NAT as the tests of test/net/nat call it: networks, ports of guests, and frames that lie at desk.frame().

import "../../support/kernel/abort";
import { NETWORK_NAT, NO_UPLINK } from "../../../hypervisor/abi";
import * as checksum from "../../../hypervisor/net/checksum";
import * as desk from "../../../hypervisor/net/desk";
import { guestAt } from "../../../hypervisor/guest/guest";
import * as forwards from "../../../hypervisor/net/nat/forwards";
import * as nat from "../../../hypervisor/net/nat/nat";
import { accountAt } from "../../../hypervisor/net/nat/account";
import { head as tableHead } from "../../../hypervisor/net/nat/table";
import { mappingAt } from "../../../hypervisor/net/nat/mappings";
import { networkAt } from "../../../hypervisor/net/network";
import { parse } from "../../../hypervisor/net/packet";
import { nicPort, openNic } from "../../../hypervisor/net/port";
import * as neighbours from "../../../hypervisor/net/services/neighbours";

const NO_PACKET: i32 = -1;

/** A NAT network whose uplink is up. */
export function define(id: u32, ip4: u32, prefix4: u32, outIp4: u32, outPrefix4: u32, outDns4: u32): void {
  desk.sit(0);
  const network = networkAt(id);
  network.exists = 1;
  network.id = id;
  network.mode = NETWORK_NAT;
  network.uplink = id;
  network.link = 1;
  network.mtu = 1500;
  network.mac = 0x0200_0000_00fe;
  network.outMac = 0x0200_0000_00ff;
  network.ip4 = ip4;
  network.prefix4 = prefix4;
  network.outIp4 = outIp4;
  network.outPrefix4 = outPrefix4;
  network.outDns4 = outDns4;
}

export function define6(id: u32, high: u64, low: u64, outHigh: u64, outLow: u64, dnsHigh: u64, dnsLow: u64): void {
  const network = networkAt(id);
  network.ip6High = high;
  network.ip6Low = low;
  network.outIp6High = outHigh;
  network.outIp6Low = outLow;
  network.outDns6High = dnsHigh;
  network.outDns6Low = dnsLow;
}

export function setFlags(id: u32, flags: u32): void {
  networkAt(id).flags = flags;
}

export function setLink(id: u32, isUp: bool): void {
  networkAt(id).link = isUp ? 1 : 0;
}

export function setOutside(id: u32, outIp4: u32): void {
  networkAt(id).outIp4 = outIp4;
}

export function cutUplink(id: u32): void {
  networkAt(id).uplink = NO_UPLINK;
}

/** A guest's network device with these addresses; `low` 0: none of IPv6. */
export function plug(id: u32, guest: u32, nic: u32, mac: u64, ip4: u32, high: u64, low: u64): void {
  guestAt(guest).id = guest;
  const port = openNic(guest, nic, id, nic);
  port.mac = mac;
  port.ip4 = ip4;
  port.exists = 1;
  neighbours.join(networkAt(id), port, 0, 0);
  if (low != 0) assert(neighbours.mayUse6(networkAt(id), port, high, low));
}

export function unplug(id: u32, guest: u32, nic: u32): void {
  neighbours.leave(networkAt(id), nicPort(guest, nic));
  nicPort(guest, nic).exists = 0;
  nat.forgetPort(networkAt(id), guest, nic);
}

/** Where a frame's head is to be written. */
export function clear(): usize {
  return desk.clear().head;
}

/** What virtio's header says of the frame. */
export function offload(flags: u32, csumStart: u32, csumOffset: u32, gsoType: u32, gsoSize: u32, headerBytes: u32): void {
  const frame = desk.frame();
  frame.flags = flags;
  frame.csumStart = csumStart;
  frame.csumOffset = csumOffset;
  frame.gsoType = gsoType;
  frame.gsoSize = gsoSize;
  frame.headerBytes = headerBytes;
}

/** NAT_* for the frame at hand, of which `headBytes` are at its head and the rest at `body` (0: with its guest); -1: no packet at all. */
export function outward(id: u32, guest: u32, headBytes: u32, bytes: u32, body: usize, now: f64): i32 {
  const frame = desk.frame();
  frame.headBytes = headBytes;
  frame.bytes = bytes;
  frame.body = body;
  frame.sender = changetype<usize>(guestAt(guest));
  if (!parse(frame, desk.packet())) return NO_PACKET;
  return nat.outward(networkAt(id), frame, desk.packet(), now);
}

export function inward(id: u32, headBytes: u32, bytes: u32, body: usize, now: f64): i32 {
  const frame = desk.frame();
  frame.headBytes = headBytes;
  frame.bytes = bytes;
  frame.body = body;
  if (!parse(frame, desk.packet())) return NO_PACKET;
  return nat.inward(networkAt(id), frame, desk.packet(), now);
}

/** A fragment that had to wait stands at desk.frame(); its length, 0: there is none. */
export function released(id: u32, now: f64): u32 {
  return nat.released(networkAt(id), desk.clear(), now) ? desk.frame().bytes : 0;
}

export function replyAt(): usize {
  return desk.reply().head;
}

export function replyBytes(): u32 {
  return desk.reply().bytes;
}

export function publish(id: u32, protocol: u32, port: u32, count: u32, guest: u32, nic: u32, toPort: u32): i32 {
  return forwards.add(networkAt(id), protocol, port, count, guest, nic, toPort);
}

export function retract(id: u32, protocol: u32, port: u32, count: u32): i32 {
  return forwards.remove(networkAt(id), protocol, port, count);
}

export function tick(now: f64): void {
  nat.tick(now);
}

export function forget(id: u32): void {
  nat.forget(networkAt(id));
}

export function connections(id: u32): u32 {
  return networkAt(id).connections;
}

export function tracked(id: u32): u64 {
  return networkAt(id).tracked;
}

export function evicted(id: u32): u64 {
  return networkAt(id).evicted;
}

export function refused(id: u32): u64 {
  return networkAt(id).refused;
}

/** Connections of all networks, places for them that were ever used, and the same of mappings. */
export function count(): u32 {
  return tableHead().count;
}

export function used(): u32 {
  return tableHead().connectionsUsed;
}

export function mappingsUsed(): u32 {
  return tableHead().mappingsUsed;
}

/** Mappings that are no longer used. */
export function mappingsFree(): u32 {
  let free: u32 = 0;
  for (let index = tableHead().mappingsFree; index != 0; index = mappingAt(index).nextInside) free++;
  return free;
}

export function countOf(guest: u32): u32 {
  return accountAt(guest).count;
}

// ── Sums ────────────────────────────────────────────────────────────────────────────────────────────────────────

export function checksumOf(ptr: usize, length: u32): u32 {
  return checksum.finish(checksum.add(0, ptr, length));
}

/** The sum of two pieces, the second of which goes on where the first ends. */
export function checksumOfPieces(first: usize, firstBytes: u32, second: usize, secondBytes: u32): u32 {
  return checksum.finish(checksum.addAt(checksum.add(0, first, firstBytes), second, secondBytes, firstBytes));
}

/** Writes 2, 4 or 8 bytes at `at`, and carries that over to the checksum at `sum`. */
export function replace(at: usize, width: u32, value: u64, sum: usize): void {
  const change = width == 2 ? checksum.instead16(0, at, <u32>value)
    : width == 4 ? checksum.instead32(0, at, <u32>value) : checksum.instead64(0, at, value);
  checksum.amend(sum, change);
}
