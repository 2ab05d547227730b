// One frame from the machine, taken apart: checked once, so that everybody behind can trust its offsets.

import { Address } from './address.ts'
import {
  ETHERNET_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IP4,
  ETHERTYPE_IP6,
  fold,
  get16,
  get32,
  IP4_BYTES,
  IP6_BYTES,
  OFFLOAD_BYTES,
  PAYLOAD_AT,
  PROTOCOL_ICMP,
  PROTOCOL_ICMP6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  sumOf,
  TCP_BYTES,
  UDP_BYTES,
  VIRTIO_NET_HDR_F_DATA_VALID,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_ECN,
  VIRTIO_NET_HDR_GSO_NONE,
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
} from './wire.ts'

const IP6_HOP_BY_HOP = 0
const IP6_ROUTING = 43
const IP6_FRAGMENT = 44
const IP6_DESTINATION = 60
/** More extension headers than any honest packet has. */
const IP6_EXTENSIONS_MAX = 8

export type Kind = 'bad' | 'arp' | 'ip'

/** What `read` found. It is one object for all frames; who keeps something of it makes a copy. */
export class Packet {
  bytes: Uint8Array = new Uint8Array(0)
  /** Where the frame ends in `bytes`, and where its Ethernet header begins. */
  end = 0
  ethernetAt = 0
  /** Where the IP header begins, and where the packet ends. */
  ipAt = 0
  ipEnd = 0
  readonly source = new Address(4)
  readonly destination = new Address(4)
  hops = 0
  protocol = 0
  /** Where the transport header and its payload begin. The latter is only set by `checkTcp` and `checkUdp`. */
  transportAt = 0
  dataAt = 0
  /** Where the payload ends. */
  dataEnd = 0
  /** A piece of a datagram: its place in it, in bytes, its number, and whether others follow. */
  isFragment = false
  fragmentAt = 0
  fragmentId = 0
  hasMoreFragments = false
  sourcePort = 0
  destinationPort = 0
  /** The machine vouches for the transport's checksum, or leaves it to us to make one: then there is nothing to check. */
  private isVouchedFor = false

  /** Reads the frame with its offload header in `bytes` from `from` to `to`. */
  read(bytes: Uint8Array, from: number, to: number): Kind {
    if (to - from < PAYLOAD_AT) return 'bad'
    const flags = bytes[from]!
    const kind = bytes[from + 1]! & ~VIRTIO_NET_HDR_GSO_ECN
    const isKnown =
      kind === VIRTIO_NET_HDR_GSO_NONE || kind === VIRTIO_NET_HDR_GSO_TCPV4 || kind === VIRTIO_NET_HDR_GSO_TCPV6
    if (!isKnown) return 'bad'
    this.isVouchedFor = (flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) !== 0
    this.bytes = bytes
    this.ethernetAt = from + OFFLOAD_BYTES
    this.end = to
    this.ipAt = this.ethernetAt + ETHERNET_BYTES
    this.isFragment = false
    switch (get16(bytes, this.ethernetAt + 12)) {
      case ETHERTYPE_ARP:
        return 'arp'
      case ETHERTYPE_IP4:
        return this.readIp4() ? 'ip' : 'bad'
      case ETHERTYPE_IP6:
        return this.readIp6() ? 'ip' : 'bad'
    }
    return 'bad'
  }

  /** Becomes the datagram whose last piece it was: `bytes` begin with the IP header, behind which `transportAt` is. */
  becomeWhole(bytes: Uint8Array, transportAt: number, protocol: number): void {
    this.bytes = bytes
    this.ipAt = 0
    this.transportAt = transportAt
    this.ipEnd = bytes.length
    this.dataEnd = bytes.length
    this.protocol = protocol
    this.isFragment = false
    this.isVouchedFor = false
  }

  /** Checks the TCP header and the sum; sets ports and payload. */
  checkTcp(): boolean {
    const at = this.transportAt
    if (this.dataEnd - at < TCP_BYTES) return false
    const headerBytes = (this.bytes[at + 12]! >> 4) * 4
    if (headerBytes < TCP_BYTES || at + headerBytes > this.dataEnd || !this.checkSum(PROTOCOL_TCP)) return false
    this.dataAt = at + headerBytes
    this.readPorts()
    return true
  }

  /** The same for UDP. */
  checkUdp(): boolean {
    const at = this.transportAt
    if (this.dataEnd - at < UDP_BYTES) return false
    const length = get16(this.bytes, at + 4)
    if (length < UDP_BYTES || at + length > this.dataEnd) return false
    this.dataEnd = at + length
    const isUnsummed = get16(this.bytes, at + 6) === 0
    if (isUnsummed ? this.source.family === 6 : !this.checkSum(PROTOCOL_UDP)) return false
    this.dataAt = at + UDP_BYTES
    this.readPorts()
    return true
  }

