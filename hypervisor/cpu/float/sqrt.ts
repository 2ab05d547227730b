/** Square root: f64Sqrt, f32Sqrt. */
import { bias, exponentOf, invalid, isInfinite, isNan, isZero, nanFrom, signOf, significandOf } from "./format";
import { pack } from "./pack";

/**
 * The square root of a in [2^52, 2^54), as a significand with bit 0 sticky. The machine's own root gives 53 bits of it,
 * rounded to nearest; the exact remainder, which fits a word though its terms do not, says whether that was too much, and
 * yields the next bit and whether anything follows.
 */
function root(a: u64): u64 {
  // The largest a, twice a 53-bit integer, has a root that rounds to less than 2^27: fraction field and hidden one are all.
  const rounded = reinterpret<u64>(sqrt<f64>(<f64>a));
  let digits = rounded & 0x000fffffffffffff | 0x0010000000000000;
  let remainder = (a << 52) - digits * digits;
  const tooMuch = remainder >> 63;
  digits -= tooMuch;
  remainder = remainder + ((digits << 1) + 1 & 0 - tooMuch) << 2;
  const step = (digits << 2) + 1; // (2d + 1)^2 - (2d)^2
  // If the next bit is set, something follows: a root that ends there would have a square of more than 53 bits.
  return digits << 11 | u64(remainder >= step) << 10 | u64(remainder != 0);
}

function squareRoot<F>(a: u64, rm: u32): u64 {
  if (isNan<F>(a)) return nanFrom<F>(a, a);
  if (isZero<F>(a)) return a; // minus zero stays so
  if (signOf<F>(a) != 0) return invalid<F>();
  if (isInfinite<F>(a)) return a;
  const power = exponentOf<F>(a) - bias<F>();
  const odd = power & 1;
  return pack<F>(0, (power - odd >> 1) + bias<F>(), root(significandOf<F>(a) >> 11 << odd), rm);
}

export function f64Sqrt(a: u64, rm: u32): u64 {
  return squareRoot<u64>(a, rm);
}

export function f32Sqrt(a: u32, rm: u32): u32 {
  return <u32>squareRoot<u32>(a, rm);
}
