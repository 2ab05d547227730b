// Conversations that guests begin: how they look outside, and who gets through to a guest.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  ACK,
  bytes,
  ethernet,
  faults,
  type Payload,
  packet,
  plain,
  read,
  SYN,
  summed,
  tcp,
  u16,
  udp,
  unsummed,
} from '../packets.ts'
import {
  DNS,
  DNS6,
  DROP,
  GATEWAY,
  GATEWAY6,
  guest4,
  guest6,
  INSIDE,
  Lab,
  OUR,
  OUR6,
  PASS,
  REPLY,
  S,
  SERVER,
  SERVER6,
} from './lab.ts'

const HELLO = bytes(1, 2, 3, 4, 5)
const FAMILIES = [
  { name: 'IPv4', guest: guest4, our: OUR, gateway: GATEWAY, server: SERVER, other: '198.51.100.81', dns: DNS },
  { name: 'IPv6', guest: guest6, our: OUR6, gateway: GATEWAY6, server: SERVER6, other: '2001:db8:80::81', dns: DNS6 },
]
const PROTOCOLS: { name: string; make(from: number, to: number, isFirst: boolean): Payload }[] = [
  { name: 'UDP', make: (from, to) => udp({ from, to }, HELLO) },
  { name: 'TCP', make: (from, to, isFirst) => tcp({ from, to, flags: isFirst ? SYN : ACK }, HELLO) },
]

