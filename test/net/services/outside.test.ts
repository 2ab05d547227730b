// The gateway's side on the uplink: how it learns its addresses there, finds the next hop, and what it lets in to NAT.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as p from '../packets.ts'
import { ACK, build, DISCOVER, type Message, NAK, OFFER, parse, REQUEST, typeOf } from './lease.ts'
import {
  ADDRESSED,
  type Answer,
  ASK,
  BROADCAST,
  CONSUMED,
  NEVER,
  OUT_LINK6,
  OUT_MAC,
  REPLY,
  ROUTE,
  SECOND,
  Stage,
  UNRESOLVED,
} from './stage.ts'

const ROUTER = '02:00:00:00:07:01'
const ROUTER6 = 'fe80::1:1'
const RS = 133
const RA = 134
const NS = 135
const NA = 136

function packetTo(to: string): Uint8Array {
  const from = to.includes(':') ? '2001:db8:5::2' : '192.0.2.2'
  return p.ethernet(
    { from: '02:00:00:00:00:01', to: '02:00:00:00:00:02' },
    p.packet({ from, to }, p.udp({ from: 1, to: 2 })),
  )
}

function arp(isReply: boolean, fromMac: string, from: string, to: string): Uint8Array {
  const payload = p.arp({ isReply, fromMac, from, toMac: isReply ? OUT_MAC : undefined, to })
  return p.ethernet({ from: fromMac, to: isReply ? OUT_MAC : BROADCAST, type: p.TYPE_ARP }, payload)
}

function nd(
  type: number,
  from: string,
  to: string,
  rest: Uint8Array,
  content: Uint8Array,
  fromMac = ROUTER,
): Uint8Array {
  const packet = p.packet({ from, to, ttl: 255 }, p.icmp(true, type, 0, rest, content))
  return p.ethernet({ from: fromMac, to: to.startsWith('ff') ? '33:33:00:00:00:01' : OUT_MAC }, packet)
}

test('what is for the next hop waits for its MAC, and goes when that is known', () => {
  const stage = new Stage()
  const asked = stage.address('Outside', packetTo('8.8.8.8'))
  assert.is(asked.code, ASK)
  assert.equal(
    asked.frame,
    p.ethernet(
      { from: OUT_MAC, to: BROADCAST, type: p.TYPE_ARP },
      p.arp({ fromMac: OUT_MAC, from: '192.0.2.2', to: '192.0.2.1' }),
    ),
  )
  assert.is(stage.address('Outside', packetTo('1.1.1.1')).code, UNRESOLVED)
  assert.is(stage.hear(arp(true, ROUTER, '192.0.2.1', '192.0.2.2')).code, CONSUMED)
  for (const to of ['8.8.8.8', '1.1.1.1', '192.0.2.1']) {
    const sent = stage.address('Outside', packetTo(to))
    assert.is(sent.code, ADDRESSED)
    assert.equal([sent.read.toMac, sent.read.fromMac, sent.read.to], [ROUTER, OUT_MAC, to])
  }
  const near = stage.address('Outside', packetTo('192.0.2.77'))
  assert.is(near.code, ASK)
  assert.equal(near.frame.slice(38, 42), p.ip('192.0.2.77'))
})

test('by IPv6 likewise', () => {
  const stage = new Stage()
  const asked = stage.address('Outside', packetTo('2600::5'))
  assert.is(asked.code, ASK)
  assert.equal(
    [asked.read.type, asked.read.ttl, asked.read.from, asked.read.to],
    [NS, 255, p.plain('2001:db8:5::2'), p.plain('ff02::1:ff00:1')],
  )
  assert.equal(asked.read.content!.slice(8), p.bytes(p.ip('2001:db8:5::1'), 1, 1, p.mac(OUT_MAC)))
  const told = nd(
    NA,
    '2001:db8:5::1',
    '2001:db8:5::2',
    p.u32(0x6000_0000),
    p.bytes(p.ip('2001:db8:5::1'), 2, 1, p.mac(ROUTER)),
  )
  assert.is(stage.hear(told).code, CONSUMED)
  assert.is(stage.address('Outside', packetTo('2600::5')).read.toMac, ROUTER)
  assert.is(stage.address('Outside', packetTo('2001:db8:5::9')).code, ASK)
})

