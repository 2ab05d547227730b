/**
 * The way back from sign, exponent and significand (see format.ts) to a bit pattern: here is where all rounding,
 * overflow and underflow of arithmetic happens.
 */
import { NX, OF, UF, raise } from "./flags";
import { fractionBits, infinity, withSign } from "./format";
import { RDN, RNE, RTZ } from "./mode";

/**
 * Shifts right by count >= 0 and keeps in bit 0 whether a one fell out. As long as two bits stay below the last kept one,
 * rounding the result is rounding the original.
 */
export function shiftRightSticky(a: u64, count: i32): u64 {
  if (count > 63) return a != 0 ? 1 : 0;
  const kept = a >> count;
  return kept | (kept << count != a ? 1 : 0);
}

/** What is added below the last kept bit so that cutting off rounds; rest is the mask of the bits to cut. */
function increment(sign: u64, rest: u64, rm: u32): u64 {
  if ((rm & 3) == RNE) return (rest >> 1) + 1; // RNE and RMM: one half
  return rm != RTZ && (rm == RDN) == (sign != 0) ? rest : 0;
}

/**
 * Rounds to F and raises NX, UF and OF. The significand is not zero; its leading one may stand anywhere, the exponent being
 * that of bit 63. Bit 0 may be sticky if the leading one is at most a few places down, so that it is never kept.
 * Underflow is tiny and inexact, tininess being judged after rounding (RISC-V unprivileged ISA 20.2).
 */
export function pack<F>(sign: u64, exponent: i32, significand: u64, rm: u32): u64 {
  const zeros = i32(clz<u64>(significand));
  significand <<= zeros;
  exponent -= zeros;
  const cut = 63 - fractionBits<F>();
  const restMask = (<u64>1 << cut) - 1;
  const added = increment(sign, restMask, rm);
  let tiny = false;
  if (exponent < 1) {
    // Not tiny after all, if rounding with an unbounded exponent carries, over bit 63, up to the smallest normal number.
    tiny = exponent < 0 || significand + added >= significand;
    significand = shiftRightSticky(significand, 1 - exponent);
    exponent = 1;
  }
  const rest = significand & restMask;
  const tie = u64(rm == RNE) & u64(rest == (restMask >> 1) + 1);
  const kept = (significand >> cut) + (rest + added >> cut) & ~tie;
  // Added, because kept holds the hidden bit, if there is one: that makes exponent - 1 the exponent, a carry the next.
  let magnitude = (<u64>(exponent - 1) << fractionBits<F>()) + kept;
  if (magnitude >= infinity<F>()) {
    raise(OF | NX);
    magnitude = added != 0 ? infinity<F>() : infinity<F>() - 1;
  } else {
    raise(u32(rest != 0) * (NX | u32(tiny) * UF)); // no branch: predictors seldom foresee whether a result is exact
  }
  return withSign<F>(sign, magnitude);
}
