// Writing other ends into a packet, so that every sum that was right stays right, and every wrong one wrong.

import { Frame, VIRTIO_NET_HDR_F_NEEDS_CSUM } from "../../devices/frame";
import * as checksum from "../checksum";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP, Packet } from "../packet";
import { Tuple, fromPort, toPort } from "./tuple";

/** Where sums are behind the beginning of a header. */
const UDP_SUM: u32 = 6;
const TCP_SUM: u32 = 16;
const ICMP_SUM: u32 = 2;
const ICMP_ID: u32 = 4;

const IP4_TTL: usize = 8;
const IP4_SUM: usize = 10;
const IP4_FROM: usize = 12;
const IP4_TO: usize = 16;
const IP6_HOPS: usize = 7;
const IP6_FROM: usize = 8;
const IP6_TO: usize = 24;

/** Where a protocol's sum is in its header. */
export function sumOffset(protocol: u32): u32 {
  return protocol == PROTOCOL_UDP ? UDP_SUM : protocol == PROTOCOL_TCP ? TCP_SUM : ICMP_SUM;
}

/** Writes the ends of `now` into the IP header at `ip`, without its own sum; what this does to a sum over it. */
export function readdress(ip: usize, version: u32, now: Tuple): u64 {
  if (version == 4) {
    return checksum.instead32(checksum.instead32(0, ip + IP4_FROM, <u32>now.fromLow), ip + IP4_TO, <u32>now.toLow);
  }
  let change = checksum.instead64(0, ip + IP6_FROM, now.fromHigh);
  change = checksum.instead64(change, ip + IP6_FROM + 8, now.fromLow);
  change = checksum.instead64(change, ip + IP6_TO, now.toHigh);
  return checksum.instead64(change, ip + IP6_TO + 8, now.toLow);
}

/** Writes the ports or the identifier of `now` into the header at `at`; what this does to a sum over it. */
export function report(at: usize, protocol: u32, now: Tuple): u64 {
  // One of an echo's two ports is its identifier, the other 0.
  if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6) {
    return checksum.instead16(0, at + ICMP_ID, fromPort(now) | toPort(now));
  }
  return checksum.instead32(0, at, now.ports);
}

/** Carries over to an IPv4 header's sum that addresses have changed by that, and that it has made a hop. IPv6 has no sum. */
export function hop(ip: usize, version: u32, change: u64): void {
  if (version == 4) {
    const ttl: u32 = load<u8>(ip + IP4_TTL);
    const protocol: u32 = load<u8>(ip + IP4_TTL + 1);
    checksum.amend(ip + IP4_SUM, checksum.instead16(change, ip + IP4_TTL, (ttl - 1) << 8 | protocol));
  } else {
    store<u8>(ip + IP6_HOPS, <u8>(load<u8>(ip + IP6_HOPS) - 1));
  }
}

/** The packet says the ends of `now`, and has made a hop. Its transport header is in the head, unless it is a later fragment. */
export function rewrite(frame: Frame, packet: Packet, now: Tuple): void {
  const ip = frame.head + packet.network;
  const ends = readdress(ip, packet.version, now);
  hop(ip, packet.version, ends);
  if (packet.fragmentOffset != 0) return;
  const transport = frame.head + packet.transport;
  const sum = transport + sumOffset(packet.protocol);
  const ports = report(transport, packet.protocol, now);
  const covered = packet.protocol == PROTOCOL_ICMP ? 0 : ends;
  if (isPartial(frame, packet)) checksum.amendPart(sum, covered);
  else if (packet.protocol == PROTOCOL_UDP) checksum.amendUdp(sum, covered + ports);
  else checksum.amend(sum, covered + ports);
}

/** Is the packet's own sum still to be made? */
export function isPartial(frame: Frame, packet: Packet): bool {
  return (frame.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 && frame.csumStart == packet.transport;
}
