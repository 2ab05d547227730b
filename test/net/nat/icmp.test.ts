// ICMP through NAT: echoes, and errors with the packets that they quote.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ACK, bytes, echo, ethernet, icmp, type Payload, packet, plain, SYN, tcp, u16, u32, udp } from '../packets.ts'
import { DNS, DROP, GATEWAY, guest4, guest6, INSIDE, Lab, OUR, OUR6, PASS, SERVER, SERVER6 } from './lab.ts'

const CONTENT = bytes(9, 8, 7, 6)

const FAMILIES = [
  {
    name: 'IPv4',
    v6: false,
    guest: guest4,
    our: OUR,
    server: SERVER,
    router: '198.51.100.1',
    unreachable: 3,
    tooBig: [3, 4],
    expired: 11,
  },
  {
    name: 'IPv6',
    v6: true,
    guest: guest6,
    our: OUR6,
    server: SERVER6,
    router: '2001:db8:80::1',
    unreachable: 1,
    tooBig: [2, 0],
    expired: 3,
  },
] as const

for (const { name, v6, guest, our, server, router, unreachable, tooBig, expired } of FAMILIES) {
  const error = (type: number, code: number, quoted: Uint8Array, rest = u32(0)) => icmp(v6, type, code, rest, quoted)

  test(`an echo over ${name} comes back to who asked, with its identifier`, () => {
    const lab = new Lab()
    const out = lab.outward(0, guest(0), server, echo(v6, false, 77, 1, CONTENT))
    assert.is(out.result, PASS)
    assert.is(out.read!.echo, 77)
    assert.is(out.read!.from, plain(our))
    const other = lab.outward(1, guest(1), server, echo(v6, false, 77, 1, CONTENT))
    const id = other.read!.echo!
    assert.is.not(id, 77)
    const back = lab.inward(server, our, echo(v6, true, id, 1, CONTENT))
    assert.is(back.read!.to, plain(guest(1)))
    assert.is(back.read!.echo, 77)
    assert.is(lab.inward(server, our, echo(v6, true, 77, 1, CONTENT)).read!.to, plain(guest(0)))
  })

  test(`an echo of identifier 0 over ${name} comes back, too`, () => {
    const lab = new Lab()
    const id = lab.outward(0, guest(0), server, echo(v6, false, 0, 1)).read!.echo!
    assert.is(lab.inward(server, our, echo(v6, true, id, 1)).read!.to, plain(guest(0)))
  })

  test(`echoes over ${name} that nobody asked for reach nobody`, () => {
    const lab = new Lab()
    lab.outward(0, guest(0), server, echo(v6, false, 77, 1))
    assert.is(lab.inward(server, our, echo(v6, true, 78, 1)).result, DROP)
    assert.is(lab.inward(router, our, echo(v6, true, 77, 1)).result, DROP)
    assert.is(lab.inward(server, our, echo(v6, false, 77, 1)).result, DROP, 'a request is no answer')
    assert.is(lab.outward(1, guest(1), server, echo(v6, true, 5, 1)).result, DROP, 'an answer begins nothing')
  })

  const kinds: { label: string; made: Payload; port: number | undefined; echo: number | undefined }[] = [
    { label: 'UDP', made: udp({ from: 6000, to: 33434 }, CONTENT), port: 6000, echo: undefined },
    {
      label: 'UDP without a sum',
      made: udp({ from: 6000, to: 33434 }, CONTENT, { noSum: !v6 }),
      port: 6000,
      echo: undefined,
    },
    { label: 'TCP', made: tcp({ from: 6000, to: 80, flags: SYN }), port: 6000, echo: undefined },
    { label: 'an echo', made: echo(v6, false, 6000, 1, CONTENT), port: undefined, echo: 6000 },
  ]
  for (const { label, made, port, echo: id } of kinds) {
    test(`an error of a router about ${label} over ${name} reaches who sent it, and quotes what it sent`, () => {
      const lab = new Lab()
      // So that the port, or the identifier, is another outside.
      lab.outward(1, guest(1), server, made)
      const out = lab.outward(0, guest(0), server, made)
      assert.is.not(out.read!.fromPort ?? out.read!.echo, 6000)
      const quoted = out.frame!.slice(14)
      for (const [type, code] of [[expired, 0], [unreachable, 0], tooBig] as const) {
        for (const length of [quoted.length, (v6 ? 40 : 20) + 8]) {
          const back = lab.inward(router, our, error(type, code, quoted.slice(0, length), u32(1400)))
          assert.is(back.result, PASS, `${type} ${code}`)
          assert.is(back.read!.from, plain(router))
          assert.is(back.read!.to, plain(guest(0)))
          assert.is(back.read!.type, type)
          assert.equal(back.read!.content!.slice(4, 8), u32(1400))
          assert.is(back.read!.quoted!.from, plain(guest(0)))
          assert.is(back.read!.quoted!.to, plain(server))
          assert.is(back.read!.quoted!.fromPort, port)
          assert.is(back.read!.quoted!.echo, id)
        }
      }
    })
  }

  test(`a guest's error over ${name} about a packet that it got reaches the sender as ours`, () => {
    const lab = new Lab()
    lab.outward(1, guest(1), server, udp({ from: 6000, to: 53 }))
    const port = lab.outward(0, guest(0), server, udp({ from: 6000, to: 53 })).read!.fromPort!
    const came = lab.inward(server, our, udp({ from: 53, to: port }, CONTENT))
    const out = lab.outward(0, guest(0), server, error(unreachable, v6 ? 4 : 3, came.frame!.slice(14)))
    assert.is(out.result, PASS)
    assert.is(out.read!.from, plain(our))
    assert.is(out.read!.to, plain(server))
    assert.is(out.read!.quoted!.from, plain(server))
    assert.is(out.read!.quoted!.to, plain(our))
    assert.is(out.read!.quoted!.toPort, port)
  })

  test(`errors over ${name} about what nobody has sent reach nobody`, () => {
    const lab = new Lab()
    const out = lab.outward(0, guest(0), server, udp({ from: 6000, to: 53 }))
    const quote = (from: string, to: string, made: Payload) => packet({ from, to }, made)
    const right = quote(our, server, udp({ from: 6000, to: 53 }))
    assert.is(lab.inward(router, our, error(unreachable, 0, right)).result, PASS, 'the test itself')
    const wrong = [
      quote(our, server, udp({ from: 6001, to: 53 })),
      quote(our, server, udp({ from: 6000, to: 54 })),
      quote(our, router, udp({ from: 6000, to: 53 })),
      quote(guest(0), server, udp({ from: 6000, to: 53 })),
      quote(our, server, tcp({ from: 6000, to: 53, flags: ACK })),
      quote(server, our, udp({ from: 53, to: 6000 })),
      right.slice(0, right.length - 1 - (right.length - (v6 ? 47 : 27) - 1)),
      bytes(),
    ]
    for (const [i, quoted] of wrong.entries()) {
      assert.is(lab.inward(router, our, error(unreachable, 0, quoted)).result, DROP, `quote ${i}`)
    }
    assert.is(lab.inward(router, our, error(v6 ? 137 : 5, 0, out.frame!.slice(14))).result, DROP, 'a redirect')
  })

  test(`errors over ${name} go to whoever sent what they quote, and to nobody else`, () => {
    const lab = new Lab()
    const out = lab.outward(0, guest(0), server, udp({ from: 6000, to: 53 }))
    const neighbour = v6 ? '2001:db8:1::8' : '203.0.113.8'
    assert.is(lab.inward(router, neighbour, error(unreachable, 0, out.frame!.slice(14))).result, DROP)
    const came = lab.inward(server, our, udp({ from: 53, to: 6000 })).frame!.slice(14)
    assert.is(lab.outward(0, guest(0), router, error(unreachable, 0, came)).result, DROP)
    assert.is(lab.outward(0, guest(0), server, error(unreachable, 0, came)).result, PASS, 'the test itself')
  })

  test(`an error over ${name} with a wrong sum reaches nobody`, () => {
    const lab = new Lab()
    const out = lab.outward(0, guest(0), server, udp({ from: 6000, to: 53 }))
    const frame = ethernet({}, packet({ from: router, to: our }, error(unreachable, 0, out.frame!.slice(14))))
    frame[frame.length - 1]! ^= 1
    assert.is(lab.sendIn(frame).result, DROP)
  })

  test(`errors over ${name} neither end connections nor keep them alive`, () => {
    const lab = new Lab()
    const out = lab.outward(0, guest(0), server, udp({ from: 6000, to: 53 }))
    for (let i = 0; i < 13; i++) {
      const result = lab.inward(router, our, error(unreachable, 0, out.frame!.slice(14))).result
      assert.is(result, i < 12 ? PASS : DROP, `after ${i * 10 + 10} s`)
      lab.now += 10.001e9
    }
    assert.is(lab.kernel.connections(0), 0)
  })
}

