// Control files and the order of versions.

import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compareVersions, newest, parseStanzas, toRecord } from '../../../guests/debian/packages.ts'
import { requireTool } from '../../support/tools.ts'

const SHA256 = 'ab'.repeat(32)
const STANZA = `Package: busybox-static
Version: 1:1.37.0-6
Depends: libc6 (>= 2.41), awk | mawk, python3:any
Description: tiny utilities
 in one file
 .
 second paragraph
Filename: pool/main/b/busybox/busybox-static_1.37.0-6_riscv64.deb
Size: 941532
SHA256: ${SHA256}
`

const ORDERED = [
  '1.0~~',
  '1.0~rc1-1',
  '1.0-1',
  '1.0-1+b9',
  '1.0-1.1',
  '1.0a-1',
  '1.0+x-1',
  '1.2-1',
  '1.10-1',
  '1:0.1-1',
]

test('a stanza becomes a record with the first name of each dependency', () => {
  const [fields] = parseStanzas(STANZA)
  assert.is(fields?.get('description'), 'tiny utilities\nin one file\n.\nsecond paragraph')
  assert.equal(fields && toRecord(fields), {
    name: 'busybox-static',
    version: '1:1.37.0-6',
    path: 'pool/main/b/busybox/busybox-static_1.37.0-6_riscv64.deb',
    sizeBytes: 941532,
    sha256: SHA256,
    depends: ['libc6', 'awk', 'python3'],
  })
})

test('a stanza without a whole hash is no record', () => {
  const [fields] = parseStanzas(STANZA.replace(SHA256, SHA256.slice(1)))
  assert.is(fields && toRecord(fields), undefined)
})

test('versions are ordered as Debian orders them', () => {
  for (const [i, a] of ORDERED.entries()) {
    for (const [j, b] of ORDERED.entries()) {
      assert.is(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} against ${b}`)
    }
  }
  assert.is(compareVersions('1.0-1', '0:1.00-1'), 0)
})

test('versions are ordered as dpkg orders them', () => {
  if (!requireTool('dpkg', 'dpkg')) return
  const versions = [
    '6.12.94-1',
    '6.12.107-1',
    '6.12.107+deb13-1',
    '6.12~rc1-1',
    '2-1',
    '1-2-1',
    '1.0',
    '1.0-0',
    '1.a',
    '1.',
  ]
  for (const a of versions) {
    for (const b of versions) {
      const says = (relation: string) => spawnSync('dpkg', ['--compare-versions', a, relation, b]).status === 0
      const expected = says('lt') ? -1 : says('eq') ? 0 : 1
      assert.is(Math.sign(compareVersions(a, b)), expected, `${a} against ${b}`)
    }
  }
})

test('the newest of several records is taken', () => {
  const records = ['6.12.94-1', '6.12.107-1', '6.12.9-1'].flatMap((version) => {
    const [fields] = parseStanzas(STANZA.replace('1:1.37.0-6', version))
    return (fields && toRecord(fields)) ?? []
  })
  assert.is(newest(records)?.version, '6.12.107-1')
  assert.is(newest([]), undefined)
})

test.run()
