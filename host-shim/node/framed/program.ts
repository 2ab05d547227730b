// A machine as a program of its own: the image under a runtime for WASI, whose standard input and output are joined to the rings of
// the thread that drives it.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { Ring } from '../../ring.ts'
import { plain } from '../words.ts'

/** Bytes of the ring from the program; a power of two that holds the longest frame. */
const IN_BYTES = 1 << 21
/** That to it holds all that its channels have room for: who waits for more room does not listen, and the program may wait for that. */
const OUT_BYTES = 1 << 23
/** How long the program may take to end when its input does. */
const PATIENCE_MS = 2_000
/** What is kept of its last complaints. */
const WORDS_MOST = 2_000

export interface ProgramOptions {
  /** What messages call it. */
  name: string
  command: string[]
  /** Wakes the thread that drives it. */
  wake(): void
  /** It has said its first bytes. */
  begun?(): void
  /** It has ended, and nobody asked it to. */
  fail(error: Error): void
  /** Gets each line that it says on its standard error. */
  warn(line: string): void
}

export class Program {
  readonly rings = { out: Ring.create(OUT_BYTES), in: Ring.create(IN_BYTES) }
  /** Fulfilled when it has ended. */
  readonly gone: Promise<void>
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  private readonly timers: NodeJS.Timeout[] = []
  private waiting: Uint8Array = new Uint8Array(0)
  private words = ''
  private isEnding = false
  private isFull = false

  constructor(private readonly options: ProgramOptions) {
    const [file = '', ...args] = options.command
    // Ctrl-C at a terminal is for the process that drives it, which tells it in order.
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: process.platform !== 'win32' })
    this.child = child
    this.rings.out.askForBytes()
    // What does not start for want of file descriptors has none of these.
    child.stdout?.once('data', () => options.begun?.()).on('data', (bytes: Uint8Array) => this.hear(bytes))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.complain(text))
    child.stdin?.on('drain', () => this.drain())
    // How it ended says more.
    child.stdin?.on('error', () => undefined)
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill)
    this.gone = new Promise((fulfil) => {
      child.on('error', (error) => {
        this.lose(`${options.name} does not start: ${error.message}`)
        fulfil()
      })
      child.on('close', (code, signal) => {
        for (const timer of this.timers) clearTimeout(timer)
        process.off('exit', kill)
        this.lose(`${options.name} has ended ${signal === null ? `with exit code ${code}` : `by ${signal}`}`)
        fulfil()
      })
    })
  }

  /** The thread has written to its ring, or read from it. */
  pump(): void {
    this.pour()
    this.drain()
  }

  /** Ends it: by the end of its input, or after a while by force. */
  end(): void {
    if (this.isEnding) return
    this.isEnding = true
    this.child.stdin.end()
    this.timers.push(setTimeout(() => this.kill(), PATIENCE_MS))
  }

  kill(): void {
    this.isEnding = true
    this.child.kill('SIGKILL')
  }

  /** What the thread has written goes to the program, as long as that takes it. */
  private drain(): void {
    const { out } = this.rings
    if (this.isEnding || this.child.stdin.writableNeedDrain) return
    for (;;) {
      const piece = new Uint8Array(out.length)
      if (piece.length === 0) {
        out.askForBytes()
        if (out.length === 0) return
        continue
      }
      out.read(piece)
      if (out.tellWriter()) this.options.wake()
      if (!this.child.stdin.write(piece)) return
    }
  }

  private hear(bytes: Uint8Array): void {
    this.waiting = this.waiting.length === 0 ? bytes : Buffer.concat([this.waiting, bytes])
    this.pour()
  }

  /** What the program has said goes to the thread, as far as there is room; more is not read until then. */
  private pour(): void {
    const ring = this.rings.in
    if (this.waiting.length === 0) return
    this.waiting = this.waiting.subarray(ring.write(this.waiting))
    if (this.waiting.length > 0) {
      ring.askForRoom()
      this.waiting = this.waiting.subarray(ring.write(this.waiting))
    }
    const isFull = this.waiting.length > 0
    if (isFull && !this.isFull) this.child.stdout.pause()
    if (!isFull && this.isFull) this.child.stdout.resume()
    this.isFull = isFull
    if (ring.tellReader()) this.options.wake()
  }

  private complain(text: string): void {
    const lines = (this.words + text).split('\n')
    this.words = (lines.pop() ?? '').slice(-WORDS_MOST)
    for (const line of lines) this.warn(line)
  }

  private warn(line: string): void {
    const text = plain(line)
    if (text !== '') this.options.warn(text)
  }

  private lose(how: string): void {
    this.warn(this.words)
    this.words = ''
    if (!this.isEnding) this.options.fail(new Error(`${how}.`))
  }
}
