// The uplink that is called: a server of a stream socket with QEMU's framing, for one peer at a time.
//
// A second caller is turned away while the first is there. A UNIX socket is its owner's alone; one that a process has left
// behind is taken away.

import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Attempts } from './attempts.ts'
import { nameOf, NOT_FRAMED, type StreamAddress } from './stream.ts'
import type { Uplink, UplinkOptions } from './uplink.ts'
import { Wire } from './wire.ts'

export class ListenUplink implements Uplink {
  private readonly wire: Wire
  private readonly attempts: Attempts
  private server: Server | undefined
  private peer: Socket | undefined
  private isOver = false

  /** Listens at `address`, and keeps trying. */
  constructor(
    private readonly address: StreamAddress,
    private readonly options: UplinkOptions,
  ) {
    this.wire = new Wire(options)
    this.attempts = new Attempts(nameOf(address), () => void this.open(), options.warn)
    void this.open()
    this.pump()
  }

  pump(): void {
    this.wire.pump()
  }

  hearRoom(): void {
    this.wire.hearRoom()
  }

  close(): void {
    this.isOver = true
    this.attempts.end()
    this.peer?.destroy()
    // Node removes the socket's file.
    this.server?.close()
  }

  private async open(): Promise<void> {
    const { address } = this
    if ('path' in address) await clear(address.path)
    if (this.isOver) return
    const server = createServer((socket) => this.welcome(socket))
    this.server = server
    server.on('error', (error: NodeJS.ErrnoException) => {
      server.close()
      this.attempts.fail(error.message)
    })
    const before = process.umask(0o177)
    server.listen(address)
    process.umask(before)
    server.on('listening', () => {
      if ('path' in address) chmodSync(address.path, 0o600)
      this.attempts.succeed()
    })
  }

  private welcome(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    if (this.peer !== undefined) {
      socket.destroy()
      return
    }
    this.peer = socket
    socket.setNoDelay(true)
    this.options.setLink(true)
    this.wire.connect({ input: socket, output: socket }, () => {
      this.options.warn(`The uplink ${nameOf(this.address)} has lost its peer: ${NOT_FRAMED}.`)
      socket.destroy()
    })
    socket.on('close', () => {
      this.peer = undefined
      this.wire.disconnect()
      if (!this.isOver) this.options.setLink(false)
    })
  }
}

/** Takes away a socket that nobody answers on. What is no socket stays, and is in the way. */
function clear(path: string): Promise<void> {
  if (!(lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false)) return Promise.resolve()
  return new Promise((fulfil) => {
    const socket = connect(path)
    socket.on('connect', () => socket.destroy())
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') rmSync(path, { force: true })
    })
    socket.on('close', () => fulfil())
  })
}
