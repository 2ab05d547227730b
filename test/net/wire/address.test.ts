// Addresses on a network without a gateway: who has which, as the guard and the report see it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { arp, bytes, echo, ethernet, icmp, ip, packet, TYPE_ARP, udp } from '../packets.ts'
import { Lab, macOf, OFFLOADS, S } from './lab.ts'

const ALL = 'ff:ff:ff:ff:ff:ff'
const A = '10.0.0.1'

function pair(): Lab {
  const lab = new Lab()
  lab.network(0, {})
  lab.plug(0)
  lab.plug(1)
  return lab
}

/** A neighbour solicitation or advertisement, RFC 4861. */
function discovery(type: number, from: string, target: string): Uint8Array {
  return packet({ from, to: 'ff02::1', ttl: 255 }, icmp(true, type, 0, new Uint8Array(4), ip(target)))
}

test('a device without an address has the one from which its driver first sends', () => {
  const lab = pair()
  assert.is(lab.kernel.plug(2, 0, 0n, 0, 0, 0, OFFLOADS, 8, 4096), 0)
  const from = '02:99:00:00:00:01'
  const send = (mac: string) =>
    lab.send(2, ethernet({ from: mac, to: macOf(0) }, packet({ from: '10.0.0.3', to: A }, echo(false, false, 1, 1))))
  send(macOf(1))
  assert.is(lab.got(0).length, 0, "another's address is none")
  send(from)
  assert.is(lab.got(0).length, 1)
  send('02:99:00:00:00:02')
  assert.is(lab.got(0).length, 0, 'it has one now')
  lab.send(0, ethernet({ from: macOf(0), to: from }, packet({ from: A, to: '10.0.0.3' }, echo(false, true, 1, 1))))
  assert.is(lab.got(2).length, 1)
  assert.is(lab.got(1).length, 0)
})

test('an IPv6 address belongs to who has used it first, and goes with its port', () => {
  const lab = pair()
  lab.plug(2)
  const ping = (guest: number) =>
    lab.send(
      guest,
      ethernet(
        { from: macOf(guest), to: macOf(2) },
        packet({ from: 'fd00::5', to: 'fd00::2' }, echo(true, false, 1, 1)),
      ),
    )
  ping(0)
  assert.is(lab.got(2).length, 1)
  ping(1)
  assert.is(lab.got(2).length, 0)
  assert.is(lab.report(0).ports[1]?.spoofed, 1)
  lab.kernel.unplug(0)
  lab.pass(2 * S)
  ping(1)
  assert.is(lab.got(2).length, 1)
})

test('who wants an address is heard, and the next who wants it is not', () => {
  const lab = pair()
  lab.send(0, ethernet({ from: macOf(0), to: '33:33:00:00:00:01' }, discovery(135, '::', 'fe80::7')))
  assert.is(lab.got(1).length, 1)
  lab.send(1, ethernet({ from: macOf(1), to: '33:33:00:00:00:01' }, discovery(135, '::', 'fe80::7')))
  lab.send(1, ethernet({ from: macOf(1), to: '33:33:00:00:00:01' }, discovery(136, 'fe80::8', 'fe80::7')))
  assert.is(lab.got(0).length, 0)
  assert.is(lab.report(0).ports[1]?.spoofed, 2)
})

test('from no address only what looks for one is sent', () => {
  const lab = pair()
  const router = packet({ from: '::', to: 'ff02::2', ttl: 255 }, icmp(true, 133, 0, new Uint8Array(4)))
  lab.send(0, ethernet({ from: macOf(0), to: '33:33:00:00:00:02' }, router))
  assert.is(lab.got(1).length, 1)
  lab.send(
    0,
    ethernet(
      { from: macOf(0), to: macOf(1) },
      packet({ from: '::', to: 'fd00::2' }, udp({ from: 1, to: 2 }, bytes(1))),
    ),
  )
  const asked = packet({ from: '::', to: 'fd00::2' }, echo(true, false, 1, 1))
  lab.send(0, ethernet({ from: macOf(0), to: macOf(1) }, asked))
  assert.is(lab.got(1).length, 0)
})

test("an address made of somebody's MAC is his when he comes, whoever has used it until then", () => {
  const lab = pair()
  const its = 'fe80::ff:fe00:12'
  const ping = () =>
    lab.send(
      0,
      ethernet({ from: macOf(0), to: macOf(1) }, packet({ from: its, to: 'fe80::2' }, echo(true, false, 1, 1))),
    )
  ping()
  assert.is(lab.got(1).length, 1)
  lab.plug(2)
  lab.pass(2 * S)
  ping()
  assert.is(lab.got(1).length, 0)
  lab.send(2, ethernet({ from: macOf(2), to: macOf(1) }, packet({ from: its, to: 'fe80::2' }, echo(true, false, 1, 1))))
  assert.is(lab.got(1).length, 1)
})

test('a report tells the addresses that ports are known to have', () => {
  const lab = pair()
  lab.send(
    0,
    ethernet({ from: macOf(0), to: ALL, type: TYPE_ARP }, arp({ fromMac: macOf(0), from: A, to: '10.0.0.2' })),
  )
  lab.send(
    0,
    ethernet({ from: macOf(0), to: macOf(1) }, packet({ from: 'fd00::5', to: 'fd00::2' }, echo(true, false, 1, 1))),
  )
  const [port] = lab.report(0).ports
  assert.equal([port?.mac, port?.ip4, port?.ip6], [macOf(0), A, 'fd00::5'])
})

test.run()