  /** The same for ICMP of either family: `dataAt` is behind its first four bytes. */
  checkIcmp(): boolean {
    if (this.dataEnd - this.transportAt < 8) return false
    this.dataAt = this.transportAt + 4
    if (this.protocol === PROTOCOL_ICMP6) return this.checkSum(PROTOCOL_ICMP6)
    return this.protocol === PROTOCOL_ICMP && fold(sumOf(this.bytes, this.transportAt, this.dataEnd)) === 0xffff
  }

  private checkSum(protocol: number): boolean {
    if (this.isVouchedFor) return true
    const pseudo = pseudoSum(this.source, this.destination, protocol, this.dataEnd - this.transportAt)
    return fold(sumOf(this.bytes, this.transportAt, this.dataEnd, pseudo)) === 0xffff
  }

  private readPorts(): void {
    this.sourcePort = get16(this.bytes, this.transportAt)
    this.destinationPort = get16(this.bytes, this.transportAt + 2)
  }

  private readIp4(): boolean {
    const { bytes, ipAt } = this
    if (this.end - ipAt < IP4_BYTES || bytes[ipAt]! >> 4 !== 4) return false
    const headerBytes = (bytes[ipAt]! & 15) * 4
    const length = get16(bytes, ipAt + 2)
    if (headerBytes < IP4_BYTES || length < headerBytes || ipAt + length > this.end) return false
    if (fold(sumOf(bytes, ipAt, ipAt + headerBytes)) !== 0xffff) return false
    this.source.read(4, bytes, ipAt + 12)
    this.destination.read(4, bytes, ipAt + 16)
    this.hops = bytes[ipAt + 8]!
    this.protocol = bytes[ipAt + 9]!
    this.transportAt = ipAt + headerBytes
    this.ipEnd = ipAt + length
    this.dataEnd = this.ipEnd
    const piece = get16(bytes, ipAt + 6)
    this.setFragment((piece & 0x1fff) * 8, (piece & 0x2000) !== 0, get16(bytes, ipAt + 4))
    return true
  }

  private readIp6(): boolean {
    const { bytes, ipAt } = this
    if (this.end - ipAt < IP6_BYTES || bytes[ipAt]! >> 4 !== 6) return false
    this.ipEnd = ipAt + IP6_BYTES + get16(bytes, ipAt + 4)
    if (this.ipEnd > this.end) return false
    this.dataEnd = this.ipEnd
    this.source.read(6, bytes, ipAt + 8)
    this.destination.read(6, bytes, ipAt + 24)
    this.hops = bytes[ipAt + 7]!
    this.protocol = bytes[ipAt + 6]!
    this.transportAt = ipAt + IP6_BYTES
    for (let i = 0; i < IP6_EXTENSIONS_MAX; i++) {
      const { protocol, transportAt } = this
      const isOption = protocol === IP6_HOP_BY_HOP || protocol === IP6_ROUTING || protocol === IP6_DESTINATION
      if (!isOption && protocol !== IP6_FRAGMENT) return true
      if (transportAt + 8 > this.ipEnd) return false
      this.protocol = bytes[transportAt]!
      this.transportAt += isOption ? 8 + bytes[transportAt + 1]! * 8 : 8
      if (this.transportAt > this.ipEnd) return false
      if (isOption) continue
      const piece = get16(bytes, transportAt + 2)
      this.setFragment(piece & 0xfff8, (piece & 1) !== 0, get32(bytes, transportAt + 4))
      // What follows is only readable when the datagram is whole again.
      if (this.isFragment) return true
    }
    return false
  }

  private setFragment(at: number, hasMore: boolean, id: number): void {
    this.isFragment = at > 0 || hasMore
    this.fragmentAt = at
    this.hasMoreFragments = hasMore
    this.fragmentId = id
  }
}

/** The sum over a transport's pseudo header (RFC 9293, 3.1; RFC 8200, 8.1); not folded. */
export function pseudoSum(source: Address, destination: Address, protocol: number, length: number): number {
  return wordsOf(source) + wordsOf(destination) + protocol + (length >>> 16) + (length & 0xffff)
}

function wordsOf({ family, a, b, c, d }: Address): number {
  const low = (d >>> 16) + (d & 0xffff)
  if (family === 4) return low
  return low + (a >>> 16) + (a & 0xffff) + (b >>> 16) + (b & 0xffff) + (c >>> 16) + (c & 0xffff)
}
