// Messages between a machine and the process of a guest: structured clones behind their lengths, over a socket.
//
// Node's own channel is not for those who are not to be trusted: a message that it does not understand, or takes for one of its own,
// ends the process that reads it.

import type { Duplex } from 'node:stream'
import { deserialize, serialize } from 'node:v8'

/** u32, little-endian: bytes of the message that follows. */
const HEAD = 4
/** No message is longer. */
const MESSAGE_MOST = 1 << 20
/** Who has so much to read answers nobody. */
const UNREAD_MOST = 1 << 18

export interface ChannelEvents {
  hear(message: unknown): void
  /** The other side says what is no message; nothing more is heard of it. */
  refuse(): void
  /** The channel is closed, by whichever side. */
  close(): void
}

export class Channel {
  private come: Buffer = Buffer.alloc(0)

  constructor(
    private readonly socket: Duplex,
    private readonly events: ChannelEvents,
  ) {
    socket.on('data', (bytes: Buffer) => this.take(bytes))
    // "close" follows.
    socket.on('error', () => undefined)
    socket.on('close', () => events.close())
  }

  get isOpen(): boolean {
    return this.socket.writable
  }

  /** Has the other side left unread what it was told? */
  get isDeaf(): boolean {
    return this.socket.writableLength > UNREAD_MOST
  }

  /** What is sent to one that has gone is lost. */
  send(message: unknown): void {
    if (!this.isOpen) return
    const body = serialize(message)
    const head = Buffer.alloc(HEAD)
    head.writeUInt32LE(body.length)
    this.socket.write(Buffer.concat([head, body]))
  }

  /** Closes it when all that was said has gone out. */
  end(): void {
    this.socket.end()
  }

  private take(bytes: Buffer): void {
    this.come = Buffer.concat([this.come, bytes])
    let messages: unknown[]
    try {
      messages = this.whole()
    } catch {
      this.socket.destroy()
      this.events.refuse()
      return
    }
    for (const message of messages) this.events.hear(message)
  }

  /** The messages that are there as a whole. Throws for what is none. */
  private whole(): unknown[] {
    const messages: unknown[] = []
    while (this.come.length >= HEAD) {
      const end = HEAD + this.come.readUInt32LE()
      if (end > HEAD + MESSAGE_MOST) throw new Error('No message is so long.')
      if (this.come.length < end) break
      messages.push(deserialize(this.come.subarray(HEAD, end)))
      this.come = this.come.subarray(end)
    }
    return messages
  }
}
