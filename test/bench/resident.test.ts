// Which pages of this process are in memory: the largest region of a map, and pages that were touched.

import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { largestRegion, machineRegion, residentBytes } from '../../bench/resident.ts'

const MIB = 2 ** 20

test('the largest region that can be written is found, whatever else is larger', () => {
  const maps = [
    '00400000-00410000 r-xp 00000000 fe:00 12 /usr/bin/node',
    '00420000-00430000 rw-p 00000000 00:00 0',
    '7f0000000000-7f0000200000 rw-s 00000000 00:00 0',
    '7f1000000000-7f2000000000 ---p 00000000 00:00 0',
    '7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]',
  ].join('\n')
  assert.equal(largestRegion(maps), { start: 0x7f0000000000n, bytes: 2 * MIB })
  assert.is(largestRegion(''), undefined)
})

test('memory that was never touched takes no room, and what was touched takes its pages', () => {
  if (process.platform !== 'linux') return
  const memory = new WebAssembly.Memory({ initial: 8192, maximum: 8192, shared: true })
  const bytes = new Uint8Array(memory.buffer)
  const region = machineRegion(bytes.length)
  assert.ok(readFileSync('/proc/self/maps', 'utf8').includes(region.start.toString(16)))
  assert.is(residentBytes(region, 256 * MIB, MIB), 0)
  for (const page of [0, 1, 7]) bytes[256 * MIB + page * 4096] = 1
  assert.is(residentBytes(region, 256 * MIB, MIB), 3 * 4096)
  assert.is(residentBytes(region, 256 * MIB + 2 * 4096, MIB), 4096)
})

test('a machine that is not there is not found', () => {
  assert.throws(() => machineRegion(2 ** 50), /not to be found/)
})

test.run()
