// A frame that a service writes, on this CPU's desk: Ethernet, IP and UDP headers around what the service has put behind them.

import { Frame, VIRTIO_NET_HDR_F_DATA_VALID, VIRTIO_NET_HDR_F_NEEDS_CSUM } from "../../devices/frame";
import * as checksum from "../checksum";
import * as desk from "../desk";
import {
  ETHERNET_BYTES, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_UDP, Packet, load16, store16, store32, store48,
} from "../packet";
import { storeIp6 } from "./address";

/** Where a service writes: behind an IPv4 header, behind UDP on it, behind an IPv6 header, and behind UDP on that. */
export const BODY4: usize = 34;
export const DATA4: usize = 42;
export const BODY6: usize = 54;
export const DATA6: usize = 62;

/** What a service does not look beyond: the largest frame of an Ethernet that it may have to read as a whole. */
export const WHOLE_MOST: u32 = 2048;

const HOPS: u32 = 64;
const DONT_FRAGMENT: u32 = 0x4000;

/** An empty frame to that MAC; the address of its first byte. */
export function open(to: u64, from: u64, ethertype: u32): usize {
  const frame = desk.clearReply();
  store48(frame.head, to);
  store48(frame.head + 6, from);
  store16(frame.head + 12, ethertype);
  return frame.head;
}

/** The frame is that long. */
export function close(bytes: u32): void {
  const frame = desk.reply();
  frame.headBytes = bytes;
  frame.bytes = bytes;
}

/** Completes IPv4 and its sum; `bytes` are behind its header. */
function close4(protocol: u32, from: u32, to: u32, bytes: u32): usize {
  const ip = desk.reply().head + ETHERNET_BYTES;
  store16(ip, 0x4500);
  store16(ip + 2, 20 + bytes);
  store16(ip + 4, 0);
  store16(ip + 6, DONT_FRAGMENT);
  store<u8>(ip + 8, <u8>HOPS);
  store<u8>(ip + 9, <u8>protocol);
  store32(ip + 12, from);
  store32(ip + 16, to);
  checksum.seal4(ip);
  close(<u32>BODY4 + bytes);
  return ip;
}

function udp(header: usize, fromPort: u32, toPort: u32, bytes: u32, pseudo: u64): void {
  store16(header, fromPort);
  store16(header + 2, toPort);
  store16(header + 4, 8 + bytes);
  store16(header + 6, 0);
  store<u16>(header + 6, <u16>checksum.finishUdp(checksum.add(pseudo, header, 8 + bytes)));
}

/** Completes a datagram whose data is at DATA4. */
export function closeUdp4(from: u32, to: u32, fromPort: u32, toPort: u32, bytes: u32): void {
  const ip = close4(PROTOCOL_UDP, from, to, 8 + bytes);
  udp(ip + 20, fromPort, toPort, bytes, checksum.pseudo4(ip, PROTOCOL_UDP, 8 + bytes));
}

/** Completes an ICMP message of that length at BODY4. */
export function closeIcmp4(from: u32, to: u32, bytes: u32): void {
  const message = close4(PROTOCOL_ICMP, from, to, bytes) + 20;
  store16(message + 2, 0);
  store<u16>(message + 2, <u16>checksum.finish(checksum.add(0, message, bytes)));
}

function close6(protocol: u32, hops: u32, fromHigh: u64, fromLow: u64, toHigh: u64, toLow: u64, bytes: u32): usize {
  const ip = desk.reply().head + ETHERNET_BYTES;
  store32(ip, 0x6000_0000);
  store16(ip + 4, bytes);
  store<u8>(ip + 6, <u8>protocol);
  store<u8>(ip + 7, <u8>hops);
  storeIp6(ip + 8, fromHigh, fromLow);
  storeIp6(ip + 24, toHigh, toLow);
  close(<u32>BODY6 + bytes);
  return ip;
}

/** Completes a datagram whose data is at DATA6. */
export function closeUdp6(fromHigh: u64, fromLow: u64, toHigh: u64, toLow: u64, fromPort: u32, toPort: u32, bytes: u32): void {
  const ip = close6(PROTOCOL_UDP, HOPS, fromHigh, fromLow, toHigh, toLow, 8 + bytes);
  udp(ip + 40, fromPort, toPort, bytes, checksum.pseudo6(ip, PROTOCOL_UDP, 8 + bytes));
}

/** Completes an ICMPv6 message of that length at BODY6. */
export function closeIcmp6(hops: u32, fromHigh: u64, fromLow: u64, toHigh: u64, toLow: u64, bytes: u32): void {
  const ip = close6(PROTOCOL_ICMPV6, hops, fromHigh, fromLow, toHigh, toLow, bytes);
  const message = ip + 40;
  store16(message + 2, 0);
  const pseudo = checksum.pseudo6(ip, PROTOCOL_ICMPV6, bytes);
  store<u16>(message + 2, <u16>checksum.finish(checksum.add(pseudo, message, bytes)));
}

/** Is the packet in the head, up to its end? */
export function isWhole(frame: Frame, packet: Packet): bool {
  return packet.end <= frame.headBytes;
}

/** Does the sum of a whole UDP or ICMPv6 packet hold? `end`: where what is summed ends. */
export function isSound(frame: Frame, packet: Packet, end: u32): bool {
  if ((frame.flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) != 0) return true;
  const ip = frame.head + packet.network;
  const header = frame.head + packet.transport;
  const bytes = end - packet.transport;
  if (packet.protocol == PROTOCOL_UDP && packet.version == 4 && load16(header + 6) == 0) return true;
  const pseudo = packet.version == 4 ? checksum.pseudo4(ip, packet.protocol, bytes) : checksum.pseudo6(ip, packet.protocol, bytes);
  return checksum.finish(checksum.add(pseudo, header, bytes)) == 0;
}
