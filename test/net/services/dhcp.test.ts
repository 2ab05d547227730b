// The gateway's DHCP server: what honest clients get, and what others can't take from them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as p from '../packets.ts'
import {
  ACK,
  type Client,
  clientAt,
  DECLINE,
  DISCOVER,
  INFORM,
  lease,
  NAK,
  OFFER,
  parse,
  RELEASE,
  REQUEST,
  say,
  typeOf,
} from './lease.ts'
import {
  BROADCAST,
  CONSUMED,
  GATEWAY4,
  GATEWAY_MAC,
  macOf,
  NO_DHCP,
  NO_DNS,
  NO_FORWARDING,
  REPLY,
  SECOND,
  Stage,
} from './stage.ts'

const HOUR = 3600 * SECOND

test('a client is offered an address of the pool, and gets it with all that it needs', () => {
  const client = clientAt(new Stage(), 0, { name: 'Web' })
  const offer = say(client, { type: DISCOVER, xid: 77 })
  assert.is(offer.code, REPLY)
  assert.is(offer.read.toMac, client.mac)
  assert.is(offer.read.from, GATEWAY4)
  const offered = parse(offer.read.data!)
  assert.equal([offered.op, offered.xid, typeOf(offered), offered.mac], [2, 77, OFFER, client.mac])
  assert.is(offer.read.to, offered.yiaddr)
  const ack = say(client, {
    type: REQUEST,
    options: [
      [50, p.ip(offered.yiaddr)],
      [54, p.ip(GATEWAY4)],
    ],
  })
  const given = parse(ack.read.data!)
  assert.is(typeOf(given), ACK)
  assert.is(given.yiaddr, offered.yiaddr)
  const last = Number(given.yiaddr.split('.')[3])
  assert.ok(given.yiaddr.startsWith('10.9.0.') && last >= 100 && last <= 199, given.yiaddr)
  const option = (code: number) => given.options.get(code)
  assert.equal(option(1), p.ip('255.255.255.0'))
  assert.equal(option(3), p.ip(GATEWAY4))
  assert.equal(option(6), p.ip(GATEWAY4))
  assert.equal(option(28), p.ip('10.9.0.255'))
  assert.equal(option(26), p.u16(1500))
  assert.equal([option(51), option(58), option(59)], [p.u32(3600), p.u32(1800), p.u32(3150)])
  assert.is(Buffer.from(option(15)!).toString(), 'lan')
  assert.is(Buffer.from(option(12)!).toString(), 'web')
  assert.is(client.stage.ip4Of(client.port), given.yiaddr)
})

test('a network that passes nothing on names no router, and one without names the name server of the uplink', () => {
  const client = clientAt(new Stage({ flags: NO_FORWARDING | NO_DNS }), 0)
  const { options } = parse(say(client, { type: DISCOVER }).read.data!)
  assert.is(options.get(3), undefined)
  assert.equal(options.get(6), p.ip('192.0.2.53'))
})

test('a network without DHCP answers nobody', () => {
  assert.is(say(clientAt(new Stage({ flags: NO_DHCP }), 0), { type: DISCOVER }).code, CONSUMED)
})

test('a client that asks to be told by broadcast is', () => {
  const offer = say(clientAt(new Stage(), 0), { type: DISCOVER, flags: 0x8000 })
  assert.is(offer.read.toMac, BROADCAST)
  assert.is(offer.read.to, '255.255.255.255')
})

test('a fixed address is given, whatever the client wants, also outside of the pool', () => {
  const client = clientAt(new Stage(), 0, { ip4: '10.9.0.7' })
  assert.is(lease(client, '10.9.0.150'), '10.9.0.7')
  assert.is(typeOf(parse(say(client, { type: REQUEST, options: [[50, p.ip('10.9.0.8')]] }).read.data!)), NAK)
})

test('a wish for a free address of the pool is granted, and one for an address that others have is not', () => {
  const stage = new Stage()
  const [a, b] = [clientAt(stage, 0), clientAt(stage, 1)]
  assert.is(lease(a, '10.9.0.123'), '10.9.0.123')
  assert.is.not(lease(b, '10.9.0.123'), '10.9.0.123')
})

test('each client keeps its address: on a new lease, after its NIC was away, and on a machine that starts anew', () => {
  const stage = new Stage()
  const clients = Array.from({ length: 40 }, (_, i) => clientAt(stage, i))
  const first = clients.map((client) => lease(client))
  assert.is(new Set(first).size, 40)
  assert.equal(
    clients.map((client) => lease(client)),
    first,
  )
  for (const client of clients) stage.leave(client.port)
  const back = [...clients.keys()].reverse().map((i) => lease(clientAt(stage, i)))
  assert.equal(back.reverse(), first)
  // On another machine that knows of nothing, one after the other alone: what collided there may differ, the rest may not.
  const anew = new Stage()
  const other = clients.map((_, i) => lease(clientAt(anew, i)))
  assert.equal(other, first)
})

