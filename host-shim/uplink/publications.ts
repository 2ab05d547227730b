// Ports of the host that lead to the machine.

import type { Flows } from './flows.ts'
import type { DatagramEvents, Datagrams, Endpoint, Sockets, StreamEvents } from './sockets.ts'
import type { Connections } from './tcp/connections.ts'

export interface Publication {
  protocol: 'tcp' | 'udp'
  /** Address of the host to listen at. */
  address: string
  /** Port of the host; 0: any that is free. */
  port: number
  /** Port of the machine. */
  to: number
}

/** Peers that may talk through one published UDP port at a time. */
const PEERS_MAX = 1024

/** Takes what comes after a connection that could not be offered. */
const NOBODY: StreamEvents = {
  opened() {},
  data() {},
  ended() {},
  drained() {},
  failed() {},
  closed() {},
}

export class Publications {
  private readonly open = new Map<string, () => void>()

  constructor(
    private readonly sockets: Sockets,
    private readonly connections: Connections,
    private readonly flows: Flows,
  ) {}

  get count(): number {
    return this.open.size
  }

  /** Listens, and gives the port; rejected with an error that says what to do. */
  async add(publication: Publication): Promise<number> {
    const { protocol, address, port, to } = publication
    const { port: got, close } =
      protocol === 'tcp' ? await this.listen({ address, port }, to) : await this.receive({ address, port }, to)
    this.open.set(nameOf({ ...publication, port: got }), close)
    return got
  }

  remove(publication: Publication): boolean {
    const name = nameOf(publication)
    const close = this.open.get(name)
    close?.()
    return this.open.delete(name)
  }

  close(): void {
    for (const close of this.open.values()) close()
    this.open.clear()
  }

  private async listen(at: Endpoint, to: number): Promise<{ port: number; close: () => void }> {
    const listener = await this.sockets.listen(at, (stream) => {
      const events = this.connections.offer(stream, to)
      if (events === undefined) stream.reset()
      return events ?? NOBODY
    })
    return { port: listener.port, close: () => listener.close() }
  }

  private async receive(at: Endpoint, to: number): Promise<{ port: number; close: () => void }> {
    const peers = new Map<string, DatagramEvents>()
    let socket: Datagrams | undefined
    const close = () => {
      for (const events of [...peers.values()]) this.flows.endOffered(events)
      socket?.close()
    }
    const receiver = await this.sockets.receiveAt(at, {
      datagram: (bytes, from) => {
        const name = `${from.address} ${from.port}`
        let events = peers.get(name)
        if (events === undefined && peers.size < PEERS_MAX) {
          events = this.flows.offer(
            to,
            (answer) => socket?.send(answer, from),
            () => peers.delete(name),
          )
          if (events !== undefined) peers.set(name, events)
        }
        events?.datagram(bytes, from)
      },
      failed: () => {},
    })
    socket = receiver.socket
    return { port: receiver.port, close }
  }
}

function nameOf({ protocol, address, port, to }: Publication): string {
  return `${protocol} ${address} ${port} ${to}`
}
