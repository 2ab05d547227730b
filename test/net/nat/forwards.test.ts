// Published ports: who reaches a guest from outside and from inside, and until when.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  E_BAD_ARG,
  E_BAD_ID,
  E_BUSY,
  E_NO_SPACE,
  FORWARD_TCP,
  FORWARD_UDP,
  MAX_FORWARDS,
  OK,
} from '../../../hypervisor/abi.ts'
import { ACK, echo, type Payload, plain, RST, SYN, tcp, udp } from '../packets.ts'
import { DROP, guest4, guest6, INSIDE, Lab, OUR, OUR6, PASS, REPLY, SERVER, SERVER6 } from './lab.ts'

const FAMILIES = [
  { name: 'IPv4', guest: guest4, our: OUR, client: SERVER },
  { name: 'IPv6', guest: guest6, our: OUR6, client: SERVER6 },
]
const PROTOCOLS: { name: string; protocol: number; make(from: number, to: number, isFirst: boolean): Payload }[] = [
  { name: 'UDP', protocol: FORWARD_UDP, make: (from, to) => udp({ from, to }) },
  { name: 'TCP', protocol: FORWARD_TCP, make: (from, to, isFirst) => tcp({ from, to, flags: isFirst ? SYN : ACK }) },
]

for (const { name: family, guest, our, client } of FAMILIES) {
  for (const { name, protocol, make } of PROTOCOLS) {
    const label = `${name} over ${family}`

    test(`a published port of ${label} leads to the guest, which sees who calls`, () => {
      const lab = new Lab()
      assert.is(lab.kernel.publish(0, protocol, 8080, 1, 1, 0, 80), OK)
      const there = lab.inward(client, our, make(5555, 8080, true))
      assert.is(there.result, PASS)
      assert.is(there.read!.from, plain(client))
      assert.is(there.read!.fromPort, 5555)
      assert.is(there.read!.to, plain(guest(1)))
      assert.is(there.read!.toPort, 80)
      const back = lab.outward(1, guest(1), client, make(80, 5555, false))
      assert.is(back.result, PASS)
      assert.is(back.read!.from, plain(our))
      assert.is(back.read!.fromPort, 8080)
      assert.is(back.read!.toPort, 5555)
      assert.is(lab.kernel.connections(0), 1)
      assert.is(lab.kernel.countOf(1), 1)
    })

    test(`a published range of ${label} leads to the port at the same distance, and not beyond its ends`, () => {
      const lab = new Lab()
      assert.is(lab.kernel.publish(0, protocol, 6000, 10, 2, 0, 7000), OK)
      for (const [port, wanted] of [
        [5999, undefined],
        [6000, 7000],
        [6005, 7005],
        [6009, 7009],
        [6010, undefined],
      ] as const) {
        const { result, read } = lab.inward(client, our, make(5555, port, true))
        assert.is(result === PASS ? read!.toPort : undefined, wanted, `${port}`)
      }
    })

    test(`a guest reaches another by a published port of ${label}, from our address outside`, () => {
      const lab = new Lab()
      assert.is(lab.kernel.publish(0, protocol, 8080, 1, 1, 0, 80), OK)
      const there = lab.outward(0, guest(0), our, make(4444, 8080, true))
      assert.is(there.result, INSIDE)
      assert.is(there.read!.from, plain(our))
      assert.is(there.read!.fromPort, 4444)
      assert.is(there.read!.to, plain(guest(1)))
      assert.is(there.read!.toPort, 80)
      const back = lab.outward(1, guest(1), our, make(80, 4444, false))
      assert.is(back.result, INSIDE)
      assert.is(back.read!.from, plain(our))
      assert.is(back.read!.fromPort, 8080)
      assert.is(back.read!.to, plain(guest(0)))
      assert.is(back.read!.toPort, 4444)
    })

    test(`a guest reaches itself by its published port of ${label}`, () => {
      const lab = new Lab()
      assert.is(lab.kernel.publish(0, protocol, 8080, 1, 0, 0, 80), OK)
      const there = lab.outward(0, guest(0), our, make(4444, 8080, true))
      assert.is(there.result, INSIDE)
      assert.is(there.read!.to, plain(guest(0)))
      const back = lab.outward(0, guest(0), our, make(80, there.read!.fromPort!, false))
      assert.is(back.read!.to, plain(guest(0)))
      assert.is(back.read!.fromPort, 8080)
      assert.is(back.read!.toPort, 4444)
    })

    test(`a published port of ${label} that is taken back ends its connections, and no others`, () => {
      const lab = new Lab()
      lab.kernel.publish(0, protocol, 8080, 1, 1, 0, 80)
      lab.kernel.publish(0, protocol, 9090, 1, 1, 0, 90)
      lab.inward(client, our, make(5555, 8080, true))
      lab.inward(client, our, make(5555, 9090, true))
      lab.outward(0, guest(0), our, make(4444, 8080, true))
      lab.outward(1, guest(1), client, make(7777, 80, true))
      assert.is(lab.kernel.connections(0), 4)
      assert.is(lab.kernel.retract(0, protocol, 8080, 1), OK)
      assert.is(lab.kernel.connections(0), 2)
      assert.is.not(lab.inward(client, our, make(5555, 8080, false)).result, PASS)
      assert.is(lab.inward(client, our, make(5555, 9090, false)).result, PASS)
      assert.is(lab.inward(client, our, make(80, 7777, false)).result, PASS)
    })

    test(`a guest that talks from a published port of ${label} is known by that outside`, () => {
      const lab = new Lab()
      lab.kernel.publish(0, protocol, 8080, 1, 1, 0, 80)
      assert.is(lab.outward(1, guest(1), client, make(80, 5555, true)).read!.fromPort, 8080)
      assert.is(lab.outward(1, guest(1), client, make(81, 5555, true)).read!.fromPort, 81)
    })

    test(`no other guest is given a published port of ${label}`, () => {
      const lab = new Lab()
      lab.kernel.publish(0, protocol, 8080, 1, 1, 0, 80)
      const port = lab.outward(0, guest(0), client, make(8080, 5555, true)).read!.fromPort!
      assert.is.not(port, 8080)
      assert.is(lab.inward(client, our, make(5555, 8080, true)).read!.to, plain(guest(1)))
    })

    test(`a published port of ${label} ends with its guest, whose number may be another's next, and so do its connections`, () => {
      const lab = new Lab()
      lab.kernel.publish(0, protocol, 8080, 1, 1, 0, 80)
      lab.inward(client, our, make(5555, 8080, true))
      lab.outward(0, guest(0), our, make(4444, 8080, true))
      lab.outward(1, guest(1), client, make(7777, 80, true))
      lab.outward(0, guest(0), client, make(7777, 80, true))
      lab.kernel.unplug(0, 1, 0)
      assert.is(lab.kernel.connections(0), 1)
      assert.is(lab.kernel.countOf(1), 0)
      assert.is(lab.inward(client, our, make(5555, 8080, true)).result, name === 'UDP' ? REPLY : DROP)
      assert.is(lab.outward(0, guest(0), our, make(4444, 8080, true)).result, REPLY)
      lab.plug(0, 1)
      assert.is(lab.inward(client, our, make(5555, 8080, true)).result, name === 'UDP' ? REPLY : DROP)
      assert.is(lab.kernel.publish(0, protocol, 8080, 1, 1, 0, 80), OK)
      assert.is(lab.inward(client, our, make(5555, 8080, true)).read!.to, plain(guest(1)))
    })
  }

  test(`what is published for UDP over ${family} is not for TCP, nor the other way round`, () => {
    const lab = new Lab()
    lab.kernel.publish(0, FORWARD_UDP, 53, 1, 1, 0, 53)
    lab.kernel.publish(0, FORWARD_TCP, 80, 1, 1, 0, 80)
    assert.is(lab.inward(client, our, tcp({ from: 1, to: 53, flags: SYN })).result, DROP)
    assert.is(lab.inward(client, our, udp({ from: 1, to: 80 })).result, REPLY)
    assert.is(lab.inward(client, our, echo(family === 'IPv6', false, 80, 1)).result, DROP)
  })

  test(`a port over ${family} that nobody has published is said to be closed to UDP, and nothing is said to TCP`, () => {
    const lab = new Lab()
    const answer = lab.inward(client, our, udp({ from: 5555, to: 99 }))
    assert.is(answer.result, REPLY)
    assert.is(answer.read!.from, plain(our))
    assert.is(answer.read!.to, plain(client))
    assert.is(answer.read!.quoted!.toPort, 99)
    assert.is(lab.inward(client, our, tcp({ from: 5555, to: 99, flags: SYN })).result, DROP)
    assert.is(lab.kernel.refused(0), 2n)
  })
}

