// What the gateway answers itself by ICMP and neighbour discovery, what it advertises, and which frames it lets on to NAT.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as p from '../packets.ts'
import { clientAt, lease } from './lease.ts'
import {
  BROADCAST,
  CONSUMED,
  GATEWAY4,
  GATEWAY6,
  GATEWAY_MAC,
  ip6Of,
  LINK6,
  macOf,
  NEEDS_CSUM,
  NO_DNS,
  NO_FORWARDING,
  REPLY,
  ROUTE,
  SECOND,
  Stage,
} from './stage.ts'

const RS = 133
const RA = 134
const NS = 135
const NA = 136

/** A stage with a guest that has addresses; `to4` and `to6` send from it to the gateway's MAC. */
function lodge(plan: ConstructorParameters<typeof Stage>[0] = {}) {
  const stage = new Stage(plan)
  const client = clientAt(stage, 0)
  const ip = lease(client)!
  const to4 = (to: string, payload: p.Payload, header: Partial<p.Ip> = {}) =>
    stage.send(
      client.port,
      p.ethernet({ from: client.mac, to: GATEWAY_MAC }, p.packet({ from: ip, to, ...header }, payload)),
    )
  const to6 = (to: string, payload: p.Payload, header: Partial<p.Ip> = {}, toMac = GATEWAY_MAC) =>
    stage.send(
      client.port,
      p.ethernet({ from: client.mac, to: toMac }, p.packet({ from: ip6Of(0), to, ...header }, payload)),
    )
  return { stage, client, ip, to4, to6 }
}

const content = Uint8Array.from({ length: 1400 }, (_, i) => i * 7)

test('an echo of the gateway comes back as it was sent, by IPv4 and IPv6', () => {
  const { to4, to6, ip } = lodge()
  const four = to4(GATEWAY4, p.echo(false, false, 7, 9, content), { ttl: 3 })
  assert.is(four.code, REPLY)
  assert.equal(
    four.frame,
    p.ethernet(
      { from: GATEWAY_MAC, to: macOf(0) },
      p.packet({ from: GATEWAY4, to: ip }, p.echo(false, true, 7, 9, content)),
    ),
  )
  for (const address of [GATEWAY6, LINK6]) {
    const six = to6(address, p.echo(true, false, 7, 9, content), { ttl: 3 })
    assert.equal(
      six.frame,
      p.ethernet(
        { from: GATEWAY_MAC, to: macOf(0) },
        p.packet({ from: address, to: ip6Of(0) }, p.echo(true, true, 7, 9, content)),
      ),
    )
  }
})

test('an echo in pieces comes back in pieces, which make a whole', () => {
  const { stage, client, ip } = lodge()
  const large = Uint8Array.from({ length: 9000 }, (_, i) => i * 13)
  for (const [from, to] of [
    [ip, GATEWAY4],
    [ip6Of(0), GATEWAY6],
  ] as const) {
    const isV6 = from.includes(':')
    const pieces = p.fragments({ from, to, id: 99 }, p.echo(isV6, false, 1, 2, large), 1400)
    const back = pieces
      .reverse()
      .map((piece) => stage.send(client.port, p.ethernet({ from: client.mac, to: GATEWAY_MAC }, piece)))
    assert.ok(back.every(({ code }) => code === REPLY))
    const whole = p.whole(back.map(({ frame }) => frame))
    assert.equal(p.faults(whole), [])
    const expected = p.packet({ from: to, to: from }, p.echo(isV6, true, 1, 2, large))
    assert.equal(p.read(whole).content, p.readIp(expected).content)
  }
})

test('an echo that is sent to all, or whose sum is left to others, gets no answer', () => {
  const { stage, client, ip } = lodge()
  const echo = (to: string, toMac: string, flags = 0) =>
    stage.send(
      client.port,
      p.ethernet({ from: client.mac, to: toMac }, p.packet({ from: ip, to }, p.echo(false, false, 1, 1))),
      flags,
    ).code
  assert.is(echo('10.9.0.255', BROADCAST), CONSUMED)
  assert.is(echo('255.255.255.255', BROADCAST), CONSUMED)
  assert.is(echo(GATEWAY4, BROADCAST), CONSUMED)
  assert.is(echo(GATEWAY4, GATEWAY_MAC, NEEDS_CSUM), CONSUMED)
  assert.is(echo(GATEWAY4, GATEWAY_MAC), REPLY)
})

