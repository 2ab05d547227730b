// The host's end of the network benchmark: what programs/linux/net.c does as `serve`, for guests that talk to the host's loopback.

import { createServer, type Socket } from 'node:net'

export interface HostPeer {
  port: number
  close(): void
}

const PIECE = Buffer.alloc(128 << 10)

export async function startHostPeer(): Promise<HostPeer> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.once('data', (first) => serve(socket, first))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    port,
    close: () => {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

/** The first byte says what is wished; what came behind it belongs to the rest. */
function serve(socket: Socket, first: Buffer): void {
  const wish = String.fromCharCode(first[0]!)
  const rest = first.subarray(1)
  if (wish === 'S') take(socket, rest.length)
  else if (wish === 'G') give(socket)
  else if (wish === 'E') echo(socket, rest)
  else socket.destroy()
}

function take(socket: Socket, already: number): void {
  let count = already
  socket.on('data', (data) => {
    count += data.length
  })
  socket.on('end', () => {
    const answer = Buffer.alloc(8)
    answer.writeBigUInt64LE(BigInt(count))
    socket.end(answer)
  })
}

function give(socket: Socket): void {
  const more = () => {
    while (!socket.destroyed && socket.write(PIECE));
  }
  socket.on('drain', more)
  socket.on('end', () => socket.destroy())
  more()
}

function echo(socket: Socket, already: Buffer): void {
  if (already.length > 0) socket.write(already)
  socket.on('data', (data) => socket.write(data))
  socket.on('end', () => socket.end())
}
