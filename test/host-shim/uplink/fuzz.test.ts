// A hostile machine: whatever frames it sends, the gateway goes on, answers with nothing malformed, and keeps nothing in the end.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NodeSockets, nodeClock } from '../../../host-shim/node/uplinks/sockets.ts'
import { Address } from '../../../host-shim/uplink/address.ts'
import type { Packet } from '../../../host-shim/uplink/packet.ts'
import type { DatagramEvents, Datagrams, Endpoint, Stream, StreamEvents } from '../../../host-shim/uplink/sockets.ts'
import {
  get32,
  PAYLOAD_AT,
  put16,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
} from '../../../host-shim/uplink/wire.ts'
import { Bench, ip, tcp, udp } from './wire.ts'

const FRAMES = 10_000
const PORTS = 40

/** Numbers that look random and are the same each time. */
function dice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

/** Wherever the machine wants to, it only gets to our own servers. */
class Fenced extends NodeSockets {
  constructor(
    private readonly tcpPort: number,
    private readonly udpPort: number,
  ) {
    super()
  }

  override connect({ port }: Endpoint, events: StreamEvents): Stream {
    return super.connect({ address: '127.0.0.1', port: port % 8 === 0 ? 1 : this.tcpPort }, events)
  }

  override datagrams(_to: Endpoint, events: DatagramEvents): Datagrams {
    return super.datagrams({ address: '127.0.0.1', port: this.udpPort }, events)
  }

  override nameServers(): Endpoint[] {
    return [{ address: '127.0.0.1', port: this.udpPort }]
  }

  override async resolve(): Promise<string[]> {
    return []
  }
}

for (const seed of [1, 2, 3]) {
  test(`random and nearly right frames do no harm (seed ${seed})`, async () => {
    const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
      socket.on('error', () => {})
      socket.pipe(socket)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const echo = createSocket('udp4', (bytes, { address, port }) => echo.send(bytes, port, address))
    echo.bind(0, '127.0.0.1')
    await once(echo, 'listening')
    const { port: tcpPort } = server.address() as AddressInfo
    const bench = new Bench(new Fenced(tcpPort, echo.address().port), nodeClock)
    const roll = dice(seed)
    // What the gateway said last on each of our ports: where it is, and what it has heard.
    const heard = new Map<number, { to: number; seq: number; ack: number }>()
    const counts = { tcp: 0, data: 0 }
    for (let i = 0; i < FRAMES; i++) {
      bench.send(anyFrame(roll, heard))
      if (i % 64 !== 63) continue
      bench.gateway.pump()
      await new Promise(setImmediate)
      // At times the machine lets the ring fill up.
      if (roll(8) > 0)
        for (let one = bench.receive(); one !== undefined; one = bench.receive()) judge(one, heard, counts)
    }
    for (let one = bench.receive(); one !== undefined; one = bench.receive()) judge(one, heard, counts)
    assert.ok(counts.tcp > 500 && counts.data > 5, JSON.stringify(counts))
    bench.gateway.close()
    const { malformed, ...rest } = bench.gateway.report()
    assert.ok(malformed > 0)
    assert.equal(rest, { connections: 0, flows: 0, queries: 0, publications: 0 })
    echo.close()
    server.close()
    // Closed only when no connection is left.
    await once(server, 'close')
  })
}

function anyFrame(roll: (sides: number) => number, heard: Map<number, { to: number; seq: number; ack: number }>) {
  const noise = (most: number) => Uint8Array.from({ length: roll(most) }, () => roll(256))
  const port = 1000 + roll(PORTS)
  const known = heard.get(port)
  let frame: Uint8Array
  const kind = roll(10)
  if (kind === 0) return noise(200).length > 0 ? noise(200).fill(roll(256), 0, 1) : Uint8Array.of(0)
  if (kind < 6) {
    const flags =
      known === undefined || roll(30) === 0 ? TCP_SYN : TCP_ACK | [0, TCP_PSH, TCP_FIN, TCP_RST, TCP_SYN][roll(20)]!
    const near = () => (roll(4) === 0 ? roll(2000) - 1000 : 0)
    const seq = ((known?.ack ?? roll(2 ** 31)) + near()) >>> 0
    const ack = ((known?.seq ?? 0) + near()) >>> 0
    const data = flags === TCP_SYN ? new Uint8Array(0) : noise(roll(3) === 0 ? 3000 : 2)
    const to = known?.to ?? 80 + roll(4)
    frame = ip(4, 6, tcp({ from: port, to, seq, ack, flags, window: roll(5) === 0 ? 0 : roll(65536), data }))
    if (flags === TCP_SYN) heard.delete(port)
  } else if (kind === 6)
    frame = ip(roll(2) === 0 ? 4 : 6, 17, udp(port, roll(3) === 0 ? 53 : 7000 + roll(50), noise(600)))
  else if (kind === 7) frame = ip(4, 1, Uint8Array.of(roll(20), 0, 0, 0, ...noise(40)))
  else if (kind === 8) frame = ip(6, 58, Uint8Array.of(128 + roll(10), 0, 0, 0, ...noise(40)))
  else {
    // Pieces, in both families, and extension headers.
    frame = roll(2) === 0 ? ip(4, 17, noise(64)) : ip(6, [0, 43, 44, 60][roll(4)]!, noise(64))
    if (frame[PAYLOAD_AT] === 0x45) put16(frame, PAYLOAD_AT + 6, roll(2) * 0x2000 + roll(100))
  }
  if (roll(5) === 0) frame[roll(frame.length)] = roll(256)
  if (roll(20) === 0) frame[0] = roll(4)
  if (roll(40) === 0) new Address(4, 0, 0, 0xffff, roll(2 ** 32)).write(frame, PAYLOAD_AT + 16)
  return roll(30) === 0 ? frame.subarray(0, Math.max(1, roll(frame.length))) : frame
}

function judge(
  { kind, packet, frame }: { kind: string; packet: Packet; frame: Uint8Array },
  heard: Map<number, { to: number; seq: number; ack: number }>,
  counts: { tcp: number; data: number },
): void {
  assert.not.equal(kind, 'bad')
  if (kind !== 'ip' || packet.isFragment) return
  if (packet.protocol === 17) assert.ok(packet.checkUdp())
  else if (packet.protocol !== 6) assert.ok(packet.checkIcmp())
  else {
    assert.ok(packet.checkTcp())
    counts.tcp++
    const at = packet.transportAt
    const flags = frame[at + 13]!
    const bytes = packet.dataEnd - packet.dataAt + ((flags & (TCP_SYN | TCP_FIN)) !== 0 ? 1 : 0)
    if (packet.dataEnd > packet.dataAt) counts.data++
    if ((flags & TCP_RST) !== 0) heard.delete(packet.destinationPort)
    else
      heard.set(packet.destinationPort, {
        to: packet.sourcePort,
        seq: (get32(frame, at + 4) + bytes) >>> 0,
        ack: get32(frame, at + 8),
      })
  }
}

test.run()
