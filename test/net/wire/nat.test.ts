// A network behind NAT as a whole: guests, switch, gateway, translation and uplink together.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GatewaySpec, NetworkSpec } from '../../../host-shim/networks.ts'
import * as abi from '../../../hypervisor/abi.ts'
import {
  ACK,
  arp,
  bytes,
  echo,
  ethernet,
  fragments,
  ICMP,
  ip,
  mac,
  packet,
  SYN,
  TCP,
  TYPE_ARP,
  tcp,
  UDP,
  udp,
  whole,
} from '../packets.ts'
import { type Got, Lab, MS, macOf, NEEDS_CSUM, numberOf, PLAIN, S, TCPV4 } from './lab.ts'

const UPLINK = 3
const GATEWAY_MAC = '02:00:00:00:00:fe'
const OUT_MAC = '02:00:00:00:00:ff'
const ROUTER_MAC = '02:aa:00:00:00:01'
const GATEWAY = '10.9.0.1'
const OUR = '203.0.113.7'
const ROUTER = '203.0.113.1'
const SERVER = '198.51.100.80'
const A = '10.9.0.10'
const B = '10.9.0.11'

const SPEC: GatewaySpec = {
  mac: mac(GATEWAY_MAC),
  outMac: mac(OUT_MAC),
  ip4: numberOf(GATEWAY),
  prefix4: 24,
  leases: [numberOf('10.9.0.100'), numberOf('10.9.0.200')],
  domain: 'orlop.internal',
  out4: { address: numberOf(OUR), prefix: 24, gateway: numberOf(ROUTER), dns: numberOf('203.0.113.53') },
}

/** A network with guests 0 and 1 at A and B; the router outside is known unless a test wants to see it asked for. */
function lab(options: { more?: Partial<GatewaySpec>; network?: NetworkSpec; knowsRouter?: boolean } = {}): Lab {
  const lab = new Lab()
  lab.network(0, { uplink: UPLINK, ...options.network, gateway: { ...SPEC, ...options.more } })
  // The gateway looks for routers by itself.
  lab.sent(UPLINK)
  lab.plug(0, { ip4: A, name: 'alpha' })
  lab.plug(1, { ip4: B, name: 'beta' })
  if (options.knowsRouter !== false) {
    lab.come(
      UPLINK,
      ethernet(
        { from: ROUTER_MAC, to: OUT_MAC, type: TYPE_ARP },
        arp({ isReply: true, fromMac: ROUTER_MAC, from: ROUTER, toMac: OUT_MAC, to: OUR }),
      ),
    )
    lab.send(0, ask(0, 40000))
    lab.sent(UPLINK)
    lab.come(
      UPLINK,
      ethernet(
        { from: ROUTER_MAC, to: OUT_MAC, type: TYPE_ARP },
        arp({ isReply: true, fromMac: ROUTER_MAC, from: ROUTER, toMac: OUT_MAC, to: OUR }),
      ),
    )
    lab.pass(10 * MS)
    lab.pump(0)
    lab.sent(UPLINK)
  }
  return lab
}

/** A datagram of a guest to the server outside. */
function ask(guest: number, from: number, to = SERVER): Uint8Array {
  return ethernet(
    { from: macOf(guest), to: GATEWAY_MAC },
    packet({ from: guest === 0 ? A : B, to }, udp({ from, to: 7 }, bytes(1, 2, 3, 4))),
  )
}

function fromServer(to: number, content = bytes(5, 6, 7)): Uint8Array {
  return ethernet({ from: ROUTER_MAC, to: OUT_MAC }, packet({ from: SERVER, to: OUR }, udp({ from: 7, to }, content)))
}

function only(frames: Got[]): Got {
  assert.is(frames.length, 1)
  return frames[0]!
}

test('the gateway answers who asks for its address, and nobody else hears of it', () => {
  const net = lab()
  net.send(
    0,
    ethernet(
      { from: macOf(0), to: 'ff:ff:ff:ff:ff:ff', type: TYPE_ARP },
      arp({ fromMac: macOf(0), from: A, to: GATEWAY }),
    ),
  )
  const { frame, read } = only(net.got(0))
  assert.is(read.fromMac, GATEWAY_MAC)
  assert.equal(frame.slice(14, 42), arp({ isReply: true, fromMac: GATEWAY_MAC, from: GATEWAY, toMac: macOf(0), to: A }))
  assert.is(net.got(1).length, 0)
})

