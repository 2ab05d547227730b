// Loads and stores: the software TLB in line, and one look at it for several accesses from the same base.
//
// A look computes the entry for an address, compares the tag (which also refuses what leaves the page), and leaves the host's
// address in a local. Accesses of a block from the same register, not written in between, to places not far apart, share
// the look of the first, which is made for all their bytes, and for writing if one of them is a store. When those lie on two pages the look fails though the TLB
// knows both: the hart notes that, and a unit to which it happens often is translated anew without sharing.

import { Hart } from "../cpu/hart";
import * as O from "../cpu/ops";
import { instructionAt } from "./desk";
import * as effects from "./effects";
import * as exits from "./exits";
import { Instruction } from "./instruction";
import * as lookup from "./lookup";
import * as micro from "./micro";
import * as registers from "./registers";
import { HART, P, getF, getX, setF, setX } from "./registers";
import * as wasm from "./wasm";
import {
  END, F64_LOAD, F64_REINTERPRET_I64, F64_STORE, I32_STORE, I64_ADD, I64_GT_U, I64_LOAD, I64_LOAD16_S, I64_LOAD16_U,
  I64_LOAD32_S, I64_LOAD32_U, I64_LOAD8_S, I64_LOAD8_U, I64_OR, I64_REINTERPRET_F64, I64_STORE, I64_STORE16, I64_STORE32,
  I64_STORE8, IF, NOTHING,
} from "./wasm";

/** Bytes that accesses sharing a look may span. */
const SPAN: i32 = 256;
/** The same, where some are loads and some are stores: mostly what is read and written back. */
const MIXED: i32 = 16;
/** x2, through which the stack is accessed. */
const STACK: u32 = 2;
const NAN_BOX: i64 = <i64>0xffff_ffff_0000_0000;

let shares: bool = true;

/** For code in this TLB set. `isSharing`: may accesses share a look? `log`: where the end of a log of all stores is kept; 0: none. */
export function begin(tlbSet: u32, isSharing: bool, log: usize): void {
  lookup.begin(tlbSet, log);
  shares = isSharing;
}

function sizeOf(operation: u32): i32 {
  switch (operation) {
    case O.OP_LB: case O.OP_LBU: case O.OP_SB: return 1;
    case O.OP_LH: case O.OP_LHU: case O.OP_SH: return 2;
    case O.OP_LW: case O.OP_LWU: case O.OP_SW: case O.OP_FLW: case O.OP_FSW: return 4;
    default: return 8;
  }
}

/** Decides which of the `count` instructions from number `first` on share a look: fills in `shared`, `low` and `span`. */
export function group(first: u32, count: u32): void {
  let locals: u32 = 0;
  // Copies of a block have its instructions.
  for (let i = first; i < first + count; i++) {
    instructionAt(i).isFollower = false;
    instructionAt(i).shared = 0;
  }
  for (let i = first; i < first + count; i++) {
    const head = instructionAt(i);
    if (!effects.isMemory(head.operation) || head.isFollower) continue;
    head.low = head.immediate;
    head.span = sizeOf(head.operation);
    head.isForWrite = effects.isStore(head.operation);
    if (!shares || locals == registers.BASES || head.rs1 == 0) continue;
    if (gather(head, i, first + count, registers.BASE + locals)) locals++;
  }
}

/** Lets later accesses follow `head`, which is number `i`; their host address will be in `local`. True: there are some. */
function gather(head: Instruction, i: u32, end: u32, local: u32): bool {
  const base = head.rs1;
  let low = head.low;
  let high = low + head.span;
  let found = false;
  if ((head.writesX >> base & 1) != 0) return false;
  for (let k = i + 1; k < end; k++) {
    const other = instructionAt(k);
    if (effects.isMemory(other.operation) && other.rs1 == base && !other.isFollower) {
      const from = min<i32>(low, other.immediate);
      const to = max<i32>(high, other.immediate + sizeOf(other.operation));
      const isAlike = effects.isStore(other.operation) == effects.isStore(head.operation);
      if (to - from <= (isAlike ? SPAN : MIXED)) {
        low = from;
        high = to;
        other.isFollower = true;
        if (effects.isStore(other.operation)) head.isForWrite = true;
        other.shared = local;
        found = true;
      }
    }
    if ((other.writesX >> base & 1) != 0) break;
  }
  if (!found) return false;
  head.shared = local;
  head.low = low;
  head.span = high - low;
  // Followers count from the lowest byte too.
  for (let k = i + 1; k < end; k++) {
    const other = instructionAt(k);
    if (other.isFollower && other.shared == local) other.low = low;
  }
  return true;
}

