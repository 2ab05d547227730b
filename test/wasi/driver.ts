// The other side of a management stream, for tests: sends frames, right and wrong ones, and hears what comes back.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { commandOf, makeImage } from '../../host-shim/node/framed/runtimes.ts'
import * as stream from '../../host-shim/stream.ts'

const RAM_BYTES = 64 << 20
/** Nothing here takes as long; it only ends a test that would wait for ever. */
const PATIENCE_MS = 120_000

export interface Frame {
  kind: number
  channel: number
  payload: Buffer
}

export class Driver {
  errors = ''
  /** Fulfilled with how the program has ended. */
  readonly ended: Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>
  private readonly child: ChildProcessWithoutNullStreams
  private heard = Buffer.alloc(0)
  private isOver = false
  private notify: () => void = () => undefined

  /** Starts the image under node:wasi. */
  constructor() {
    const image = makeImage(RAM_BYTES)
    const [file = '', ...args] = commandOf('node-wasi', process.execPath, image.path, [])
    this.child = spawn(file, args)
    const timer = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE_MS)
    this.child.stdin.on('error', () => undefined)
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text
    })
    this.child.stdout.on('data', (bytes: Buffer) => {
      this.heard = Buffer.concat([this.heard, bytes])
      this.notify()
    })
    this.ended = new Promise((fulfil) => {
      this.child.on('close', (exitCode, signal) => {
        clearTimeout(timer)
        image.remove()
        this.isOver = true
        this.notify()
        fulfil({ exitCode, signal })
      })
    })
  }

  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void {
    this.child.stdin.write(bytes)
  }

  send(kind: number, channel: number, payload: Uint8Array): void {
    this.write(frame(kind, channel, payload))
  }

  /** Calls a function with bytes for the window; gives its result and the bytes of the window that are wanted. */
  async call(
    fn: number,
    args: number[] = [],
    wanted = 0,
    window?: Uint8Array,
  ): Promise<{ value: number; window: Buffer }> {
    this.send(stream.STREAM_CALL, 0, call(fn, args, wanted, window))
    for (;;) {
      const { kind, payload } = await this.next()
      if (kind === stream.STREAM_RETURN) return { value: payload.readDoubleLE(0), window: payload.subarray(8) }
    }
  }

  /** The next frame. */
  async next(): Promise<Frame> {
    for (;;) {
      const length = this.heard.length >= stream.STREAM_HEAD ? this.heard.readUInt32LE(stream.STREAM_LENGTH) : 0
      if (this.heard.length >= stream.STREAM_HEAD + length && this.heard.length >= stream.STREAM_HEAD) {
        const end = stream.STREAM_HEAD + length
        const found = {
          kind: this.heard.readUInt16LE(stream.STREAM_KIND),
          channel: this.heard.readUInt16LE(stream.STREAM_CHANNEL),
          payload: this.heard.subarray(stream.STREAM_HEAD, end),
        }
        this.heard = this.heard.subarray(end)
        return found
      }
      if (this.isOver) throw new Error(`The image has ended: ${this.errors}`)
      await new Promise<void>((fulfil) => {
        this.notify = fulfil
      })
    }
  }

  /** Says no more. */
  close(): void {
    this.child.stdin.end()
  }
}

export function frame(kind: number, channel: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(stream.STREAM_HEAD)
  head.writeUInt32LE(payload.length, stream.STREAM_LENGTH)
  head.writeUInt16LE(kind, stream.STREAM_KIND)
  head.writeUInt16LE(channel, stream.STREAM_CHANNEL)
  return Buffer.concat([head, payload])
}

export function call(fn: number, args: number[] = [], wanted = 0, window: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(stream.CALL_HEAD)
  head.writeUInt32LE(fn, 0)
  head.writeUInt32LE(wanted, 4)
  for (const [i, value] of args.entries()) head.writeDoubleLE(value, 8 + 8 * i)
  return Buffer.concat([head, window])
}
