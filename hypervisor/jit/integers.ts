// Integer operations on registers alone, as wasm. What each of them computes stands in cpu/burst.ts.

import * as O from "../cpu/ops";
import * as exits from "./exits";
import { Instruction } from "./instruction";
import * as products from "./products";
import * as quotients from "./quotients";
import * as registers from "./registers";
import { getX, P } from "./registers";
import * as wasm from "./wasm";

/** Every other byte, every other half. */
const BYTES: i64 = 0x00ff_00ff_00ff_00ff;
const HALVES: i64 = 0x0000_ffff_0000_ffff;
/** All bits of each byte but the highest. */
const LOW_SEVEN: i64 = 0x7f7f_7f7f_7f7f_7f7f;

/** No operation of ours. */
const FOREIGN: u32 = 3;

/** How many registers the operation reads, rs1 first; FOREIGN. */
function operandsOf(operation: u32): u32 {
  switch (operation) {
    case O.OP_NOP: case O.OP_LI: case O.OP_AUIPC: return 0;
    case O.OP_MV: case O.OP_SLLI_UW: case O.OP_RORI: case O.OP_RORIW: case O.OP_ORC_B: case O.OP_REV8:
    case O.OP_BSETI: case O.OP_BCLRI: case O.OP_BINVI: case O.OP_BEXTI: return 1;
    default:
  }
  if (operation < <u32>O.OP_ADDI || operation > <u32>O.OP_CZERO_NEZ) return FOREIGN;
  if (operation < <u32>O.OP_MV) return 1;
  const isCount = operation >= <u32>O.OP_CLZ && operation <= <u32>O.OP_CPOPW;
  const isExtension = operation >= <u32>O.OP_SEXT_B && operation <= <u32>O.OP_ZEXT_H;
  return isCount || isExtension ? 1 : 2;
}

/** Fills in which registers the operation reads and writes; false: not one of ours. */
export function effects(i: Instruction): bool {
  const operands = operandsOf(i.operation);
  if (operands == FOREIGN) return false;
  if (operands > 0) i.readsX |= 1 << i.rs1;
  if (operands > 1) i.readsX |= 1 << i.rs2;
  i.readsX &= ~1;
  if (i.operation != O.OP_NOP) i.writesX = 1 << i.rd & ~1;
  return true;
}

/** Pushes the low half of a register as i32. */
function getWord(number: u32): void {
  if (number == 0) {
    wasm.i32Const(0);
    return;
  }
  getX(number);
  wasm.byte(wasm.I32_WRAP_I64);
}

function setWord(i: Instruction): bool {
  wasm.byte(wasm.I64_EXTEND_I32_S);
  registers.setX(i.rd);
  return true;
}

/** Pops an i32 that is 0 or 1, or otherwise not negative. */
function setSmall(i: Instruction): bool {
  wasm.byte(wasm.I64_EXTEND_I32_U);
  registers.setX(i.rd);
  return true;
}

function set(i: Instruction): bool {
  registers.setX(i.rd);
  return true;
}

function unary(i: Instruction, instruction: u32): bool {
  getX(i.rs1);
  wasm.byte(instruction);
  return set(i);
}

function unaryWord(i: Instruction, instruction: u32): bool {
  getWord(i.rs1);
  wasm.byte(instruction);
  return setSmall(i);
}

function binary(i: Instruction, instruction: u32): bool {
  getX(i.rs1);
  getX(i.rs2);
  wasm.byte(instruction);
  return set(i);
}

function binaryWord(i: Instruction, instruction: u32): bool {
  getWord(i.rs1);
  getWord(i.rs2);
  wasm.byte(instruction);
  return setWord(i);
}

function immediate(i: Instruction, instruction: u32): bool {
  getX(i.rs1);
  wasm.i64Const(i.immediate);
  wasm.byte(instruction);
  return set(i);
}

function immediateWord(i: Instruction, instruction: u32): bool {
  getWord(i.rs1);
  wasm.i32Const(i.immediate);
  wasm.byte(instruction);
  return setWord(i);
}

