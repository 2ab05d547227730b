// Ways to get past the guard, the gateway or NAT that once were open: each test is named for one of them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NIC_TRUNK, NIC_TRUSTED } from '../../../hypervisor/abi.ts'
import * as p from '../packets.ts'
import { type Header, Lab, MS, macOf, NEEDS_CSUM, numberOf, OFFLOADS, PLAIN, S, TCPV4 } from './lab.ts'

const UPLINK = 3
const OTHER_UPLINK = 4
const CAPTURE = 7
const GATEWAY_MAC = '02:00:00:00:00:fe'
const OUT_MAC = '02:00:00:00:00:ff'
const ROUTER_MAC = '02:aa:00:00:00:01'
const OUR = '203.0.113.7'
const ROUTER = '203.0.113.1'
const SERVER = '198.51.100.80'
const ALL_NODES_MAC = '33:33:00:00:00:01'
const LINK = 'fe80::5'
const VICTIM = 'fe80::ff:fe00:11'

const A = '10.9.0.10'
const B = '10.9.0.11'

/** A network with a gateway; guest 0 at A and guest 1 at B. The router outside is known. */
function behindNat(): Lab {
  const lab = new Lab()
  lab.network(0, {
    uplink: UPLINK,
    gateway: {
      mac: p.mac(GATEWAY_MAC),
      outMac: p.mac(OUT_MAC),
      ip4: numberOf('10.9.0.1'),
      prefix4: 24,
      leases: [numberOf('10.9.0.100'), numberOf('10.9.0.200')],
      ip6: p.bytes(0xfd, new Uint8Array(14), 1),
      domain: 'orlop.internal',
      out4: { address: numberOf(OUR), prefix: 24, gateway: numberOf(ROUTER), dns: numberOf('203.0.113.53') },
    },
  })
  lab.plug(0, { ip4: A })
  lab.plug(1, { ip4: B })
  lab.send(0, ask(40_000))
  lab.come(
    UPLINK,
    p.ethernet(
      { from: ROUTER_MAC, to: OUT_MAC, type: p.TYPE_ARP },
      p.arp({ isReply: true, fromMac: ROUTER_MAC, from: ROUTER, toMac: OUT_MAC, to: OUR }),
    ),
  )
  lab.pass(10 * MS)
  lab.pump(0)
  lab.sent(UPLINK)
  lab.got(1)
  return lab
}

/** A datagram of guest 0 to the server outside. */
function ask(from: number): Uint8Array {
  return p.ethernet(
    { from: macOf(0), to: GATEWAY_MAC },
    p.packet({ from: A, to: SERVER }, p.udp({ from, to: 7 }, p.bytes(1, 2, 3, 4))),
  )
}

/** Destination options of so many bytes, a multiple of 8, in front of `protocol`. */
function padding(protocol: number, length: number): Uint8Array {
  return p.bytes(protocol, length / 8 - 1, 1, length - 4, new Uint8Array(length - 4))
}

const AS_ADVERTISEMENT = p.icmp(true, 134, 0, p.bytes(64, 0, p.u16(1800)), new Uint8Array(8))
const AS_REDIRECT = p.icmp(true, 137, 0, p.u32(0), p.bytes(p.ip(LINK), p.ip('fd00::9')))
const AS_NEIGHBOUR = p.icmp(true, 136, 0, p.u32(0x2000_0000), p.bytes(p.ip(VICTIM), 2, 1, p.mac(macOf(0))))
const AS_SERVER = p.udp({ from: 547, to: 546 }, new Uint8Array(40))

