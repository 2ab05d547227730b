// All TCP connections: who a segment is for, how many there may be, and what is told when there can be none.

import type { Alarms } from '../alarms.ts'
import { GATEWAY4 } from '../plan.ts'
import type { Errors } from '../icmp.ts'
import type { Link } from '../link.ts'
import type { Packet } from '../packet.ts'
import type { Clock, Endpoint, Reason, Sockets, Stream, StreamEvents } from '../sockets.ts'
import { Table } from '../table.ts'
import { TCP_ACK, TCP_RST, TCP_SYN } from '../wire.ts'
import { Connection, type Hub } from './connection.ts'
import { putReset } from './segment.ts'

/** More than a NAT in front can ask for with all its tables; a process may rarely have so many descriptors. */
const CONNECTIONS_MAX = 16384
/** Bytes that connections may hold together in each direction, shared evenly, and what one gets at most and at least. */
const HELD_BYTES = 128 << 20
const LIMIT_MOST = 1 << 20
const LIMIT_LEAST = 1 << 14
/** The machine is one hop away, and packets don't live long here: no need for four minutes. */
const TIME_WAIT_MS = 10_000
/** Ports for connections from the host: those that Linux takes. */
const FIRST_PORT = 32768
const PORTS = 28232

export interface ConnectionsOptions {
  link: Link
  alarms: Alarms
  clock: Clock
  sockets: Sockets
  errors: Errors
  warn(message: string): void
}

export class Connections implements Hub {
  readonly link: Link
  readonly alarms: Alarms
  readonly sockets: Sockets
  private readonly table = new Table<Connection>()
  private readonly waiting = new Set<Connection>()
  private readonly alive = new Set<Connection>()
  private readonly touched = new Set<Connection>()
  private isFlushDue = false
  private nextPort = 0
  private hasComplained = false

  constructor(private readonly options: ConnectionsOptions) {
    this.link = options.link
    this.alarms = options.alarms
    this.sockets = options.sockets
  }

  /** Connections that hold anything: also those that are over for the machine and not yet for the host. */
  get count(): number {
    return this.alive.size
  }

  get now(): number {
    return this.options.clock.now()
  }

  get limit(): number {
    return Math.max(LIMIT_LEAST, Math.min(LIMIT_MOST, Math.floor(HELD_BYTES / (this.alive.size + 1))))
  }

  /** Takes a checked segment; `route` says where a new connection leads, or why nowhere. */
  take(packet: Packet, route: (packet: Packet) => Endpoint[] | Reason): void {
    const { sourcePort, destination, destinationPort } = packet
    let connection = this.table.find(sourcePort, destination, destinationPort)
    if (connection?.givesWayTo(packet)) {
      connection.abort()
      connection = undefined
    }
    if (connection !== undefined) connection.take(packet)
    else if ((packet.bytes[packet.transportAt + 13]! & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN) {
      this.begin(packet, route(packet))
    } else putReset(this.link, packet)
  }

  /** Offers a connection that came in at the host to the machine's port; gives what its stream tells. */
  offer(stream: Stream, port: number): StreamEvents | undefined {
    if (!this.hasRoom()) return undefined
    const own = this.freePort(port)
    if (own === undefined) return undefined
    const connection = this.add(new Connection(this, GATEWAY4, own, port, 'syn-sent'))
    connection.offer(stream)
    this.link.tell()
    return connection
  }

  /** Flushes all that were touched. */
  flush(): void {
    for (const connection of this.touched) connection.flush()
    this.touched.clear()
  }

  close(): void {
    for (const connection of [...this.alive]) connection.abort()
    // What was over already only waits for the host.
    for (const connection of [...this.alive]) connection.wake(this.now)
    this.touched.clear()
  }

  // ── What connections ask for ──────────────────────────────────────────────────────────────────────────────────

  firstSeq(): number {
    return crypto.getRandomValues(new Uint32Array(1))[0]!
  }

  touch(connection: Connection): void {
    this.touched.add(connection)
    if (this.isFlushDue) return
    this.isFlushDue = true
    this.options.clock.soon(() => {
      this.isFlushDue = false
      this.flush()
      this.link.tell()
    })
  }

  refuse(quote: Uint8Array, connection: Connection, ack: number, reason: Reason): void {
    if (reason === 'exhausted') this.complain('the host has no more sockets; raise its limit of open files')
    if (!this.options.errors.putFor(quote, connection.local.family, reason)) connection.putReset(ack)
  }

  waitOut(connection: Connection): void {
    this.waiting.add(connection)
    this.alarms.set(connection, this.now + TIME_WAIT_MS)
  }

  forget(connection: Connection): void {
    this.table.remove(connection)
    this.waiting.delete(connection)
    this.touched.delete(connection)
  }

  release(connection: Connection): void {
    this.alive.delete(connection)
  }

  private begin(packet: Packet, route: Endpoint[] | Reason): void {
    if (typeof route === 'string') {
      if (!this.options.errors.put(packet, route)) putReset(this.link, packet)
      return
    }
    if (!this.hasRoom()) {
      putReset(this.link, packet)
      return
    }
    const { destination, destinationPort, sourcePort } = packet
    const connection = new Connection(this, destination.copy(), destinationPort, sourcePort, 'connecting')
    this.add(connection).ask(packet, route)
  }

  private add(connection: Connection): Connection {
    this.table.add(connection)
    this.alive.add(connection)
    return connection
  }

  private hasRoom(): boolean {
    if (this.alive.size < CONNECTIONS_MAX) return true
    // One that only waits for its ports to be forgotten can go.
    for (const connection of this.waiting) {
      connection.abort()
      return this.alive.size < CONNECTIONS_MAX
    }
    this.complain(`${CONNECTIONS_MAX} connections are open, and no more can be`)
    return false
  }

  private freePort(peerPort: number): number | undefined {
    for (let i = 0; i < PORTS; i++) {
      const port = FIRST_PORT + ((this.nextPort + i) % PORTS)
      if (this.table.find(peerPort, GATEWAY4, port) !== undefined) continue
      this.nextPort = port - FIRST_PORT + 1
      return port
    }
    return undefined
  }

  private complain(message: string): void {
    if (this.hasComplained) return
    this.hasComplained = true
    this.options.warn(`The user uplink refuses connections: ${message}.`)
  }
}