for (const family of FAMILIES) {
  const { guest, our, server, other } = family
  for (const { name, make } of PROTOCOLS) {
    const label = `${name} over ${family.name}`

    test(`${label} leaves with our address and its own port, and its answers come back`, () => {
      const lab = new Lab()
      const out = lab.outward(0, guest(0), server, make(40000, 80, true))
      assert.is(out.result, PASS)
      assert.is(out.read!.from, plain(our))
      assert.is(out.read!.to, plain(server))
      assert.is(out.read!.fromPort, 40000)
      assert.is(out.read!.toPort, 80)
      assert.is(out.read!.ttl, 63)
      assert.equal(out.read!.data, HELLO)
      const back = lab.inward(server, our, make(80, 40000, false))
      assert.is(back.result, PASS)
      assert.is(back.read!.from, plain(server))
      assert.is(back.read!.to, plain(guest(0)))
      assert.is(back.read!.fromPort, 80)
      assert.is(back.read!.toPort, 40000)
      assert.is(back.read!.ttl, 63)
      assert.is(lab.kernel.connections(0), 1)
    })

    test(`${label} gets another port where another guest has that one`, () => {
      const lab = new Lab()
      lab.outward(0, guest(0), server, make(40000, 80, true))
      const out = lab.outward(1, guest(1), server, make(40000, 80, true))
      assert.is(out.result, PASS)
      const port = out.read!.fromPort!
      assert.is.not(port, 40000)
      assert.ok(port >= 1024)
      assert.is(lab.inward(server, our, make(80, port, false)).read!.to, plain(guest(1)))
      assert.is(lab.inward(server, our, make(80, port, false)).read!.toPort, 40000)
      assert.is(lab.inward(server, our, make(80, 40000, false)).read!.to, plain(guest(0)))
    })

    test(`${label} has one port outside, whomever a guest's port talks to`, () => {
      const lab = new Lab()
      lab.outward(0, guest(0), server, make(40000, 80, true))
      const first = lab.outward(1, guest(1), server, make(40000, 80, true)).read!.fromPort
      const second = lab.outward(1, guest(1), other, make(40000, 443, true)).read!.fromPort
      assert.is(second, first)
    })

    test(`${label} lets nobody in who was not talked to`, () => {
      const lab = new Lab()
      lab.outward(0, guest(0), server, make(40000, 80, true))
      assert.is.not(lab.inward(other, our, make(80, 40000, false)).result, PASS)
      assert.is.not(lab.inward(server, our, make(81, 40000, false)).result, PASS)
      assert.is.not(lab.inward(server, our, make(80, 40001, false)).result, PASS)
      assert.is.not(lab.inward(other, our, make(80, 22, true)).result, PASS)
      assert.is(lab.kernel.connections(0), 1)
    })

    test(`${label} keeps ports below 1024 below`, () => {
      const lab = new Lab()
      assert.is(lab.outward(0, guest(0), server, make(700, 80, true)).read!.fromPort, 700)
      const port = lab.outward(1, guest(1), server, make(700, 80, true)).read!.fromPort!
      assert.ok(port >= 512 && port < 1024 && port !== 700)
    })

    test(`${label} to port 53 of the gateway goes to the name server outside, and seems to come from the gateway`, () => {
      const lab = new Lab()
      const out = lab.outward(0, guest(0), family.gateway, make(5000, 53, true))
      assert.is(out.result, PASS)
      assert.is(out.read!.to, plain(family.dns))
      assert.is(out.read!.from, plain(our))
      const back = lab.inward(family.dns, our, make(53, out.read!.fromPort!, false))
      assert.is(back.read!.from, plain(family.gateway))
      assert.is(back.read!.to, plain(guest(0)))
      assert.is(back.read!.toPort, 5000)
    })

    test(`${label} to another port of the gateway is told that nobody is there`, () => {
      const lab = new Lab()
      const answer = lab.outward(0, guest(0), family.gateway, make(5000, 80, true))
      assert.is(answer.result, REPLY)
      assert.is(answer.read!.from, plain(family.gateway))
      assert.is(answer.read!.code, family.name === 'IPv4' ? 3 : 4)
    })

    test(`${label} whose hops are used up is told so, and begins nothing`, () => {
      const lab = new Lab()
      const answer = lab.outward(0, guest(0), server, make(40000, 80, true), { ttl: 1 })
      assert.is(answer.result, REPLY)
      assert.is(answer.read!.type, family.name === 'IPv4' ? 11 : 3)
      assert.is(answer.read!.from, plain(family.gateway))
      assert.is(answer.read!.to, plain(guest(0)))
      assert.is(answer.read!.quoted!.fromPort, 40000)
      assert.is(answer.read!.quoted!.to, plain(server))
      assert.is(lab.kernel.connections(0), 0)
      const inward = lab.inward(server, our, make(80, 40000, false), { ttl: 1 })
      assert.is(inward.result, REPLY)
      assert.is(inward.read!.from, plain(our))
      assert.is(inward.read!.to, plain(server))
    })

    test(`${label} without a link or an address outside is told that there is no way`, () => {
      const lab = new Lab()
      lab.kernel.setLink(0, 0)
      const answer = lab.outward(0, guest(0), server, make(40000, 80, true))
      assert.is(answer.result, REPLY)
      assert.is(answer.read!.type, family.name === 'IPv4' ? 3 : 1)
      assert.is(answer.read!.code, 0)
      lab.kernel.setLink(0, 1)
      assert.is(lab.outward(0, guest(0), server, make(40000, 80, true)).result, PASS)
      lab.kernel.cutUplink(0)
      assert.is(lab.outward(0, guest(0), server, make(40001, 80, true)).result, REPLY)
    })

    test(`${label} that its driver has left without a sum leaves with the right start of one`, () => {
      const lab = new Lab()
      // So that its port changes, too.
      lab.outward(1, guest(1), server, make(40000, 80, true))
      const frame = ethernet({}, packet({ from: guest(0), to: server }, make(40000, 80, true)))
      const left = unsummed(frame)
      assert.equal(summed(left), frame, 'the test itself')
      const how = { flags: 1, csumStart: left.csumStart, csumOffset: left.csumOffset, unjudged: true }
      const out = lab.sendOut(0, left.frame, how)
      assert.is(out.result, PASS)
      assert.is.not(out.read!.fromPort, 40000)
      assert.equal(faults(summed({ ...left, frame: out.frame! })), [])
      const back = ethernet({}, packet({ from: server, to: our }, make(80, out.read!.fromPort!, false)))
      const got = lab.sendIn(unsummed(back).frame, how)
      assert.is(got.read!.toPort, 40000)
      assert.equal(faults(summed({ ...left, frame: got.frame! })), [])
    })
  }

  test(`a guest's packet over ${family.name} with somebody else's address goes nowhere`, () => {
    const lab = new Lab()
    for (const from of [other, family.gateway, our, server]) {
      assert.is(lab.outward(0, from, server, udp({ from: 1000, to: 80 })).result, DROP, from)
    }
  })

  test(`a packet over ${family.name} from the uplink with an address from inside goes nowhere`, () => {
    const lab = new Lab()
    lab.outward(0, guest(0), server, udp({ from: 1000, to: 80 }))
    for (const from of [guest(1), family.gateway, our]) {
      assert.is(lab.inward(from, our, udp({ from: 80, to: 1000 })).result, DROP, from)
    }
    assert.is(lab.inward(server, guest(0), udp({ from: 80, to: 1000 })).result, DROP, 'not addressed to us')
  })

  test(`a guest does not reach another by the gateway over ${family.name}`, () => {
    const lab = new Lab()
    assert.is(lab.outward(0, guest(0), guest(1), udp({ from: 1000, to: 80 })).result, DROP)
  })

  test(`two guests behind us that have punched holes reach each other over ${family.name}`, () => {
    const lab = new Lab()
    const a = lab.outward(0, guest(0), server, udp({ from: 7000, to: 3478 })).read!.fromPort!
    const b = lab.outward(1, guest(1), server, udp({ from: 7000, to: 3478 })).read!.fromPort!
    assert.is.not(a, b)
    assert.is(lab.outward(0, guest(0), our, udp({ from: 7000, to: b })).result, DROP, 'b has not asked for it yet')
    const first = lab.outward(1, guest(1), our, udp({ from: 7000, to: a }))
    assert.is(first.result, INSIDE)
    assert.is(first.read!.from, plain(our))
    assert.is(first.read!.fromPort, b)
    assert.is(first.read!.to, plain(guest(0)))
    assert.is(first.read!.toPort, 7000)
    const second = lab.outward(0, guest(0), our, udp({ from: 7000, to: b }))
    assert.is(second.result, INSIDE)
    assert.is(second.read!.to, plain(guest(1)))
    assert.is(second.read!.fromPort, a)
  })
}

