/** Multiplication: f64Mul, f32Mul. */
import {
  bias, exponentOf, infinity, invalid, isNan, isSpecial, isZero, nanFrom, signOf, significandOf, withSign,
} from "./format";
import { pack } from "./pack";
import { multiplyHigh } from "./wide";

/**
 * The product of two significands: its leading one in bit 62 or 63, bit 0 sticky. Exact for singles.
 * Bit 63 is worth twice what the sum of the exponents says.
 */
export function product<F>(sigA: u64, sigB: u64): u64 {
  if (sizeof<F>() == 4) return (sigA >> 32) * (sigB >> 32); // 24 bits each: what is cut off is zero
  return multiplyHigh(sigA, sigB) | u64(sigA * sigB != 0);
}

function mul<F>(a: u64, b: u64, rm: u32): u64 {
  const sign = signOf<F>(a ^ b);
  if (isSpecial<F>(a) || isSpecial<F>(b)) {
    if (isNan<F>(a) || isNan<F>(b)) return nanFrom<F>(a, b);
    if (isZero<F>(a) || isZero<F>(b)) return invalid<F>();
    return withSign<F>(sign, infinity<F>());
  }
  if (isZero<F>(a) || isZero<F>(b)) return withSign<F>(sign, 0);
  const exponent = exponentOf<F>(a) + exponentOf<F>(b) - bias<F>() + 1;
  return pack<F>(sign, exponent, product<F>(significandOf<F>(a), significandOf<F>(b)), rm);
}

export function f64Mul(a: u64, b: u64, rm: u32): u64 {
  return mul<u64>(a, b, rm);
}

export function f32Mul(a: u32, b: u32, rm: u32): u32 {
  return <u32>mul<u32>(a, b, rm);
}
