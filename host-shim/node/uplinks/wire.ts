// A wire between the machine's rings and byte streams with QEMU's framing (u32 big-endian length, then the frame), one at a
// time. While there is none, frames are dropped, as on an unplugged cable.

import type { Readable, Writable } from 'node:stream'
import { FRAME_HEAD, FrameSplitter } from '../../frames.ts'
import { Outlet } from './outlet.ts'
import type { UplinkOptions } from './uplink.ts'

/** Frames are handed to a stream in pieces of about this size. */
const PIECE_BYTES = 65536

/** What frames go into and come from; the same for a socket. */
export interface Plug {
  input: Readable
  output: Writable
}

export class Wire {
  private plug: Plug | undefined
  private readonly outlet: Outlet

  constructor(private readonly options: Pick<UplinkOptions, 'in' | 'out' | 'wake'>) {
    this.outlet = new Outlet(options.out, options.wake, () => this.move())
  }

  pump(): void {
    this.outlet.pump()
  }

  /** The machine has made room for what was held back. */
  hearRoom(): void {
    this.plug?.input.resume()
  }

  /** Carries frames over these streams from now on. `refuse` is called when what comes is not this framing. */
  connect(plug: Plug, refuse: () => void): void {
    const splitter = new FrameSplitter()
    this.plug = plug
    plug.input.on('data', (piece: Buffer) => {
      if (this.plug !== plug) return
      const isUnderstood = splitter.push(piece, (frame) => this.options.in.put(frame))
      this.options.wake()
      if (isUnderstood) this.pace(plug)
      else refuse()
    })
    plug.output.on('drain', () => {
      if (this.plug === plug) this.outlet.release()
    })
    this.outlet.release()
  }

  /** There is no stream any more. */
  disconnect(): void {
    this.plug = undefined
    this.outlet.release()
  }

  /** Who sends faster than the machine looks is held back while half of the ring is more than one piece of a stream brings. */
  private pace({ input }: Plug): void {
    const { ring } = this.options.in
    if (ring.room >= ring.capacity / 2) return
    input.pause()
    ring.askForRoom()
    if (ring.room >= ring.capacity / 2) input.resume()
  }

  private move(): boolean {
    const { out } = this.options
    if (this.plug === undefined) return out.drop()
    const parts: Buffer[] = []
    let size = 0
    while (size < PIECE_BYTES) {
      const length = out.nextLength()
      if (length === 0) break
      // Whole frames with their heads: the ring holds what goes over the stream.
      const part = Buffer.allocUnsafe(FRAME_HEAD + length)
      out.ring.read(part)
      parts.push(part)
      size += part.length
    }
    return this.plug.output.write(parts.length === 1 ? parts[0] : Buffer.concat(parts, size))
  }
}
