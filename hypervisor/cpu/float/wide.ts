/** 128-bit arithmetic in pairs of words: WebAssembly multiplies 64 bits by 64 and keeps only the lower half. */

/** The upper 64 bits of a * b. */
export function multiplyHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff, aHigh = a >> 32;
  const bLow = b & 0xffffffff, bHigh = b >> 32;
  const cross = aHigh * bLow + (aLow * bLow >> 32); // cannot overflow: (2^32 - 1)^2 + 2^32 - 1 < 2^64
  const other = aLow * bHigh + (cross & 0xffffffff);
  return aHigh * bHigh + (cross >> 32) + (other >> 32);
}

/** The upper word of high:low >> count, for count >= 0. */
export function shiftedHigh(high: u64, count: i32): u64 {
  return count < 64 ? high >> count : 0;
}

/** The lower word of high:low >> count, for count >= 0; its bit 0 also tells whether a one fell out. */
export function shiftedLowSticky(high: u64, low: u64, count: i32): u64 {
  if (count == 0) return low;
  if (count < 64) {
    const up = <u64>(64 - count);
    return high << up | low >> count | (low << up != 0 ? 1 : 0);
  }
  if (count == 64) return high | (low != 0 ? 1 : 0);
  if (count < 128) return high >> count - 64 | ((high << 128 - count | low) != 0 ? 1 : 0);
  return (high | low) != 0 ? 1 : 0;
}
