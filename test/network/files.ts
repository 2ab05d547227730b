// A file that guests fetch: noise, its sum, and a server on the host's loopback that hands it out over IPv4 or IPv6, and says
// what the sum of a file is that it is given.

import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { networkInterfaces } from 'node:os'
import { makeNoise } from '../boot/userland/texts.ts'
import { freePort } from '../support/ports.ts'

const FILE_BYTES = 6_000_001

const noise = makeNoise(FILE_BYTES)

/** SHA-256 of the file. */
export const FILE_SUM = createHash('sha256').update(noise).digest('hex')

export const LOOPBACKS = { 4: '127.0.0.1', 6: '::1' }

export interface FileServer {
  family: 4 | 6
  port: number
  /** Addresses from which it was asked. */
  peers: string[]
  close(): void
}

/** Serves the file at 127.0.0.1 or at ::1; what is put there is answered by its SHA-256. */
export async function serveFile(family: 4 | 6): Promise<FileServer> {
  const peers: string[] = []
  const server: Server = createServer((request, response) => {
    peers.push(request.socket.remoteAddress ?? '')
    if (request.method !== 'PUT') {
      response.writeHead(200, { 'content-length': noise.length }).end(noise)
      return
    }
    const hash = createHash('sha256')
    request.on('data', (piece) => hash.update(piece)).on('end', () => response.end(hash.digest('hex')))
  })
  const port = await freePort()
  await new Promise<void>((fulfil, reject) => server.once('error', reject).listen(port, LOOPBACKS[family], fulfil))
  return {
    family,
    port,
    peers,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Whether the host's own loopback has an IPv6 address. */
export function hasLoopback6(): boolean {
  return Object.values(networkInterfaces()).some((entries) => entries?.some(({ address }) => address === '::1'))
}
