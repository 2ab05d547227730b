// ICMP and ICMPv6: echoes of the gateway, and its "unreachable".

import { Frame, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_NONE } from "../../devices/frame";
import * as checksum from "../checksum";
import * as desk from "../desk";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP, Packet, load48, store48 } from "../packet";
import { isGroup6, load64 } from "./address";
import * as reply from "./reply";

const ECHO_REPLY: u32 = 0;
const ECHO_REQUEST: u32 = 8;
const ECHO_REQUEST6: u32 = 128;
const ECHO_REPLY6: u32 = 129;
const UNREACHABLE: u32 = 3;
const UNREACHABLE6: u32 = 1;

/** Codes of UNREACHABLE: no route, port closed, not allowed (RFC 792, RFC 1812; RFC 4443, 3.1). */
export const NO_ROUTE: u32 = 0;
export const NO_PORT_THERE: u32 = 3;
export const NOT_ALLOWED: u32 = 13;
export const NO_ROUTE6: u32 = 0;
export const NO_PORT_THERE6: u32 = 4;
export const NOT_ALLOWED6: u32 = 1;

const HOPS: u32 = 64;
/** An echo's head is copied to the desk; as much of a packet is quoted in an error. */
const ECHO_MOST: u32 = 2048;
const QUOTE_MOST: u32 = 512;
const ERROR_HEADER: u32 = 8;

/** Is the packet, which is for the gateway, an echo request or a later piece of an ICMP packet? */
export function isEcho(frame: Frame, packet: Packet): bool {
  const is4 = packet.version == 4;
  if (packet.protocol != (is4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6)) return false;
  if (packet.fragmentOffset != 0) return true;
  if (packet.transport + 8 > min(frame.headBytes, packet.end)) return false;
  return <u32>load<u8>(frame.head + packet.transport) == (is4 ? ECHO_REQUEST : ECHO_REQUEST6);
}

/**
 * Writes the answer to an echo request: the same frame with its ends exchanged. Of a request in pieces each piece is sent back
 * alone, so nothing is put together. A large one's body stays where it is. False: this one is not to be answered.
 */
export function echo(frame: Frame, packet: Packet): bool {
  if ((frame.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 || frame.gsoType != VIRTIO_NET_HDR_GSO_NONE) return false;
  const answer = desk.clearReply();
  const bytes = min(frame.headBytes, ECHO_MOST);
  // The body must begin where the head ends: a head that is too long can only be split if it is the whole frame.
  if (bytes < frame.headBytes && frame.headBytes < frame.bytes) return false;
  memory.copy(answer.head, frame.head, bytes);
  answer.headBytes = bytes;
  answer.bytes = frame.bytes;
  if (bytes < frame.headBytes) {
    answer.body = frame.head + bytes;
  } else {
    answer.body = frame.body;
    answer.sender = frame.sender;
    answer.nic = frame.nic;
  }
  const ip = answer.head + packet.network;
  store48(answer.head, load48(frame.head + 6));
  store48(answer.head + 6, load48(frame.head));
  if (packet.version == 4) {
    swap32(ip + 12, ip + 16);
    store<u8>(ip + 8, <u8>HOPS);
    checksum.seal4(ip);
  } else {
    swap64(ip + 8, ip + 24);
    swap64(ip + 16, ip + 32);
    store<u8>(ip + 7, <u8>HOPS);
  }
  if (packet.fragmentOffset != 0) return true;
  const message = answer.head + packet.transport;
  const type = packet.version == 4 ? ECHO_REPLY : ECHO_REPLY6;
  const change = checksum.instead16(0, message, type << 8 | <u32>load<u8>(message + 1));
  checksum.amend(message + 2, change);
  return true;
}

function swap32(a: usize, b: usize): void {
  const was = load<u32>(a);
  store<u32>(a, load<u32>(b));
  store<u32>(b, was);
}

function swap64(a: usize, b: usize): void {
  const was = load<u64>(a);
  store<u64>(a, load<u64>(b));
  store<u64>(b, was);
}

/** May this packet be answered by an error at all? Only first pieces of TCP and UDP, and echo requests, are. */
function mayFail(frame: Frame, packet: Packet): bool {
  if (packet.fragmentOffset != 0) return false;
  return packet.protocol == PROTOCOL_TCP || packet.protocol == PROTOCOL_UDP || isEcho(frame, packet);
}

/** Writes "unreachable" with that code as an answer from `from`; false: this packet is not answered. */
export function unreachable4(frame: Frame, packet: Packet, code: u32, fromMac: u64, from: u32): bool {
  if (!mayFail(frame, packet)) return false;
  const message = reply.open(load48(frame.head + 6), fromMac, ETHERTYPE_IPV4) + reply.BODY4;
  const to = load<u32>(frame.head + packet.network + 12);
  const quoted = quote(message, frame, packet);
  store<u32>(message, UNREACHABLE | code << 8);
  store<u32>(message + 4, 0);
  reply.closeIcmp4(from, bswap<u32>(to), ERROR_HEADER + quoted);
  return true;
}

/** The same for IPv6. */
export function unreachable6(frame: Frame, packet: Packet, code: u32, fromMac: u64, high: u64, low: u64): bool {
  const source = frame.head + packet.network + 8;
  const toHigh = load64(source);
  if (!mayFail(frame, packet) || isGroup6(toHigh) || (toHigh | load64(source + 8)) == 0) return false;
  const message = reply.open(load48(frame.head + 6), fromMac, ETHERTYPE_IPV6) + reply.BODY6;
  const quoted = quote(message, frame, packet);
  store<u32>(message, UNREACHABLE6 | code << 8);
  store<u32>(message + 4, 0);
  reply.closeIcmp6(HOPS, high, low, toHigh, load64(source + 8), ERROR_HEADER + quoted);
  return true;
}

function quote(message: usize, frame: Frame, packet: Packet): u32 {
  const bytes = min(min(packet.end, frame.headBytes) - packet.network, QUOTE_MOST);
  memory.copy(message + ERROR_HEADER, frame.head + packet.network, bytes);
  return bytes;
}
