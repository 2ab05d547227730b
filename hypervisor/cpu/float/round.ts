/** Rounding to an integer that stays a float (Zfa fround, froundnx): f64Round, f32Round. */
import { NX, raise } from "./flags";
import {
  bias, fractionBits, isNan, isZero, magnitudeOf, nanFrom, signOf, withSign,
} from "./format";
import { roundsAway } from "./mode";

/** `exact` asks for NX when the value changes (froundnx). A zero keeps the operand's sign. */
function round<F>(a: u64, rm: u32, exact: bool): u64 {
  if (isNan<F>(a)) return nanFrom<F>(a, a);
  const sign = signOf<F>(a), magnitude = magnitudeOf<F>(a);
  const power = <i32>(magnitude >> fractionBits<F>()) - bias<F>();
  if (power >= fractionBits<F>() || isZero<F>(a)) return a; // infinities too
  let kept: u64 = 0, unit = <u64>bias<F>() << fractionBits<F>(); // below one: zero, or the pattern of 1.0
  let odd: u64 = 0, rest: u64 = 1;
  if (power >= 0) {
    const cut = <u64>(fractionBits<F>() - power);
    unit = <u64>1 << cut;
    kept = magnitude & ~(unit - 1);
    rest = magnitude << 64 - cut;
    odd = magnitude >> cut & 1; // for 1.xxx this is the exponent's last bit: one, because every bias is odd
  } else if (power == -1) {
    rest = magnitude << 63 - fractionBits<F>() | <u64>1 << 63; // the hidden bit is worth one half
  }
  if (rest == 0) return a;
  if (exact) raise(NX);
  return withSign<F>(sign, roundsAway(sign, odd, rest, rm) ? kept + unit : kept);
}

export function f64Round(a: u64, rm: u32, exact: bool): u64 {
  return round<u64>(a, rm, exact);
}

export function f32Round(a: u32, rm: u32, exact: bool): u32 {
  return <u32>round<u32>(a, rm, exact);
}
