// The kernel's Internet checksum beside a plain one in TypeScript.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Lab } from './nat/lab.ts'
import { checksum } from './packets.ts'

const AT = 0x0400_0000

/** A small pseudo-random sequence. */
function sequence(seed: number): (below: number) => number {
  let state = (seed >>> 0) | 1
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const swap = (sum: number) => ((sum & 255) << 8) | (sum >> 8)

test('a checksum of any length is that of RFC 1071', () => {
  const lab = new Lab()
  const draw = sequence(lab.seed)
  const lengths = [0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 1500, 65535, ...Array.from({ length: 300 }, () => draw(3000))]
  for (const length of lengths) {
    // The kernel reads at any address, and no byte beyond the last.
    const at = AT + draw(16)
    const bytes = lab.bytes(at, length + 16).fill(0xff)
    for (let i = 0; i < length; i++) bytes[i] = draw(256)
    assert.is(swap(lab.kernel.checksumOf(at, length)), checksum(bytes.slice(0, length)), `${length} bytes`)
  }
})

test('a checksum does not run over with the largest words there are', () => {
  const lab = new Lab()
  lab.bytes(AT, 524_288).fill(0xff)
  assert.is(lab.kernel.checksumOf(AT, 524_288), 0)
  lab.bytes(AT, 1)[0] = 0xfe
  assert.is(swap(lab.kernel.checksumOf(AT, 524_288)), 0x0100)
})

test('a checksum of two pieces is that of the whole, wherever it is cut', () => {
  const lab = new Lab()
  const draw = sequence(lab.seed)
  for (let round = 0; round < 500; round++) {
    const bytes = Uint8Array.from({ length: 1 + draw(200) }, () => draw(256))
    const cut = draw(bytes.length + 1)
    const second = AT + 4096 + draw(8)
    lab.bytes(AT, cut).set(bytes.slice(0, cut))
    lab.bytes(second, bytes.length - cut).set(bytes.slice(cut))
    const sum = lab.kernel.checksumOfPieces(AT, cut, second, bytes.length - cut)
    assert.is(swap(sum), checksum(bytes), `${bytes.length} bytes cut at ${cut}`)
  }
})

test('a checksum that is amended for other words still says that nothing is wrong', () => {
  const lab = new Lab()
  const draw = sequence(lab.seed)
  for (let round = 0; round < 5000; round++) {
    const bytes = lab.bytes(AT, 40)
    for (let i = 0; i < 40; i++) bytes[i] = draw(8) === 0 ? 255 * draw(2) : draw(256)
    bytes.set([0, 0], 0)
    const sum = checksum(bytes.slice())
    bytes.set([sum >> 8, sum & 255], 0)
    const width = [2, 4, 8][draw(3)]!
    const value = BigInt.asUintN(64, (BigInt(draw(2 ** 32)) << 32n) | BigInt(draw(2 ** 32)))
    lab.kernel.replace(AT + 2 + 2 * draw(14), width, draw(4) === 0 ? 0n : value, AT)
    assert.is(checksum(bytes.slice()), 0, `round ${round}`)
  }
})

test('a checksum that was wrong stays wrong when it is amended', () => {
  const lab = new Lab()
  const bytes = lab.bytes(AT, 40)
  for (let i = 0; i < 40; i++) bytes[i] = i * 7
  const before = checksum(bytes.slice())
  assert.is.not(before, 0)
  lab.kernel.replace(AT + 10, 8, 0x0123_4567_89ab_cdefn, AT)
  assert.is(checksum(bytes.slice()), before)
})

test.run()
