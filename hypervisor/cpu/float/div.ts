/** Division: f64Div, f32Div. */
import { DZ, raise } from "./flags";
import {
  bias, exponentOf, infinity, invalid, isInfinite, isNan, isZero, nanFrom, signOf, significandOf, withSign,
} from "./format";
import { pack } from "./pack";

/**
 * The quotient of two 53-bit integers with b <= a < 2b, as a significand with bit 0 sticky.
 * The machine's own division gives 53 bits of it, rounded to nearest; the exact remainder, which fits a word though its
 * terms do not, says whether that was too much, and yields the next bit and whether anything follows.
 */
function quotient(a: u64, b: u64): u64 {
  // a <= 2b - 1 and b < 2^53 keep the rounded quotient below 2, so its fraction field and a hidden one are all of it.
  const rounded = reinterpret<u64>(<f64>a / <f64>b);
  let digits = rounded & 0x000fffffffffffff | 0x0010000000000000;
  let remainder = (a << 52) - digits * b;
  const tooMuch = remainder >> 63;
  digits -= tooMuch;
  remainder = remainder + (b & 0 - tooMuch) << 1;
  // If the next bit is set, something follows: a quotient that ends there would have 54 bits, and so would the dividend.
  return digits << 11 | u64(remainder >= b) << 10 | u64(remainder != 0);
}

function div<F>(a: u64, b: u64, rm: u32): u64 {
  const sign = signOf<F>(a ^ b);
  if (isNan<F>(a) || isNan<F>(b)) return nanFrom<F>(a, b);
  if (isInfinite<F>(a)) return isInfinite<F>(b) ? invalid<F>() : withSign<F>(sign, infinity<F>());
  if (isInfinite<F>(b)) return withSign<F>(sign, 0);
  if (isZero<F>(b)) {
    if (isZero<F>(a)) return invalid<F>();
    raise(DZ);
    return withSign<F>(sign, infinity<F>());
  }
  if (isZero<F>(a)) return withSign<F>(sign, 0);
  const exponent = exponentOf<F>(a) - exponentOf<F>(b) + bias<F>();
  const dividend = significandOf<F>(a) >> 11, divisor = significandOf<F>(b) >> 11;
  const borrow = i32(dividend < divisor);
  return pack<F>(sign, exponent - borrow, quotient(dividend << borrow, divisor), rm);
}

export function f64Div(a: u64, b: u64, rm: u32): u64 {
  return div<u64>(a, b, rm);
}

export function f32Div(a: u32, b: u32, rm: u32): u32 {
  return <u32>div<u32>(a, b, rm);
}
