// Sockets of Node for the `user` uplink.

import { type BindOptions, createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { lookup, Resolver } from 'node:dns'
import { connect, createServer, isIPv6, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import * as abi from '../../../hypervisor/abi.ts'
import { MachineError } from '../../error.ts'
import { type Address, parseAddress } from '../../uplink/address.ts'
import type {
  Clock,
  DatagramEvents,
  Datagrams,
  Endpoint,
  Listener,
  Reason,
  Sockets,
  Stream,
  StreamEvents,
} from '../../uplink/sockets.ts'

/** How long what the host says of itself is believed; a laptop changes its networks. */
const BELIEF_MS = 5_000
/** Writes below this size are gathered until the next flush. */
const SMALL_BYTES = 16384
/** Datagrams that wait for a socket to be ready. */
const EARLY_MAX = 16
const DNS_PORT = 53

const REASONS = new Map<string, Reason>([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'reset'],
  ['EPIPE', 'reset'],
  ['EHOSTUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETUNREACH', 'no-route'],
  ['ENETDOWN', 'no-route'],
  ['EADDRNOTAVAIL', 'no-route'],
  ['EAFNOSUPPORT', 'no-route'],
  ['EINVAL', 'no-route'],
  ['EACCES', 'forbidden'],
  ['EPERM', 'forbidden'],
  ['ETIMEDOUT', 'timeout'],
  ['EMFILE', 'exhausted'],
  ['ENFILE', 'exhausted'],
  ['ENOBUFS', 'exhausted'],
  ['ENOMEM', 'exhausted'],
])

function reasonOf(error: NodeJS.ErrnoException): Reason {
  return REASONS.get(error.code ?? '') ?? 'reset'
}

export const nodeClock: Clock = {
  now: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms)
    // An uplink alone keeps no process alive.
    timer.unref()
    return () => clearTimeout(timer)
  },
  soon(call) {
    setImmediate(call)
  },
}

class NodeStream implements Stream {
  private isCorked = false
  private isFailed = false

  constructor(
    private readonly socket: Socket,
    private readonly events: () => StreamEvents,
  ) {
    socket.on('end', () => this.events().ended())
    socket.on('drain', () => this.events().drained())
    socket.on('error', (error) => this.fail(reasonOf(error)))
    socket.on('close', () => {
      if (!this.isFailed) this.events().closed()
    })
    socket.pause()
  }

  get waiting(): number {
    return this.socket.writableLength
  }

  write(bytes: Uint8Array): void {
    if (this.socket.destroyed) return
    if (bytes.length < SMALL_BYTES && !this.isCorked) {
      this.isCorked = true
      this.socket.cork()
    } else if (bytes.length >= SMALL_BYTES) this.flush()
    this.socket.write(bytes)
  }

  flush(): void {
    if (!this.isCorked) return
    this.isCorked = false
    this.socket.uncork()
  }

  end(): void {
    this.flush()
    this.socket.end()
  }

  reset(): void {
    this.isFailed = true
    this.socket.resetAndDestroy()
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    // Only now, because a listener for data would let it flow.
    if (this.socket.listenerCount('data') === 0) this.socket.on('data', (bytes) => this.events().data(bytes))
    this.socket.resume()
  }

  private fail(reason: Reason): void {
    if (this.isFailed) return
    this.isFailed = true
    this.events().failed(reason)
  }
}

/** A datagram socket with one endpoint. */
class NodeDatagrams implements Datagrams {
  private readonly socket: UdpSocket
  private early: Uint8Array[] | undefined = []
  private isClosed = false

  constructor(
    to: Endpoint,
    private readonly events: DatagramEvents,
  ) {
    const isSix = isIPv6(to.address.replace(/%.*$/, ''))
    this.socket = createSocket(isSix ? 'udp6' : 'udp4')
    this.socket.on('message', (bytes) => {
      if (!this.isClosed) events.datagram(bytes, to)
    })
    this.socket.on('error', (error) => this.fail(error))
    // Without it an address of another family would be tried, and names be looked up.
    this.socket.bind({ port: 0, exclusive: true } satisfies BindOptions)
    this.socket.once('listening', () => {
      if (!this.isClosed) this.socket.connect(to.port, to.address)
    })
    this.socket.once('connect', () => {
      const early = this.early ?? []
      this.early = undefined
      for (const bytes of early) this.send(bytes)
    })
  }

  send(bytes: Uint8Array): void {
    if (this.isClosed) return
    if (this.early === undefined) this.socket.send(bytes, (error) => error !== null && this.fail(error))
    else if (this.early.length < EARLY_MAX) this.early.push(bytes)
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.socket.close()
  }

  private fail(error: NodeJS.ErrnoException): void {
    // One datagram too long for the path is no end of all others.
    if (this.isClosed || error.code === 'EMSGSIZE') return
    this.events.failed(reasonOf(error))
  }
}