test("what can't be delivered on the uplink does not go there", () => {
  const stage = new Stage()
  for (const to of [
    '192.0.2.2',
    '192.0.2.255',
    '192.0.2.0',
    '255.255.255.255',
    '224.0.0.1',
    '127.0.0.1',
    'ff02::1',
    'fe80::1',
    '::1',
  ]) {
    assert.is(stage.address('Outside', packetTo(to)).code, UNRESOLVED, to)
  }
  stage.out4('0.0.0.0', 0, '0.0.0.0', '0.0.0.0')
  assert.is(stage.address('Outside', packetTo('8.8.8.8')).code, UNRESOLVED)
})

test('a next hop in use is asked again before it is old, three times, and then is no more', () => {
  const stage = new Stage()
  stage.address('Outside', packetTo('8.8.8.8'))
  stage.hear(arp(true, ROUTER, '192.0.2.1', '192.0.2.2'))
  stage.now += SECOND
  stage.address('Outside', packetTo('8.8.8.8'))
  const began = stage.now
  const asked: number[] = []
  for (let i = 0; i < 3; i++) {
    for (const { read, frame } of stage.next('Outside')) {
      assert.is(read.toMac, ROUTER)
      assert.equal(frame.slice(38, 42), p.ip('192.0.2.1'))
      asked.push(Math.round((stage.now - began) / SECOND))
    }
    assert.is(stage.address('Outside', packetTo('8.8.8.8')).code, ADDRESSED)
  }
  assert.equal(asked, [29, 30, 31])
  assert.equal(stage.next('Outside'), [])
  assert.is(stage.address('Outside', packetTo('8.8.8.8')).code, ASK)
})

test('a next hop that answers stays, and may change its MAC', () => {
  const stage = new Stage()
  stage.address('Outside', packetTo('8.8.8.8'))
  stage.hear(arp(true, ROUTER, '192.0.2.1', '192.0.2.2'))
  for (let i = 0; i < 50; i++) {
    stage.now += 10 * SECOND
    assert.is(stage.address('Outside', packetTo('8.8.8.8')).code, ADDRESSED)
    if (stage.tick('Outside').length > 0) stage.hear(arp(true, ROUTER, '192.0.2.1', '192.0.2.2'))
  }
  stage.hear(arp(false, '02:00:00:00:07:99', '192.0.2.1', '192.0.2.1'))
  assert.is(stage.address('Outside', packetTo('8.8.8.8')).read.toMac, '02:00:00:00:07:99')
})

test("the gateway answers for its addresses on the uplink, and not for the guests'", () => {
  const stage = new Stage()
  const { code, frame } = stage.hear(arp(false, ROUTER, '192.0.2.1', '192.0.2.2'))
  assert.is(code, REPLY)
  const payload = p.arp({ isReply: true, fromMac: OUT_MAC, from: '192.0.2.2', toMac: ROUTER, to: '192.0.2.1' })
  assert.equal(frame, p.ethernet({ from: OUT_MAC, to: ROUTER, type: p.TYPE_ARP }, payload))
  assert.is(stage.hear(arp(false, ROUTER, '192.0.2.1', '10.9.0.1')).code, CONSUMED)
  const ask = (target: string) =>
    stage.hear(nd(NS, ROUTER6, 'ff02::1:ff00:2', p.u32(0), p.bytes(p.ip(target), 1, 1, p.mac(ROUTER))))
  for (const address of ['2001:db8:5::2', OUT_LINK6]) assert.is(ask(address).read.from, p.plain(address))
  assert.is(ask('fd00:9::1').code, CONSUMED)
})

test("only unicast frames for the gateway's own addresses are let in", () => {
  const stage = new Stage()
  const hear = (to: string, toMac = OUT_MAC, from?: string) => {
    const source = from ?? (to.includes(':') ? '2600::1' : '8.8.8.8')
    return stage.hear(
      p.ethernet({ from: ROUTER, to: toMac }, p.packet({ from: source, to }, p.udp({ from: 53, to: 4000 }))),
    ).code
  }
  assert.is(hear('192.0.2.2'), ROUTE)
  assert.is(hear('2001:db8:5::2'), ROUTE)
  for (const to of [
    '10.9.0.100',
    '10.9.0.1',
    '192.0.2.3',
    '192.0.2.255',
    '255.255.255.255',
    '224.0.0.1',
    'fd00:9::1',
    'fd00:9::5',
    'ff02::1',
    OUT_LINK6,
  ]) {
    assert.is(hear(to), CONSUMED, to)
  }
  assert.is(hear('192.0.2.2', BROADCAST), CONSUMED)
  assert.is(hear('192.0.2.2', '02:00:00:00:09:55'), CONSUMED)
  assert.is(hear('192.0.2.2', OUT_MAC, '192.0.2.2'), CONSUMED)
  assert.is(hear('2001:db8:5::2', OUT_MAC, '2001:db8:5::2'), CONSUMED)
})

