/**
 * The five rounding modes as frm encodes them (RISC-V unprivileged ISA 20.2), and what they decide about an integer.
 * Every function of this room expects one of these five: dynamic and reserved encodings are the interpreter's business.
 */

export const RNE: u32 = 0; // to nearest, ties to even
export const RTZ: u32 = 1; // towards zero
export const RDN: u32 = 2; // down, towards minus infinity
export const RUP: u32 = 3; // up, towards plus infinity
export const RMM: u32 = 4; // to nearest, ties to the larger magnitude

const HALF: u64 = 0x8000000000000000;

/**
 * Whether a magnitude is rounded away from zero. `odd` is its last kept bit, `rest` the dropped fraction of one unit,
 * aligned to the top of the word (bit 63 is worth one half); sign is 1 for a negative number.
 */
export function roundsAway(sign: u64, odd: u64, rest: u64, rm: u32): bool {
  switch (rm) {
    case RNE: return rest > HALF || (rest == HALF && odd != 0);
    case RTZ: return false;
    case RDN: return rest != 0 && sign != 0;
    case RUP: return rest != 0 && sign == 0;
    default: return rest >= HALF;
  }
}

/** The sign of a sum that is exactly zero, though its terms are not (IEEE 754-2019, 6.3). */
export function signOfZeroSum(rm: u32): u64 {
  return rm == RDN ? 1 : 0;
}
