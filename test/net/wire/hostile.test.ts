// A hostile guest and a hostile uplink send whatever they like: nobody gets what he may not get, and nothing breaks.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../../hypervisor/abi.ts'
import {
  ACK,
  arp,
  bytes,
  checksum,
  echo,
  ethernet,
  mac,
  packet,
  raw,
  SYN,
  TYPE_ARP,
  tcp,
  u16,
  udp,
} from '../packets.ts'
import { type Header, Lab, macOf, numberOf } from './lab.ts'

const UPLINK = 3
const OTHER_UPLINK = 4
const CABLE = 7
const CAPTURE = 8
const GATEWAY_MAC = '02:00:00:00:00:fe'
const OUT_MAC = '02:00:00:00:00:ff'
const ROUTER_MAC = '02:aa:00:00:00:01'
const OUR = '203.0.113.7'
const ALL = 'ff:ff:ff:ff:ff:ff'
const ROUNDS = 6000

/** xorshift32. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** Frames as a guest or an uplink may send them, to be mutated. */
function templates(from: string, ip: string, ip6: string, to: string): Uint8Array[] {
  const tos = [macOf(0), macOf(1), macOf(2), GATEWAY_MAC, OUT_MAC, ALL, to]
  const payloads = [
    packet({ from: ip, to: '198.51.100.80' }, udp({ from: 4000, to: 7 }, bytes(1, 2, 3))),
    packet({ from: ip, to: '10.9.0.1' }, udp({ from: 4000, to: 53 }, new Uint8Array(40))),
    packet({ from: ip, to: OUR }, tcp({ from: 4000, to: 8080, flags: SYN })),
    packet({ from: ip, to: '10.9.0.11' }, tcp({ from: 80, to: 4000, flags: ACK }, new Uint8Array(3000))),
    packet({ from: '0.0.0.0', to: '255.255.255.255' }, udp({ from: 68, to: 67 }, new Uint8Array(300))),
    packet({ from: ip, to: '10.9.0.1' }, echo(false, false, 1, 1, new Uint8Array(60))),
    packet({ from: ip6, to: '2001:db8::1' }, udp({ from: 4000, to: 7 }, bytes(1, 2, 3))),
    packet({ from: ip6, to: 'ff02::1' }, echo(true, false, 1, 1)),
    raw({ from: ip6, to: 'ff02::1' }, 58, bytes(135, 0, 0, 0, 0, 0, 0, 0, new Uint8Array(24))),
    raw({ from: ip, to: OUR, offset: 64, more: true }, 17, new Uint8Array(64)),
    ...[8, 128, 248].map((length) => {
      // Destination options that are filled up, in front of a message of neighbour discovery, or a routing header.
      const options = bytes(58, length / 8 - 1, 1, length - 4, new Uint8Array(length - 4))
      return raw({ from: ip6, to: 'ff02::1', options, extension: 60 }, 58, bytes(136, new Uint8Array(31)))
    }),
    raw(
      { from: ip6, to: '2001:db8::1', options: bytes(17, 0, 0, 1, 0, 0, 0, 0), extension: 43 },
      17,
      new Uint8Array(300),
    ),
  ]
  return tos.flatMap((mac) => [
    ...payloads.map((payload) => ethernet({ from, to: mac }, payload)),
    ethernet({ from, to: mac, vlan: 5 }, payloads[0]!),
    ethernet({ from, to: mac, type: TYPE_ARP }, arp({ fromMac: from, from: ip, to: '10.9.0.1' })),
  ])
}

function mutate(frame: Uint8Array, random: (below: number) => number): Uint8Array {
  const changed = frame.slice(0, random(4) === 0 ? random(frame.length + 1) : frame.length)
  for (let count = random(4); count > 0 && changed.length > 0; count--) {
    changed[random(random(2) === 0 ? Math.min(60, changed.length) : changed.length)] = random(256)
  }
  return changed
}

function header(random: (below: number) => number): Header {
  if (random(2) === 0) return {}
  return {
    flags: random(4),
    gsoType: random(3) === 0 ? random(256) : [0, 1, 4][random(3)]!,
    headerBytes: random(300),
    gsoSize: random(3000),
    csumStart: random(3) === 0 ? random(65536) : [14, 34, 54][random(3)]!,
    csumOffset: random(3) === 0 ? random(65536) : [6, 16, 12][random(3)]!,
  }
}

