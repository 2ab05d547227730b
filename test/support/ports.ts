// Ports of this host that nobody listens at, and nobody will before the test does.
//
// Who asks the host for any port, or calls from any, gets one of its ephemeral ports (ip(7), ip_local_port_range), and so might
// get the one that a test has just seen to be free. These lie below them, and each process takes them from a place of its own.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

const FIRST = 20_000
/** Ports of one process, and for how many processes there are such places. */
const OF_ONE = 200
const PLACES = 50

let taken = 0

/** So many of them, free for TCP and UDP at all addresses. A process gets none again before it has had all of its own. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let tries = 0; ports.length < count; tries++, taken++) {
    if (tries === OF_ONE) throw new Error(`Of the ${OF_ONE} ports of this process no ${count} are free`)
    const port = FIRST + (process.pid % PLACES) * OF_ONE + (taken % OF_ONE)
    if ((await isFreeForTcp(port)) && (await isFreeForUdp(port))) ports.push(port)
  }
  return ports
}

/** One of them. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port as number
}

async function isFreeForTcp(port: number): Promise<boolean> {
  const server = createServer().listen(port)
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

async function isFreeForUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  const bound = once(socket, 'listening')
  socket.bind(port)
  const isFree = await bound.then(
    () => true,
    () => false,
  )
  socket.close()
  return isFree
}