function comparison(i: Instruction, instruction: u32): bool {
  getX(i.rs1);
  getX(i.rs2);
  wasm.byte(instruction);
  return setSmall(i);
}

/** The one of two that `instruction` prefers. */
function extreme(i: Instruction, instruction: u32): bool {
  getX(i.rs1);
  getX(i.rs2);
  getX(i.rs1);
  getX(i.rs2);
  wasm.byte(instruction);
  wasm.byte(wasm.SELECT);
  return set(i);
}

/** Rs1, and the complement of rs2. */
function complemented(i: Instruction, instruction: u32): bool {
  getX(i.rs1);
  getX(i.rs2);
  wasm.i64Const(-1);
  wasm.byte(wasm.I64_XOR);
  wasm.byte(instruction);
  return set(i);
}

/** Rs1, all or its low half, shifted to the left and added to rs2. */
function shiftedSum(i: Instruction, shift: i32, isWord: bool): bool {
  if (isWord) {
    getWord(i.rs1);
    wasm.byte(wasm.I64_EXTEND_I32_U);
  } else {
    getX(i.rs1);
  }
  if (shift != 0) {
    wasm.i64Const(shift);
    wasm.byte(wasm.I64_SHL);
  }
  getX(i.rs2);
  wasm.byte(wasm.I64_ADD);
  return set(i);
}

/** Rs1, and the bit that rs2 numbers. */
function bit(i: Instruction, instruction: u32, isInverted: bool): bool {
  getX(i.rs1);
  wasm.i64Const(1);
  getX(i.rs2);
  wasm.byte(wasm.I64_SHL);
  if (isInverted) {
    wasm.i64Const(-1);
    wasm.byte(wasm.I64_XOR);
  }
  wasm.byte(instruction);
  return set(i);
}

/** Rs1 and a constant. */
function masked(i: Instruction, mask: i64, instruction: u32): bool {
  getX(i.rs1);
  wasm.i64Const(mask);
  wasm.byte(instruction);
  return set(i);
}

function zeroIf(i: Instruction, instruction: u32): bool {
  wasm.i64Const(0);
  getX(i.rs1);
  getX(i.rs2);
  wasm.i64Const(0);
  wasm.byte(instruction);
  wasm.byte(wasm.SELECT);
  return set(i);
}

function orcB(i: Instruction): bool {
  getX(i.rs1);
  wasm.i64Const(LOW_SEVEN);
  wasm.byte(wasm.I64_AND);
  wasm.i64Const(LOW_SEVEN);
  wasm.byte(wasm.I64_ADD);
  getX(i.rs1);
  wasm.byte(wasm.I64_OR);
  wasm.i64Const(~LOW_SEVEN);
  wasm.byte(wasm.I64_AND);
  wasm.i64Const(7);
  wasm.byte(wasm.I64_SHR_U);
  wasm.i64Const(0xff);
  wasm.byte(wasm.I64_MUL);
  return set(i);
}

/** Pops a value and pushes it with neighbours of `size` bits exchanged. */
function exchange(size: i64, mask: i64): void {
  wasm.localTee(P);
  wasm.i64Const(size);
  wasm.byte(wasm.I64_SHR_U);
  wasm.i64Const(mask);
  wasm.byte(wasm.I64_AND);
  wasm.localGet(P);
  wasm.i64Const(mask);
  wasm.byte(wasm.I64_AND);
  wasm.i64Const(size);
  wasm.byte(wasm.I64_SHL);
  wasm.byte(wasm.I64_OR);
}

function rev8(i: Instruction): bool {
  getX(i.rs1);
  exchange(8, BYTES);
  exchange(16, HALVES);
  wasm.i64Const(32);
  wasm.byte(wasm.I64_ROTL);
  return set(i);
}

function product(i: Instruction, isSignedA: bool, isSignedB: bool): bool {
  products.emit(i.rd, i.rs1, i.rs2, isSignedA, isSignedB);
  return true;
}