/** Guest 0 is hostile; guest 1 is a neighbour, guest 2 one on another network, guest 3 one in a VLAN. */
function stage(): Lab {
  const lab = new Lab()
  lab.judges = false
  lab.network(0, {
    uplink: UPLINK,
    offload: true,
    gateway: {
      ...{
        mac: mac(GATEWAY_MAC),
        outMac: mac(OUT_MAC),
        ip4: numberOf('10.9.0.1'),
        prefix4: 24,
        domain: 'orlop.internal',
      },
      leases: [numberOf('10.9.0.100'), numberOf('10.9.0.200')],
      ip6: bytes(0xfd, new Uint8Array(14), 1),
      out4: { address: numberOf(OUR), prefix: 24, gateway: numberOf('203.0.113.1'), dns: numberOf('203.0.113.53') },
    },
  })
  lab.network(1, { uplink: OTHER_UPLINK })
  lab.plug(0, { ip4: '10.9.0.10' })
  lab.plug(1, { ip4: '10.9.0.11' })
  lab.plug(2, { network: 1 })
  lab.plug(3, { vlan: 5 })
  return lab
}

test("a hostile guest's frames go out under its own name or not at all", () => {
  const lab = stage()
  const random = randomFrom(lab.seed * 7919)
  const frames = templates(macOf(0), '10.9.0.10', 'fd00::10', macOf(9))
  let heard = 0
  for (let i = 0; i < ROUNDS; i++) {
    lab.send(0, mutate(frames[random(frames.length)]!, random), header(random), 1 + random(5000))
    if (random(8) === 0) lab.pass(random(2_000_000))
    if (random(4) === 0) lab.pump(0)
    for (const { read } of lab.sent(UPLINK)) {
      assert.is(read.fromMac, OUT_MAC)
      if (read.version === 4) assert.ok(read.from === OUR || read.from === '0.0.0.0', read.from)
    }
    for (const { read } of lab.got(1)) {
      heard++
      assert.ok(read.fromMac === macOf(0) || read.fromMac === GATEWAY_MAC, read.fromMac)
      assert.ok(read.toMac === macOf(1) || (Number.parseInt(read.toMac.slice(0, 2), 16) & 1) === 1, read.toMac)
      if (read.fromMac === macOf(0) && read.version === 4)
        assert.ok(['10.9.0.10', '0.0.0.0'].includes(read.from!), read.from)
      assert.is(read.vlan, undefined)
    }
    lab.got(0)
  }
  assert.is(lab.got(2).length + lab.got(3).length, 0)
  assert.is(lab.sent(OTHER_UPLINK).length, 0)
  assert.ok(heard > 10)
  const { spoofed, malformed } = lab.report(0).ports[0]!
  assert.ok(spoofed > 100 && malformed > 100)
  // All goes on as if nothing had been.
  for (let i = 0; i < 300 && lab.kernel.sends(0) !== 0; i++) {
    lab.pass(1_000_000)
    lab.pump(0)
  }
  lab.got(1)
  const frame = ethernet(
    { from: macOf(0), to: macOf(1) },
    packet({ from: '10.9.0.10', to: '10.9.0.11' }, echo(false, false, 1, 9)),
  )
  lab.send(0, frame)
  assert.equal(lab.got(1).at(-1)?.frame, frame)
})

test("a hostile guest's frames that come by a cable go out under its own name or not at all, also while they are captured", () => {
  const lab = stage()
  lab.cable(6, CABLE, '10.9.0.16')
  assert.is(lab.kernel.capture(6, CAPTURE), abi.OK)
  const random = randomFrom(lab.seed * 6700417)
  const frames = templates(macOf(6), '10.9.0.16', 'fd00::16', macOf(9))
  let heard = 0
  for (let i = 0; i < ROUNDS; i++) {
    lab.come(CABLE, mutate(frames[random(frames.length)]!, random), header(random))
    if (random(8) === 0) lab.pass(random(2_000_000))
    for (const { read } of lab.sent(UPLINK)) {
      assert.is(read.fromMac, OUT_MAC)
      if (read.version === 4) assert.ok(read.from === OUR || read.from === '0.0.0.0', read.from)
    }
    for (const { read } of lab.got(1)) {
      heard++
      assert.ok(read.fromMac === macOf(6) || read.fromMac === GATEWAY_MAC, read.fromMac)
      if (read.fromMac === macOf(6) && read.version === 4)
        assert.ok(['10.9.0.16', '0.0.0.0'].includes(read.from!), read.from)
    }
    lab.got(0)
  }
  assert.is(lab.got(2).length + lab.got(3).length + lab.sent(OTHER_UPLINK).length, 0)
  // What is captured is what was sent, however mad.
  assert.ok(heard > 10 && lab.kernel.sent(CAPTURE, ROUNDS / 2) > 0)
  const { spoofed, malformed } = lab.report(0).ports.find(({ owner }) => owner === 6)!
  assert.ok(spoofed > 100 && malformed > 100)
})