export class NodeSockets implements Sockets {
  private own: Address[] = []
  private ownSince = Number.NEGATIVE_INFINITY
  private servers: Endpoint[] = []
  private serversSince = Number.NEGATIVE_INFINITY

  connect(to: Endpoint, events: StreamEvents): Stream {
    const { address: host, port } = to
    const socket = connect({ host, port, allowHalfOpen: true, autoSelectFamily: false, noDelay: true })
    socket.once('connect', () => events.opened())
    return new NodeStream(socket, () => events)
  }

  listen(at: Endpoint, accept: (stream: Stream) => StreamEvents): Promise<Listener> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
      let events: StreamEvents | undefined
      const stream = new NodeStream(socket, () => events!)
      events = accept(stream)
    })
    return new Promise((fulfil, reject) => {
      server.once('error', (error) => reject(refusal(error, at, 'TCP')))
      server.listen({ host: at.address, port: at.port, exclusive: true }, () => {
        server.removeAllListeners('error')
        // Without descriptors a connection is not accepted, and others may be later.
        server.on('error', () => {})
        const { port } = server.address() as { port: number }
        fulfil({ port, close: () => server.close() })
      })
    })
  }

  datagrams(to: Endpoint, events: DatagramEvents): Datagrams {
    return new NodeDatagrams(to, events)
  }

  receiveAt(at: Endpoint, events: DatagramEvents): Promise<{ socket: Datagrams; port: number }> {
    const socket = createSocket(isIPv6(at.address) ? 'udp6' : 'udp4')
    return new Promise((fulfil, reject) => {
      socket.once('error', (error) => {
        socket.close()
        reject(refusal(error, at, 'UDP'))
      })
      socket.bind({ address: at.address, port: at.port, exclusive: true }, () => {
        socket.removeAllListeners('error')
        socket.on('error', (error) => events.failed(reasonOf(error)))
        socket.on('message', (bytes: Buffer, { address, port }: RemoteInfo) =>
          events.datagram(bytes, { address, port }),
        )
        const made: Datagrams = {
          // A peer that is gone is not the socket's fault.
          send: (bytes, to) => to !== undefined && socket.send(bytes, to.port, to.address, () => {}),
          close: () => socket.close(),
        }
        fulfil({ socket: made, port: socket.address().port })
      })
    })
  }

  resolve(name: string, family: 4 | 6): Promise<string[]> {
    return new Promise((fulfil, reject) => {
      lookup(name, { all: true }, (error, found) => {
        if (error !== null) reject(error)
        else fulfil(found.filter((one) => one.family === family).map(({ address }) => address))
      })
    })
  }

  nameServers(): Endpoint[] {
    if (performance.now() - this.serversSince > BELIEF_MS) {
      this.serversSince = performance.now()
      // A new resolver reads what the host has configured now.
      this.servers = new Resolver().getServers().map(endpointOf)
    }
    return this.servers
  }

  isOwn(address: Address): boolean {
    if (performance.now() - this.ownSince > BELIEF_MS) {
      this.ownSince = performance.now()
      this.own = Object.values(networkInterfaces())
        .flatMap((entries) => entries ?? [])
        .flatMap((entry) => parseAddress(entry.address) ?? [])
    }
    return this.own.some((own) => own.equals(address))
  }
}

/** 1.2.3.4, 1.2.3.4:5, fe80::1%eth0, [fe80::1]:5. */
function endpointOf(text: string): Endpoint {
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:]*|.*:.*:.*?))(?::(\d+))?$/.exec(text) ?? []
  if (bracketed !== undefined) return { address: bracketed, port: Number(port ?? DNS_PORT) }
  if (plain?.includes(':')) return { address: text, port: DNS_PORT }
  return { address: plain ?? text, port: Number(port ?? DNS_PORT) }
}

function refusal(error: NodeJS.ErrnoException, { address, port }: Endpoint, protocol: string): MachineError {
  const what = `${protocol} port ${port} of ${address}`
  const cause = { cause: error }
  switch (error.code) {
    case 'EADDRINUSE':
      return new MachineError(abi.E_BUSY, `${what} is in use; publish another, or stop who listens there.`, cause)
    case 'EACCES':
      return new MachineError(
        abi.E_UNSUPPORTED,
        `${what} needs a privilege that this user has not; publish one from 1024 on.`,
        cause,
      )
    case 'EADDRNOTAVAIL':
      return new MachineError(abi.E_BAD_ARG, `This host has no address ${address}; publish one that it has.`, cause)
    case 'ENOTFOUND':
    case 'EINVAL':
      return new MachineError(abi.E_BAD_ARG, `${address} is no IP address; publish one of this host.`, cause)
  }
  return new MachineError(abi.E_IO, `Cannot listen at ${what}: ${error.message}.`, cause)
}
