// One client of a running machine: its requests in, replies and pushes out, with a bound on all that waits for it.

import type { Socket } from 'node:net'
import { OrlopError } from '../error.ts'
import type { MachineEvent } from './events.ts'
import type { Guest } from './guest.ts'
import { Lines } from './lines.ts'
import { LINE_MAX_BYTES, type Message, type Request } from './protocol.ts'
import { asOrlopError } from './refusal.ts'

/** Beyond this, what is pushed is dropped until the client has read on. */
const PUSH_MAX_BYTES = 512 * 1024
/** Beyond this no request of it is read until it has. */
const REPLIES_MAX_BYTES = 2 * 1024 * 1024
/** Requests of one client under way at once; the next waits in its socket. */
const AT_ONCE = 32

export type Handler = (request: Request, session: Session) => Promise<unknown>

export class Session {
  isOver = false
  private readonly attached = new Map<Guest, () => void>()
  /** Bytes of guests' output that were dropped and not told of yet. */
  private readonly lost = new Map<number, number>()
  private missed = 0
  private unseen = 0
  private endCapture: (() => Promise<void>) | undefined
  private watching: (() => void) | undefined
  private underWay = 0

  constructor(
    private readonly socket: Socket,
    private readonly handle: Handler,
    over: (session: Session) => void,
  ) {
    const lines = new Lines(
      LINE_MAX_BYTES,
      (line) => void this.hear(line),
      () => {
        this.send({ id: null, error: { message: `A line has at most ${LINE_MAX_BYTES} bytes.`, exitCode: 2 } })
        this.socket.end()
      },
    )
    socket.on('data', (bytes: Buffer) => lines.add(bytes))
    socket.on('drain', () => this.catchUp())
    // Whatever happens to the client is its own affair; "close" follows.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.isOver = true
      for (const detach of this.attached.values()) detach()
      this.attached.clear()
      this.watching?.()
      void this.endCapture?.().catch(() => undefined)
      over(this)
    })
  }

  send(message: Message): void {
    if (this.isOver || this.socket.writableEnded) return
    this.socket.write(`${JSON.stringify(message)}\n`)
    this.pace()
  }

  /** Sends the guest's output from now on. */
  attach(guest: Guest): void {
    if (this.attached.has(guest)) throw new OrlopError(`This client is attached to "${guest.plan.name}" already.`)
    this.attached.set(
      guest,
      guest.console.watch((piece) => this.output(guest.id, piece)),
    )
  }

  detach(guest: Guest): void {
    this.attached.get(guest)?.()
    this.attached.delete(guest)
  }

  /** Tells the client that a guest it is attached to was removed. */
  guestIsGone(guest: Guest): void {
    if (!this.attached.has(guest)) return
    this.detach(guest)
    this.send({ event: 'gone', guest: guest.id })
  }

  /** Sends what happens from now on. */
  watch(begin: (watcher: (event: MachineEvent) => void) => () => void): void {
    this.watching ??= begin((entry) => {
      if (this.isBehind) this.missed++
      else this.send({ event: 'log', entry })
    })
  }

  /** Sends pieces of a pcap file from now on. `begin` takes their taker, and gives what ends it. */
  async capture(begin: (take: (piece: Uint8Array) => void) => Promise<() => Promise<void>>): Promise<void> {
    if (this.endCapture !== undefined) throw new OrlopError('This client is capturing already; connect another.')
    this.endCapture = async () => undefined
    try {
      this.endCapture = await begin((piece) => this.packets(piece))
    } catch (error) {
      this.endCapture = undefined
      throw error
    }
    // The client may have gone meanwhile.
    if (this.isOver) await this.endCapture()
  }

  /** Ends the connection when all that was said has gone out. */
  end(): void {
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  private get isBehind(): boolean {
    return this.socket.writableLength > PUSH_MAX_BYTES
  }

  private output(guest: number, piece: Uint8Array): void {
    const lost = this.lost.get(guest) ?? 0
    if (lost > 0 || this.isBehind) {
      this.lost.set(guest, lost + piece.length)
      return
    }
    this.send({ event: 'output', guest, bytes: Buffer.from(piece).toString('base64') })
  }

  private packets(piece: Uint8Array): void {
    if (this.isBehind) this.unseen++
    else this.send({ event: 'packets', bytes: Buffer.from(piece).toString('base64') })
  }

  private catchUp(): void {
    if (this.unseen > 0) this.send({ event: 'unseen', count: this.unseen })
    this.unseen = 0
    for (const [guest, count] of this.lost) this.send({ event: 'lost', guest, count })
    this.lost.clear()
    if (this.missed > 0) this.send({ event: 'missed', count: this.missed })
    this.missed = 0
    this.pace()
  }

  /** A client that sends without reading, or without waiting, is not read from. */
  private pace(): void {
    const isFull = this.socket.writableLength > REPLIES_MAX_BYTES || this.underWay >= AT_ONCE
    if (isFull) this.socket.pause()
    else if (this.socket.isPaused()) this.socket.resume()
  }

  private async hear(line: string): Promise<void> {
    if (line.trim() === '') return
    this.underWay++
    this.pace()
    const request = parse(line)
    const id = request?.id ?? null
    try {
      if (request === undefined) {
        throw new OrlopError('A request is a line of JSON like {"id":1,"verb":"list"}; this was none.')
      }
      this.send({ id, result: (await this.handle(request, this)) ?? {} })
    } catch (cause) {
      const { message, exitCode } = asOrlopError(cause)
      this.send({ id, error: { message, exitCode } })
    }
    this.underWay--
    this.pace()
  }
}

/** The request in a line, or undefined if there is none in it. */
function parse(line: string): Request | undefined {
  try {
    const value = JSON.parse(line) as Partial<Request> | null
    const isRequest = typeof value === 'object' && value !== null && Number.isSafeInteger(value.id)
    return isRequest && typeof value.verb === 'string' ? (value as Request) : undefined
  } catch {
    return undefined
  }
}
