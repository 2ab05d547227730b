// From instruction bits to a slot of decoded code. What has no operation of its own becomes OP_STEP.

import * as O from "./ops";
import { expand } from "./compressed";

/** Zihintpause: a fence of nothing but earlier writes. */
export const PAUSE: u32 = 0x0100_000f;

/** `offset` for an instruction that does not lie in a page of slots: all its jumps are far. */
export const NOWHERE: u32 = 0x8000_0000;

function put(slot: usize, operation: u32, rd: u32, rs1: u32, rs2: u32, imm: i32): void {
  store<u64>(slot, <u64>(operation | rd << 11 | rs1 << 19 | rs2 << 27) | <u64>imm << 32);
}

/**
 * Decodes an instruction into `slot`. `raw`: 32 bits of it, or 16 if its low two bits say so. `offset`: of the
 * instruction in its page, which decides whether a jump is near.
 */
export function decode(slot: usize, raw: u32, offset: u32): void {
  const isShort = (raw & 3) != 3;
  const wide = isShort ? expand(raw & 0xffff) : raw;
  const rd = wide >> 7 & 31;
  const rs1 = wide >> 15 & 31;
  const rs2 = wide >> 20 & 31;
  const funct3 = wide >> 12 & 7;
  const immI = <i32>wide >> 20;
  const opcode = wide >> 2 & 31;
  let operation: u32 = O.OP_STEP;
  let imm = immI;
  if (wide == 0) {
    put(slot, O.OP_STEP, 0, 0, 0, 0);
    return;
  }
  switch (opcode) {
    case 0x00:
      if (rd != 0) operation = loadOperation(funct3);
      break;
    case 0x01:
      operation = funct3 == 2 ? O.OP_FLW : funct3 == 3 ? O.OP_FLD : O.OP_STEP;
      break;
    case 0x03:
      if (funct3 < 2) operation = funct3 == 1 || wide == PAUSE ? O.OP_HINT : O.OP_FENCE;
      break;
    case 0x04:
      operation = immediateOperation(wide, funct3);
      if ((funct3 & 3) == 1) imm = immI & 63;
      if (operation == O.OP_ADDI && rs1 == 0) operation = O.OP_LI;
      if (operation == O.OP_ADDI && imm == 0) operation = O.OP_MV;
      if (operation != O.OP_STEP && rd == 0) operation = O.OP_NOP;
      break;
    case 0x05:
      operation = rd == 0 ? O.OP_NOP : O.OP_AUIPC;
      imm = <i32>(wide & 0xffff_f000);
      break;
    case 0x06:
      operation = immediateWordOperation(wide, funct3);
      if (funct3 != 0) imm = immI & (operation == O.OP_SLLI_UW ? 63 : 31);
      if (operation != O.OP_STEP && rd == 0) operation = O.OP_NOP;
      break;
    case 0x08:
      operation = funct3 == 0 ? O.OP_SB : funct3 == 1 ? O.OP_SH : funct3 == 2 ? O.OP_SW : funct3 == 3 ? O.OP_SD : O.OP_STEP;
      imm = immI & ~31 | <i32>rd;
      break;
    case 0x09:
      operation = funct3 == 2 ? O.OP_FSW : funct3 == 3 ? O.OP_FSD : O.OP_STEP;
      imm = immI & ~31 | <i32>rd;
      break;
    case 0x0b:
      operation = atomicOperation(wide >> 27, funct3, rs2);
      break;
    case 0x0c:
      operation = registerOperation(wide >> 25, funct3, rs2);
      if (operation == O.OP_ADD && rs1 == 0) {
        put(slot, rd == 0 ? (isShort ? O.OP_C_NOP : O.OP_NOP) : isShort ? O.OP_C_MV : O.OP_MV, rd, rs2, 0, 0);
        return;
      }
      if (operation != O.OP_STEP && rd == 0) operation = O.OP_NOP;
      break;
    case 0x0d:
      operation = rd == 0 ? O.OP_NOP : O.OP_LI;
      imm = <i32>(wide & 0xffff_f000);
      break;
    case 0x0e:
      operation = registerWordOperation(wide >> 25, funct3, rs2);
      if (operation != O.OP_STEP && rd == 0) operation = O.OP_NOP;
      break;
    case 0x14:
      operation = floatOperation(wide >> 25, funct3, rd, rs2);
      break;
    case 0x18:
      imm = <i32>(wide & 0x8000_0000) >> 19 | <i32>(wide << 4 & 0x800 | wide >> 20 & 0x7e0 | wide >> 7 & 0x1e);
      operation = branchOperation(funct3);
      break;
    case 0x19:
      if (funct3 == 0) operation = rd == 0 ? O.OP_JR : O.OP_JALR;
      break;
    case 0x1b:
      imm = <i32>(wide & 0x8000_0000) >> 11 | <i32>(wide & 0xff000 | wide >> 9 & 0x800 | wide >> 20 & 0x7fe);
      operation = rd == 0 ? O.OP_J : O.OP_JAL;
      break;
    default:
  }
  if (operation >= <u32>O.OP_BEQ && operation <= <u32>O.OP_J) {
    const target = offset + <u32>imm;
    if (target < 4096) imm <<= 2;
    else operation += O.OP_FAR_BEQ - O.OP_BEQ;
  }
  if (isShort) operation = shortOperation(operation);
  put(slot, operation, rd, rs1, rs2, imm);
}

