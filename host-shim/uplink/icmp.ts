// ICMP of both families: echoes of the gateway, and errors that say why something does not get through.

import type { Address, Family } from './address.ts'
import { Envelope } from './envelope.ts'
import { putPieces } from './fragments.ts'
import type { Link } from './link.ts'
import type { Packet } from './packet.ts'
import { gatewayOf, peerOf } from './plan.ts'
import type { Clock, Reason } from './sockets.ts'
import { PROTOCOL_ICMP, PROTOCOL_ICMP6 } from './wire.ts'

const HEADER_BYTES = 8
const ECHO_REQUEST = 8
const ECHO_REPLY = 0
const ECHO_REQUEST6 = 128
const ECHO_REPLY6 = 129
const UNREACHABLE = 3
const UNREACHABLE6 = 1
const TIME_EXCEEDED = 11
const TIME_EXCEEDED6 = 3
/** So much of the packet in question is shown: its header and the transport's. */
const QUOTE_BYTES = 96
/** Errors a second, as routers limit them (RFC 1812, 4.3.2.8). */
const ERRORS_PER_SECOND = 200

/** Codes of "destination unreachable" in both families, for a reason. */
const CODES: Record<'port' | 'unreachable' | 'no-route' | 'forbidden', [number, number]> = {
  port: [3, 4],
  unreachable: [1, 3],
  'no-route': [0, 0],
  forbidden: [13, 1],
}

/** Answers a checked packet to one of our addresses if it is a request for an echo, in pieces where `mtu` wants it. */
export function answerEcho(packet: Packet, link: Link, mtu: number): void {
  const { bytes, transportAt, dataAt, dataEnd } = packet
  const isIp4 = packet.protocol === PROTOCOL_ICMP
  if (bytes[transportAt] !== (isIp4 ? ECHO_REQUEST : ECHO_REQUEST6) || bytes[transportAt + 1] !== 0) return
  const length = dataEnd - transportAt
  const envelope = new Envelope(packet.destination.copy(), packet.source.copy(), packet.protocol, length)
  envelope.bytes[envelope.transportAt] = isIp4 ? ECHO_REPLY : ECHO_REPLY6
  envelope.bytes.set(bytes.subarray(dataAt, dataEnd), envelope.transportAt + 4)
  envelope.makeSum(length, 2, [], !isIp4)
  if (length > envelope.room(mtu)) {
    putPieces(link, envelope, envelope.bytes.subarray(envelope.transportAt), mtu)
    return
  }
  envelope.address(length)
  link.put(envelope.bytes, [])
}

/** Sends errors to the machine, as many as is decent. */
export class Errors {
  private left = ERRORS_PER_SECOND
  private filledAt = 0

  constructor(
    private readonly link: Link,
    private readonly clock: Clock,
  ) {}

  /** Tells of a packet that does not get through. False: the reason is none that ICMP tells. */
  put(packet: Packet, reason: Reason | 'port'): boolean {
    return this.putFor(packet.bytes.slice(packet.ipAt, packet.ipEnd), packet.source.family, reason)
  }

  /** The same for the begin of a packet. */
  putFor(quote: Uint8Array, family: Family, reason: Reason | 'port'): boolean {
    const known = reason === 'timeout' ? 'unreachable' : reason
    if (known === 'refused' || known === 'reset' || known === 'exhausted') return false
    this.send(quote, family, family === 4 ? UNREACHABLE : UNREACHABLE6, CODES[known][family === 4 ? 0 : 1])
    return true
  }

  /** Tells that a packet has come as far as it may. */
  putExpired(packet: Packet): void {
    const { family } = packet.source
    this.send(packet.bytes.slice(packet.ipAt, packet.ipEnd), family, family === 4 ? TIME_EXCEEDED : TIME_EXCEEDED6, 0)
  }

  private send(quote: Uint8Array, family: Family, type: number, code: number): void {
    if (!this.mayTell()) return
    const shown = quote.subarray(0, QUOTE_BYTES)
    const length = HEADER_BYTES + shown.length
    const from: Address = gatewayOf(family)
    const envelope = new Envelope(from, peerOf(family), family === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMP6, length)
    const { bytes, transportAt } = envelope
    bytes[transportAt] = type
    bytes[transportAt + 1] = code
    bytes.set(shown, transportAt + HEADER_BYTES)
    envelope.address(length)
    envelope.makeSum(length, 2, [], family === 6)
    this.link.put(bytes, [])
  }

  private mayTell(): boolean {
    const now = this.clock.now()
    this.left = Math.min(ERRORS_PER_SECOND, this.left + ((now - this.filledAt) * ERRORS_PER_SECOND) / 1000)
    this.filledAt = now
    if (this.left < 1) return false
    this.left--
    return true
  }
}