test('who asks for another guest is answered by that', () => {
  const net = lab()
  net.send(
    0,
    ethernet({ from: macOf(0), to: 'ff:ff:ff:ff:ff:ff', type: TYPE_ARP }, arp({ fromMac: macOf(0), from: A, to: B })),
  )
  only(net.got(1))
  assert.is(net.got(0).length, 0)
  assert.is(net.sent(UPLINK).length, 0, 'the uplink hears nothing of the inside')
})

test('a frame waits until the next hop outside is known, and then goes out translated', () => {
  const net = lab({ knowsRouter: false })
  net.send(0, ask(0, 4000))
  const question = only(net.sent(UPLINK))
  assert.is(question.read.toMac, 'ff:ff:ff:ff:ff:ff')
  assert.equal(question.frame.slice(14, 42), arp({ fromMac: OUT_MAC, from: OUR, to: ROUTER }))
  net.come(
    UPLINK,
    ethernet(
      { from: ROUTER_MAC, to: OUT_MAC, type: TYPE_ARP },
      arp({ isReply: true, fromMac: ROUTER_MAC, from: ROUTER, toMac: OUT_MAC, to: OUR }),
    ),
  )
  net.pass(5 * MS)
  net.pump(0)
  const { read } = only(net.sent(UPLINK))
  assert.equal([read.fromMac, read.toMac, read.from, read.to, read.protocol], [OUT_MAC, ROUTER_MAC, OUR, SERVER, UDP])
  net.come(UPLINK, fromServer(read.fromPort!))
  const answer = only(net.got(0))
  assert.equal(
    [answer.read.fromMac, answer.read.toMac, answer.read.to, answer.read.toPort],
    [GATEWAY_MAC, macOf(0), A, 4000],
  )
})

test('a next hop that does not answer costs the frame, and not those that come behind it', () => {
  const net = lab({ knowsRouter: false })
  net.send(0, ask(0, 4000))
  for (let i = 0; i < 400 && net.kernel.gone(0) === 0; i++) {
    net.pass(MS)
    net.pump(0)
  }
  assert.is(net.kernel.gone(0), 1)
  net.send(0, ethernet({ from: macOf(0), to: macOf(1) }, packet({ from: A, to: B }, echo(false, false, 1, 1))))
  only(net.got(1))
})

test('from outside nobody is reached who has not asked', () => {
  const net = lab()
  net.send(0, ask(0, 4000))
  const port = only(net.sent(UPLINK)).read.fromPort!
  net.come(
    UPLINK,
    ethernet(
      { from: ROUTER_MAC, to: OUT_MAC },
      packet({ from: '198.51.100.99', to: OUR }, udp({ from: 7, to: port }, bytes(1))),
    ),
  )
  net.come(
    UPLINK,
    ethernet({ from: ROUTER_MAC, to: OUT_MAC }, packet({ from: SERVER, to: A }, udp({ from: 7, to: 4000 }, bytes(1)))),
  )
  net.come(
    UPLINK,
    ethernet({ from: ROUTER_MAC, to: macOf(0) }, packet({ from: SERVER, to: A }, udp({ from: 7, to: 4000 }, bytes(1)))),
  )
  net.come(
    UPLINK,
    ethernet(
      { from: ROUTER_MAC, to: 'ff:ff:ff:ff:ff:ff' },
      packet({ from: SERVER, to: '255.255.255.255' }, udp({ from: 7, to: 4000 }, bytes(1))),
    ),
  )
  net.come(
    UPLINK,
    ethernet(
      { from: ROUTER_MAC, to: OUT_MAC, vlan: 5 },
      packet({ from: SERVER, to: OUR }, udp({ from: 7, to: port }, bytes(1))),
    ),
  )
  assert.is(net.got(0).length, 0)
  assert.is(net.got(1).length, 0)
})