function loadOperation(funct3: u32): u32 {
  return funct3 < 7 ? O.OP_LB + funct3 : O.OP_STEP;
}

function branchOperation(funct3: u32): u32 {
  switch (funct3) {
    case 0: return O.OP_BEQ;
    case 1: return O.OP_BNE;
    case 4: return O.OP_BLT;
    case 5: return O.OP_BGE;
    case 6: return O.OP_BLTU;
    case 7: return O.OP_BGEU;
    default: return O.OP_STEP;
  }
}

function immediateOperation(wide: u32, funct3: u32): u32 {
  const funct6 = wide >> 26;
  const rs2 = wide >> 20 & 31;
  switch (funct3) {
    case 0: return O.OP_ADDI;
    case 1:
      switch (funct6) {
        case 0x00: return O.OP_SLLI;
        case 0x0a: return O.OP_BSETI;
        case 0x12: return O.OP_BCLRI;
        case 0x1a: return O.OP_BINVI;
        case 0x18:
          if ((wide >> 25 & 1) != 0) return O.OP_STEP;
          return rs2 == 0 ? O.OP_CLZ : rs2 == 1 ? O.OP_CTZ : rs2 == 2 ? O.OP_CPOP : rs2 == 4 ? O.OP_SEXT_B :
            rs2 == 5 ? O.OP_SEXT_H : O.OP_STEP;
        default: return O.OP_STEP;
      }
    case 2: return O.OP_SLTI;
    case 3: return O.OP_SLTIU;
    case 4: return O.OP_XORI;
    case 5:
      switch (funct6) {
        case 0x00: return O.OP_SRLI;
        case 0x10: return O.OP_SRAI;
        case 0x12: return O.OP_BEXTI;
        case 0x18: return O.OP_RORI;
        case 0x0a: return wide >> 20 == 0x287 ? O.OP_ORC_B : O.OP_STEP;
        case 0x1a: return wide >> 20 == 0x6b8 ? O.OP_REV8 : O.OP_STEP;
        default: return O.OP_STEP;
      }
    case 6: return O.OP_ORI;
    default: return O.OP_ANDI;
  }
}

function immediateWordOperation(wide: u32, funct3: u32): u32 {
  const funct7 = wide >> 25;
  const rs2 = wide >> 20 & 31;
  if (funct3 == 0) return O.OP_ADDIW;
  if (funct3 == 1) {
    if (funct7 == 0) return O.OP_SLLIW;
    if (funct7 >> 1 == 2) return O.OP_SLLI_UW;
    if (funct7 == 0x30) return rs2 == 0 ? O.OP_CLZW : rs2 == 1 ? O.OP_CTZW : rs2 == 2 ? O.OP_CPOPW : O.OP_STEP;
  } else if (funct3 == 5) {
    return funct7 == 0 ? O.OP_SRLIW : funct7 == 0x20 ? O.OP_SRAIW : funct7 == 0x30 ? O.OP_RORIW : O.OP_STEP;
  }
  return O.OP_STEP;
}

