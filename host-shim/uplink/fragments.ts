// Datagrams that are longer than a packet: put together when they come in pieces, cut when they are too long for the machine.

import { Envelope } from './envelope.ts'
import type { Link } from './link.ts'
import type { Packet } from './packet.ts'
import { IP4_BYTES, IP6_BYTES, IP_BYTES_MAX, put16, UDP_BYTES } from './wire.ts'

/** Datagrams that may be incomplete at one time, and pieces that one may have: as many as at the least MTU. */
const DATAGRAMS_MAX = 32
const PIECES_MAX = 128
const PATIENCE_MS = 30_000
const SUM_AT = 6
const IP4_MORE = 0x2000
const IP6_FRAGMENT = 44
const IP6_FRAGMENT_BYTES = 8

interface Piece {
  at: number
  bytes: Uint8Array
}

interface Datagram {
  pieces: Piece[]
  have: number
  /** Bytes behind the IP header, once the last piece has come. */
  total: number | undefined
  since: number
}

export class Reassembly {
  private readonly datagrams = new Map<string, Datagram>()

  /** Takes a piece. True: it was the last that was missing, and the packet is whole now. */
  take(packet: Packet, now: number): boolean {
    const { source, destination, protocol, fragmentAt, fragmentId, hasMoreFragments } = packet
    const key = `${source.family} ${source} ${destination} ${protocol} ${fragmentId}`
    const bytes = packet.bytes.slice(packet.transportAt, packet.dataEnd)
    const end = fragmentAt + bytes.length
    if (bytes.length === 0 || end > IP_BYTES_MAX || (hasMoreFragments && bytes.length % 8 !== 0)) return false
    const datagram = this.find(key, now)
    if (datagram.pieces.some((piece) => piece.at === fragmentAt && piece.bytes.length === bytes.length)) return false
    const overlaps = datagram.pieces.some((piece) => fragmentAt < piece.at + piece.bytes.length && piece.at < end)
    if (!hasMoreFragments) datagram.total ??= end
    const isBeyond =
      datagram.total !== undefined && (end > datagram.total || (!hasMoreFragments && end < datagram.total))
    // Envelope that overlap are an attack or a fault, and nothing of them is used (RFC 5722).
    if (overlaps || isBeyond || datagram.pieces.length >= PIECES_MAX) {
      this.datagrams.delete(key)
      return false
    }
    datagram.pieces.push({ at: fragmentAt, bytes })
    datagram.have += bytes.length
    if (datagram.have !== datagram.total) return false
    this.datagrams.delete(key)
    join(packet, datagram)
    return true
  }

  private find(key: string, now: number): Datagram {
    const known = this.datagrams.get(key)
    if (known !== undefined && now - known.since < PATIENCE_MS) return known
    this.datagrams.delete(key)
    const [oldest] = this.datagrams.keys()
    if (oldest !== undefined && this.datagrams.size >= DATAGRAMS_MAX) this.datagrams.delete(oldest)
    const datagram: Datagram = { pieces: [], have: 0, total: undefined, since: now }
    this.datagrams.set(key, datagram)
    return datagram
  }
}

function join(packet: Packet, { pieces, have }: Datagram): void {
  const headerBytes = packet.source.family === 4 ? IP4_BYTES : IP6_BYTES
  const whole = new Uint8Array(headerBytes + have)
  whole.set(packet.bytes.subarray(packet.ipAt, packet.ipAt + headerBytes))
  if (headerBytes === IP6_BYTES) whole[6] = packet.protocol
  else {
    whole[0] = 0x45
    put16(whole, 2, whole.length)
    put16(whole, 6, 0)
  }
  for (const { at, bytes } of pieces) whole.set(bytes, headerBytes + at)
  packet.becomeWhole(whole, headerBytes, packet.protocol)
}

let lastId = 0

/** Sends a UDP datagram to the machine, in pieces if it is longer than `mtu`. What finds no room is lost. */
export function putDatagram(link: Link, envelope: Envelope, payload: Uint8Array, mtu: number): void {
  const { bytes, transportAt } = envelope
  const length = UDP_BYTES + payload.length
  put16(bytes, transportAt + 4, length)
  if (length <= envelope.room(mtu)) {
    envelope.address(length)
    envelope.leaveSum(length, SUM_AT)
    link.put(bytes, [payload])
    return
  }
  envelope.makeSum(length, SUM_AT, [payload])
  const whole = new Uint8Array(length)
  whole.set(bytes.subarray(transportAt))
  whole.set(payload, UDP_BYTES)
  putPieces(link, envelope, whole, mtu)
}

/** Sends what stands behind an IP header, its sum made, in pieces that fit into packets of `mtu` bytes. */
export function putPieces(
  link: Link,
  { source, destination, protocol }: Envelope,
  whole: Uint8Array,
  mtu: number,
): void {
  const id = ++lastId
  const isIp4 = source.family === 4
  const extra = isIp4 ? 0 : IP6_FRAGMENT_BYTES
  const piece = new Envelope(source, destination, isIp4 ? protocol : IP6_FRAGMENT, extra)
  const most = (piece.room(mtu) - extra) & ~7
  for (let at = 0; at < whole.length; at += most) {
    const part = whole.subarray(at, at + most)
    const hasMore = at + part.length < whole.length
    piece.address(extra + part.length, at / 8 + (hasMore ? IP4_MORE : 0), id)
    if (!isIp4) Envelope.putFragment(piece.bytes, piece.transportAt, protocol, at + (hasMore ? 1 : 0), id)
    link.put(piece.bytes, [part])
  }
}
