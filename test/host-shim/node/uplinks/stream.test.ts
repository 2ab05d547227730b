// The uplink that calls carries frames to and from a stream socket, and outlives the loss of it.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FrameSplitter } from '../../../../host-shim/frames.ts'
import { type StreamAddress, StreamUplink } from '../../../../host-shim/node/uplinks/stream.ts'
import { freePort } from '../../../support/ports.ts'
import { echo, frame, framed, listen, plug, portOf, until } from './socket.ts'

/** What a frame begins with that only looks whether somebody is there. */
const PROBE = 0
const call = (address: StreamAddress, capacity?: number) =>
  plug((options) => new StreamUplink(address, options), capacity)

test('frames go out and come back over TCP, unchanged and in order', async () => {
  const server = await listen({ port: 0 }, echo)
  const port = call({ host: '127.0.0.1', port: portOf(server) })
  const sent = [frame(60, 1), frame(1514, 2), frame(65534, 3), frame(1, 4)]
  // More than one of them may be on its way, and come back with the others.
  await until(() => {
    port.send(frame(60, PROBE))
    return port.receive() !== undefined
  }, 'the connection')
  for (const one of sent) assert.ok(port.send(one))
  const got: Uint8Array[] = []
  await until(() => {
    for (let one = port.receive(); one !== undefined; one = port.receive()) if (one[0] !== PROBE) got.push(one)
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
  const port = call({ path })
  await until(() => {
    port.send(frame(60, 5))
    return port.receive()?.length === 60
  }, 'the echo')
  port.uplink.close()
  server.close()
  rmSync(folder, { recursive: true })
})

test('a lost connection is made again, starts with a whole frame, and is told once', async () => {
  const number = await freePort()
  const server = await listen({ port: number }, (socket) => socket.destroy())
  const port = call({ host: '127.0.0.1', port: number })
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
  const port = call({ host: '127.0.0.1', port: await freePort() }, 4096)
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
  const port = call({ host: '127.0.0.1', port: portOf(server) }, 1 << 18)
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
  await until(() => got > 100, 'what waited for the peer')
  port.uplink.close()
  server.close()
})

test('a peer that speaks something else is left, and tried again', async () => {
  let calls = 0
  const server = await listen({ port: 0 }, (socket) => {
    calls++
    socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  const port = call({ host: '127.0.0.1', port: portOf(server) })
  await until(() => calls >= 2, 'a second call')
  assert.match(port.warnings[0]!, /does not speak QEMU's stream framing/)
  port.uplink.close()
  server.close()
})

test('the link is up while there is a connection', async () => {
  const sockets: Socket[] = []
  const server = await listen({ port: 0 }, (socket) => sockets.push(socket))
  const port = call({ host: '127.0.0.1', port: portOf(server) })
  await until(() => sockets.length === 1 && port.links.length === 1, 'the connection')
  sockets[0]!.destroy()
  await until(() => sockets.length === 2 && port.links.length === 3, 'the next one')
  assert.equal(port.links, [true, false, true])
  port.uplink.close()
  server.close()
})

test('a peer that sends faster than the machine takes is held back, and loses nothing', async () => {
  const count = 5000
  const server = await listen({ port: 0 }, (socket) => {
    for (let i = 0; i < count; i++) socket.write(framed(frame(1000, i)))
  })
  const port = call({ host: '127.0.0.1', port: portOf(server) }, 1 << 19)
  await until(() => port.into.ring.room < port.into.ring.capacity / 2, 'a ring that is half full')
  let got = 0
  await until(() => {
    for (let one = port.receive(); one !== undefined; one = port.receive()) {
      assert.is(one[0], got & 255)
      got++
    }
    return got === count
  }, 'the last frame')
  port.uplink.close()
  server.close()
})

test.run()
