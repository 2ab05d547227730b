// The headers of frames to the machine between two addresses: made once, and then only the lengths and sums change.

import type { Address } from './address.ts'
import { pseudoSum } from './packet.ts'
import { OUR_MAC } from './plan.ts'
import {
  ETHERTYPE_IP4,
  ETHERTYPE_IP6,
  fold,
  IP4_BYTES,
  IP6_BYTES,
  OFFLOAD_BYTES,
  PAYLOAD_AT,
  put16,
  put32,
  sumOf,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_NONE,
} from './wire.ts'

const HOPS = 64
/** Offsets in struct virtio_net_hdr. */
const GSO_TYPE = 1
const HEADER_BYTES = 2
const GSO_SIZE = 4
const SUM_START = 6
const SUM_OFFSET = 8
const BUFFERS = 10

let packetNumber = 0

export class Envelope {
  /** All headers; the machine's MAC is written by the link. */
  readonly bytes: Uint8Array
  /** Where the transport's header begins. */
  readonly transportAt: number
  private readonly pseudo: number
  private readonly isIp4: boolean

  /** `transportBytes`: room for the longest transport header. */
  constructor(
    readonly source: Address,
    readonly destination: Address,
    readonly protocol: number,
    transportBytes: number,
  ) {
    this.isIp4 = source.family === 4
    this.transportAt = PAYLOAD_AT + (this.isIp4 ? IP4_BYTES : IP6_BYTES)
    this.bytes = new Uint8Array(this.transportAt + transportBytes)
    this.pseudo = pseudoSum(source, destination, protocol, 0)
    const { bytes } = this
    bytes[BUFFERS] = 1
    bytes.set(OUR_MAC, OFFLOAD_BYTES + 6)
    put16(bytes, OFFLOAD_BYTES + 12, this.isIp4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6)
    bytes[PAYLOAD_AT] = this.isIp4 ? 0x45 : 0x60
    bytes[PAYLOAD_AT + (this.isIp4 ? 8 : 7)] = HOPS
    bytes[PAYLOAD_AT + (this.isIp4 ? 9 : 6)] = protocol
    source.write(bytes, PAYLOAD_AT + (this.isIp4 ? 12 : 8))
    destination.write(bytes, PAYLOAD_AT + (this.isIp4 ? 16 : 24))
  }

  /** The largest transport header with payload that fits into an IP packet of `mtu` bytes. */
  room(mtu: number): number {
    return mtu - (this.isIp4 ? IP4_BYTES : IP6_BYTES)
  }

  /** Writes the IP header for `length` bytes from the transport's header on; `piece`: the IPv4 field of fragments. */
  address(length: number, piece = 0, number = ++packetNumber): void {
    const { bytes } = this
    if (!this.isIp4) {
      put16(bytes, PAYLOAD_AT + 4, length)
      return
    }
    put16(bytes, PAYLOAD_AT + 2, IP4_BYTES + length)
    put16(bytes, PAYLOAD_AT + 4, number)
    put16(bytes, PAYLOAD_AT + 6, piece)
    put16(bytes, PAYLOAD_AT + 10, 0)
    put16(bytes, PAYLOAD_AT + 10, ~fold(sumOf(bytes, PAYLOAD_AT, PAYLOAD_AT + IP4_BYTES)))
  }

  /** Leaves the transport's sum, `sumAt` bytes into its header, to the machine: only the pseudo header's is made. */
  leaveSum(length: number, sumAt: number): void {
    const { bytes, transportAt } = this
    bytes[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM
    putLittle(bytes, SUM_START, transportAt - OFFLOAD_BYTES)
    putLittle(bytes, SUM_OFFSET, sumAt)
    put16(bytes, transportAt + sumAt, fold(this.pseudo + length))
  }

  /** Makes the transport's sum over its header and `parts`. Only the last part may have an odd length. */
  makeSum(length: number, sumAt: number, parts: Uint8Array[], hasPseudo = true): void {
    const { bytes, transportAt } = this
    bytes.fill(0, 0, BUFFERS)
    put16(bytes, transportAt + sumAt, 0)
    let sum = sumOf(bytes, transportAt, bytes.length, hasPseudo ? this.pseudo + length : 0)
    for (const part of parts) sum = sumOf(part, 0, part.length, sum)
    const made = ~fold(sum) & 0xffff
    // For UDP a sum of zero would say that there is none.
    put16(bytes, transportAt + sumAt, made === 0 && hasPseudo ? 0xffff : made)
  }

  /** Says how the machine may cut the frame; `size` 0: not at all. */
  setSegments(kind: number, size: number, transportBytes: number): void {
    const { bytes, transportAt } = this
    bytes[GSO_TYPE] = size === 0 ? VIRTIO_NET_HDR_GSO_NONE : kind
    putLittle(bytes, GSO_SIZE, size)
    putLittle(bytes, HEADER_BYTES, size === 0 ? 0 : transportAt - OFFLOAD_BYTES + transportBytes)
  }

  /** For the extension header of IPv6 fragments. */
  static putFragment(bytes: Uint8Array, at: number, protocol: number, piece: number, id: number): void {
    bytes[at] = protocol
    bytes[at + 1] = 0
    put16(bytes, at + 2, piece)
    put32(bytes, at + 4, id)
  }
}

function putLittle(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
}
