// What V8 is told before the kernel is instantiated. Such settings count for the whole process, and for what is compiled later.

import { setFlagsFromString } from 'node:v8'

/**
 * Relaxed SIMD has the only multiply-add of WebAssembly that rounds once (`f64x2.relaxed_madd`, where the processor has one).
 * V8 takes it without being asked from 11.4 on; Node 20 has 11.3, where it works and is still called experimental. A newer V8
 * would complain on stderr about a setting that it does not know any more, so the version decides.
 */
export const ENGINE_FLAGS: readonly string[] = isBefore(11, 4) ? ['--experimental-wasm-relaxed-simd'] : []

/**
 * Call it once in each thread that makes a machine; calling it again changes nothing.
 *
 * V8's checks of the stack stay on: without them translated code was not measurably faster, and too deep a call would end the
 * whole process instead of the machine.
 */
export function prepareEngine(): void {
  for (const flag of ENGINE_FLAGS) setFlagsFromString(flag)
}

/** Is this V8 older than that? Older than 11 it is never: Node 20 is the oldest that is supported. */
function isBefore(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = process.versions.v8.split('.').map(Number)
  return ownMajor === major && ownMinor < minor
}