/** What a DHCP server on the uplink says. */
function serve(message: Partial<Message> & { type: number }, options: [number, Uint8Array][] = []): Uint8Array {
  const all: [number, Uint8Array][] = [[54, p.ip('192.0.2.1')], ...options]
  const content = build({ mac: OUT_MAC, isReply: true, yiaddr: '192.0.2.40', ...message, options: all })
  return p.ethernet(
    { from: ROUTER, to: OUT_MAC },
    p.packet({ from: '192.0.2.1', to: '192.0.2.40' }, p.udp({ from: 67, to: 68 }, content)),
  )
}

const GIVEN: [number, Uint8Array][] = [
  [1, p.ip('255.255.255.128')],
  [3, p.ip('192.0.2.1')],
  [6, p.bytes(p.ip('192.0.2.53'), p.ip('192.0.2.54'))],
  [51, p.u32(1000)],
]

function said(answer: Answer) {
  const parsed = parse(answer.read.data!)
  assert.is(parsed.mac, OUT_MAC)
  return { ...parsed, type: typeOf(parsed), from: answer.read.from, to: answer.read.to, toMac: answer.read.toMac }
}

/** A stage whose gateway has a lease of 1000 s. */
function bound() {
  const stage = new Stage({ learns4: true })
  const [first] = stage.tick('Outside')
  const discover = said(first!)
  const request = said(stage.hear(serve({ type: OFFER, xid: discover.xid }, GIVEN)))
  stage.hear(serve({ type: ACK, xid: request.xid }, GIVEN))
  return { stage, discover, request }
}

test('by DHCP the gateway gets its address, the next hop and the name server', () => {
  const { stage, discover, request } = bound()
  assert.equal(
    [discover.type, discover.from, discover.to, discover.toMac],
    [DISCOVER, '0.0.0.0', '255.255.255.255', BROADCAST],
  )
  assert.equal([request.type, request.xid, request.to], [REQUEST, discover.xid, '255.255.255.255'])
  assert.equal([request.options.get(50), request.options.get(54)], [p.ip('192.0.2.40'), p.ip('192.0.2.1')])
  const { ip4, prefix4, gateway4, dns4 } = stage.outside()
  assert.equal([ip4, prefix4, gateway4, dns4], ['192.0.2.40', 25, '192.0.2.1', '192.0.2.53'])
  assert.equal(stage.tick('Outside'), [])
})

test('it asks again when nobody answers, less and less often', () => {
  const stage = new Stage({ learns4: true })
  const began = stage.now
  const times: number[] = stage.tick('Outside').map(() => 0)
  while (times.length < 8) times.push(...stage.next('Outside').map(() => (stage.now - began) / SECOND))
  const gaps = times.slice(1).map((time, i) => time - times[i]!)
  for (const [i, gap] of gaps.entries()) assert.ok(Math.abs(gap - Math.min(2 << i, 64)) <= 0.5, `gap ${i}: ${gap}`)
})

test('an offer or a lease that is for another question or another client is not taken', () => {
  const stage = new Stage({ learns4: true })
  const { xid } = said(stage.tick('Outside')[0]!)
  const refused = [
    serve({ type: OFFER, xid: xid ^ 1 }, GIVEN),
    serve({ type: OFFER, xid, mac: ROUTER }, GIVEN),
    serve({ type: OFFER, xid, isReply: false }, GIVEN),
    serve({ type: OFFER, xid, yiaddr: '0.0.0.0' }, GIVEN),
    serve({ type: OFFER, xid, yiaddr: '224.0.0.5' }, GIVEN),
    serve({ type: ACK, xid }, GIVEN),
    serve({ type: NAK, xid }),
  ]
  for (const [i, frame] of refused.entries()) assert.is(stage.hear(frame).code, CONSUMED, `the ${i}th`)
  assert.is(stage.outside().ip4, '0.0.0.0')
  assert.is(stage.hear(serve({ type: OFFER, xid }, GIVEN)).code, REPLY)
})

