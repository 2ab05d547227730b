// Frames that a hostile guest, or a hostile neighbour of the uplink, may send: mutations of real ones, with sums that hold.
//
// Whatever comes, the kernel does not trap, answers with frames that are well-formed, writes into no table of others, and lets
// nothing through to NAT that is not from a guest's own network to the world.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as p from '../packets.ts'
import { build, clientAt, DECLINE, DISCOVER, lease, OFFER, RELEASE, REQUEST } from './lease.ts'
import {
  BROADCAST,
  CONSUMED,
  GATEWAY4,
  GATEWAY6,
  GATEWAY_MAC,
  ip6Of,
  macOf,
  OUT_MAC,
  REPLY,
  ROUTE,
  SECOND,
  Stage,
  UNPARSED,
  WHOLE,
} from './stage.ts'

const SEED = Number(process.env.ORLOP_SEED ?? 1)
const ROUNDS = 12_000
/** As much as a service may write: a desk has room for twice that. */
const ANSWER_MOST = 2048

/** Numbers that look random, the same ones for the same seed. */
function dice(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) % below
  }
}

/** Makes lengths and sums right again, as far as there are headers for them, so that what lies behind is looked at. */
function mend(frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const type = frame.length > 14 ? view.getUint16(12) : 0
  const isV4 = type === p.TYPE_IPV4
  const header = isV4 ? (frame[14]! & 15) << 2 : 40
  if ((!isV4 && type !== p.TYPE_IPV6) || header < 20 || frame.length < 14 + header + 8) return
  const at = 14 + header
  const length = frame.length - at
  if (isV4) {
    view.setUint16(16, header + length)
    view.setUint16(24, 0)
    view.setUint16(24, p.checksum(frame.slice(14, at)))
  } else {
    view.setUint16(18, length)
  }
  const protocol = frame[isV4 ? 23 : 20]!
  const addresses = isV4 ? frame.slice(26, 34) : frame.slice(22, 54)
  const sumAt = protocol === p.UDP ? at + 6 : protocol === p.ICMP || protocol === p.ICMPV6 ? at + 2 : 0
  if (sumAt === 0) return
  if (protocol === p.UDP) view.setUint16(at + 4, length)
  view.setUint16(sumAt, 0)
  const pseudo = protocol === p.ICMP ? p.bytes() : p.bytes(addresses, p.u32(length), p.u32(protocol))
  view.setUint16(sumAt, p.checksum(pseudo, frame.slice(at)) || 0xffff)
}

const EDGES = [0, 1, 2, 3, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xfe, 0xff]

function mutate(original: Uint8Array, roll: (below: number) => number, other: Uint8Array): Uint8Array {
  let frame: Uint8Array = original.slice()
  // Most change what lies behind the headers, where the services' own parsers are.
  for (let count = 1 + roll(4); count > 0; count--) {
    const from = roll(4) === 0 ? 0 : Math.min(42, frame.length - 1)
    const at = from + roll(frame.length - from)
    switch (roll(6)) {
      case 0:
        frame[at] = frame[at]! ^ (1 << roll(8))
        break
      case 1:
        frame[at] = EDGES[roll(EDGES.length)]!
        break
      case 2:
        frame = frame.slice(0, Math.max(15, at))
        break
      case 3:
        frame = p.bytes(
          frame,
          Uint8Array.from({ length: roll(40) }, () => roll(256)),
        )
        break
      case 4:
        frame = p.bytes(frame.slice(0, at), other.slice(Math.min(at, other.length), at + 1 + roll(60)), frame.slice(at))
        break
      default:
        frame.set(
          Uint8Array.from({ length: Math.min(4, frame.length - at) }, () => roll(256)),
          at,
        )
    }
  }
  if (roll(4) !== 0) mend(frame)
  return frame.slice(0, 4000)
}

function dnsQuery(name: number[], type = 1): Uint8Array {
  const opt = [0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]
  return p.bytes(0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, ...name, 0, p.u16(type), 0, 1, ...opt)
}

