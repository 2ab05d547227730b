// Neighbour discovery (RFC 4861): what makes a message valid, its options, and the messages that we write.

import { Frame } from "../../devices/frame";
import * as desk from "../desk";
import { ETHERTYPE_IPV6, PROTOCOL_ICMPV6, Packet, load48, store48 } from "../packet";
import { ALL_NODES, ALL_ROUTERS, LINK_GROUP_HIGH, groupMac, isGroup6, load64, solicitedOf, storeIp6 } from "./address";
import * as reply from "./reply";

export const ROUTER_SOLICITATION: u32 = 133;
export const ROUTER_ADVERTISEMENT: u32 = 134;
export const NEIGHBOUR_SOLICITATION: u32 = 135;
export const NEIGHBOUR_ADVERTISEMENT: u32 = 136;

/** Options. */
export const SOURCE_MAC: u32 = 1;
export const TARGET_MAC: u32 = 2;
export const PREFIX: u32 = 3;
export const MTU: u32 = 5;
export const SERVERS: u32 = 25;
export const DOMAINS: u32 = 31;

/** Flags of an advertisement: from a router, asked for, newer than what is known. */
const IS_ROUTER: u32 = 0x80;
const IS_SOLICITED: u32 = 0x40;
const OVERRIDES: u32 = 0x20;

/** Where a neighbour message's target is, and where options of it begin. */
const TARGET: u32 = 8;
const NEIGHBOUR_BYTES: u32 = 24;
const SOLICITATION_BYTES: u32 = 8;
const ADVERTISEMENT_BYTES: u32 = 16;
/** Set on what comes from this link only: a router would have made it less. */
const HOPS: u32 = 255;

/** Bytes in front of the options of a message of that type; 0: it is none of neighbour discovery. */
function fixedBytes(type: u32): u32 {
  switch (type) {
    case ROUTER_SOLICITATION: return SOLICITATION_BYTES;
    case ROUTER_ADVERTISEMENT: return ADVERTISEMENT_BYTES;
    case NEIGHBOUR_SOLICITATION:
    case NEIGHBOUR_ADVERTISEMENT: return NEIGHBOUR_BYTES;
    default: return 0;
  }
}

/** Is the packet, an ICMPv6 one that is whole, one of neighbour discovery? It may still be invalid. */
export function isDiscovery(frame: Frame, packet: Packet): bool {
  if (packet.version != 6 || packet.protocol != PROTOCOL_ICMPV6 || packet.isFragment != 0) return false;
  return packet.transport < min(frame.headBytes, packet.end) && fixedBytes(load<u8>(frame.head + packet.transport)) != 0;
}

/** The type of a valid message; 0: to be dropped (RFC 4861, 6.1 and 7.1). The packet is whole. */
export function read(frame: Frame, packet: Packet): u32 {
  const message = frame.head + packet.transport;
  const ip = frame.head + packet.network;
  const type: u32 = load<u8>(message);
  const fixed = fixedBytes(type);
  if (packet.end < packet.transport + fixed || <u32>load<u8>(ip + 7) != HOPS || load<u8>(message + 1) != 0) return 0;
  if (!reply.isSound(frame, packet, packet.end)) return 0;
  if (fixed == NEIGHBOUR_BYTES && isGroup6(load64(message + TARGET))) return 0;
  // Every option has a length, and all of them fit.
  let left = packet.end - packet.transport - fixed;
  let at = message + fixed;
  while (left != 0) {
    const bytes: u32 = left < 2 ? 0 : <u32>load<u8>(at + 1) << 3;
    if (bytes == 0 || bytes > left) return 0;
    left -= bytes;
    at += bytes;
  }
  return type;
}

/** The next option of that type of a valid message, behind `after` (0: the first); 0: none. */
export function option(frame: Frame, packet: Packet, type: u32, after: usize): usize {
  const message = frame.head + packet.transport;
  const end = frame.head + packet.end;
  let at = after != 0 ? after + (<u32>load<u8>(after + 1) << 3) : message + fixedBytes(load<u8>(message));
  while (at < end) {
    if (<u32>load<u8>(at) == type) return at;
    at += <u32>load<u8>(at + 1) << 3;
  }
  return 0;
}

