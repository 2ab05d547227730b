// The inner loop of the interpreter: runs decoded slots until the budget is used up or something rare happens.
//
// It calls nothing: a call anywhere in the loop would make the engine keep its variables in memory. What is rare leaves with
// a STOP_* and the state of the instruction before which it stands; cpu/run.ts sees to it and comes back. It also leaves
// often enough (the budget is a slice) for the engine to replace its code with a better one.

import { add32, add64, and64, exchange32, exchange64, or64, reserve, swap32, swap64 } from "./atomic";
import { PAGE_FRAME } from "./code";
import { Hart } from "./hart";
import { divuw, divu, divw, div, mulh, mulhsu, mulhu, orcB, remuw, remu, remw, rem } from "./integer";
import * as O from "./ops";
import { HASH, TLB_FETCH, TLB_WRITE } from "./tlb";

export const STOP_BUDGET: u32 = 0;
/** The slot is not decoded. */
export const STOP_DECODE: u32 = 1;
/** The instruction needs cpu/step.ts. */
export const STOP_STEP: u32 = 2;
/** The read TLB missed, or the access leaves its page. */
export const STOP_READ: u32 = 3;
export const STOP_WRITE: u32 = 4;
/** pc lies on a page that the fetch TLB doesn't know. */
export const STOP_FETCH: u32 = 5;
/** The instruction lies on two pages. */
export const STOP_CROSS: u32 = 6;
/** Translated code begins at pc. */
export const STOP_REGION: u32 = 7;
const STOP_JUMP: u32 = 8;

const WIDE: usize = 16;
const SHORT: usize = 8;
const NAN_BOX: u64 = 0xffff_ffff_0000_0000;
const SIGN: u64 = 0x8000_0000_0000_0000;
const SIGN_SINGLE: u64 = 0x8000_0000;

function rs1(hart: Hart, ip: usize): u64 { return load<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 2)); }
function rs2(hart: Hart, ip: usize): u64 { return load<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 3)); }
function setRd(hart: Hart, ip: usize, value: u64): void { store<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 1), value); }
function setRs2(hart: Hart, ip: usize, value: u64): void { store<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 3), value); }
function pairFirst(ip: usize): u64 { return <u64><i64>load<i16>(ip, 4); }
function pairDelta(ip: usize): u64 { return <u64><i64>load<i16>(ip, 6); }
function rdOf(hart: Hart, ip: usize): u64 { return load<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 1)); }
function third(hart: Hart, ip: usize): u64 { return load<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 4)); }
function setThird(hart: Hart, ip: usize, value: u64): void { store<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 4), value); }
function taken(ip: usize): usize { return <usize>(load<i16>(ip, 6) & ~7); }
function fallen(ip: usize): usize { return 16 + (<usize>(load<u8>(ip, 6) & 3) << 3); }
function firstLength(ip: usize): usize { return 8 + (<usize>(load<u8>(ip, 6) & 4) << 1); }
function fs1(hart: Hart, ip: usize): u64 { return load<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 2), 256); }
function fs2(hart: Hart, ip: usize): u64 { return load<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 3), 256); }
function setFd(hart: Hart, ip: usize, value: u64): void { store<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 1), value, 256); }
function double1(hart: Hart, ip: usize): f64 { return load<f64>(changetype<usize>(hart) + <usize>load<u8>(ip, 2), 256); }
function double2(hart: Hart, ip: usize): f64 { return load<f64>(changetype<usize>(hart) + <usize>load<u8>(ip, 3), 256); }
function single1(hart: Hart, ip: usize): f32 { return load<f32>(changetype<usize>(hart) + <usize>load<u8>(ip, 2), 256); }
function single2(hart: Hart, ip: usize): f32 { return load<f32>(changetype<usize>(hart) + <usize>load<u8>(ip, 3), 256); }
function imm(ip: usize): u64 { return <u64><i64>load<i32>(ip, 4); }
function imm32(ip: usize): u32 { return load<u32>(ip, 4); }
function near(ip: usize): usize { return <usize>load<i32>(ip, 4); }
function pcOf(page: usize, va: u64, ip: usize): u64 { return va + <u64>(ip - page >> 2); }
/** The immediate of the auipc at `ip`, from the guest's own bits: the second slot of a pair may be anything by now. */
function upper(page: usize, ip: usize): u64 { return <u64><i64>(<i32>load<u32>((<usize>load<u32>(page, PAGE_FRAME) << 12) + (ip - page >> 2)) & ~0xfff); }
function readEntry(data: usize, gva: u64): usize { return data + (<usize>(<u32>gva >> 8 ^ <u32>gva >> 18) & 0x3ff0); }
function writeEntry(data: usize, gva: u64): usize { return data + TLB_WRITE + (<usize>(<u32>gva >> 8 ^ <u32>gva >> 18) & 0x3ff0); }
function pointer(entry: usize, off: u64): usize { return <usize>load<u32>(entry, 8) + <usize>off; }

/**
 * Runs at most `budget` (> 0) instructions from slot `ip` of the decoded page `page`, which stands for the guest-virtual
 * page `va`. Afterwards hart.pc is the next instruction and hart.left what is left of the budget. STOP_*.
 */
