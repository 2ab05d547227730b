// A: load-reserved, store-conditional, and the read-modify-write instructions, right for harts on several CPUs.
//
// A reservation is an address and the value seen there. SC stores by compare-and-swap against that value, so a store by
// anyone in between that changed it makes SC fail without anyone having to watch the address.

import { Guest } from "../guest/guest";
import * as access from "./access";
import { DEVICE, DONE } from "./access";
import { CAUSE_LOAD_ACCESS, CAUSE_LOAD_MISALIGNED, CAUSE_STORE_ACCESS, CAUSE_STORE_MISALIGNED } from "./csrs";
import { Hart } from "./hart";

export const FUNCT_ADD: u32 = 0x00;
const FUNCT_SWAP: u32 = 0x01;
export const FUNCT_LR: u32 = 0x02;
export const FUNCT_SC: u32 = 0x03;
export const FUNCT_XOR: u32 = 0x04;
export const FUNCT_OR: u32 = 0x08;
export const FUNCT_AND: u32 = 0x0c;
export const FUNCT_MIN: u32 = 0x10;
const FUNCT_MAX: u32 = 0x14;
const FUNCT_MINU: u32 = 0x18;
const FUNCT_MAXU: u32 = 0x1c;

/** Is `raw` an instruction of A? */
export function isLegal(raw: u32): bool {
  const width = raw >> 12 & 7;
  if (width != 2 && width != 3) return false;
  const funct = raw >> 27;
  if (funct == FUNCT_LR) return (raw >> 20 & 31) == 0;
  return (funct & 3) == 0 || funct == FUNCT_SWAP || funct == FUNCT_SC;
}

/** Executes it; access.DONE, TRAP or NO_FRAME. */
export function execute(hart: Hart, guest: Guest, raw: u32): u32 {
  const size: u32 = 1 << (raw >> 12 & 7);
  const funct = raw >> 27;
  const gva = hart.x(raw >> 15 & 31);
  if (funct == FUNCT_LR) return loadReserved(hart, raw, gva, size);
  if (funct == FUNCT_SC) return conditional(hart, guest, raw, gva, size);
  if ((gva & <u64>(size - 1)) != 0) return access.refuse(hart, gva, CAUSE_STORE_MISALIGNED);
  const result = access.writable(hart, guest, gva, size);
  if (result == DEVICE) return access.refuse(hart, gva, CAUSE_STORE_ACCESS);
  if (result != DONE) return result;
  const operand = hart.x(raw >> 20 & 31);
  const old = size == 8 ? modify64(access.target, funct, operand) : modify32(access.target, funct, <u32>operand);
  hart.setX(raw >> 7 & 31, old);
  return DONE;
}

/** Notes what LR saw. */
export function reserve(hart: Hart, gva: u64, size: u32, value: u64): void {
  hart.reservationAddress = gva;
  hart.reservationSize = size;
  hart.reservationValue = value;
}

function loadReserved(hart: Hart, raw: u32, gva: u64, size: u32): u32 {
  if ((gva & <u64>(size - 1)) != 0) return access.refuse(hart, gva, CAUSE_LOAD_MISALIGNED);
  const result = access.load_(hart, gva, size);
  if (result == DEVICE) return access.refuse(hart, gva, CAUSE_LOAD_ACCESS);
  if (result != DONE) return result;
  const value = size == 8 ? access.loaded : <u64><i64><i32>access.loaded;
  reserve(hart, gva, size, value);
  hart.setX(raw >> 7 & 31, value);
  return DONE;
}

function conditional(hart: Hart, guest: Guest, raw: u32, gva: u64, size: u32): u32 {
  const holds = hart.reservationSize == size && hart.reservationAddress == gva;
  hart.reservationSize = 0;
  const rd = raw >> 7 & 31;
  if (!holds) {
    if ((gva & <u64>(size - 1)) != 0) return access.refuse(hart, gva, CAUSE_STORE_MISALIGNED);
    hart.setX(rd, 1);
    return DONE;
  }
  const result = access.writable(hart, guest, gva, size);
  if (result == DEVICE) return access.refuse(hart, gva, CAUSE_STORE_ACCESS);
  if (result != DONE) return result;
  const value = hart.x(raw >> 20 & 31);
  const stored = size == 8
    ? swap64(access.target, hart.reservationValue, value)
    : swap32(access.target, <u32>hart.reservationValue, <u32>value);
  hart.setX(rd, stored ? 0 : 1);
  return DONE;
}