/** The MAC that an option of that type tells; 0: none. */
export function macIn(frame: Frame, packet: Packet, type: u32): u64 {
  const at = option(frame, packet, type, 0);
  return at == 0 ? 0 : load48(at + 2);
}

/** Address of the target of a valid neighbour message, 16 bytes. */
export function target(frame: Frame, packet: Packet): usize {
  return frame.head + packet.transport + TARGET;
}

/** Writes an option with a MAC; the address behind it. */
export function putMac(at: usize, type: u32, mac: u64): usize {
  store<u8>(at, <u8>type);
  store<u8>(at + 1, 1);
  store48(at + 2, mac);
  return at + 8;
}

/**
 * Writes the answer to the valid solicitation at hand, for an address of ours. Who asks without an address of its own is about to
 * take the one it asks for: all are told.
 */
export function advertise(frame: Frame, packet: Packet, mac: u64, isRouter: bool): void {
  const ip = frame.head + packet.network;
  const asked = target(frame, packet);
  let high = load64(ip + 8);
  let low = load64(ip + 16);
  let to = load48(frame.head + 6);
  let flags: u32 = OVERRIDES | (isRouter ? IS_ROUTER : 0);
  if ((high | low) == 0) {
    high = LINK_GROUP_HIGH;
    low = ALL_NODES;
    to = groupMac(ALL_NODES);
  } else {
    flags |= IS_SOLICITED;
  }
  const message = reply.open(to, mac, ETHERTYPE_IPV6) + reply.BODY6;
  store<u32>(message, NEIGHBOUR_ADVERTISEMENT);
  store<u32>(message + 4, flags);
  memory.copy(message + TARGET, asked, 16);
  putMac(message + NEIGHBOUR_BYTES, TARGET_MAC, mac);
  reply.closeIcmp6(HOPS, load64(asked), load64(asked + 8), high, low, NEIGHBOUR_BYTES + 8);
}

/**
 * Writes a question for an address, from `from…` (both 0: nobody yet, to see whether it is taken); to `to`, which had it last,
 * or to its group if that is 0.
 */
export function solicit(high: u64, low: u64, mac: u64, fromHigh: u64, fromLow: u64, to: u64): void {
  const group = solicitedOf(low);
  const message = reply.open(to == 0 ? groupMac(group) : to, mac, ETHERTYPE_IPV6) + reply.BODY6;
  store<u32>(message, NEIGHBOUR_SOLICITATION);
  store<u32>(message + 4, 0);
  storeIp6(message + TARGET, high, low);
  let bytes = NEIGHBOUR_BYTES;
  if ((fromHigh | fromLow) != 0) {
    putMac(message + NEIGHBOUR_BYTES, SOURCE_MAC, mac);
    bytes += 8;
  }
  const isToGroup = to == 0;
  reply.closeIcmp6(HOPS, fromHigh, fromLow, isToGroup ? LINK_GROUP_HIGH : high, isToGroup ? group : low, bytes);
}

/** Writes a question for routers, from a link-local address. */
export function solicitRouters(mac: u64, high: u64, low: u64): void {
  const message = reply.open(groupMac(ALL_ROUTERS), mac, ETHERTYPE_IPV6) + reply.BODY6;
  store<u32>(message, ROUTER_SOLICITATION);
  store<u32>(message + 4, 0);
  putMac(message + SOLICITATION_BYTES, SOURCE_MAC, mac);
  reply.closeIcmp6(HOPS, high, low, LINK_GROUP_HIGH, ALL_ROUTERS, SOLICITATION_BYTES + 8);
}

/** Writes a router advertisement's frame around what `advertise.ts` has put behind its fixed part, up to `end`. */
export function closeAdvertisement(end: usize, high: u64, low: u64): void {
  const message = desk.reply().head + reply.BODY6;
  reply.closeIcmp6(HOPS, high, low, LINK_GROUP_HIGH, ALL_NODES, <u32>(end - message));
}
