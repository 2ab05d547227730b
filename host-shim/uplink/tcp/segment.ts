// Writes TCP segments to the machine: up to 64 KiB each, which it cuts itself, with the sums left to it.

import type { Address } from '../address.ts'
import { Envelope } from '../envelope.ts'
import type { Link } from '../link.ts'
import type { Packet } from '../packet.ts'
import {
  distance,
  get16,
  IP6_BYTES,
  IP_BYTES_MAX,
  PROTOCOL_TCP,
  put16,
  put32,
  TCP_ACK,
  TCP_BYTES,
  TCP_RST,
  TCP_SYN,
  TCP_FIN,
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
} from '../wire.ts'

const SUM_AT = 16
/** The field of IPv4 that forbids cutting a packet: the machine's path is as long as we think. */
const DONT_FRAGMENT = 0x4000
const OPTION_MSS = 2
const OPTION_SCALE = 3
/** MSS and window scale, filled up to whole words. */
const OPTIONS_BYTES = 8
/** What we announce as our largest segment: we take what fits into an IP packet. */
const OUR_MSS = IP_BYTES_MAX - IP6_BYTES - TCP_BYTES
/** What a peer takes that says nothing (RFC 9293, 3.7.1), and the least that we believe. */
const DEFAULT_MSS = 536
const LEAST_MSS = 88
/** Our window counts in units of 2 to the power of this: 65 535 of them are 2 MiB. */
export const OUR_SCALE = 5
const SCALE_MAX = 14

/** Bytes of the largest segment, whatever the family. */
export const SEGMENT_BYTES_MAX = OUR_MSS

/** What a SYN says of its sender. */
export interface Options {
  mss: number
  /** undefined: it knows no window scale. */
  scale: number | undefined
}

/** Reads the options of a checked segment. */
export function readOptions({ bytes, transportAt, dataAt }: Packet): Options {
  const options: Options = { mss: DEFAULT_MSS, scale: undefined }
  let at = transportAt + TCP_BYTES
  while (at < dataAt) {
    const kind = bytes[at]!
    if (kind === 0) break
    if (kind === 1) {
      at++
      continue
    }
    const length = at + 1 < dataAt ? bytes[at + 1]! : 0
    if (length < 2 || at + length > dataAt) break
    if (kind === OPTION_MSS && length === 4) options.mss = Math.max(LEAST_MSS, get16(bytes, at + 2))
    if (kind === OPTION_SCALE && length === 3) options.scale = Math.min(SCALE_MAX, bytes[at + 2]!)
    at += length
  }
  return options
}

export class SegmentWriter {
  private readonly envelope: Envelope
  private readonly short: Uint8Array
  private readonly kind: number

  constructor(
    private readonly link: Link,
    source: Address,
    sourcePort: number,
    destination: Address,
    destinationPort: number,
  ) {
    this.envelope = new Envelope(source, destination, PROTOCOL_TCP, TCP_BYTES + OPTIONS_BYTES)
    const { bytes, transportAt } = this.envelope
    this.short = bytes.subarray(0, transportAt + TCP_BYTES)
    this.kind = source.family === 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6
    put16(bytes, transportAt, sourcePort)
    put16(bytes, transportAt + 2, destinationPort)
  }

  /** Sends a SYN with our options; `hasScale`: also the window scale. False: no room. */
  putSyn(seq: number, ack: number, flags: number, window: number, hasScale: boolean): boolean {
    const { bytes, transportAt } = this.envelope
    const at = transportAt + TCP_BYTES
    bytes.set([OPTION_MSS, 4, OUR_MSS >>> 8, OUR_MSS & 255, 1, 1, 1, 0], at)
    if (hasScale) bytes.set([OPTION_SCALE, 3, OUR_SCALE, 1], at + 4)
    this.fill(seq, ack, flags | TCP_SYN, window, TCP_BYTES + OPTIONS_BYTES, 0, 0)
    return this.link.put(bytes, [])
  }

  /** Sends a segment with `length` bytes in `parts`, to be cut into pieces of `mss`. False: no room. */
  put(seq: number, ack: number, flags: number, window: number, parts: Uint8Array[], length: number, mss: number) {
    this.fill(seq, ack, flags, window, TCP_BYTES, length, mss)
    return this.link.put(this.short, parts)
  }

  private fill(
    seq: number,
    ack: number,
    flags: number,
    window: number,
    headerBytes: number,
    length: number,
    mss: number,
  ): void {
    const { envelope } = this
    const { bytes, transportAt } = envelope
    put32(bytes, transportAt + 4, seq)
    put32(bytes, transportAt + 8, ack)
    bytes[transportAt + 12] = (headerBytes / 4) << 4
    bytes[transportAt + 13] = flags
    put16(bytes, transportAt + 14, window)
    envelope.address(headerBytes + length, DONT_FRAGMENT)
    envelope.leaveSum(headerBytes + length, SUM_AT)
    envelope.setSegments(this.kind, length > mss ? mss : 0, headerBytes)
  }
}

/** Answers a checked segment that belongs to no connection (RFC 9293, 3.10.7.1). */
export function putReset(link: Link, packet: Packet): void {
  const flags = packet.bytes[packet.transportAt + 13]!
  if ((flags & TCP_RST) !== 0) return
  const { source, destination, sourcePort, destinationPort } = packet
  const writer = new SegmentWriter(link, destination.copy(), destinationPort, source.copy(), sourcePort)
  const seq = seqOf(packet)
  if ((flags & TCP_ACK) !== 0) {
    writer.put(ackOf(packet), 0, TCP_RST, 0, [], 0, OUR_MSS)
    return
  }
  const length = packet.dataEnd - packet.dataAt + ((flags & TCP_SYN) !== 0 ? 1 : 0) + ((flags & TCP_FIN) !== 0 ? 1 : 0)
  writer.put(0, (seq + length) >>> 0, TCP_RST | TCP_ACK, 0, [], 0, OUR_MSS)
}

export function seqOf({ bytes, transportAt }: Packet): number {
  return word(bytes, transportAt + 4)
}

export function ackOf({ bytes, transportAt }: Packet): number {
  return word(bytes, transportAt + 8)
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

/** Whether `a` comes before `b`. */
export function isBefore(a: number, b: number): boolean {
  return distance(a, b) < 0
}
