// Makes one slot of two instructions that follow each other, where that saves more than a dispatch.
//
//   pair of loads or stores:  operation | first register | base | second register | i16 first offset | i16 second - first
//   call, address:            operation | rd | - | - | i32 distance from the auipc to the target
//   operation and branch:     operation | rd | rs1 | rs2 | i16 immediate | i16 distance and lengths
//   sext.w and branch:        operation | rd | rs1 | rs2 of the branch | u16 rs of the sext.w | i16 distance and lengths
//   two moves:                operation | rd | rs1 | rs of the second | u16 rd of the second | u16 lengths
//   two additions in place:   operation | rd | - | rd of the second | i16 first immediate | i16 8 * second and lengths
//   product and sum:          operation | rd | rs1 | rs2 | u16 rd of the sum | u16 lengths
//   lengths, in the low three bits: bytes of both / 2 - 2, and 4 if the first has four
//
// The second instruction keeps its own slot, so a jump to it works; and a store to either clears both (cpu/code.ts).

import {
  OP_ADD, OP_ADDI, OP_ADDIW, OP_ADDIW_BEQ, OP_ADDI_ADDI, OP_ADDI_BEQ, OP_ADDRESS, OP_ADDW, OP_ANDI, OP_ANDI_BEQ,
  OP_AUIPC, OP_BEQ, OP_BGEU, OP_BNE, OP_CALL, OP_C_ADD, OP_C_ADDI, OP_C_ADDIW, OP_C_ADDW, OP_C_ANDI, OP_C_BEQ,
  OP_C_BNE, OP_C_LD, OP_C_LI, OP_C_MV, OP_C_SD, OP_JALR, OP_LD, OP_LD_LD_4, OP_LI, OP_LI_BEQ, OP_MUL, OP_MULW,
  OP_MULW_ADDW, OP_MUL_ADD, OP_MV, OP_MV_MV, OP_SD, OP_SD_SD_4, OP_SEXT_BEQ,
} from "./ops";

/** Fuses the decoded instruction in `slot` (of `length` bytes) with the next one, if they make a pair. */
export function fuse(slot: usize, length: u32): void {
  const next = slot + (<usize>length << 2);
  const second = <u32>load<u8>(next);
  switch (<u32>load<u8>(slot)) {
    case OP_LD: case OP_C_LD:
      if (second == OP_LD || second == OP_C_LD) loads(slot, next, length + (second == OP_LD ? 4 : 2));
      break;
    case OP_SD: case OP_C_SD:
      if (second == OP_SD || second == OP_C_SD) stores(slot, next, length + (second == OP_SD ? 4 : 2));
      break;
    case OP_AUIPC:
      if (second == OP_JALR) fromHere(slot, next, OP_CALL);
      else if (second == OP_ADDI) fromHere(slot, next, OP_ADDRESS);
      break;
    case OP_ADDI: case OP_C_ADDI:
      if (second == OP_ADDI || second == OP_C_ADDI) additions(slot, next, length);
      else inPlace(slot, next, length, OP_ADDI_BEQ);
      break;
    case OP_ADDIW: case OP_C_ADDIW:
      if (load<i32>(slot, 4) == 0) extension(slot, next, length);
      else inPlace(slot, next, length, OP_ADDIW_BEQ);
      break;
    case OP_MULW:
      if (second == OP_ADDW || second == OP_C_ADDW) productAndSum(slot, next, OP_MULW_ADDW, second == OP_C_ADDW);
      break;
    case OP_MUL:
      if (second == OP_ADD || second == OP_C_ADD) productAndSum(slot, next, OP_MUL_ADD, second == OP_C_ADD);
      break;
    case OP_LI: case OP_C_LI: constant(slot, next, length); break;
    case OP_ANDI: case OP_C_ANDI: mask(slot, next, length); break;
    case OP_MV: case OP_C_MV:
      if (second == OP_MV || second == OP_C_MV) moves(slot, next, length);
      break;
    default:
  }
}

function put(slot: usize, operation: u32, first: u32, base: u32, second: u32, immediate: u32): void {
  store<u64>(slot, <u64>(operation | first << 8 | base << 16 | second << 24) | <u64>immediate << 32);
}

/** Both offsets, as a pair's immediate. Each has 12 bits, so the difference has 13. */
function offsets(slot: usize, next: usize): u32 {
  const first = load<i32>(slot, 4);
  return <u32>first & 0xffff | <u32>(load<i32>(next, 4) - first) << 16;
}

function loads(slot: usize, next: usize, bytes: u32): void {
  const rd = <u32>load<u8>(slot, 1);
  const base = <u32>load<u8>(slot, 2);
  // The first must not change the base of the second.
  if (rd == base || <u32>load<u8>(next, 2) != base) return;
  put(slot, OP_LD_LD_4 + (bytes - 4 >> 1), rd, base, <u32>load<u8>(next, 1), offsets(slot, next));
}

function stores(slot: usize, next: usize, bytes: u32): void {
  const base = <u32>load<u8>(slot, 2);
  if (<u32>load<u8>(next, 2) != base) return;
  put(slot, OP_SD_SD_4 + (bytes - 4 >> 1), <u32>load<u8>(slot, 3), base, <u32>load<u8>(next, 3), offsets(slot, next));
}