test('a published port leads to its guest, also from inside, until it is taken back', () => {
  const net = lab()
  const spec = { protocol: 'tcp', port: 8080, guest: 1, toPort: 80 } as const
  assert.is(net.publish(0, spec), abi.OK)
  assert.is(net.publish(0, spec), abi.E_BUSY)
  const begin = (port: number) =>
    ethernet(
      { from: ROUTER_MAC, to: OUT_MAC },
      packet({ from: SERVER, to: OUR }, tcp({ from: port, to: 8080, flags: SYN })),
    )
  net.come(UPLINK, begin(5000))
  const { read } = only(net.got(1))
  assert.equal([read.toMac, read.to, read.toPort, read.from, read.fromPort], [macOf(1), B, 80, SERVER, 5000])
  net.send(
    1,
    ethernet(
      { from: macOf(1), to: GATEWAY_MAC },
      packet({ from: B, to: SERVER }, tcp({ from: 80, to: 5000, flags: SYN | ACK })),
    ),
  )
  const answer = only(net.sent(UPLINK)).read
  assert.equal(
    [answer.from, answer.fromPort, answer.to, answer.toPort, answer.protocol],
    [OUR, 8080, SERVER, 5000, TCP],
  )
  // By the address outside, from inside: in both directions by the gateway.
  net.send(
    0,
    ethernet(
      { from: macOf(0), to: GATEWAY_MAC },
      packet({ from: A, to: OUR }, tcp({ from: 6000, to: 8080, flags: SYN })),
    ),
  )
  const inner = only(net.got(1)).read
  assert.equal([inner.fromMac, inner.to, inner.toPort, inner.from], [GATEWAY_MAC, B, 80, OUR])
  net.send(
    1,
    ethernet(
      { from: macOf(1), to: GATEWAY_MAC },
      packet({ from: B, to: OUR }, tcp({ from: 80, to: inner.fromPort!, flags: SYN | ACK })),
    ),
  )
  const back = only(net.got(0)).read
  assert.equal([back.fromMac, back.from, back.fromPort, back.to, back.toPort], [GATEWAY_MAC, OUR, 8080, A, 6000])
  assert.is(net.publish(0, spec, false), abi.OK)
  assert.is(net.publish(0, spec, false), abi.E_BAD_ID)
  net.come(UPLINK, begin(5001))
  assert.is(net.got(1).length, 0)
})

test('isolated guests reach the world and not each other', () => {
  const net = new Lab()
  net.network(0, { uplink: UPLINK, gateway: SPEC })
  net.sent(UPLINK)
  net.plug(0, { ip4: A, flags: abi.NIC_ISOLATED })
  net.plug(1, { ip4: B, flags: abi.NIC_ISOLATED })
  net.send(0, ethernet({ from: macOf(0), to: macOf(1) }, packet({ from: A, to: B }, echo(false, false, 1, 1))))
  net.send(0, ethernet({ from: macOf(0), to: GATEWAY_MAC }, packet({ from: A, to: B }, echo(false, false, 1, 1))))
  assert.is(net.got(1).length, 0)
  net.send(0, ethernet({ from: macOf(0), to: GATEWAY_MAC }, packet({ from: A, to: GATEWAY }, echo(false, false, 1, 1))))
  assert.is(only(net.got(0)).read.protocol, ICMP)
  net.send(0, ask(0, 4000))
  assert.is(net.sent(UPLINK).length, 1, 'it asks for the router')
})

test('a guest in a VLAN does not reach the gateway, which has none', () => {
  const net = new Lab()
  net.network(0, { uplink: UPLINK, gateway: SPEC })
  net.sent(UPLINK)
  net.plug(0, { ip4: A, vlan: 5 })
  net.send(
    0,
    ethernet(
      { from: macOf(0), to: 'ff:ff:ff:ff:ff:ff', type: TYPE_ARP },
      arp({ fromMac: macOf(0), from: A, to: GATEWAY }),
    ),
  )
  net.send(0, ask(0, 4000))
  assert.is(net.got(0).length, 0)
  assert.is(net.sent(UPLINK).length, 0)
})

