// F and D but for loads and stores, as wasm: which instruction is done by which file. They are told apart by their bits,
// because many have no operation of their own (cpu/decode.ts). What is not done here ends the region.
//
// No instruction here looks at mstatus.FS: the region is entered with FS dirty, or left at once.

import * as conversions from "./conversions";
import * as doubles from "./doubles";
import * as fused from "./fused";
import { Instruction } from "./instruction";
import * as singles from "./singles";

const DYNAMIC: u32 = 7;

// What can be done.
const FOREIGN: u32 = 0;
/** Fadd, fsub, fmul, fdiv. */
const ARITHMETIC: u32 = 1;
const ROOT: u32 = 2;
const SIGN: u32 = 3;
const EXTREME: u32 = 4;
const COMPARISON: u32 = 5;
/** Fcvt from the other format. */
const RESIZE: u32 = 6;
const TO_INTEGER: u32 = 7;
const FROM_INTEGER: u32 = 8;
const MOVE_TO_INTEGER: u32 = 9;
const MOVE_FROM_INTEGER: u32 = 10;
const CLASS: u32 = 11;
/** Fmadd and its like. */
const FUSED: u32 = 12;

/** Arithmetic is done only to nearest; where the mode is dynamic, the limits say whether it is that. */
function isNearest(rm: u32): bool {
  return rm == 0 || rm == DYNAMIC;
}

function roundingOf(raw: u32): u32 {
  return raw >> 12 & 7;
}

/** Conversions that are exact need no rounding mode, but a legal one. */
function isExact(raw: u32): bool {
  return roundingOf(raw) < 5;
}

function kindOf(raw: u32): u32 {
  const opcode = raw & 0x7f;
  const rm = roundingOf(raw);
  const rs2 = raw >> 20 & 31;
  const isSingle = (raw >> 25 & 3) == 0;
  if ((raw >> 25 & 3) > 1) return FOREIGN;
  if ((opcode & 0x73) == 0x43) return isNearest(rm) ? FUSED : FOREIGN;
  if (opcode != 0x53) return FOREIGN;
  switch (raw >> 27) {
    case 0x00: case 0x01: case 0x02: case 0x03: return isNearest(rm) ? ARITHMETIC : FOREIGN;
    case 0x0b: return isNearest(rm) && rs2 == 0 ? ROOT : FOREIGN;
    case 0x04: return rm < 3 ? SIGN : FOREIGN;
    case 0x05: return rm < 2 ? EXTREME : FOREIGN;
    case 0x08:
      if (isSingle) return rs2 == 1 && isNearest(rm) ? RESIZE : FOREIGN;
      return rs2 == 0 && (isExact(raw) || rm == DYNAMIC) ? RESIZE : FOREIGN;
    case 0x14: return rm < 3 ? COMPARISON : FOREIGN;
    case 0x18: return rs2 < 4 && conversions.canRound(rm) ? TO_INTEGER : FOREIGN;
    case 0x1a:
      if (rs2 > 3) return FOREIGN;
      if (!isSingle && rs2 < 2) return isExact(raw) || rm == DYNAMIC ? FROM_INTEGER : FOREIGN;
      return isNearest(rm) ? FROM_INTEGER : FOREIGN;
    case 0x1c: return rs2 != 0 ? FOREIGN : rm == 0 ? MOVE_TO_INTEGER : rm == 1 ? CLASS : FOREIGN;
    case 0x1e: return rs2 == 0 && rm == 0 ? MOVE_FROM_INTEGER : FOREIGN;
    default: return FOREIGN;
  }
}

/** Fills in which registers the instruction reads and writes, and whether it may leave; false: not one of ours. */
export function effects(i: Instruction): bool {
  const raw = i.raw;
  const kind = kindOf(raw);
  const isSingle = (raw >> 25 & 3) == 0;
  if (kind == FOREIGN) return false;
  if (kind == FROM_INTEGER || kind == MOVE_FROM_INTEGER) {
    i.readsX = 1 << i.rs1 & ~1;
  } else {
    i.readsF = 1 << i.rs1;
  }
  if (kind == ARITHMETIC || kind == SIGN || kind == EXTREME || kind == COMPARISON || kind == FUSED) i.readsF |= 1 << i.rs2;
  if (kind == FUSED) i.readsF |= 1 << fused.addendOf(raw);
  if (kind == COMPARISON || kind == TO_INTEGER || kind == MOVE_TO_INTEGER || kind == CLASS) i.writesX = 1 << i.rd & ~1;
  else i.writesF = 1 << i.rd;
  switch (kind) {
    case MOVE_TO_INTEGER: case MOVE_FROM_INTEGER: break;
    case SIGN: i.mayLeave = isSingle; break;
    case FROM_INTEGER: i.mayLeave = isSingle || (raw >> 20 & 31) > 1 || !isExact(raw); break;
    default: i.mayLeave = true;
  }
  return true;
}

/** Writes the instruction as wasm; false: not one of ours. */
export function emit(i: Instruction): bool {
  const raw = i.raw;
  const isSingle = (raw >> 25 & 3) == 0;
  const which = raw >> 27;
  const rm = roundingOf(raw);
  const rs2 = raw >> 20 & 31;
  switch (kindOf(raw)) {
    case ARITHMETIC:
      if (isSingle) singles.arithmetic(i, which);
      else doubles.arithmetic(i, which);
      return true;
    case ROOT:
      if (isSingle) singles.root(i);
      else doubles.root(i);
      return true;
    case SIGN:
      if (isSingle) singles.sign(i, rm);
      else doubles.sign(i, rm);
      return true;
    case EXTREME:
      if (isSingle) singles.extreme(i, rm == 1);
      else doubles.extreme(i, rm == 1);
      return true;
    case COMPARISON:
      if (isSingle) singles.comparison(i, rm);
      else doubles.comparison(i, rm);
      return true;
    case RESIZE:
      if (isSingle) conversions.narrow(i);
      else conversions.widen(i, isExact(raw));
      return true;
    case TO_INTEGER: conversions.toInteger(i, rs2, rm, isSingle); return true;
    case FROM_INTEGER: conversions.fromInteger(i, rs2, isSingle, !isSingle && rs2 < 2 && isExact(raw)); return true;
    case MOVE_TO_INTEGER: conversions.moveToInteger(i, isSingle); return true;
    case MOVE_FROM_INTEGER: conversions.moveFromInteger(i, isSingle); return true;
    case CLASS: conversions.classify(i, isSingle); return true;
    case FUSED: fused.emit(i, raw >> 2 & 3, isSingle); return true;
    default: return false;
  }
}
