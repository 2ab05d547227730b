// One TCP connection: the machine's segments on one side, a stream of the host on the other.
//
//   connecting     the machine wants to, and the host is asked; the machine hears nothing until it has answered
//   syn-received   the host has the connection, the machine is told
//   syn-sent       a connection that came in at the host is offered to the machine
//   open           both have it; each direction ends by itself
//   time-wait      all was said, and the machine may not have heard our last word
//   over           TCP is done with it; the host may still have bytes to write

import type { Address } from '../address.ts'
import type { Alarms, Sleeper } from '../alarms.ts'
import type { Link, Waiter } from '../link.ts'
import type { Packet } from '../packet.ts'
import { peerOf } from '../plan.ts'
import type { Endpoint, Reason, Sockets, Stream, StreamEvents } from '../sockets.ts'
import type { Entry } from '../table.ts'
import { distance, get16, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../wire.ts'
import { Receiver } from './receiver.ts'
import { ackOf, OUR_SCALE, readOptions, SegmentWriter, seqOf } from './segment.ts'
import { Sender } from './sender.ts'

type State = 'connecting' | 'syn-received' | 'syn-sent' | 'open' | 'time-wait' | 'over'

const FIRST_SYN_MS = 1_000
const SYNS_MAX = 6
/** How long the host may take to write the last bytes of a connection that is over. */
const LINGER_MS = 120_000
/** Hosts ask after two idle hours, and NAT keeps connections so long (RFC 5382, REQ-5). */
const IDLE_MS = 2 * 60 * 60_000
const PROBE_MS = 75_000
const PROBES_MAX = 9
/** Without a window scale no larger window can be told. */
const PLAIN_WINDOW = 65535

/** What all connections share. */
export interface Hub {
  readonly link: Link
  readonly alarms: Alarms
  readonly sockets: Sockets
  /** Milliseconds of the clock. */
  readonly now: number
  /** Bytes that a connection may hold in each direction. */
  readonly limit: number
  /** A first sequence number that nobody can guess. */
  firstSeq(): number
  /** Flushes the connection soon. */
  touch(connection: Connection): void
  /** Tells the machine why a connection could not be had; `quote` is the begin of its packet, `ack` what a reset acknowledges. */
  refuse(quote: Uint8Array, connection: Connection, ack: number, reason: Reason): void
  /** Remembers a finished connection for a while. */
  waitOut(connection: Connection): void
  /** Its ports are free for another. */
  forget(connection: Connection): void
  /** Nothing is left of it. */
  release(connection: Connection): void
}

export class Connection implements Entry<Connection>, Sleeper, Waiter, StreamEvents {
  sibling: Connection | undefined
  wakeAt = 0
  lookAt = 0
  state: State
  readonly local: Address
  private stream: Stream | undefined
  private isStreamGone = false
  private isPaused = true
  private hostHasEnded = false
  private readonly writer: SegmentWriter
  private readonly sender: Sender
  private readonly receiver: Receiver
  private scale = 0
  private theirScale = 0
  private theirMss = 0
  private theirWindow = 0
  private firstSeq = 0
  private syns = 0
  private probes = 0
  private heardAt = 0
  private owesAck = false
  /** Our FIN was out when the machine's came: then it may ask for our last acknowledgement again. */
  private hasLastWord = false
  /** Where else the host may have it. */
  private others: Endpoint[] = []
  /** Begin of the packet that wanted the connection: ICMP errors must show it. */
  private quote: Uint8Array | undefined

  constructor(
    private readonly hub: Hub,
    local: Address,
    readonly localPort: number,
    readonly peerPort: number,
    state: 'connecting' | 'syn-sent',
  ) {
    this.local = local
    this.state = state
    this.writer = new SegmentWriter(hub.link, local, localPort, peerOf(local.family), peerPort)
    this.sender = new Sender((seq, flags, parts, length) => this.put(seq, flags, parts, length))
    this.receiver = new Receiver((bytes) => this.deliver(bytes))
  }

  /** Begins with the machine's SYN: the host is asked at `candidates`, one after the other. */
  ask(packet: Packet, candidates: Endpoint[]): void {
    this.readSyn(packet)
    this.quote = packet.bytes.slice(packet.ipAt, Math.min(packet.ipEnd, packet.ipAt + 96))
    this.others = candidates.slice(1)
    this.stream = this.hub.sockets.connect(candidates[0]!, this)
  }

  /** Begins with a connection of the host's, which is offered to the machine. */
  offer(stream: Stream): void {
    this.stream = stream
    this.firstSeq = this.hub.firstSeq()
    this.sendSyn()
  }

  /** Takes a checked segment that is for this connection. */
  take(packet: Packet): void {
    this.heardAt = this.hub.now
    this.probes = 0
    const flags = packet.bytes[packet.transportAt + 13]!
    if (this.state === 'connecting') this.takeWhileConnecting(packet, flags)
    else if (this.state === 'syn-sent') this.takeWhileOffering(packet, flags)
    else this.takeInOrder(packet, flags)
  }

  /** Whether a SYN may begin a new connection with the same ports (RFC 6191 without timestamps). */
  givesWayTo(packet: Packet): boolean {
    const isSyn = (packet.bytes[packet.transportAt + 13]! & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN
    return this.state === 'time-wait' && isSyn && distance(seqOf(packet), this.receiver.next) > 0
  }

  /** Sends all that can be sent now; to be called after segments were taken or the host said something. */
  flush(): void {
    if (this.state === 'over' || this.state === 'connecting') return
    this.stream?.flush()
    if (this.state === 'open') {
      this.sender.send(this.hub.now)
      if (this.isPaused && this.sender.backlog.length <= this.hub.limit / 2) this.resume()
    }
    if (this.owesAck && this.state !== 'syn-sent') this.putEmpty(TCP_ACK)
    this.arm()
  }

  resend(): void {
    if (this.state === 'syn-received' || this.state === 'syn-sent') return
    this.flush()
  }

  /** Says that nobody is there, with a reset that acknowledges `ack`. */
  putReset(ack: number): void {
    this.writer.put(0, ack, TCP_RST | TCP_ACK, 0, [], 0, 0)
  }

  /** Breaks off on both sides. */
  abort(): void {
    if (this.state === 'over') return
    if (this.state !== 'connecting' && this.state !== 'time-wait') this.putEmpty(TCP_RST | TCP_ACK)
    this.drop()
  }

  wake(now: number): void {
    switch (this.state) {
      case 'syn-received':
      case 'syn-sent':
        if (this.syns < SYNS_MAX) this.sendSyn()
        else this.abort()
        break
      case 'open':
        this.wakeOpen(now)
        break
      case 'time-wait':
        this.end()
        break
      case 'over':
        this.drop()
    }
    this.hub.link.tell()
  }

  // ── What the host says ────────────────────────────────────────────────────────────────────────────────────────

  opened(): void {
    if (this.state !== 'connecting') return
    this.quote = undefined
    this.state = 'syn-received'
    this.firstSeq = this.hub.firstSeq()
    this.sendSyn()
    this.hub.link.tell()
  }

  data(bytes: Uint8Array): void {
    if (this.state !== 'open') return
    this.sender.backlog.push(bytes)
    if (!this.isPaused && this.sender.backlog.length >= this.hub.limit) {
      this.isPaused = true
      this.stream?.pause()
    }
    this.hub.touch(this)
  }

  ended(): void {
    this.hostHasEnded = true
    this.sender.finish()
    this.hub.touch(this)
  }

  drained(): void {
    if (this.state !== 'open' || this.receiver.isFinished) return
    this.owesAck = true
    this.hub.touch(this)
  }

  failed(reason: Reason): void {
    this.isStreamGone = true
    if (this.state === 'connecting') {
      const next = reason === 'exhausted' ? undefined : this.others.shift()
      if (next !== undefined) {
        this.isStreamGone = false
        this.stream = this.hub.sockets.connect(next, this)
        return
      }
      if (this.quote !== undefined) this.hub.refuse(this.quote, this, (this.firstPeerSeq + 1) >>> 0, reason)
      this.drop()
    } else if (this.state === 'time-wait' || this.state === 'over') this.drop()
    else this.abort()
    this.hub.link.tell()
  }

  closed(): void {
    this.isStreamGone = true
    if (this.state === 'over') this.drop()
    // It ended before it was offered to the end.
    else if (this.state === 'connecting') this.failed('reset')
  }

  // ── What the machine says ─────────────────────────────────────────────────────────────────────────────────────

  private get firstPeerSeq(): number {
    return (this.receiver.next - 1) >>> 0
  }

  private readSyn(packet: Packet): void {
    const { mss, scale } = readOptions(packet)
    this.theirMss = mss
    this.theirScale = scale ?? 0
    this.scale = scale === undefined ? 0 : OUR_SCALE
    this.theirWindow = get16(packet.bytes, packet.transportAt + 14)
    this.receiver.start((seqOf(packet) + 1) >>> 0)
  }

  private takeWhileConnecting(packet: Packet, flags: number): void {
    if ((flags & TCP_RST) !== 0) {
      if (distance(seqOf(packet), this.receiver.next) === 0) this.drop()
    } else if ((flags & (TCP_SYN | TCP_ACK)) === TCP_SYN) this.readSyn(packet)
  }

  private takeWhileOffering(packet: Packet, flags: number): void {
    const isAck = (flags & TCP_ACK) !== 0 && ackOf(packet) === (this.firstSeq + 1) >>> 0
    if (!isAck) return
    if ((flags & TCP_RST) !== 0) this.drop()
    else if ((flags & TCP_SYN) !== 0) {
      this.readSyn(packet)
      this.open(packet, this.theirWindow)
      this.owesAck = true
      this.hub.touch(this)
    }
  }

  private takeInOrder(packet: Packet, flags: number): void {
    const seq = seqOf(packet)
    if ((flags & TCP_RST) !== 0) {
      // Only the exact number is believed; for others that might be right the machine is asked (RFC 5961, 3.2).
      if (seq === this.receiver.next) this.drop()
      else if (distance(seq, this.receiver.next) > 0 && distance(seq, this.receiver.edge) < 0) this.oweAck()
      return
    }
    if ((flags & TCP_SYN) !== 0) {
      if (this.state !== 'syn-received') this.oweAck()
      else if (seq === this.firstPeerSeq) this.sendSyn()
      return
    }
    if ((flags & TCP_ACK) === 0) return
    const ack = ackOf(packet)
    const window = get16(packet.bytes, packet.transportAt + 14) << this.theirScale
    if (this.state === 'syn-received') {
      if (ack !== (this.firstSeq + 1) >>> 0) return
      this.open(packet, window)
    }
    const bytes = packet.dataEnd - packet.dataAt
    const isFinish = (flags & TCP_FIN) !== 0
    if (!this.sender.acknowledge(ack, seq, window, bytes === 0 && !isFinish, this.hub.now)) {
      this.oweAck()
      return
    }
    if (bytes > 0 || isFinish) this.takeData(packet, seq, isFinish)
    // A probe of an idle connection carries nothing, and a number from before.
    else if (distance(seq, this.receiver.next) < 0) this.owesAck = true
    if (this.sender.isFinished && this.receiver.isFinished && this.state === 'open') this.finish()
    this.hub.touch(this)
  }

  private takeData(packet: Packet, seq: number, isFinish: boolean): void {
    const wasFinished = this.receiver.isFinished
    const isInOrder = this.receiver.take(seq, packet.bytes.subarray(packet.dataAt, packet.dataEnd), isFinish)
    this.owesAck = true
    // What is missing must be told once for each segment that came too early, for that is how the machine notices.
    if (!isInOrder) this.putEmpty(TCP_ACK)
    if (!this.receiver.isFinished || wasFinished) return
    this.hasLastWord = this.sender.hasSentFinish
    this.stream?.end()
  }

  private oweAck(): void {
    this.owesAck = true
    this.hub.touch(this)
  }

  private deliver(bytes: Uint8Array): void {
    const stream = this.stream!
    // A small piece would keep the whole block that it lies in, and so would one that cannot go at once.
    const isOwn = bytes.length < 2048 || stream.waiting > 0
    if (isOwn) stream.write(bytes.slice())
    else {
      stream.write(bytes)
      this.hub.link.keep(bytes.byteOffset + bytes.length)
    }
  }

  // ── States ────────────────────────────────────────────────────────────────────────────────────────────────────

  private open(packet: Packet, window: number): void {
    this.state = 'open'
    this.sender.start((this.firstSeq + 1) >>> 0, this.theirMss, window, seqOf(packet))
    if (this.hostHasEnded) this.sender.finish()
    this.resume()
  }

  private resume(): void {
    this.isPaused = false
    this.stream?.resume()
  }

  /** Both directions have ended. */
  private finish(): void {
    if (!this.hasLastWord) {
      this.end()
      return
    }
    this.state = 'time-wait'
    this.hub.waitOut(this)
  }

  /** TCP is over; the host writes the rest. */
  private end(): void {
    if (this.owesAck) this.putEmpty(TCP_ACK)
    this.leave()
    if (this.isStreamGone) this.hub.release(this)
    else this.hub.alarms.set(this, this.hub.now + LINGER_MS)
  }

  /** All is over at once. */
  private drop(): void {
    this.leave()
    if (!this.isStreamGone) this.stream?.reset()
    this.isStreamGone = true
    this.hub.alarms.set(this, 0)
    this.hub.release(this)
  }

  private leave(): void {
    this.state = 'over'
    this.sender.backlog.clear()
    this.receiver.clear()
    this.hub.link.forget(this)
    this.hub.forget(this)
  }

  // ── Segments ──────────────────────────────────────────────────────────────────────────────────────────────────

  private sendSyn(): void {
    const flags = this.state === 'syn-sent' ? 0 : TCP_ACK
    const room = Math.min(this.hub.limit, PLAIN_WINDOW)
    // A SYN's window is never scaled.
    const window = this.state === 'syn-sent' ? room : this.receiver.window(room, 1)
    const hasScale = this.state === 'syn-sent' || this.scale > 0
    this.writer.putSyn(this.firstSeq, flags === 0 ? 0 : this.receiver.next, flags, window, hasScale)
    this.hub.alarms.set(this, this.hub.now + FIRST_SYN_MS * 2 ** this.syns++)
  }

  private put(seq: number, flags: number, parts: Uint8Array[], length: number): boolean {
    const isSent = this.writer.put(
      seq,
      this.receiver.next,
      flags,
      this.window(),
      parts,
      length,
      this.sender.segmentSize,
    )
    if (isSent) this.owesAck = false
    else this.hub.link.waitForRoom(this)
    return isSent
  }

  private putEmpty(flags: number): void {
    // Before the handshake is over nothing is under way but the SYN.
    const seq = this.state === 'open' || this.state === 'time-wait' ? this.sender.latest : (this.firstSeq + 1) >>> 0
    this.put(seq, flags, [], 0)
  }

  private window(): number {
    const limit = this.scale === 0 ? Math.min(this.hub.limit, PLAIN_WINDOW) : this.hub.limit
    const room = limit - (this.stream?.waiting ?? 0)
    return this.receiver.window(room, 1 << this.scale) >>> this.scale
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private wakeOpen(now: number): void {
    if (this.sender.dueAt !== 0) {
      if (now >= this.sender.dueAt && !this.sender.expire(now)) this.abort()
    } else if (now >= this.heardAt + IDLE_MS + this.probes * PROBE_MS) {
      if (this.probes++ < PROBES_MAX) this.put((this.sender.latest - 1) >>> 0, TCP_ACK, [], 0)
      else this.abort()
    }
    this.arm()
  }

  private arm(): void {
    if (this.state !== 'open') return
    const at = this.sender.dueAt !== 0 ? this.sender.dueAt : this.heardAt + IDLE_MS + this.probes * PROBE_MS
    this.hub.alarms.set(this, at)
  }
}
