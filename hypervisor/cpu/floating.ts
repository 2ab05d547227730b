// F, D, Zfa and Zfhmin, each instruction in full: what the interpreter's fast paths leave over. Arithmetic lies in float/.

import * as add from "./float/add";
import * as classify from "./float/classify";
import * as compare from "./float/compare";
import * as convert from "./float/convert";
import * as division from "./float/div";
import * as flags from "./float/flags";
import * as fused from "./float/fma";
import * as half from "./float/half";
import * as literal from "./float/literal";
import * as mul from "./float/mul";
import * as round from "./float/round";
import * as root from "./float/sqrt";
import * as fpu from "./fpu";
import { Hart } from "./hart";

const BOX_SINGLE: u64 = 0xffff_ffff_0000_0000;
const BOX_HALF: u64 = 0xffff_ffff_ffff_0000;
const SIGN_SINGLE: u32 = 0x8000_0000;
const SIGN: u64 = 0x8000_0000_0000_0000;
const NAN_SINGLE: u32 = 0x7fc0_0000;
const NAN_HALF: u32 = 0x7e00;
const DYNAMIC: u32 = 7;

/** A register as a single: what is not NaN-boxed reads as the canonical NaN. */
function single(hart: Hart, i: u32): u32 {
  const bits = hart.f(i);
  return bits >> 32 == 0xffff_ffff ? <u32>bits : NAN_SINGLE;
}

function halfOf(hart: Hart, i: u32): u32 {
  const bits = hart.f(i);
  return (bits & BOX_HALF) == BOX_HALF ? <u32>bits & 0xffff : NAN_HALF;
}

/** Rounding mode of an instruction, 5 or more: none, the instruction is illegal. */
function rounding(hart: Hart, raw: u32): u32 {
  const rm = raw >> 12 & 7;
  return rm == DYNAMIC ? hart.frm : rm;
}

/** Ends an instruction that wrote float register `rd`. */
function double_(hart: Hart, rd: u32, bits: u64): bool {
  hart.setF(rd, bits);
  fpu.raise(hart, flags.take());
  return true;
}

function single_(hart: Hart, rd: u32, bits: u32): bool {
  return double_(hart, rd, BOX_SINGLE | <u64>bits);
}

/** Ends an instruction that wrote integer register `rd`; FS gets dirty only with a flag (QEMU does the same). */
function integer_(hart: Hart, rd: u32, value: u64): bool {
  hart.setX(rd, value);
  const raised = flags.take();
  if (raised != 0) fpu.raise(hart, raised);
  return true;
}

/** Executes an instruction of opcode OP-FP (0x53); false: illegal. */
export function execute(hart: Hart, raw: u32): bool {
  if (!fpu.isOn(hart)) return false;
  const format = raw >> 25 & 3;
  return format == 0 ? executeSingle(hart, raw) : format == 1 ? executeDouble(hart, raw) : format == 2 && executeHalf(hart, raw);
}

/** Executes FMADD, FMSUB, FNMSUB, FNMADD (0x43, 0x47, 0x4b, 0x4f); false: illegal. */
export function executeFused(hart: Hart, raw: u32): bool {
  if (!fpu.isOn(hart)) return false;
  const rm = rounding(hart, raw);
  if (rm > 4) return false;
  const rd = raw >> 7 & 31;
  const kind = raw >> 2 & 3;
  const negateProduct = kind >= 2;
  const negateAddend = kind == 1 || kind == 3;
  const format = raw >> 25 & 3;
  const a = raw >> 15 & 31;
  const b = raw >> 20 & 31;
  const c = raw >> 27;
  if (format == 1) {
    return double_(hart, rd, fused.f64MulAdd(
      hart.f(a) ^ (negateProduct ? SIGN : 0), hart.f(b), hart.f(c) ^ (negateAddend ? SIGN : 0), rm));
  }
  if (format == 0) {
    return single_(hart, rd, fused.f32MulAdd(
      single(hart, a) ^ (negateProduct ? SIGN_SINGLE : 0), single(hart, b), single(hart, c) ^ (negateAddend ? SIGN_SINGLE : 0), rm));
  }
  return false;
}

