// The machine's end of the management stream, with a program at the other end that says what it likes.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokenStream, Stream } from '../../../../host-shim/node/framed/stream.ts'
import { Ring } from '../../../../host-shim/ring.ts'
import { CALL_MACHINE_STATS, STREAM_HELLO, STREAM_RETURN, STREAM_VERSION } from '../../../../host-shim/stream.ts'
import { ABI_VERSION } from '../../../../hypervisor/abi.ts'
import { frame } from '../../../wasi/driver.ts'

const HELLO = frame(STREAM_HELLO, 0, new Uint8Array(Uint32Array.of(STREAM_VERSION, ABI_VERSION).buffer))
const answer = (wanted: number) => frame(STREAM_RETURN, 0, new Uint8Array(8 + wanted))

/** A stream from a program that has said these frames. */
function streamOf(...frames: Uint8Array[]): Stream {
  const from = Ring.create(4096)
  for (const bytes of frames) from.write(bytes)
  const nothing = () => undefined
  const sleep = () => assert.unreachable('it waits for more')
  const ends = { out: Ring.create(4096), in: from, wakes: () => 0, sleep }
  return new Stream({ ...ends, nudge: nothing, data: nothing, room: nothing })
}

test('a call is answered once, with as much of the window as it wanted', () => {
  const stream = streamOf(HELLO, answer(16))
  assert.is(stream.call(CALL_MACHINE_STATS, [], new Uint8Array(0), 16).window.length, 16)
  for (const length of [15, 17]) {
    const other = streamOf(HELLO, answer(length))
    assert.throws(() => other.call(CALL_MACHINE_STATS, [], new Uint8Array(0), 16), isBroken)
  }
  const twice = streamOf(HELLO, answer(0), answer(0))
  twice.call(CALL_MACHINE_STATS, [], new Uint8Array(0), 0)
  assert.throws(() => twice.take(), isBroken)
})

test('regression: an answer that nobody has asked for is not taken for that of the next call', () => {
  const stream = streamOf(HELLO, answer(0))
  stream.greet()
  assert.throws(() => stream.take(), isBroken)
})

function isBroken(error: unknown): boolean {
  return error instanceof BrokenStream
}

test.run()
