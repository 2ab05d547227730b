// Writes wasm: bytes, LEB128 numbers, instructions. One writer per worker; it writes where `open` said.

// Types
export const I32: u32 = 0x7f;
export const I64: u32 = 0x7e;
export const F32: u32 = 0x7d;
export const F64: u32 = 0x7c;
/** Block without parameters and results. */
export const NOTHING: u32 = 0x40;

// Control
export const BLOCK: u32 = 0x02;
export const LOOP: u32 = 0x03;
export const IF: u32 = 0x04;
export const ELSE: u32 = 0x05;
export const END: u32 = 0x0b;
export const BR: u32 = 0x0c;
export const BR_IF: u32 = 0x0d;
export const BR_TABLE: u32 = 0x0e;
export const RETURN: u32 = 0x0f;
export const CALL: u32 = 0x10;
export const DROP: u32 = 0x1a;
export const SELECT: u32 = 0x1b;
export const LOCAL_GET: u32 = 0x20;
export const LOCAL_SET: u32 = 0x21;
export const LOCAL_TEE: u32 = 0x22;
export const UNREACHABLE: u32 = 0x00;

// Memory
export const I32_LOAD: u32 = 0x28;
export const I64_LOAD: u32 = 0x29;
export const F32_LOAD: u32 = 0x2a;
export const F64_LOAD: u32 = 0x2b;
export const I64_LOAD8_S: u32 = 0x30;
export const I64_LOAD8_U: u32 = 0x31;
export const I64_LOAD16_S: u32 = 0x32;
export const I64_LOAD16_U: u32 = 0x33;
export const I64_LOAD32_S: u32 = 0x34;
export const I64_LOAD32_U: u32 = 0x35;
export const I32_STORE: u32 = 0x36;
export const I64_STORE: u32 = 0x37;
export const F32_STORE: u32 = 0x38;
export const F64_STORE: u32 = 0x39;
export const I64_STORE8: u32 = 0x3c;
export const I64_STORE16: u32 = 0x3d;
export const I64_STORE32: u32 = 0x3e;

// Constants
export const I32_CONST: u32 = 0x41;
export const I64_CONST: u32 = 0x42;
export const F32_CONST: u32 = 0x43;
export const F64_CONST: u32 = 0x44;

// i32
export const I32_EQZ: u32 = 0x45;
export const I32_EQ: u32 = 0x46;
export const I32_NE: u32 = 0x47;
export const I32_LT_S: u32 = 0x48;
export const I32_LT_U: u32 = 0x49;
export const I32_GT_S: u32 = 0x4a;
export const I32_GT_U: u32 = 0x4b;
export const I32_LE_S: u32 = 0x4c;
export const I32_LE_U: u32 = 0x4d;
export const I32_GE_S: u32 = 0x4e;
export const I32_GE_U: u32 = 0x4f;
export const I32_CLZ: u32 = 0x67;
export const I32_CTZ: u32 = 0x68;
export const I32_POPCNT: u32 = 0x69;
export const I32_ADD: u32 = 0x6a;
export const I32_SUB: u32 = 0x6b;
export const I32_MUL: u32 = 0x6c;
export const I32_DIV_S: u32 = 0x6d;
export const I32_DIV_U: u32 = 0x6e;
export const I32_REM_S: u32 = 0x6f;
export const I32_REM_U: u32 = 0x70;
export const I32_AND: u32 = 0x71;
export const I32_OR: u32 = 0x72;
export const I32_XOR: u32 = 0x73;
export const I32_SHL: u32 = 0x74;
export const I32_SHR_S: u32 = 0x75;
export const I32_SHR_U: u32 = 0x76;
export const I32_ROTL: u32 = 0x77;
export const I32_ROTR: u32 = 0x78;