test('what is for the world goes on, and what is for nobody there does not', () => {
  const { to4, to6 } = lodge()
  const udp = p.udp({ from: 1, to: 2 })
  for (const to of ['8.8.8.8', '192.0.2.1', '192.168.1.1', '10.8.0.1']) assert.is(to4(to, udp).code, ROUTE, to)
  for (const to of [
    '10.9.0.77',
    '10.9.0.255',
    '127.0.0.1',
    '0.0.0.0',
    '224.0.0.251',
    '239.1.2.3',
    '240.0.0.1',
    '255.255.255.255',
  ]) {
    assert.is(to4(to, udp).code, CONSUMED, to)
  }
  for (const to of ['2001:db8::1', 'fd12::1', '2600::']) assert.is(to6(to, udp).code, ROUTE, to)
  for (const to of ['fd00:9::77', 'fe80::1', 'ff02::fb', 'ff0e::1', '::', '::1', '::ffff:808:808'])
    assert.is(to6(to, udp).code, CONSUMED, to)
  for (const from of ['10.8.0.5', '0.0.0.0', GATEWAY4, '10.9.0.255', '127.0.0.1'])
    assert.is(to4('8.8.8.8', udp, { from }).code, CONSUMED, from)
  for (const from of ['fd00:8::5', 'fe80::5', '::', GATEWAY6])
    assert.is(to6('2001:db8::1', udp, { from }).code, CONSUMED, from)
})

test('a frame with a tag, or to another MAC, is not for the gateway', () => {
  const { stage, client, ip } = lodge()
  const packet = p.packet({ from: ip, to: '8.8.8.8' }, p.udp({ from: 1, to: 2 }))
  const send = (ethernet: p.Ethernet) =>
    stage.send(client.port, p.ethernet({ from: client.mac, ...ethernet }, packet)).code
  assert.is(send({ to: GATEWAY_MAC }), ROUTE)
  assert.is(send({ to: GATEWAY_MAC, vlan: 5 }), CONSUMED)
  assert.is(send({ to: macOf(3) }), CONSUMED)
  assert.is(send({ to: BROADCAST }), CONSUMED)
})

test('where nothing is passed on, or there is no way out, the sender is told', () => {
  const codes = (plan: ConstructorParameters<typeof Stage>[0]) => {
    const { stage, to4, to6 } = lodge(plan)
    const four = to4('8.8.8.8', p.udp({ from: 1, to: 9 }, content))
    assert.is(four.code, REPLY)
    assert.equal(
      [four.read.from, four.read.type, four.read.quoted!.to, four.read.quoted!.toPort],
      [GATEWAY4, 3, '8.8.8.8', 9],
    )
    stage.now += SECOND
    const six = to6('2001:db8::1', p.tcp({ from: 1, to: 9, flags: p.SYN }))
    assert.equal([six.code, six.read.from, six.read.type, six.read.quoted!.toPort], [REPLY, p.plain(GATEWAY6), 1, 9])
    return [four.read.code, six.read.code]
  }
  assert.equal(codes({ flags: NO_FORWARDING }), [13, 1])
  assert.equal(codes({ hasUplink: false }), [0, 0])
})

test('errors are sent to a port a hundred times a second at most, and to each port for itself', () => {
  const { stage, to4, to6 } = lodge({ flags: NO_FORWARDING })
  const udp = p.udp({ from: 1, to: 9 })
  assert.is(to4('8.8.8.8', udp).code, REPLY)
  assert.is(to4('8.8.8.8', udp).code, CONSUMED)
  const other = clientAt(stage, 4)
  const frame = p.ethernet({ from: other.mac, to: GATEWAY_MAC }, p.packet({ from: lease(other)!, to: '8.8.8.8' }, udp))
  assert.is(stage.send(other.port, frame).code, REPLY)
  stage.now += 11e6
  const six = to6('2001:db8::1', udp)
  assert.equal([six.code, six.read.type, six.read.code, six.read.from], [REPLY, 1, 1, p.plain(GATEWAY6)])
})

