// Finds the code of one function: what is reached from its entry without calls, as far as it was executed before.

import { decode, NOWHERE } from "../cpu/decode";
import { expand } from "../cpu/compressed";
import * as O from "../cpu/ops";
import * as targets from "../cpu/targets";
import * as desk from "./desk";
import {
  Block, END_BRANCH, END_CALL, END_CALLS, END_FALL, END_INDIRECT, END_JUMP, END_LEAVE, END_SWITCH, INSTRUCTIONS_MAX, Routine, NONE,
} from "./desk";
import * as effects from "./effects";
import { Instruction } from "./instruction";
import * as pages from "./pages";

/** Instructions of a callee at most: a larger one is called through the kernel, rather than translated again here. */
const CALLEE_MOST: u32 = 100;
/** An indirect call with more targets than this always goes through the dispatcher. */
const CALLEES_MOST: u32 = 4;
/** Bits of a map entry's high half: the instruction begins a block. */
const LEADER: u32 = 0x8000_0000;

/** Instructions of the function at hand at most. */
let most: u32 = 0;
/** There was no room for all of the function. */
let isCut: bool = false;

/** Where the entry lies: bytes from the start of the unit's first page. */
let origin: i32 = 0;

/** Reads the function at `offset` bytes from the unit's entry onto the desk; `place`: of that entry in its page. */
export function read(fn: Routine, offset: i32, place: i32): bool {
  origin = place + offset;
  fn.offset = offset;
  fn.firstInstruction = desk.instructions;
  fn.firstBlock = desk.blocks;
  memory.fill(desk.mapSlot(-desk.REACH / 2), 0, <usize>desk.REACH << 1);
  isCut = false;
  most = offset == 0 ? INSTRUCTIONS_MAX : CALLEE_MOST;
  follow(fn);
  fn.instructions = desk.instructions - fn.firstInstruction;
  // A callee of which only a part has room is better called where it is whole.
  const whole = fn.instructions != 0 && (!isCut || offset == 0) && divide(fn);
  fn.blocks = desk.blocks - fn.firstBlock;
  if (whole) return true;
  desk.dropInstructions(fn.firstInstruction);
  desk.dropBlocks(fn.firstBlock);
  return false;
}

function numberAt(offset: i32): u32 {
  const slot = desk.mapSlot(offset);
  return slot == 0 ? NONE : (load<u32>(slot) & ~LEADER) - 1;
}

function lead(offset: i32): void {
  const slot = desk.mapSlot(offset);
  if (slot != 0) store<u32>(slot, load<u32>(slot) | LEADER);
}

function leads(offset: i32): bool {
  const slot = desk.mapSlot(offset);
  return slot != 0 && (load<u32>(slot) & LEADER) != 0;
}

/** Reads instructions from the entry on; where branches lead to is read too. */
function follow(fn: Routine): void {
  line(fn, 0);
  // Instructions already read are the list of what is still to be followed.
  for (let i = fn.firstInstruction; i < desk.instructions; i++) {
    const instruction = desk.instructionAt(i);
    if (isBranch(instruction) || (isJump(instruction) && instruction.rd == 0)) line(fn, instruction.offset + instruction.immediate);
    if (isIndirect(instruction)) followTargets(fn, instruction);
    if (isBranch(instruction) || isCall(instruction) || instruction.operation == O.OP_JALR) line(fn, instruction.offset + <i32>instruction.length);
  }
}

/** Reads where an indirect jump is known to go; a call's targets are functions of their own. */
function followTargets(fn: Routine, instruction: Instruction): void {
  if (isReturn(instruction) || instruction.rd != 0) return;
  const site = pages.siteAt(origin + instruction.offset);
  if (site == null) return;
  for (let i: u32 = 0; i < site.count; i++) line(fn, instruction.offset + targets.at(site, i));
}

/** Reads on from `offset` until control leaves the line for sure, or meets what is known. */
function line(fn: Routine, offset: i32): void {
  lead(offset);
  while (true) {
    const slot = desk.mapSlot(offset);
    if (slot == 0 || (load<u32>(slot) & ~LEADER) != 0) return;
    if (!pages.isKnown(origin + offset)) return;
    const raw = pages.fetch(origin + offset);
    if (raw == 0) return;
    const fresh = desk.instructions - fn.firstInstruction < most ? desk.addInstruction() : null;
    if (fresh == null) {
      isCut = true;
      return;
    }
    if (!understand(fresh, raw, offset, fn)) {
      desk.dropInstructions(desk.instructions - 1);
      return;
    }
    store<u32>(slot, load<u32>(slot) & LEADER | desk.instructions);
    if (ends(fresh)) return;
    offset += fresh.length;
  }
}

/** Decodes; false: not to be translated. */
function understand(instruction: Instruction, raw: u32, offset: i32, fn: Routine): bool {
  const isShort = (raw & 3) != 3;
  const wide = isShort ? expand(raw & 0xffff) : raw;
  if (wide == 0) return false;
  const slot = desk.scratch();
  decode(slot, wide, NOWHERE);
  instruction.operation = load<u8>(slot);
  instruction.rd = load<u8>(slot, 1) >> 3;
  instruction.rs1 = load<u8>(slot, 2) >> 3;
  instruction.rs2 = load<u8>(slot, 3) >> 3;
  instruction.immediate = load<i32>(slot, 4);
  instruction.raw = wide;
  instruction.length = isShort ? 2 : 4;
  instruction.offset = offset;
  if (!effects.find(instruction)) return false;
  joinCall(instruction, fn);
  return true;
}