test('a reset by a published port begins nothing', () => {
  const lab = new Lab()
  lab.kernel.publish(0, FORWARD_TCP, 80, 1, 1, 0, 80)
  assert.is(lab.inward(SERVER, OUR, tcp({ from: 5555, to: 80, flags: RST })).result, DROP)
  assert.is(lab.kernel.connections(0), 0)
})

/** With a second network. */
function twoNetworks(): Lab {
  const lab = new Lab()
  lab.define(1, '203.0.113.9')
  return lab
}

test('publishing refuses what makes no sense, and what is published already', () => {
  const { kernel } = twoNetworks()
  for (const [protocol, port, count, guest, nic, to] of [
    [1, 80, 1, 0, 0, 80],
    [FORWARD_TCP, 0, 1, 0, 0, 80],
    [FORWARD_TCP, 80, 0, 0, 0, 80],
    [FORWARD_TCP, 65535, 2, 0, 0, 80],
    [FORWARD_TCP, 80, 0xffff_ffff, 0, 0, 80],
    [FORWARD_TCP, 80, 2, 0, 0, 65535],
    [FORWARD_TCP, 80, 1, 0, 0, 0],
    [FORWARD_TCP, 80, 1, 64, 0, 80],
    [FORWARD_TCP, 80, 1, 0, 4, 80],
    [FORWARD_TCP, 65536, 1, 0, 0, 80],
  ] as const) {
    assert.is(kernel.publish(0, protocol, port, count, guest, nic, to), E_BAD_ARG, `${port}`)
  }
  assert.is(kernel.publish(0, FORWARD_TCP, 100, 10, 0, 0, 100), OK)
  for (const [port, count] of [
    [100, 1],
    [109, 1],
    [91, 10],
    [50, 100],
    [105, 100],
  ] as const) {
    assert.is(kernel.publish(0, FORWARD_TCP, port, count, 0, 0, 1), E_BUSY)
  }
  assert.is(kernel.publish(0, FORWARD_TCP, 90, 10, 0, 0, 1), OK)
  assert.is(kernel.publish(0, FORWARD_TCP, 110, 1, 0, 0, 1), OK)
  assert.is(kernel.publish(0, FORWARD_UDP, 100, 10, 0, 0, 1), OK)
  assert.is(kernel.publish(1, FORWARD_TCP, 100, 10, 0, 0, 1), OK, 'another network')
  assert.is(kernel.publish(0, FORWARD_TCP, 1, 1, 0, 0, 65535), OK)
  assert.is(kernel.publish(0, FORWARD_TCP, 65535, 1, 0, 0, 1), OK)
})