test('UDP that has no sum is left without', () => {
  const lab = new Lab()
  const out = lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 80 }, HELLO, { noSum: true }))
  assert.equal(out.read!.content!.slice(6, 8), bytes(0, 0))
})

test('UDP keeps even ports even and odd ones odd', () => {
  const lab = new Lab()
  for (let i = 0; i < 40; i++) {
    lab.outward(0, guest4(0), SERVER, udp({ from: 9000 + i, to: 80 }))
    assert.is(lab.outward(1, guest4(1), SERVER, udp({ from: 9000 + i, to: 80 })).read!.fromPort! % 2, i % 2)
  }
})

test('UDP of a guest never leaves from the port of our own DHCP client', () => {
  const lab = new Lab()
  assert.is.not(lab.outward(0, guest4(0), SERVER, udp({ from: 68, to: 67 })).read!.fromPort, 68)
  assert.is.not(lab.outward(0, guest6(0), SERVER6, udp({ from: 546, to: 547 })).read!.fromPort, 546)
})

test('a packet is translated when only its head was copied, wherever the rest is', () => {
  const lab = new Lab()
  const content = Uint8Array.from({ length: 1000 }, (_, i) => i)
  const frame = ethernet({}, packet({ from: guest4(0), to: SERVER }, udp({ from: 4000, to: 80 }, content)))
  assert.equal(lab.sendOut(0, frame, { headBytes: 256, inChain: true }).read!.data, content)
  assert.equal(lab.sendOut(0, frame, { headBytes: 256 }).read!.data, content)
  assert.is(lab.sendOut(0, frame, { headBytes: 40, inChain: true }).result, DROP, 'ports must be in the head')
})

test('a tagged frame is translated, and keeps its tag', () => {
  const lab = new Lab()
  const frame = ethernet({ vlan: 7 }, packet({ from: guest4(0), to: SERVER }, udp({ from: 4000, to: 80 })))
  const out = lab.sendOut(0, frame)
  assert.is(out.result, PASS)
  assert.is(out.read!.vlan, 7)
  assert.is(out.read!.from, OUR)
})

