// Ethernet frames keep their borders, in a ring and on a stream.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FRAME_MAX, Frames, FrameSplitter } from '../../host-shim/frames.ts'

const frame = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 255)

function framed(frames: Uint8Array[]): Uint8Array {
  return Buffer.concat(
    frames.map((body) => {
      const head = Buffer.alloc(4)
      head.writeUInt32BE(body.length)
      return Buffer.concat([head, body])
    }),
  )
}

test('frames come out of a ring one by one, as they went in', () => {
  const frames = Frames.create(4096)
  const target = new Uint8Array(2000)
  for (let round = 0; round < 20; round++) {
    const sent = [frame(60, round), frame(1514, round + 1), frame(1, round + 2)]
    for (const one of sent) assert.is(frames.put(one), true)
    for (const one of sent) {
      assert.is(frames.take(target), one.length)
      assert.equal(target.slice(0, one.length), one)
    }
    assert.is(frames.take(target), 0)
  }
})

test('a frame without room is dropped whole, and the next one that fits is kept', () => {
  const frames = Frames.create(128)
  assert.is(frames.put(frame(100, 1)), true)
  assert.is(frames.put(frame(100, 2)), false)
  assert.is(frames.put(frame(10, 3)), true)
  const target = new Uint8Array(128)
  assert.is(frames.take(target), 100)
  assert.is(frames.take(target), 10)
  assert.is(target[0], 3)
})

test('a frame that is longer than its receiver can take is thrown away, the next one arrives', () => {
  const frames = Frames.create(4096)
  frames.put(frame(1500, 1))
  frames.put(frame(60, 2))
  const target = new Uint8Array(100)
  assert.is(frames.take(target), 60)
  assert.is(target[0], 2)
})

test('neither an empty frame nor one longer than QEMU would take is put', () => {
  const frames = Frames.create(1 << 18)
  assert.is(frames.put(new Uint8Array(0)), false)
  assert.is(frames.put(new Uint8Array(FRAME_MAX + 1)), false)
  assert.is(frames.put(new Uint8Array(FRAME_MAX)), true)
})

test('a frame that lies in several places arrives as one', () => {
  const frames = Frames.create(256)
  const whole = frame(100, 3)
  assert.is(frames.putParts([whole.subarray(0, 30), whole.subarray(30, 31), whole.subarray(31)]), true)
  assert.is(frames.putParts([whole, whole.subarray(0, 60)]), false)
  assert.is(frames.putParts([]), false)
  const target = new Uint8Array(128)
  assert.is(frames.take(target), 100)
  assert.equal(target.slice(0, 100), whole)
  assert.is(frames.take(target), 0)
})

test("the ring holds exactly what goes over QEMU's stream", () => {
  const frames = Frames.create(256)
  frames.put(frame(5, 9))
  const raw = new Uint8Array(frames.ring.length)
  frames.ring.read(raw)
  assert.equal(raw, new Uint8Array(framed([frame(5, 9)])))
})

test('a splitter finds the frames, in whatever pieces the stream comes', () => {
  const sent = [frame(1, 1), frame(1514, 2), frame(FRAME_MAX, 3), frame(60, 4)]
  const stream = framed(sent)
  for (const size of [1, 2, 3, 5, 7, 1000, 65536, stream.length]) {
    const splitter = new FrameSplitter()
    const got: Uint8Array[] = []
    for (let at = 0; at < stream.length; at += size) {
      assert.ok(splitter.push(stream.subarray(at, at + size), (one) => got.push(one.slice())))
    }
    assert.is(got.length, sent.length)
    for (const [i, one] of sent.entries()) assert.is(Buffer.compare(got[i]!, one), 0)
  }
})

test('a splitter gives up at a length that no frame has', () => {
  const take = () => assert.unreachable('there is no frame')
  assert.is(new FrameSplitter().push(Uint8Array.of(0, 0, 0, 0), take), false)
  assert.is(new FrameSplitter().push(new TextEncoder().encode('HTTP/1.1 400 Bad Request'), take), false)
})

test.run()