function executeDouble(hart: Hart, raw: u32): bool {
  const rd = raw >> 7 & 31;
  const a = hart.f(raw >> 15 & 31);
  const rs2 = raw >> 20 & 31;
  const b = hart.f(rs2);
  const funct3 = raw >> 12 & 7;
  const rm = rounding(hart, raw);
  const x = hart.x(raw >> 15 & 31);
  const isRounding = rm < 5;
  switch (raw >> 27) {
    case 0x00: return isRounding && double_(hart, rd, add.f64Add(a, b, rm));
    case 0x01: return isRounding && double_(hart, rd, add.f64Sub(a, b, rm));
    case 0x02: return isRounding && double_(hart, rd, mul.f64Mul(a, b, rm));
    case 0x03: return isRounding && double_(hart, rd, division.f64Div(a, b, rm));
    case 0x0b: return isRounding && rs2 == 0 && double_(hart, rd, root.f64Sqrt(a, rm));
    case 0x04:
      if (funct3 == 0) return double_(hart, rd, a & ~SIGN | b & SIGN);
      if (funct3 == 1) return double_(hart, rd, a & ~SIGN | ~b & SIGN);
      return funct3 == 2 && double_(hart, rd, a ^ b & SIGN);
    case 0x05:
      if (funct3 == 0) return double_(hart, rd, compare.f64Min(a, b));
      if (funct3 == 1) return double_(hart, rd, compare.f64Max(a, b));
      if (funct3 == 2) return double_(hart, rd, compare.f64MinM(a, b));
      return funct3 == 3 && double_(hart, rd, compare.f64MaxM(a, b));
    case 0x08:
      if (!isRounding) return false;
      if (rs2 == 0) return double_(hart, rd, convert.f32ToF64(single(hart, raw >> 15 & 31)));
      if (rs2 == 2) return double_(hart, rd, half.f16ToF64(halfOf(hart, raw >> 15 & 31)));
      if (rs2 == 4) return double_(hart, rd, round.f64Round(a, rm, false));
      return rs2 == 5 && double_(hart, rd, round.f64Round(a, rm, true));
    case 0x14:
      if (funct3 == 0) return integer_(hart, rd, compare.f64Le(a, b));
      if (funct3 == 1) return integer_(hart, rd, compare.f64Lt(a, b));
      if (funct3 == 2) return integer_(hart, rd, compare.f64Eq(a, b));
      if (funct3 == 4) return integer_(hart, rd, compare.f64LeQuiet(a, b));
      return funct3 == 5 && integer_(hart, rd, compare.f64LtQuiet(a, b));
    case 0x18:
      if (rs2 == 8) return funct3 == 1 && integer_(hart, rd, convert.f64ToI32Modular(a));
      if (!isRounding) return false;
      if (rs2 == 0) return integer_(hart, rd, convert.f64ToI32(a, rm));
      if (rs2 == 1) return integer_(hart, rd, convert.f64ToU32(a, rm));
      if (rs2 == 2) return integer_(hart, rd, convert.f64ToI64(a, rm));
      return rs2 == 3 && integer_(hart, rd, convert.f64ToU64(a, rm));
    case 0x1a:
      if (!isRounding) return false;
      if (rs2 == 0) return double_(hart, rd, convert.i32ToF64(<i32>x, rm));
      if (rs2 == 1) return double_(hart, rd, convert.u32ToF64(<u32>x, rm));
      if (rs2 == 2) return double_(hart, rd, convert.i64ToF64(<i64>x, rm));
      return rs2 == 3 && double_(hart, rd, convert.u64ToF64(x, rm));
    case 0x1c:
      if (rs2 != 0) return false;
      if (funct3 == 0) return integer_(hart, rd, a);
      return funct3 == 1 && integer_(hart, rd, classify.f64Class(a));
    case 0x1e:
      if (funct3 != 0) return false;
      if (rs2 == 0) return double_(hart, rd, x);
      return rs2 == 1 && double_(hart, rd, literal.f64Literal(raw >> 15 & 31));
    default: return false;
  }
}