/** auipc and jalr through the same register: a call or jump to a known place. */
function joinCall(instruction: Instruction, fn: Routine): void {
  if (instruction.operation != O.OP_JALR && instruction.operation != O.OP_JR) return;
  const number = desk.instructions - 1;
  if (number == fn.firstInstruction || leads(instruction.offset)) return;
  const before = desk.instructionAt(number - 1);
  if (before.operation != O.OP_AUIPC || before.rd != instruction.rs1) return;
  if (before.offset + <i32>before.length != instruction.offset) return;
  const distance = <i64>before.immediate + <i64>instruction.immediate - 4 & ~1;
  if (distance != <i64><i32>distance) return;
  instruction.operation = O.OP_FAR_JAL;
  instruction.immediate = <i32>distance;
}

function isBranch(instruction: Instruction): bool {
  return instruction.operation >= <u32>O.OP_FAR_BEQ && instruction.operation <= <u32>O.OP_FAR_BGEU;
}

function isJump(instruction: Instruction): bool {
  return instruction.operation == O.OP_FAR_JAL || instruction.operation == O.OP_FAR_J;
}

function isCall(instruction: Instruction): bool {
  return instruction.operation == O.OP_FAR_JAL && instruction.rd != 0;
}

function isIndirect(instruction: Instruction): bool {
  return instruction.operation == O.OP_JALR || instruction.operation == O.OP_JR;
}

/** A jump through a link register, as a function returns. */
export function isReturn(instruction: Instruction): bool {
  return instruction.operation == O.OP_JR && (instruction.rs1 == 1 || instruction.rs1 == 5);
}

function ends(instruction: Instruction): bool {
  return isBranch(instruction) || isJump(instruction) || isIndirect(instruction);
}

/** Divides what was read into blocks, and links them. */
function divide(fn: Routine): bool {
  const end = desk.instructions;
  let i = fn.firstInstruction;
  while (i < end) {
    const block = desk.addBlock();
    if (block == null) return false;
    i = fill(block, i, end);
  }
  for (let b = fn.firstBlock; b < desk.blocks; b++) {
    const block = desk.blockAt(b);
    const first = desk.instructionAt(block.first);
    // From here on the map tells blocks.
    store<u32>(desk.mapSlot(first.offset), (b + 1) | LEADER);
  }
  for (let b = fn.firstBlock; b < desk.blocks; b++) link(desk.blockAt(b));
  return true;
}

/** Makes a block of the instructions from number `i` on; the number behind it. */
function fill(block: Block, i: u32, end: u32): u32 {
  const first = desk.instructionAt(i);
  if (isJump(first) && (first.raw & 0x7f) == 0x67) {
    // A jump leads here, past the auipc: so the register may hold anything.
    first.operation = first.rd == 0 ? O.OP_JR : O.OP_JALR;
    first.immediate = <i32>first.raw >> 20;
  }
  block.first = i;
  block.offset = first.offset;
  block.taken = block.fall = block.callee = NONE;
  let offset = first.offset;
  while (true) {
    const instruction = desk.instructionAt(i);
    offset += <i32>instruction.length;
    block.count++;
    i++;
    block.end = offset;
    block.fallOffset = offset;
    if (ends(instruction)) {
      block.takenOffset = instruction.offset + instruction.immediate;
      block.ending = isBranch(instruction) ? END_BRANCH : isIndirect(instruction) ? END_INDIRECT :
        isCall(instruction) ? END_CALL : END_JUMP;
      if (block.ending == END_INDIRECT && !isReturn(instruction)) {
        if (instruction.rd != 0) block.ending = END_CALLS;
        addWays(block, instruction);
      }
      return i;
    }
    const next = numberAt(offset);
    if (next == NONE || next != i || i == end || leads(offset)) {
      block.ending = next == NONE ? END_LEAVE : END_FALL;
      return i;
    }
  }
}

/** Adds to a block where its indirect jump or call is known to go. */
function addWays(block: Block, instruction: Instruction): void {
  const site = pages.siteAt(origin + instruction.offset);
  if (site == null || (instruction.rd != 0 && site.count > CALLEES_MOST)) return;
  for (let i: u32 = 0; i < site.count; i++) if (!desk.addWay(block, instruction.offset + targets.at(site, i))) return;
  if (block.ways != 0 && instruction.rd == 0) block.ending = END_SWITCH;
}

function link(block: Block): void {
  if (block.ending == END_CALLS) block.fall = blockFrom(block.fallOffset);
  if (block.ending == END_SWITCH) {
    for (let k: u32 = 0; k < block.ways; k++) {
      const way = desk.wayAt(block.firstWay + k);
      way.goal = blockFrom(way.offset);
    }
  }
  if (block.ending == END_BRANCH || block.ending == END_JUMP) block.taken = blockFrom(block.takenOffset);
  if (block.ending == END_BRANCH || block.ending == END_CALL || block.ending == END_FALL) block.fall = blockFrom(block.fallOffset);
}

function blockFrom(offset: i32): u32 {
  return leads(offset) ? numberAt(offset) : NONE;
}