test('only what was published is taken back', () => {
  const { kernel } = twoNetworks()
  kernel.publish(0, FORWARD_TCP, 100, 10, 0, 0, 100)
  assert.is(kernel.retract(0, FORWARD_TCP, 100, 9), E_BAD_ID)
  assert.is(kernel.retract(0, FORWARD_UDP, 100, 10), E_BAD_ID)
  assert.is(kernel.retract(1, FORWARD_TCP, 100, 10), E_BAD_ID)
  assert.is(kernel.retract(0, FORWARD_TCP, 100, 10), OK)
  assert.is(kernel.retract(0, FORWARD_TCP, 100, 10), E_BAD_ID)
})

test('there are as many published ranges as the machine has place for', () => {
  const { kernel } = twoNetworks()
  for (let i = 0; i < MAX_FORWARDS; i++) assert.is(kernel.publish(i % 2, FORWARD_TCP, 1000 + i, 1, 0, 0, 80), OK)
  assert.is(kernel.publish(0, FORWARD_TCP, 9999, 1, 0, 0, 80), E_NO_SPACE)
  assert.is(kernel.retract(1, FORWARD_TCP, 1001, 1), OK)
  assert.is(kernel.publish(0, FORWARD_TCP, 9999, 1, 0, 0, 80), OK)
  kernel.forget(0)
  assert.is(kernel.publish(0, FORWARD_TCP, 1000, 300, 0, 0, 80), OK)
  assert.is(kernel.publish(1, FORWARD_TCP, 1003, 1, 0, 0, 80), E_BUSY, 'the other network keeps its own')
})

test('a mapping that a published port comes upon is not used for new conversations of others', () => {
  const lab = new Lab()
  assert.is(lab.outward(0, guest4(0), SERVER, udp({ from: 8080, to: 1 })).read!.fromPort, 8080)
  lab.kernel.publish(0, FORWARD_UDP, 8080, 1, 1, 0, 80)
  assert.is(lab.inward(SERVER, OUR, udp({ from: 1, to: 8080 })).read!.to, guest4(0), 'what has begun goes on')
  assert.is(lab.inward(SERVER, OUR, udp({ from: 2, to: 8080 })).read!.to, guest4(1))
})

test.run()