test('a client prolongs its lease, and may use the address until it ends', () => {
  const stage = new Stage()
  const client = clientAt(stage, 0)
  const ip = lease(client)!
  stage.now += HOUR / 2
  stage.tick('Inside')
  const ack = say(client, { type: REQUEST, ciaddr: ip }, ip, GATEWAY4)
  assert.is(ack.read.to, ip)
  assert.is(typeOf(parse(ack.read.data!)), ACK)
  stage.now += HOUR * 0.75
  stage.tick('Inside')
  assert.is(stage.ip4Of(client.port), ip)
  stage.now += HOUR * 0.26
  stage.tick('Inside')
  assert.is(stage.ip4Of(client.port), '0.0.0.0')
})

test('a client that comes back with the address of another network is told so at once', () => {
  const nak = say(clientAt(new Stage(), 0), { type: REQUEST, options: [[50, p.ip('192.168.7.7')]] })
  assert.is(typeOf(parse(nak.read.data!)), NAK)
  assert.is(nak.read.toMac, BROADCAST)
  assert.is(parse(nak.read.data!).yiaddr, '0.0.0.0')
})

test('a client that chooses another server frees what it was offered', () => {
  const stage = new Stage({ first: '10.9.0.100', last: '10.9.0.100' })
  const [a, b] = [clientAt(stage, 0), clientAt(stage, 1)]
  assert.is(say(a, { type: DISCOVER }).code, REPLY)
  assert.is(say(b, { type: DISCOVER }).code, CONSUMED)
  assert.is(
    say(a, {
      type: REQUEST,
      options: [
        [50, p.ip('10.9.0.100')],
        [54, p.ip('10.9.0.9')],
      ],
    }).code,
    CONSUMED,
  )
  stage.now += SECOND
  assert.is(lease(b), '10.9.0.100')
})

test('an offer that nobody takes is free again after a minute', () => {
  const stage = new Stage({ first: '10.9.0.100', last: '10.9.0.100' })
  const [a, b] = [clientAt(stage, 0), clientAt(stage, 1)]
  say(a, { type: DISCOVER })
  stage.now += 59 * SECOND
  assert.is(say(b, { type: DISCOVER }).code, CONSUMED)
  stage.now += 2 * SECOND
  assert.is(lease(b), '10.9.0.100')
})

test("a released address is free for others, and is its old client's as long as there is something else", () => {
  const stage = new Stage({ first: '10.9.0.100', last: '10.9.0.101' })
  const [a, b, c] = [clientAt(stage, 0), clientAt(stage, 1), clientAt(stage, 2)]
  const ip = lease(a)!
  say(a, { type: RELEASE, ciaddr: ip, options: [[54, p.ip(GATEWAY4)]] }, ip, GATEWAY4)
  assert.is(stage.ip4Of(a.port), '0.0.0.0')
  assert.is.not(lease(b), ip)
  assert.is(lease(c), ip)
  assert.is(lease(a), undefined)
})

test("INFORM gets the rest without an address, for an address that is the client's", () => {
  const stage = new Stage()
  const client = clientAt(stage, 0)
  assert.is(say(client, { type: INFORM, ciaddr: '10.9.0.50' }, '10.9.0.50', GATEWAY4).code, CONSUMED)
  assert.ok(stage.mayUse4(client.port, '10.9.0.50'))
  const { options, yiaddr } = parse(
    say(client, { type: INFORM, ciaddr: '10.9.0.50' }, '10.9.0.50', GATEWAY4).read.data!,
  )
  assert.is(yiaddr, '0.0.0.0')
  assert.is(options.get(51), undefined)
  assert.equal(options.get(3), p.ip(GATEWAY4))
})

test('a message that speaks for another MAC, or through a relay, is dropped', () => {
  const client = clientAt(new Stage(), 0)
  assert.is(say(client, { type: DISCOVER, mac: macOf(1) }).code, CONSUMED)
  assert.is(say(client, { type: DISCOVER, giaddr: '10.9.0.5' }).code, CONSUMED)
})

test('a guest that asks under a thousand names gets one address, and the pool stays open to others', () => {
  const stage = new Stage({ first: '10.9.0.100', last: '10.9.0.103' })
  const evil = clientAt(stage, 0)
  const got = new Set<string>()
  for (let i = 0; i < 1000; i++) {
    const mac = `02:66:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`
    const offer = say(evil, {
      type: DISCOVER,
      mac,
      xid: i,
      options: [
        [61, p.u32(i)],
        [50, p.ip(`10.9.0.${100 + (i & 3)}`)],
      ],
    })
    assert.is(offer.code, CONSUMED)
    const own = say(evil, {
      type: DISCOVER,
      xid: i,
      options: [
        [61, p.u32(i)],
        [50, p.ip(`10.9.0.${100 + (i & 3)}`)],
      ],
    })
    got.add(parse(own.read.data!).yiaddr)
  }
  assert.is(got.size, 1)
  for (let i = 1; i < 4; i++) assert.ok(lease(clientAt(stage, i)))
})

