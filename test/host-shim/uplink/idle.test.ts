// What is idle for long is asked whether it is still there, and ends when it is not: nothing stays for ever.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NodeSockets } from '../../../host-shim/node/uplinks/sockets.ts'
import { parseAddress } from '../../../host-shim/uplink/address.ts'
import { get16, get32, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../../host-shim/uplink/wire.ts'
import { SetClock } from './time.ts'
import { Bench, ip, tcp, udp } from './wire.ts'

const HOUR_MS = 3_600_000
const PORT = 4000
const SEQ = 77

/** Waits in real time for what the host's sockets do. */
async function until<T>(find: () => T | undefined, clock: SetClock, what: string): Promise<T> {
  for (let i = 0; i < 3000; i++) {
    clock.settle()
    const found = find()
    if (found !== undefined) return found
    await new Promise((fulfil) => setTimeout(fulfil, 10))
  }
  throw new Error(`${what} did not come in 30 s`)
}

function next(bench: Bench): { flags: number; seq: number; ack: number; bytes: number } | undefined {
  const one = bench.receive()
  if (one === undefined) return undefined
  assert.is(one.kind, 'ip')
  assert.ok(one.packet.checkTcp())
  const at = one.packet.transportAt
  return {
    flags: one.frame[at + 13]!,
    seq: get32(one.frame, at + 4),
    ack: get32(one.frame, at + 8),
    bytes: one.packet.dataEnd - one.packet.dataAt,
  }
}

/** A connection to a server of the host, as far as `use` needs it. */
async function connected(
  use: (all: {
    bench: Bench
    clock: SetClock
    socket: Socket
    say: (flags: number, more?: { seq?: number; ack?: number }) => void
    hear: (what: string) => ReturnType<typeof answer>
  }) => Promise<void>,
): Promise<void> {
  const clock = new SetClock()
  const bench = new Bench(new NodeSockets(), clock)
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: to } = server.address() as AddressInfo
  const accepted = once(server, 'connection')
  let ack = 0
  const say = (flags: number, more: { seq?: number; ack?: number } = {}) => {
    bench.send(ip(4, 6, tcp({ from: PORT, to, seq: SEQ + 1, ack, flags, ...more })))
    bench.gateway.pump()
  }
  const hear = (what: string) => answer(bench, clock, what)
  say(TCP_SYN, { seq: SEQ })
  const syn = await hear('a SYN')
  assert.is(syn.flags, TCP_SYN | TCP_ACK)
  assert.is(syn.ack, SEQ + 1)
  ack = (syn.seq + 1) >>> 0
  say(TCP_ACK)
  const [socket] = (await accepted) as [Socket]
  socket.on('error', () => {})
  await use({ bench, clock, socket, say, hear })
  bench.gateway.close()
  socket.destroy()
  server.close()
  await once(server, 'close')
  assert.is(bench.gateway.report().connections, 0)
}

function answer(bench: Bench, clock: SetClock, what: string) {
  return until(() => next(bench), clock, what)
}

test('an idle connection is asked after two hours, and ends when there is no answer', () =>
  connected(async ({ bench, clock, socket, say, hear }) => {
    clock.pass(2 * HOUR_MS - 1000)
    assert.is(next(bench), undefined)
    clock.pass(2000)
    const probe = await hear('a probe')
    assert.is(probe.bytes, 0)
    say(TCP_ACK)
    clock.pass(2 * HOUR_MS - 1000)
    assert.is(next(bench), undefined, 'who answers is left alone')
    const closed = new Promise((fulfil) => socket.once('close', fulfil))
    clock.pass(HOUR_MS)
    for (let i = 0; i < 9; i++) assert.is((await hear('a probe')).flags, TCP_ACK)
    assert.is((await hear('the end')).flags, TCP_RST | TCP_ACK)
    assert.is(bench.gateway.report().connections, 0)
    await closed
  }))

test('a machine that goes silent while something is under way to it is given up', () =>
  connected(async ({ bench, clock, socket }) => {
    socket.write('are you there?')
    const closed = new Promise((fulfil) => socket.once('close', fulfil))
    await until(() => (next(bench)?.bytes === 14 ? true : undefined), clock, 'the question')
    clock.pass(HOUR_MS)
    await closed
    assert.is(bench.gateway.report().connections, 0)
  }))

