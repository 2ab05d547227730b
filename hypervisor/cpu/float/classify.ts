/** fclass: a mask with one of ten bits set (RISC-V unprivileged ISA 20.9). */
import { fractionBits, isInfinite, isNan, isSignalling, isZero, magnitudeOf, signOf } from "./format";

const NEGATIVE_INFINITY: u64 = 1 << 0;
const NEGATIVE_NORMAL: u64 = 1 << 1;
const NEGATIVE_SUBNORMAL: u64 = 1 << 2;
const NEGATIVE_ZERO: u64 = 1 << 3;
const POSITIVE_ZERO: u64 = 1 << 4;
const POSITIVE_SUBNORMAL: u64 = 1 << 5;
const POSITIVE_NORMAL: u64 = 1 << 6;
const POSITIVE_INFINITY: u64 = 1 << 7;
const SIGNALLING_NAN: u64 = 1 << 8;
const QUIET_NAN: u64 = 1 << 9;

function classify<F>(a: u64): u64 {
  if (isNan<F>(a)) return isSignalling<F>(a) ? SIGNALLING_NAN : QUIET_NAN;
  const negative = signOf<F>(a) != 0;
  if (isInfinite<F>(a)) return negative ? NEGATIVE_INFINITY : POSITIVE_INFINITY;
  if (isZero<F>(a)) return negative ? NEGATIVE_ZERO : POSITIVE_ZERO;
  if (magnitudeOf<F>(a) >> fractionBits<F>() == 0) return negative ? NEGATIVE_SUBNORMAL : POSITIVE_SUBNORMAL;
  return negative ? NEGATIVE_NORMAL : POSITIVE_NORMAL;
}

export function f64Class(a: u64): u64 {
  return classify<u64>(a);
}

export function f32Class(a: u32): u64 {
  return classify<u32>(a);
}
