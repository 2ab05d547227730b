// Relocating: nothing of a function changes but where its calls go.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import initWabt from 'wabt'
import { OUT } from '../../build/artefact.ts'
import { relocate, usesRelaxedSimd } from '../../host-shim/relocate.ts'
import { sectionsOf, sizedItems } from '../../host-shim/wasm-image.ts'

const wabt = await initWabt()

/** Bodies of a module's functions. */
function bodiesOf(module: Uint8Array): Uint8Array[] {
  return sizedItems(sectionsOf(module).find(({ id }) => id === 10)!.content)
}

test('each function of the kernel stays as it is when its calls go where they went', () => {
  const bodies = bodiesOf(readFileSync(join(OUT, 'orlop.wasm')))
  assert.ok(bodies.length > 300)
  let calls = 0
  for (const body of bodies) {
    const same = relocate(body, (index) => {
      calls++
      return index
    })
    assert.equal(Buffer.concat(same), Buffer.from(body))
  }
  assert.ok(calls > 1000)
})

test('calls get the numbers that they are to have, whatever stands around them', () => {
  const text = `(module (memory 1 1 shared) (table 1 funcref)
    (func (param i32) (result i32)
      (local v128 f64)
      (local.set 2 (f64.const 0x1.10101p+3))
      (local.set 1 (v128.const i32x4 0x10101010 0x10101010 0x10101010 0x10101010))
      (block (block (br_table 0 1 0 (local.get 0))))
      (drop (call 0 (i32.const 16)))
      (drop (i64.const 0x1010101010101010))
      (drop (f32.const 0x1.0101p+3))
      (drop (i32.atomic.rmw.add offset=16 (local.get 0) (i32.const 16)))
      (atomic.fence)
      (memory.fill (i32.const 16) (i32.const 16) (i32.const 16))
      (drop (i8x16.extract_lane_u 15 (v128.load8_lane offset=16 15 (local.get 0) (local.get 1))))
      (drop (f64x2.extract_lane 0 (f64x2.relaxed_madd (local.get 1) (local.get 1) (local.get 1))))
      (call 1 (i32.const 16)))
    (func (param i32) (result i32) (local.get 0)))`
  const features = { threads: true, simd: true, relaxed_simd: true, bulk_memory: true }
  const [body] = bodiesOf(wabt.parseWat('calls.wat', text, features).toBinary({}).buffer)
  const called: number[] = []
  const moved = relocate(body!, (index) => {
    called.push(index)
    return index + 300
  })
  assert.equal(called, [0, 1])
  // Each number takes a byte more.
  assert.is(Buffer.concat(moved).length, body!.length + 2)
})

test('relaxed SIMD is told from all other instructions', () => {
  const features = { simd: true, relaxed_simd: true }
  const uses = (instruction: string) => {
    const text = `(module (func (local v128) (local.set 0 (${instruction} (local.get 0) (local.get 0)))))`
    return usesRelaxedSimd(bodiesOf(wabt.parseWat('simd.wat', text, features).toBinary({}).buffer)[0]!)
  }
  assert.ok(uses('i8x16.relaxed_swizzle'))
  assert.ok(uses('f64x2.relaxed_madd (local.get 0)'))
  assert.not(uses('i8x16.swizzle'))
  assert.not(uses('f64x2.pmax'), 'the last instruction before them')
  assert.not(bodiesOf(readFileSync(join(OUT, 'orlop.wasm'))).some(usesRelaxedSimd))
})

test.run()
