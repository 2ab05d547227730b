// The gateway's services for a test: a network, its ports, and frames that the test puts into memory. No test stands here.

import "../../support/kernel/abort";

import { NETWORK_NAT } from "../../../hypervisor/abi";
import { Frame } from "../../../hypervisor/devices/frame";
import * as desk from "../../../hypervisor/net/desk";
import { FORWARDS, FORWARDS_SIZE, MACS, MACS_SIZE } from "../../../hypervisor/net/layout";
import { Network, domainOf, networkAt } from "../../../hypervisor/net/network";
import * as packets from "../../../hypervisor/net/packet";
import { Port, openNic, portAt } from "../../../hypervisor/net/port";
import { mapped } from "../../../hypervisor/net/services/address";
import * as gateway from "../../../hypervisor/net/services/gateway";
import * as neighbours from "../../../hypervisor/net/services/neighbours";
import * as outside from "../../../hypervisor/net/services/outside";
import * as peers from "../../../hypervisor/net/services/peers";
import { INSIDE, UPLINK } from "../../../hypervisor/net/services/places";

/** Where the test writes frames, names and IPv6 addresses: behind all of the kernel's tables, with guards on both sides. */
const SCRATCH: usize = 0x0f00_0000;

export function scratch(): usize {
  return SCRATCH;
}

function network(): Network {
  return networkAt(0);
}

/** A network behind NAT: 10.9.0.1/24 and fd00:9::1, domain of `domainBytes` bytes at the scratch. */
export function define(first: u32, last: u32, flags: u32, domainBytes: u32): void {
  const it = network();
  memory.fill(changetype<usize>(it), 0, 0x1000);
  it.exists = 1;
  it.mode = NETWORK_NAT;
  it.link = 1;
  it.mtu = 1500;
  it.flags = flags;
  it.mac = 0x0200_0000_0901;
  it.outMac = 0x0200_0000_0902;
  it.ip4 = 0x0a09_0001;
  it.prefix4 = 24;
  it.leaseFirst = first;
  it.leaseLast = last;
  it.ip6High = 0xfd00_0009_0000_0000;
  it.ip6Low = 1;
  memory.copy(domainOf(it), SCRATCH, domainBytes);
}

export function setOut4(ip4: u32, prefix: u32, next: u32, server: u32): void {
  network().outIp4 = ip4;
  network().outPrefix4 = prefix;
  network().outGateway4 = next;
  network().outDns4 = server;
}

/** Address ::2, next hop ::1, name server ::3 of a /64. */
export function setOut6(high: u64): void {
  network().outIp6High = high;
  network().outIp6Low = 2;
  network().outPrefix6 = 64;
  network().outGateway6High = high;
  network().outGateway6Low = 1;
  network().outDns6High = high;
  network().outDns6Low = 3;
}

export function setLearns(learns4: u32, learns6: u32): void {
  network().outLearns4 = learns4;
  network().outLearns6 = learns6;
}

export function setMode(mode: u32): void {
  network().mode = mode;
}

export function setUplink(uplink: u32): void {
  network().uplink = uplink;
}

export function start(now: f64): void {
  gateway.start(network(), now);
  outside.start(network(), now);
}

export function link(isUp: u32, now: f64): void {
  network().link = isUp;
  outside.link(network(), isUp != 0, now);
}

function port(number: u32): Port {
  return portAt(number);
}

/** The port of a guest's first device, whose name is at the scratch. */
export function join(guest: u32, mac: u64, ip4: u32, nameBytes: u32): u32 {
  const it = openNic(guest, 0, 0, 0);
  it.mac = mac;
  it.ip4 = ip4;
  it.exists = 1;
  neighbours.join(network(), it, SCRATCH, nameBytes);
  return it.number;
}

export function leave(number: u32): void {
  neighbours.leave(network(), port(number));
}

export function mayUse4(number: u32, ip4: u32): bool {
  return neighbours.mayUse4(network(), port(number), ip4);
}

