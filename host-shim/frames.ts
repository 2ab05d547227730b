// Ethernet frames in a byte ring, in the framing of QEMU's stream netdev: u32 big-endian length, then the frame.
//
// The ring holds exactly what goes over a stream socket, so that the side with the socket need not touch the frames.
// A frame that finds no room is dropped whole, as a network card does.

import { Ring } from './ring.ts'

/** Bytes before each frame. */
export const FRAME_HEAD = 4
/** The longest frame that QEMU sends or takes (its NET_BUFSIZE: 64 KiB and some headers). */
export const FRAME_MAX = 4096 + 65536

export class Frames {
  private readonly head = new Uint8Array(FRAME_HEAD)
  private readonly headView = new DataView(this.head.buffer)

  constructor(readonly ring: Ring) {}

  static create(capacity: number): Frames {
    return new Frames(Ring.create(capacity))
  }

  /** Writer: puts a frame; false when there is no room, or it is no frame by its length. */
  put(frame: Uint8Array): boolean {
    if (!this.begin(frame.length)) return false
    this.ring.write(frame)
    return true
  }

  /** Writer: puts a frame that lies in several places, like `put`. */
  putParts(parts: Uint8Array[]): boolean {
    let length = 0
    for (const part of parts) length += part.length
    if (!this.begin(length)) return false
    for (const part of parts) this.ring.write(part)
    return true
  }

  /** Writes the head of a frame for which there is room. */
  private begin(length: number): boolean {
    if (length === 0 || length > FRAME_MAX) return false
    if (this.ring.room < FRAME_HEAD + length) return false
    this.headView.setUint32(0, length)
    this.ring.write(this.head)
    return true
  }

  /** Reader: length of the next frame that is there as a whole; 0: none. */
  nextLength(): number {
    if (this.ring.peek(this.head) < FRAME_HEAD) return 0
    const length = this.headView.getUint32(0)
    return this.ring.length < FRAME_HEAD + length ? 0 : length
  }

  /** Reader: takes the next frame out unread; false: there is none. */
  drop(): boolean {
    const length = this.nextLength()
    if (length > 0) this.ring.skip(FRAME_HEAD + length)
    return length > 0
  }

  /** Reader: takes the next frame into `target` and returns its length; 0: none. One that is too long is thrown away. */
  take(target: Uint8Array): number {
    for (;;) {
      const length = this.nextLength()
      if (length === 0) return 0
      this.ring.skip(FRAME_HEAD)
      if (length <= target.length) {
        this.ring.peek(target.subarray(0, length))
        this.ring.skip(length)
        return length
      }
      this.ring.skip(length)
    }
  }
}

/** Cuts a byte stream into frames, whatever pieces it comes in. */
export class FrameSplitter {
  private readonly buffer = new Uint8Array(FRAME_HEAD + FRAME_MAX)
  private have = 0

  /**
   * Hands each frame that `piece` completes to `take`, which must not keep it. False: the other side does not speak
   * this framing (a length that no frame has), and nothing that follows can be understood.
   */
  push(piece: Uint8Array, take: (frame: Uint8Array) => void): boolean {
    let rest = piece
    for (;;) {
      if (this.have < FRAME_HEAD) {
        rest = this.collect(rest, FRAME_HEAD)
        if (this.have < FRAME_HEAD) return true
      }
      const length = new DataView(this.buffer.buffer).getUint32(0)
      if (length === 0 || length > FRAME_MAX) return false
      rest = this.collect(rest, FRAME_HEAD + length)
      if (this.have < FRAME_HEAD + length) return true
      take(this.buffer.subarray(FRAME_HEAD, this.have))
      this.have = 0
    }
  }

  /** Copies from `piece` until the buffer has `wanted` bytes; returns what is left of the piece. */
  private collect(piece: Uint8Array, wanted: number): Uint8Array {
    const count = Math.min(piece.length, wanted - this.have)
    this.buffer.set(piece.subarray(0, count), this.have)
    this.have += count
    return piece.subarray(count)
  }
}
