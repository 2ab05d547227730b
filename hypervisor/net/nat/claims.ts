// What a packet says: is it fit to be translated, and whose conversation does it belong to?

import { Frame, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_NONE } from "../../devices/frame";
import * as checksum from "../checksum";
import {
  PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP, Packet, isGroup, load16, load32, load48,
} from "../packet";
import { isHost4, isRoutable6, load64 } from "../services/address";
import { sumOffset } from "./rewrite";
import { Tuple } from "./tuple";

const TCP_BYTES: u32 = 20;
const TCP_FLAGS: usize = 13;
const UDP_BYTES: u32 = 8;
const ICMP_BYTES: u32 = 8;
const IP6_BYTES: u32 = 40;
const IP6_FRAGMENT_BYTES: u32 = 8;
const HEADER_ROUTING: u32 = 43;
const HEADER_FRAGMENT: u32 = 44;
/** Extension headers looked through; packet.parse refuses more. */
const EXTENSIONS: u32 = 8;

/** RFC 792 and RFC 4443. */
const ECHO_REPLY: u32 = 0;
const ECHO_REQUEST: u32 = 8;
const ECHO_REQUEST6: u32 = 128;
const ECHO_REPLY6: u32 = 129;

/** Addresses that hosts have but routers do not pass on: 169.254/16 (RFC 3927, 7). */
const LINK4: u32 = 0xa9fe;

/** What it is, of a protocol that can be translated: with ports, an echo, or ICMP's message that something went wrong. */
export const NOTHING: u32 = 0;
export const PORTED: u32 = 1;
export const REQUEST: u32 = 2;
export const ANSWER: u32 = 3;
export const FAILURE: u32 = 4;

/** Is it a packet that routers pass on, for one host, with headers that hold together? Later fragments as well. */
export function isSound(frame: Frame, packet: Packet): bool {
  if (isGroup(load48(frame.head)) || isGroup(load48(frame.head + 6))) return false;
  const ip = frame.head + packet.network;
  if (packet.version == 4) {
    if (checksum.finish(checksum.add(0, ip, packet.transport - packet.network)) != 0) return false;
    if (!isRouted4(load32(ip + 12)) || !isRouted4(load32(ip + 16))) return false;
  } else {
    if (!isRoutable6(load64(ip + 8), load64(ip + 16)) || !isRoutable6(load64(ip + 24), load64(ip + 32))) return false;
    if (packet.transport > packet.network + IP6_BYTES && isSourceRouted(frame, packet)) return false;
  }
  // A fragment that goes on inside of TCP's header wants to change what has been looked at (RFC 1858).
  if (packet.protocol == PROTOCOL_TCP && packet.fragmentOffset != 0 && packet.fragmentOffset < TCP_BYTES) return false;
  if (frame.gsoType != VIRTIO_NET_HDR_GSO_NONE && packet.protocol != PROTOCOL_TCP) return false;
  if ((frame.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0) return true;
  return packet.isFragment == 0 && isSumSound(frame, packet);
}

function isRouted4(ip4: u32): bool {
  return isHost4(ip4) && ip4 >> 16 != LINK4;
}

/** A sum that is still to be made goes where the packet's own is, or behind its header: never over what is translated. */
function isSumSound(frame: Frame, packet: Packet): bool {
  if (frame.csumStart == packet.transport) return frame.csumOffset == sumOffset(packet.protocol);
  return frame.csumStart >= packet.transport + headerBytes(packet.protocol);
}

/** A routing header names other addresses than the one that is translated (RFC 8200, 4.4). */
function isSourceRouted(frame: Frame, packet: Packet): bool {
  let next: u32 = load<u8>(frame.head + packet.network + 6);
  let here = packet.network + IP6_BYTES;
  for (let left = EXTENSIONS; left > 0 && here < packet.transport; left--) {
    if (next == HEADER_ROUTING) return true;
    const header = frame.head + here;
    here += next == HEADER_FRAGMENT ? IP6_FRAGMENT_BYTES : (<u32>load<u8>(header + 1) + 1) << 3;
    next = load<u8>(header);
  }
  return next == HEADER_ROUTING;
}

/** Bytes that the header of a protocol has at least. */
export function headerBytes(protocol: u32): u32 {
  return protocol == PROTOCOL_TCP ? TCP_BYTES : protocol == PROTOCOL_UDP ? UDP_BYTES : ICMP_BYTES;
}

/** Reads the addresses of the IP header at `ip`. */
export function readEnds(ip: usize, version: u32, said: Tuple): void {
  if (version == 4) {
    said.fromHigh = 0;
    said.fromLow = load32(ip + 12);
    said.toHigh = 0;
    said.toLow = load32(ip + 16);
  } else {
    said.fromHigh = load64(ip + 8);
    said.fromLow = load64(ip + 16);
    said.toHigh = load64(ip + 24);
    said.toLow = load64(ip + 32);
  }
}

/** Reads the ports or the identifier of the header at `at`, of which 8 bytes are there; what it is. */
export function readPorts(at: usize, protocol: u32, version: u32, said: Tuple): u32 {
  if (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP) {
    said.ports = load32(at);
    return (said.ports & 0xffff) == 0 || said.ports >> 16 == 0 ? NOTHING : PORTED;
  }
  if (protocol != (version == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6)) return NOTHING;
  const type: u32 = load<u8>(at);
  const id = load16(at + 4);
  const isRequest = type == (version == 4 ? ECHO_REQUEST : ECHO_REQUEST6);
  said.ports = isRequest ? id << 16 : id;
  if (isRequest) return REQUEST;
  if (type == (version == 4 ? ECHO_REPLY : ECHO_REPLY6)) return ANSWER;
  return isFailure(type, version) ? FAILURE : NOTHING;
}

/** Unreachable, too big, time exceeded, bad parameter. Redirects and source quench are not for others than neighbours. */
function isFailure(type: u32, version: u32): bool {
  return version == 4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;
}

/** Reads the ends of a whole packet or a first fragment, all but `kind`; what it is. */
export function read(frame: Frame, packet: Packet, said: Tuple): u32 {
  const protocol = packet.protocol;
  if (packet.transport + headerBytes(protocol) > min(frame.headBytes, packet.end)) return NOTHING;
  readEnds(frame.head + packet.network, packet.version, said);
  return readPorts(frame.head + packet.transport, protocol, packet.version, said);
}

/** The flags of a TCP packet's header, which is in the head; 0 of others. */
export function flagsOf(frame: Frame, packet: Packet): u32 {
  return packet.protocol == PROTOCOL_TCP ? <u32>load<u8>(frame.head + packet.transport + TCP_FLAGS) : 0;
}

/** Is it of a protocol that can be translated? */
export function isKnown(packet: Packet): bool {
  const protocol = packet.protocol;
  return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == (packet.version == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6);
}