for (const [what, payload] of [
  ["a router's advertisement", AS_ADVERTISEMENT],
  ["a router's redirect", AS_REDIRECT],
  ["another guest's neighbour advertisement", AS_NEIGHBOUR],
  ["a DHCPv6 server's answer", AS_SERVER],
] as const) {
  test(`regression: ${what} behind long options, or in pieces, is seen by the guard`, () => {
    const lab = behindNat()
    const ends = { from: LINK, to: 'ff02::1', ttl: 255 }
    const send = (packet: Uint8Array, header?: Header) => {
      lab.send(0, p.ethernet({ from: macOf(0), to: ALL_NODES_MAC }, packet), header)
    }
    const spoofs: Uint8Array[] = [p.packet(ends, payload)]
    for (let length = 8; length <= 400; length += 8) {
      spoofs.push(p.packet({ ...ends, options: padding(payload.protocol, length), extension: 60 }, payload))
    }
    // The first piece ends before the header, and what follows the packet in the frame looks harmless.
    const content = payload.bytes(p.ip(LINK), p.ip('ff02::1'))
    const harmless = p.bytes(128, new Uint8Array(7), p.ip(LINK), new Uint8Array(40))
    for (const size of [0, 8, 16]) {
      const first = p.raw({ ...ends, id: 7, more: true }, payload.protocol, content.slice(0, size))
      spoofs.push(p.bytes(first, harmless.slice(size)))
    }
    for (const spoof of spoofs) {
      send(spoof)
      lab.pass(10 * MS)
    }
    assert.is(lab.got(1).filter(({ read }) => read.fromMac === macOf(0)).length, 0)
    const { spoofed, malformed } = lab.report(0).ports[0]!
    assert.is(spoofed + malformed, spoofs.length)
    assert.ok(spoofed > 10 && malformed > 10)
    // Nothing is wrong with options as such.
    const echo = p.echo(true, false, 1, 1, new Uint8Array(300))
    send(p.packet({ ...ends, options: padding(p.ICMPV6, 64), extension: 60 }, echo))
    assert.is(lab.got(1).filter(({ read }) => read.fromMac === macOf(0)).length, 1)
  })
}

test('what comes back from the uplink in our own name is not answered', () => {
  const lab = behindNat()
  const ask = (from: string) => {
    const asked = p.arp({ fromMac: from, from: '203.0.113.9', to: OUR })
    lab.come(UPLINK, p.ethernet({ from, to: 'ff:ff:ff:ff:ff:ff', type: p.TYPE_ARP }, asked))
    return lab.sent(UPLINK).length
  }
  assert.is(ask(OUT_MAC), 0)
  assert.is(ask(ROUTER_MAC), 1)
})

test('options that are longer than their packet hide nothing', () => {
  const lab = behindNat()
  const ends = { from: LINK, to: 'ff02::1', ttl: 255, options: padding(p.ICMPV6, 64), extension: 60 }
  const frame = p.ethernet({ from: macOf(0), to: ALL_NODES_MAC }, p.packet(ends, AS_NEIGHBOUR))
  // As its header says, it ends inside of the options.
  frame.set(p.u16(32), 18)
  lab.send(0, frame)
  assert.is(lab.got(1).filter(({ read }) => read.fromMac === macOf(0)).length, 0)
  assert.is(lab.report(0).ports[0]?.malformed, 1)
})

test('regression: no sum is left to be made over an address that the guard has seen', () => {
  const lab = new Lab()
  lab.judges = false
  lab.network(0, {})
  lab.plug(0)
  lab.plug(1, { features: PLAIN })
  const frame = p.ethernet(
    { from: macOf(0), to: ALL_NODES_MAC },
    p.packet(
      { from: LINK, to: 'ff02::1', ttl: 255 },
      p.icmp(true, 136, 0, p.u32(0x2000_0000), p.bytes(p.ip(LINK), 2, 1, p.mac(macOf(0)))),
    ),
  )
  lab.send(0, frame)
  assert.equal(lab.got(1)[0]?.frame, frame)
  for (const csumOffset of [0, 6, 14]) {
    lab.send(0, frame, { flags: NEEDS_CSUM, csumStart: 54 + 8, csumOffset })
    assert.is(lab.got(1).length, 0, `a sum at ${csumOffset}`)
  }
})

test('regression: a bit of segmentation without any kind of it is refused, and divides by nothing', () => {
  const lab = new Lab()
  lab.network(0, { uplink: UPLINK, offload: true })
  lab.plug(0)
  lab.plug(1, { features: PLAIN })
  const frame = (to: string, from: string) =>
    p.ethernet({ from, to }, p.packet({ from: SERVER, to: A }, p.tcp({ from: 80, to: 4000, flags: p.ACK })))
  for (const guest of [0, 1]) {
    for (const header of [
      { gsoType: 0x80 },
      { gsoType: 0x80, gsoSize: 1000, headerBytes: 54 },
      { gsoType: 0x80, flags: NEEDS_CSUM, csumStart: 34, csumOffset: 16 },
      { gsoType: TCPV4, flags: NEEDS_CSUM, csumStart: 34, csumOffset: 16 },
    ]) {
      lab.come(UPLINK, frame(macOf(guest), ROUTER_MAC), header)
      lab.send(0, frame(macOf(1), macOf(0)), header)
      assert.is(lab.got(guest).length, 0, JSON.stringify(header))
    }
    lab.come(UPLINK, frame(macOf(guest), ROUTER_MAC))
    assert.is(lab.got(guest).length, 1)
  }
})