/** Division and remainders; rd is not x0. */
function quotient(i: Instruction): bool {
  const rd = i.rd;
  const a = i.rs1;
  const b = i.rs2;
  switch (i.operation) {
    case O.OP_DIV: quotients.signed(rd, a, b); break;
    case O.OP_DIVU: quotients.unsigned(rd, a, b); break;
    case O.OP_REM: quotients.remainder(rd, a, b, true); break;
    case O.OP_REMU: quotients.remainder(rd, a, b, false); break;
    case O.OP_DIVW: quotients.signedWord(rd, a, b); break;
    case O.OP_DIVUW: quotients.unsignedWord(rd, a, b); break;
    case O.OP_REMW: quotients.remainderWord(rd, a, b, true); break;
    default: quotients.remainderWord(rd, a, b, false);
  }
  return true;
}

/** Writes the operation as wasm; false: not one of ours. */
export function emit(i: Instruction): bool {
  switch (i.operation) {
    case O.OP_NOP: return true;
    case O.OP_LI: wasm.i64Const(i.immediate); return set(i);
    case O.OP_AUIPC:
      exits.address(0);
      wasm.i64Const(<i64>i.offset + <i64>i.immediate);
      wasm.byte(wasm.I64_ADD);
      return set(i);
    case O.OP_MV: getX(i.rs1); return set(i);
    case O.OP_ADDI: return immediate(i, wasm.I64_ADD);
    case O.OP_XORI: return immediate(i, wasm.I64_XOR);
    case O.OP_ORI: return immediate(i, wasm.I64_OR);
    case O.OP_ANDI: return immediate(i, wasm.I64_AND);
    case O.OP_SLLI: return immediate(i, wasm.I64_SHL);
    case O.OP_SRLI: return immediate(i, wasm.I64_SHR_U);
    case O.OP_SRAI: return immediate(i, wasm.I64_SHR_S);
    case O.OP_SLTI: case O.OP_SLTIU:
      getX(i.rs1);
      if (i.operation == O.OP_SLTIU && i.immediate == 1) {
        wasm.byte(wasm.I64_EQZ);
      } else {
        wasm.i64Const(i.immediate);
        wasm.byte(i.operation == O.OP_SLTI ? wasm.I64_LT_S : wasm.I64_LT_U);
      }
      return setSmall(i);
    case O.OP_ADDIW:
      if (i.immediate == 0) return unary(i, wasm.I64_EXTEND32_S);
      return immediateWord(i, wasm.I32_ADD);
    case O.OP_SLLIW: return immediateWord(i, wasm.I32_SHL);
    case O.OP_SRLIW: return immediateWord(i, wasm.I32_SHR_U);
    case O.OP_SRAIW: return immediateWord(i, wasm.I32_SHR_S);
    case O.OP_ADD: return binary(i, wasm.I64_ADD);
    case O.OP_SUB: return binary(i, wasm.I64_SUB);
    case O.OP_SLL: return binary(i, wasm.I64_SHL);
    case O.OP_SLT: return comparison(i, wasm.I64_LT_S);
    case O.OP_SLTU: return comparison(i, wasm.I64_LT_U);
    case O.OP_XOR: return binary(i, wasm.I64_XOR);
    case O.OP_SRL: return binary(i, wasm.I64_SHR_U);
    case O.OP_SRA: return binary(i, wasm.I64_SHR_S);
    case O.OP_OR: return binary(i, wasm.I64_OR);
    case O.OP_AND: return binary(i, wasm.I64_AND);
    case O.OP_ADDW: return binaryWord(i, wasm.I32_ADD);
    case O.OP_SUBW: return binaryWord(i, wasm.I32_SUB);
    case O.OP_SLLW: return binaryWord(i, wasm.I32_SHL);
    case O.OP_SRLW: return binaryWord(i, wasm.I32_SHR_U);
    case O.OP_SRAW: return binaryWord(i, wasm.I32_SHR_S);
    case O.OP_MUL: return binary(i, wasm.I64_MUL);
    case O.OP_MULH: return product(i, true, true);
    case O.OP_MULHSU: return product(i, true, false);
    case O.OP_MULHU: return product(i, false, false);
    case O.OP_MULW: return binaryWord(i, wasm.I32_MUL);
    case O.OP_DIV: case O.OP_DIVU: case O.OP_REM: case O.OP_REMU:
    case O.OP_DIVW: case O.OP_DIVUW: case O.OP_REMW: case O.OP_REMUW: return quotient(i);
    case O.OP_ADD_UW: return shiftedSum(i, 0, true);
    case O.OP_SH1ADD: return shiftedSum(i, 1, false);
    case O.OP_SH2ADD: return shiftedSum(i, 2, false);
    case O.OP_SH3ADD: return shiftedSum(i, 3, false);
    case O.OP_SH1ADD_UW: return shiftedSum(i, 1, true);
    case O.OP_SH2ADD_UW: return shiftedSum(i, 2, true);
    case O.OP_SH3ADD_UW: return shiftedSum(i, 3, true);
    case O.OP_SLLI_UW:
      getWord(i.rs1);
      wasm.byte(wasm.I64_EXTEND_I32_U);
      wasm.i64Const(i.immediate);
      wasm.byte(wasm.I64_SHL);
      return set(i);
    case O.OP_ANDN: return complemented(i, wasm.I64_AND);
    case O.OP_ORN: return complemented(i, wasm.I64_OR);
    case O.OP_XNOR: return complemented(i, wasm.I64_XOR);
    case O.OP_CLZ: return unary(i, wasm.I64_CLZ);
    case O.OP_CTZ: return unary(i, wasm.I64_CTZ);
    case O.OP_CPOP: return unary(i, wasm.I64_POPCNT);
    case O.OP_CLZW: return unaryWord(i, wasm.I32_CLZ);
    case O.OP_CTZW: return unaryWord(i, wasm.I32_CTZ);
    case O.OP_CPOPW: return unaryWord(i, wasm.I32_POPCNT);
    case O.OP_MAX: return extreme(i, wasm.I64_GT_S);
    case O.OP_MAXU: return extreme(i, wasm.I64_GT_U);
    case O.OP_MIN: return extreme(i, wasm.I64_LT_S);
    case O.OP_MINU: return extreme(i, wasm.I64_LT_U);
    case O.OP_SEXT_B: return unary(i, wasm.I64_EXTEND8_S);
    case O.OP_SEXT_H: return unary(i, wasm.I64_EXTEND16_S);
    case O.OP_ZEXT_H: return masked(i, 0xffff, wasm.I64_AND);
    case O.OP_ROL: return binary(i, wasm.I64_ROTL);
    case O.OP_ROR: return binary(i, wasm.I64_ROTR);
    case O.OP_RORI: return immediate(i, wasm.I64_ROTR);
    case O.OP_ROLW: return binaryWord(i, wasm.I32_ROTL);
    case O.OP_RORW: return binaryWord(i, wasm.I32_ROTR);
    case O.OP_RORIW: return immediateWord(i, wasm.I32_ROTR);
    case O.OP_ORC_B: return orcB(i);
    case O.OP_REV8: return rev8(i);
    case O.OP_BSET: return bit(i, wasm.I64_OR, false);
    case O.OP_BCLR: return bit(i, wasm.I64_AND, true);
    case O.OP_BINV: return bit(i, wasm.I64_XOR, false);
    case O.OP_BSETI: return masked(i, <i64>1 << i.immediate, wasm.I64_OR);
    case O.OP_BCLRI: return masked(i, ~(<i64>1 << i.immediate), wasm.I64_AND);
    case O.OP_BINVI: return masked(i, <i64>1 << i.immediate, wasm.I64_XOR);
    case O.OP_BEXT: case O.OP_BEXTI:
      getX(i.rs1);
      if (i.operation == O.OP_BEXT) getX(i.rs2);
      else wasm.i64Const(i.immediate);
      wasm.byte(wasm.I64_SHR_U);
      wasm.i64Const(1);
      wasm.byte(wasm.I64_AND);
      return set(i);
    case O.OP_CZERO_EQZ: return zeroIf(i, wasm.I64_EQ);
    case O.OP_CZERO_NEZ: return zeroIf(i, wasm.I64_NE);
    default: return false;
  }
}
