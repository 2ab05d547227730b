// Wasm modules that are changed without a compiler.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import wabt from 'wabt'
import { fitImage } from '../../host-shim/wasm-image.ts'

const { parseWat } = await wabt()

const WITH_DATA = `(module
  (memory (export "memory") 1 65535)
  (data (i32.const 8) "own")
  (func (export "size") (result i32) (memory.size)))`
const WITHOUT_DATA = '(module (memory (export "memory") 2) (func (export "size") (result i32) (memory.size)))'
const WITH_COUNT = `(module
  (memory (export "memory") 1)
  (data $passive "later")
  (func (export "size") (result i32)
    (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 5))
    (memory.size)))`

function assemble(text: string): Uint8Array {
  return parseWat('image.wat', text, { bulk_memory: true }).toBinary({}).buffer
}

interface Image {
  size(): number
  memory: WebAssembly.Memory
}

function start(parts: Uint8Array[]): Image {
  return new WebAssembly.Instance(new WebAssembly.Module(Buffer.concat(parts))).exports as unknown as Image
}

function text(image: Image, at: number, length: number): string {
  return Buffer.from(image.memory.buffer, at, length).toString()
}

test('an image gets the memory that is asked for, and never less than it had', () => {
  for (const [asked, pages] of [
    [1, 2],
    [2, 2],
    [200, 200],
    [20_000, 20_000],
  ] as const) {
    assert.is(start(fitImage(assemble(WITHOUT_DATA), asked)).size(), pages)
  }
})

test('data lies where it was put, beside what the image had', () => {
  for (const wat of [WITH_DATA, WITHOUT_DATA, WITH_COUNT]) {
    const bytes = new Uint8Array(100_000).fill(7)
    const data = [
      { address: 64, bytes: Buffer.from('more') },
      { address: 70_000, bytes },
    ]
    const image = start(fitImage(assemble(wat), 3, data))
    assert.is(image.size(), 3)
    assert.is(text(image, 64, 4), 'more')
    assert.equal(new Uint8Array(image.memory.buffer, 70_000, bytes.length), bytes)
    if (wat === WITH_DATA) assert.is(text(image, 8, 3), 'own')
    if (wat === WITH_COUNT) assert.is(text(image, 0, 5), 'later')
  }
})

test('an address in the upper half of memory is one', () => {
  const parts = fitImage(assemble(WITH_DATA), 32_770, [{ address: 0x8000_0010, bytes: Buffer.from('high') }])
  assert.is(text(start(parts), 0x8000_0010, 4), 'high')
})

test('a machine that is larger than the image can be is refused', () => {
  assert.throws(() => fitImage(assemble(WITH_DATA), 65_536), /larger than the image can be/)
})

test('what is no image is refused, wherever it is cut off', () => {
  const image = assemble(WITH_DATA)
  assert.throws(() => fitImage(new Uint8Array(100), 1), /no image for WASI/)
  for (let length = 0; length < image.length; length++) {
    let parts: Uint8Array[]
    try {
      parts = fitImage(image.subarray(0, length), 2)
    } catch (error) {
      assert.match(String(error), /no image for WASI/)
      continue
    }
    // A module without its last sections is one, too.
    assert.ok(WebAssembly.validate(Buffer.concat(parts)) === WebAssembly.validate(image.slice(0, length)))
  }
})

test.run()