test("regression: an ICMP error about another guest's conversation goes nowhere", () => {
  const lab = behindNat()
  lab.send(0, ask(4000))
  lab.come(
    UPLINK,
    p.ethernet({ from: ROUTER_MAC, to: OUT_MAC }, p.packet({ from: SERVER, to: OUR }, p.udp({ from: 7, to: 4000 }))),
  )
  assert.is(lab.got(0).length, 1)
  lab.sent(UPLINK)
  const quoted = p.packet({ from: SERVER, to: A }, p.udp({ from: 7, to: 4000 }))
  const error = (guest: number, from: string) => {
    const payload = p.icmp(false, 3, 3, p.u32(0), quoted)
    lab.send(guest, p.ethernet({ from: macOf(guest), to: GATEWAY_MAC }, p.packet({ from, to: SERVER }, payload)))
    return lab.sent(UPLINK)
  }
  assert.is(error(1, B).length, 0)
  const [own] = error(0, A)
  assert.is(own?.read.from, OUR)
  assert.is(own?.read.quoted?.to, OUR)
})

test('regression: a capture of a port shows what its guest has sent, not what it was translated to', () => {
  const lab = behindNat()
  assert.is(lab.kernel.capture(0, CAPTURE), 0)
  const frame = ask(4000)
  lab.send(0, frame)
  assert.is(lab.sent(UPLINK)[0]?.read.from, OUR)
  assert.equal(
    lab.sent(CAPTURE).map((copy) => copy.frame),
    [frame],
  )
  // One that has to wait is shown once.
  lab.kernel.setRoom(0)
  lab.send(0, ask(4001))
  lab.kernel.setRoom(1)
  for (let i = 0; i < 3; i++) {
    lab.pass(5 * MS)
    lab.pump(0)
  }
  assert.is(lab.sent(UPLINK).length, 1)
  assert.ok(lab.sent(CAPTURE).length <= 1)
})

test('regression: what a gateway says by itself has no tag, whatever was carried before', () => {
  const lab = new Lab()
  lab.network(0, {
    uplink: UPLINK,
    gateway: {
      mac: p.mac(GATEWAY_MAC),
      outMac: p.mac(OUT_MAC),
      ip4: numberOf('10.9.0.1'),
      prefix4: 24,
      leases: [numberOf('10.9.0.100'), numberOf('10.9.0.200')],
      domain: 'orlop.internal',
    },
  })
  lab.network(1, { uplink: OTHER_UPLINK })
  lab.plug(0, { network: 1, vlan: 5 })
  lab.plug(1, { network: 1, vlan: NIC_TRUNK })
  lab.sent(UPLINK)
  let asked = 0
  for (let i = 0; i < 20; i++) {
    lab.send(0, p.ethernet({ from: macOf(0), to: macOf(1) }, p.packet({ from: A, to: B }, p.udp({ from: 1, to: 2 }))))
    assert.is(lab.got(1)[0]?.read.vlan, 5)
    lab.pass(5 * S)
    for (const { read } of lab.sent(UPLINK)) {
      assert.is(read.vlan, undefined)
      if (read.toPort === 67) asked++
    }
  }
  assert.ok(asked > 2, 'it asks for an address')
})

test('regression: the address that is none leads to no port', () => {
  const lab = new Lab()
  // Soon after the start, when an empty place does not look old.
  lab.now = S
  lab.kernel.setClock(lab.now)
  lab.network(0, {})
  for (const guest of [0, 1, 2]) lab.plug(guest)
  lab.send(
    2,
    p.ethernet({ from: macOf(2), to: '00:00:00:00:00:00' }, p.packet({ from: A, to: B }, p.udp({ from: 1, to: 2 }))),
  )
  assert.is(lab.got(0).length + lab.got(1).length, 0)
})

test('regression: a device without an address does not take the one of a router outside', () => {
  const lab = new Lab()
  lab.network(0, { uplink: UPLINK })
  lab.plug(0)
  lab.plug(1, { flags: NIC_TRUSTED })
  assert.is(lab.kernel.plug(2, 0, 0n, 0, 0, 0, OFFLOADS, 8, 4096), 0)
  const hello = (from: string, to: string) =>
    p.ethernet({ from, to }, p.packet({ from: A, to: B }, p.udp({ from: 1, to: 2 })))
  lab.come(UPLINK, hello(ROUTER_MAC, macOf(0)))
  lab.send(2, hello(ROUTER_MAC, macOf(0)))
  assert.is(lab.got(0).length, 1, 'the router is heard, and not who says that he is')
  lab.got(2)
  lab.send(0, hello(macOf(0), ROUTER_MAC))
  assert.is(lab.sent(UPLINK).length, 1)
  assert.is(lab.got(2).length, 0)
})

test.run()