function label(text: string): number[] {
  return text.split('.').flatMap((part) => [part.length, ...Buffer.from(part)])
}

/** Frames that a guest with these addresses may really send to its gateway. */
function honest(mac: string, ip: string, ip6: string): Uint8Array[] {
  const four = (to: string, payload: p.Payload, toMac = GATEWAY_MAC) =>
    p.ethernet({ from: mac, to: toMac }, p.packet({ from: ip, to }, payload))
  const six = (to: string, payload: p.Payload, ttl = 64) =>
    p.ethernet({ from: mac, to: GATEWAY_MAC }, p.packet({ from: ip6, to, ttl }, payload))
  const dhcp = (type: number, options: [number, Uint8Array][]) => {
    const content = build({ type, mac, ciaddr: type === RELEASE ? ip : undefined, options })
    return p.ethernet(
      { from: mac, to: BROADCAST },
      p.packet({ from: '0.0.0.0', to: '255.255.255.255' }, p.udp({ from: 68, to: 67 }, content)),
    )
  }
  const server: [number, Uint8Array] = [54, p.ip(GATEWAY4)]
  const wish: [number, Uint8Array] = [50, p.ip(ip)]
  const questions = [
    label('web.lan'),
    label('web'),
    label('gateway'),
    label('1.0.9.10.in-addr.arpa'),
    label('nobody.lan'),
    label('example.org'),
    label(`${[...'1000000000000000000090000000df'].join('.')}.0.0.ip6.arpa`),
  ]
  return [
    p.ethernet({ from: mac, to: BROADCAST, type: p.TYPE_ARP }, p.arp({ fromMac: mac, from: ip, to: GATEWAY4 })),
    dhcp(DISCOVER, [wish, [12, Buffer.from('web')], [55, p.bytes(1, 3, 6, 15, 26)], [57, p.u16(1500)]]),
    dhcp(REQUEST, [wish, server]),
    dhcp(REQUEST, [wish]),
    dhcp(DECLINE, [wish, server]),
    dhcp(RELEASE, [server]),
    ...questions.flatMap((name) => [
      four(GATEWAY4, p.udp({ from: 5353, to: 53 }, dnsQuery(name))),
      six(GATEWAY6, p.udp({ from: 5353, to: 53 }, dnsQuery(name, 28))),
      four(GATEWAY4, p.udp({ from: 5353, to: 53 }, dnsQuery(name, 12))),
    ]),
    four(GATEWAY4, p.echo(false, false, 1, 1, new Uint8Array(300))),
    six(GATEWAY6, p.echo(true, false, 1, 1, new Uint8Array(2500))),
    four('8.8.8.8', p.tcp({ from: 1, to: 80, flags: p.SYN })),
    six('2001:db8::1', p.udp({ from: 1, to: 80 }, new Uint8Array(40))),
    four(GATEWAY4, p.udp({ from: 1, to: 80 }, new Uint8Array(40))),
    six(
      GATEWAY6,
      p.icmp(true, 135, 0, p.u32(0), p.bytes(p.ip(GATEWAY6), 1, 1, p.mac(mac), 14, 1, 1, 2, 3, 4, 5, 6)),
      255,
    ),
    six(GATEWAY6, p.icmp(true, 136, 0, p.u32(0x6000_0000), p.bytes(p.ip('fd00:9::5'), 2, 1, p.mac(mac))), 255),
    six('ff02::2', p.icmp(true, 133, 0, p.u32(0), p.bytes(1, 1, p.mac(mac))), 255),
  ]
}

