// What a sender has left to the hardware, done by us for those who do not do it either: sums, and cutting TCP segments.
//
// Only what ends as the packet's own TCP or UDP sum may be left: nobody gets two bytes written behind what the guard has seen.

import {
  Frame, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_ECN, VIRTIO_NET_HDR_GSO_NONE, VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
} from "../devices/frame";
import { add, finish, finishUdp, pseudo4, pseudo6, seal4 } from "./checksum";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP, Packet, load16, load32, store16, store32 } from "./packet";

/** TCP's header, RFC 9293: where things stand, and flags that only the first or the last piece has. */
const TCP_BYTES: u32 = 20;
const TCP_SEQUENCE: usize = 4;
const TCP_OFFSET: usize = 12;
const TCP_FLAGS: usize = 13;
const TCP_SUM: u32 = 16;
const TCP_FIN_PSH: u32 = 0x09;
const TCP_CWR: u32 = 0x80;
const UDP_BYTES: u32 = 8;
const UDP_SUM: u32 = 6;

const IP4_BYTES: usize = 2;
const IP4_ID: usize = 4;
const IP6_BYTES: usize = 4;
const IP6_HEADER: u32 = 40;

/** Nobody's segments are smaller, and one frame must not become thousands (Linux: TCP_MIN_SND_MSS is 48). */
const PIECE_LEAST: u32 = 40;

/** Does the packet make sense of what its sender has left undone? It is parsed; `most` is how long a packet on the wire may be. */
export function isSound(frame: Frame, packet: Packet, most: u32): bool {
  const type = frame.gsoType & ~VIRTIO_NET_HDR_GSO_ECN;
  // A bit of TCP's without TCP is no kind of segmentation, and not none either.
  if (type == VIRTIO_NET_HDR_GSO_NONE && frame.gsoType != type) return false;
  if ((frame.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0) return type == VIRTIO_NET_HDR_GSO_NONE;
  if (packet.version == 0 || packet.isFragment != 0) return false;
  // Of these nobody leaves a sum undone; one behind their header would go over an address that the guard has seen.
  if (packet.protocol == PROTOCOL_ICMP || packet.protocol == PROTOCOL_ICMPV6) return false;
  const start = frame.csumStart;
  if (start < packet.transport || start >= frame.headBytes || start >= packet.end) return false;
  if (frame.csumOffset > 32 || start + frame.csumOffset + 2 > frame.headBytes || start + frame.csumOffset + 2 > packet.end) return false;
  const isTcp = packet.protocol == PROTOCOL_TCP;
  if (start == packet.transport) {
    if (!isTcp && packet.protocol != PROTOCOL_UDP) return false;
    if (frame.csumOffset != (isTcp ? TCP_SUM : UDP_SUM)) return false;
  } else if (start < packet.transport + UDP_BYTES) {
    return false; // what is in a tunnel begins behind a header
  }
  if (type == VIRTIO_NET_HDR_GSO_NONE) return true;
  if (!isTcp || start != packet.transport || start + TCP_BYTES > frame.headBytes) return false;
  if (type != (packet.version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6)) return false;
  const header = <u32>(load<u8>(frame.head + start + TCP_OFFSET) >> 4) << 2;
  if (header < TCP_BYTES || start + header > frame.headBytes || start + header > packet.end) return false;
  frame.headerBytes = start + header;
  return frame.gsoSize >= PIECE_LEAST && frame.gsoSize <= most && start - packet.network + header + frame.gsoSize <= most;
}

/** Makes the missing sum of a frame that lies in one piece, if one is missing. */
export function complete(frame: Frame): void {
  if ((frame.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
    // The sum of the pseudo-header stands where the whole is to stand.
    const sum = add(0, frame.head + frame.csumStart, frame.bytes - frame.csumStart);
    const isUdp = frame.csumOffset == UDP_SUM;
    store<u16>(frame.head + frame.csumStart + frame.csumOffset, <u16>(isUdp ? finishUdp(sum) : finish(sum)));
  }
  frame.flags = 0;
}

/** How many pieces a frame with a gsoType becomes. */
export function count(frame: Frame, packet: Packet): u32 {
  return max(1, (packet.end - frame.headerBytes + frame.gsoSize - 1) / frame.gsoSize);
}

/** Makes the i-th piece of a frame that lies in one piece, as a frame that leaves nothing undone. */
export function cut(frame: Frame, packet: Packet, i: u32, piece: Frame): void {
  const headers = frame.headerBytes;
  const from = i * frame.gsoSize;
  const payload = packet.end - headers;
  const length = min(frame.gsoSize, payload - from);
  const isLast = from + length == payload;
  memory.copy(piece.head, frame.head, headers);
  memory.copy(piece.head + headers, frame.head + headers + from, length);
  piece.bytes = headers + length;
  piece.headBytes = piece.bytes;
  piece.flags = 0;
  piece.gsoType = VIRTIO_NET_HDR_GSO_NONE;
  const ip = piece.head + packet.network;
  const tcp = piece.head + packet.transport;
  const segment = piece.bytes - packet.transport;
  if (packet.version == 4) {
    store16(ip + IP4_BYTES, piece.bytes - packet.network);
    store16(ip + IP4_ID, load16(ip + IP4_ID) + i);
    seal4(ip);
  } else {
    store16(ip + IP6_BYTES, piece.bytes - packet.network - IP6_HEADER);
  }
  store32(tcp + TCP_SEQUENCE, load32(tcp + TCP_SEQUENCE) + from);
  let flags: u32 = load<u8>(tcp + TCP_FLAGS);
  if (!isLast) flags &= ~TCP_FIN_PSH;
  if (i != 0) flags &= ~TCP_CWR;
  store<u8>(tcp + TCP_FLAGS, flags);
  store<u16>(tcp + TCP_SUM, 0);
  const pseudo = packet.version == 4 ? pseudo4(ip, PROTOCOL_TCP, segment) : pseudo6(ip, PROTOCOL_TCP, segment);
  store<u16>(tcp + TCP_SUM, <u16>finish(add(pseudo, tcp, segment)));
}
