// What V8 is told before the kernel is instantiated. Such settings count for the whole process, and for what is compiled later.

import { setFlagsFromString } from 'node:v8'

/**
 * Call it once in each thread that makes a machine; calling it again changes nothing.
 *
 * Relaxed SIMD has the only multiply-add of WebAssembly that rounds once (`f64x2.relaxed_madd`, where the processor has one).
 * V8 takes it without being asked from 11.4 on; Node 20 has 11.3, where it works and is still called experimental. A newer V8
 * would complain on stderr about a setting that it does not know any more, so the version decides.
 *
 * V8's checks of the stack stay on: without them translated code was not measurably faster, and too deep a call would end the
 * whole process instead of the machine.
 */
export function prepareEngine(): void {
  const [major = 0, minor = 0] = process.versions.v8.split('.').map(Number)
  if (major === 11 && minor < 4) setFlagsFromString('--experimental-wasm-relaxed-simd')
}
