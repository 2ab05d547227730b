// The socket of a running machine and its clients.

import { createServer, type Server, type Socket } from 'node:net'
import type { Machine } from './machine.ts'
import { PROTOCOL_VERSION } from './protocol.ts'
import { Requests } from './requests.ts'
import { Session } from './session.ts'
import { listenAs } from './socket.ts'

/** More than this many clients at once are turned away. */
const MOST_CLIENTS = 128
/** How long a client that does not read may hold up the end. */
const GOODBYE_MS = 1_000

export class MachineServer {
  private readonly sessions = new Set<Session>()
  private readonly server: Server
  private readonly requests: Requests

  constructor(private readonly machine: Machine) {
    this.requests = new Requests(machine, this.sessions)
    this.server = createServer((socket) => this.welcome(socket))
  }

  /** Listens under the machine's name; throws OrlopError when another has it. */
  async listen(): Promise<void> {
    await listenAs(this.machine.name, this.server)
    // Without file descriptors there are no new clients for a while, and all else goes on.
    this.server.on('error', () => undefined)
  }

  /** Says goodbye to all clients and takes the socket away. */
  async close(): Promise<void> {
    const closed = new Promise<void>((fulfil) => this.server.close(() => fulfil()))
    for (const session of this.sessions) session.end()
    const timer = setTimeout(() => {
      for (const session of this.sessions) session.destroy()
    }, GOODBYE_MS)
    await closed
    clearTimeout(timer)
  }

  private welcome(socket: Socket): void {
    if (this.sessions.size >= MOST_CLIENTS) {
      socket.on('error', () => undefined)
      socket.destroy()
      return
    }
    const session = new Session(
      socket,
      async (request, client) => this.requests.handle(request, client),
      (over) => this.sessions.delete(over),
    )
    this.sessions.add(session)
    session.send({ hello: 'orlop', version: PROTOCOL_VERSION, machine: this.machine.name, pid: process.pid })
  }
}
