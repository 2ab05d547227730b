// What the uplink asks of its platform: connections, datagrams and names. Nothing in it knows frames.

import type { Address } from './address.ts'

export interface Endpoint {
  /** As text; may carry a zone (`%eth0`) when the platform gave it. */
  address: string
  port: number
}

/** Why a connection could not be had or was lost. */
export type Reason =
  /** Nobody listens there. */
  | 'refused'
  /** It was there, and is gone. */
  | 'reset'
  /** There is no way to this host, or none to its network. */
  | 'unreachable'
  | 'no-route'
  /** A rule of the host forbids it. */
  | 'forbidden'
  | 'timeout'
  /** The host has no more descriptors, ports or memory for it. */
  | 'exhausted'

/** What happens to a stream. After `failed` nothing comes any more. */
export interface StreamEvents {
  opened(): void
  /** Bytes came in, which are the taker's own. */
  data(bytes: Uint8Array): void
  /** The other side sends no more. */
  ended(): void
  /** All that was written is gone. */
  drained(): void
  /** It was refused or broke off. */
  failed(reason: Reason): void
  /** Both sides have ended, and all is written: it is gone, and nothing comes any more. */
  closed(): void
}

/** A connection of the host. It begins paused: no data comes before `resume`. */
export interface Stream {
  /** Bytes that were written and have not gone to the host's system yet. */
  readonly waiting: number
  /** Sends bytes, which it may keep: nobody may change them any more. They may stay back until `flush`. */
  write(bytes: Uint8Array): void
  flush(): void
  /** Ends our direction after what was written. */
  end(): void
  /** Breaks off at once; the other side gets a reset. */
  reset(): void
  pause(): void
  resume(): void
}

/** A socket for datagrams. */
export interface Datagrams {
  /** Sends bytes, which it may keep; `to` when it was not made for one endpoint. */
  send(bytes: Uint8Array, to?: Endpoint): void
  close(): void
}

export interface DatagramEvents {
  /** A datagram, the taker's own. */
  datagram(bytes: Uint8Array, from: Endpoint): void
  failed(reason: Reason): void
}

export interface Listener {
  /** The port it got, where 0 was asked for. */
  port: number
  close(): void
}

export interface Sockets {
  /** Connects to an address; `opened` or `failed` comes later, never from within. */
  connect(to: Endpoint, events: StreamEvents): Stream
  /** Listens; rejected with an error that says what to do. `accept` gives a connection's events. */
  listen(at: Endpoint, accept: (stream: Stream) => StreamEvents): Promise<Listener>
  /** A socket for datagrams with one endpoint. */
  datagrams(to: Endpoint, events: DatagramEvents): Datagrams
  /** A socket for datagrams from everywhere; rejected with an error that says what to do. */
  receiveAt(at: Endpoint, events: DatagramEvents): Promise<{ socket: Datagrams; port: number }>
  /** Addresses that the host itself knows for a name, also without a name server. Empty: none; rejected: no name. */
  resolve(name: string, family: 4 | 6): Promise<string[]>
  /** Name servers of the host, best first. */
  nameServers(): Endpoint[]
  /** Whether the host itself has this address. */
  isOwn(address: Address): boolean
}

/** Time, as the platform has it. */
export interface Clock {
  /** Milliseconds from some moment on; never goes back. */
  now(): number
  /** Calls once, so many milliseconds from now; gives what ends it. */
  after(ms: number, call: () => void): () => void
  /** Calls once, after what has come in already. */
  soon(call: () => void): void
}
