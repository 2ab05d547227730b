// UDP: each pair of ends that the machine uses is a flow with a socket of its own at the host, until it has been idle for long.

import type { Address } from './address.ts'
import type { Alarms, Sleeper } from './alarms.ts'
import { Envelope } from './envelope.ts'
import { putDatagram } from './fragments.ts'
import type { Errors } from './icmp.ts'
import type { Link } from './link.ts'
import type { Packet } from './packet.ts'
import { GATEWAY4, peerOf } from './plan.ts'
import type { Clock, DatagramEvents, Datagrams, Endpoint, Reason, Sockets } from './sockets.ts'
import { type Entry, Table } from './table.ts'
import { PROTOCOL_UDP, put16, UDP_BYTES } from './wire.ts'

const FLOWS_MAX = 4096
/** RFC 4787, REQ-5. */
const IDLE_MS = 120_000
const QUOTE_BYTES = 96
const FIRST_PORT = 32768
const PORTS = 28232

export interface FlowsOptions {
  link: Link
  alarms: Alarms
  clock: Clock
  sockets: Sockets
  errors: Errors
  /** Longest packet to the machine, in bytes; longer datagrams go in pieces. */
  mtu: number
}

/** Headers of datagrams to the machine. */
export function datagramEnvelope(from: Address, fromPort: number, toPort: number): Envelope {
  const envelope = new Envelope(from, peerOf(from.family), PROTOCOL_UDP, UDP_BYTES)
  put16(envelope.bytes, envelope.transportAt, fromPort)
  put16(envelope.bytes, envelope.transportAt + 2, toPort)
  return envelope
}

class Flow implements Entry<Flow>, Sleeper, DatagramEvents {
  sibling: Flow | undefined
  wakeAt = 0
  lookAt = 0
  usedAt = 0
  /** What the machine sends goes here. */
  send: (bytes: Uint8Array) => void = () => {}
  close: () => void = () => {}
  /** Begin of the machine's last packet, for errors. */
  quote: Uint8Array | undefined
  private readonly envelope: Envelope

  constructor(
    private readonly flows: Flows,
    readonly local: Address,
    readonly localPort: number,
    readonly peerPort: number,
  ) {
    this.envelope = datagramEnvelope(local, localPort, peerPort)
  }

  /** What came in at the host. */
  datagram(bytes: Uint8Array): void {
    const { link, clock, mtu } = this.flows.options
    this.usedAt = clock.now()
    putDatagram(link, this.envelope, bytes, mtu)
    link.tell()
  }

  failed(reason: Reason): void {
    const { link, errors } = this.flows.options
    if (this.quote !== undefined) errors.putFor(this.quote, this.local.family, reason === 'refused' ? 'port' : reason)
    link.tell()
    this.flows.end(this)
  }

  wake(now: number): void {
    if (now - this.usedAt < IDLE_MS) this.flows.options.alarms.set(this, this.usedAt + IDLE_MS)
    else this.flows.end(this)
  }
}

export class Flows {
  private readonly table = new Table<Flow>()
  private nextPort = 0

  constructor(readonly options: FlowsOptions) {}

  get count(): number {
    return this.table.size
  }

  /** Takes a checked datagram; `route` says where a new flow leads, or why nowhere. */
  take(packet: Packet, route: (packet: Packet) => Endpoint[] | Reason): void {
    const { sourcePort, destination, destinationPort } = packet
    const flow = this.table.find(sourcePort, destination, destinationPort) ?? this.begin(packet, route(packet))
    if (flow === undefined) return
    flow.usedAt = this.options.clock.now()
    flow.quote = packet.bytes.slice(packet.ipAt, Math.min(packet.ipEnd, packet.ipAt + QUOTE_BYTES))
    flow.send(packet.bytes.slice(packet.dataAt, packet.dataEnd))
  }

  /** The flow of a peer that found one of the host's ports; `send` takes the machine's answers to it. */
  offer(port: number, send: (bytes: Uint8Array) => void, close: () => void): DatagramEvents | undefined {
    for (let i = 0; i < PORTS; i++) {
      const own = FIRST_PORT + ((this.nextPort + i) % PORTS)
      if (this.table.find(port, GATEWAY4, own) !== undefined) continue
      this.nextPort = own - FIRST_PORT + 1
      const flow = this.add(new Flow(this, GATEWAY4, own, port))
      flow.send = send
      flow.close = close
      return flow
    }
    return undefined
  }

  /** Ends a flow: its socket is closed, and its ports are free. */
  end(flow: Flow): void {
    if (!this.table.remove(flow)) return
    this.options.alarms.set(flow, 0)
    flow.close()
  }

  /** Ends the flow that `offer` gave. */
  endOffered(events: DatagramEvents): void {
    if (events instanceof Flow) this.end(events)
  }

  close(): void {
    for (const flow of this.table) this.end(flow)
  }

  private begin(packet: Packet, route: Endpoint[] | Reason): Flow | undefined {
    if (typeof route === 'string') {
      this.options.errors.put(packet, route === 'refused' ? 'port' : route)
      return undefined
    }
    const flow = this.add(new Flow(this, packet.destination.copy(), packet.destinationPort, packet.sourcePort))
    const socket: Datagrams = this.options.sockets.datagrams(route[0]!, flow)
    flow.send = (bytes) => socket.send(bytes)
    flow.close = () => socket.close()
    return flow
  }

  private add(flow: Flow): Flow {
    if (this.table.size >= FLOWS_MAX) this.evict()
    flow.usedAt = this.options.clock.now()
    this.table.add(flow)
    this.options.alarms.set(flow, flow.usedAt + IDLE_MS)
    return flow
  }

  /** Ends the flow that was idle for longest. */
  private evict(): void {
    let oldest: Flow | undefined
    for (const flow of this.table) if (oldest === undefined || flow.usedAt < oldest.usedAt) oldest = flow
    if (oldest !== undefined) this.end(oldest)
  }
}
