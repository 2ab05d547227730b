// Widens a 16-bit instruction (unprivileged spec, chapter "C") to the 32-bit instruction it stands for; 0 where it stands for none.

const OP_IMM: u32 = 0x13;
const OP_IMM_32: u32 = 0x1b;
const OP: u32 = 0x33;
const OP_32: u32 = 0x3b;
const LOAD: u32 = 0x03;
const LOAD_FP: u32 = 0x07;
const STORE: u32 = 0x23;
const STORE_FP: u32 = 0x27;
const LUI: u32 = 0x37;
const JAL: u32 = 0x6f;
const JALR: u32 = 0x67;
const BRANCH: u32 = 0x63;
const EBREAK: u32 = 0x0010_0073;

/** Bits `count` from `from` of `c`, moved to `to`. */
function bits(c: u32, from: u32, count: u32, to: u32): u32 {
  return (c >> from & (1 << count) - 1) << to;
}

function iType(opcode: u32, funct3: u32, rd: u32, rs1: u32, imm: i32): u32 {
  return opcode | rd << 7 | funct3 << 12 | rs1 << 15 | <u32>imm << 20;
}

function rType(opcode: u32, funct3: u32, funct7: u32, rd: u32, rs1: u32, rs2: u32): u32 {
  return opcode | rd << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | funct7 << 25;
}

function sType(opcode: u32, funct3: u32, rs1: u32, rs2: u32, imm: u32): u32 {
  return opcode | (imm & 31) << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | (imm >> 5 & 0x7f) << 25;
}

/** Sign-extended 6-bit immediate: bit 12, bits 6 … 2. */
function imm6(c: u32): i32 {
  return <i32>((c >> 7 & 32 | c >> 2 & 31) << 26) >> 26;
}

function jump(c: u32, rd: u32): u32 {
  const raw = bits(c, 3, 3, 1) | bits(c, 11, 1, 4) | bits(c, 2, 1, 5) | bits(c, 7, 1, 6) | bits(c, 6, 1, 7) |
    bits(c, 9, 2, 8) | bits(c, 8, 1, 10) | bits(c, 12, 1, 11);
  const imm = <u32>(<i32>(raw << 20) >> 20);
  return JAL | rd << 7 | imm & 0xff000 | (imm >> 11 & 1) << 20 | (imm >> 1 & 0x3ff) << 21 | (imm >> 20 & 1) << 31;
}

function branch(c: u32, funct3: u32): u32 {
  const raw = bits(c, 3, 2, 1) | bits(c, 10, 2, 3) | bits(c, 2, 1, 5) | bits(c, 5, 2, 6) | bits(c, 12, 1, 8);
  const imm = <u32>(<i32>(raw << 23) >> 23);
  return BRANCH | (imm >> 11 & 1) << 7 | (imm >> 1 & 15) << 8 | funct3 << 12 | (8 + (c >> 7 & 7)) << 15 |
    (imm >> 5 & 0x3f) << 25 | (imm >> 12 & 1) << 31;
}

/** The 32-bit form of `c`, or 0 for an illegal one. */
export function expand(c: u32): u32 {
  if ((c & 3) == 0) return quadrant0(c);
  if ((c & 3) == 1) return quadrant1(c);
  return quadrant2(c);
}

function quadrant0(c: u32): u32 {
  const rd = 8 + (c >> 2 & 7);
  const rs1 = 8 + (c >> 7 & 7);
  const word = bits(c, 10, 3, 3) | bits(c, 6, 1, 2) | bits(c, 5, 1, 6);
  const double = bits(c, 10, 3, 3) | bits(c, 5, 2, 6);
  switch (c >> 13 & 7) {
    case 0: {
      const imm = bits(c, 11, 2, 4) | bits(c, 7, 4, 6) | bits(c, 6, 1, 2) | bits(c, 5, 1, 3);
      return imm == 0 ? 0 : iType(OP_IMM, 0, rd, 2, imm);
    }
    case 1: return iType(LOAD_FP, 3, rd, rs1, double);
    case 2: return iType(LOAD, 2, rd, rs1, word);
    case 3: return iType(LOAD, 3, rd, rs1, double);
    case 5: return sType(STORE_FP, 3, rs1, rd, double);
    case 6: return sType(STORE, 2, rs1, rd, word);
    case 7: return sType(STORE, 3, rs1, rd, double);
    default: return 0;
  }
}