export function burst(hart: Hart, page: usize, va: u64, ip: usize, budget: i32): u32 {
  const data = changetype<usize>(hart) + <usize>hart.dataSet;
  const fetches = changetype<usize>(hart) + <usize>hart.fetchSet + TLB_FETCH;
  let left = budget;
  let target: u64 = 0;
  while (true) {
  let reason = STOP_BUDGET;
  let rest = 0;
  do {
    switch (<u32>load<u8>(ip)) {
      case O.OP_DECODE: reason = STOP_DECODE; rest = left; left = 1; break;
      case O.OP_PAGE_END: target = va + 4096; left++; reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_CROSS: reason = STOP_CROSS; rest = left; left = 1; break;
      case O.OP_REGION: reason = STOP_REGION; rest = left; left = 1; break;
      // Nothing happens.
      case O.OP_NOP: ip += WIDE; break;
      case O.OP_FENCE:
      case O.OP_HINT: if (hart.hasSiblings != 0) { reason = STOP_STEP; rest = left; left = 1; } else ip += WIDE; break;
      case O.OP_C_NOP: ip += SHORT; break;
      // Constants.
      case O.OP_LI: setRd(hart, ip, imm(ip)); ip += WIDE; break;
      case O.OP_C_LI: setRd(hart, ip, imm(ip)); ip += SHORT; break;
      case O.OP_AUIPC: setRd(hart, ip, pcOf(page, va, ip) + imm(ip)); ip += WIDE; break;
      // Register and immediate.
      case O.OP_ADDI: setRd(hart, ip, rs1(hart, ip) + imm(ip)); ip += WIDE; break;
      case O.OP_C_ADDI: setRd(hart, ip, rs1(hart, ip) + imm(ip)); ip += SHORT; break;
      case O.OP_SLTI: setRd(hart, ip, u64(<i64>rs1(hart, ip) < <i64>imm(ip))); ip += WIDE; break;
      case O.OP_SLTIU: setRd(hart, ip, u64(rs1(hart, ip) < imm(ip))); ip += WIDE; break;
      case O.OP_XORI: setRd(hart, ip, rs1(hart, ip) ^ imm(ip)); ip += WIDE; break;
      case O.OP_ORI: setRd(hart, ip, rs1(hart, ip) | imm(ip)); ip += WIDE; break;
      case O.OP_ANDI: setRd(hart, ip, rs1(hart, ip) & imm(ip)); ip += WIDE; break;
      case O.OP_C_ANDI: setRd(hart, ip, rs1(hart, ip) & imm(ip)); ip += SHORT; break;
      case O.OP_SLLI: setRd(hart, ip, rs1(hart, ip) << imm(ip)); ip += WIDE; break;
      case O.OP_C_SLLI: setRd(hart, ip, rs1(hart, ip) << imm(ip)); ip += SHORT; break;
      case O.OP_SRLI: setRd(hart, ip, rs1(hart, ip) >> imm(ip)); ip += WIDE; break;
      case O.OP_C_SRLI: setRd(hart, ip, rs1(hart, ip) >> imm(ip)); ip += SHORT; break;
      case O.OP_SRAI: setRd(hart, ip, <u64>(<i64>rs1(hart, ip) >> <i64>imm(ip))); ip += WIDE; break;
      case O.OP_C_SRAI: setRd(hart, ip, <u64>(<i64>rs1(hart, ip) >> <i64>imm(ip))); ip += SHORT; break;
      case O.OP_ADDIW: setRd(hart, ip, <u64><i64><i32>(<u32>rs1(hart, ip) + imm32(ip))); ip += WIDE; break;
      case O.OP_C_ADDIW: setRd(hart, ip, <u64><i64><i32>(<u32>rs1(hart, ip) + imm32(ip))); ip += SHORT; break;
      case O.OP_SLLIW: setRd(hart, ip, <u64><i64><i32>(<u32>rs1(hart, ip) << imm32(ip))); ip += WIDE; break;
      case O.OP_SRLIW: setRd(hart, ip, <u64><i64><i32>(<u32>rs1(hart, ip) >> imm32(ip))); ip += WIDE; break;
      case O.OP_SRAIW: setRd(hart, ip, <u64><i64>(<i32>rs1(hart, ip) >> <i32>imm32(ip))); ip += WIDE; break;
      // Register and register.
      case O.OP_MV: setRd(hart, ip, rs1(hart, ip)); ip += WIDE; break;
      case O.OP_C_MV: setRd(hart, ip, rs1(hart, ip)); ip += SHORT; break;
      case O.OP_ADD: setRd(hart, ip, rs1(hart, ip) + rs2(hart, ip)); ip += WIDE; break;
      case O.OP_C_ADD: setRd(hart, ip, rs1(hart, ip) + rs2(hart, ip)); ip += SHORT; break;
      case O.OP_SUB: setRd(hart, ip, rs1(hart, ip) - rs2(hart, ip)); ip += WIDE; break;
      case O.OP_C_SUB: setRd(hart, ip, rs1(hart, ip) - rs2(hart, ip)); ip += SHORT; break;
      case O.OP_SLL: setRd(hart, ip, rs1(hart, ip) << rs2(hart, ip)); ip += WIDE; break;
      case O.OP_SLT: setRd(hart, ip, u64(<i64>rs1(hart, ip) < <i64>rs2(hart, ip))); ip += WIDE; break;
      case O.OP_SLTU: setRd(hart, ip, u64(rs1(hart, ip) < rs2(hart, ip))); ip += WIDE; break;
      case O.OP_XOR: setRd(hart, ip, rs1(hart, ip) ^ rs2(hart, ip)); ip += WIDE; break;
      case O.OP_C_XOR: setRd(hart, ip, rs1(hart, ip) ^ rs2(hart, ip)); ip += SHORT; break;
      case O.OP_SRL: setRd(hart, ip, rs1(hart, ip) >> rs2(hart, ip)); ip += WIDE; break;
      case O.OP_SRA: setRd(hart, ip, <u64>(<i64>rs1(hart, ip) >> <i64>rs2(hart, ip))); ip += WIDE; break;
      case O.OP_OR: setRd(hart, ip, rs1(hart, ip) | rs2(hart, ip)); ip += WIDE; break;
      case O.OP_C_OR: setRd(hart, ip, rs1(hart, ip) | rs2(hart, ip)); ip += SHORT; break;
      case O.OP_AND: setRd(hart, ip, rs1(hart, ip) & rs2(hart, ip)); ip += WIDE; break;
      case O.OP_C_AND: setRd(hart, ip, rs1(hart, ip) & rs2(hart, ip)); ip += SHORT; break;
      case O.OP_ADDW: setRd(hart, ip, <u64><i64><i32>(rs1(hart, ip) + rs2(hart, ip))); ip += WIDE; break;
      case O.OP_C_ADDW: setRd(hart, ip, <u64><i64><i32>(rs1(hart, ip) + rs2(hart, ip))); ip += SHORT; break;
      case O.OP_SUBW: setRd(hart, ip, <u64><i64><i32>(rs1(hart, ip) - rs2(hart, ip))); ip += WIDE; break;
      case O.OP_C_SUBW: setRd(hart, ip, <u64><i64><i32>(rs1(hart, ip) - rs2(hart, ip))); ip += SHORT; break;
      case O.OP_SLLW: setRd(hart, ip, <u64><i64><i32>(<u32>rs1(hart, ip) << <u32>rs2(hart, ip))); ip += WIDE; break;
      case O.OP_SRLW: setRd(hart, ip, <u64><i64><i32>(<u32>rs1(hart, ip) >> <u32>rs2(hart, ip))); ip += WIDE; break;
      case O.OP_SRAW: setRd(hart, ip, <u64><i64>(<i32>rs1(hart, ip) >> <i32>rs2(hart, ip))); ip += WIDE; break;
      // M.
      case O.OP_MUL: setRd(hart, ip, rs1(hart, ip) * rs2(hart, ip)); ip += WIDE; break;
      case O.OP_MULH: setRd(hart, ip, mulh(rs1(hart, ip), rs2(hart, ip))); ip += WIDE; break;
      case O.OP_MULHSU: setRd(hart, ip, mulhsu(rs1(hart, ip), rs2(hart, ip))); ip += WIDE; break;
      case O.OP_MULHU: setRd(hart, ip, mulhu(rs1(hart, ip), rs2(hart, ip))); ip += WIDE; break;
      case O.OP_DIV: setRd(hart, ip, div(rs1(hart, ip), rs2(hart, ip))); ip += WIDE; break;
      case O.OP_DIVU: setRd(hart, ip, divu(rs1(hart, ip), rs2(hart, ip))); ip += WIDE; break;
      case O.OP_REM: setRd(hart, ip, rem(rs1(hart, ip), rs2(hart, ip))); ip += WIDE; break;
      case O.OP_REMU: setRd(hart, ip, remu(rs1(hart, ip), rs2(hart, ip))); ip += WIDE; break;
      case O.OP_MULW: setRd(hart, ip, <u64><i64><i32>(rs1(hart, ip) * rs2(hart, ip))); ip += WIDE; break;
      case O.OP_DIVW: setRd(hart, ip, divw(<u32>rs1(hart, ip), <u32>rs2(hart, ip))); ip += WIDE; break;
      case O.OP_DIVUW: setRd(hart, ip, divuw(<u32>rs1(hart, ip), <u32>rs2(hart, ip))); ip += WIDE; break;
      case O.OP_REMW: setRd(hart, ip, remw(<u32>rs1(hart, ip), <u32>rs2(hart, ip))); ip += WIDE; break;
      case O.OP_REMUW: setRd(hart, ip, remuw(<u32>rs1(hart, ip), <u32>rs2(hart, ip))); ip += WIDE; break;
      // Zba.
      case O.OP_ADD_UW: setRd(hart, ip, <u64><u32>rs1(hart, ip) + rs2(hart, ip)); ip += WIDE; break;
      case O.OP_SH1ADD: setRd(hart, ip, (rs1(hart, ip) << 1) + rs2(hart, ip)); ip += WIDE; break;
      case O.OP_SH2ADD: setRd(hart, ip, (rs1(hart, ip) << 2) + rs2(hart, ip)); ip += WIDE; break;
      case O.OP_SH3ADD: setRd(hart, ip, (rs1(hart, ip) << 3) + rs2(hart, ip)); ip += WIDE; break;
      case O.OP_SH1ADD_UW: setRd(hart, ip, (<u64><u32>rs1(hart, ip) << 1) + rs2(hart, ip)); ip += WIDE; break;
      case O.OP_SH2ADD_UW: setRd(hart, ip, (<u64><u32>rs1(hart, ip) << 2) + rs2(hart, ip)); ip += WIDE; break;
      case O.OP_SH3ADD_UW: setRd(hart, ip, (<u64><u32>rs1(hart, ip) << 3) + rs2(hart, ip)); ip += WIDE; break;
      case O.OP_SLLI_UW: setRd(hart, ip, <u64><u32>rs1(hart, ip) << imm(ip)); ip += WIDE; break;
      // Zbb.
      case O.OP_ANDN: setRd(hart, ip, rs1(hart, ip) & ~rs2(hart, ip)); ip += WIDE; break;
      case O.OP_ORN: setRd(hart, ip, rs1(hart, ip) | ~rs2(hart, ip)); ip += WIDE; break;
      case O.OP_XNOR: setRd(hart, ip, ~(rs1(hart, ip) ^ rs2(hart, ip))); ip += WIDE; break;
      case O.OP_CLZ: setRd(hart, ip, clz<u64>(rs1(hart, ip))); ip += WIDE; break;
      case O.OP_CLZW: setRd(hart, ip, <u64>clz<u32>(<u32>rs1(hart, ip))); ip += WIDE; break;
      case O.OP_CTZ: setRd(hart, ip, ctz<u64>(rs1(hart, ip))); ip += WIDE; break;
      case O.OP_CTZW: setRd(hart, ip, <u64>ctz<u32>(<u32>rs1(hart, ip))); ip += WIDE; break;
      case O.OP_CPOP: setRd(hart, ip, popcnt<u64>(rs1(hart, ip))); ip += WIDE; break;
      case O.OP_CPOPW: setRd(hart, ip, <u64>popcnt<u32>(<u32>rs1(hart, ip))); ip += WIDE; break;
      case O.OP_MAX: setRd(hart, ip, select<u64>(rs1(hart, ip), rs2(hart, ip), <i64>rs1(hart, ip) > <i64>rs2(hart, ip))); ip += WIDE; break;
      case O.OP_MAXU: setRd(hart, ip, select<u64>(rs1(hart, ip), rs2(hart, ip), rs1(hart, ip) > rs2(hart, ip))); ip += WIDE; break;
      case O.OP_MIN: setRd(hart, ip, select<u64>(rs1(hart, ip), rs2(hart, ip), <i64>rs1(hart, ip) < <i64>rs2(hart, ip))); ip += WIDE; break;
      case O.OP_MINU: setRd(hart, ip, select<u64>(rs1(hart, ip), rs2(hart, ip), rs1(hart, ip) < rs2(hart, ip))); ip += WIDE; break;
      case O.OP_SEXT_B: setRd(hart, ip, <u64><i64><i8>rs1(hart, ip)); ip += WIDE; break;
      case O.OP_SEXT_H: setRd(hart, ip, <u64><i64><i16>rs1(hart, ip)); ip += WIDE; break;
      case O.OP_ZEXT_H: setRd(hart, ip, rs1(hart, ip) & 0xffff); ip += WIDE; break;
      case O.OP_ROL: setRd(hart, ip, rotl<u64>(rs1(hart, ip), rs2(hart, ip))); ip += WIDE; break;
      case O.OP_ROLW: setRd(hart, ip, <u64><i64><i32>(rotl<u32>(<u32>rs1(hart, ip), <u32>rs2(hart, ip)))); ip += WIDE; break;
      case O.OP_ROR: setRd(hart, ip, rotr<u64>(rs1(hart, ip), rs2(hart, ip))); ip += WIDE; break;
      case O.OP_RORW: setRd(hart, ip, <u64><i64><i32>(rotr<u32>(<u32>rs1(hart, ip), <u32>rs2(hart, ip)))); ip += WIDE; break;
      case O.OP_RORI: setRd(hart, ip, rotr<u64>(rs1(hart, ip), imm(ip))); ip += WIDE; break;
      case O.OP_RORIW: setRd(hart, ip, <u64><i64><i32>(rotr<u32>(<u32>rs1(hart, ip), imm32(ip)))); ip += WIDE; break;
      case O.OP_ORC_B: setRd(hart, ip, orcB(rs1(hart, ip))); ip += WIDE; break;
      case O.OP_REV8: setRd(hart, ip, bswap<u64>(rs1(hart, ip))); ip += WIDE; break;
      // Zbs.
      case O.OP_BSET: setRd(hart, ip, rs1(hart, ip) | (<u64>1 << rs2(hart, ip))); ip += WIDE; break;
      case O.OP_BSETI: setRd(hart, ip, rs1(hart, ip) | (<u64>1 << imm(ip))); ip += WIDE; break;
      case O.OP_BCLR: setRd(hart, ip, rs1(hart, ip) & ~(<u64>1 << rs2(hart, ip))); ip += WIDE; break;
      case O.OP_BCLRI: setRd(hart, ip, rs1(hart, ip) & ~(<u64>1 << imm(ip))); ip += WIDE; break;
      case O.OP_BINV: setRd(hart, ip, rs1(hart, ip) ^ (<u64>1 << rs2(hart, ip))); ip += WIDE; break;
      case O.OP_BINVI: setRd(hart, ip, rs1(hart, ip) ^ (<u64>1 << imm(ip))); ip += WIDE; break;
      case O.OP_BEXT: setRd(hart, ip, rs1(hart, ip) >> rs2(hart, ip) & 1); ip += WIDE; break;
      case O.OP_BEXTI: setRd(hart, ip, rs1(hart, ip) >> imm(ip) & 1); ip += WIDE; break;
      // Zicond.
      case O.OP_CZERO_EQZ: setRd(hart, ip, select<u64>(0, rs1(hart, ip), rs2(hart, ip) == 0)); ip += WIDE; break;
      case O.OP_CZERO_NEZ: setRd(hart, ip, select<u64>(0, rs1(hart, ip), rs2(hart, ip) != 0)); ip += WIDE; break;
      // Loads.
      case O.OP_LB: {
        const gva = rs1(hart, ip) + imm(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4095) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setRd(hart, ip, <u64><i64>load<i8>(pointer(entry, off))); ip += WIDE; break; }
      case O.OP_LH: {
        const gva = rs1(hart, ip) + imm(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4094) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setRd(hart, ip, <u64><i64>load<i16>(pointer(entry, off))); ip += WIDE; break; }
      case O.OP_LW: {
        const gva = rs1(hart, ip) + imm(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4092) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setRd(hart, ip, <u64><i64>load<i32>(pointer(entry, off))); ip += WIDE; break; }
      case O.OP_C_LW: {
        const gva = rs1(hart, ip) + imm(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4092) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setRd(hart, ip, <u64><i64>load<i32>(pointer(entry, off))); ip += SHORT; break; }
      case O.OP_LD: {
        const gva = rs1(hart, ip) + imm(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setRd(hart, ip, load<u64>(pointer(entry, off))); ip += WIDE; break; }
      case O.OP_C_LD: {
        const gva = rs1(hart, ip) + imm(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setRd(hart, ip, load<u64>(pointer(entry, off))); ip += SHORT; break; }
      case O.OP_LBU: {
        const gva = rs1(hart, ip) + imm(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4095) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setRd(hart, ip, <u64>load<u8>(pointer(entry, off))); ip += WIDE; break; }
      case O.OP_LHU: {
        const gva = rs1(hart, ip) + imm(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4094) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setRd(hart, ip, <u64>load<u16>(pointer(entry, off))); ip += WIDE; break; }
      case O.OP_LWU: {
        const gva = rs1(hart, ip) + imm(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4092) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setRd(hart, ip, <u64>load<u32>(pointer(entry, off))); ip += WIDE; break; }
      // Stores.
      case O.OP_SB: {
        const gva = rs1(hart, ip) + imm(ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4095) { hart.missAddress = gva; reason = STOP_WRITE; rest = left; left = 1; break; }
        store<u8>(pointer(entry, off), <u8>rs2(hart, ip)); ip += WIDE; break; }
      case O.OP_SH: {
        const gva = rs1(hart, ip) + imm(ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4094) { hart.missAddress = gva; reason = STOP_WRITE; rest = left; left = 1; break; }
        store<u16>(pointer(entry, off), <u16>rs2(hart, ip)); ip += WIDE; break; }
      case O.OP_SW: {
        const gva = rs1(hart, ip) + imm(ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4092) { hart.missAddress = gva; reason = STOP_WRITE; rest = left; left = 1; break; }
        store<u32>(pointer(entry, off), <u32>rs2(hart, ip)); ip += WIDE; break; }
      case O.OP_C_SW: {
        const gva = rs1(hart, ip) + imm(ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4092) { hart.missAddress = gva; reason = STOP_WRITE; rest = left; left = 1; break; }
        store<u32>(pointer(entry, off), <u32>rs2(hart, ip)); ip += SHORT; break; }
      case O.OP_SD: {
        const gva = rs1(hart, ip) + imm(ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088) { hart.missAddress = gva; reason = STOP_WRITE; rest = left; left = 1; break; }
        store<u64>(pointer(entry, off), <u64>rs2(hart, ip)); ip += WIDE; break; }
      case O.OP_C_SD: {
        const gva = rs1(hart, ip) + imm(ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088) { hart.missAddress = gva; reason = STOP_WRITE; rest = left; left = 1; break; }
        store<u64>(pointer(entry, off), <u64>rs2(hart, ip)); ip += SHORT; break; }
      // Loads and stores of floats: only while FS is dirty, else the state of FS must be looked at.
      case O.OP_FLW: {
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        const gva = rs1(hart, ip) + imm(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4092) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setFd(hart, ip, NAN_BOX | <u64>load<u32>(pointer(entry, off))); ip += WIDE; break; }
      case O.OP_FLD: {
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        const gva = rs1(hart, ip) + imm(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setFd(hart, ip, load<u64>(pointer(entry, off))); ip += WIDE; break; }
      case O.OP_C_FLD: {
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        const gva = rs1(hart, ip) + imm(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setFd(hart, ip, load<u64>(pointer(entry, off))); ip += SHORT; break; }
      case O.OP_FSW: {
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        const gva = rs1(hart, ip) + imm(ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4092) { hart.missAddress = gva; reason = STOP_WRITE; rest = left; left = 1; break; }
        store<u32>(pointer(entry, off), <u32>fs2(hart, ip)); ip += WIDE; break; }
      case O.OP_FSD: {
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        const gva = rs1(hart, ip) + imm(ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088) { hart.missAddress = gva; reason = STOP_WRITE; rest = left; left = 1; break; }
        store<u64>(pointer(entry, off), fs2(hart, ip)); ip += WIDE; break; }
      case O.OP_C_FSD: {
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        const gva = rs1(hart, ip) + imm(ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088) { hart.missAddress = gva; reason = STOP_WRITE; rest = left; left = 1; break; }
        store<u64>(pointer(entry, off), fs2(hart, ip)); ip += SHORT; break; }
      // Two in one: the same base and the same page, else the first is done alone.
      case O.OP_LD_LD_4: {
        const gva = rs1(hart, ip) + pairFirst(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        const second = off + pairDelta(ip);
        if (off > 4088 || second > 4088 || left == 1) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setRd(hart, ip, load<u64>(pointer(entry, off))); setRs2(hart, ip, load<u64>(pointer(entry, second))); ip += 16; left--; break; }
      case O.OP_LD_LD_6: {
        const gva = rs1(hart, ip) + pairFirst(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        const second = off + pairDelta(ip);
        if (off > 4088 || second > 4088 || left == 1) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setRd(hart, ip, load<u64>(pointer(entry, off))); setRs2(hart, ip, load<u64>(pointer(entry, second))); ip += 24; left--; break; }
      case O.OP_LD_LD_8: {
        const gva = rs1(hart, ip) + pairFirst(ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        const second = off + pairDelta(ip);
        if (off > 4088 || second > 4088 || left == 1) { hart.missAddress = gva; reason = STOP_READ; rest = left; left = 1; break; }
        setRd(hart, ip, load<u64>(pointer(entry, off))); setRs2(hart, ip, load<u64>(pointer(entry, second))); ip += 32; left--; break; }
      case O.OP_SD_SD_4: {
        const gva = rs1(hart, ip) + pairFirst(ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        const second = off + pairDelta(ip);
        if (off > 4088 || second > 4088 || left == 1) { hart.missAddress = gva; reason = STOP_WRITE; rest = left; left = 1; break; }
        store<u64>(pointer(entry, off), load<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 1))); store<u64>(pointer(entry, second), rs2(hart, ip)); ip += 16; left--; break; }
      case O.OP_SD_SD_6: {
        const gva = rs1(hart, ip) + pairFirst(ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        const second = off + pairDelta(ip);
        if (off > 4088 || second > 4088 || left == 1) { hart.missAddress = gva; reason = STOP_WRITE; rest = left; left = 1; break; }
        store<u64>(pointer(entry, off), load<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 1))); store<u64>(pointer(entry, second), rs2(hart, ip)); ip += 24; left--; break; }
      case O.OP_SD_SD_8: {
        const gva = rs1(hart, ip) + pairFirst(ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        const second = off + pairDelta(ip);
        if (off > 4088 || second > 4088 || left == 1) { hart.missAddress = gva; reason = STOP_WRITE; rest = left; left = 1; break; }
        store<u64>(pointer(entry, off), load<u64>(changetype<usize>(hart) + <usize>load<u8>(ip, 1))); store<u64>(pointer(entry, second), rs2(hart, ip)); ip += 32; left--; break; }
      // A. What is not aligned, not at hand, or not reserved is done in full elsewhere.
      case O.OP_LR_W: {
        const gva = rs1(hart, ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4092 || (off & 3) != 0) { hart.missAddress = gva; reason = STOP_STEP; rest = left; left = 1; break; }
        const seen = <u64><i64>load<i32>(pointer(entry, off)); reserve(hart, gva, 4, seen); setRd(hart, ip, seen); hart.x0 = 0; ip += WIDE; break; }
      case O.OP_LR_D: {
        const gva = rs1(hart, ip); const entry = readEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088 || (off & 7) != 0) { hart.missAddress = gva; reason = STOP_STEP; rest = left; left = 1; break; }
        const seen = load<u64>(pointer(entry, off)); reserve(hart, gva, 8, seen); setRd(hart, ip, seen); hart.x0 = 0; ip += WIDE; break; }
      case O.OP_SC_W: {
        const gva = rs1(hart, ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4092 || (off & 3) != 0 || hart.reservationSize != 4 || hart.reservationAddress != gva) { hart.missAddress = gva; reason = STOP_STEP; rest = left; left = 1; break; }
        hart.reservationSize = 0; setRd(hart, ip, u64(!swap32(pointer(entry, off), <u32>hart.reservationValue, <u32>rs2(hart, ip)))); hart.x0 = 0; ip += WIDE; break; }
      case O.OP_SC_D: {
        const gva = rs1(hart, ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088 || (off & 7) != 0 || hart.reservationSize != 8 || hart.reservationAddress != gva) { hart.missAddress = gva; reason = STOP_STEP; rest = left; left = 1; break; }
        hart.reservationSize = 0; setRd(hart, ip, u64(!swap64(pointer(entry, off), hart.reservationValue, rs2(hart, ip)))); hart.x0 = 0; ip += WIDE; break; }
      case O.OP_AMOADD_W: {
        const gva = rs1(hart, ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4092 || (off & 3) != 0) { hart.missAddress = gva; reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, <u64><i64><i32>add32(pointer(entry, off), <u32>rs2(hart, ip))); hart.x0 = 0; ip += WIDE; break; }
      case O.OP_AMOADD_D: {
        const gva = rs1(hart, ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088 || (off & 7) != 0) { hart.missAddress = gva; reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, add64(pointer(entry, off), rs2(hart, ip))); hart.x0 = 0; ip += WIDE; break; }
      case O.OP_AMOSWAP_W: {
        const gva = rs1(hart, ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4092 || (off & 3) != 0) { hart.missAddress = gva; reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, <u64><i64><i32>exchange32(pointer(entry, off), <u32>rs2(hart, ip))); hart.x0 = 0; ip += WIDE; break; }
      case O.OP_AMOSWAP_D: {
        const gva = rs1(hart, ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088 || (off & 7) != 0) { hart.missAddress = gva; reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, exchange64(pointer(entry, off), rs2(hart, ip))); hart.x0 = 0; ip += WIDE; break; }
      case O.OP_AMOOR_D: {
        const gva = rs1(hart, ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088 || (off & 7) != 0) { hart.missAddress = gva; reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, or64(pointer(entry, off), rs2(hart, ip))); hart.x0 = 0; ip += WIDE; break; }
      case O.OP_AMOAND_D: {
        const gva = rs1(hart, ip); const entry = writeEntry(data, gva); const off = load<u64>(entry) ^ gva;
        if (off > 4088 || (off & 7) != 0) { hart.missAddress = gva; reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, and64(pointer(entry, off), rs2(hart, ip))); hart.x0 = 0; ip += WIDE; break; }
      // An operation and the branch behind it: with one instruction to go, the operation alone.
      case O.OP_ADDI_BEQ: setRd(hart, ip, rdOf(hart, ip) + pairFirst(ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) == rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ADDI_BNE: setRd(hart, ip, rdOf(hart, ip) + pairFirst(ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) != rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ADDI_BLT: setRd(hart, ip, rdOf(hart, ip) + pairFirst(ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += <i64>rs1(hart, ip) < <i64>rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ADDI_BGE: setRd(hart, ip, rdOf(hart, ip) + pairFirst(ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += <i64>rs1(hart, ip) >= <i64>rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ADDI_BLTU: setRd(hart, ip, rdOf(hart, ip) + pairFirst(ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) < rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ADDI_BGEU: setRd(hart, ip, rdOf(hart, ip) + pairFirst(ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) >= rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ADDIW_BEQ: setRd(hart, ip, <u64><i64><i32>(rdOf(hart, ip) + pairFirst(ip))); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) == rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ADDIW_BNE: setRd(hart, ip, <u64><i64><i32>(rdOf(hart, ip) + pairFirst(ip))); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) != rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ADDIW_BLT: setRd(hart, ip, <u64><i64><i32>(rdOf(hart, ip) + pairFirst(ip))); if (left == 1) { ip += firstLength(ip); break; }
        ip += <i64>rs1(hart, ip) < <i64>rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ADDIW_BGE: setRd(hart, ip, <u64><i64><i32>(rdOf(hart, ip) + pairFirst(ip))); if (left == 1) { ip += firstLength(ip); break; }
        ip += <i64>rs1(hart, ip) >= <i64>rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ADDIW_BLTU: setRd(hart, ip, <u64><i64><i32>(rdOf(hart, ip) + pairFirst(ip))); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) < rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ADDIW_BGEU: setRd(hart, ip, <u64><i64><i32>(rdOf(hart, ip) + pairFirst(ip))); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) >= rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_LI_BEQ: setRd(hart, ip, pairFirst(ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) == rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_LI_BNE: setRd(hart, ip, pairFirst(ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) != rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ANDI_BEQ: setRd(hart, ip, rs1(hart, ip) & pairFirst(ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += rdOf(hart, ip) == rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_ANDI_BNE: setRd(hart, ip, rs1(hart, ip) & pairFirst(ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += rdOf(hart, ip) != rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_SEXT_BEQ: setRd(hart, ip, <u64><i64><i32>third(hart, ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) == rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_SEXT_BNE: setRd(hart, ip, <u64><i64><i32>third(hart, ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) != rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_SEXT_BLT: setRd(hart, ip, <u64><i64><i32>third(hart, ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += <i64>rs1(hart, ip) < <i64>rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_SEXT_BGE: setRd(hart, ip, <u64><i64><i32>third(hart, ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += <i64>rs1(hart, ip) >= <i64>rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_SEXT_BLTU: setRd(hart, ip, <u64><i64><i32>third(hart, ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) < rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      case O.OP_SEXT_BGEU: setRd(hart, ip, <u64><i64><i32>third(hart, ip)); if (left == 1) { ip += firstLength(ip); break; }
        ip += rs1(hart, ip) >= rs2(hart, ip) ? taken(ip) : fallen(ip); left--; break;
      // Two operations on registers.
      case O.OP_ADDI_ADDI: setRd(hart, ip, rdOf(hart, ip) + pairFirst(ip)); if (left == 1) { ip += firstLength(ip); break; }
        setRs2(hart, ip, rs2(hart, ip) + <u64>(<i64>pairDelta(ip) >> 3)); ip += fallen(ip); left--; break;
      case O.OP_MULW_ADDW: setRd(hart, ip, <u64><i64><i32>(rs1(hart, ip) * rs2(hart, ip))); if (left == 1) { ip += firstLength(ip); break; }
        setThird(hart, ip, <u64><i64><i32>(third(hart, ip) + rdOf(hart, ip))); ip += fallen(ip); left--; break;
      case O.OP_MUL_ADD: setRd(hart, ip, rs1(hart, ip) * rs2(hart, ip)); if (left == 1) { ip += firstLength(ip); break; }
        setThird(hart, ip, third(hart, ip) + rdOf(hart, ip)); ip += fallen(ip); left--; break;
      case O.OP_MV_MV: setRd(hart, ip, rs1(hart, ip)); if (left == 1) { ip += firstLength(ip); break; }
        setThird(hart, ip, rs2(hart, ip)); ip += fallen(ip); left--; break;
      case O.OP_ADDRESS: if (left == 1) { setRd(hart, ip, pcOf(page, va, ip) + upper(page, ip)); ip += WIDE; break; }
        setRd(hart, ip, pcOf(page, va, ip) + imm(ip)); ip += 2 * WIDE; left--; break;
      // Branches and jumps inside the page.
      case O.OP_BEQ: ip += rs1(hart, ip) == rs2(hart, ip) ? near(ip) : WIDE; break;
      case O.OP_BNE: ip += rs1(hart, ip) != rs2(hart, ip) ? near(ip) : WIDE; break;
      case O.OP_BLT: ip += <i64>rs1(hart, ip) < <i64>rs2(hart, ip) ? near(ip) : WIDE; break;
      case O.OP_BGE: ip += <i64>rs1(hart, ip) >= <i64>rs2(hart, ip) ? near(ip) : WIDE; break;
      case O.OP_BLTU: ip += rs1(hart, ip) < rs2(hart, ip) ? near(ip) : WIDE; break;
      case O.OP_BGEU: ip += rs1(hart, ip) >= rs2(hart, ip) ? near(ip) : WIDE; break;
      case O.OP_C_BEQ: ip += rs1(hart, ip) == 0 ? near(ip) : SHORT; break;
      case O.OP_C_BNE: ip += rs1(hart, ip) != 0 ? near(ip) : SHORT; break;
      case O.OP_JAL: setRd(hart, ip, pcOf(page, va, ip) + 4); ip += near(ip); break;
      case O.OP_J: ip += near(ip); break;
      case O.OP_C_J: ip += near(ip); break;
      // Branches and jumps that leave the page.
      case O.OP_FAR_BEQ:
        if (!(rs1(hart, ip) == rs2(hart, ip))) { ip += WIDE; break; }
        target = pcOf(page, va, ip) + imm(ip); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_FAR_BNE:
        if (!(rs1(hart, ip) != rs2(hart, ip))) { ip += WIDE; break; }
        target = pcOf(page, va, ip) + imm(ip); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_FAR_BLT:
        if (!(<i64>rs1(hart, ip) < <i64>rs2(hart, ip))) { ip += WIDE; break; }
        target = pcOf(page, va, ip) + imm(ip); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_FAR_BGE:
        if (!(<i64>rs1(hart, ip) >= <i64>rs2(hart, ip))) { ip += WIDE; break; }
        target = pcOf(page, va, ip) + imm(ip); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_FAR_BLTU:
        if (!(rs1(hart, ip) < rs2(hart, ip))) { ip += WIDE; break; }
        target = pcOf(page, va, ip) + imm(ip); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_FAR_BGEU:
        if (!(rs1(hart, ip) >= rs2(hart, ip))) { ip += WIDE; break; }
        target = pcOf(page, va, ip) + imm(ip); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_FAR_C_BEQ:
        if (!(rs1(hart, ip) == 0)) { ip += SHORT; break; }
        target = pcOf(page, va, ip) + imm(ip); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_FAR_C_BNE:
        if (!(rs1(hart, ip) != 0)) { ip += SHORT; break; }
        target = pcOf(page, va, ip) + imm(ip); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_FAR_JAL: target = pcOf(page, va, ip) + imm(ip); setRd(hart, ip, pcOf(page, va, ip) + 4); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_FAR_J: target = pcOf(page, va, ip) + imm(ip); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_FAR_C_J: target = pcOf(page, va, ip) + imm(ip); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_JALR: target = rs1(hart, ip) + imm(ip) & ~1; setRd(hart, ip, pcOf(page, va, ip) + 4); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_JR: target = rs1(hart, ip) + imm(ip) & ~1; reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_C_JALR: target = rs1(hart, ip) & ~1; setRd(hart, ip, pcOf(page, va, ip) + 2); reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_C_JR: target = rs1(hart, ip) & ~1; reason = STOP_JUMP; rest = left; left = 1; break;
      case O.OP_CALL:
        if (left == 1) { setRd(hart, ip, pcOf(page, va, ip) + upper(page, ip)); ip += WIDE; break; }
        target = pcOf(page, va, ip) + imm(ip) & ~1; setRd(hart, ip, pcOf(page, va, ip) + 8); left--; reason = STOP_JUMP; rest = left; left = 1; break;
      // F and D.
      case O.OP_FADD_D: {
        const r = reinterpret<u64>(double1(hart, ip) + double2(hart, ip));
        if ((r >> 52 & 0x7ff) - 1 >= hart.floatLimitDouble && (r << 1 != 0 || hart.floatLimitDouble == 0)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, r); ip += WIDE; break; }
      case O.OP_FSUB_D: {
        const r = reinterpret<u64>(double1(hart, ip) - double2(hart, ip));
        if ((r >> 52 & 0x7ff) - 1 >= hart.floatLimitDouble && (r << 1 != 0 || hart.floatLimitDouble == 0)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, r); ip += WIDE; break; }
      case O.OP_FMUL_D: {
        const r = reinterpret<u64>(double1(hart, ip) * double2(hart, ip));
        if ((r >> 52 & 0x7ff) - 2 >= hart.floatLimitDouble) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, r); ip += WIDE; break; }
      case O.OP_FDIV_D: {
        const r = reinterpret<u64>(double1(hart, ip) / double2(hart, ip));
        if ((r >> 52 & 0x7ff) - 2 >= hart.floatLimitDouble) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, r); ip += WIDE; break; }
      case O.OP_FSQRT_D: {
        const r = reinterpret<u64>(sqrt<f64>(double1(hart, ip)));
        if ((r >> 52 & 0x7ff) - 1 >= hart.floatLimitDouble) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, r); ip += WIDE; break; }
      case O.OP_FADD_S: {
        const r = reinterpret<u32>(single1(hart, ip) + single2(hart, ip));
        if (((fs1(hart, ip) & fs2(hart, ip)) >> 32 != 0xffff_ffff) || (<u64>(r >> 23 & 0xff) - 1 >= hart.floatLimitSingle && (r << 1 != 0 || hart.floatLimitSingle == 0))) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, NAN_BOX | <u64>r); ip += WIDE; break; }
      case O.OP_FSUB_S: {
        const r = reinterpret<u32>(single1(hart, ip) - single2(hart, ip));
        if (((fs1(hart, ip) & fs2(hart, ip)) >> 32 != 0xffff_ffff) || (<u64>(r >> 23 & 0xff) - 1 >= hart.floatLimitSingle && (r << 1 != 0 || hart.floatLimitSingle == 0))) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, NAN_BOX | <u64>r); ip += WIDE; break; }
      case O.OP_FMUL_S: {
        const r = reinterpret<u32>(single1(hart, ip) * single2(hart, ip));
        if (((fs1(hart, ip) & fs2(hart, ip)) >> 32 != 0xffff_ffff) || (<u64>(r >> 23 & 0xff) - 2 >= hart.floatLimitSingle)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, NAN_BOX | <u64>r); ip += WIDE; break; }
      case O.OP_FDIV_S: {
        const r = reinterpret<u32>(single1(hart, ip) / single2(hart, ip));
        if (((fs1(hart, ip) & fs2(hart, ip)) >> 32 != 0xffff_ffff) || (<u64>(r >> 23 & 0xff) - 2 >= hart.floatLimitSingle)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, NAN_BOX | <u64>r); ip += WIDE; break; }
      case O.OP_FSQRT_S: {
        const r = reinterpret<u32>(sqrt<f32>(single1(hart, ip)));
        if (((fs1(hart, ip)) >> 32 != 0xffff_ffff) || (<u64>(r >> 23 & 0xff) - 1 >= hart.floatLimitSingle)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, NAN_BOX | <u64>r); ip += WIDE; break; }
      case O.OP_FSGNJ_D:
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, fs1(hart, ip) & ~SIGN | fs2(hart, ip) & SIGN); ip += WIDE; break;
      case O.OP_FSGNJN_D:
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, fs1(hart, ip) & ~SIGN | ~fs2(hart, ip) & SIGN); ip += WIDE; break;
      case O.OP_FSGNJX_D:
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, fs1(hart, ip) ^ fs2(hart, ip) & SIGN); ip += WIDE; break;
      case O.OP_FEQ_D:
        if (hart.floatDirty == 0 || double1(hart, ip) != double1(hart, ip) || double2(hart, ip) != double2(hart, ip)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, u64(double1(hart, ip) == double2(hart, ip))); ip += WIDE; break;
      case O.OP_FLT_D:
        if (hart.floatDirty == 0 || double1(hart, ip) != double1(hart, ip) || double2(hart, ip) != double2(hart, ip)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, u64(double1(hart, ip) < double2(hart, ip))); ip += WIDE; break;
      case O.OP_FLE_D:
        if (hart.floatDirty == 0 || double1(hart, ip) != double1(hart, ip) || double2(hart, ip) != double2(hart, ip)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, u64(double1(hart, ip) <= double2(hart, ip))); ip += WIDE; break;
      case O.OP_FEQ_S:
        if (hart.floatDirty == 0 || (fs1(hart, ip) & fs2(hart, ip)) >> 32 != 0xffff_ffff || single1(hart, ip) != single1(hart, ip) || single2(hart, ip) != single2(hart, ip)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, u64(single1(hart, ip) == single2(hart, ip))); ip += WIDE; break;
      case O.OP_FLT_S:
        if (hart.floatDirty == 0 || (fs1(hart, ip) & fs2(hart, ip)) >> 32 != 0xffff_ffff || single1(hart, ip) != single1(hart, ip) || single2(hart, ip) != single2(hart, ip)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, u64(single1(hart, ip) < single2(hart, ip))); ip += WIDE; break;
      case O.OP_FLE_S:
        if (hart.floatDirty == 0 || (fs1(hart, ip) & fs2(hart, ip)) >> 32 != 0xffff_ffff || single1(hart, ip) != single1(hart, ip) || single2(hart, ip) != single2(hart, ip)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, u64(single1(hart, ip) <= single2(hart, ip))); ip += WIDE; break;
      case O.OP_FSGNJ_S:
        if (hart.floatDirty == 0 || (fs1(hart, ip) & fs2(hart, ip)) >> 32 != 0xffff_ffff) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, fs1(hart, ip) & ~SIGN_SINGLE | fs2(hart, ip) & SIGN_SINGLE); ip += WIDE; break;
      case O.OP_FSGNJN_S:
        if (hart.floatDirty == 0 || (fs1(hart, ip) & fs2(hart, ip)) >> 32 != 0xffff_ffff) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, fs1(hart, ip) & ~SIGN_SINGLE | ~fs2(hart, ip) & SIGN_SINGLE); ip += WIDE; break;
      case O.OP_FSGNJX_S:
        if (hart.floatDirty == 0 || (fs1(hart, ip) & fs2(hart, ip)) >> 32 != 0xffff_ffff) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, fs1(hart, ip) ^ fs2(hart, ip) & SIGN_SINGLE); ip += WIDE; break;
      case O.OP_FMV_X_D:
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, fs1(hart, ip)); ip += WIDE; break;
      case O.OP_FMV_D_X:
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, rs1(hart, ip)); ip += WIDE; break;
      case O.OP_FMV_X_W:
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, <u64><i64><i32>fs1(hart, ip)); ip += WIDE; break;
      case O.OP_FMV_W_X:
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, NAN_BOX | <u64><u32>rs1(hart, ip)); ip += WIDE; break;
      case O.OP_FCVT_D_W:
        if (hart.floatDirty == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, reinterpret<u64>(<f64><i32>rs1(hart, ip))); ip += WIDE; break;
      case O.OP_FCVT_D_L:
        if (hart.floatLimitDouble == 0) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, reinterpret<u64>(<f64><i64>rs1(hart, ip))); ip += WIDE; break;
      case O.OP_FCVT_W_D:
        if (hart.floatLimitDouble == 0 || !(abs<f64>(double1(hart, ip)) < 2147483648.0)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, <u64><i64><i32>double1(hart, ip)); ip += WIDE; break;
      case O.OP_FCVT_L_D:
        if (hart.floatLimitDouble == 0 || !(abs<f64>(double1(hart, ip)) < 9223372036854775808.0)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setRd(hart, ip, <u64><i64>double1(hart, ip)); ip += WIDE; break;
      case O.OP_FCVT_D_S:
        if (hart.floatDirty == 0 || fs1(hart, ip) >> 32 != 0xffff_ffff || single1(hart, ip) != single1(hart, ip)) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, reinterpret<u64>(<f64>single1(hart, ip))); ip += WIDE; break;
      case O.OP_FCVT_S_D: {
        const r = reinterpret<u32>(<f32>double1(hart, ip));
        if (<u64>(r >> 23 & 0xff) - 2 >= hart.floatLimitSingle) { reason = STOP_STEP; rest = left; left = 1; break; }
        setFd(hart, ip, NAN_BOX | <u64>r);
        ip += WIDE;
        break;
      }
      default: reason = STOP_STEP; rest = left; left = 1;
    }
  } while (--left != 0);
  if (reason == STOP_JUMP) {
    // The jump has happened: one less to go. What follows is all of it that is left to do.
    left = rest - 1;
    const entry = fetches + (<usize>(<u32>(target >> 12) * HASH >> 20) & 0xff0);
    const off = load<u64>(entry) ^ target;
    if (off < 4096 && left != 0) {
      page = <usize>load<u32>(entry, 8);
      va = target & ~0xfff;
      ip = page + (<usize>off << 2);
      continue;
    }
    hart.pc = target;
    hart.left = left;
    return off < 4096 ? STOP_BUDGET : STOP_FETCH;
  }
  hart.pc = pcOf(page, va, ip);
  hart.left = rest;
  hart.codePage = <u32>page;
  return reason;
  }
}
