// Addresses as text are read as their standards have them, and come back in one form.

import { isIP } from 'node:net'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseIp4, parseIp6, parseMac, showIp4, showIp6, showMac } from '../../host-shim/addresses.ts'

test('MACs', () => {
  assert.equal([...(parseMac('02:00:5E:10:00:ff') as Uint8Array)], [2, 0, 0x5e, 0x10, 0, 0xff])
  assert.is(showMac(Uint8Array.of(2, 0, 0x5e, 0x10, 0, 0xff)), '02:00:5e:10:00:ff')
  for (const text of [
    '',
    '02:00:5e:10:00',
    '02-00-5e-10-00-ff',
    '02:00:5e:10:00:fg',
    '2:0:5e:10:0:ff',
    '02:00:5e:10:00:ff:00',
  ]) {
    assert.is(parseMac(text), undefined, text)
  }
})

test('IPv4', () => {
  assert.is(parseIp4('10.9.0.1'), 0x0a090001)
  assert.is(parseIp4('255.255.255.255'), 0xffff_ffff)
  assert.is(showIp4(0xc0a8_0102), '192.168.1.2')
  for (const text of ['', '10.9.0', '10.9.0.256', '10.9.0.01', '10.9.0.1.1', ' 10.9.0.1', '0x0a.9.0.1']) {
    assert.is(parseIp4(text), undefined, text)
  }
})

test('IPv6, in the form of RFC 5952', () => {
  const show = (text: string) => showIp6(parseIp6(text) as Uint8Array)
  assert.is(show('FD00:0:0:0:0:0:0:1'), 'fd00::1')
  assert.is(show('::'), '::')
  assert.is(show('1::'), '1::')
  assert.is(show('2001:db8:0:1:1:1:1:1'), '2001:db8:0:1:1:1:1:1')
  assert.is(show('2001:0:0:1:0:0:0:1'), '2001:0:0:1::1')
  assert.is(show('2001:db8:0:0:1:0:0:1'), '2001:db8::1:0:0:1')
  assert.is(show('::ffff:10.9.0.1'), '::ffff:a09:1')
  const wrong = [
    '',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7:8::',
    '::10.9.0',
    '::10.9.0.256',
  ]
  for (const text of wrong) assert.is(parseIp6(text), undefined, text)
})

test('whatever is an address of IPv6 to Node is one to us, and the same one', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const bytes = parseIp6(text)
      assert.is(isIP(text), 6)
      assert.ok(bytes, text)
      const shown = showIp6(bytes as Uint8Array)
      assert.is(isIP(shown), 6)
      assert.equal(parseIp6(shown), bytes)
      assert.is(new URL(`http://[${text}]/`).hostname, `[${shown}]`)
    }),
  )
})

test('what is none to Node is none to us', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9a-f:.]{0,30}$/), (text) => {
      assert.is(parseIp6(text) !== undefined, isIP(text) === 6, text)
      assert.is(parseIp4(text) !== undefined, isIP(text) === 4, text)
    }),
    { numRuns: 2000 },
  )
})

test.run()