test('an error of the name server outside seems to come from the gateway', () => {
  const lab = new Lab()
  const out = lab.outward(0, guest4(0), GATEWAY, udp({ from: 6000, to: 53 }))
  const back = lab.inward(DNS, OUR, icmp(false, 3, 3, u32(0), out.frame!.slice(14)))
  assert.is(back.read!.from, GATEWAY)
  assert.is(back.read!.to, guest4(0))
  assert.is(back.read!.quoted!.to, GATEWAY)
  assert.is(back.read!.quoted!.toPort, 53)
})

test('an error about a packet that went from guest to guest by a published port finds its way back', () => {
  const lab = new Lab()
  assert.is(lab.kernel.publish(0, 17, 8000, 1, 1, 0, 80), 0)
  const there = lab.outward(0, guest4(0), OUR, udp({ from: 6000, to: 8000 }))
  assert.is(there.result, INSIDE)
  const back = lab.outward(1, guest4(1), OUR, icmp(false, 3, 3, u32(0), there.frame!.slice(14)))
  assert.is(back.result, INSIDE)
  assert.is(back.read!.from, OUR)
  assert.is(back.read!.to, guest4(0))
  assert.is(back.read!.quoted!.from, guest4(0))
  assert.is(back.read!.quoted!.fromPort, 6000)
  assert.is(back.read!.quoted!.to, OUR)
  assert.is(back.read!.quoted!.toPort, 8000)
})