/** Frames that those on the uplink may really send to the gateway. */
function neighbourly(xid: number): Uint8Array[] {
  const mac = '02:00:00:00:07:01'
  const six = (to: string, from: string, payload: p.Payload) =>
    p.ethernet({ from: mac, to: OUT_MAC }, p.packet({ from, to, ttl: 255 }, payload))
  const dhcp = (type: number) => {
    const options: [number, Uint8Array][] = [
      [54, p.ip('192.0.2.1')],
      [1, p.ip('255.255.255.0')],
      [3, p.ip('192.0.2.1')],
      [6, p.ip('192.0.2.5')],
      [51, p.u32(600)],
    ]
    const content = build({ type, mac: OUT_MAC, isReply: true, xid, yiaddr: '192.0.2.40', options })
    return p.ethernet(
      { from: mac, to: OUT_MAC },
      p.packet({ from: '192.0.2.1', to: '192.0.2.40' }, p.udp({ from: 67, to: 68 }, content)),
    )
  }
  const prefix = p.bytes(3, 4, 64, 0xc0, p.u32(7200), p.u32(3600), p.u32(0), p.ip('2001:db8:77::'))
  const router = p.bytes(
    p.u32(0),
    p.u32(0),
    1,
    1,
    p.mac(mac),
    prefix,
    25,
    3,
    0,
    0,
    p.u32(1200),
    p.ip('2001:db8:77::53'),
  )
  return [
    dhcp(OFFER),
    dhcp(5),
    dhcp(6),
    p.ethernet(
      { from: mac, to: BROADCAST, type: p.TYPE_ARP },
      p.arp({ fromMac: mac, from: '192.0.2.1', to: '192.0.2.2' }),
    ),
    p.ethernet(
      { from: mac, to: OUT_MAC },
      p.packet({ from: '8.8.8.8', to: '192.0.2.40' }, p.udp({ from: 53, to: 4000 }, new Uint8Array(60))),
    ),
    six('ff02::1', 'fe80::1:1', p.icmp(true, 134, 0, p.bytes(64, 0, p.u16(1800)), router)),
    six(
      'ff02::1:ff00:902',
      'fe80::1:1',
      p.icmp(true, 135, 0, p.u32(0), p.bytes(p.ip('fe80::ff:fe00:902'), 1, 1, p.mac(mac))),
    ),
    six(
      '2001:db8:77::ff:fe00:902',
      'fe80::1:1',
      p.icmp(true, 136, 0, p.u32(0x6000_0000), p.bytes(p.ip('fe80::1:1'), 2, 1, p.mac(mac))),
    ),
  ]
}

const CODES = [CONSUMED, ROUTE, REPLY, UNPARSED]

test(`mutated frames of a guest harm nobody (ORLOP_SEED=${SEED})`, () => {
  const roll = dice(SEED)
  const stage = new Stage()
  const good = clientAt(stage, 1, { name: 'good' })
  const ip = lease(good)!
  const evil = clientAt(stage, 0, { name: 'web' })
  const originals = honest(evil.mac, lease(evil)!, ip6Of(0))
  stage.fence()
  const seen = new Set<number>()
  for (let i = 0; i < ROUNDS; i++) {
    const frame = mutate(originals[roll(originals.length)]!, roll, originals[roll(originals.length)]!)
    const { code, read, frame: answer } = stage.send(evil.port, frame)
    seen.add(code)
    assert.ok(CODES.includes(code), `frame ${i} gave ${code}`)
    if (code === REPLY)
      assert.ok(answer.length <= Math.max(ANSWER_MOST, frame.length), `frame ${i}: ${answer.length} bytes`)
    if (code === REPLY) assert.is(read.fromMac, GATEWAY_MAC)
    if (code === ROUTE) checkRouted(p.read(frame))
    if (roll(8) === 0) stage.now += roll(20) * SECOND
    if (roll(50) === 0) stage.tick('Inside')
  }
  assert.equal([...seen].sort(), [...CODES].sort())
  assert.ok(stage.isFenced())
  stage.tick('Inside')
  const again = lease(good)
  assert.ok(again !== undefined && again !== GATEWAY4)
  assert.ok(stage.ip4Of(evil.port) !== GATEWAY4 && stage.ip4Of(evil.port) !== again)
  assert.ok(ip !== undefined)
})