export function mayUse6(number: u32, high: u64, low: u64): bool {
  return neighbours.mayUse6(network(), port(number), high, low);
}

export function ip4Of(number: u32): u32 {
  return neighbours.ip4Of(port(number));
}

export function publicLow(number: u32): u64 {
  return neighbours.publicLow(network(), neighbours.recordOf(port(number)));
}

/** The frame at the scratch, of which `headBytes` have been copied, becomes the one at hand; false: it can't be parsed. */
function take(bytes: u32, headBytes: u32, flags: u32): bool {
  const frame: Frame = desk.clear();
  memory.copy(frame.head, SCRATCH, headBytes);
  frame.headBytes = headBytes;
  frame.bytes = bytes;
  frame.body = headBytes < bytes ? SCRATCH + headBytes : 0;
  frame.flags = flags;
  return packets.parse(frame, desk.packet());
}

const UNPARSED: u32 = 99;

export function fromInside(number: u32, bytes: u32, headBytes: u32, flags: u32, now: f64): u32 {
  if (!take(bytes, headBytes, flags)) return UNPARSED;
  return gateway.fromInside(network(), port(number), desk.frame(), desk.packet(), now);
}

export function fromUplink(bytes: u32, headBytes: u32, flags: u32, now: f64): u32 {
  if (!take(bytes, headBytes, flags)) return UNPARSED;
  return outside.fromUplink(network(), desk.frame(), desk.packet(), now);
}

export function addressInside(bytes: u32, now: f64): u32 {
  return take(bytes, bytes, 0) ? gateway.address(network(), desk.frame(), desk.packet(), now) : UNPARSED;
}

export function addressOutside(bytes: u32, now: f64): u32 {
  return take(bytes, bytes, 0) ? outside.address(network(), desk.frame(), desk.packet(), now) : UNPARSED;
}

export function tickInside(now: f64): bool {
  return gateway.tick(network(), now);
}

export function tickOutside(now: f64): bool {
  return outside.tick(network(), now);
}

export function dueInside(): f64 {
  return gateway.dueAt(network());
}

export function dueOutside(): f64 {
  return outside.dueAt(network());
}

export function frameAt(): usize {
  return desk.frame().head;
}

/** The answer, put together behind the scratch; its length. */
export function replyBytes(): u32 {
  const answer = desk.reply();
  memory.copy(SCRATCH + 0x20000, answer.head, answer.headBytes);
  if (answer.headBytes < answer.bytes) {
    memory.copy(SCRATCH + 0x20000 + answer.headBytes, answer.body, answer.bytes - answer.headBytes);
  }
  return answer.bytes;
}

export function replyAt(): usize {
  return SCRATCH + 0x20000;
}

export function outIp4(): u32 {
  return network().outIp4;
}

export function outPrefix4(): u32 {
  return network().outPrefix4;
}

export function outGateway4(): u32 {
  return network().outGateway4;
}

export function outDns4(): u32 {
  return network().outDns4;
}

export function outIp6High(): u64 {
  return network().outIp6High;
}

export function outIp6Low(): u64 {
  return network().outIp6Low;
}

export function outGateway6Low(): u64 {
  return network().outGateway6Low;
}

export function outDns6Low(): u64 {
  return network().outDns6Low;
}

/** Is the MAC of that IPv4 address known on that side? */
export function knows(isUplink: u32, ip4: u32, now: f64): bool {
  return peers.macOf(network(), isUplink != 0 ? UPLINK : INSIDE, 0, mapped(ip4), now) != 0;
}

/** Tables that no service writes: those in front of the services', and those behind them. */
export function fenceAt(which: u32): usize {
  return which == 0 ? MACS : FORWARDS;
}

export function fenceEnd(which: u32): usize {
  return which == 0 ? MACS + MACS_SIZE : FORWARDS + FORWARDS_SIZE;
}