test('large segments pass translated, and whole if the uplink takes them', () => {
  for (const offload of [true, false]) {
    const net = lab({ network: { offload } })
    const data = new Uint8Array(20000).map((_, i) => i * 7)
    const frame = ethernet(
      { from: macOf(0), to: GATEWAY_MAC },
      packet({ from: A, to: SERVER }, tcp({ from: 4000, to: 80, flags: SYN })),
    )
    net.send(0, frame)
    const port = only(net.sent(UPLINK)).read.fromPort!
    const large = ethernet(
      { from: macOf(0), to: GATEWAY_MAC },
      packet({ from: A, to: SERVER }, tcp({ from: 4000, to: 80, flags: ACK }, data)),
    )
    const length = 20 + data.length
    let sum = [ip(A), ip(SERVER), bytes(0, 6, length >> 8, length & 255)]
      .flatMap((part) => Array.from({ length: part.length / 2 }, (_, i) => (part[2 * i]! << 8) | part[2 * i + 1]!))
      .reduce((all, word) => all + word, 0)
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16)
    large.set([sum >> 8, sum & 255], 50)
    const header = { flags: NEEDS_CSUM, gsoType: TCPV4, headerBytes: 54, gsoSize: 1400, csumStart: 34, csumOffset: 16 }
    net.send(0, large, header)
    const frames = net.sent(UPLINK)
    assert.is(frames.length, offload ? 1 : 15)
    assert.equal(bytes(...frames.map((sent) => sent.frame.slice(54))), data)
    for (const { read } of frames) assert.equal([read.from, read.fromPort], [OUR, port])
    if (!offload) continue
    // The sum of the pseudo-header is that of the new addresses: with it the receiver makes a right one.
    const [{ frame: out, header: told }] = frames as [Got]
    assert.equal(told, header)
    net.come(
      UPLINK,
      ethernet(
        { from: ROUTER_MAC, to: OUT_MAC },
        packet({ from: SERVER, to: OUR }, tcp({ from: 80, to: port, flags: ACK }, data.slice(0, 1000))),
      ),
    )
    assert.is(only(net.got(0)).read.to, A)
    assert.is(out.length, large.length)
  }
})

test('pieces of a datagram from outside come to the guest, whichever comes first', () => {
  const net = lab()
  net.send(0, ask(0, 4000))
  const port = only(net.sent(UPLINK)).read.fromPort!
  const content = new Uint8Array(4000).map((_, i) => i * 3)
  for (const order of [
    [0, 1, 2],
    [1, 2, 0],
    [2, 0, 1],
  ]) {
    const pieces = fragments({ from: SERVER, to: OUR, id: 100 + order[0]! }, udp({ from: 7, to: port }, content), 1480)
    for (const i of order) net.come(UPLINK, ethernet({ from: ROUTER_MAC, to: OUT_MAC }, pieces[i]!))
    const got = net.got(0)
    assert.is(got.length, 3)
    assert.equal(whole(got.map(({ frame }) => frame)).slice(-4000), content)
  }
})

test('an uplink without room keeps what goes out, and nothing is sent twice', () => {
  const net = lab()
  net.kernel.setRoom(0)
  for (let i = 0; i < 5; i++) net.send(0, ask(0, 4000 + i))
  assert.is(net.sent(UPLINK).length, 0)
  net.kernel.setRoom(1)
  net.pass(MS)
  net.pump(0)
  assert.equal(
    net.sent(UPLINK).map(({ read }) => [read.from, read.to, read.toPort]),
    Array.from({ length: 5 }, () => [OUR, SERVER, 7]),
  )
  assert.is(net.report(0).connections, 6)
})

test('a guest without room gets what came for it when it has some, and once', () => {
  const net = new Lab()
  net.network(0, { uplink: UPLINK, gateway: SPEC })
  net.sent(UPLINK)
  net.plug(0, { ip4: A, features: PLAIN, buffers: 1, bufferBytes: 2048 })
  net.come(
    UPLINK,
    ethernet(
      { from: ROUTER_MAC, to: OUT_MAC, type: TYPE_ARP },
      arp({ isReply: true, fromMac: ROUTER_MAC, from: ROUTER, toMac: OUT_MAC, to: OUR }),
    ),
  )
  net.send(0, ask(0, 4000))
  net.sent(UPLINK)
  net.come(
    UPLINK,
    ethernet(
      { from: ROUTER_MAC, to: OUT_MAC, type: TYPE_ARP },
      arp({ isReply: true, fromMac: ROUTER_MAC, from: ROUTER, toMac: OUT_MAC, to: OUR }),
    ),
  )
  net.pass(5 * MS)
  net.pump(0)
  const port = only(net.sent(UPLINK)).read.fromPort!
  for (let i = 0; i < 4; i++) net.come(UPLINK, fromServer(port, bytes(i)))
  const heard: number[] = []
  for (let i = 0; i < 6; i++) {
    heard.push(...net.got(0).map(({ frame }) => frame.at(-1)!))
    net.pass(2 * MS)
    net.kernel.look(UPLINK)
  }
  assert.equal(heard, [0, 1, 2, 3])
})

