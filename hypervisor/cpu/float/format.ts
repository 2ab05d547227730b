/**
 * The three IEEE 754 formats, and how one of their bit patterns is taken apart.
 *
 * F names a format by the unsigned integer of its width: u64 double, u32 single, u16 half. It is known when the code is
 * compiled, so all that depends on it folds away. Patterns travel as u64, in the low bits, whatever the format.
 *
 * A finite number that is not zero is worked on as three plain values:
 *   sign         0 or 1
 *   exponent     biased as in F, but unbounded: subnormals have 0, -1, …
 *   significand  64 bits, the leading one in bit 63
 */
import { NV, raise } from "./flags";

/** The canonical NaNs: the only ones arithmetic ever gives (RISC-V unprivileged ISA 20.3). */
export const F64_NAN: u64 = 0x7ff8000000000000;
export const F32_NAN: u32 = 0x7fc00000;
export const F16_NAN: u32 = 0x7e00;

export const F64_SIGN: u64 = 0x8000000000000000;
export const F32_SIGN: u32 = 0x80000000;

export function fractionBits<F>(): i32 {
  return sizeof<F>() == 8 ? 52 : sizeof<F>() == 4 ? 23 : 10;
}

/** The exponent field of infinities and NaNs. */
export function topExponent<F>(): i32 {
  return sizeof<F>() == 8 ? 2047 : sizeof<F>() == 4 ? 255 : 31;
}

export function bias<F>(): i32 {
  return topExponent<F>() >> 1;
}

export function signShift<F>(): i32 {
  return i32(sizeof<F>()) * 8 - 1;
}

export function infinity<F>(): u64 {
  return u64(topExponent<F>()) << fractionBits<F>();
}

function quietBit<F>(): u64 {
  return <u64>1 << fractionBits<F>() - 1;
}

/** The canonical NaN. */
export function nan<F>(): u64 {
  return infinity<F>() | quietBit<F>();
}

/** 1 for negative patterns, minus zero and NaNs with the bit set among them. */
export function signOf<F>(a: u64): u64 {
  return a >> signShift<F>();
}

/** The pattern without its sign bit. */
export function magnitudeOf<F>(a: u64): u64 {
  return a & ((<u64>1 << signShift<F>()) - 1);
}

export function withSign<F>(sign: u64, magnitude: u64): u64 {
  return sign << signShift<F>() | magnitude;
}

export function isNan<F>(a: u64): bool {
  return magnitudeOf<F>(a) > infinity<F>();
}

export function isSignalling<F>(a: u64): bool {
  return isNan<F>(a) && (a & quietBit<F>()) == 0;
}

export function isInfinite<F>(a: u64): bool {
  return magnitudeOf<F>(a) == infinity<F>();
}

/** Infinity or NaN: no number that could be unpacked. */
export function isSpecial<F>(a: u64): bool {
  return magnitudeOf<F>(a) >= infinity<F>();
}

export function isZero<F>(a: u64): bool {
  return magnitudeOf<F>(a) == 0;
}

/** The exponent of a finite number that is not zero. */
export function exponentOf<F>(a: u64): i32 {
  const magnitude = magnitudeOf<F>(a);
  const field = <i32>(magnitude >> fractionBits<F>());
  return field != 0 ? field : 64 - fractionBits<F>() - <i32>clz<u64>(magnitude);
}

/** The significand of a finite number that is not zero. */
export function significandOf<F>(a: u64): u64 {
  const magnitude = magnitudeOf<F>(a);
  const hidden = <u64>1 << fractionBits<F>();
  return magnitude >= hidden
    ? (magnitude & hidden - 1 | hidden) << 63 - fractionBits<F>()
    : magnitude << clz<u64>(magnitude);
}

/** The result of an operation that has no answer. */
export function invalid<F>(): u64 {
  raise(NV);
  return nan<F>();
}

/** The result of an operation with a NaN among its operands: invalid only if one is signalling. */
export function nanFrom<F>(a: u64, b: u64): u64 {
  if (isSignalling<F>(a) || isSignalling<F>(b)) raise(NV);
  return nan<F>();
}
