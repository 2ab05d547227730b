// The outer end of a network port on Node: a stream socket with QEMU's framing, as QEMU, passt and gvproxy speak it.
//
// It connects as a client and keeps trying. While there is no connection, frames are dropped, as on an unplugged cable.

import { connect, type Socket } from 'node:net'
import { FRAME_HEAD, type Frames, FrameSplitter } from '../frames.ts'

/** Where to connect to: a TCP port, or a UNIX socket. */
export type StreamAddress = { host: string; port: number } | { path: string }

export interface UplinkOptions {
  address: StreamAddress
  /** Frames from the machine. */
  out: Frames
  /** Frames to the machine. */
  in: Frames
  /** Called when the machine should look at its port again. */
  wake(): void
  /** Called when the connection is lost or cannot be made: once each time, not for every attempt. */
  warn(message: string): void
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
/** Frames are handed to the socket in pieces of about this size. */
const PIECE_BYTES = 65536

export class Uplink {
  private socket: Socket | undefined
  private connected = false
  private congested = false
  private closed = false
  private pauseMs = FIRST_PAUSE_MS
  private timer: NodeJS.Timeout | undefined
  private complaint = ''

  constructor(private readonly options: UplinkOptions) {
    this.open()
  }

  /** Moves what the machine has sent; to be called when its port tells. */
  pump(): void {
    const { out } = this.options
    for (;;) {
      if (this.congested) return
      const piece = this.collect()
      if (piece !== undefined && this.connected) this.congested = this.socket?.write(piece) === false
      if (out.ring.tellWriter()) this.options.wake()
      if (piece !== undefined) continue
      out.ring.askForBytes()
      if (out.nextLength() === 0) return
    }
  }

  close(): void {
    this.closed = true
    clearTimeout(this.timer)
    this.socket?.destroy()
  }

  /** Whole frames, with their heads, as many as make a good piece; undefined when there are none. */
  private collect(): Buffer | undefined {
    const { out } = this.options
    const parts: Buffer[] = []
    let size = 0
    while (size < PIECE_BYTES) {
      const length = out.nextLength()
      if (length === 0) break
      const part = Buffer.allocUnsafe(FRAME_HEAD + length)
      out.ring.read(part)
      parts.push(part)
      size += part.length
    }
    return parts.length === 0 ? undefined : Buffer.concat(parts, size)
  }

  private open(): void {
    const splitter = new FrameSplitter()
    const socket = connect(this.options.address)
    let reason = 'the other side has closed it'
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('connect', () => {
      this.connected = true
      this.pauseMs = FIRST_PAUSE_MS
      this.complaint = ''
    })
    socket.on('data', (piece) => {
      const understood = splitter.push(piece, (frame) => this.options.in.put(frame))
      this.options.wake()
      if (understood) return
      reason = "the other side does not speak QEMU's stream framing"
      socket.destroy()
    })
    socket.on('drain', () => {
      this.congested = false
      this.pump()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.message || error.code || String(error)
    })
    socket.on('close', () => this.lost(reason))
    this.pump()
  }

  private lost(reason: string): void {
    this.connected = false
    this.congested = false
    if (this.closed) return
    if (reason !== this.complaint)
      this.options.warn(`No uplink to ${nameOf(this.options.address)}: ${reason}; trying again.`)
    this.complaint = reason
    this.timer = setTimeout(() => this.open(), this.pauseMs)
    this.pauseMs = Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS)
    this.pump()
  }
}

function nameOf(address: StreamAddress): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`
}
