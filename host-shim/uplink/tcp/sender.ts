// The sending half of a TCP connection: what is under way to the machine, how much may be, and what must be repeated.
//
// Windows as in RFC 9293, congestion as in RFC 5681 and 6582 (NewReno), time-outs as in RFC 6298. The link is a ring in memory, so
// that the first window is large; but the machine drops frames when a guest does not fetch them, and then there is
// congestion like everywhere.

import { distance, TCP_ACK, TCP_FIN, TCP_PSH } from '../wire.ts'
import { Backlog } from './backlog.ts'
import { SEGMENT_BYTES_MAX } from './segment.ts'

const FIRST_CONGESTION_BYTES = 4 * 65536
const CONGESTION_BYTES_MAX = 1 << 22
const FIRST_TIMEOUT_MS = 1_000
const LEAST_TIMEOUT_MS = 200
const LONGEST_TIMEOUT_MS = 60_000
/** How long the machine may be silent while something is under way; a host's own TCP gives up after as long. */
const PATIENCE_MS = 15 * 60_000
const REPEATED_ACKS = 3

export class Sender {
  readonly backlog = new Backlog()
  /** The oldest number that is not acknowledged, the next to send, and the one behind the last that ever was sent. */
  oldest = 0
  next = 0
  latest = 0
  /** When something must be repeated; ms of the clock, 0: nothing is under way. */
  dueAt = 0
  /** All was sent and acknowledged, and our FIN. */
  isFinished = false
  private mss = 0
  private segmentBytes = 0
  private window = 0
  private windowSeq = 0
  private windowAck = 0
  private congestion = FIRST_CONGESTION_BYTES
  private threshold = Number.POSITIVE_INFINITY
  private repeats = 0
  /** In recovery: all up to here was sent when the loss was seen. */
  private recoverTo: number | undefined
  private willFinish = false
  private smoothMs = 0
  private varianceMs = 0
  private timeoutMs = FIRST_TIMEOUT_MS
  private timedSeq = 0
  private timedAt = 0
  private silentSince = 0

  /** `put` sends a segment; false: there is no room now, and `send` is called again when there is. */
  constructor(private readonly put: (seq: number, flags: number, parts: Uint8Array[], length: number) => boolean) {}

  /** Begins behind the SYN, which is acknowledged. */
  start(first: number, mss: number, window: number, seq: number): void {
    this.oldest = first
    this.next = first
    this.latest = first
    this.mss = Math.min(mss, SEGMENT_BYTES_MAX)
    this.segmentBytes = Math.floor(SEGMENT_BYTES_MAX / this.mss) * this.mss
    this.window = window
    this.windowSeq = seq
    this.windowAck = first
  }

  get segmentSize(): number {
    return this.mss
  }

  get hasSentFinish(): boolean {
    return this.isFinished || distance(this.latest, this.oldest) > this.backlog.length
  }

  /** Our side ends behind what is in the backlog. */
  finish(): void {
    this.willFinish = true
  }

  /**
   * An acknowledgement came with a segment of number `seq`; `isBare`: without data. False: it acknowledges what was
   * never sent.
   */
  acknowledge(ack: number, seq: number, window: number, isBare: boolean, now: number): boolean {
    if (distance(ack, this.latest) > 0) return false
    this.silentSince = 0
    const isRepeat = isBare && ack === this.oldest && window === this.window && this.oldest !== this.latest
    if (distance(ack, this.oldest) > 0) this.advance(ack, now)
    else if (isRepeat && window > 0) this.repeat(now)
    const isNewer = distance(seq, this.windowSeq) > 0 || (seq === this.windowSeq && distance(ack, this.windowAck) >= 0)
    if (isNewer && distance(ack, this.oldest) >= 0) {
      // A probe of a shut window may have been thrown away.
      if (this.window === 0 && window > 0) this.goBack()
      this.window = window
      this.windowSeq = seq
      this.windowAck = ack
    }
    return true
  }

  /** Sends what may be sent. */
  send(now: number): void {
    while (!this.isFinished) {
      const offset = distance(this.next, this.oldest)
      const unsent = this.backlog.length - offset
      const open = Math.min(this.window, this.congestion) - offset
      let length = Math.min(unsent, open, this.segmentBytes)
      if (length > this.mss && length < unsent) length -= length % this.mss
      const isLast = length === unsent
      // Unsent is -1 when the FIN is under way.
      const withFinish = this.willFinish && isLast && unsent >= 0
      if (length <= 0 && !withFinish) break
      // A piece that only the window cuts so short is not worth a segment while others are under way.
      if (!isLast && length < this.mss && offset > 0) break
      if (!this.emit(this.next, offset, length, withFinish, now)) return
    }
    // Nothing is under way, and a shut window holds all back: it must be probed.
    if (this.dueAt === 0 && this.backlog.length > 0) this.dueAt = now + this.timeoutMs
  }

