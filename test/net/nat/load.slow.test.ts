// NAT under load: a million connections, greedy guests, and what others feel of that.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ACK, bytes, FIN, SYN, tcp, udp } from '../packets.ts'
import { DROP, guest4, Lab, OUR, PASS, S, SERVER } from './lab.ts'
import { flood, isAlive, MOST, play, segment } from './traffic.ts'

test('a million short connections leave nothing behind, and the table keeps its bound', () => {
  const lab = new Lab()
  const out = lab.template(guest4(0), SERVER, segment(0, 80, SYN))
  const back = lab.template(SERVER, OUR, segment(80, 0, ACK))
  for (let i = 0; i < 1_000_000; i++) {
    const guest = i & 3
    const port = 1024 + ((i * 7) % 60_000)
    const low = (i >> 10) & 0xff
    out
      .fromLow(0x0a + guest)
      .toLow(0x6400 | low)
      .from(port)
    const opened = lab.fast(out.flags(SYN), guest)
    if (opened.result !== PASS) assert.unreachable(`connection ${i} is refused`)
    const answer = lab.fast(
      back
        .fromLow(0x6400 | low)
        .to(opened.fromPort)
        .flags(SYN | ACK),
      undefined,
    )
    if (answer.result !== PASS || answer.toPort !== port) assert.unreachable(`connection ${i} is not answered`)
    lab.fast(out.flags(FIN | ACK), guest)
    lab.fast(back.flags(FIN | ACK), undefined)
    lab.now += 1e6
    if (i % 100 === 0) lab.kernel.tick(lab.now)
  }
  assert.ok(lab.kernel.used() <= MOST)
  assert.is(lab.kernel.tracked(0), 1_000_000n)
  lab.pass(240 * S + 1)
  assert.is(lab.kernel.count(), 0)
  assert.is(lab.kernel.connections(0), 0)
  for (let guest = 0; guest < 4; guest++) assert.is(lab.kernel.countOf(guest), 0)
  assert.is(lab.kernel.mappingsFree(), lab.kernel.mappingsUsed(), 'every mapping is free again')
})

test('a greedy guest loses its own connections, and none of another guest', () => {
  const lab = new Lab()
  const others = Array.from(
    { length: 50 },
    (_, i) => lab.outward(1, guest4(1), SERVER, udp({ from: 2000 + i, to: 9 })).read!.fromPort!,
  )
  flood(lab, 0, 3 * MOST)
  assert.is(lab.kernel.count(), MOST)
  assert.is(lab.kernel.countOf(1), 50)
  for (const port of others) assert.is(lab.inward(SERVER, OUR, udp({ from: 9, to: port })).result, PASS)
  // And the other guest gets more when it wants more, up to a fair share.
  const before = lab.kernel.countOf(0)
  const out = lab.template(guest4(1), SERVER, udp({ from: 1, to: 10 }))
  for (let i = 0; i < 1000; i++) assert.is(lab.fast(out.from(30_000 + i), 1).result, PASS)
  assert.is(lab.kernel.countOf(1), 1050)
  assert.is(lab.kernel.countOf(0), before - 1000)
})

test('two greedy guests end up with half of the table each', () => {
  const lab = new Lab()
  flood(lab, 0, MOST)
  flood(lab, 1, MOST)
  assert.ok(Math.abs(lab.kernel.countOf(0) - lab.kernel.countOf(1)) <= 1)
})

test('a guest that scans keeps the connections that it uses', () => {
  const lab = new Lab()
  play(lab, '>S <SA >A')
  flood(lab, 0, 2 * MOST)
  assert.ok(isAlive(lab))
})

test('a guest whose table is full of used connections can still begin others', () => {
  const lab = new Lab()
  const out = lab.template(guest4(0), SERVER, udp({ from: 1, to: 1 }))
  const back = lab.template(SERVER, OUR, udp({ from: 1, to: 1 }))
  for (let i = 0; i < MOST; i++) {
    const to = 1 + Math.floor(i / 50_000)
    const { fromPort } = lab.fast(out.from(1024 + (i % 50_000)).to(to), 0)
    lab.fast(back.from(to).to(fromPort), undefined)
    lab.now += 1000
  }
  play(lab, '>S')
  flood(lab, 0, 100, 40)
  play(lab, '<SA >A')
})

test('a guest that has used up all ports to one server takes none from others, who get theirs from it', () => {
  const lab = new Lab()
  const quiet = lab.outward(1, guest4(1), SERVER, udp({ from: 5000, to: 53 })).read!.fromPort!
  const out = lab.template(guest4(0), SERVER, udp({ from: 1, to: 53 }))
  for (let i = 0; i < 200_000; i++) {
    lab.fast(out.from(1024 + (i % 64_000)), 0)
    lab.now += 1000
  }
  let reached = 0
  for (let i = 0; i < 100; i++) {
    const sent = lab.outward(2, guest4(2), SERVER, udp({ from: 2000 + i, to: 53 }))
    if (sent.result !== PASS) continue
    reached++
    assert.is(lab.inward(SERVER, OUR, udp({ from: 53, to: sent.read!.fromPort! })).read!.to, guest4(2))
  }
  assert.is(reached, 100)
  assert.is(lab.inward(SERVER, OUR, udp({ from: 53, to: quiet })).read!.to, guest4(1))
})

test('connections that come by a published port are on the account of its guest', () => {
  const lab = new Lab()
  lab.kernel.publish(0, 6, 80, 1, 1, 0, 80)
  const mine = lab.outward(0, guest4(0), SERVER, udp({ from: 2000, to: 9 })).read!.fromPort!
  const from = lab.template(SERVER, OUR, segment(1, 80, SYN))
  for (let i = 0; i < 2 * MOST; i++) lab.fast(from.from(1 + (i % 65_000)).fromLow(i >> 16), undefined)
  assert.is(lab.kernel.count(), MOST)
  assert.is(lab.kernel.countOf(0), 1)
  assert.is(lab.inward(SERVER, OUR, udp({ from: 9, to: mine })).result, PASS)
})

test('what has been evicted comes to life again when its guest goes on, by the same port', () => {
  const lab = new Lab()
  play(lab, '>S <SA >A')
  const other = lab.template(guest4(0), SERVER, udp({ from: 1, to: 1 }))
  const back = lab.template(SERVER, OUR, udp({ from: 1, to: 1 }))
  for (let i = 0; i < MOST; i++) {
    const to = 1 + Math.floor(i / 50_000)
    const { fromPort } = lab.fast(other.from(10_000 + (i % 50_000)).to(to), 0)
    lab.fast(back.from(to).to(fromPort), undefined)
  }
  assert.is(lab.inward(SERVER, OUR, segment(80, 4000, ACK)).result, DROP, 'it is gone')
  play(lab, '>A <A')
  assert.is(lab.inward(SERVER, OUR, tcp({ from: 80, to: 4000, flags: ACK }, bytes(1))).read!.to, guest4(0))
})

test.run()
