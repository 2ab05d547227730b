// The uplink that calls: a client of a stream socket with QEMU's framing, as QEMU, passt, gvproxy and other machines speak it.

import { connect, type Socket } from 'node:net'
import { E_BAD_ARG } from '../../../hypervisor/abi.ts'
import { MachineError } from '../../error.ts'
import { Attempts } from './attempts.ts'
import type { Uplink, UplinkOptions } from './uplink.ts'
import { Wire } from './wire.ts'

/** A TCP port, or a UNIX socket. */
export type StreamAddress = { host: string; port: number } | { path: string }

/** What the path of a socket can have on Linux (unix(7)), without its final zero. Node would cut the rest off. */
const PATH_MOST = 107

/** Throws MachineError for an address that cannot be one. */
export function checkAddress(address: StreamAddress): void {
  if (!('path' in address) || Buffer.byteLength(address.path) <= PATH_MOST) return
  throw new MachineError(E_BAD_ARG, `The path ${address.path} is too long for a socket; take a shorter folder.`)
}

export class StreamUplink implements Uplink {
  private readonly wire: Wire
  private readonly attempts: Attempts
  private socket: Socket | undefined

  /** Connects to `address`, and keeps trying. */
  constructor(
    private readonly address: StreamAddress,
    private readonly options: UplinkOptions,
  ) {
    this.wire = new Wire(options)
    this.attempts = new Attempts(nameOf(address), () => this.open(), options.warn)
    this.open()
    this.pump()
  }

  pump(): void {
    this.wire.pump()
  }

  hearRoom(): void {
    this.wire.hearRoom()
  }

  close(): void {
    this.attempts.end()
    this.socket?.destroy()
  }

  private open(): void {
    const socket = connect(this.address)
    let reason = 'the other side has closed it'
    let isUp = false
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('connect', () => {
      isUp = true
      this.attempts.succeed()
      this.options.setLink(true)
      this.wire.connect({ input: socket, output: socket }, () => {
        reason = NOT_FRAMED
        socket.destroy()
      })
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.message || error.code || String(error)
    })
    socket.on('close', () => {
      this.wire.disconnect()
      if (isUp) this.options.setLink(false)
      this.attempts.fail(reason)
    })
  }
}

export const NOT_FRAMED = "the other side does not speak QEMU's stream framing"

export function nameOf(address: StreamAddress): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`
}
