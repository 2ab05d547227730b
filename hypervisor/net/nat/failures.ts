// ICMP errors on their way through NAT: they quote a packet as it was after it had been translated, and are to reach whoever
// sent it, who knows it as it was before (RFC 5508, 4; RFC 4787 calls them a part of the conversation).
//
// The quoted packet went the other way, so answers to it are what the error would find its connection by.

import { Frame, IN_CHAIN, VIRTIO_NET_HDR_F_NEEDS_CSUM } from "../../devices/frame";
import * as checksum from "../checksum";
import { PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP, Packet, load16 } from "../packet";
import * as claims from "./claims";
import { hop, readdress, report, sumOffset } from "./rewrite";
import { Tuple, kindOf, turn } from "./tuple";

const MESSAGE_BYTES: u32 = 8;
const SUM: u32 = 2;
const IP4_BYTES: u32 = 20;
const IP6_BYTES: u32 = 40;
/** A packet is quoted with at least that much of what follows its IP headers. */
const QUOTED_BYTES: u32 = 8;

/** Extension headers that a quoted packet may have. */
const EXTENSIONS: u32 = 8;
const HEADER_HOPS: u32 = 0;
const HEADER_FRAGMENT: u32 = 44;
const HEADER_DESTINATION: u32 = 60;

/** Of the packet that an error quotes. All offsets are from the frame's first byte. */
@unmanaged @final
export class Quote {
  /** Where its IP header and its transport header begin; the protocol of that. */
  network: u32;
  transport: u32;
  protocol: u32;
}

/** Looks at the error; false: it is broken, or quotes what can't be known. `said`: its outer ends; `asked`: what an answer to the quoted packet would say. */
export function read(frame: Frame, packet: Packet, kind: u32, quote: Quote, said: Tuple, asked: Tuple): bool {
  if (packet.isFragment != 0 || (frame.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) return false;
  if (!isSummed(frame, packet)) return false;
  const end = min(frame.headBytes, packet.end);
  quote.network = packet.transport + MESSAGE_BYTES;
  if (!(packet.version == 4 ? find4(frame, quote, end) : find6(frame, quote, end))) return false;
  if (quote.transport + QUOTED_BYTES > end) return false;
  claims.readEnds(frame.head + quote.network, packet.version, said);
  const what = claims.readPorts(frame.head + quote.transport, quote.protocol, packet.version, said);
  if (what == claims.NOTHING || what == claims.FAILURE) return false;
  said.kind = kindOf(kind >> 24, kind >> 16 & 255, packet.version, quote.protocol);
  turn(asked, said);
  claims.readEnds(frame.head + packet.network, packet.version, said);
  // It goes to whoever has sent the quoted packet, and to nobody else.
  return said.toLow == asked.toLow && said.toHigh == asked.toHigh;
}

/** Does its sum hold? RFC 5508, REQ-3. What is still in a guest's memory is not looked at: its driver has made the sum, or its receiver will see. */
function isSummed(frame: Frame, packet: Packet): bool {
  const inHead = min(frame.headBytes, packet.end);
  if (inHead < packet.end && frame.body == IN_CHAIN) return true;
  const bytes = packet.end - packet.transport;
  let sum: u64 = packet.version == 4 ? 0 : checksum.pseudo6(frame.head + packet.network, PROTOCOL_ICMPV6, bytes);
  sum = checksum.add(sum, frame.head + packet.transport, inHead - packet.transport);
  if (inHead < packet.end) sum = checksum.addAt(sum, frame.body, packet.end - inHead, inHead - packet.transport);
  return checksum.finish(sum) == 0;
}

/** Finds the headers of a quoted IPv4 packet, which is whole or a first fragment. */
function find4(frame: Frame, quote: Quote, end: u32): bool {
  if (quote.network + IP4_BYTES > end) return false;
  const ip = frame.head + quote.network;
  const bytes = (<u32>load<u8>(ip) & 15) << 2;
  if (load<u8>(ip) >> 4 != 4 || bytes < IP4_BYTES || quote.network + bytes > end) return false;
  if ((load16(ip + 6) & 0x1fff) != 0) return false;
  if (checksum.finish(checksum.add(0, ip, bytes)) != 0) return false;
  quote.protocol = load<u8>(ip + 9);
  quote.transport = quote.network + bytes;
  return true;
}

/** The same for IPv6. */
function find6(frame: Frame, quote: Quote, end: u32): bool {
  if (quote.network + IP6_BYTES > end) return false;
  const ip = frame.head + quote.network;
  if (load<u8>(ip) >> 4 != 6) return false;
  let next: u32 = load<u8>(ip + 6);
  let here = quote.network + IP6_BYTES;
  for (let left = EXTENSIONS; left > 0; left--) {
    if (next != HEADER_HOPS && next != HEADER_FRAGMENT && next != HEADER_DESTINATION) {
      quote.protocol = next;
      quote.transport = here;
      return true;
    }
    if (here + 8 > end) return false;
    const header = frame.head + here;
    if (next == HEADER_FRAGMENT && (load16(header + 2) & 0xfff8) != 0) return false;
    here += next == HEADER_FRAGMENT ? 8 : (<u32>load<u8>(header + 1) + 1) << 3;
    next = load<u8>(header);
  }
  return false;
}

/**
 * Translates the error: `now` has its ends outside, `quoted` what its quoted packet said before it was translated. All sums are
 * those of what is written.
 */
export function rewrite(frame: Frame, packet: Packet, quote: Quote, now: Tuple, quoted: Tuple): void {
  const end = min(frame.headBytes, packet.end);
  const ip = frame.head + quote.network;
  const transport = frame.head + quote.transport;
  const ends = readdress(ip, packet.version, quoted);
  let change = ends;
  if (packet.version == 4) change += amended(ip + 10, ends, false);
  const ports = report(transport, quote.protocol, quoted);
  change += ports;
  const sum = quote.transport + sumOffset(quote.protocol);
  if (sum + 2 <= end) {
    const isOver = quote.protocol == PROTOCOL_TCP || quote.protocol == PROTOCOL_UDP || quote.protocol == PROTOCOL_ICMPV6;
    change += amended(frame.head + sum, ports + (isOver ? ends : 0), quote.protocol == PROTOCOL_UDP);
  }
  const outer = readdress(frame.head + packet.network, packet.version, now);
  hop(frame.head + packet.network, packet.version, outer);
  checksum.amend(frame.head + packet.transport + SUM, packet.version == 4 ? change : change + outer);
}

/** Carries a change over to a sum that is itself summed; what this does to the sum around it. */
function amended(ptr: usize, change: u64, isUdp: bool): u64 {
  const old: u32 = load<u16>(ptr);
  if (isUdp) checksum.amendUdp(ptr, change);
  else checksum.amend(ptr, change);
  const now: u32 = load<u16>(ptr);
  return (0xffff ^ <u64>old) + <u64>now;
}
