// One instruction in full, for all that cpu/burst.ts leaves: slow memory accesses, A, floats, SYSTEM, and what is illegal.

import { Guest } from "../guest/guest";
import * as access from "./access";
import { DEVICE, DONE, EXTEND_FLOAT, EXTEND_UNSIGNED } from "./access";
import * as atomics from "./atomic";
import { expand } from "./compressed";
import { CAUSE_ILLEGAL } from "./csrs";
import * as floating from "./floating";
import * as fpu from "./fpu";
import { EXIT_LOAD, EXIT_STORE, Hart } from "./hart";
import { clmul, clmulh, clmulr } from "./integer";
import * as system from "./system";
import { LEAVE } from "./system";

/**
 * Executes the instruction `raw` at hart.pc (16 bits of it, or 32 as its low bits say) and moves pc on.
 * access.DONE: it retired. SYNC, LEAVE + EXIT_*: see cpu/system.ts. TRAP: hart.trapCause. NO_FRAME: nothing happened.
 */
export function step(hart: Hart, guest: Guest, raw: u32): u32 {
  const isShort = (raw & 3) != 3;
  const length: u32 = isShort ? 2 : 4;
  const bits = isShort ? raw & 0xffff : raw;
  const wide = isShort ? expand(bits) : raw;
  const next = hart.pc + length;
  if (wide == 0) return access.refuse(hart, bits, CAUSE_ILLEGAL);
  let legal: bool = false;
  switch (wide >> 2 & 31) {
    case 0x00: return readInteger(hart, wide, bits, next, length);
    case 0x01: return readFloat(hart, wide, bits, next, length);
    case 0x03:
      if ((wide >> 12 & 7) == 2) return system.cacheBlock(hart, guest, wide, next);
      if ((wide >> 12 & 7) < 2) return system.hint(hart, wide, next);
      break;
    case 0x08: return writeInteger(hart, wide, bits, next, length);
    case 0x09: return writeFloat(hart, wide, bits, next, length);
    case 0x0b: {
      if (!atomics.isLegal(wide)) break;
      const result = atomics.execute(hart, guest, wide);
      if (result == DONE) hart.pc = next;
      return result;
    }
    case 0x0c: legal = carryless(hart, wide); break;
    case 0x10: case 0x11: case 0x12: case 0x13: legal = floating.executeFused(hart, wide); break;
    case 0x14: legal = floating.execute(hart, wide); break;
    case 0x1c: return system.execute(hart, guest, wide, next);
    default:
  }
  if (!legal) return access.refuse(hart, bits, CAUSE_ILLEGAL);
  hart.pc = next;
  return DONE;
}

function readInteger(hart: Hart, wide: u32, bits: u32, next: u64, length: u32): u32 {
  const funct3 = wide >> 12 & 7;
  if (funct3 == 7) return access.refuse(hart, bits, CAUSE_ILLEGAL);
  return read(hart, wide, funct3 & 3 | ((funct3 & 4) != 0 ? EXTEND_UNSIGNED : 0), next, length);
}

function readFloat(hart: Hart, wide: u32, bits: u32, next: u64, length: u32): u32 {
  const funct3 = wide >> 12 & 7;
  if (funct3 < 1 || funct3 > 3 || !fpu.isOn(hart)) return access.refuse(hart, bits, CAUSE_ILLEGAL);
  const result = read(hart, wide, funct3 | EXTEND_FLOAT, next, length);
  if (result == DONE) fpu.touch(hart);
  return result;
}

function read(hart: Hart, wide: u32, extend: u32, next: u64, length: u32): u32 {
  const gva = hart.x(wide >> 15 & 31) + <u64>(<i64>(<i32>wide >> 20));
  const rd = wide >> 7 & 31;
  const result = access.load_(hart, gva, 1 << (extend & 7));
  if (result == DONE) {
    access.deliver(hart, rd, extend, access.loaded);
    hart.pc = next;
  } else if (result == DEVICE) {
    hart.exitRegister = rd;
    hart.exitExtend = extend;
    hart.exitLength = length;
    hart.missAddress = gva;
    return LEAVE + EXIT_LOAD;
  }
  return result;
}

function writeInteger(hart: Hart, wide: u32, bits: u32, next: u64, length: u32): u32 {
  const funct3 = wide >> 12 & 7;
  if (funct3 > 3) return access.refuse(hart, bits, CAUSE_ILLEGAL);
  return write(hart, wide, funct3, hart.x(wide >> 20 & 31), next, length);
}

function writeFloat(hart: Hart, wide: u32, bits: u32, next: u64, length: u32): u32 {
  const funct3 = wide >> 12 & 7;
  if (funct3 < 1 || funct3 > 3 || !fpu.isOn(hart)) return access.refuse(hart, bits, CAUSE_ILLEGAL);
  return write(hart, wide, funct3, hart.f(wide >> 20 & 31), next, length);
}

function write(hart: Hart, wide: u32, log2: u32, value: u64, next: u64, length: u32): u32 {
  const offset = <i64>(<i32>wide >> 20 & ~31 | <i32>(wide >> 7 & 31));
  const gva = hart.x(wide >> 15 & 31) + <u64>offset;
  const result = access.store_(hart, gva, 1 << log2, value);
  if (result == DONE) {
    hart.pc = next;
  } else if (result == DEVICE) {
    hart.exitValue = log2 == 3 ? value : value & (<u64>1 << (<u64>8 << log2)) - 1;
    hart.exitLength = length;
    hart.missAddress = gva;
    hart.pc = next;
    return LEAVE + EXIT_STORE;
  }
  return result;
}

/** Zbc: false for anything else. */
function carryless(hart: Hart, wide: u32): bool {
  if (wide >> 25 != 5) return false;
  const a = hart.x(wide >> 15 & 31);
  const b = hart.x(wide >> 20 & 31);
  const rd = wide >> 7 & 31;
  switch (wide >> 12 & 7) {
    case 1: hart.setX(rd, clmul(a, b)); return true;
    case 2: hart.setX(rd, clmulr(a, b)); return true;
    case 3: hart.setX(rd, clmulh(a, b)); return true;
    default: return false;
  }
}
