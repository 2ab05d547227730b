// The table of connections: time-outs, its bound, who gives way when it is full, and that nothing is left behind.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ACK, echo, SYN, udp } from '../packets.ts'
import { guest4, Lab, OUR, PASS, S, SERVER } from './lab.ts'
import { flood, isAlive, MOST, play, segment } from './traffic.ts'

const MINUTES_4 = 240 * S
const HOURS_2 = 7440 * S

for (const [what, script, ns] of [
  ['whose beginning nobody has answered', '>S', MINUTES_4],
  ['that is established', '>S <SA >A', HOURS_2],
  ['that was picked up in the middle', '>A <A', HOURS_2],
  ['that was picked up, and not answered', '>A', MINUTES_4],
  ['that one end has closed', '>S <SA >A >FA <A', HOURS_2],
  ['that the other end has closed', '>S <SA >A <FA >A', HOURS_2],
  ['that both ends have closed', '>S <SA >A >FA <FA >A', MINUTES_4],
  ['that was refused', '>S <RA', MINUTES_4],
  ['that was reset by the guest', '>S <SA >A >R', MINUTES_4],
  ['that was reset by the other end', '>S <SA >A <R', MINUTES_4],
  ['whose reset was forged, as it goes on', '>S <SA >A <R >A', HOURS_2],
  ['that begins anew from the same port', '>S <SA >A >FA <FA >A >S <SA >A', HOURS_2],
  ['that begins anew, and is not answered yet', '>S <SA >A >FA <FA >A >S', MINUTES_4],
] as const) {
  test(`a TCP connection ${what} lives for ${ns / S} s without a packet, and no longer`, () => {
    const lab = new Lab()
    play(lab, script)
    lab.now += ns
    lab.kernel.tick(lab.now)
    assert.is(lab.kernel.connections(0), 1)
    lab.now += 1
    assert.not.ok(isAlive(lab), 'also when nothing has looked after it')
    play(lab, script)
    lab.now += ns + 1
    lab.kernel.tick(lab.now)
    assert.is(lab.kernel.connections(0), 0)
  })
}

test('UDP lives for 120 s without a packet, an echo for 60 s', () => {
  const lab = new Lab()
  lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 80 }))
  lab.outward(0, guest4(0), SERVER, echo(false, false, 5, 1))
  lab.pass(60 * S)
  assert.is(lab.kernel.connections(0), 2)
  lab.pass(1)
  assert.is(lab.kernel.connections(0), 1)
  lab.pass(60 * S - 1)
  assert.is(lab.kernel.connections(0), 1)
  lab.pass(1)
  assert.is(lab.kernel.connections(0), 0)
})

test('packets of either direction keep a connection alive', () => {
  const lab = new Lab()
  lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 80 }))
  for (let i = 0; i < 10; i++) {
    lab.pass(119 * S)
    const isOut = i % 2 === 0
    const { result } = isOut
      ? lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 80 }))
      : lab.inward(SERVER, OUR, udp({ from: 80, to: 4000 }))
    assert.is(result, PASS)
  }
})

test('a port outside is free again when the last connection that uses it has ended', () => {
  const lab = new Lab()
  lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 80 }))
  lab.pass(100 * S)
  lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 81 }))
  lab.pass(100 * S)
  assert.is(lab.kernel.connections(0), 1)
  assert.is.not(lab.outward(1, guest4(1), SERVER, udp({ from: 4000, to: 80 })).read!.fromPort, 4000)
  lab.pass(121 * S)
  assert.is(lab.kernel.connections(0), 0)
  assert.is(lab.outward(1, guest4(1), SERVER, udp({ from: 4000, to: 80 })).read!.fromPort, 4000)
})

test('10 000 connections at once are all kept apart', () => {
  const lab = new Lab()
  const out = lab.template(guest4(0), SERVER, segment(0, 80, SYN))
  const back = lab.template(SERVER, OUR, segment(80, 0, SYN | ACK))
  const ports: { guest: number; port: number; outside: number }[] = []
  for (let i = 0; i < 10_000; i++) {
    const guest = i % 4
    const port = 1024 + (i >> 2)
    out.fromLow(0x0a + guest).from(port)
    const sent = lab.fast(out, guest, i % 100 === 0)
    assert.is(sent.result, PASS)
    ports.push({ guest, port, outside: sent.fromPort })
  }
  assert.is(lab.kernel.connections(0), 10_000)
  assert.is(new Set(ports.map(({ outside }) => outside)).size, 10_000, 'to one port of one server each needs its own')
  for (const [i, { guest, port, outside }] of ports.entries()) {
    const got = lab.fast(back.to(outside), undefined, i % 100 === 0)
    assert.is(got.result, PASS)
    assert.is(got.toPort, port)
    if (i % 100 === 0) {
      const { read } = lab.inward(SERVER, OUR, segment(80, outside, ACK))
      assert.is(read!.to, guest4(guest))
    }
  }
  lab.pass(HOURS_2 + 1)
  assert.is(lab.kernel.count(), 0)
})

test('a port that is shared is never that of two conversations with one end', () => {
  const lab = new Lab()
  // Low ports are few, and guest 0 has them all.
  for (let port = 512; port < 1024; port++) {
    assert.is(lab.outward(0, guest4(0), SERVER, udp({ from: port, to: 9 })).read?.fromPort, port)
  }
  const shared = lab.outward(1, guest4(1), SERVER, udp({ from: 600, to: 10 })).read!.fromPort!
  assert.ok(shared >= 512 && shared < 1024, 'it has to share one')
  const other = lab.outward(0, guest4(0), SERVER, udp({ from: shared, to: 10 })).read!.fromPort!
  assert.is.not(other, shared)
  for (const [guest, port] of [
    [1, shared],
    [0, other],
  ] as const) {
    assert.is(lab.inward(SERVER, OUR, udp({ from: 10, to: port })).read?.to, guest4(guest))
  }
  assert.is(lab.inward(SERVER, OUR, udp({ from: 9, to: shared })).read?.to, guest4(0))
})

test('a full table loses the connection that was idle for longest', () => {
  const lab = new Lab()
  flood(lab, 0, MOST)
  assert.is(lab.kernel.connections(0), MOST)
  assert.is(lab.kernel.evicted(0), 0n)
  // The oldest is used again, so the second oldest is the one that goes.
  lab.outward(0, guest4(0), SERVER, udp({ from: 1024, to: 1 }))
  lab.outward(0, guest4(0), SERVER, udp({ from: 500, to: 1 }))
  assert.is(lab.kernel.connections(0), MOST)
  assert.is(lab.kernel.evicted(0), 1n)
  assert.is(lab.inward(SERVER, OUR, udp({ from: 1, to: 1024 })).result, PASS)
  assert.is.not(lab.inward(SERVER, OUR, udp({ from: 1, to: 1025 })).result, PASS)
  assert.is(lab.inward(SERVER, OUR, udp({ from: 1, to: 1026 })).result, PASS)
})

test('what is forgotten when a guest goes is what was its own', () => {
  const lab = new Lab()
  flood(lab, 0, 5000)
  flood(lab, 1, 5000)
  lab.kernel.unplug(0, 0, 0)
  assert.is(lab.kernel.countOf(0), 0)
  assert.is(lab.kernel.countOf(1), 5000)
  assert.is(lab.kernel.connections(0), 5000)
  lab.kernel.forget(0)
  assert.is(lab.kernel.count(), 0)
  assert.is(lab.kernel.mappingsFree(), lab.kernel.mappingsUsed())
})

test.run()
