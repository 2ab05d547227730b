// Integer arithmetic that wasm has no instruction for: high products, RISC-V's division, carry-less products, orc.b.

/** High half of the unsigned product. */
export function mulhu(a: u64, b: u64): u64 {
  const aLow = a & 0xffff_ffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffff_ffff;
  const bHigh = b >> 32;
  const middle = aHigh * bLow + (aLow * bLow >> 32);
  const carry = aLow * bHigh + (middle & 0xffff_ffff);
  return aHigh * bHigh + (middle >> 32) + (carry >> 32);
}

/** High half of the signed product. */
export function mulh(a: u64, b: u64): u64 {
  return mulhu(a, b) - (<u64>(<i64>a >> 63) & b) - (<u64>(<i64>b >> 63) & a);
}

/** High half of signed times unsigned. */
export function mulhsu(a: u64, b: u64): u64 {
  return mulhu(a, b) - (<u64>(<i64>a >> 63) & b);
}

/** Division by zero gives -1, overflow the dividend (unprivileged spec, chapter "M"). */
export function div(a: u64, b: u64): u64 {
  // -1 apart: the one overflow is -2^63 / -1, and a negation wraps just as it should.
  return b == 0 ? ~(<u64>0) : b == ~(<u64>0) ? 0 - a : <u64>(<i64>a / <i64>b);
}

export function divu(a: u64, b: u64): u64 {
  return b == 0 ? ~(<u64>0) : a / b;
}

/** The remainder of a division by zero is the dividend, of the overflow 0. */
export function rem(a: u64, b: u64): u64 {
  return b == 0 ? a : <u64>(<i64>a % <i64>b);
}

export function remu(a: u64, b: u64): u64 {
  return b == 0 ? a : a % b;
}

export function divw(a: u32, b: u32): u64 {
  return b == 0 ? ~(<u64>0) : b == ~(<u32>0) ? <u64><i64><i32>(0 - a) : <u64><i64>(<i32>a / <i32>b);
}

export function divuw(a: u32, b: u32): u64 {
  return b == 0 ? ~(<u64>0) : <u64><i64><i32>(a / b);
}

export function remw(a: u32, b: u32): u64 {
  return <u64><i64>(b == 0 ? <i32>a : <i32>a % <i32>b);
}

export function remuw(a: u32, b: u32): u64 {
  return <u64><i64><i32>(b == 0 ? a : a % b);
}

/** Each byte that is not zero becomes 0xff (orc.b). */
export function orcB(a: u64): u64 {
  const low: u64 = 0x7f7f_7f7f_7f7f_7f7f;
  const high = ((a & low) + low | a) & ~low;
  return (high >> 7) * 0xff;
}

/** Low half of the carry-less product. */
export function clmul(a: u64, b: u64): u64 {
  let product: u64 = 0;
  for (let i: u64 = 0; i < 64; i++) if ((b >> i & 1) != 0) product ^= a << i;
  return product;
}

/** High half of the carry-less product. */
export function clmulh(a: u64, b: u64): u64 {
  let product: u64 = 0;
  for (let i: u64 = 1; i < 64; i++) if ((b >> i & 1) != 0) product ^= a >> 64 - i;
  return product;
}

/** Bits 126 … 63 of the carry-less product. */
export function clmulr(a: u64, b: u64): u64 {
  let product: u64 = 0;
  for (let i: u64 = 0; i < 64; i++) if ((b >> i & 1) != 0) product ^= a >> 63 - i;
  return product;
}