/** auipc and what adds to it: the distance of both from here. */
function fromHere(slot: usize, next: usize, operation: u32): void {
  const rd = <u32>load<u8>(slot, 1);
  if (<u32>load<u8>(next, 1) != rd || <u32>load<u8>(next, 2) != rd) return;
  const distance = <i64>load<i32>(slot, 4) + <i64>load<i32>(next, 4);
  if (distance != <i64><i32>distance) return;
  put(slot, operation, rd, 0, 0, <u32>distance);
}

/** Which of the six near branches is in `next`, 0 … 5; more: none. */
function branchIn(next: usize): u32 {
  const operation = <u32>load<u8>(next);
  if (operation == OP_C_BEQ) return 0;
  if (operation == OP_C_BNE) return 1;
  return operation - OP_BEQ;
}

const BRANCHES: u32 = OP_BGEU - OP_BEQ + 1;
const EQUALITIES: u32 = OP_BNE - OP_BEQ + 1;

/** Lengths of a pair, as its low three bits. */
function lengths(length: u32, secondIsShort: bool): u32 {
  return (length + (secondIsShort ? 2 : 4) >> 1) - 2 | (length == 4 ? 4 : 0);
}

/** Immediate of an operation and a branch: a distance is a multiple of 8, so its low bits are free for the lengths. */
function operationAndBranch(slot: usize, next: usize, length: u32): u32 {
  const branch = <u32>load<u8>(next);
  const distance = <u32>load<i32>(next, 4) + (length << 2);
  return <u32>load<i32>(slot, 4) & 0xffff | (distance | lengths(length, branch == OP_C_BEQ || branch == OP_C_BNE)) << 16;
}

/** An addition to a register, and any branch. */
function inPlace(slot: usize, next: usize, length: u32, operation: u32): void {
  const branch = branchIn(next);
  const rd = <u32>load<u8>(slot, 1);
  if (branch >= BRANCHES || <u32>load<u8>(slot, 2) != rd) return;
  put(slot, operation + branch, rd, <u32>load<u8>(next, 2), <u32>load<u8>(next, 3), operationAndBranch(slot, next, length));
}

/** A sign extension of a word, and any branch. */
function extension(slot: usize, next: usize, length: u32): void {
  const branch = branchIn(next);
  if (branch >= BRANCHES) return;
  const immediate = operationAndBranch(slot, next, length) & 0xffff_0000 | <u32>load<u8>(slot, 2);
  put(slot, OP_SEXT_BEQ + branch, <u32>load<u8>(slot, 1), <u32>load<u8>(next, 2), <u32>load<u8>(next, 3), immediate);
}

/** Two additions, each to a register in place. */
function additions(slot: usize, next: usize, length: u32): void {
  const first = <u32>load<u8>(slot, 1);
  const second = <u32>load<u8>(next, 1);
  if (<u32>load<u8>(slot, 2) != first || <u32>load<u8>(next, 2) != second) return;
  const bits = lengths(length, <u32>load<u8>(next) == OP_C_ADDI);
  put(slot, OP_ADDI_ADDI, first, 0, second, <u32>load<i32>(slot, 4) & 0xffff | (load<u32>(next, 4) << 3 | bits) << 16);
}

/** A product, and its addition to a register in place. */
function productAndSum(slot: usize, next: usize, operation: u32, secondIsShort: bool): void {
  const product = <u32>load<u8>(slot, 1);
  const sum = <u32>load<u8>(next, 1);
  const a = <u32>load<u8>(next, 2);
  const b = <u32>load<u8>(next, 3);
  if (sum == product || !((a == product && b == sum) || (a == sum && b == product))) return;
  put(slot, operation, product, <u32>load<u8>(slot, 2), <u32>load<u8>(slot, 3), sum | lengths(4, secondIsShort) << 16);
}

/** A small constant, and a test for equality. */
function constant(slot: usize, next: usize, length: u32): void {
  const branch = branchIn(next);
  const value = load<i32>(slot, 4);
  if (branch >= EQUALITIES || value != <i32><i16>value) return;
  put(slot, OP_LI_BEQ + branch, <u32>load<u8>(slot, 1), <u32>load<u8>(next, 2), <u32>load<u8>(next, 3), operationAndBranch(slot, next, length));
}

/** A mask, and a test of its result for equality with another register, mostly x0. */
function mask(slot: usize, next: usize, length: u32): void {
  const branch = branchIn(next);
  const rd = <u32>load<u8>(slot, 1);
  if (branch >= EQUALITIES || <u32>load<u8>(next, 2) != rd) return;
  put(slot, OP_ANDI_BEQ + branch, rd, <u32>load<u8>(slot, 2), <u32>load<u8>(next, 3), operationAndBranch(slot, next, length));
}

/** Two moves, one after the other: the second may read what the first wrote. */
function moves(slot: usize, next: usize, length: u32): void {
  const secondIsShort = <u32>load<u8>(next) == OP_C_MV;
  put(slot, OP_MV_MV, <u32>load<u8>(slot, 1), <u32>load<u8>(slot, 2), <u32>load<u8>(next, 2),
    <u32>load<u8>(next, 1) | lengths(length, secondIsShort) << 16);
}
