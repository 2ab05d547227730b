// What a frame's head says: which protocols, where their headers begin. The one parser of Ethernet and IP headers.
//
// Addresses and ports are read in the order of the wire with `load16` and its like; sums stay in the order of the wire.

import { Frame } from "../devices/frame";

export const ETHERTYPE_IPV4: u32 = 0x0800;
export const ETHERTYPE_ARP: u32 = 0x0806;
export const ETHERTYPE_VLAN: u32 = 0x8100;
export const ETHERTYPE_IPV6: u32 = 0x86dd;

export const PROTOCOL_ICMP: u32 = 1;
export const PROTOCOL_TCP: u32 = 6;
export const PROTOCOL_UDP: u32 = 17;
export const PROTOCOL_ICMPV6: u32 = 58;
const PROTOCOL_HOP_BY_HOP: u32 = 0;
const PROTOCOL_ROUTING: u32 = 43;
const PROTOCOL_FRAGMENT: u32 = 44;
const PROTOCOL_NONE: u32 = 59;
const PROTOCOL_DESTINATION: u32 = 60;

/** `protocol` of what is no IP, or whose headers are too long or broken. */
export const NO_PROTOCOL: u32 = 255;

export const ETHERNET_BYTES: u32 = 14;
const IPV4_BYTES: u32 = 20;
const IPV6_BYTES: u32 = 40;
/** Extension headers looked through: more than anybody uses. */
const EXTENSIONS: u32 = 8;
/** Of what follows them so much is in the head, if there is so much: TCP's header with all options. */
const TRANSPORT_BYTES: u32 = 60;

/** The layers of a frame. All offsets are from the Ethernet header's first byte, and lie inside the copied head. */
@unmanaged @final
export class Packet {
  /** ETHERTYPE_* behind a tag, if there is one. */
  ethertype: u32;
  /** VLAN of the tag, 0: none (or a tag with priority alone). `tagged`: there is one. */
  vlan: u32;
  tagged: u32;
  /** Where the IP (or ARP) header begins. */
  network: u32;
  /** IP: 4 or 6; 0: none, or broken. */
  version: u32;
  /** Last byte of the IP packet plus one, as its header says; never beyond the frame. */
  end: u32;
  /** PROTOCOL_*, the first that is no extension; NO_PROTOCOL. */
  protocol: u32;
  /** Where its header begins, if this packet has it: the first fragment, or the whole. */
  transport: u32;
  /** It is a fragment: its offset in bytes, whether more follow, its identification (16 or 32 bits). */
  isFragment: u32;
  fragmentOffset: u32;
  moreFragments: u32;
  identification: u32;
}

export function load16(ptr: usize): u32 {
  return bswap<u16>(load<u16>(ptr));
}

export function load32(ptr: usize): u32 {
  return bswap<u32>(load<u32>(ptr));
}

export function store16(ptr: usize, value: u32): void {
  store<u16>(ptr, bswap<u16>(<u16>value));
}

export function store32(ptr: usize, value: u32): void {
  store<u32>(ptr, bswap<u32>(value));
}

/** The 6 bytes at `ptr` as a number, the first one on top. */
export function load48(ptr: usize): u64 {
  return <u64>load16(ptr) << 32 | <u64>load32(ptr + 2);
}

export function store48(ptr: usize, mac: u64): void {
  store16(ptr, <u32>(mac >> 32));
  store32(ptr + 2, <u32>mac);
}

/** A group address: multicast or broadcast. */
export function isGroup(mac: u64): bool {
  return (mac >> 40 & 1) != 0;
}

/** Reads the head of a frame; false: it is too short for what it says it is, or its headers contradict themselves. */
export function parse(frame: Frame, packet: Packet): bool {
  memory.fill(changetype<usize>(packet), 0, offsetof<Packet>());
  packet.protocol = NO_PROTOCOL;
  const have = frame.headBytes;
  if (have < ETHERNET_BYTES) return false;
  let ethertype = load16(frame.head + 12);
  let at = ETHERNET_BYTES;
  if (ethertype == ETHERTYPE_VLAN) {
    if (have < at + 4) return false;
    packet.tagged = 1;
    packet.vlan = load16(frame.head + 14) & 0xfff;
    ethertype = load16(frame.head + 16);
    at += 4;
  }
  packet.ethertype = ethertype;
  packet.network = at;
  packet.end = frame.bytes;
  if (ethertype == ETHERTYPE_IPV4) return parse4(frame, packet, at);
  if (ethertype == ETHERTYPE_IPV6) return parse6(frame, packet, at);
  return true;
}

/** RFC 791, 3.1. */
function parse4(frame: Frame, packet: Packet, at: u32): bool {
  if (frame.headBytes < at + IPV4_BYTES) return false;
  const ip = frame.head + at;
  const first: u32 = load<u8>(ip);
  const headerBytes = (first & 15) << 2;
  const bytes = load16(ip + 2);
  if (first >> 4 != 4 || headerBytes < IPV4_BYTES || bytes < headerBytes) return false;
  if (frame.headBytes < at + headerBytes || at + bytes > frame.bytes) return false;
  const fragment = load16(ip + 6);
  packet.version = 4;
  packet.end = at + bytes;
  packet.protocol = load<u8>(ip + 9);
  packet.transport = at + headerBytes;
  packet.identification = load16(ip + 4);
  packet.fragmentOffset = (fragment & 0x1fff) << 3;
  packet.moreFragments = fragment >> 13 & 1;
  packet.isFragment = packet.fragmentOffset != 0 || packet.moreFragments != 0 ? 1 : 0;
  return true;
}

/** RFC 8200, 3 and 4. */
function parse6(frame: Frame, packet: Packet, at: u32): bool {
  if (frame.headBytes < at + IPV6_BYTES) return false;
  const ip = frame.head + at;
  const bytes = IPV6_BYTES + load16(ip + 4);
  if (load<u8>(ip) >> 4 != 6 || at + bytes > frame.bytes) return false;
  packet.version = 6;
  packet.end = at + bytes;
  let next: u32 = load<u8>(ip + 6);
  let here = at + IPV6_BYTES;
  for (let left = EXTENSIONS; left > 0; left--) {
    if (next != PROTOCOL_HOP_BY_HOP && next != PROTOCOL_ROUTING && next != PROTOCOL_FRAGMENT && next != PROTOCOL_DESTINATION) {
      packet.protocol = next == PROTOCOL_NONE ? NO_PROTOCOL : next;
      packet.transport = here;
      return isInHead(frame, here);
    }
    if (frame.headBytes < here + 8 || here + 8 > packet.end) return false;
    const header = frame.head + here;
    const isFragment = next == PROTOCOL_FRAGMENT;
    next = load<u8>(header);
    if (isFragment) {
      const fragment = load16(header + 2);
      packet.fragmentOffset = fragment & 0xfff8;
      packet.moreFragments = fragment & 1;
      packet.identification = load32(header + 4);
      packet.isFragment = packet.fragmentOffset != 0 || packet.moreFragments != 0 ? 1 : 0;
      here += 8;
      // What follows in a later fragment is no header.
      if (packet.fragmentOffset != 0) {
        packet.protocol = next;
        packet.transport = here;
        return isInHead(frame, here);
      }
    } else {
      here += (<u32>load<u8>(header + 1) + 1) << 3;
      if (here > packet.end) return false;
    }
  }
  return false;
}

/** Has the head been copied up to a transport header's end? What nobody has looked at is not let through by anybody. */
function isInHead(frame: Frame, transport: u32): bool {
  return transport + TRANSPORT_BYTES <= frame.headBytes || frame.headBytes == frame.bytes;
}
