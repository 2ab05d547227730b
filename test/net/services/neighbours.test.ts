// Who may use which address, and what the gateway answers to ARP: with guests that claim what is not theirs.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NETWORK_BRIDGE } from '../../../hypervisor/abi.ts'
import * as p from '../packets.ts'
import { clientAt, lease } from './lease.ts'
import {
  ADDRESSED,
  ASK,
  BROADCAST,
  CONSUMED,
  GATEWAY4,
  GATEWAY6,
  GATEWAY_MAC,
  ip6Of,
  LINK6,
  macOf,
  REPLY,
  SECOND,
  Stage,
  UNRESOLVED,
} from './stage.ts'

function request(guest: number, from: string, to: string): Uint8Array {
  return p.ethernet({ from: macOf(guest), to: BROADCAST, type: p.TYPE_ARP }, p.arp({ fromMac: macOf(guest), from, to }))
}

function answer(guest: number, from: string, to = GATEWAY4): Uint8Array {
  const payload = p.arp({ isReply: true, fromMac: macOf(guest), from, toMac: GATEWAY_MAC, to })
  return p.ethernet({ from: macOf(guest), to: GATEWAY_MAC, type: p.TYPE_ARP }, payload)
}

function packetTo(address: string): Uint8Array {
  const from = address.includes(':') ? '2001:db8::9' : '198.51.100.9'
  return p.ethernet({ from: macOf(200), to: macOf(201) }, p.packet({ from, to: address }, p.udp({ from: 1, to: 2 })))
}

test('the gateway answers for its own IPv4 address, and for no other', () => {
  const stage = new Stage()
  const port = stage.join(0)
  const { code, frame } = stage.send(port, request(0, '10.9.0.100', GATEWAY4))
  assert.is(code, REPLY)
  const expected = p.arp({ isReply: true, fromMac: GATEWAY_MAC, from: GATEWAY4, toMac: macOf(0), to: '10.9.0.100' })
  assert.equal(frame, p.ethernet({ from: GATEWAY_MAC, to: macOf(0), type: p.TYPE_ARP }, expected))
  assert.is(stage.send(port, request(0, '10.9.0.100', '10.9.0.2')).code, CONSUMED)
  assert.is(stage.send(port, request(0, '10.9.0.100', '192.0.2.2')).code, CONSUMED)
})

test("who looks whether the gateway's address is free is told that it is not", () => {
  const stage = new Stage()
  assert.is(stage.send(stage.join(0), request(0, '0.0.0.0', GATEWAY4)).code, REPLY)
})

test('an ARP packet of another kind, cut off, or in the name of another MAC gets no answer', () => {
  const stage = new Stage()
  const port = stage.join(0)
  const good = request(0, '10.9.0.100', GATEWAY4)
  assert.is(stage.send(port, good).code, REPLY)
  assert.is(stage.send(port, good.slice(0, 41)).code, CONSUMED)
  for (const at of [14, 15, 16, 17, 18, 19, 20, 21]) {
    const changed = good.slice()
    changed[at] = changed[at]! ^ 0x40
    assert.is(stage.send(port, changed).code, CONSUMED, `byte ${at}`)
  }
  const forged = p.arp({ fromMac: macOf(1), from: '10.9.0.100', to: GATEWAY4 })
  assert.is(stage.send(port, p.ethernet({ from: macOf(0), to: BROADCAST, type: p.TYPE_ARP }, forged)).code, CONSUMED)
})

test("nobody may use the gateway's address, or that of another guest, however it came to it", () => {
  const stage = new Stage()
  const evil = stage.join(9)
  const leased = lease(clientAt(stage, 0))!
  stage.join(1, { ip4: '10.9.0.20' })
  const claims = stage.join(2)
  assert.ok(stage.mayUse4(claims, '10.9.0.30'))
  for (const address of [GATEWAY4, leased, '10.9.0.20', '10.9.0.30'])
    assert.not.ok(stage.mayUse4(evil, address), address)
  for (const address of [
    '10.9.0.0',
    '10.9.0.255',
    '10.9.1.5',
    '8.8.8.8',
    '127.0.0.1',
    '224.0.0.1',
    '255.255.255.255',
  ]) {
    assert.not.ok(stage.mayUse4(evil, address), address)
  }
  assert.is(stage.ip4Of(evil), '0.0.0.0')
})

