// The gateway of the `user` uplink: ends what the machine sends in sockets of the host, and brings what comes in there.
//
// It stands at 192.0.0.1 and fd6f:726c:6f70::1, the machine at ::2, a name server at ::3 (plan.ts). The gateway's address is the
// host's own loopback. TCP and UDP pass, and nothing else: of ICMP, echoes to the gateway are answered, and all others
// are refused by an error that says so, because a host lets nobody send them without a right to it.

import { Alarms } from './alarms.ts'
import { Flows } from './flows.ts'
import { Reassembly } from './fragments.ts'
import { answerEcho, Errors } from './icmp.ts'
import { Link, type LinkOptions } from './link.ts'
import { Names } from './names.ts'
import { answerArp, answerSolicitation, ND_SOLICITATION } from './neighbours.ts'
import { Packet } from './packet.ts'
import { isNames, isOurs, peerOf } from './plan.ts'
import { type Publication, Publications } from './publications.ts'
import { NAMES_PORT, routeTo } from './route.ts'
import type { Clock, Endpoint, Reason, Sockets } from './sockets.ts'
import { Connections } from './tcp/connections.ts'
import { PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from './wire.ts'

export interface GatewayOptions extends LinkOptions {
  sockets: Sockets
  clock: Clock
  /** Whether the host itself may be reached, by the gateway's address or any other of its own. Default: true. */
  host?: boolean
  /** Longest packet to the machine that it need not cut itself, in bytes. Default: 1500. */
  mtu?: number
  /** Called when the host cannot give what it should: once for each kind. */
  warn(message: string): void
}

/** What is open now. */
export interface GatewayReport {
  connections: number
  flows: number
  queries: number
  publications: number
  /** Frames that were not understood or did not come from the machine. */
  malformed: number
}

const MTU = 1500
/** Frames until acknowledgements go out, and until others get their turn. */
const FRAMES_PER_FLUSH = 16
const FRAMES_PER_TURN = 256

export class Gateway {
  private readonly link: Link
  private readonly alarms: Alarms
  private readonly connections: Connections
  private readonly flows: Flows
  private readonly names: Names
  private readonly errors: Errors
  private readonly publications: Publications
  private readonly reassembly = new Reassembly()
  private readonly packet = new Packet()
  private readonly route: (packet: Packet) => Endpoint[] | Reason
  private malformed = 0
  private isClosed = false
  private isTurnDue = false

  constructor(private readonly options: GatewayOptions) {
    const { clock, sockets, host = true, mtu = MTU } = options
    const link = new Link(options, clock)
    const alarms = new Alarms(clock)
    const errors = new Errors(link, clock)
    this.link = link
    this.alarms = alarms
    this.errors = errors
    this.connections = new Connections({ link, alarms, clock, sockets, errors, warn: options.warn })
    this.flows = new Flows({ link, alarms, clock, sockets, errors, mtu })
    this.names = new Names({ link, alarms, clock, sockets, mtu })
    this.publications = new Publications(sockets, this.connections, this.flows)
    this.route = ({ destination, destinationPort }) => routeTo(destination, destinationPort, host, sockets)
  }

  /** Takes what the machine has sent; to be called once to begin with, and when its port tells. */
  pump(): void {
    const { out, wake } = this.options
    if (this.isClosed || this.isTurnDue) return
    this.link.retry()
    for (let frames = 1; ; frames++) {
      const length = this.link.take()
      if (length > 0) {
        this.take(length)
        if (frames % FRAMES_PER_FLUSH === 0) this.connections.flush()
        if (frames < FRAMES_PER_TURN) continue
      }
      this.connections.flush()
      this.link.tell()
      if (out.ring.tellWriter()) wake()
      if (length > 0) {
        this.isTurnDue = true
        this.options.clock.soon(() => {
          this.isTurnDue = false
          this.pump()
        })
        return
      }
      out.ring.askForBytes()
      if (out.nextLength() === 0) return
    }
  }

  /** Listens at the host, and offers what comes to the machine's port; gives the port it got where 0 was asked for. */
  publish(publication: Publication): Promise<number> {
    return this.publications.add(publication)
  }

  /** Listens no longer. Connections that came in go on; false: there is no such publication. */
  unpublish(publication: Publication): boolean {
    return this.publications.remove(publication)
  }

  report(): GatewayReport {
    return {
      connections: this.connections.count,
      flows: this.flows.count,
      queries: this.names.count,
      publications: this.publications.count,
      malformed: this.malformed,
    }
  }

  /** Ends everything: both sides of connections get a reset. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.publications.close()
    this.connections.close()
    this.flows.close()
    this.names.close()
    this.alarms.close()
    this.link.tell()
    this.link.close()
  }

  private take(length: number): void {
    const { link, packet } = this
    const kind = packet.read(link.block, link.frameAt, link.frameAt + length)
    if (kind === 'arp') {
      link.learn(packet.bytes, packet.ethernetAt + 6)
      const answer = answerArp(packet)
      if (answer !== undefined) link.putWhole([answer])
    } else if (kind === 'ip') this.takeIp()
    else this.malformed++
  }

  private takeIp(): void {
    const { packet, link } = this
    link.learn(packet.bytes, packet.ethernetAt + 6)
    if (packet.protocol === PROTOCOL_ICMP6 && this.takeNeighbour()) return
    // Everybody behind the machine is hidden by its address.
    if (!packet.source.equals(peerOf(packet.source.family))) {
      this.malformed++
      return
    }
    if (packet.isFragment && !this.reassembly.take(packet, this.options.clock.now())) return
    if (packet.hops <= 1 && !isOurs(packet.destination)) {
      this.errors.putExpired(packet)
      return
    }
    if (!this.takeTransport()) this.malformed++
  }

  /** True: it was a matter between neighbours. */
  private takeNeighbour(): boolean {
    const { packet } = this
    if (packet.isFragment || !packet.checkIcmp()) return false
    const type = packet.bytes[packet.transportAt]!
    if (type === ND_SOLICITATION) {
      const answer = answerSolicitation(packet)
      if (answer !== undefined) this.link.putWhole([answer])
    }
    return type >= 130 && type <= 143
  }

  /** False: it is damaged. */
  private takeTransport(): boolean {
    const { packet } = this
    switch (packet.protocol) {
      case PROTOCOL_TCP:
        if (!packet.checkTcp()) return false
        this.connections.take(packet, this.route)
        return true
      case PROTOCOL_UDP:
        if (!packet.checkUdp()) return false
        if (isNames(packet.destination) && packet.destinationPort === NAMES_PORT) this.names.take(packet)
        else this.flows.take(packet, this.route)
        return true
      case PROTOCOL_ICMP:
      case PROTOCOL_ICMP6:
        return this.takeIcmp()
    }
    this.errors.put(packet, 'forbidden')
    return true
  }

  private takeIcmp(): boolean {
    const { packet } = this
    if (!packet.checkIcmp()) return false
    const type = packet.bytes[packet.transportAt]!
    // No error is answered by an error (RFC 1122, 3.2.2), nor is an answer.
    const isRequest = packet.protocol === PROTOCOL_ICMP ? type === 8 || type >= 13 : type === 128
    if (isOurs(packet.destination)) answerEcho(packet, this.link, this.options.mtu ?? MTU)
    else if (isRequest) this.errors.put(packet, 'forbidden')
    return true
  }
}