test('what an uplink makes up reaches no guest that has not asked for it', () => {
  const lab = stage()
  const random = randomFrom(lab.seed * 104729)
  const frames = templates(ROUTER_MAC, '198.51.100.80', '2001:db8::80', macOf(0))
  for (let i = 0; i < ROUNDS; i++) {
    lab.come(UPLINK, mutate(frames[random(frames.length)]!, random), header(random))
    if (random(8) === 0) lab.pass(random(2_000_000))
    for (const guest of [0, 1, 3]) {
      // What the gateway says by itself is all that may come.
      for (const { read } of lab.got(guest)) assert.is(read.fromMac, GATEWAY_MAC)
    }
    for (const { read } of lab.sent(UPLINK)) assert.is(read.fromMac, OUT_MAC)
  }
  assert.is(lab.got(2).length, 0)
  assert.is(lab.sent(OTHER_UPLINK).length, 0)
})

/** Makes the sum of an IPv4 header right, so that what is behind it is looked at. */
function mend(frame: Uint8Array): Uint8Array {
  if (frame.length < 34 || frame[12] !== 8 || frame[13] !== 0) return frame
  const end = 14 + ((frame[14]! & 15) << 2)
  if (end > frame.length) return frame
  frame.set([0, 0], 24)
  frame.set(u16(checksum(frame.slice(14, end))), 24)
  return frame
}

test('what lies behind a frame changes nothing of what becomes of it', () => {
  const stages = [0x00, 0xa5, 0xff].map((byte) => ({ byte, lab: stage() }))
  const { seed } = stages[0]!.lab
  const random = randomFrom(seed * 15485863)
  const inside = templates(macOf(0), '10.9.0.10', 'fd00::10', macOf(9))
  const outside = [
    ...templates(ROUTER_MAC, '198.51.100.80', '2001:db8::80', macOf(0)),
    ethernet(
      { from: ROUTER_MAC, to: OUT_MAC },
      packet({ from: '198.51.100.80', to: OUR }, udp({ from: 7, to: 4000 }, bytes(1))),
    ),
  ]
  const router = ethernet(
    { from: ROUTER_MAC, to: OUT_MAC, type: TYPE_ARP },
    arp({ isReply: true, fromMac: ROUTER_MAC, from: '203.0.113.1', toMac: OUT_MAC, to: OUR }),
  )
  const all = ({ lab }: { lab: Lab }) => ({
    got: [0, 1, 2, 3].map((guest) => lab.got(guest).map(({ frame, header }) => [frame, header])),
    sent: [UPLINK, OTHER_UPLINK].map((uplink) => lab.sent(uplink).map(({ frame, header }) => [frame, header])),
  })
  let came = 0
  let left = 0
  for (let i = 0; i < 2 * ROUNDS; i++) {
    const isInside = random(3) !== 0
    const frames = isInside ? inside : outside
    const original = frames[random(frames.length)]!.slice()
    if (random(2) === 0) original.set(mac(isInside ? GATEWAY_MAC : OUT_MAC))
    const mutated = random(3) === 0 ? original : mutate(original, random)
    const frame = random(3) !== 0 ? mend(mutated) : mutated
    const how = random(2) === 0 ? {} : header(random)
    const part = 1 + random(5000)
    const rest = random(8) === 0 ? random(20_000_000) : 0
    const [first, ...others] = stages.map((each) => {
      each.lab.kernel.poison(each.byte)
      if (i % 20 === 0) each.lab.come(UPLINK, router)
      if (isInside) each.lab.send(0, frame, how, part)
      else each.lab.come(UPLINK, frame, how)
      each.lab.pass(rest)
      each.lab.pump(0)
      return all(each)
    })
    for (const other of others) assert.equal(other, first, `frame ${i} [ORLOP_SEED=${seed}]`)
    came += first!.got.flat().length
    left += first!.sent.flat().length
  }
  assert.ok(came > 100 && left > 100, `${came} came, ${left} went out`)
  const reports = stages.map(({ lab }) => [lab.report(0), lab.report(1)])
  for (const report of reports) assert.equal(report, reports[0])
})

test('what a bridge brings from outside reaches only those it is for', () => {
  const lab = stage()
  lab.plug(4, { network: 1, vlan: 5 })
  lab.plug(5, { network: 1, flags: abi.NIC_ISOLATED })
  const random = randomFrom(lab.seed * 1299709)
  const frames = templates(ROUTER_MAC, '198.51.100.80', '2001:db8::80', macOf(2))
  let heard = 0
  for (let i = 0; i < ROUNDS; i++) {
    lab.come(OTHER_UPLINK, mutate(frames[random(frames.length)]!, random))
    if (random(8) === 0) lab.pass(random(2_000_000))
    for (const [guest, vlan] of [
      [2, false],
      [5, false],
      [4, true],
    ] as const) {
      for (const { read } of lab.got(guest)) {
        heard++
        assert.is(read.vlan, undefined)
        assert.ok(read.toMac === macOf(guest) || (Number.parseInt(read.toMac.slice(0, 2), 16) & 1) === 1)
        if (vlan) assert.not.equal(read.toMac, macOf(2))
      }
    }
    assert.is(lab.got(0).length + lab.got(1).length, 0)
  }
  assert.ok(heard > 100)
})

test.run()