test('a packet with a wrong sum in its IPv4 header goes nowhere', () => {
  const lab = new Lab()
  const frame = ethernet({}, packet({ from: guest4(0), to: SERVER }, udp({ from: 4000, to: 80 })))
  frame[24]! ^= 1
  assert.is(lab.sendOut(0, frame).result, DROP)
})

test('a wrong sum of TCP is still wrong outside', () => {
  const lab = new Lab()
  const frame = ethernet({}, packet({ from: guest4(0), to: SERVER }, tcp({ from: 4000, to: 80, flags: SYN })))
  frame[50]! ^= 1
  assert.equal(faults(lab.sendOut(0, frame, { unjudged: true }).frame!), ['the sum of protocol 6 is wrong'])
})

test('a packet that is too large for the network is told how large it may be', () => {
  const lab = new Lab()
  const large = udp({ from: 4000, to: 80 }, new Uint8Array(1600))
  const four = lab.sendOut(0, ethernet({}, packet({ from: guest4(0), to: SERVER, dontFragment: true }, large)))
  assert.is(four.result, REPLY)
  assert.is(four.read!.type, 3)
  assert.is(four.read!.code, 4)
  assert.equal(four.read!.content!.slice(4, 8), bytes(0, 0, u16(1500)))
  const six = lab.outward(0, guest6(0), SERVER6, large)
  assert.is(six.read!.type, 2)
  assert.equal(six.read!.content!.slice(4, 8), bytes(0, 0, u16(1500)))
  assert.ok(six.frame!.length <= 1280 + 14)
})

test('a large segment that is to be cut passes with what its header says of that', () => {
  const lab = new Lab()
  const frame = ethernet(
    {},
    packet({ from: guest4(0), to: SERVER }, tcp({ from: 4000, to: 80, flags: ACK }, new Uint8Array(20000))),
  )
  const how = { flags: 1, csumStart: 34, csumOffset: 16, gsoType: 1, headerBytes: 54, unjudged: true, headBytes: 256 }
  const out = lab.sendOut(0, frame, { ...how, gsoSize: 1446 })
  assert.is(out.result, PASS)
  assert.is(out.read!.from, OUR)
  assert.is(lab.sendOut(0, frame, { ...how, gsoSize: 1600 }).result, DROP, 'pieces that are too large')
})

test('a missing sum is not made where it would change what was translated', () => {
  const lab = new Lab()
  const frame = ethernet({}, packet({ from: guest4(0), to: SERVER }, udp({ from: 4000, to: 80 }, HELLO)))
  for (const [csumStart, csumOffset] of [
    [14, 16],
    [26, 4],
    [34, 0],
    [34, 2],
    [36, 0],
    [0, 6],
  ]) {
    assert.is(lab.sendOut(0, frame, { flags: 1, csumStart, csumOffset }).result, DROP, `${csumStart} + ${csumOffset}`)
  }
})

test('addresses that routers do not pass on are not passed on', () => {
  const lab = new Lab()
  const nowhere = [
    '0.1.2.3',
    '127.0.0.1',
    '169.254.1.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '203.0.113.255',
    '10.9.0.255',
  ]
  for (const to of nowhere) assert.is(lab.outward(0, guest4(0), to, udp({ from: 4000, to: 80 })).result, DROP, to)
  const nowhere6 = ['::', '::1', 'fe80::1', 'ff02::1', '::ffff:102:304']
  for (const to of nowhere6) assert.is(lab.outward(0, guest6(0), to, udp({ from: 4000, to: 80 })).result, DROP, to)
  assert.is(lab.outward(0, 'fe80::10', SERVER6, udp({ from: 4000, to: 80 })).result, DROP)
})

test('a network that passes nothing on passes nothing on', () => {
  const lab = new Lab()
  lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 80 }))
  lab.kernel.setFlags(0, 2)
  const answer = lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 80 }))
  assert.is(answer.result, REPLY)
  assert.is(answer.read!.code, 13)
  assert.is(lab.inward(SERVER, OUR, udp({ from: 80, to: 4000 })).result, DROP)
})