test('a guest that goes takes its connections with it', () => {
  const net = lab()
  net.send(0, ask(0, 4000))
  net.send(1, ask(1, 4000))
  net.sent(UPLINK)
  assert.is(net.report(0).connections, 3)
  net.kernel.unplug(0)
  assert.is(net.report(0).connections, 1)
})

test('names of guests are told by the gateway, others asked outside', () => {
  const net = lab()
  const question = (name: string) =>
    bytes(
      0x12,
      0x34,
      1,
      0,
      0,
      1,
      0,
      0,
      0,
      0,
      0,
      0,
      ...name.split('.').map((label) => bytes(label.length, new TextEncoder().encode(label))),
      0,
      0,
      1,
      0,
      1,
    )
  const query = (name: string) =>
    ethernet(
      { from: macOf(0), to: GATEWAY_MAC },
      packet({ from: A, to: GATEWAY }, udp({ from: 5353, to: 53 }, question(name))),
    )
  net.send(0, query('beta.orlop.internal'))
  const answer = only(net.got(0))
  assert.equal([answer.read.from, answer.read.fromPort], [GATEWAY, 53])
  assert.equal(answer.frame.slice(-4), ip(B))
  net.send(0, query('example.org'))
  const asked = net.sent(UPLINK)
  assert.is(asked.length, 1)
  assert.is(asked[0]!.read.ethertype === TYPE_ARP || asked[0]!.read.to === '203.0.113.53', true)
})

test('a guest gets an address from the gateway', () => {
  const net = new Lab()
  net.network(0, { uplink: UPLINK, gateway: SPEC })
  net.sent(UPLINK)
  net.plug(0)
  net.plug(1)
  const discover = bytes(
    ...[1, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0x80, 0],
    ...[new Uint8Array(16), mac(macOf(0)), new Uint8Array(10 + 192)],
    ...[0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255],
  )
  const ends = { from: '0.0.0.0', to: '255.255.255.255' }
  net.send(0, ethernet({ from: macOf(0), to: 'ff:ff:ff:ff:ff:ff' }, packet(ends, udp({ from: 68, to: 67 }, discover))))
  const { read, frame } = only(net.got(0))
  assert.equal([read.from, read.fromPort, read.toPort], [GATEWAY, 67, 68])
  const offered = new DataView(frame.buffer).getUint32(42 + 16)
  assert.ok(offered >= SPEC.leases[0] && offered <= SPEC.leases[1])
  assert.is(net.got(1).length, 0, 'nobody else hears of it')
})

test('the link of the uplink is nothing that guests see', () => {
  const net = lab()
  assert.is(net.kernel.link(UPLINK, 0), abi.OK)
  const report = net.report(0)
  assert.is(report.isUp, false)
  assert.equal(
    report.ports.map(({ owner, isUp }) => [owner, isUp]),
    [
      [0, true],
      [1, true],
      ['uplink', false],
      ['gateway', true],
    ],
  )
  net.send(0, ethernet({ from: macOf(0), to: macOf(1) }, packet({ from: A, to: B }, echo(false, false, 1, 1))))
  only(net.got(1))
  net.send(0, ask(0, 4000))
  assert.is(only(net.got(0)).read.protocol, ICMP, 'who wants to go out is told that there is no way')
  assert.is(net.sent(UPLINK).length, 0)
})

test('hours in which nothing comes let connections end', () => {
  const net = lab()
  for (let i = 0; i < 20; i++) net.send(0, ask(0, 4000 + i))
  assert.is(net.report(0).connections, 21)
  for (let i = 0; i < 400; i++) net.pass(S)
  assert.is(net.report(0).connections, 0)
  assert.is(net.report(0).tracked, 21)
})

test('a long echo to the gateway comes back whole to the port whose ring its rest is still in', () => {
  const net = lab()
  const content = Uint8Array.from({ length: 1400 }, (_, i) => i * 7)
  const ask = packet({ from: A, to: GATEWAY }, echo(false, false, 7, 1, content))
  net.send(0, ethernet({ from: macOf(0), to: GATEWAY_MAC }, ask))
  const { read: answer } = only(net.got(0))
  assert.equal([answer.type, answer.echo, answer.from], [0, 7, GATEWAY])
  assert.equal(answer.content?.slice(8), content)
  net.send(0, ethernet({ from: macOf(0), to: macOf(1) }, packet({ from: A, to: B }, echo(false, false, 1, 1))))
  assert.is(net.got(1).length, 1, 'the next frame goes on as ever')
})

test.run()
