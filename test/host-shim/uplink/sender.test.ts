// The sending half of TCP: what it sends, what it sends again, and when it gives up.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Sender } from '../../../host-shim/uplink/tcp/sender.ts'
import { TCP_FIN } from '../../../host-shim/uplink/wire.ts'

const MSS = 1000
const FIRST = 0xffff_f000

function bench(window = 1 << 20) {
  const sent: { from: number; length: number; isFinish: boolean; text: number[] }[] = []
  const full = { isFull: false }
  const sender = new Sender((seq, flags, parts, length) => {
    if (full.isFull) return false
    const bytes = parts.flatMap((part) => [...part])
    assert.is(bytes.length, length)
    sent.push({ from: (seq - FIRST) | 0, length, isFinish: (flags & TCP_FIN) !== 0, text: bytes.slice(0, 2) })
    return true
  })
  sender.start(FIRST >>> 0, MSS, window, 1)
  return {
    sender,
    sent,
    full,
    ack: (to: number, now: number, open = window) => sender.acknowledge((FIRST + to) >>> 0, 1, open, true, now),
    take: () => sent.splice(0).map(({ from, length, isFinish }) => `${from}+${length}${isFinish ? ' fin' : ''}`),
  }
}

const noise = (length: number) => Uint8Array.from({ length }, (_, i) => i)

test('bytes go out in as few segments as there can be, and the end with the last', () => {
  const { sender, ack, take } = bench()
  sender.backlog.push(noise(70_000))
  sender.finish()
  sender.send(0)
  assert.equal(take(), ['0+65000', '65000+5000 fin'])
  assert.ok(ack(70_000, 5))
  assert.not.ok(sender.isFinished)
  assert.ok(ack(70_001, 5))
  assert.ok(sender.isFinished)
  assert.is(sender.dueAt, 0)
  assert.not.ok(ack(70_002, 5), 'what was never sent cannot be acknowledged')
})

test('no more goes out than the window takes, and a shut one is probed for as long as it is answered', () => {
  const { sender, ack, take } = bench(2500)
  sender.backlog.push(noise(10_000))
  sender.send(0)
  assert.equal(take(), ['0+2000'])
  ack(2000, 1, 0)
  sender.send(1)
  assert.equal(take(), [])
  let now = 1
  for (let i = 0; i < 100; i++) {
    assert.ok(sender.dueAt > now)
    now = sender.dueAt
    assert.ok(sender.expire(now))
    assert.equal(take(), ['2000+1'])
    ack(2000, now, 0)
  }
  ack(2000, now, 5000)
  sender.send(now)
  assert.equal(take(), ['2000+5000'])
})

test('three repeated acknowledgements bring the lost segment back, and a partial one the next', () => {
  const { sender, ack, take } = bench(200_000)
  sender.backlog.push(noise(150_000))
  sender.send(0)
  take()
  ack(1000, 1, 200_000)
  for (let i = 0; i < 2; i++) ack(1000, 2, 200_000)
  assert.equal(take(), [])
  ack(1000, 2, 200_000)
  assert.equal(take(), ['1000+1000'])
  ack(66_000, 3, 200_000)
  assert.equal(take(), ['66000+1000'])
  ack(150_000, 4, 200_000)
  assert.equal(take(), [])
  assert.is(sender.backlog.length, 0)
})

test('what is not acknowledged in time goes out again, more and more slowly, until there is no hope', () => {
  const { sender, take } = bench()
  sender.backlog.push(noise(500))
  sender.finish()
  sender.send(0)
  assert.equal(take(), ['0+500 fin'])
  const pauses: number[] = []
  let now = 0
  for (;;) {
    pauses.push(sender.dueAt - now)
    now = sender.dueAt
    if (!sender.expire(now)) break
    assert.equal(take(), ['0+500 fin'])
  }
  assert.equal(pauses.slice(0, 8), [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
  assert.ok(now > 15 * 60_000 && now < 20 * 60_000)
})

test('what finds no room is sent when there is some, from the same place on', () => {
  const { sender, full, take, sent } = bench()
  sender.backlog.push(noise(300))
  full.isFull = true
  sender.send(0)
  assert.equal(take(), [])
  full.isFull = false
  sender.backlog.push(noise(300))
  sender.send(0)
  assert.equal(sent[0]!.text, [0, 1])
  assert.equal(take(), ['0+600'])
})

test('many small pieces become one segment', () => {
  const { sender, ack, take } = bench()
  for (let i = 0; i < 20_000; i++) {
    sender.backlog.push(noise(3))
    if (i % 100 === 99) {
      sender.send(i)
      ack((i + 1) * 3, i)
    }
  }
  assert.is(sender.backlog.length, 0)
  assert.is(take().length, 200)
})

test.run()