test('a lease is prolonged with its server at half time, with anybody later, and dropped at its end', () => {
  const { stage } = bound()
  const began = stage.now
  const at = () => Math.round((stage.now - began) / SECOND)
  const [renew] = stage.next('Outside')
  assert.is(at(), 500)
  const first = said(renew!)
  assert.equal(
    [first.type, first.ciaddr, first.from, first.to, first.toMac],
    [REQUEST, '192.0.2.40', '192.0.2.40', '192.0.2.1', ROUTER],
  )
  assert.equal([first.options.get(50), first.options.get(54)], [undefined, undefined])
  let last = first
  while (last.to !== '255.255.255.255') last = said(stage.next('Outside')[0]!)
  assert.ok(at() >= 875 && at() < 1000, `${at()} s`)
  assert.is(stage.outside().ip4, '192.0.2.40')
  while (last.type !== DISCOVER) last = said(stage.next('Outside')[0]!)
  assert.ok(at() >= 1000 && at() <= 1060, `${at()} s`)
  assert.is(stage.outside().ip4, '0.0.0.0')
})

test('a prolonged lease is good for as long again', () => {
  const { stage } = bound()
  for (let i = 0; i < 5; i++) {
    const before = stage.now
    const { xid } = said(stage.next('Outside')[0]!)
    assert.is(Math.round((stage.now - before) / SECOND), 500)
    stage.hear(serve({ type: ACK, xid }, GIVEN))
  }
  assert.is(stage.outside().ip4, '192.0.2.40')
})

test('a refusal makes it look for another address', () => {
  const { stage } = bound()
  const { xid } = said(stage.next('Outside')[0]!)
  stage.hear(serve({ type: NAK, xid, yiaddr: '0.0.0.0' }))
  assert.is(stage.outside().ip4, '0.0.0.0')
  assert.is(said(stage.next('Outside')[0]!).type, DISCOVER)
})

test('when the link comes back it asks whether its address is still good, and takes another if nobody says so', () => {
  const { stage } = bound()
  stage.link(false)
  stage.now += 30 * SECOND
  stage.link(true)
  const again = said(stage.tick('Outside')[0]!)
  assert.equal(
    [again.type, again.options.get(50), again.options.get(54), again.ciaddr],
    [REQUEST, p.ip('192.0.2.40'), undefined, '0.0.0.0'],
  )
  assert.is(stage.outside().ip4, '192.0.2.40')
  stage.hear(serve({ type: ACK, xid: again.xid }, GIVEN))
  assert.is(stage.outside().ip4, '192.0.2.40')
  stage.link(false)
  stage.link(true)
  let last = said(stage.tick('Outside')[0]!)
  while (last.type !== DISCOVER) last = said(stage.next('Outside')[0]!)
  assert.is(stage.outside().ip4, '0.0.0.0')
})

test('while the link is down nothing is asked, and a lease that ends meanwhile is over', () => {
  const { stage } = bound()
  stage.link(false)
  assert.is(stage.due('Outside'), NEVER)
  stage.now += 1001 * SECOND
  assert.equal(stage.tick('Outside'), [])
  stage.link(true)
  assert.is(stage.outside().ip4, '0.0.0.0')
  assert.is(said(stage.tick('Outside')[0]!).type, DISCOVER)
})

test('a mask that is none, and times that contradict each other, are replaced by sane ones', () => {
  const stage = new Stage({ learns4: true })
  const { xid } = said(stage.tick('Outside')[0]!)
  const odd: [number, Uint8Array][] = [
    [1, p.ip('255.0.255.0')],
    [3, p.ip('255.255.255.255')],
    [51, p.u32(0)],
    [58, p.u32(900)],
    [59, p.u32(5)],
  ]
  const { xid: second } = said(stage.hear(serve({ type: OFFER, xid }, odd)))
  stage.hear(serve({ type: ACK, xid: second }, odd))
  const { ip4, prefix4, gateway4 } = stage.outside()
  assert.equal([ip4, prefix4, gateway4], ['192.0.2.40', 24, '0.0.0.0'])
  const before = stage.now
  stage.next('Outside')
  assert.is((stage.now - before) / SECOND, 15)
})

interface Advertisement {
  lifetime?: number
  prefix?: string
  valid?: number
  flags?: number
  from?: string
}

function advertisement({
  lifetime = 1800,
  prefix = '2001:db8:77::',
  valid = 7200,
  flags = 0xc0,
  from = ROUTER6,
}: Advertisement = {}): Uint8Array {
  const options = p.bytes(
    ...[1, 1, p.mac(ROUTER)],
    ...[3, 4, 64, flags, p.u32(valid), p.u32(Math.min(valid, 3600)), p.u32(0), p.ip(prefix)],
    ...[25, 3, 0, 0, p.u32(1200), p.ip('2001:db8:77::53')],
  )
  return nd(RA, from, 'ff02::1', p.bytes(64, 0, p.u16(lifetime)), p.bytes(p.u32(0), p.u32(0), options))
}

const OWN: [bigint, bigint] = [0x2001_0db8_0077_0000n, 0x0000_00ff_fe00_0902n]

