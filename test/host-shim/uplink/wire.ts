// Frames of the machine, made by hand for the gateway, and what it answers, taken apart.

import { Frames } from '../../../host-shim/frames.ts'
import type { Address, Family } from '../../../host-shim/uplink/address.ts'
import { Gateway, type GatewayOptions } from '../../../host-shim/uplink/gateway.ts'
import { Packet, pseudoSum } from '../../../host-shim/uplink/packet.ts'
import { GATEWAY4, GATEWAY6, OUR_MAC, PEER4, PEER6 } from '../../../host-shim/uplink/plan.ts'
import type { Clock, Sockets } from '../../../host-shim/uplink/sockets.ts'
import { fold, PAYLOAD_AT, put16, put32, sumOf } from '../../../host-shim/uplink/wire.ts'

export const MAC = Uint8Array.of(2, 0x6f, 0x72, 0x6c, 0, 2)
const SUM_AT: Record<number, number> = { 1: 2, 6: 16, 17: 6, 58: 2 }

/** A frame with an IP packet of `protocol` from the machine; the sum in `transport` is made. */
export function ip(family: Family, protocol: number, transport: Uint8Array, to?: Address): Uint8Array {
  const headerBytes = family === 4 ? 20 : 40
  const [source, destination] = family === 4 ? [PEER4, to ?? GATEWAY4] : [PEER6, to ?? GATEWAY6]
  const frame = new Uint8Array(PAYLOAD_AT + headerBytes + transport.length)
  frame.set(OUR_MAC, 12)
  frame.set(MAC, 18)
  put16(frame, 24, family === 4 ? 0x0800 : 0x86dd)
  const at = PAYLOAD_AT
  frame[at] = family === 4 ? 0x45 : 0x60
  put16(frame, at + (family === 4 ? 2 : 4), transport.length + (family === 4 ? headerBytes : 0))
  frame[at + (family === 4 ? 8 : 7)] = 64
  frame[at + (family === 4 ? 9 : 6)] = protocol
  source.write(frame, at + (family === 4 ? 12 : 8))
  destination.write(frame, at + (family === 4 ? 16 : 24))
  frame.set(transport, at + headerBytes)
  const sumAt = SUM_AT[protocol]
  if (sumAt !== undefined && transport.length > sumAt + 1) {
    const pseudo = protocol === 1 ? 0 : pseudoSum(source, destination, protocol, transport.length)
    put16(frame, at + headerBytes + sumAt, ~fold(sumOf(frame, at + headerBytes, frame.length, pseudo)))
  }
  if (family === 4) put16(frame, at + 10, ~fold(sumOf(frame, at, at + headerBytes)))
  return frame
}

export interface Segment {
  from: number
  to: number
  seq: number
  ack: number
  flags: number
  window?: number
  data?: Uint8Array
}

export function tcp({ from, to, seq, ack, flags, window = 65535, data = new Uint8Array(0) }: Segment): Uint8Array {
  const bytes = new Uint8Array(20 + data.length)
  put16(bytes, 0, from)
  put16(bytes, 2, to)
  put32(bytes, 4, seq)
  put32(bytes, 8, ack)
  bytes[12] = 0x50
  bytes[13] = flags
  put16(bytes, 14, window)
  bytes.set(data, 20)
  return bytes
}

export function udp(from: number, to: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + data.length)
  put16(bytes, 0, from)
  put16(bytes, 2, to)
  put16(bytes, 4, bytes.length)
  bytes.set(data, 8)
  return bytes
}

/** A gateway, and the machine's ends of its rings. */
export class Bench {
  readonly gateway: Gateway
  readonly out = Frames.create(1 << 20)
  readonly in = Frames.create(1 << 20)
  readonly warnings: string[] = []
  private readonly buffer = new Uint8Array(70_000)

  constructor(sockets: Sockets, clock: Clock, options: Partial<GatewayOptions> = {}) {
    const warn = (message: string) => this.warnings.push(message)
    this.gateway = new Gateway({ out: this.out, in: this.in, wake: () => {}, warn, sockets, clock, ...options })
    this.gateway.pump()
  }

  send(frame: Uint8Array): boolean {
    return this.out.put(frame)
  }

  /** The next frame from the gateway, read; undefined: there is none. */
  receive(): { kind: string; packet: Packet; frame: Uint8Array } | undefined {
    const length = this.in.take(this.buffer)
    if (length === 0) return undefined
    const frame = this.buffer.slice(0, length)
    const packet = new Packet()
    return { kind: packet.read(frame, 0, length), packet, frame }
  }
}