/** Writes the instruction; false: it is no load or store. */
export function emit(instruction: Instruction): bool {
  if (!effects.isMemory(instruction.operation)) return false;
  if (!instruction.isFollower) look(instruction);
  if (instruction.isFollower || instruction.shared != 0) wasm.localGet(instruction.shared);
  const distance = <u32>(instruction.immediate - instruction.low);
  if (effects.isStore(instruction.operation)) storeAt(instruction, distance);
  else loadAt(instruction, distance);
  return true;
}

/**
 * Looks the address up. The host's address is left on the stack, or in the local that others share. The stack has no slots in
 * the micro-TLB: calls that go deep and come back cross its pages to and fro.
 */
function look(instruction: Instruction): void {
  const isStore = instruction.isForWrite;
  const isSingle = instruction.span == sizeOf(instruction.operation);
  const table = lookup.table(isStore);
  const slot = lookup.isUser() && instruction.rs1 != STACK ? micro.take(isStore, isSingle) : 0;
  getX(instruction.rs1);
  if (instruction.low != 0) {
    wasm.i64Const(instruction.low);
    wasm.byte(I64_ADD);
  }
  if (slot != 0) {
    micro.differs(slot, instruction.span, isSingle);
    wasm.byte(IF);
    wasm.byte(NOTHING);
    wasm.localGet(P);
  }
  lookup.find(table);
  wasm.i64Const(4096 - instruction.span);
  wasm.byte(I64_GT_U);
  wasm.byte(IF);
  wasm.byte(NOTHING);
  if (instruction.shared != 0) {
    wasm.localGet(HART);
    wasm.i32Const(1);
    wasm.memory(I32_STORE, <u32>offsetof<Hart>("sharedMiss"));
  }
  exits.leave();
  wasm.byte(END);
  if (slot != 0) {
    micro.fill(slot, isSingle, table);
    wasm.byte(END);
    micro.host(slot);
  } else {
    lookup.host(table);
  }
  if (instruction.shared != 0) wasm.localSet(instruction.shared);
}

/** The host's address is on the stack. */
function loadAt(instruction: Instruction, distance: u32): void {
  switch (instruction.operation) {
    case O.OP_FLD:
      wasm.memory(F64_LOAD, distance);
      setF(instruction.rd);
      return;
    case O.OP_FLW:
      wasm.memory(I64_LOAD32_U, distance);
      wasm.i64Const(NAN_BOX);
      wasm.byte(I64_OR);
      wasm.byte(F64_REINTERPRET_I64);
      setF(instruction.rd);
      return;
    case O.OP_LB: wasm.memory(I64_LOAD8_S, distance); break;
    case O.OP_LBU: wasm.memory(I64_LOAD8_U, distance); break;
    case O.OP_LH: wasm.memory(I64_LOAD16_S, distance); break;
    case O.OP_LHU: wasm.memory(I64_LOAD16_U, distance); break;
    case O.OP_LW: wasm.memory(I64_LOAD32_S, distance); break;
    case O.OP_LWU: wasm.memory(I64_LOAD32_U, distance); break;
    default: wasm.memory(I64_LOAD, distance);
  }
  setX(instruction.rd);
}

function storeAt(instruction: Instruction, distance: u32): void {
  lookup.log(distance, sizeOf(instruction.operation));
  switch (instruction.operation) {
    case O.OP_FSD:
      getF(instruction.rs2);
      wasm.memory(F64_STORE, distance);
      return;
    case O.OP_FSW:
      getF(instruction.rs2);
      wasm.byte(I64_REINTERPRET_F64);
      wasm.memory(I64_STORE32, distance);
      return;
    case O.OP_SB: getX(instruction.rs2); wasm.memory(I64_STORE8, distance); return;
    case O.OP_SH: getX(instruction.rs2); wasm.memory(I64_STORE16, distance); return;
    case O.OP_SW: getX(instruction.rs2); wasm.memory(I64_STORE32, distance); return;
    default: getX(instruction.rs2); wasm.memory(I64_STORE, distance);
  }
}
