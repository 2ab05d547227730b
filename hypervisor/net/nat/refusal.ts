// Telling a sender why its packet goes nowhere: ICMP errors from the gateway to guests, and from our address to the uplink.

import { MAX_GUESTS } from "../../abi";
import * as bucket from "../../devices/bucket";
import { Bucket } from "../../devices/bucket";
import { Frame } from "../../devices/frame";
import { Network } from "../network";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, PROTOCOL_ICMP, PROTOCOL_ICMPV6, Packet, load32, load48, store32 } from "../packet";
import { load64 } from "../services/address";
import * as reply from "../services/reply";
import { ERRORS, ERROR_BYTES } from "./table";
import { INSIDE } from "./tuple";

/** Why: type and code for IPv4 (RFC 792, RFC 1812) in the upper half, for IPv6 (RFC 4443) in the lower. */
export const NO_ROUTE: u32 = 0x0300_0100;
export const NO_PORT_THERE: u32 = 0x0303_0104;
export const NOT_ALLOWED: u32 = 0x030d_0101;
export const TOO_BIG: u32 = 0x0304_0200;
export const EXPIRED: u32 = 0x0b00_0300;

/** A second, and at once after a rest: enough for a trace of a route, too few to be used as a weapon. */
const ERRORS_S: f64 = 100;
const ERRORS_BURST: f64 = 100;

const MESSAGE_BYTES: u32 = 8;
/** What is quoted at most: the whole is to fit into 576 bytes (RFC 1812, 4.3.2.3), or 1280 (RFC 4443, 2.4). */
const QUOTE4: u32 = 576 - 28;
const QUOTE6: u32 = 1280 - 48;
const HOPS: u32 = 64;

if (offsetof<Bucket>() > ERROR_BYTES) ERROR("a bucket does not fit its place");

/** Writes the error to desk.reply(). False: this packet, or this sender for now, gets none. The packet is sound (claims.ts). */
export function refuse(network: Network, side: u32, payer: u32, frame: Frame, packet: Packet, why: u32, now: f64): bool {
  if (!mayFail(frame, packet)) return false;
  if (!mayPay(side == INSIDE ? payer : <u32>MAX_GUESTS + 1 + network.id, now)) return false;
  const from = side == INSIDE ? network.mac : network.outMac;
  const to = load48(frame.head + 6);
  const ip = frame.head + packet.network;
  const is4 = packet.version == 4;
  const quoted = min(min(packet.end, frame.headBytes) - packet.network, is4 ? QUOTE4 : QUOTE6);
  const message = reply.open(to, from, is4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6) + (is4 ? reply.BODY4 : reply.BODY6);
  store32(message, (is4 ? why >> 16 : why & 0xffff) << 16);
  // Its last 16 bits (IPv4), or all 32, tell how large a packet may be.
  store32(message + 4, why == TOO_BIG ? network.mtu : 0);
  memory.copy(message + MESSAGE_BYTES, ip, quoted);
  if (is4) {
    reply.closeIcmp4(side == INSIDE ? network.ip4 : network.outIp4, load32(ip + 12), MESSAGE_BYTES + quoted);
  } else {
    const high = side == INSIDE ? network.ip6High : network.outIp6High;
    const low = side == INSIDE ? network.ip6Low : network.outIp6Low;
    reply.closeIcmp6(HOPS, high, low, load64(ip + 8), load64(ip + 16), MESSAGE_BYTES + quoted);
  }
  return true;
}

/** Errors are not answered by errors, and of a packet in pieces only the first is (RFC 1122, 3.2.2). */
function mayFail(frame: Frame, packet: Packet): bool {
  if (packet.fragmentOffset != 0) return false;
  if (packet.protocol != PROTOCOL_ICMP && packet.protocol != PROTOCOL_ICMPV6) return true;
  if (packet.transport >= min(frame.headBytes, packet.end)) return false;
  const type: u32 = load<u8>(frame.head + packet.transport);
  return packet.protocol == PROTOCOL_ICMP ? type == 8 || type == 0 : type >= 128;
}

function mayPay(payer: u32, now: f64): bool {
  const its = changetype<Bucket>(ERRORS + <usize>payer * ERROR_BYTES);
  if (its.rate == 0) bucket.change(its, ERRORS_S, ERRORS_BURST, 1, now);
  bucket.fill(its, now);
  // A debt would let one more pass than there is room for.
  if (its.level < 1) return false;
  bucket.charge(its, 1);
  return true;
}