function executeSingle(hart: Hart, raw: u32): bool {
  const rd = raw >> 7 & 31;
  const rs1 = raw >> 15 & 31;
  const a = single(hart, rs1);
  const rs2 = raw >> 20 & 31;
  const b = single(hart, rs2);
  const funct3 = raw >> 12 & 7;
  const rm = rounding(hart, raw);
  const x = hart.x(rs1);
  const isRounding = rm < 5;
  switch (raw >> 27) {
    case 0x00: return isRounding && single_(hart, rd, add.f32Add(a, b, rm));
    case 0x01: return isRounding && single_(hart, rd, add.f32Sub(a, b, rm));
    case 0x02: return isRounding && single_(hart, rd, mul.f32Mul(a, b, rm));
    case 0x03: return isRounding && single_(hart, rd, division.f32Div(a, b, rm));
    case 0x0b: return isRounding && rs2 == 0 && single_(hart, rd, root.f32Sqrt(a, rm));
    case 0x04:
      if (funct3 == 0) return single_(hart, rd, a & ~SIGN_SINGLE | b & SIGN_SINGLE);
      if (funct3 == 1) return single_(hart, rd, a & ~SIGN_SINGLE | ~b & SIGN_SINGLE);
      return funct3 == 2 && single_(hart, rd, a ^ b & SIGN_SINGLE);
    case 0x05:
      if (funct3 == 0) return single_(hart, rd, compare.f32Min(a, b));
      if (funct3 == 1) return single_(hart, rd, compare.f32Max(a, b));
      if (funct3 == 2) return single_(hart, rd, compare.f32MinM(a, b));
      return funct3 == 3 && single_(hart, rd, compare.f32MaxM(a, b));
    case 0x08:
      if (!isRounding) return false;
      if (rs2 == 1) return single_(hart, rd, convert.f64ToF32(hart.f(rs1), rm));
      if (rs2 == 2) return single_(hart, rd, half.f16ToF32(halfOf(hart, rs1)));
      if (rs2 == 4) return single_(hart, rd, round.f32Round(a, rm, false));
      return rs2 == 5 && single_(hart, rd, round.f32Round(a, rm, true));
    case 0x14:
      if (funct3 == 0) return integer_(hart, rd, compare.f32Le(a, b));
      if (funct3 == 1) return integer_(hart, rd, compare.f32Lt(a, b));
      if (funct3 == 2) return integer_(hart, rd, compare.f32Eq(a, b));
      if (funct3 == 4) return integer_(hart, rd, compare.f32LeQuiet(a, b));
      return funct3 == 5 && integer_(hart, rd, compare.f32LtQuiet(a, b));
    case 0x18:
      if (!isRounding) return false;
      if (rs2 == 0) return integer_(hart, rd, convert.f32ToI32(a, rm));
      if (rs2 == 1) return integer_(hart, rd, convert.f32ToU32(a, rm));
      if (rs2 == 2) return integer_(hart, rd, convert.f32ToI64(a, rm));
      return rs2 == 3 && integer_(hart, rd, convert.f32ToU64(a, rm));
    case 0x1a:
      if (!isRounding) return false;
      if (rs2 == 0) return single_(hart, rd, convert.i32ToF32(<i32>x, rm));
      if (rs2 == 1) return single_(hart, rd, convert.u32ToF32(<u32>x, rm));
      if (rs2 == 2) return single_(hart, rd, convert.i64ToF32(<i64>x, rm));
      return rs2 == 3 && single_(hart, rd, convert.u64ToF32(x, rm));
    case 0x1c:
      if (rs2 != 0) return false;
      if (funct3 == 0) return integer_(hart, rd, <u64><i64><i32>hart.f(rs1));
      return funct3 == 1 && integer_(hart, rd, classify.f32Class(a));
    case 0x1e:
      if (funct3 != 0) return false;
      if (rs2 == 0) return single_(hart, rd, <u32>x);
      return rs2 == 1 && single_(hart, rd, literal.f32Literal(rs1));
    default: return false;
  }
}

/** Zfhmin: halves can be moved and converted, nothing else. */
function executeHalf(hart: Hart, raw: u32): bool {
  const rd = raw >> 7 & 31;
  const rs1 = raw >> 15 & 31;
  const rs2 = raw >> 20 & 31;
  const funct3 = raw >> 12 & 7;
  const rm = rounding(hart, raw);
  switch (raw >> 27) {
    case 0x08:
      if (rm > 4) return false;
      if (rs2 == 0) return double_(hart, rd, BOX_HALF | <u64>half.f32ToF16(single(hart, rs1), rm));
      return rs2 == 1 && double_(hart, rd, BOX_HALF | <u64>half.f64ToF16(hart.f(rs1), rm));
    case 0x1c: return funct3 == 0 && rs2 == 0 && integer_(hart, rd, <u64><i64><i16>hart.f(rs1));
    case 0x1e: return funct3 == 0 && rs2 == 0 && double_(hart, rd, BOX_HALF | hart.x(rs1) & 0xffff);
    default: return false;
  }
}