/** A stage whose gateway has made its address. */
function configured() {
  const stage = new Stage({ learns6: true })
  const asked = stage.tick('Outside')
  stage.hear(advertisement())
  const probes = stage.tick('Outside')
  stage.now += 1.1 * SECOND
  stage.tick('Outside')
  return { stage, asked, probes }
}

test("by a router's advertisement the gateway makes its address, once nobody has said that it is taken", () => {
  const { stage, asked, probes } = configured()
  assert.equal(
    asked.map(({ read }) => [read.type, read.from, read.to, read.toMac]),
    [[RS, p.plain(OUT_LINK6), p.plain('ff02::2'), '33:33:00:00:00:02']],
  )
  assert.equal(
    probes.map(({ read }) => [read.type, read.from, read.to]),
    [[NS, p.plain('::'), p.plain('ff02::1:ff00:902')]],
  )
  assert.is(probes[0]!.read.content!.length, 24)
  const { ip6, gateway6, dns6 } = stage.outside()
  assert.equal([ip6, gateway6, dns6], [OWN, 0x1_0001n, 0x53n])
  assert.is(stage.address('Outside', packetTo('2600::5')).code, ASK)
})

test('an address that somebody else has, or is about to take, is not used', () => {
  const taken = p.ip('2001:db8:77::ff:fe00:902')
  const news = [
    nd(NA, '2001:db8:77::ff:fe00:902', 'ff02::1', p.u32(0x2000_0000), p.bytes(taken, 2, 1, p.mac(ROUTER))),
    nd(NS, '::', 'ff02::1:ff00:902', p.u32(0), taken),
  ]
  for (const frame of news) {
    const stage = new Stage({ learns6: true })
    stage.tick('Outside')
    stage.hear(advertisement())
    stage.tick('Outside')
    stage.hear(frame)
    stage.now += 5 * SECOND
    stage.tick('Outside')
    assert.equal(stage.outside().ip6, [0n, 0n])
  }
})

test('without a router it asks less and less often', () => {
  const stage = new Stage({ learns6: true })
  const began = stage.now
  const times = stage.tick('Outside').map(() => 0)
  while (times.length < 7) times.push(...stage.next('Outside').map(() => Math.round((stage.now - began) / SECOND)))
  assert.equal(times, [0, 4, 8, 12, 20, 36, 68])
})

test('what a router has told ends when its time is over', () => {
  const { stage } = configured()
  stage.now += 1201 * SECOND
  stage.tick('Outside')
  assert.equal([stage.outside().dns6, stage.outside().gateway6], [0n, 0x1_0001n])
  stage.now += 600 * SECOND
  assert.equal(
    stage.tick('Outside').map(({ read }) => read.type),
    [RS],
  )
  assert.equal([stage.outside().gateway6, stage.outside().ip6], [0n, OWN])
  stage.now += 5400 * SECOND
  stage.tick('Outside')
  assert.equal(stage.outside().ip6, [0n, 0n])
})

test('a router that goes takes the way out with it, and one that returns brings it back', () => {
  const { stage } = configured()
  stage.hear(advertisement({ lifetime: 0 }))
  assert.is(stage.outside().gateway6, 0n)
  stage.hear(advertisement({ from: 'fe80::2:2' }))
  assert.is(stage.outside().gateway6, 0x2_0002n)
  stage.hear(advertisement())
  assert.is(stage.outside().gateway6, 0x2_0002n)
})

test('prefixes in which hosts make no addresses, and routers from beyond the link, are not heard', () => {
  for (const wrong of [
    { flags: 0x80 },
    { prefix: 'fe80::' },
    { prefix: 'ff02::' },
    { valid: 0 },
    { from: '2001:db8::1' },
  ]) {
    const stage = new Stage({ learns6: true })
    stage.tick('Outside')
    stage.hear(advertisement(wrong))
    stage.now += 3 * SECOND
    stage.tick('Outside')
    stage.now += 3 * SECOND
    stage.tick('Outside')
    assert.equal(stage.outside().ip6, [0n, 0n], JSON.stringify(wrong))
  }
})

test('a gateway whose addresses are set by the machine learns none', () => {
  const stage = new Stage()
  stage.hear(advertisement())
  stage.hear(serve({ type: OFFER, xid: 0 }, GIVEN))
  stage.now += 10 * SECOND
  assert.equal(stage.tick('Outside'), [])
  assert.equal([stage.outside().ip4, stage.outside().ip6], ['192.0.2.2', [0x2001_0db8_0005_0000n, 2n]])
})

test.run()