function registerOperation(funct7: u32, funct3: u32, rs2: u32): u32 {
  switch (funct7 << 3 | funct3) {
    case 0x000: return O.OP_ADD;
    case 0x001: return O.OP_SLL;
    case 0x002: return O.OP_SLT;
    case 0x003: return O.OP_SLTU;
    case 0x004: return O.OP_XOR;
    case 0x005: return O.OP_SRL;
    case 0x006: return O.OP_OR;
    case 0x007: return O.OP_AND;
    case 0x100: return O.OP_SUB;
    case 0x105: return O.OP_SRA;
    case 0x008: return O.OP_MUL;
    case 0x009: return O.OP_MULH;
    case 0x00a: return O.OP_MULHSU;
    case 0x00b: return O.OP_MULHU;
    case 0x00c: return O.OP_DIV;
    case 0x00d: return O.OP_DIVU;
    case 0x00e: return O.OP_REM;
    case 0x00f: return O.OP_REMU;
    case 0x02c: return O.OP_MIN;
    case 0x02d: return O.OP_MINU;
    case 0x02e: return O.OP_MAX;
    case 0x02f: return O.OP_MAXU;
    case 0x03d: return O.OP_CZERO_EQZ;
    case 0x03f: return O.OP_CZERO_NEZ;
    case 0x082: return O.OP_SH1ADD;
    case 0x084: return O.OP_SH2ADD;
    case 0x086: return O.OP_SH3ADD;
    case 0x0a1: return O.OP_BSET;
    case 0x104: return O.OP_XNOR;
    case 0x106: return O.OP_ORN;
    case 0x107: return O.OP_ANDN;
    case 0x121: return O.OP_BCLR;
    case 0x125: return O.OP_BEXT;
    case 0x181: return O.OP_ROL;
    case 0x185: return O.OP_ROR;
    case 0x1a1: return O.OP_BINV;
    default: return O.OP_STEP;
  }
}

function registerWordOperation(funct7: u32, funct3: u32, rs2: u32): u32 {
  switch (funct7 << 3 | funct3) {
    case 0x000: return O.OP_ADDW;
    case 0x001: return O.OP_SLLW;
    case 0x005: return O.OP_SRLW;
    case 0x100: return O.OP_SUBW;
    case 0x105: return O.OP_SRAW;
    case 0x008: return O.OP_MULW;
    case 0x00c: return O.OP_DIVW;
    case 0x00d: return O.OP_DIVUW;
    case 0x00e: return O.OP_REMW;
    case 0x00f: return O.OP_REMUW;
    case 0x020: return O.OP_ADD_UW;
    case 0x024: return rs2 == 0 ? O.OP_ZEXT_H : O.OP_STEP;
    case 0x082: return O.OP_SH1ADD_UW;
    case 0x084: return O.OP_SH2ADD_UW;
    case 0x086: return O.OP_SH3ADD_UW;
    case 0x181: return O.OP_ROLW;
    case 0x185: return O.OP_RORW;
    default: return O.OP_STEP;
  }
}

function atomicOperation(funct5: u32, funct3: u32, rs2: u32): u32 {
  const isDouble = funct3 == 3;
  if (funct3 != 2 && !isDouble) return O.OP_STEP;
  switch (funct5) {
    case 0x00: return isDouble ? O.OP_AMOADD_D : O.OP_AMOADD_W;
    case 0x01: return isDouble ? O.OP_AMOSWAP_D : O.OP_AMOSWAP_W;
    case 0x02: return rs2 != 0 ? O.OP_STEP : isDouble ? O.OP_LR_D : O.OP_LR_W;
    case 0x03: return isDouble ? O.OP_SC_D : O.OP_SC_W;
    case 0x08: return isDouble ? O.OP_AMOOR_D : O.OP_STEP;
    case 0x0c: return isDouble ? O.OP_AMOAND_D : O.OP_STEP;
    default: return O.OP_STEP;
  }
}

