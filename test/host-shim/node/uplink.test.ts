// An uplink carries frames to and from a stream socket, and outlives the loss of it.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Frames, FrameSplitter } from '../../../host-shim/frames.ts'
import { type StreamAddress, Uplink } from '../../../host-shim/node/uplink.ts'

const frame = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => (i * 17 + seed) & 255)

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (condition()) return
    await sleep(10)
  }
  assert.unreachable(`${what} did not happen in 5 s`)
}

function plug(address: StreamAddress, capacity = 1 << 20) {
  const out = Frames.create(capacity)
  const into = Frames.create(capacity)
  const warnings: string[] = []
  let wakes = 0
  const uplink = new Uplink({ address, out, in: into, wake: () => wakes++, warn: (text) => warnings.push(text) })
  const target = new Uint8Array(70000)
  return {
    uplink,
    out,
    warnings,
    wakes: () => wakes,
    /** What the machine's network function does. */
    send(one: Uint8Array): boolean {
      const sent = out.put(one)
      if (out.ring.tellReader()) uplink.pump()
      return sent
    },
    receive(): Uint8Array | undefined {
      const length = into.take(target)
      return length === 0 ? undefined : target.slice(0, length)
    },
  }
}

async function listen(where: { port: number } | { path: string }, serve: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    serve(socket)
  })
  server.listen('path' in where ? where : { host: '127.0.0.1', ...where })
  await once(server, 'listening')
  return server
}

const portOf = (server: Server) => (server.address() as AddressInfo).port
const echo = (socket: Socket) => socket.pipe(socket)

test('frames go out and come back over TCP, unchanged and in order', async () => {
  const server = await listen({ port: 0 }, echo)
  const port = plug({ host: '127.0.0.1', port: portOf(server) })
  const sent = [frame(60, 1), frame(1514, 2), frame(65534, 3), frame(1, 4)]
  await until(() => {
    port.send(frame(60, 0))
    return port.receive() !== undefined
  }, 'the connection')
  await sleep(50)
  while (port.receive() !== undefined);
  for (const one of sent) assert.ok(port.send(one))
  const got: Uint8Array[] = []
  await until(() => {
    for (let one = port.receive(); one !== undefined; one = port.receive()) got.push(one)
    return got.length === sent.length
  }, 'the echo')
  for (const [i, one] of sent.entries()) assert.is(Buffer.compare(one, got[i]!), 0)
  assert.ok(port.wakes() > 0)
  port.uplink.close()
  server.close()
})

test('a UNIX socket does the same', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-uplink-'))
  const path = join(folder, 'socket')
  const server = await listen({ path }, echo)
  const port = plug({ path })
  await until(() => {
    port.send(frame(60, 5))
    return port.receive()?.length === 60
  }, 'the echo')
  port.uplink.close()
  server.close()
  rmSync(folder, { recursive: true })
})

test('a lost connection is made again, starts with a whole frame, and is told once', async () => {
  const server = await listen({ port: 0 }, (socket) => socket.destroy())
  const number = portOf(server)
  const port = plug({ host: '127.0.0.1', port: number })
  await until(() => port.warnings.length > 0, 'a warning')
  server.close()
  await once(server, 'close')
  for (let i = 0; i < 20; i++) port.send(frame(1000, i))
  await sleep(400)
  assert.ok(port.warnings.length <= 2, port.warnings.join('\n'))

  const frames: number[] = []
  const again = await listen({ port: number }, (socket) => {
    const splitter = new FrameSplitter()
    socket.on('data', (piece) => assert.ok(splitter.push(piece, (one) => frames.push(one.length))))
  })
  await until(() => {
    port.send(frame(777, 1))
    return frames.includes(777)
  }, 'the new connection')
  // What was sent to nowhere is gone.
  assert.ok(frames.every((length) => length === 777))
  port.uplink.close()
  again.close()
})

test('while nobody is there frames are dropped, and the ring does not fill up', async () => {
  const server = await listen({ port: 0 }, echo)
  const number = portOf(server)
  server.close()
  const port = plug({ host: '127.0.0.1', port: number }, 4096)
  await until(() => port.warnings.length > 0, 'a warning')
  for (let i = 0; i < 100; i++) assert.ok(port.send(frame(1000, i)))
  port.uplink.close()
})

test('a peer that does not read stops nothing but its own frames', async () => {
  const sockets: Socket[] = []
  const server = await listen({ port: 0 }, (socket) => {
    sockets.push(socket)
    socket.pause()
  })
  const port = plug({ host: '127.0.0.1', port: portOf(server) }, 1 << 18)
  await until(() => sockets.length > 0, 'the connection')
  await sleep(50)
  let refused = 0
  for (let i = 0; i < 20000 && refused < 10; i++) {
    if (!port.send(frame(1514, i))) refused++
    if (i % 64 === 0) await new Promise(setImmediate)
  }
  assert.is(refused, 10)
  const splitter = new FrameSplitter()
  let got = 0
  sockets[0]!.on('data', (piece) => assert.ok(splitter.push(piece, (one) => (got += one.length === 1514 ? 1 : 0))))
  port.out.ring.askForRoom()
  const wakes = port.wakes()
  sockets[0]!.resume()
  await until(() => port.out.ring.length === 0 && port.wakes() > wakes, 'room in the ring')
  assert.ok(got > 100)
  port.uplink.close()
  server.close()
})

test('a peer that speaks something else is left, and tried again', async () => {
  let calls = 0
  const server = await listen({ port: 0 }, (socket) => {
    calls++
    socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  const port = plug({ host: '127.0.0.1', port: portOf(server) })
  await until(() => calls >= 2, 'a second call')
  assert.match(port.warnings[0]!, /does not speak QEMU's stream framing/)
  port.uplink.close()
  server.close()
})

test.run()
