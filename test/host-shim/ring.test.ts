// A ring of bytes between two threads loses nothing and changes nothing.

import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { buildSync } from 'esbuild'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Ring } from '../../host-shim/ring.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

function readAll(ring: Ring): string {
  const target = new Uint8Array(ring.length)
  assert.is(ring.read(target), target.length)
  return new TextDecoder().decode(target)
}

test('a ring gives back what was put in, in order, also across its end', () => {
  const ring = Ring.create(16)
  let expected = ''
  for (let i = 0; i < 50; i++) {
    const text = `<${i}>`
    assert.is(ring.write(bytes(text)), text.length)
    expected += text
    if (i % 3 === 0) {
      assert.is(readAll(ring), expected)
      expected = ''
    }
  }
})

test('a full ring takes no more, and has room again once something was taken out', () => {
  const ring = Ring.create(8)
  assert.is(ring.write(bytes('0123456789')), 8)
  assert.is(ring.write(bytes('x')), 0)
  assert.is(ring.room, 0)
  const target = new Uint8Array(3)
  assert.is(ring.read(target), 3)
  assert.is(ring.write(bytes('89abc')), 3)
  assert.is(readAll(ring), '3456789a')
})

test('looking at bytes leaves them in the ring, and skipping takes them out', () => {
  const ring = Ring.create(8)
  ring.write(bytes('abcdef'))
  const target = new Uint8Array(4)
  assert.is(ring.peek(target), 4)
  assert.is(ring.length, 6)
  ring.skip(4)
  assert.is(readAll(ring), 'ef')
})

test('who asks to be told is told once', () => {
  const ring = Ring.create(8)
  assert.is(ring.tellReader(), false)
  ring.askForBytes()
  ring.write(bytes('a'))
  assert.is(ring.tellReader(), true)
  assert.is(ring.tellReader(), false)
  ring.askForRoom()
  ring.skip(1)
  assert.is(ring.tellWriter(), true)
  assert.is(ring.tellWriter(), false)
})

test('counters that run over 32 bits do no harm', () => {
  const ring = Ring.create(16)
  const words = new Int32Array(ring.buffer, 0, 2)
  words.fill(-3)
  assert.is(ring.length, 0)
  assert.is(ring.write(bytes('0123456789')), 10)
  assert.is(ring.length, 10)
  assert.is(ring.room, 6)
  assert.is(readAll(ring), '0123456789')
})

test('a megabyte goes through a small ring between two threads unharmed', async () => {
  const ring = Ring.create(1024)
  const total = 1 << 20
  const entryPoints = [fileURLToPath(new URL('./ring-writer.ts', import.meta.url))]
  const { outputFiles } = buildSync({ entryPoints, bundle: true, platform: 'node', format: 'cjs', write: false })
  const worker = new Worker(outputFiles[0]!.text, { eval: true, workerData: { buffer: ring.buffer, total } })
  const ended = once(worker, 'exit')
  const target = new Uint8Array(700)
  let read = 0
  while (read < total) {
    const count = ring.read(target)
    for (let i = 0; i < count; i++)
      if (target[i] !== ((read + i) * 7) % 251) assert.unreachable(`byte ${read + i} is wrong`)
    read += count
    if (count === 0) await new Promise(setImmediate)
  }
  await ended
  assert.is(ring.length, 0)
})

test.run()