/** Stores `value` if the doubleword is `expected`: true. */
export function swap64(ptr: usize, expected: u64, value: u64): bool {
  if (ASC_FEATURE_THREADS) return atomic.cmpxchg<u64>(ptr, expected, value) == expected;
  if (load<u64>(ptr) != expected) return false;
  store<u64>(ptr, value);
  return true;
}

/** Stores `value` if the word is `expected`: true. */
export function swap32(ptr: usize, expected: u32, value: u32): bool {
  if (ASC_FEATURE_THREADS) return atomic.cmpxchg<u32>(ptr, expected, value) == expected;
  if (load<u32>(ptr) != expected) return false;
  store<u32>(ptr, value);
  return true;
}

/** Replaces the doubleword by the result; the old one. */
function modify64(ptr: usize, funct: u32, operand: u64): u64 {
  while (true) {
    const old = load<u64>(ptr);
    if (swap64(ptr, old, combine64(funct, old, operand))) return old;
  }
}

/** Replaces the word by the result; the old one, sign-extended. */
function modify32(ptr: usize, funct: u32, operand: u32): u64 {
  while (true) {
    const old = load<u32>(ptr);
    if (swap32(ptr, old, combine32(funct, old, operand))) return <u64><i64><i32>old;
  }
}

function combine64(funct: u32, old: u64, operand: u64): u64 {
  switch (funct) {
    case FUNCT_ADD: return old + operand;
    case FUNCT_XOR: return old ^ operand;
    case FUNCT_OR: return old | operand;
    case FUNCT_AND: return old & operand;
    case FUNCT_MIN: return <i64>old < <i64>operand ? old : operand;
    case FUNCT_MAX: return <i64>old > <i64>operand ? old : operand;
    case FUNCT_MINU: return old < operand ? old : operand;
    case FUNCT_MAXU: return old > operand ? old : operand;
    default: return operand;
  }
}

function combine32(funct: u32, old: u32, operand: u32): u32 {
  switch (funct) {
    case FUNCT_ADD: return old + operand;
    case FUNCT_XOR: return old ^ operand;
    case FUNCT_OR: return old | operand;
    case FUNCT_AND: return old & operand;
    case FUNCT_MIN: return <i32>old < <i32>operand ? old : operand;
    case FUNCT_MAX: return <i32>old > <i32>operand ? old : operand;
    case FUNCT_MINU: return old < operand ? old : operand;
    case FUNCT_MAXU: return old > operand ? old : operand;
    default: return operand;
  }
}

// The read-modify-write operations that the interpreter has in its loop; each gives the old value.

export function add32(ptr: usize, operand: u32): u32 {
  if (ASC_FEATURE_THREADS) return atomic.add<u32>(ptr, operand);
  const old = load<u32>(ptr);
  store<u32>(ptr, old + operand);
  return old;
}

export function add64(ptr: usize, operand: u64): u64 {
  if (ASC_FEATURE_THREADS) return atomic.add<u64>(ptr, operand);
  const old = load<u64>(ptr);
  store<u64>(ptr, old + operand);
  return old;
}

export function exchange32(ptr: usize, operand: u32): u32 {
  if (ASC_FEATURE_THREADS) return atomic.xchg<u32>(ptr, operand);
  const old = load<u32>(ptr);
  store<u32>(ptr, operand);
  return old;
}

export function exchange64(ptr: usize, operand: u64): u64 {
  if (ASC_FEATURE_THREADS) return atomic.xchg<u64>(ptr, operand);
  const old = load<u64>(ptr);
  store<u64>(ptr, operand);
  return old;
}

export function or64(ptr: usize, operand: u64): u64 {
  if (ASC_FEATURE_THREADS) return atomic.or<u64>(ptr, operand);
  const old = load<u64>(ptr);
  store<u64>(ptr, old | operand);
  return old;
}

export function and64(ptr: usize, operand: u64): u64 {
  if (ASC_FEATURE_THREADS) return atomic.and<u64>(ptr, operand);
  const old = load<u64>(ptr);
  store<u64>(ptr, old & operand);
  return old;
}
