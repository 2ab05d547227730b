/** Addition and subtraction: f64Add, f64Sub, f32Add, f32Sub. */
import {
  F32_SIGN, F64_SIGN, exponentOf, invalid, isInfinite, isNan, isSpecial, isZero, nanFrom, signOf, significandOf, withSign,
} from "./format";
import { signOfZeroSum } from "./mode";
import { pack, shiftRightSticky } from "./pack";

/**
 * Adds two finite numbers that are not zero, given as sign, exponent, significand of at most 62 bits. The smaller one is
 * shifted to the exponent of the larger and may lose bits into its sticky bit: if it loses any, the exponents differ by so
 * much that cancellation moves the result by a place or two, and the sticky bit stays below all bits that matter.
 * Masks instead of conditions, because sizes and signs of operands are seldom foreseen by a branch predictor.
 */
export function sum<F>(signA: u64, expA: i32, sigA: u64, signB: u64, expB: i32, sigB: u64, rm: u32): u64 {
  const distance = expA - expB;
  const swap = distance >> 31; // all ones if b has the larger exponent
  const exchange = (sigA ^ sigB) & u64(swap);
  const larger = (sigA ^ exchange) >> 1; // so that a sum has room for its carry
  const smaller = shiftRightSticky((sigB ^ exchange) >> 1, (distance ^ swap) - swap);
  const minus: u64 = 0 - (signA ^ signB); // all ones if the signs differ
  const total = larger + (smaller ^ minus) - minus;
  if (total == 0) return withSign<F>(signOfZeroSum(rm), 0);
  const below = minus & 0 - (total >> 63); // all ones if equal exponents hid that the other one is larger
  const sign = signA ^ (signA ^ signB) & u64(swap) ^ below & 1;
  return pack<F>(sign, expA - (distance & swap) + 1, (total ^ below) - below, rm);
}

function add<F>(a: u64, b: u64, rm: u32): u64 {
  if (isSpecial<F>(a) || isSpecial<F>(b)) {
    if (isNan<F>(a) || isNan<F>(b)) return nanFrom<F>(a, b);
    if (isInfinite<F>(a) && isInfinite<F>(b) && a != b) return invalid<F>();
    return isInfinite<F>(a) ? a : b;
  }
  if (isZero<F>(b)) {
    if (!isZero<F>(a) || a == b) return a;
    return withSign<F>(signOfZeroSum(rm), 0);
  }
  if (isZero<F>(a)) return b;
  return sum<F>(
    signOf<F>(a), exponentOf<F>(a), significandOf<F>(a),
    signOf<F>(b), exponentOf<F>(b), significandOf<F>(b), rm,
  );
}

export function f64Add(a: u64, b: u64, rm: u32): u64 {
  return add<u64>(a, b, rm);
}

/** a - b is a + -b, also for zeros; for a NaN the sign does not matter. */
export function f64Sub(a: u64, b: u64, rm: u32): u64 {
  return add<u64>(a, b ^ F64_SIGN, rm);
}

export function f32Add(a: u32, b: u32, rm: u32): u32 {
  return <u32>add<u32>(a, b, rm);
}

export function f32Sub(a: u32, b: u32, rm: u32): u32 {
  return <u32>add<u32>(a, b ^ F32_SIGN, rm);
}
