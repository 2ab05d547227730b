// The machine's clocks on Node.

/** Monotonic ns since some moment. `process.hrtime` is exact to the ns and on all supported versions among the fastest. */
export function now(): number {
  const [seconds, ns] = process.hrtime()
  return seconds * 1e9 + ns
}

/** ns since 1970-01-01 UTC; its resolution is that of `Date.now`, which is what a battery clock has at best. */
export function wall(): number {
  return Date.now() * 1e6
}