test('a guest that declines all it gets is not given these again soon, and takes none from others', () => {
  const stage = new Stage({ first: '10.9.0.100', last: '10.9.0.105' })
  const evil = clientAt(stage, 0)
  let last = ''
  for (let i = 0; i < 100; i++) {
    const ip = lease(evil)!
    assert.is.not(ip, last)
    last = ip
    say(evil, {
      type: DECLINE,
      options: [
        [50, p.ip(ip)],
        [54, p.ip(GATEWAY4)],
      ],
    })
    assert.is(stage.ip4Of(evil.port), '0.0.0.0')
  }
  for (let i = 1; i <= 6; i++) assert.ok(lease(clientAt(stage, i)), `guest ${i}`)
})

test('when the pool is used up the next one gets nothing, and those who have something keep it', () => {
  const stage = new Stage({ first: '10.9.0.100', last: '10.9.0.109' })
  const clients = Array.from({ length: 10 }, (_, i) => clientAt(stage, i))
  const had = clients.map((client) => lease(client))
  const late = clientAt(stage, 10)
  assert.is(lease(late), undefined)
  assert.equal(
    clients.map((client) => lease(client)),
    had,
  )
  stage.leave(clients[3]!.port)
  assert.is(lease(late), undefined)
  stage.now += SECOND
  assert.is(lease(late), had[3])
})

test("a pool never gives out the gateway's address, or those that mean the network or all of it", () => {
  const stage = new Stage({ first: '10.9.0.0', last: '10.9.0.3' })
  assert.equal(new Set([lease(clientAt(stage, 0)), lease(clientAt(stage, 1))]), new Set(['10.9.0.2', '10.9.0.3']))
  assert.is(lease(clientAt(stage, 2)), undefined)
  const top = new Stage({ first: '10.9.0.254', last: '10.9.0.255' })
  assert.is(lease(clientAt(top, 0)), '10.9.0.254')
  assert.is(lease(clientAt(top, 1)), undefined)
})

test('guests that come and go with new MACs leave room for others', () => {
  const stage = new Stage({ first: '10.9.0.100', last: '10.9.0.104' })
  for (let i = 0; i < 1000; i++) {
    const mac = `02:77:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`
    const client: Client = { stage, port: stage.join(5, { mac }), mac }
    assert.ok(lease(client), `the ${i}th`)
    stage.leave(client.port)
  }
})

test('the end of a lease is due when nothing else is', () => {
  const stage = new Stage()
  const client = clientAt(stage, 0)
  const began = stage.now
  lease(client)
  for (let i = 0; stage.ip4Of(client.port) !== '0.0.0.0'; i++) {
    assert.ok(i < 100 && stage.now <= began + HOUR)
    stage.next('Inside')
  }
  assert.is(stage.now, began + HOUR)
})

test('a message that is damaged, cut off, or lies about its length is dropped', () => {
  const client = clientAt(new Stage(), 0)
  const send = (frame: Uint8Array) => client.stage.send(client.port, frame).code
  const build = (content: Uint8Array) => {
    const ip = p.packet({ from: '0.0.0.0', to: '255.255.255.255' }, p.udp({ from: 68, to: 67 }, content))
    return p.ethernet({ from: client.mac, to: BROADCAST }, ip)
  }
  const fixed = p.bytes(
    1,
    1,
    6,
    0,
    p.u32(1),
    new Uint8Array(20),
    p.mac(client.mac),
    new Uint8Array(202),
    p.u32(0x6382_5363),
  )
  assert.is(fixed.length, 240)
  assert.is(send(build(p.bytes(fixed, 53, 1, 1, 255))), REPLY)
  assert.is(send(build(p.bytes(fixed, 53, 1, 1))), REPLY)
  assert.is(send(build(p.bytes(fixed, 0, 0, 0, 53, 1, 1))), REPLY)
  assert.is(send(build(p.bytes(fixed, 53, 0, 255))), CONSUMED)
  assert.is(send(build(p.bytes(fixed, 12, 200, 53, 1, 1, 255))), CONSUMED)
  assert.is(send(build(p.bytes(fixed, 53))), CONSUMED)
  assert.is(send(build(p.bytes(fixed, 53, 5, 1))), CONSUMED)
  assert.is(send(build(p.bytes(fixed, 255, 53, 1, 1))), CONSUMED)
  assert.is(send(build(fixed.slice(0, 239))), CONSUMED)
  const broken = build(p.bytes(fixed, 53, 1, 1, 255))
  broken[60] = broken[60]! ^ 1
  assert.is(send(broken), CONSUMED)
})

test('to a gateway that is asked by its own address it answers by its own', () => {
  const stage = new Stage()
  const client = clientAt(stage, 0)
  const ip = lease(client)!
  const ack = say(client, { type: REQUEST, ciaddr: ip }, ip, GATEWAY4)
  assert.is(ack.read.fromMac, GATEWAY_MAC)
  assert.is(ack.read.toMac, client.mac)
})

test.run()