test('a closed port of the gateway says so; an error, a later piece and an echo answer bring none', () => {
  const { stage, to4, to6 } = lodge({ flags: NO_DNS })
  const next = () => {
    stage.now += SECOND
  }
  assert.equal([to4(GATEWAY4, p.udp({ from: 1, to: 9 })).read.code, next()], [3, undefined])
  assert.equal([to4(GATEWAY4, p.tcp({ from: 1, to: 22, flags: p.SYN })).read.code, next()], [3, undefined])
  assert.equal([to6(GATEWAY6, p.udp({ from: 1, to: 9 })).read.code, next()], [4, undefined])
  assert.is(to4(GATEWAY4, p.icmp(false, 3, 3, p.u32(0), new Uint8Array(40))).code, CONSUMED)
  assert.is(to4(GATEWAY4, p.echo(false, true, 1, 1)).code, CONSUMED)
  assert.is(to4(GATEWAY4, p.udp({ from: 1, to: 9 }), { offset: 1480 }).code, CONSUMED)
  assert.is(to6(GATEWAY6, p.icmp(true, 1, 4, p.u32(0), new Uint8Array(48))).code, CONSUMED)
})

function solicitation(target: string, options = p.bytes()): p.Payload {
  return p.icmp(true, NS, 0, p.u32(0), p.bytes(p.ip(target), options))
}

test('the gateway answers for its IPv6 addresses, and for no other', () => {
  const { to6 } = lodge()
  for (const address of [GATEWAY6, LINK6]) {
    const { code, frame } = to6(
      'ff02::1:ff00:1',
      solicitation(address, p.bytes(1, 1, p.mac(macOf(0)))),
      { ttl: 255 },
      '33:33:ff:00:00:01',
    )
    assert.is(code, REPLY)
    const payload = p.icmp(true, NA, 0, p.u32(0xe000_0000), p.bytes(p.ip(address), 2, 1, p.mac(GATEWAY_MAC)))
    assert.equal(
      frame,
      p.ethernet({ from: GATEWAY_MAC, to: macOf(0) }, p.packet({ from: address, to: ip6Of(0), ttl: 255 }, payload)),
    )
  }
  assert.is(to6('ff02::1:ff00:5', solicitation('fd00:9::5'), { ttl: 255 }, '33:33:ff:00:00:05').code, CONSUMED)
})

test("who looks whether the gateway's IPv6 address is free is told by an advertisement to all", () => {
  const { to6 } = lodge()
  const { read } = to6('ff02::1:ff00:1', solicitation(GATEWAY6), { ttl: 255, from: '::' }, '33:33:ff:00:00:01')
  assert.equal([read.to, read.toMac, read.type], [p.plain('ff02::1'), '33:33:00:00:00:01', NA])
  assert.is(read.content![4], 0xa0)
})

test('neighbour discovery that came through a router, is damaged or has an option without length is dropped', () => {
  const { stage, client } = lodge()
  const send = (payload: p.Payload, ttl = 255, change?: (frame: Uint8Array) => void) => {
    const frame = p.ethernet(
      { from: client.mac, to: GATEWAY_MAC },
      p.packet({ from: ip6Of(0), to: GATEWAY6, ttl }, payload),
    )
    change?.(frame)
    return stage.send(client.port, frame).code
  }
  assert.is(send(solicitation(GATEWAY6)), REPLY)
  assert.is(send(solicitation(GATEWAY6), 254), CONSUMED)
  assert.is(
    send(solicitation(GATEWAY6), 255, (frame) => frame.set([frame[70]! ^ 1], 70)),
    CONSUMED,
  )
  assert.is(send(p.icmp(true, NS, 1, p.u32(0), p.ip(GATEWAY6))), CONSUMED)
  assert.is(send(p.icmp(true, NS, 0, p.u32(0), p.ip(GATEWAY6).slice(0, 15))), CONSUMED)
  assert.is(send(solicitation('ff02::1')), CONSUMED)
  for (const options of [
    [1, 0],
    [1, 0, 0, 0, 0, 0, 0, 0],
    [1, 2, 0, 0, 0, 0, 0, 0],
    [1],
    [1, 255],
    [14, 1, 0, 0, 0, 0, 0, 0, 1, 0],
  ]) {
    assert.is(send(solicitation(GATEWAY6, Uint8Array.from(options))), CONSUMED, options.join())
  }
})