function quadrant1(c: u32): u32 {
  const rd = c >> 7 & 31;
  switch (c >> 13 & 7) {
    case 0: return iType(OP_IMM, 0, rd, rd, imm6(c));
    case 1: return rd == 0 ? 0 : iType(OP_IMM_32, 0, rd, rd, imm6(c));
    case 2: return iType(OP_IMM, 0, rd, 0, imm6(c));
    case 3: {
      if (rd == 2) {
        const raw = bits(c, 6, 1, 4) | bits(c, 2, 1, 5) | bits(c, 5, 1, 6) | bits(c, 3, 2, 7) | bits(c, 12, 1, 9);
        const imm = <i32>(raw << 22) >> 22;
        return imm == 0 ? 0 : iType(OP_IMM, 0, 2, 2, imm);
      }
      const imm = imm6(c);
      return imm == 0 ? 0 : LUI | rd << 7 | <u32>imm << 12;
    }
    case 4: return arithmetic(c);
    case 5: return jump(c, 0);
    case 6: return branch(c, 0);
    default: return branch(c, 1);
  }
}

function arithmetic(c: u32): u32 {
  const rd = 8 + (c >> 7 & 7);
  const rs2 = 8 + (c >> 2 & 7);
  const shift = c >> 7 & 32 | c >> 2 & 31;
  switch (c >> 10 & 3) {
    case 0: return iType(OP_IMM, 5, rd, rd, shift);
    case 1: return iType(OP_IMM, 5, rd, rd, shift | 0x400);
    case 2: return iType(OP_IMM, 7, rd, rd, imm6(c));
    default:
  }
  switch (c >> 10 & 4 | c >> 5 & 3) {
    case 0: return rType(OP, 0, 0x20, rd, rd, rs2);
    case 1: return rType(OP, 4, 0, rd, rd, rs2);
    case 2: return rType(OP, 6, 0, rd, rd, rs2);
    case 3: return rType(OP, 7, 0, rd, rd, rs2);
    case 4: return rType(OP_32, 0, 0x20, rd, rd, rs2);
    case 5: return rType(OP_32, 0, 0, rd, rd, rs2);
    default: return 0;
  }
}

function quadrant2(c: u32): u32 {
  const rd = c >> 7 & 31;
  const rs2 = c >> 2 & 31;
  const loadDouble = bits(c, 12, 1, 5) | bits(c, 5, 2, 3) | bits(c, 2, 3, 6);
  const storeDouble = bits(c, 10, 3, 3) | bits(c, 7, 3, 6);
  switch (c >> 13 & 7) {
    case 0: return iType(OP_IMM, 1, rd, rd, c >> 7 & 32 | c >> 2 & 31);
    case 1: return iType(LOAD_FP, 3, rd, 2, loadDouble);
    case 2: return rd == 0 ? 0 : iType(LOAD, 2, rd, 2, bits(c, 12, 1, 5) | bits(c, 4, 3, 2) | bits(c, 2, 2, 6));
    case 3: return rd == 0 ? 0 : iType(LOAD, 3, rd, 2, loadDouble);
    case 4: {
      if ((c >> 12 & 1) == 0) {
        if (rs2 != 0) return rType(OP, 0, 0, rd, 0, rs2);
        return rd == 0 ? 0 : iType(JALR, 0, 0, rd, 0);
      }
      if (rs2 != 0) return rType(OP, 0, 0, rd, rd, rs2);
      return rd == 0 ? EBREAK : iType(JALR, 0, 1, rd, 0);
    }
    case 5: return sType(STORE_FP, 3, 2, rs2, storeDouble);
    case 6: return sType(STORE, 2, 2, rs2, bits(c, 9, 4, 2) | bits(c, 7, 2, 6));
    default: return sType(STORE, 3, 2, rs2, storeDouble);
  }
}
