// Addresses are read and written in every form that they have, and known for what they are.

import { isIPv6 } from 'node:net'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, isLoopback, isUnroutable, parseAddress } from '../../../host-shim/uplink/address.ts'
import { routeTo } from '../../../host-shim/uplink/route.ts'
import { NodeSockets } from '../../../host-shim/node/uplinks/sockets.ts'

function address(text: string): Address {
  const found = parseAddress(text)
  if (found === undefined) throw new Error(`${text} was not read`)
  return found
}

test('every IPv4 address is the same after it was written and read', () => {
  fc.assert(fc.property(fc.ipV4(), (text) => assert.is(String(address(text)), text)))
})

test('every IPv6 address is read as the platform reads it', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const written = String(address(text))
      assert.ok(isIPv6(written))
      assert.is(new URL(`http://[${written}]`).host, new URL(`http://[${text}]`).host)
      const bytes = new Uint8Array(16)
      address(text).write(bytes, 0)
      const again = address('::')
      again.read(6, bytes, 0)
      assert.ok(again.equals(address(text)))
    }),
  )
})

test('what is no address is not read', () => {
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    'a.b.c.d',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    'g::',
  ])
    assert.is(parseAddress(text), undefined, text)
})

test('loopbacks and addresses that lead nowhere are known', () => {
  for (const text of ['127.0.0.1', '127.9.9.9', '0.0.0.0', '::1', '::']) assert.ok(isLoopback(address(text)), text)
  for (const text of ['10.0.0.1', '128.0.0.1', '::2', '1::1']) assert.not.ok(isLoopback(address(text)), text)
  const nowhere = [
    '0.1.2.3',
    '169.254.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    'ff02::1',
    'fe80::1',
    '::ffff:127.0.0.1',
  ]
  for (const text of nowhere) assert.ok(isUnroutable(address(text)), text)
  for (const text of ['10.0.0.1', '223.1.1.1', 'fd00::1', '2001:db8::1'])
    assert.not.ok(isUnroutable(address(text)), text)
})

test('where a packet leads depends on whether the host may be reached', () => {
  const sockets = new (class extends NodeSockets {
    override isOwn({ d }: { d: number }): boolean {
      return d === address('198.51.100.7').d
    }
    override nameServers() {
      return [{ address: '127.0.0.53', port: 53 }]
    }
  })()
  const route = (text: string, toHost: boolean, port = 80) => {
    const found = routeTo(address(text), port, toHost, sockets)
    return typeof found === 'string' ? found : found.map((endpoint) => `${endpoint.address}+${endpoint.port}`).join(' ')
  }
  assert.is(route('192.0.0.1', true), '127.0.0.1+80 ::1+80')
  assert.is(route('fd6f:726c:6f70::1', true), '::1+80 127.0.0.1+80')
  assert.is(route('198.51.100.7', true), '198.51.100.7+80')
  for (const text of ['192.0.0.1', 'fd6f:726c:6f70::1', '127.0.0.1', '::1', '198.51.100.7'])
    assert.is(route(text, false), 'refused', text)
  // However it is written, the host stays hidden.
  for (const text of ['0.0.0.0', '::', '::ffff:127.0.0.1', '::ffff:198.51.100.7'])
    assert.is(route(text, false), 'no-route', text)
  for (const toHost of [true, false]) {
    assert.is(route('203.0.113.5', toHost), '203.0.113.5+80')
    assert.is(route('192.0.0.3', toHost, 53), '127.0.0.53+53')
    assert.is(route('192.0.0.3', toHost, 80), 'refused')
    assert.is(route('192.0.0.6', toHost), 'unreachable')
  }
})

test.run()