test('an address that was leased or fixed is the only one, and one that was claimed can be left for another', () => {
  const stage = new Stage()
  const leased = clientAt(stage, 0)
  const ip = lease(leased)!
  assert.ok(stage.mayUse4(leased.port, ip))
  assert.not.ok(stage.mayUse4(leased.port, '10.9.0.40'))
  const fixed = stage.join(1, { ip4: '10.9.0.20' })
  assert.ok(stage.mayUse4(fixed, '10.9.0.20'))
  assert.not.ok(stage.mayUse4(fixed, '10.9.0.21'))
  const free = stage.join(2)
  assert.ok(stage.mayUse4(free, '10.9.0.40'))
  assert.ok(stage.mayUse4(free, '10.9.0.41'))
  assert.ok(stage.mayUse4(stage.join(3), '10.9.0.40'))
})

test("a guest that has one address by DHCP cannot hold more, so it can't keep others from theirs", () => {
  const stage = new Stage({ first: '10.9.0.100', last: '10.9.0.109' })
  const evil = stage.join(0)
  for (let i = 100; i < 110; i++) stage.mayUse4(evil, `10.9.0.${i}`)
  const others = Array.from({ length: 9 }, (_, i) => lease(clientAt(stage, i + 1)))
  assert.is(new Set(others).size, 9)
  assert.ok(others.every((ip) => ip !== undefined))
})

test('an address that somebody has taken goes to the guest that it is fixed for', () => {
  const stage = new Stage()
  const evil = stage.join(0)
  assert.ok(stage.mayUse4(evil, '10.9.0.20'))
  const owner = stage.join(1, { ip4: '10.9.0.20' })
  assert.is(stage.ip4Of(evil), '0.0.0.0')
  assert.not.ok(stage.mayUse4(evil, '10.9.0.20'))
  assert.ok(stage.mayUse4(owner, '10.9.0.20'))
})

test('on a bridge a guest may use any IPv4 address that no other guest has', () => {
  const stage = new Stage()
  stage.call('setMode', NETWORK_BRIDGE)
  const [a, b] = [stage.join(0), stage.join(1)]
  assert.ok(stage.mayUse4(a, '192.168.5.5'))
  assert.not.ok(stage.mayUse4(b, '192.168.5.5'))
  assert.ok(stage.mayUse4(b, '172.16.0.1'))
  assert.ok(stage.mayUse6(b, '2001:db8:77::1'))
  assert.not.ok(stage.mayUse6(a, '2001:db8:77::1'))
})

test('an IPv6 address belongs to who uses it first', () => {
  const stage = new Stage()
  const [a, b] = [stage.join(0), stage.join(1)]
  for (const address of ['fd00:9::77', 'fe80::77']) {
    assert.ok(stage.mayUse6(a, address), address)
    assert.not.ok(stage.mayUse6(b, address), address)
    assert.ok(stage.mayUse6(a, address), address)
  }
  for (const address of [
    GATEWAY6,
    LINK6,
    'fd00:8::1',
    '2001:db8::1',
    'ff02::1',
    '::',
    '::1',
    '::ffff:10.9.0.5'.replace('10.9.0.5', 'a09:5'),
    'fd00:9::',
  ]) {
    assert.not.ok(stage.mayUse6(a, address), address)
  }
})

test("an address that is made of a guest's MAC can't be claimed by others, before it comes or after", () => {
  const stage = new Stage()
  const evil = stage.join(0)
  assert.ok(stage.mayUse6(evil, ip6Of(0)))
  assert.ok(stage.mayUse6(evil, ip6Of(1)))
  const late = stage.join(1)
  assert.not.ok(stage.mayUse6(evil, ip6Of(1)))
  assert.not.ok(stage.mayUse6(evil, ip6Of(1, 'fe80::')))
  assert.ok(stage.mayUse6(late, ip6Of(1)))
  assert.ok(stage.mayUse6(late, ip6Of(1, 'fe80::')))
})

test('a guest that uses a thousand IPv6 addresses loses its own old ones, and harms nobody', () => {
  const stage = new Stage()
  const [evil, good] = [stage.join(0), stage.join(1)]
  assert.ok(stage.mayUse6(good, 'fd00:9::aaaa'))
  for (let i = 1; i <= 1000; i++) assert.ok(stage.mayUse6(evil, `fd00:9::1:${i.toString(16)}`))
  assert.ok(stage.mayUse6(good, 'fd00:9::1:1'))
  assert.not.ok(stage.mayUse6(good, 'fd00:9::1:3e8'))
  assert.ok(stage.mayUse6(good, 'fd00:9::aaaa'))
  assert.not.ok(stage.mayUse6(evil, 'fd00:9::aaaa'))
})

