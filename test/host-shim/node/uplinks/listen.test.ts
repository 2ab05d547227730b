// The uplink that is called: one peer at a time, on a socket of its own.

import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FrameSplitter } from '../../../../host-shim/frames.ts'
import { ListenUplink } from '../../../../host-shim/node/uplinks/listen.ts'
import { type StreamAddress, StreamUplink } from '../../../../host-shim/node/uplinks/stream.ts'
import { frame, framed, plug, until } from './socket.ts'

const folder = mkdtempSync(join(tmpdir(), 'orlop-listen-'))
const wait = (address: StreamAddress) => plug((options) => new ListenUplink(address, options))
let count = 0
const fresh = () => join(folder, `${++count}`)

async function reach(path: string): Promise<Socket> {
  await until(() => existsSync(path), 'the socket')
  const socket = connect(path)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

test('a peer that connects gets frames and gives them, and the link is up while it is there', async () => {
  const path = fresh()
  const port = wait({ path })
  const socket = await reach(path)
  await until(() => port.links.length === 1, 'the link')
  const got: number[] = []
  const splitter = new FrameSplitter()
  socket.on('data', (piece) => assert.ok(splitter.push(piece, (one) => got.push(one.length))))
  socket.write(framed(frame(100, 1)))
  assert.ok(port.send(frame(60, 2)))
  let received: Uint8Array | undefined
  await until(() => {
    received ??= port.receive()
    return received !== undefined && got.length === 1
  }, 'both frames')
  assert.equal([received!.length, got], [100, [60]])
  socket.destroy()
  await until(() => port.links.length === 2, 'the end of the link')
  const next = await reach(path)
  await until(() => port.links.length === 3, 'the next link')
  assert.equal(port.links, [true, false, true])
  assert.equal(port.warnings, [])
  next.destroy()
  port.uplink.close()
})

test('a second peer is turned away while the first is there', async () => {
  const path = fresh()
  const port = wait({ path })
  const first = await reach(path)
  await until(() => port.links.length === 1, 'the link')
  const second = await reach(path)
  await once(second, 'close')
  port.send(frame(60, 1))
  const [piece] = (await once(first, 'data')) as [Buffer]
  assert.is(piece.readUInt32BE(0), 60)
  first.destroy()
  port.uplink.close()
})

test("its socket is its owner's alone, and goes with it", async () => {
  const path = fresh()
  const port = wait({ path })
  await until(() => existsSync(path) && (statSync(path).mode & 0o777) === 0o600, 'a private socket')
  port.uplink.close()
  await until(() => !existsSync(path), 'the end of the socket')
})

test('a socket that somebody left behind is taken over, one in use or a file is not', async () => {
  const left = fresh()
  // A server that is killed leaves its socket; Node takes it away when it closes one, so it is moved aside first.
  const server = createServer().listen(`${left}.new`)
  await once(server, 'listening')
  const { linkSync } = await import('node:fs')
  linkSync(`${left}.new`, left)
  server.close()
  await once(server, 'close')
  assert.ok(existsSync(left))
  const heir = wait({ path: left })
  const socket = await reach(left).catch(() => undefined)
  await until(() => heir.links.length === 1 || socket === undefined, 'the link')
  heir.uplink.close()
  socket?.destroy()

  const used = fresh()
  const owner = createServer().listen(used)
  await once(owner, 'listening')
  const guest = wait({ path: used })
  await until(() => guest.warnings.length > 0, 'a warning')
  assert.match(guest.warnings[0]!, /^No uplink to .*: .*EADDRINUSE.*; trying again\.$/)
  guest.uplink.close()
  owner.close()

  const file = fresh()
  writeFileSync(file, 'precious')
  chmodSync(file, 0o644)
  const other = wait({ path: file })
  await until(() => other.warnings.length > 0, 'a warning')
  other.uplink.close()
  assert.is(statSync(file).size, 8)
})

test('two uplinks join two machines, whichever comes first', async () => {
  const path = fresh()
  const caller = plug((options) => new StreamUplink({ path }, options))
  const called = wait({ path })
  await until(() => caller.links.at(-1) === true && called.links.at(-1) === true, 'the link')
  const big = frame(65535 + 18, 7)
  caller.send(big)
  let got: Uint8Array | undefined
  await until(() => (got ??= called.receive()) !== undefined, 'the frame')
  assert.is(Buffer.compare(got!, big), 0)
  called.send(frame(60, 9))
  let back: Uint8Array | undefined
  await until(() => (back ??= caller.receive()) !== undefined, 'the answer')
  assert.is(back!.length, 60)
  caller.uplink.close()
  called.uplink.close()
})

test.after(() => rmSync(folder, { recursive: true, force: true }))

test.run()