test('a connection that the host ended first is known for a while, and then forgotten', () =>
  connected(async ({ bench, clock, socket, say, hear }) => {
    socket.end()
    const finish = await hear('the end')
    assert.is(finish.flags & TCP_FIN, TCP_FIN)
    const ack = (finish.seq + 1) >>> 0
    for (let i = 0; i < 3; i++) {
      say(TCP_FIN | TCP_ACK, { ack })
      assert.is((await hear('an acknowledgement')).ack, SEQ + 2)
    }
    await until(() => (socket.closed ? true : undefined), clock, 'the close')
    assert.is(bench.gateway.report().connections, 1)
    clock.pass(11_000)
    assert.is(bench.gateway.report().connections, 0)
  }))

test('a connection that can lead nowhere is answered by an error that shows its packet', () => {
  const bench = new Bench(new NodeSockets(), new SetClock())
  const syn = tcp({ from: PORT, to: 80, seq: SEQ, ack: 0, flags: TCP_SYN })
  for (const [family, text, code] of [
    [4, '192.0.0.6', 0x0301],
    [4, '224.0.0.1', 0x0300],
    [6, 'fd6f:726c:6f70::7', 0x0103],
    [6, 'fe80::7', 0x0100],
  ] as const) {
    const frame = ip(family, 6, syn, parseAddress(text))
    bench.send(frame)
    bench.gateway.pump()
    const { packet } = bench.receive()!
    assert.ok(packet.checkIcmp())
    assert.is(get16(packet.bytes, packet.transportAt), code, text)
    const shown = packet.bytes.subarray(packet.transportAt + 8, packet.dataEnd)
    assert.equal([...shown], [...frame.subarray(26, 26 + shown.length)])
  }
  assert.is(bench.gateway.report().connections, 0)
  bench.gateway.close()
})

test('a reset with a wrong number is not believed, one with the right number is', () =>
  connected(async ({ bench, clock, socket, say, hear }) => {
    say(TCP_RST, { seq: SEQ + 500 })
    assert.is((await hear('a question')).flags, TCP_ACK)
    assert.is(bench.gateway.report().connections, 1)
    say(TCP_RST)
    await until(() => (socket.closed || socket.destroyed ? true : undefined), clock, 'the reset')
    assert.is(bench.gateway.report().connections, 0)
  }))

test('a flow of datagrams ends two minutes after the last of them', async () => {
  const clock = new SetClock()
  const bench = new Bench(new NodeSockets(), clock)
  const echo = createSocket('udp4', (bytes, { address, port }) => echo.send(bytes, port, address))
  echo.bind(0, '127.0.0.1')
  await once(echo, 'listening')
  const ask = async () => {
    bench.send(ip(4, 17, udp(PORT, echo.address().port, Uint8Array.of(1, 2, 3))))
    bench.gateway.pump()
    const { packet } = await until(() => bench.receive(), clock, 'the echo')
    assert.ok(packet.checkUdp())
    assert.equal([...packet.bytes.subarray(packet.dataAt, packet.dataEnd)], [1, 2, 3])
  }
  await ask()
  clock.pass(100_000)
  await ask()
  clock.pass(119_000)
  assert.is(bench.gateway.report().flows, 1)
  clock.pass(2_000)
  assert.is(bench.gateway.report().flows, 0)
  bench.gateway.close()
  echo.close()
})

test('the gateway answers an echo, and says of others that they are forbidden, but not without end', async () => {
  const clock = new SetClock()
  const bench = new Bench(new NodeSockets(), clock)
  const request = Uint8Array.of(8, 0, 0, 0, 1, 2, 3, 4, 5)
  bench.send(ip(4, 1, request))
  bench.send(ip(6, 58, Uint8Array.of(128, 0, 0, 0, 1, 2, 3, 4, 5)))
  for (let i = 0; i < 1000; i++) bench.send(ip(4, 1, request, parseAddress('198.51.100.1')))
  for (let i = 0; i < 5; i++) {
    bench.gateway.pump()
    clock.settle()
  }
  for (const type of [0, 129]) {
    const { packet } = bench.receive()!
    assert.ok(packet.checkIcmp())
    assert.equal([...packet.bytes.subarray(packet.dataAt, packet.dataEnd)], [1, 2, 3, 4, 5])
    assert.is(packet.bytes[packet.transportAt], type)
  }
  let errors = 0
  for (let one = bench.receive(); one !== undefined; one = bench.receive(), errors++) {
    assert.ok(one.packet.checkIcmp())
    assert.is(get16(one.frame, one.packet.transportAt), 0x030d)
  }
  assert.ok(errors > 0 && errors <= 200, `${errors} errors`)
  bench.gateway.close()
})

test.run()