// i64
export const I64_EQZ: u32 = 0x50;
export const I64_EQ: u32 = 0x51;
export const I64_NE: u32 = 0x52;
export const I64_LT_S: u32 = 0x53;
export const I64_LT_U: u32 = 0x54;
export const I64_GT_S: u32 = 0x55;
export const I64_GT_U: u32 = 0x56;
export const I64_LE_S: u32 = 0x57;
export const I64_LE_U: u32 = 0x58;
export const I64_GE_S: u32 = 0x59;
export const I64_GE_U: u32 = 0x5a;
export const I64_CLZ: u32 = 0x79;
export const I64_CTZ: u32 = 0x7a;
export const I64_POPCNT: u32 = 0x7b;
export const I64_ADD: u32 = 0x7c;
export const I64_SUB: u32 = 0x7d;
export const I64_MUL: u32 = 0x7e;
export const I64_DIV_S: u32 = 0x7f;
export const I64_DIV_U: u32 = 0x80;
export const I64_REM_S: u32 = 0x81;
export const I64_REM_U: u32 = 0x82;
export const I64_AND: u32 = 0x83;
export const I64_OR: u32 = 0x84;
export const I64_XOR: u32 = 0x85;
export const I64_SHL: u32 = 0x86;
export const I64_SHR_S: u32 = 0x87;
export const I64_SHR_U: u32 = 0x88;
export const I64_ROTL: u32 = 0x89;
export const I64_ROTR: u32 = 0x8a;

// f32 and f64
export const F32_EQ: u32 = 0x5b;
export const F32_NE: u32 = 0x5c;
export const F32_LT: u32 = 0x5d;
export const F32_GT: u32 = 0x5e;
export const F32_LE: u32 = 0x5f;
export const F32_GE: u32 = 0x60;
export const F64_EQ: u32 = 0x61;
export const F64_NE: u32 = 0x62;
export const F64_LT: u32 = 0x63;
export const F64_GT: u32 = 0x64;
export const F64_LE: u32 = 0x65;
export const F64_GE: u32 = 0x66;
export const F32_ABS: u32 = 0x8b;
export const F32_NEG: u32 = 0x8c;
export const F32_SQRT: u32 = 0x91;
export const F32_ADD: u32 = 0x92;
export const F32_SUB: u32 = 0x93;
export const F32_MUL: u32 = 0x94;
export const F32_DIV: u32 = 0x95;
export const F32_MIN: u32 = 0x96;
export const F32_MAX: u32 = 0x97;
export const F64_ABS: u32 = 0x99;
export const F64_NEG: u32 = 0x9a;
export const F64_CEIL: u32 = 0x9b;
export const F64_FLOOR: u32 = 0x9c;
export const F64_NEAREST: u32 = 0x9e;
export const F64_SQRT: u32 = 0x9f;
export const F64_ADD: u32 = 0xa0;
export const F64_SUB: u32 = 0xa1;
export const F64_MUL: u32 = 0xa2;
export const F64_DIV: u32 = 0xa3;
export const F64_MIN: u32 = 0xa4;
export const F64_MAX: u32 = 0xa5;
export const F64_COPYSIGN: u32 = 0xa6;

// Conversions
export const I32_WRAP_I64: u32 = 0xa7;
export const I64_EXTEND_I32_S: u32 = 0xac;
export const I64_EXTEND_I32_U: u32 = 0xad;
export const I32_TRUNC_F64_S: u32 = 0xaa;
export const I64_TRUNC_F64_S: u32 = 0xb0;
export const I64_TRUNC_F64_U: u32 = 0xb1;
export const F64_CONVERT_I32_S: u32 = 0xb7;
export const F64_CONVERT_I32_U: u32 = 0xb8;
export const F64_CONVERT_I64_S: u32 = 0xb9;
export const F64_CONVERT_I64_U: u32 = 0xba;
export const F32_CONVERT_I32_S: u32 = 0xb2;
export const F32_CONVERT_I32_U: u32 = 0xb3;
export const F32_CONVERT_I64_S: u32 = 0xb4;
export const F32_CONVERT_I64_U: u32 = 0xb5;
export const F32_DEMOTE_F64: u32 = 0xb6;
export const F64_PROMOTE_F32: u32 = 0xbb;
export const I32_REINTERPRET_F32: u32 = 0xbc;
export const I64_REINTERPRET_F64: u32 = 0xbd;
export const F32_REINTERPRET_I32: u32 = 0xbe;
export const F64_REINTERPRET_I64: u32 = 0xbf;
export const I32_EXTEND8_S: u32 = 0xc0;
export const I32_EXTEND16_S: u32 = 0xc1;
export const I64_EXTEND8_S: u32 = 0xc2;
export const I64_EXTEND16_S: u32 = 0xc3;
export const I64_EXTEND32_S: u32 = 0xc4;

