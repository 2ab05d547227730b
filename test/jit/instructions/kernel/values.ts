// Operands that instructions can trip over, mixed with random ones.

import { below, next, once } from "../../../support/kernel/random";

const SPECIAL: usize = memory.data<u64>([
  0, 1, 2, 0x7f, 0x80, 0xff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000, 0x7fff_ffff_ffff_ffff,
  0x8000_0000_0000_0000, 0xffff_ffff_ffff_ffff, 0xffff_ffff_8000_0000, 0xffff_ffff_7fff_ffff, 0xffff_ffff_0000_0000,
  0x8000_0000_0000_0001, 0xffff_ffff_ffff_fffe, 0x00ff_00ff_00ff_00ff, 0x0100_0000_0000_0001, 63, 64, 31, 32,
]);
const SPECIALS: u32 = 26;

/** Zeros, subnormals, normal extremes, infinities, quiet and signalling NaNs, one and its neighbours, borders of integers. */
const DOUBLES: usize = memory.data<u64>([
  0, 1, 2, 0x000f_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x0010_0000_0000_0001, 0x0020_0000_0000_0000, 0x7fef_ffff_ffff_ffff,
  0x7ff0_0000_0000_0000, 0x7ff8_0000_0000_0000, 0x7ff0_0000_0000_0001, 0x7ff8_dead_beef_0001, 0x3ff0_0000_0000_0000,
  0x3ff0_0000_0000_0001, 0x3fef_ffff_ffff_ffff, 0x3fe0_0000_0000_0000, 0x3fdf_ffff_ffff_ffff, 0x3ff8_0000_0000_0000,
  0x4004_0000_0000_0000, 0x41df_ffff_ffc0_0000, 0x41df_ffff_ffe0_0000, 0x41e0_0000_0000_0000, 0x41e0_0000_0010_0000,
  0x41ef_ffff_ffe0_0000, 0x41ef_ffff_fff0_0000, 0x41f0_0000_0000_0000, 0x4330_0000_0000_0000, 0x433f_ffff_ffff_ffff,
  0x43df_ffff_ffff_ffff, 0x43e0_0000_0000_0000, 0x43ef_ffff_ffff_ffff, 0x43f0_0000_0000_0000, 0x47ef_ffff_e000_0000,
  0x47ef_ffff_f000_0000, 0x3810_0000_0000_0000, 0x380f_ffff_ffff_ffff, 0x36a0_0000_0000_0000, 0x3690_0000_0000_0000,
]);
const DOUBLES_COUNT: u32 = 38;

const SINGLES: usize = memory.data<u32>([
  0, 1, 2, 0x007f_ffff, 0x0080_0000, 0x0080_0001, 0x7f7f_ffff, 0x7f80_0000, 0x7fc0_0000, 0x7f80_0001, 0x7fc1_2345, 0x3f80_0000,
  0x3f80_0001, 0x3f7f_ffff, 0x3f00_0000, 0x3eff_ffff, 0x3fc0_0000, 0x4020_0000, 0x4eff_ffff, 0x4f00_0000, 0x4f00_0001,
  0x4f7f_ffff, 0x4f80_0000, 0x4b00_0000, 0x4b7f_ffff, 0x5eff_ffff, 0x5f00_0000, 0x5f7f_ffff, 0x5f80_0000,
]);
const SINGLES_COUNT: u32 = 29;

/** A 64-bit integer. */
export function integer(): u64 {
  switch (below(6)) {
    case 0: return load<u64>(SPECIAL + (<usize>below(SPECIALS) << 3));
    case 1: return <u64>(<i64>(next() << 1) >> 8 + <i64>below(56));
    case 2: return <u64><i64><i32>next();
    case 3: return next() & next() & next();
    case 4: return <u64>below(130) - 65;
    default: return next();
  }
}

/** A double: of any kind; few bits, so that results tie or are exact; near one, so that they stay in range. */
export function double(): u64 {
  const sign = next() & 0x8000_0000_0000_0000;
  switch (below(8)) {
    case 0: return sign | load<u64>(DOUBLES + (<usize>below(DOUBLES_COUNT) << 3));
    case 1: return next();
    case 2: return sign | <u64>(1023 - 40 + below(80)) << 52 | next() >> 12 & ~((<u64>1 << <u64>below(52)) - 1);
    case 3: return reinterpret<u64>(<f64><i64>(<i64>next() >> 40 + <i64>below(24)));
    case 4: return sign | <u64>(1023 - 70 + below(140)) << 52 | next() >> 12;
    case 5: return sign | <u64>(below(2) == 0 ? below(120) : 1927 + below(120)) << 52 | next() >> 12;
    case 6: return sign | <u64>(1023 + below(66)) << 52 | next() >> 12;
    default: return sign | <u64>(1023 - 2 + below(4)) << 52 | next() >> 12;
  }
}