/** An advertisement taken apart. */
function advertised(frame: Uint8Array) {
  const read = p.read(frame)
  assert.equal([read.type, read.code, read.ttl, read.from, read.to], [RA, 0, 255, p.plain(LINK6), p.plain('ff02::1')])
  const content = read.content!
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength)
  const options = new Map<number, Uint8Array>()
  for (let at = 16; at < content.length; at += content[at + 1]! << 3)
    options.set(content[at]!, content.slice(at, at + (content[at + 1]! << 3)))
  return { lifetime: view.getUint16(6), flags: content[5], options }
}

test('who asks for a router is told the prefix, the name server, the domain and the way out', () => {
  const { to6 } = lodge({ domain: 'lab.test' })
  const { code, frame } = to6('ff02::2', p.icmp(true, RS, 0, p.u32(0)), { ttl: 255 }, '33:33:00:00:00:02')
  assert.is(code, REPLY)
  const { lifetime, flags, options } = advertised(frame)
  assert.equal([lifetime, flags], [1800, 0])
  assert.equal(options.get(1), p.bytes(1, 1, p.mac(GATEWAY_MAC)))
  assert.equal(options.get(3), p.bytes(3, 4, 64, 0xc0, p.u32(86_400), p.u32(14_400), p.u32(0), p.ip('fd00:9::')))
  assert.equal(options.get(5), p.bytes(5, 1, p.u16(0), p.u32(1500)))
  assert.equal(options.get(25), p.bytes(25, 3, p.u16(0), p.u32(1800), p.ip(GATEWAY6)))
  assert.equal(
    options.get(31),
    p.bytes(31, 3, p.u16(0), p.u32(1800), 3, Buffer.from('lab'), 4, Buffer.from('test'), 0, new Uint8Array(6)),
  )
})

test('without a way out the gateway says that it is no router, and names who to ask if it may not be asked', () => {
  for (const plan of [{ flags: NO_FORWARDING }, { hasUplink: false }, { learns6: true }]) {
    const { to6 } = lodge(plan)
    const { frame } = to6('ff02::2', p.icmp(true, RS, 0, p.u32(0)), { ttl: 255 }, '33:33:00:00:00:02')
    assert.is(advertised(frame).lifetime, 0)
  }
  const { to6 } = lodge({ flags: NO_DNS })
  const { frame } = to6('ff02::2', p.icmp(true, RS, 0, p.u32(0)), { ttl: 255 }, '33:33:00:00:00:02')
  assert.equal(advertised(frame).options.get(25)!.slice(8), p.ip('2001:db8:5::3'))
})

test('the gateway advertises three times at first, then every five minutes, and soon when the way out appears', () => {
  const stage = new Stage({ learns6: true })
  const began = stage.now
  const times: [number, number][] = []
  const note = (answers: ReturnType<Stage['tick']>) => {
    for (const { frame } of answers) times.push([Math.round((stage.now - began) / SECOND), advertised(frame).lifetime])
  }
  note(stage.tick('Inside'))
  while (times.length < 5) note(stage.next('Inside'))
  assert.equal(times, [
    [0, 0],
    [16, 0],
    [32, 0],
    [332, 0],
    [632, 0],
  ])
  stage.call('setOut6', 0x2001_0db8_0005_0000n)
  stage.now += 10 * SECOND
  assert.ok(stage.due('Inside') <= stage.now)
  note(stage.tick('Inside'))
  assert.is(stage.due('Inside'), stage.now + 3 * SECOND)
  while (times.length < 6) note(stage.next('Inside'))
  assert.equal(times[5], [645, 1800])
})

test.run()