test('the address by which a guest is reached is the one made of its MAC, else its first', () => {
  const stage = new Stage()
  const port = stage.join(0)
  const low = () => BigInt.asUintN(64, stage.call('publicLow', port) as unknown as bigint)
  stage.mayUse6(port, 'fe80::5')
  assert.is(low(), 0n)
  stage.mayUse6(port, 'fd00:9::5')
  stage.mayUse6(port, 'fd00:9::6')
  assert.is(low(), 5n)
  stage.mayUse6(port, ip6Of(0))
  assert.is(low(), 0x0000_00ff_fe00_0101n)
})

test('what a guest had is free when it has left', () => {
  const stage = new Stage()
  const client = clientAt(stage, 0)
  const ip = lease(client)!
  stage.mayUse6(client.port, 'fd00:9::5')
  stage.leave(client.port)
  const other = stage.join(1)
  assert.ok(stage.mayUse4(other, ip))
  assert.ok(stage.mayUse6(other, 'fd00:9::5'))
  assert.is(stage.ip4Of(client.port), '0.0.0.0')
})

test('a frame for a guest whose address is known gets its MAC at once', () => {
  const stage = new Stage()
  const client = clientAt(stage, 0)
  const ip = lease(client)!
  const sent = stage.address('Inside', packetTo(ip))
  assert.is(sent.code, ADDRESSED)
  assert.equal([sent.read.toMac, sent.read.fromMac], [client.mac, GATEWAY_MAC])
  stage.mayUse6(client.port, 'fd00:9::5')
  assert.is(stage.address('Inside', packetTo('fd00:9::5')).read.toMac, client.mac)
  for (const wrong of [
    GATEWAY4,
    '10.9.0.255',
    '10.9.0.0',
    '10.9.7.7',
    '8.8.8.8',
    GATEWAY6,
    'fd00:8::1',
    'fe80::1',
    'ff02::1',
  ]) {
    assert.is(stage.address('Inside', packetTo(wrong)).code, UNRESOLVED, wrong)
  }
})

test('a frame for an address that nobody is known to have is asked for, once a second', () => {
  const stage = new Stage()
  const port = stage.join(0)
  const asked = stage.address('Inside', packetTo('10.9.0.66'))
  assert.is(asked.code, ASK)
  assert.equal(
    asked.frame,
    p.ethernet(
      { from: GATEWAY_MAC, to: BROADCAST, type: p.TYPE_ARP },
      p.arp({ fromMac: GATEWAY_MAC, from: GATEWAY4, to: '10.9.0.66' }),
    ),
  )
  assert.is(stage.address('Inside', packetTo('10.9.0.66')).code, UNRESOLVED)
  stage.now += SECOND
  assert.is(stage.address('Inside', packetTo('10.9.0.66')).code, ASK)
  assert.is(stage.send(port, answer(0, '10.9.0.66')).code, CONSUMED)
  assert.is(stage.address('Inside', packetTo('10.9.0.66')).read.toMac, macOf(0))
  const asked6 = stage.address('Inside', packetTo('fd00:9::66'))
  assert.is(asked6.code, ASK)
  assert.equal(
    [asked6.read.toMac, asked6.read.to, asked6.read.type],
    ['33:33:ff:00:00:66', p.plain('ff02::1:ff00:66'), 135],
  )
})

test('an answer that nobody asked for is not believed', () => {
  const stage = new Stage()
  const port = stage.join(0)
  stage.send(port, answer(0, '10.9.0.66'))
  assert.is(stage.address('Inside', packetTo('10.9.0.66')).code, ASK)
})

test('a guest that looks for thousands is asked for a bounded number, and who is talked to stays known', () => {
  const stage = new Stage()
  const port = stage.join(0)
  assert.is(stage.address('Inside', packetTo('10.9.0.66')).code, ASK)
  stage.send(port, answer(0, '10.9.0.66'))
  let questions = 0
  for (let i = 0; i < 20_000; i++) {
    if (stage.address('Inside', packetTo(`fd00:9::5:${(i & 0xffff).toString(16)}`)).code === ASK) questions++
  }
  assert.is(questions, 99)
  stage.now += 3 * SECOND
  for (let i = 0; i < 90; i++) stage.address('Inside', packetTo(`fd00:9::6:${i.toString(16)}`))
  assert.is(stage.address('Inside', packetTo('10.9.0.66')).code, ADDRESSED)
})

test.run()