/** A single as a register holds it; seldom one that is not boxed. */
export function single(): u64 {
  if (once(40)) return next() & 0xffff_ffff | <u64>(once(2) ? 0xffff_fffe : below(3)) << 32;
  return 0xffff_ffff_0000_0000 | <u64>singleBits();
}

function singleBits(): u32 {
  const bits = <u32>next();
  const sign = bits & 0x8000_0000;
  switch (below(8)) {
    case 0: return sign | load<u32>(SINGLES + (<usize>below(SINGLES_COUNT) << 2));
    case 1: return <u32>(next() >> 20);
    case 2: return sign | 127 - 15 + below(30) << 23 | <u32>(next() >> 41) & ~((<u32>1 << below(23)) - 1);
    case 3: return reinterpret<u32>(<f32>(<i32>next() >> <i32>below(24)));
    case 4: return sign | 127 - 40 + below(80) << 23 | <u32>(next() >> 41);
    case 5: return sign | (below(2) == 0 ? below(50) : 205 + below(50)) << 23 | <u32>(next() >> 41);
    case 6: return sign | 127 + below(66) << 23 | <u32>(next() >> 41);
    default: return sign | 127 - 2 + below(4) << 23 | <u32>(next() >> 41);
  }
}

/** From 2^-10 to 2^10. */
export function ordinaryDouble(): u64 {
  return <u64>(1023 - 10 + below(20)) << 52 | next() >> 12;
}

export function ordinarySingle(): u64 {
  return 0xffff_ffff_0000_0000 | <u64>(127 - 10 + below(20) << 23 | <u32>(next() >> 41));
}

/** A factor that makes the product with `a` so small that it, or the error of its rounding, is about to be no normal number. */
export function doubleFor(a: u64): u64 {
  const exponent = 1023 + 1023 - 1025 + <i64>below(80) - <i64>(a >> 52 & 0x7ff);
  return neighbour(next() & 0x8000_0000_0000_0000, exponent);
}

/** Something to add to the product of doubles `a` and `b`: nearly its negative, or a neighbour 50 to 110 places up or down. */
export function doubleNear(a: u64, b: u64): u64 {
  const product = reinterpret<u64>(reinterpret<f64>(a) * reinterpret<f64>(b));
  const exponent = <i64>(product >> 52 & 0x7ff);
  const sign = next() & 0x8000_0000_0000_0000;
  switch (below(6)) {
    case 0: return product ^ 0x8000_0000_0000_0000;
    case 1: return (product ^ sign) + <u64>(<i64>next() >> 12 + <i64>below(50));
    case 2: return neighbour(sign, exponent + 50 + below(8));
    case 3: return neighbour(sign, exponent - 50 - below(8));
    case 4: return neighbour(sign, exponent - 110 + below(220));
    default: return double();
  }
}

/** Few bits or a whole fraction, with this exponent if there is such. */
function neighbour(sign: u64, exponent: i64): u64 {
  if (exponent < 0 || exponent > 2046) return sign;
  const fraction = once(2) ? next() >> 12 : next() >> 12 & ~((<u64>1 << <u64>below(52)) - 1);
  return sign | <u64>exponent << 52 | fraction;
}

export function singleFor(a: u64): u64 {
  const exponent = 127 + 127 - 130 + <i32>below(50) - <i32>(a >> 23 & 0xff);
  return 0xffff_ffff_0000_0000 | <u64>neighbourSingle(<u32>next() & 0x8000_0000, exponent);
}

export function singleNear(a: u64, b: u64): u64 {
  const product = reinterpret<u32>(reinterpret<f32>(<u32>a) * reinterpret<f32>(<u32>b));
  const exponent = <i32>(product >> 23 & 0xff);
  const sign = <u32>next() & 0x8000_0000;
  let bits: u32 = 0;
  switch (below(6)) {
    case 0: bits = product ^ 0x8000_0000; break;
    case 1: bits = (product ^ sign) + <u32>(<i32>next() >> 9 + <i32>below(21)); break;
    case 2: bits = neighbourSingle(sign, exponent + 20 + <i32>below(9)); break;
    case 3: bits = neighbourSingle(sign, exponent - 20 - <i32>below(9)); break;
    case 4: bits = neighbourSingle(sign, exponent - 60 + <i32>below(120)); break;
    default: return single();
  }
  return 0xffff_ffff_0000_0000 | <u64>bits;
}

function neighbourSingle(sign: u32, exponent: i32): u32 {
  if (exponent < 0 || exponent > 254) return sign;
  const fraction = <u32>(next() >> 41);
  return sign | exponent << 23 | (once(2) ? fraction : fraction & ~((<u32>1 << below(23)) - 1));
}
