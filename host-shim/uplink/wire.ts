// Bytes on the wire: numbers in network order, the headers' constants, and the Internet checksum (RFC 1071).

/** struct virtio_net_hdr (virtio 1.2, 5.1.6), which stands in front of every frame; its numbers are little-endian. */
export const OFFLOAD_BYTES = 12
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1
export const VIRTIO_NET_HDR_F_DATA_VALID = 2
export const VIRTIO_NET_HDR_GSO_NONE = 0
export const VIRTIO_NET_HDR_GSO_TCPV4 = 1
export const VIRTIO_NET_HDR_GSO_TCPV6 = 4
export const VIRTIO_NET_HDR_GSO_ECN = 0x80

export const ETHERNET_BYTES = 14
/** Where the Ethernet payload begins in a frame of ours. */
export const PAYLOAD_AT = OFFLOAD_BYTES + ETHERNET_BYTES
export const ETHERTYPE_IP4 = 0x0800
export const ETHERTYPE_ARP = 0x0806
export const ETHERTYPE_IP6 = 0x86dd

export const IP4_BYTES = 20
export const IP6_BYTES = 40
export const IP_BYTES_MAX = 65535
export const PROTOCOL_ICMP = 1
export const PROTOCOL_TCP = 6
export const PROTOCOL_UDP = 17
export const PROTOCOL_ICMP6 = 58

export const UDP_BYTES = 8
export const TCP_BYTES = 20
export const TCP_FIN = 1
export const TCP_SYN = 2
export const TCP_RST = 4
export const TCP_PSH = 8
export const TCP_ACK = 16

export function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

export function get32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

export function put32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** Adds the 16-bit words of `bytes` from `from` up to `to` to `start`; not folded. An odd last byte counts as a high one. */
export function sumOf(bytes: Uint8Array, from: number, to: number, start = 0): number {
  let sum = start
  let at = from
  for (; at + 1 < to; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!
  return at < to ? sum + (bytes[at]! << 8) : sum
}

/** A sum as 16 bits in one's complement arithmetic; to be inverted before it is sent. */
export function fold(sum: number): number {
  let low = sum
  while (low > 0xffff) low = (low % 0x1_0000) + Math.floor(low / 0x1_0000)
  return low
}

/** How far `a` lies behind `b` in a space of 32-bit sequence numbers; negative: in front of it. */
export function distance(a: number, b: number): number {
  return (a - b) | 0
}
