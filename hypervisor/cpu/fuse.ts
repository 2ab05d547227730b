// Makes one slot of two instructions that follow each other, where that saves more than a dispatch.
//
//   pair of loads or stores:  operation | first register | base | second register | i16 first offset | i16 second - first
//   call:                     operation | rd | - | - | i32 distance from the auipc to the target
//
// The second instruction keeps its own slot, so a jump to it works; and a store to either clears both (cpu/code.ts).

import {
  OP_AUIPC, OP_CALL, OP_C_LD, OP_C_SD, OP_JALR, OP_LD, OP_LD_LD_4, OP_SD, OP_SD_SD_4,
} from "./ops";

/** Fuses the decoded instruction in `slot` (of `length` bytes) with the next one, if they make a pair. */
export function fuse(slot: usize, length: u32): void {
  const next = slot + (<usize>length << 2);
  const first = <u32>load<u8>(slot);
  const second = <u32>load<u8>(next);
  if (first == OP_LD || first == OP_C_LD) {
    if (second == OP_LD || second == OP_C_LD) loads(slot, next, length + (second == OP_LD ? 4 : 2));
  } else if (first == OP_SD || first == OP_C_SD) {
    if (second == OP_SD || second == OP_C_SD) stores(slot, next, length + (second == OP_SD ? 4 : 2));
  } else if (first == OP_AUIPC && second == OP_JALR) {
    call(slot, next);
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

function call(slot: usize, next: usize): void {
  const rd = <u32>load<u8>(slot, 1);
  if (<u32>load<u8>(next, 1) != rd || <u32>load<u8>(next, 2) != rd) return;
  const distance = <i64>load<i32>(slot, 4) + <i64>load<i32>(next, 4);
  if (distance != <i64><i32>distance) return;
  put(slot, OP_CALL, rd, 0, 0, <u32>distance);
}
