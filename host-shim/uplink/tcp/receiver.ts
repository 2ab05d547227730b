// The receiving half of a TCP connection: puts in order what the machine sends, and says how much more may come.

import { distance } from '../wire.ts'

/** The most segments that are kept while one in front of them is missing; their bytes are bounded by the window. */
const STRAYS_MAX = 64

interface Stray {
  seq: number
  bytes: Uint8Array
}

export class Receiver {
  /** The next number that is expected. */
  next = 0
  /** The end of what the machine was allowed to send; never goes back. */
  edge = 0
  /** All came, and no more will. */
  isFinished = false
  /** Bytes that wait for one in front of them. */
  strayBytes = 0
  private strays: Stray[] = []
  /** Number of the FIN, where one came before all in front of it. */
  private finish: number | undefined

  /** `deliver` gets the bytes in order and must not keep them. */
  constructor(private readonly deliver: (bytes: Uint8Array) => void) {}

  start(first: number): void {
    this.next = first
    this.edge = first
  }

  /** The window to announce when `room` more bytes can be taken; in bytes, a multiple of `unit`. */
  window(room: number, unit: number): number {
    const least = distance(this.edge, this.next)
    const wanted = Math.max(0, room - (room % unit))
    if (wanted > least) this.edge = (this.next + wanted) >>> 0
    return distance(this.edge, this.next)
  }

  /** Takes a segment with `bytes` from `seq` on. False: it brought nothing in order, and the machine should hear what is missing. */
  take(seq: number, bytes: Uint8Array, isFinish: boolean): boolean {
    const end = (seq + bytes.length) >>> 0
    const front = Math.max(0, distance(this.next, seq))
    const back = Math.max(0, distance(end, this.edge))
    if (front + back >= bytes.length && !(isFinish && back === 0 && distance(end, this.next) >= 0)) return false
    if (this.isFinished) return false
    if (isFinish && back === 0) this.finish = end
    const inside = front + back > 0 ? bytes.subarray(front, bytes.length - back) : bytes
    const from = (seq + front) >>> 0
    if (from !== this.next) {
      this.store(from, inside)
      return false
    }
    this.accept(inside)
    if (this.strays.length > 0) this.collect()
    if (this.finish === this.next) {
      this.next = (this.next + 1) >>> 0
      this.isFinished = true
    }
    return true
  }

  clear(): void {
    this.strays = []
    this.strayBytes = 0
  }

  private accept(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.next = (this.next + bytes.length) >>> 0
    this.deliver(bytes)
  }

  /** Keeps what came too early; where two overlap, both are kept. */
  private store(seq: number, bytes: Uint8Array): void {
    if (bytes.length === 0 || this.strays.length >= STRAYS_MAX) return
    if (this.strays.some((stray) => stray.seq === seq && stray.bytes.length >= bytes.length)) return
    if (this.strayBytes + bytes.length > distance(this.edge, this.next)) return
    this.strays.push({ seq, bytes: bytes.slice() })
    this.strayBytes += bytes.length
  }

  /** Takes what has become the next. */
  private collect(): void {
    this.strays.sort((a, b) => distance(a.seq, b.seq))
    let count = 0
    for (const { seq, bytes } of this.strays) {
      if (distance(seq, this.next) > 0) break
      count++
      this.strayBytes -= bytes.length
      const old = distance(this.next, seq)
      if (old < bytes.length) this.accept(bytes.subarray(old))
    }
    this.strays.splice(0, count)
  }
}
