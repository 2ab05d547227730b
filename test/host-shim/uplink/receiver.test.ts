// The receiving half of TCP: whatever order, overlap or repetition segments come in, the bytes come out once and in order.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Receiver } from '../../../host-shim/uplink/tcp/receiver.ts'

const FIRST = 0xffff_ff00

function bench(room: number) {
  const got: number[] = []
  const receiver = new Receiver((bytes) => got.push(...bytes))
  receiver.start(FIRST)
  receiver.window(room, 1)
  return { receiver, got }
}

test('segments in any order make the stream', () => {
  const stream = Uint8Array.from({ length: 600 }, (_, i) => i * 7)
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(599), fc.integer({ min: 1, max: 120 })), { maxLength: 60 }), (pieces) => {
      const { receiver, got } = bench(600)
      const take = (from: number, length: number) => {
        const bytes = stream.subarray(from, from + length)
        receiver.take((FIRST + from) >>> 0, bytes, from + bytes.length === stream.length)
      }
      for (const [from, length] of pieces) take(from, length)
      assert.equal(got, [...stream.subarray(0, got.length)])
      for (let from = 0; from < stream.length; from += 100) take(from, 100)
      assert.equal(got, [...stream])
      assert.ok(receiver.isFinished)
      assert.is(receiver.strayBytes, 0)
      assert.is(receiver.next, (FIRST + 601) >>> 0)
    }),
  )
})

test('nothing is taken from beyond the window, and the window never shrinks', () => {
  const { receiver, got } = bench(100)
  assert.not.ok(receiver.take((FIRST + 100) >>> 0, new Uint8Array(10), false))
  assert.ok(receiver.take(FIRST, new Uint8Array(150), true))
  assert.is(got.length, 100)
  assert.not.ok(receiver.isFinished, 'its end lies beyond the window')
  assert.is(receiver.window(0, 1), 0)
  assert.is(receiver.window(64, 1), 64)
  assert.is(receiver.window(10, 1), 64)
  assert.is(receiver.window(100, 32), 96)
})

test('a sender cannot make us keep more than the window, in however many pieces', () => {
  const { receiver } = bench(1000)
  for (let i = 1; i < 1000; i++) {
    receiver.take((FIRST + i) >>> 0, new Uint8Array(1000 - i), false)
    assert.ok(receiver.strayBytes <= 1000)
  }
})

test.run()
