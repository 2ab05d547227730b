/** Fused multiply-add, a * b + c rounded once: f64MulAdd, f32MulAdd. The other three forms only flip signs of operands. */
import { sum } from "./add";
import { NV, raise } from "./flags";
import {
  bias, exponentOf, infinity, invalid, isInfinite, isNan, isSignalling, isSpecial, isZero, nan, signOf, significandOf, withSign,
} from "./format";
import { signOfZeroSum } from "./mode";
import { pack } from "./pack";
import { product } from "./mul";
import { multiplyHigh, shiftedHigh, shiftedLowSticky } from "./wide";

/** The result when an operand is infinite or NaN. Infinity times zero is invalid even if c is a quiet NaN (RISC-V 20.6). */
function special<F>(a: u64, b: u64, c: u64): u64 {
  const sign = signOf<F>(a ^ b);
  if ((isInfinite<F>(a) && isZero<F>(b)) || (isZero<F>(a) && isInfinite<F>(b))) return invalid<F>();
  if (isNan<F>(a) || isNan<F>(b) || isNan<F>(c)) {
    if (isSignalling<F>(a) || isSignalling<F>(b) || isSignalling<F>(c)) raise(NV);
    return nan<F>();
  }
  if (!isInfinite<F>(a) && !isInfinite<F>(b)) return c;
  if (isInfinite<F>(c) && signOf<F>(c) != sign) return invalid<F>();
  return withSign<F>(sign, infinity<F>());
}

/** Rounds high:low, not zero, given the exponent of bit 127. */
function packWide(sign: u64, exponent: i32, high: u64, low: u64, rm: u32): u64 {
  if (high == 0) return pack<u64>(sign, exponent - 64, low, rm); // so much cancellation loses no bits
  const zeros = i32(clz<u64>(high));
  const significand = high << zeros | low >> 1 >> 63 - zeros;
  return pack<u64>(sign, exponent - zeros, significand | u64(low << zeros != 0), rm);
}

/** a * b + c for doubles, all finite and a * b not zero: the product has 106 bits, so the sum is made in 128. */
function wideMulAdd(a: u64, b: u64, c: u64, rm: u32): u64 {
  const sign = signOf<u64>(a ^ b);
  const sigA = significandOf<u64>(a), sigB = significandOf<u64>(b);
  let exponent = exponentOf<u64>(a) + exponentOf<u64>(b) - bias<u64>() + 2; // of bit 127, the product being halved below
  let high = multiplyHigh(sigA, sigB), low = sigA * sigB;
  if (isZero<u64>(c)) return packWide(sign, exponent - 1, high, low, rm);

  // Both terms are halved, so that a sum has room for its carry. The last bits of both are zero.
  low = high << 63 | low >> 1;
  high >>= 1;
  let highC = significandOf<u64>(c) >> 1, lowC: u64 = 0;
  const distance = exponent - 1 - exponentOf<u64>(c);
  if (distance >= 0) {
    lowC = shiftedLowSticky(highC, 0, distance);
    highC = shiftedHigh(highC, distance);
  } else {
    low = shiftedLowSticky(high, low, -distance);
    high = shiftedHigh(high, -distance);
    exponent -= distance;
  }
  if (signOf<u64>(c) == sign) {
    const total = low + lowC;
    return packWide(sign, exponent, high + highC + u64(total < low), total, rm);
  }
  if (high == highC && low == lowC) return withSign<u64>(signOfZeroSum(rm), 0);
  if (high > highC || (high == highC && low > lowC)) {
    return packWide(sign, exponent, high - highC - u64(low < lowC), low - lowC, rm);
  }
  return packWide(sign ^ 1, exponent, highC - high - u64(lowC < low), lowC - low, rm);
}

/** The same for singles: the product has 48 bits, so it is an exact term of an ordinary sum. */
function narrowMulAdd(a: u64, b: u64, c: u64, rm: u32): u64 {
  const sign = signOf<u32>(a ^ b);
  const exponent = exponentOf<u32>(a) + exponentOf<u32>(b) - bias<u32>() + 1;
  const significand = product<u32>(significandOf<u32>(a), significandOf<u32>(b));
  if (isZero<u32>(c)) return pack<u32>(sign, exponent, significand, rm);
  return sum<u32>(sign, exponent, significand, signOf<u32>(c), exponentOf<u32>(c), significandOf<u32>(c), rm);
}

function mulAdd<F>(a: u64, b: u64, c: u64, rm: u32): u64 {
  if (isSpecial<F>(a) || isSpecial<F>(b) || isSpecial<F>(c)) return special<F>(a, b, c);
  if (isZero<F>(a) || isZero<F>(b)) {
    const sign = signOf<F>(a ^ b);
    if (!isZero<F>(c) || signOf<F>(c) == sign) return c;
    return withSign<F>(signOfZeroSum(rm), 0);
  }
  return sizeof<F>() == 8 ? wideMulAdd(a, b, c, rm) : narrowMulAdd(a, b, c, rm);
}

export function f64MulAdd(a: u64, b: u64, c: u64, rm: u32): u64 {
  return mulAdd<u64>(a, b, c, rm);
}

export function f32MulAdd(a: u32, b: u32, c: u32, rm: u32): u32 {
  return <u32>mulAdd<u32>(a, b, c, rm);
}
