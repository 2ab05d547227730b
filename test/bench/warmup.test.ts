// When a program counts as warm, told from its own progress.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Slice, slicesOf, warmUpSeconds } from '../../bench/warmup.ts'

const SLICE = 0.05

/** Progress of a program whose speed, in steps a second, is a function of the time. */
function progress(seconds: number, speed: (at: number) => number): Slice[] {
  let steps = 0
  return Array.from({ length: Math.round(seconds / SLICE) }, (_, i) => {
    steps += speed(i * SLICE) * SLICE
    return { seconds: (i + 1) * SLICE, steps }
  })
}

function near(value: number, wanted: number): void {
  assert.ok(Math.abs(value - wanted) < 1e-9, `${value} is not ${wanted}`)
}

test('progress is read from what the program printed between other lines', () => {
  assert.equal(slicesOf('slice 50100 7\nhello\nslice 100250 15\nslice x 3\n'), [
    { seconds: 0.0501, steps: 7 },
    { seconds: 0.10025, steps: 15 },
  ])
})

test('a program that never gets faster is warm after its first slice', () => {
  near(warmUpSeconds(progress(6, () => 100)), SLICE)
})

test('a program is warm when it begins to run at nine tenths of its final speed', () => {
  near(warmUpSeconds(progress(6, (at) => (at < 0.999 ? 20 : 100))), 1)
  near(warmUpSeconds(progress(6, (at) => (at < 0.999 ? 91 : 100))), SLICE)
})

test('a short burst does not make a program warm', () => {
  const burst = (at: number) => (at > 0.499 && at < 0.549 ? 100 : at < 1.999 ? 20 : 100)
  near(warmUpSeconds(progress(6, burst)), 2)
})

test('a program that still gets faster in the end is not warm before its last third', () => {
  near(warmUpSeconds(progress(6, (at) => 10 ** at)), 4)
})

test('progress that is too short to tell a final speed is refused', () => {
  assert.throws(() => warmUpSeconds([]), /before its final speed/)
  assert.throws(() => warmUpSeconds(progress(0.5, () => 100)), /before its final speed/)
})

test.run()
