/**
 * Conversions between floats and integers, and between singles and doubles.
 * Integers come out as RISC-V writes them into a 64-bit register: 32-bit results, unsigned ones too, are sign-extended.
 */
import { NV, NX, raise } from "./flags";
import {
  bias, exponentOf, infinity, isInfinite, isNan, isSpecial, isZero, nan, nanFrom, signOf, significandOf, withSign,
} from "./format";
import { RTZ, roundsAway } from "./mode";
import { pack } from "./pack";

const I32_MAX: u64 = 0x7fffffff;
const I64_MAX: u64 = 0x7fffffffffffffff;

function signExtended(word: u64): u64 {
  return <u64><i64><i32>word;
}

/** Out of range, as RISC-V wants it: the nearest end of the range, and a NaN counts as too large. */
function saturated(negative: bool, most: u64, least: u64): u64 {
  raise(NV);
  return negative ? 0 - least : most;
}

/**
 * Rounds to an integer from -least to most, in two's complement; NV outside (table 27 of the F chapter), else NX if inexact.
 */
function toInteger<F>(a: u64, rm: u32, most: u64, least: u64): u64 {
  if (isZero<F>(a)) return 0;
  const sign = signOf<F>(a);
  if (isSpecial<F>(a)) return saturated(sign != 0 && !isNan<F>(a), most, least);
  const power = exponentOf<F>(a) - bias<F>();
  if (power > 63) return saturated(sign != 0, most, least);
  const significand = significandOf<F>(a);
  let magnitude = significand, rest: u64 = 0;
  if (power < 63) {
    const cut = 63 - power;
    magnitude = cut < 64 ? significand >> cut : 0;
    rest = cut < 64 ? significand << 64 - cut : cut == 64 ? significand : 1;
    magnitude += u64(roundsAway(sign, magnitude & 1, rest, rm));
  }
  if (magnitude > (sign != 0 ? least : most)) return saturated(sign != 0, most, least);
  if (rest != 0) raise(NX);
  return sign != 0 ? 0 - magnitude : magnitude;
}

function fromMagnitude<F>(sign: u64, magnitude: u64, rm: u32): u64 {
  if (magnitude == 0) return 0;
  return pack<F>(sign, bias<F>() + 63, magnitude, rm);
}

function fromSigned<F>(v: i64, rm: u32): u64 {
  return v < 0 ? fromMagnitude<F>(1, 0 - <u64>v, rm) : fromMagnitude<F>(0, <u64>v, rm);
}

/** From one float format to another: exact if To is the wider one. */
export function resize<From, To>(a: u64, rm: u32): u64 {
  const sign = signOf<From>(a);
  if (isNan<From>(a)) {
    nanFrom<From>(a, a);
    return nan<To>();
  }
  if (isInfinite<From>(a)) return withSign<To>(sign, infinity<To>());
  if (isZero<From>(a)) return withSign<To>(sign, 0);
  return pack<To>(sign, exponentOf<From>(a) - bias<From>() + bias<To>(), significandOf<From>(a), rm);
}

export function f64ToI32(a: u64, rm: u32): u64 { return toInteger<u64>(a, rm, I32_MAX, I32_MAX + 1); }
export function f64ToU32(a: u64, rm: u32): u64 { return signExtended(toInteger<u64>(a, rm, <u64>u32.MAX_VALUE, 0)); }
export function f64ToI64(a: u64, rm: u32): u64 { return toInteger<u64>(a, rm, I64_MAX, I64_MAX + 1); }
export function f64ToU64(a: u64, rm: u32): u64 { return toInteger<u64>(a, rm, u64.MAX_VALUE, 0); }
export function f32ToI32(a: u32, rm: u32): u64 { return toInteger<u32>(a, rm, I32_MAX, I32_MAX + 1); }
export function f32ToU32(a: u32, rm: u32): u64 { return signExtended(toInteger<u32>(a, rm, <u64>u32.MAX_VALUE, 0)); }
export function f32ToI64(a: u32, rm: u32): u64 { return toInteger<u32>(a, rm, I64_MAX, I64_MAX + 1); }
export function f32ToU64(a: u32, rm: u32): u64 { return toInteger<u32>(a, rm, u64.MAX_VALUE, 0); }

/** fcvtmod.w.d (Zfa): the truncated value modulo 2^32, with the flags of fcvt.w.d towards zero. */
export function f64ToI32Modular(a: u64): u64 {
  f64ToI32(a, RTZ);
  if (isSpecial<u64>(a) || isZero<u64>(a)) return 0;
  const power = exponentOf<u64>(a) - bias<u64>();
  if (power < 0 || power > 83) return 0; // beyond 2^83 even the last of 53 bits is a multiple of 2^32
  const significand = significandOf<u64>(a);
  const magnitude = power > 63 ? significand << power - 63 : significand >> 63 - power;
  return signExtended(signOf<u64>(a) != 0 ? 0 - magnitude : magnitude);
}

export function i32ToF64(v: i32, rm: u32): u64 { return fromSigned<u64>(v, rm); }
export function u32ToF64(v: u32, rm: u32): u64 { return fromMagnitude<u64>(0, v, rm); }
export function i64ToF64(v: i64, rm: u32): u64 { return fromSigned<u64>(v, rm); }
export function u64ToF64(v: u64, rm: u32): u64 { return fromMagnitude<u64>(0, v, rm); }
export function i32ToF32(v: i32, rm: u32): u32 { return <u32>fromSigned<u32>(v, rm); }
export function u32ToF32(v: u32, rm: u32): u32 { return <u32>fromMagnitude<u32>(0, v, rm); }
export function i64ToF32(v: i64, rm: u32): u32 { return <u32>fromSigned<u32>(v, rm); }
export function u64ToF32(v: u64, rm: u32): u32 { return <u32>fromMagnitude<u32>(0, v, rm); }

export function f64ToF32(a: u64, rm: u32): u32 { return <u32>resize<u64, u32>(a, rm); }

/** Exact, so it needs no rounding mode. */
export function f32ToF64(a: u32): u64 { return resize<u32, u64>(a, RTZ); }