/** Only what is from the guests' network to the world, or a question for a name server, may go on. */
function checkRouted(read: p.ReadFrame): void {
  const is4 = read.version === 4
  const inside = is4 ? /^10\.9\.0\./ : /^fd00:9:0:0:/
  assert.match(read.from!, inside)
  assert.is(read.toMac, GATEWAY_MAC)
  if (inside.test(read.to!)) assert.equal([read.to, read.toPort], [is4 ? GATEWAY4 : p.plain(GATEWAY6), 53])
  else assert.ok(isWorld(p.ip(read.to!)), read.to)
}

/** May a packet to that address leave the network? */
function isWorld(address: Uint8Array): boolean {
  const [first, second] = [address[0]!, address[1]!]
  if (address.length === 4) return first !== 0 && first !== 127 && first < 224
  return first !== 0xff && !(first === 0xfe && second >> 6 === 2) && address.slice(0, 12).some((byte) => byte !== 0)
}

test(`mutated frames of the uplink harm nobody (ORLOP_SEED=${SEED})`, () => {
  const roll = dice(SEED + 1)
  const stage = new Stage({ learns4: true, learns6: true })
  stage.fence()
  let xid = 0
  const seen = new Set<number>()
  for (let i = 0; i < ROUNDS; i++) {
    const originals = neighbourly(xid)
    const frame = mutate(originals[roll(originals.length)]!, roll, originals[roll(originals.length)]!)
    const { code, read } = stage.hear(roll(8) === 0 ? originals[roll(originals.length)]! : frame)
    seen.add(code)
    assert.ok(CODES.includes(code), `frame ${i} gave ${code}`)
    if (code === REPLY) assert.is(read.fromMac, OUT_MAC)
    if (code === REPLY && read.toPort === 67) xid = new DataView(read.data!.buffer).getUint32(4)
    if (roll(8) === 0) stage.now += roll(100) * SECOND
    for (const { read: sent } of stage.tick('Outside')) {
      if (sent.toPort === 67) xid = new DataView(sent.data!.buffer).getUint32(4)
    }
    if (i % 1000 === 0) stage.link(i % 2000 === 0)
  }
  assert.equal([...seen].sort(), [...CODES].sort())
  assert.ok(stage.isFenced())
})

test(`bytes that are no frames at all harm nobody (ORLOP_SEED=${SEED})`, () => {
  const roll = dice(SEED + 2)
  const stage = new Stage({ learns4: true, learns6: true })
  const evil = clientAt(stage, 0)
  stage.fence()
  const types = [p.TYPE_IPV4, p.TYPE_IPV6, p.TYPE_ARP, p.TYPE_VLAN]
  for (let i = 0; i < ROUNDS; i++) {
    const noise = Uint8Array.from({ length: roll(120) }, () => roll(256))
    const frame = p.bytes(p.mac(i % 2 === 0 ? GATEWAY_MAC : OUT_MAC), p.mac(macOf(0)), p.u16(types[roll(4)]!), noise)
    if (noise.length > 0) frame[14] = [0x45, 0x60, 0x4f, noise[0]!][roll(4)]!
    mend(frame)
    const { code } = i % 2 === 0 ? stage.send(evil.port, frame) : stage.hear(frame)
    assert.is.not(code, WHOLE)
  }
  assert.ok(stage.isFenced())
})

test('a guest that floods the gateway with requests of all kinds leaves it as it was for others', () => {
  const stage = new Stage({ first: '10.9.0.100', last: '10.9.0.120' })
  const evil = clientAt(stage, 0, { name: 'web' })
  const originals = honest(evil.mac, lease(evil)!, ip6Of(0))
  for (let i = 0; i < 20_000; i++) stage.send(evil.port, originals[i % originals.length]!)
  const others = Array.from({ length: 20 }, (_, i) => lease(clientAt(stage, i + 1)))
  assert.is(new Set(others).size, 20)
  assert.ok(others.every((address) => address !== undefined))
})

test.run()