  /** To be called when `dueAt` has come. False: the machine has been silent for too long. */
  expire(now: number): boolean {
    this.dueAt = 0
    if (this.silentSince === 0) this.silentSince = now
    if (now - this.silentSince > PATIENCE_MS) return false
    this.timeoutMs = Math.min(2 * this.timeoutMs, LONGEST_TIMEOUT_MS)
    if (this.window === 0) {
      const length = Math.min(1, this.backlog.length)
      this.goBack()
      this.emit(this.oldest, 0, length, this.willFinish && this.backlog.length === 0, now)
    } else {
      this.threshold = Math.max(distance(this.latest, this.oldest) / 2, 2 * this.mss)
      this.congestion = this.mss
      this.recoverTo = undefined
      this.goBack()
      this.send(now)
    }
    if (this.dueAt === 0 && !this.isFinished) this.dueAt = now + this.timeoutMs
    return true
  }

  private emit(seq: number, offset: number, length: number, withFinish: boolean, now: number): boolean {
    const isLast = offset + length === this.backlog.length
    const flags = TCP_ACK | (isLast && length > 0 ? TCP_PSH : 0) | (withFinish ? TCP_FIN : 0)
    if (!this.put(seq, flags, length === 0 ? [] : this.backlog.slices(offset, length), length)) return false
    const end = (seq + length + (withFinish ? 1 : 0)) >>> 0
    if (distance(end, this.next) > 0) this.next = end
    if (distance(end, this.latest) > 0) {
      if (this.timedAt === 0) {
        this.timedAt = now
        this.timedSeq = end
      }
      this.latest = end
    }
    if (this.dueAt === 0) this.dueAt = now + this.timeoutMs
    return true
  }

  private advance(ack: number, now: number): void {
    const count = distance(ack, this.oldest)
    const data = Math.min(count, this.backlog.length)
    this.backlog.drop(data)
    this.oldest = ack
    if (distance(this.next, ack) < 0) this.next = ack
    if (count > data) this.isFinished = true
    if (this.timedAt !== 0 && distance(ack, this.timedSeq) >= 0) this.measure(now - this.timedAt)
    this.dueAt = this.oldest === this.latest ? 0 : now + this.timeoutMs
    this.repeats = 0
    if (this.recoverTo === undefined) {
      this.congestion += this.congestion < this.threshold ? count : (this.mss * count) / this.congestion
      this.congestion = Math.min(this.congestion, CONGESTION_BYTES_MAX)
    } else if (distance(ack, this.recoverTo) >= 0) this.recoverTo = undefined
    else this.repeatOldest(now)
  }

  private repeat(now: number): void {
    if (++this.repeats !== REPEATED_ACKS || this.recoverTo !== undefined) return
    this.threshold = Math.max(distance(this.latest, this.oldest) / 2, 2 * this.mss)
    this.congestion = this.threshold
    this.recoverTo = this.latest
    this.repeatOldest(now)
  }

  private repeatOldest(now: number): void {
    this.timedAt = 0
    const length = Math.min(this.mss, this.backlog.length)
    const withFinish = length === this.backlog.length && distance(this.latest, this.oldest) > length
    this.emit(this.oldest, 0, length, withFinish, now)
  }

  private goBack(): void {
    this.next = this.oldest
    this.timedAt = 0
  }

  /** Sets the time-out by a round trip of so many milliseconds. */
  private measure(ms: number): void {
    this.timedAt = 0
    if (this.smoothMs === 0) {
      this.smoothMs = Math.max(ms, 0.01)
      this.varianceMs = ms / 2
    } else {
      this.varianceMs += (Math.abs(this.smoothMs - ms) - this.varianceMs) / 4
      this.smoothMs += (ms - this.smoothMs) / 8
    }
    this.timeoutMs = Math.min(LONGEST_TIMEOUT_MS, Math.max(LEAST_TIMEOUT_MS, this.smoothMs + 4 * this.varianceMs))
  }
}
