/**
 * Comparisons and extremes: Eq, Lt, Le, LtQuiet, LeQuiet, Min, Max, MinM, MaxM for both widths.
 * Comparisons give 0 or 1 as RISC-V writes it into an integer register; a NaN compares false with everything.
 */
import { NV, raise } from "./flags";
import { isNan, magnitudeOf, nanFrom, signOf } from "./format";

/** A number whose order is that of the patterns, minus zero just below plus zero. */
function rank<F>(a: u64): i64 {
  const magnitude = <i64>magnitudeOf<F>(a);
  return signOf<F>(a) != 0 ? -1 - magnitude : magnitude;
}

/** Whether a and b are both zero, of whatever sign: the one case where rank() and value disagree. */
function areZeros<F>(a: u64, b: u64): bool {
  return magnitudeOf<F>(a | b) == 0;
}

/** True if there is a NaN; raises NV for a signalling one, or for any if quiet is false. */
function isUnordered<F>(a: u64, b: u64, quiet: bool): bool {
  if (!isNan<F>(a) && !isNan<F>(b)) return false;
  if (quiet) nanFrom<F>(a, b);
  else raise(NV);
  return true;
}

function equal<F>(a: u64, b: u64): u64 {
  if (isUnordered<F>(a, b, true)) return 0;
  return u64(a == b || areZeros<F>(a, b));
}

function less<F>(a: u64, b: u64, quiet: bool): u64 {
  if (isUnordered<F>(a, b, quiet)) return 0;
  return u64(rank<F>(a) < rank<F>(b) && !areZeros<F>(a, b));
}

function lessOrEqual<F>(a: u64, b: u64, quiet: bool): u64 {
  if (isUnordered<F>(a, b, quiet)) return 0;
  return u64(rank<F>(a) <= rank<F>(b) || areZeros<F>(a, b));
}

/** IEEE 754-2019 minimumNumber and maximumNumber: a NaN yields to a number (RISC-V F 2.2). */
function extremeNumber<F>(a: u64, b: u64, larger: bool): u64 {
  if (isNan<F>(a) || isNan<F>(b)) {
    const none = nanFrom<F>(a, b);
    return !isNan<F>(a) ? a : !isNan<F>(b) ? b : none;
  }
  return rank<F>(a) > rank<F>(b) == larger ? a : b;
}

/** IEEE 754-2019 minimum and maximum: a NaN prevails (Zfa). */
function extreme<F>(a: u64, b: u64, larger: bool): u64 {
  if (isNan<F>(a) || isNan<F>(b)) return nanFrom<F>(a, b);
  return rank<F>(a) > rank<F>(b) == larger ? a : b;
}

export function f64Eq(a: u64, b: u64): u64 { return equal<u64>(a, b); }
export function f64Lt(a: u64, b: u64): u64 { return less<u64>(a, b, false); }
export function f64Le(a: u64, b: u64): u64 { return lessOrEqual<u64>(a, b, false); }
export function f64LtQuiet(a: u64, b: u64): u64 { return less<u64>(a, b, true); }
export function f64LeQuiet(a: u64, b: u64): u64 { return lessOrEqual<u64>(a, b, true); }
export function f64Min(a: u64, b: u64): u64 { return extremeNumber<u64>(a, b, false); }
export function f64Max(a: u64, b: u64): u64 { return extremeNumber<u64>(a, b, true); }
export function f64MinM(a: u64, b: u64): u64 { return extreme<u64>(a, b, false); }
export function f64MaxM(a: u64, b: u64): u64 { return extreme<u64>(a, b, true); }

export function f32Eq(a: u32, b: u32): u64 { return equal<u32>(a, b); }
export function f32Lt(a: u32, b: u32): u64 { return less<u32>(a, b, false); }
export function f32Le(a: u32, b: u32): u64 { return lessOrEqual<u32>(a, b, false); }
export function f32LtQuiet(a: u32, b: u32): u64 { return less<u32>(a, b, true); }
export function f32LeQuiet(a: u32, b: u32): u64 { return lessOrEqual<u32>(a, b, true); }
export function f32Min(a: u32, b: u32): u32 { return <u32>extremeNumber<u32>(a, b, false); }
export function f32Max(a: u32, b: u32): u32 { return <u32>extremeNumber<u32>(a, b, true); }
export function f32MinM(a: u32, b: u32): u32 { return <u32>extreme<u32>(a, b, false); }
export function f32MaxM(a: u32, b: u32): u32 { return <u32>extreme<u32>(a, b, true); }
