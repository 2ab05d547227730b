// A capture is a pcap file that other programs read.

import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CaptureUplink, pcapHeader } from '../../../../host-shim/node/uplinks/capture.ts'
import { requireTool } from '../../../support/tools.ts'
import { frame, plug } from './socket.ts'

test('each frame is a record with its time and its length, in order', () => {
  const pieces: Buffer[] = []
  const before = Date.now()
  const port = plug((options) => new CaptureUplink(options, (records) => pieces.push(records)))
  const lengths = [60, 1514, 65535 + 14, 1]
  for (const [i, length] of lengths.entries()) assert.ok(port.send(frame(length, i)))
  const all = Buffer.concat(pieces)
  let at = 0
  for (const [i, length] of lengths.entries()) {
    const ms = all.readUInt32LE(at) * 1000 + all.readUInt32LE(at + 4) / 1e6
    assert.ok(ms >= before - 1000 && ms <= Date.now() + 1000)
    assert.ok(all.readUInt32LE(at + 4) < 1e9)
    assert.equal([all.readUInt32LE(at + 8), all.readUInt32LE(at + 12)], [length, length])
    assert.is(Buffer.compare(all.subarray(at + 16, at + 16 + length), frame(length, i)), 0)
    at += 16 + length
  }
  assert.is(at, all.length)
  assert.is(port.out.ring.length, 0)
})

test('after its end frames are still taken out, and nobody gets them', () => {
  const pieces: Buffer[] = []
  const port = plug((options) => new CaptureUplink(options, (records) => pieces.push(records)))
  port.uplink.close()
  assert.ok(port.send(frame(60, 1)))
  assert.is(port.out.ring.length, 0)
  assert.is(pieces.length, 0)
})

test('tcpdump reads it', () => {
  if (!requireTool('tcpdump', 'tcpdump')) return
  const arp = Buffer.from(
    `${'ff'.repeat(6)}0200000000010806000108000604000102000000000${'10a090002'}${'00'.repeat(6)}0a090001`,
    'hex',
  )
  const pieces: Buffer[] = [pcapHeader()]
  const port = plug((options) => new CaptureUplink(options, (records) => pieces.push(records)))
  port.send(arp)
  const { stdout } = spawnSync('tcpdump', ['-nr', '-'], { input: Buffer.concat(pieces), encoding: 'utf8' })
  assert.match(stdout, /ARP, Request who-has 10\.9\.0\.1 tell 10\.9\.0\.2/)
})

test.run()
