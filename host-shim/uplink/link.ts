// The link to the machine: two rings of frames, and the MAC at its other end.

import type { Frames } from '../frames.ts'
import { GATEWAY4, GATEWAY6, PEER4, PEER6 } from './plan.ts'
import type { Clock } from './sockets.ts'
import { arpRequest, solicitation } from './neighbours.ts'
import { OFFLOAD_BYTES } from './wire.ts'

export interface LinkOptions {
  /** Frames from the machine. */
  out: Frames
  /** Frames to the machine. */
  in: Frames
  /** Called when the machine should look at its port again. */
  wake(): void
}

/** Who waits until frames can go to the machine again. */
export interface Waiter {
  resend(): void
}

/** Frames are taken into blocks of this size, which their receivers may keep parts of. */
const BLOCK_BYTES = 1 << 18
/** The longest frame with its offload header. */
const FRAME_BYTES_MAX = 12 + 18 + 65535
/** Frames that wait until it is known where the machine is. */
const HELD_MAX = 64
/** How soon to look again whether the machine has taken frames, if nothing is heard of it. */
const LOOK_AGAIN_MS = 2

export class Link {
  /** Where the last frame that `take` found lies. */
  block = new Uint8Array(BLOCK_BYTES)
  frameAt = 0
  private used = 0
  private peer: Uint8Array | undefined
  private readonly held: Uint8Array[] = []
  private readonly waiters = new Set<Waiter>()
  private stopLooking: (() => void) | undefined
  private isDirty = false

  constructor(
    private readonly options: LinkOptions,
    private readonly clock: Clock,
  ) {}

  /** Takes the next frame from the machine and gives its length; 0: there is none. */
  take(): number {
    if (this.used + FRAME_BYTES_MAX > BLOCK_BYTES) {
      this.block = new Uint8Array(BLOCK_BYTES)
      this.used = 0
    }
    this.frameAt = this.used
    return this.options.out.take(this.block.subarray(this.used, this.used + FRAME_BYTES_MAX))
  }

  /** Says that somebody keeps bytes of the last frame, up to `end` in the block. */
  keep(end: number): void {
    this.used = Math.max(this.used, (end + 7) & ~7)
  }

  /** Puts a frame; its MAC address is written here. False: there is no room; the frame is the sender's to repeat. */
  put(header: Uint8Array, parts: Uint8Array[]): boolean {
    if (this.peer === undefined) return this.hold([header, ...parts])
    header.set(this.peer, OFFLOAD_BYTES)
    return this.putWhole([header, ...parts])
  }

  /** Puts a frame that has its addresses already. */
  putWhole(parts: Uint8Array[]): boolean {
    if (!this.options.in.putParts(parts)) return false
    this.isDirty = true
    return true
  }

  /** Calls `waiter.resend` when the machine has taken frames. */
  waitForRoom(waiter: Waiter): void {
    this.waiters.add(waiter)
    this.stopLooking ??= this.clock.after(LOOK_AGAIN_MS, () => {
      this.stopLooking = undefined
      this.retry()
      this.tell()
    })
  }

  /** Lets those who wait try again, the longest-waiting first. */
  retry(): void {
    if (this.waiters.size === 0) return
    const now = [...this.waiters]
    this.waiters.clear()
    for (const waiter of now) waiter.resend()
  }

  forget(waiter: Waiter): void {
    this.waiters.delete(waiter)
  }

  /** To be called when a frame came from the machine: that is where it is. */
  learn(bytes: Uint8Array, at: number): void {
    const { peer } = this
    // A group's address is nobody's.
    if ((bytes[at]! & 1) !== 0) return
    if (peer?.every((byte, i) => byte === bytes[at + i])) return
    this.peer = bytes.slice(at, at + 6)
    for (const frame of this.held.splice(0)) {
      frame.set(this.peer, OFFLOAD_BYTES)
      this.putWhole([frame])
    }
  }

  /** Wakes the machine if there is something new for it. */
  tell(): void {
    if (!this.isDirty) return
    this.isDirty = false
    this.options.wake()
  }

  close(): void {
    this.stopLooking?.()
    this.waiters.clear()
    this.held.length = 0
  }

  private hold(parts: Uint8Array[]): boolean {
    if (this.held.length < HELD_MAX) {
      const frame = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
      let at = 0
      for (const part of parts) {
        frame.set(part, at)
        at += part.length
      }
      this.held.push(frame)
    }
    this.putWhole([arpRequest(GATEWAY4, PEER4)])
    this.putWhole([solicitation(GATEWAY6, PEER6)])
    return true
  }
}