test('a network without a name server has none at the gateway', () => {
  const lab = new Lab()
  lab.kernel.setFlags(0, 8)
  assert.is(lab.outward(0, guest4(0), GATEWAY, udp({ from: 4000, to: 53 })).result, REPLY)
})

test('protocols that cannot be translated are refused with a word', () => {
  const lab = new Lab()
  const gre: Payload = { protocol: 47, bytes: () => new Uint8Array(8) }
  const answer = lab.outward(0, guest4(0), SERVER, gre)
  assert.is(answer.result, REPLY)
  assert.is(answer.read!.code, 13)
  assert.is(lab.inward(SERVER, OUR, gre).result, DROP)
})

test('a packet with a route of its own is not passed on', () => {
  const lab = new Lab()
  const options = bytes(17, 0, 4, 0, 0, 0, 0, 0)
  const frame = ethernet(
    {},
    packet({ from: guest6(0), to: SERVER6, extension: 43, options }, udp({ from: 1000, to: 80 })),
  )
  assert.is(lab.sendOut(0, frame).result, DROP)
  const harmless = bytes(17, 0, 1, 4, 0, 0, 0, 0)
  const other = ethernet(
    {},
    packet({ from: guest6(0), to: SERVER6, extension: 60, options: harmless }, udp({ from: 1000, to: 80 })),
  )
  assert.is(lab.sendOut(0, other).result, PASS)
})

test('connections end with the address that they had outside', () => {
  const lab = new Lab()
  lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 80 }))
  lab.kernel.setOutside(0, 0xcb00_7108)
  assert.is(lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 80 })).read!.from, '203.0.113.8')
  assert.is(lab.kernel.connections(0), 1)
  assert.is(lab.inward(SERVER, '203.0.113.8', udp({ from: 80, to: 4000 })).read!.to, guest4(0))
  assert.is(lab.inward(SERVER, OUR, udp({ from: 80, to: 4000 })).result, DROP)
})

test('networks with the same addresses do not meet', () => {
  const lab = new Lab()
  lab.define(1, '203.0.113.9')
  lab.plug(1, 5)
  lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 80 }))
  const out = lab.outward(5, guest4(0), SERVER, udp({ from: 4000, to: 80 }), { network: 1 })
  assert.is(out.read!.from, '203.0.113.9')
  assert.is(out.read!.fromPort, 4000)
  assert.is(lab.kernel.connections(0), 1)
  assert.is(lab.kernel.connections(1), 1)
  assert.is(lab.inward(SERVER, OUR, udp({ from: 80, to: 4000 }), { network: 1 }).result, DROP)
  lab.kernel.forget(0)
  assert.is(lab.kernel.connections(0), 0)
  assert.is(lab.kernel.connections(1), 1)
})

test('errors are few when a guest asks for many, and another guest still gets its own', () => {
  const lab = new Lab()
  let told = 0
  for (let i = 0; i < 1000; i++) {
    if (lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 80 }), { ttl: 1 }).result === REPLY) told++
  }
  assert.is(told, 100)
  assert.is(lab.outward(1, guest4(1), SERVER, udp({ from: 4000, to: 80 }), { ttl: 1 }).result, REPLY)
  lab.now += S / 10
  assert.is(lab.outward(0, guest4(0), SERVER, udp({ from: 4000, to: 80 }), { ttl: 1 }).result, REPLY)
})

test('the answer to a guest goes to its MAC from the MAC of the gateway', () => {
  const lab = new Lab()
  const frame = ethernet(
    { from: '02:00:00:00:00:77' },
    packet({ from: guest4(0), to: SERVER, ttl: 1 }, udp({ from: 1, to: 2 })),
  )
  const answer = read(lab.sendOut(0, frame).frame!)
  assert.is(answer.toMac, '02:00:00:00:00:77')
  assert.is(answer.fromMac, '02:00:00:00:00:fe')
})

test.run()
