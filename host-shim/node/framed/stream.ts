// The machine's end of the management stream (host-shim/stream.ts): frames over two rings, whose other ends another thread joins to
// the program.

import * as abi from '../../../hypervisor/abi.ts'
import { MachineError } from '../../error.ts'
import type { Ring } from '../../ring.ts'
import * as stream from '../../stream.ts'

export interface StreamOptions {
  /** Bytes to the program. */
  out: Ring
  /** Bytes from the program. */
  in: Ring
  /** Called when bytes wait in `out` that its reader asked for, or room in `in` that its writer asked for. */
  nudge(): void
  /** Number of times that this thread was woken, and sleep until there are more. */
  wakes(): number
  sleep(seen: number): void
  /** Bytes of a channel have come. */
  data(channel: number, bytes: Uint8Array): void
  /** The program has room for more bytes of a channel. */
  room(channel: number, bytes: number): void
}

export interface GuestWords {
  state: number
  reason: number
  code: number
}

interface Result {
  value: number
  window: Uint8Array
}

const NOBODY: GuestWords = { state: abi.GUEST_NONE, reason: abi.STOP_NONE, code: 0 }

/** The program does not keep to the stream: the end of the machine, whatever was asked of it. */
export class BrokenStream extends Error {}

export class Stream {
  private readonly head = new Uint8Array(stream.STREAM_HEAD)
  private readonly headView = new DataView(this.head.buffer)
  private readonly guests = new Map<number, GuestWords>()
  private result: Result | undefined
  /** Bytes of the window that the call under way wants; undefined: there is none. */
  private wanted: number | undefined
  private hasGreeted = false

  constructor(private readonly options: StreamOptions) {}

  /** How a guest is, as far as has been heard. */
  guest(id: number): GuestWords {
    return this.guests.get(id) ?? NOBODY
  }

  /** Waits for the program's first words. Throws MachineError when it is of another version. */
  greet(): void {
    this.wait(() => {
      while (!this.hasGreeted && this.take());
      return this.hasGreeted
    })
  }

  /** Calls a function with what is in the window; `wanted` bytes of that come back. */
  call(fn: number, args: number[], window: Uint8Array, wanted: number): Result {
    const call = new Uint8Array(stream.CALL_HEAD)
    const view = new DataView(call.buffer)
    view.setUint32(0, fn, true)
    view.setUint32(4, wanted, true)
    for (const [i, value] of args.entries()) view.setFloat64(8 + 8 * i, value, true)
    this.wanted = wanted
    this.send(stream.STREAM_CALL, 0, [call, window])
    this.wait(() => {
      while (this.result === undefined && this.take());
      return this.result !== undefined
    })
    const result = this.result as unknown as Result
    this.result = undefined
    return result
  }

  sendData(channel: number, bytes: Uint8Array): void {
    this.send(stream.STREAM_DATA, channel, [bytes])
  }

  sendRoom(channel: number, bytes: number): void {
    const payload = new Uint8Array(4)
    new DataView(payload.buffer).setUint32(0, bytes, true)
    this.send(stream.STREAM_ROOM, channel, [payload])
  }

  /** Takes the next frame that is there; false: none is. */
  take(): boolean {
    const ring = this.options.in
    if (ring.peek(this.head) < stream.STREAM_HEAD) return this.ask(stream.STREAM_HEAD)
    const length = this.headView.getUint32(stream.STREAM_LENGTH, true)
    if (length > ring.capacity - stream.STREAM_HEAD) throw broken()
    if (ring.length < stream.STREAM_HEAD + length) return this.ask(stream.STREAM_HEAD + length)
    const payload = new Uint8Array(length)
    ring.skip(stream.STREAM_HEAD)
    ring.read(payload)
    if (ring.tellWriter()) this.options.nudge()
    this.hear(
      this.headView.getUint16(stream.STREAM_KIND, true),
      this.headView.getUint16(stream.STREAM_CHANNEL, true),
      payload,
    )
    return true
  }

  /** Asks to be woken when there is more; true: there is, already. */
  private ask(wanted: number): boolean {
    this.options.in.askForBytes()
    return this.options.in.length >= wanted && this.take()
  }

  private hear(kind: number, channel: number, payload: Uint8Array): void {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
    const u32 = (at: number) => view.getUint32(at, true)
    // Others may say more, but begin so (docs/stream.md); what comes before it was not meant for us.
    if (!this.hasGreeted && (kind !== stream.STREAM_HELLO || payload.length < 8)) throw broken()
    if (kind === stream.STREAM_HELLO && payload.length >= 8) {
      if (u32(0) !== stream.STREAM_VERSION || u32(4) !== abi.ABI_VERSION) {
        const how = 'run "npm run build", and "orlop train" again for one that was trained'
        throw new MachineError(abi.E_UNSUPPORTED, `The image is of another version of Orlop; ${how}.`)
      }
      this.hasGreeted = true
    } else if (kind === stream.STREAM_DATA) this.options.data(channel, payload)
    else if (kind === stream.STREAM_ROOM && payload.length === 4) this.options.room(channel, u32(0))
    else if (kind === stream.STREAM_STATE && payload.length === 12) {
      this.guests.set(channel, { state: u32(0), reason: u32(4), code: u32(8) })
    } else if (kind === stream.STREAM_RETURN && this.wanted !== undefined && payload.length === 8 + this.wanted) {
      this.wanted = undefined
      this.result = { value: view.getFloat64(0, true), window: payload.subarray(8) }
    } else throw broken()
  }

  private send(kind: number, channel: number, parts: Uint8Array[]): void {
    const head = new Uint8Array(stream.STREAM_HEAD)
    const view = new DataView(head.buffer)
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    view.setUint32(stream.STREAM_LENGTH, length, true)
    view.setUint16(stream.STREAM_KIND, kind, true)
    view.setUint16(stream.STREAM_CHANNEL, channel, true)
    for (const part of [head, ...parts]) this.write(part)
    if (this.options.out.tellReader()) this.options.nudge()
  }

  private write(bytes: Uint8Array): void {
    const { out, nudge } = this.options
    let left = bytes
    this.wait(() => {
      for (;;) {
        left = left.subarray(out.write(left))
        if (left.length === 0) return true
        out.askForRoom()
        if (out.tellReader()) nudge()
        if (out.room === 0) return false
      }
    })
  }

  private wait(isDone: () => boolean): void {
    for (;;) {
      const seen = this.options.wakes()
      if (isDone()) return
      this.options.sleep(seen)
    }
  }
}

function broken(): BrokenStream {
  return new BrokenStream('The machine has sent what is no frame of the management stream.')
}