// Vectors: behind the prefix
export const SIMD: u32 = 0xfd;
export const F32X4_SPLAT: u32 = 0x13;
export const F64X2_SPLAT: u32 = 0x14;
export const F32X4_EXTRACT_LANE: u32 = 0x1f;
export const F32X4_REPLACE_LANE: u32 = 0x20;
export const F64X2_EXTRACT_LANE: u32 = 0x21;
export const F32X4_NEG: u32 = 0xe1;
export const F32X4_RELAXED_MADD: u32 = 0x105;
export const F32X4_RELAXED_NMADD: u32 = 0x106;
export const F64X2_RELAXED_MADD: u32 = 0x107;
export const F64X2_RELAXED_NMADD: u32 = 0x108;

// Atomics: behind the prefix, on 32 bits; the same on 64 bits has the next number.
export const ATOMIC: u32 = 0xfe;
export const I32_ATOMIC_LOAD: u32 = 0x10;
export const I32_ATOMIC_RMW_ADD: u32 = 0x1e;
export const I32_ATOMIC_RMW_AND: u32 = 0x2c;
export const I32_ATOMIC_RMW_OR: u32 = 0x33;
export const I32_ATOMIC_RMW_XOR: u32 = 0x3a;
export const I32_ATOMIC_RMW_XCHG: u32 = 0x41;
export const I32_ATOMIC_RMW_CMPXCHG: u32 = 0x48;

/** Where the next byte goes. */
export let at: usize = 0;
let end: usize = 0;
/** More was written than there is room for: what was written is worth nothing. */
export let isFull: bool = false;

/** Begins to write at `ptr`, up to `limit`. */
export function open(ptr: usize, limit: usize): void {
  at = ptr;
  // An instruction of ours has at most 32 bytes between two looks at the limit.
  end = limit - 32;
  isFull = false;
}

/** Goes to another place: back to where the writer was before, or past what was copied there. */
export function rewind(ptr: usize): void {
  at = ptr;
  isFull = at >= end;
}

/** One byte; the numbers of one-byte instructions too. */
export function byte(value: u32): void {
  if (at >= end) {
    isFull = true;
    return;
  }
  store<u8>(at, <u8>value);
  at++;
}

/** Unsigned LEB128. */
export function unsigned(value: u32): void {
  while (value >= 0x80) {
    byte(value & 0x7f | 0x80);
    value >>= 7;
  }
  byte(value);
}

/** Signed LEB128. */
export function signed(value: i64): void {
  while (value < -64 || value > 63) {
    byte(<u32>value & 0x7f | 0x80);
    value >>= 7;
  }
  byte(<u32>value & 0x7f);
}

/** Unsigned LEB128 in five bytes, for a size that is known only later. */
export function reserve(): usize {
  const place = at;
  for (let i = 0; i < 5; i++) byte(0x80);
  return place;
}

/** Fills in what `reserve` kept room for. */
export function patch(place: usize, value: u32): void {
  for (let i: usize = 0; i < 4; i++) {
    store<u8>(place + i, <u8>(value & 0x7f | 0x80));
    value >>= 7;
  }
  store<u8>(place + 4, <u8>value);
}

/** `instruction` with one index: local.get and its like, br, call. */
export function indexed(instruction: u32, index: u32): void {
  byte(instruction);
  unsigned(index);
}

export function localGet(index: u32): void {
  indexed(LOCAL_GET, index);
}

export function localSet(index: u32): void {
  indexed(LOCAL_SET, index);
}

export function localTee(index: u32): void {
  indexed(LOCAL_TEE, index);
}

export function i32Const(value: i32): void {
  byte(I32_CONST);
  signed(value);
}

export function i64Const(value: i64): void {
  byte(I64_CONST);
  signed(value);
}

/** A load or store at a constant distance from the address on the stack; alignment is not promised. */
export function memory(instruction: u32, offset: u32): void {
  byte(instruction);
  byte(0);
  unsigned(offset);
}

/** An instruction behind a prefix byte (0xfc, 0xfd, 0xfe). */
export function prefixed(prefix: u32, instruction: u32): void {
  byte(prefix);
  unsigned(instruction);
}

/** All accesses before it happen before those behind it, for everybody. */
export function fence(): void {
  prefixed(ATOMIC, 3);
  byte(0);
}

/** The atomic access `instruction` (I32_ATOMIC_*) to the 4 or 8 bytes, as `log2` says, at the aligned address on the stack. */
export function atomic(instruction: u32, log2: u32): void {
  prefixed(ATOMIC, instruction + log2 - 2);
  byte(log2);
  byte(0);
}
