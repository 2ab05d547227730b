// The machine's side of an uplink for the tests of uplinks, and sockets for the other side.

import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { Frames } from '../../../../host-shim/frames.ts'
import type { Uplink, UplinkOptions } from '../../../../host-shim/node/uplinks/uplink.ts'

export const frame = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => (i * 17 + seed) & 255)

/** Waits until this holds, which it must within a minute. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 6000; i++) {
    if (condition()) return
    await sleep(10)
  }
  assert.unreachable(`${what} did not happen in a minute`)
}

/** An uplink, and what the machine's network functions do with it. */
export function plug(make: (options: UplinkOptions) => Uplink, capacity = 1 << 20) {
  const out = Frames.create(capacity)
  const into = Frames.create(capacity)
  const warnings: string[] = []
  const links: boolean[] = []
  let wakes = 0
  const uplink = make({
    out,
    in: into,
    wake: () => wakes++,
    setLink: (isUp) => links.push(isUp),
    warn: (text) => warnings.push(text),
  })
  const target = new Uint8Array(70000)
  return {
    uplink,
    out,
    into,
    warnings,
    links,
    wakes: () => wakes,
    send(one: Uint8Array): boolean {
      const sent = out.put(one)
      if (out.ring.tellReader()) uplink.pump()
      return sent
    },
    receive(): Uint8Array | undefined {
      const length = into.take(target)
      if (length > 0 && into.ring.tellWriter()) uplink.hearRoom?.()
      return length === 0 ? undefined : target.slice(0, length)
    },
  }
}

export async function listen(
  where: { port: number } | { path: string },
  serve: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    serve(socket)
  })
  server.listen('path' in where ? where : { host: '127.0.0.1', ...where })
  await once(server, 'listening')
  return server
}

export const portOf = (server: Server) => (server.address() as AddressInfo).port
export const echo = (socket: Socket) => socket.pipe(socket)

/** A frame as it goes over a stream. */
export function framed(one: Uint8Array): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(one.length)
  return Buffer.concat([head, one])
}