test('an error whose quote has options or extension headers is understood', () => {
  const lab = new Lab()
  const options = bytes(1, 1, 1, 0)
  const four = lab.sendOut(
    0,
    ethernet({}, packet({ from: guest4(0), to: SERVER, options }, udp({ from: 6000, to: 53 }))),
  )
  const back = lab.inward('198.51.100.1', OUR, icmp(false, 11, 0, u32(0), four.frame!.slice(14)))
  assert.is(back.read!.quoted!.fromPort, 6000)
  assert.is(back.read!.quoted!.from, guest4(0))
  const extension = { extension: 60, options: bytes(17, 0, 1, 4, 0, 0, 0, 0) }
  const six = lab.sendOut(
    0,
    ethernet({}, packet({ from: guest6(0), to: SERVER6, ...extension }, udp({ from: 6000, to: 53 }))),
  )
  const back6 = lab.inward('2001:db8:80::1', OUR6, icmp(true, 3, 0, u32(0), six.frame!.slice(14)))
  assert.is(back6.read!.quoted!.fromPort, 6000)
  assert.is(back6.read!.quoted!.from, plain(guest6(0)))
})

test('an error about a later fragment, or in fragments itself, reaches nobody', () => {
  const lab = new Lab()
  const out = lab.outward(0, guest4(0), SERVER, udp({ from: 6000, to: 53 }, CONTENT))
  const quoted = out.frame!.slice(14)
  const later = packet({ from: OUR, to: SERVER, offset: 8, id: 5 }, { protocol: 17, bytes: () => quoted.slice(20) })
  assert.is(lab.inward('198.51.100.1', OUR, icmp(false, 3, 1, u32(0), later)).result, DROP)
  const first = ethernet(
    {},
    packet({ from: '198.51.100.1', to: OUR, more: true, id: 6 }, icmp(false, 3, 1, u32(0), quoted)),
  )
  assert.is(lab.sendIn(first).result, DROP)
})

test('a quoted IPv4 header with a wrong sum is not believed', () => {
  const lab = new Lab()
  const quoted = lab.outward(0, guest4(0), SERVER, udp({ from: 6000, to: 53 })).frame!.slice(14)
  quoted.set(u16(0x1234), 10)
  assert.is(lab.inward('198.51.100.1', OUR, icmp(false, 3, 1, u32(0), quoted)).result, DROP)
})

test.run()