/** Arithmetic only with dynamic rounding, conversions to integers only towards zero: what compilers write. */
function floatOperation(funct7: u32, funct3: u32, rd: u32, rs2: u32): u32 {
  const isDynamic = funct3 == 7;
  switch (funct7) {
    case 0x01: return isDynamic ? O.OP_FADD_D : O.OP_STEP;
    case 0x05: return isDynamic ? O.OP_FSUB_D : O.OP_STEP;
    case 0x09: return isDynamic ? O.OP_FMUL_D : O.OP_STEP;
    case 0x0d: return isDynamic ? O.OP_FDIV_D : O.OP_STEP;
    case 0x2d: return isDynamic && rs2 == 0 ? O.OP_FSQRT_D : O.OP_STEP;
    case 0x00: return isDynamic ? O.OP_FADD_S : O.OP_STEP;
    case 0x04: return isDynamic ? O.OP_FSUB_S : O.OP_STEP;
    case 0x08: return isDynamic ? O.OP_FMUL_S : O.OP_STEP;
    case 0x0c: return isDynamic ? O.OP_FDIV_S : O.OP_STEP;
    case 0x2c: return isDynamic && rs2 == 0 ? O.OP_FSQRT_S : O.OP_STEP;
    case 0x11: return funct3 < 3 ? O.OP_FSGNJ_D + funct3 : O.OP_STEP;
    case 0x10: return funct3 < 3 ? O.OP_FSGNJ_S + funct3 : O.OP_STEP;
    case 0x51: return funct3 < 3 && rd != 0 ? O.OP_FLE_D - funct3 : O.OP_STEP;
    case 0x50: return funct3 < 3 && rd != 0 ? O.OP_FLE_S - funct3 : O.OP_STEP;
    case 0x71: return funct3 == 0 && rs2 == 0 && rd != 0 ? O.OP_FMV_X_D : O.OP_STEP;
    case 0x70: return funct3 == 0 && rs2 == 0 && rd != 0 ? O.OP_FMV_X_W : O.OP_STEP;
    case 0x79: return funct3 == 0 && rs2 == 0 ? O.OP_FMV_D_X : O.OP_STEP;
    case 0x78: return funct3 == 0 && rs2 == 0 ? O.OP_FMV_W_X : O.OP_STEP;
    case 0x69: return rs2 == 0 && funct3 < 5 ? O.OP_FCVT_D_W : rs2 == 2 && isDynamic ? O.OP_FCVT_D_L : O.OP_STEP;
    case 0x61: return funct3 != 1 || rd == 0 ? O.OP_STEP : rs2 == 0 ? O.OP_FCVT_W_D : rs2 == 2 ? O.OP_FCVT_L_D : O.OP_STEP;
    case 0x21: return rs2 == 0 && funct3 < 5 ? O.OP_FCVT_D_S : O.OP_STEP;
    case 0x20: return rs2 == 1 && isDynamic ? O.OP_FCVT_S_D : O.OP_STEP;
    default: return O.OP_STEP;
  }
}

/** The 16-bit form of an operation that a 16-bit instruction can stand for. */
function shortOperation(operation: u32): u32 {
  switch (operation) {
    case O.OP_NOP: return O.OP_C_NOP;
    case O.OP_LI: return O.OP_C_LI;
    case O.OP_MV: return O.OP_C_MV;
    case O.OP_ADDI: return O.OP_C_ADDI;
    case O.OP_ANDI: return O.OP_C_ANDI;
    case O.OP_SLLI: return O.OP_C_SLLI;
    case O.OP_SRLI: return O.OP_C_SRLI;
    case O.OP_SRAI: return O.OP_C_SRAI;
    case O.OP_ADDIW: return O.OP_C_ADDIW;
    case O.OP_ADD: return O.OP_C_ADD;
    case O.OP_SUB: return O.OP_C_SUB;
    case O.OP_XOR: return O.OP_C_XOR;
    case O.OP_OR: return O.OP_C_OR;
    case O.OP_AND: return O.OP_C_AND;
    case O.OP_ADDW: return O.OP_C_ADDW;
    case O.OP_SUBW: return O.OP_C_SUBW;
    case O.OP_LW: return O.OP_C_LW;
    case O.OP_LD: return O.OP_C_LD;
    case O.OP_SW: return O.OP_C_SW;
    case O.OP_SD: return O.OP_C_SD;
    case O.OP_FLD: return O.OP_C_FLD;
    case O.OP_FSD: return O.OP_C_FSD;
    case O.OP_BEQ: return O.OP_C_BEQ;
    case O.OP_BNE: return O.OP_C_BNE;
    case O.OP_J: return O.OP_C_J;
    case O.OP_FAR_BEQ: return O.OP_FAR_C_BEQ;
    case O.OP_FAR_BNE: return O.OP_FAR_C_BNE;
    case O.OP_FAR_J: return O.OP_FAR_C_J;
    case O.OP_JALR: return O.OP_C_JALR;
    case O.OP_JR: return O.OP_C_JR;
    default: return O.OP_STEP;
  }
}
