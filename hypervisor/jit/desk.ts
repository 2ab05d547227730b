// The translator's desk: where it keeps instructions, blocks, functions and bytes while it works. One per worker.
//
//   INSTRUCTIONS   of the unit at hand, in the order they were found
//   BLOCKS         of the unit at hand
//   FUNCTIONS      of the unit at hand
//   WAYS           where indirect jumps and calls are known to go
//   ORDER          numbers of a function's blocks, in the order they are written
//   LABELS         of the constructs around what is being written (jit/labels.ts)
//   MAP            for each halfword around a function's entry: number of its instruction + 1
//   BODIES         code of the module at hand
//   MODULE         the module itself
//   ENTRIES        of the functions of the module at hand: unit, and bytes from the start of the unit's first page
//   PAGES          that the unit at hand lies on (jit/pages.ts)
//   ORIGINS        what the module at hand was made from (jit/origins.ts)

import { DESK, VERIFY, areaOf } from "../cpu/regions";
import { Instruction } from "./instruction";

/** Of a unit: more would save calls through the dispatcher, but a callee is translated again in each unit that calls it. */
export const INSTRUCTIONS_MAX: u32 = 800;
export const BLOCKS_MAX: u32 = 1500;
export const FUNCTIONS_MAX: u32 = 32;
/** Bytes around a function's entry that may belong to it. */
export const REACH: i32 = 0x1_0000;

const INSTRUCTION_SIZE: usize = 80;
const BLOCK_SIZE: usize = 128;
const FUNCTION_SIZE: usize = 64;
const BLOCKS: usize = DESK + <usize>INSTRUCTIONS_MAX * INSTRUCTION_SIZE;
const FUNCTIONS: usize = BLOCKS + <usize>BLOCKS_MAX * BLOCK_SIZE;
const WAYS: usize = FUNCTIONS + <usize>FUNCTIONS_MAX * FUNCTION_SIZE;
const WAYS_MAX: u32 = 2048;
const ORDER: usize = WAYS + (<usize>WAYS_MAX << 3);
const LABELS: usize = ORDER + (<usize>BLOCKS_MAX << 2);
/** A block opens two constructs at most, and a branch one. */
const MAP: usize = LABELS + (<usize>BLOCKS_MAX << 4);
const BODIES: usize = MAP + (<usize>REACH << 1);
/** Bytes of code of one module. */
export const BODIES_SIZE: usize = 0x10_0000;
const MODULE: usize = BODIES + BODIES_SIZE;
export const ORIGINS_SIZE: usize = 0x8_0000;
export const MODULE_SIZE: usize = BODIES_SIZE + ORIGINS_SIZE + 0x1_0000;

if (offsetof<Instruction>() > INSTRUCTION_SIZE) ERROR("Instruction is too large");
const ENTRIES: usize = MODULE + MODULE_SIZE;
export const ENTRIES_MAX: u32 = 512;
const PAGES: usize = ENTRIES + (<usize>ENTRIES_MAX << 3);
const ORIGINS: usize = PAGES + 0x1000;
if (ORIGINS + ORIGINS_SIZE > VERIFY) ERROR("the desk is too small");

/** A run of instructions that is entered at its first and left at its last. */
@unmanaged @final
export class Block {
  /** Distance in bytes from the function's entry, and of what follows it. */
  offset: i32;
  end: i32;
  /** Its first instruction, and how many, the one that ends it included. */
  first: u32;
  count: u32;
  /** END_*: how it ends. */
  ending: u32;
  /** Distances of where it goes on: if the branch is taken, or jumped to; and if not. */
  takenOffset: i32;
  fallOffset: i32;
  /** The blocks there; NONE: not in this function. */
  taken: u32;
  fall: u32;
  /** For END_CALL: the function of this unit, or NONE. */
  callee: u32;
  /** For END_SWITCH and END_CALLS: the first way, and how many. */
  firstWay: u32;
  ways: u32;
  /** Place in reverse postorder, from 0; NONE: not reached. */
  order: u32;
  /** Its immediate dominator; first block it dominates (highest order first), and the next one of the same dominator. */
  dominator: u32;
  child: u32;
  sibling: u32;
  /** Ways into it from earlier blocks; one such block. */
  entries: u32;
  from: u32;
  /** Where its end leads to what is not in the unit, the kernel is asked for that. */
  goesElsewhere: bool;
  isMet: bool;
  /** On a way from the head of a loop, and to its last block; the copy that was made of it (jit/split.ts). */
  isAhead: bool;
  isBehind: bool;
  copy: u32;
  isHeader: bool;
  /** The budget is looked at at its head: function entry, loop, return from a call. */
  isChecked: bool;
  /** Instructions at most from here to the next look at the budget. */
  cost: i32;
  /** Instructions executed at its head that are not yet taken off the budget. */
  owed: i32;
  /** Registers that memory may not know at its head, and those whose value is needed there. */
  dirtyX: u32;
  dirtyF: u32;
  liveX: u32;
  liveF: u32;
}

if (offsetof<Block>() > BLOCK_SIZE) ERROR("Block is too large");

export const NONE: u32 = 0xffff_ffff;

/** It goes on at `fall`. */
export const END_FALL: u32 = 0;
export const END_BRANCH: u32 = 1;
/** It goes on at `taken`. */
export const END_JUMP: u32 = 2;
/** Call of a function at a known distance. */
export const END_CALL: u32 = 3;
/** Jump to an address in a register. */
export const END_INDIRECT: u32 = 4;
/** What follows is not translated. */
export const END_LEAVE: u32 = 5;

/** Jump to an address in a register that is mostly one of a few: blocks of the function. */
export const END_SWITCH: u32 = 6;
/** Call of an address in a register that is mostly one of a few: functions of the unit. */
export const END_CALLS: u32 = 7;

/** Where an indirect jump or call may go. */
@unmanaged @final
export class Way {
  /** Distance in bytes from the function's entry. */
  offset: i32;
  /** The block, or for a call the function; NONE: it is not taken. */
  goal: u32;
}

/** A translated function: one entry, and what is reached from it without calls. */
@unmanaged @final
export class Routine {
  /** Distance in bytes from the unit's entry. */
  offset: i32;
  firstBlock: u32;
  blocks: u32;
  firstInstruction: u32;
  instructions: u32;
  /** Registers that it, and what it calls, may write. */
  writesX: u32;
  writesF: u32;
  /** Registers that occur in it. */
  usesX: u32;
  usesF: u32;
  /** Functions of the unit that it calls, as bits. */
  calls: u32;
  hasFloats: bool;
  /** It calls or jumps to what is not in the unit. */
  goesElsewhere: bool;
}

if (offsetof<Routine>() > FUNCTION_SIZE) ERROR("Routine is too large");
if (FUNCTIONS_MAX > 32) ERROR("Routine.calls has 32 bits");

let base: usize = 0;
export let instructions: u32 = 0;
export let blocks: u32 = 0;
export let functions: u32 = 0;
let ways: u32 = 0;

/** Sits down at the desk of this CPU. */
export function sit(cpu: u32): void {
  base = areaOf(cpu);
}

/** Clears the desk for another unit. */
export function clear(): void {
  instructions = blocks = functions = ways = 0;
}

export function instructionAt(number: u32): Instruction {
  return changetype<Instruction>(base + DESK + <usize>number * INSTRUCTION_SIZE);
}

export function blockAt(number: u32): Block {
  return changetype<Block>(base + BLOCKS + <usize>number * BLOCK_SIZE);
}

export function functionAt(number: u32): Routine {
  return changetype<Routine>(base + FUNCTIONS + <usize>number * FUNCTION_SIZE);
}

/** A fresh instruction, or null when the desk is full. */
export function addInstruction(): Instruction | null {
  if (instructions == INSTRUCTIONS_MAX) return null;
  const instruction = instructionAt(instructions++);
  memory.fill(changetype<usize>(instruction), 0, INSTRUCTION_SIZE);
  return instruction;
}

/** Takes the instructions from number `count` on away again. */
export function dropInstructions(count: u32): void {
  instructions = count;
}

/** A fresh block, or null when the desk is full. */
export function addBlock(): Block | null {
  if (blocks == BLOCKS_MAX) return null;
  const block = blockAt(blocks++);
  memory.fill(changetype<usize>(block), 0, BLOCK_SIZE);
  return block;
}

/** Takes the blocks from number `count` on away again. */
export function dropBlocks(count: u32): void {
  blocks = count;
}

/** A fresh function; there must be room. */
export function addFunction(): Routine {
  const fresh = functionAt(functions++);
  memory.fill(changetype<usize>(fresh), 0, FUNCTION_SIZE);
  return fresh;
}

export function wayAt(number: u32): Way {
  return changetype<Way>(base + WAYS + (<usize>number << 3));
}

/** Adds a way to the block that was given the last one; false: the desk is full. */
export function addWay(block: Block, offset: i32): bool {
  if (ways == WAYS_MAX) return false;
  if (block.ways == 0) block.firstWay = ways;
  const way = wayAt(ways++);
  way.offset = offset;
  way.goal = NONE;
  block.ways++;
  return true;
}

/** The block at place `place` of the order. */
export function ordered(place: u32): u32 {
  return load<u32>(base + ORDER + (<usize>place << 2));
}

/** Puts a block at a place of the order. */
export function setOrdered(place: u32, block: u32): void {
  store<u32>(base + ORDER + (<usize>place << 2), block);
}

/** The block that the label of construct `place` leads to. */
export function label(place: u32): u32 {
  return load<u32>(base + LABELS + (<usize>place << 2));
}

export function setLabel(place: u32, block: u32): void {
  store<u32>(base + LABELS + (<usize>place << 2), block);
}

/** Takes the function added last away again. */
export function dropFunction(): void {
  functions--;
}

/** Place in the map of the halfword at `offset` bytes from the entry; 0: out of reach. */
export function mapSlot(offset: i32): usize {
  const place = offset + REACH / 2;
  return place < 0 || place >= REACH ? 0 : base + MAP + (<usize>place << 1);
}

/** Room for one slot of decoded code. */
export function scratch(): usize {
  return base + PAGES + 0xff0;
}

export function bodies(): usize {
  return base + BODIES;
}

export function module(): usize {
  return base + MODULE;
}

/** Notes to which unit function `k` of the module belongs, and where its entry lies. */
export function setEntry(k: u32, unit: u32, place: i32): void {
  store<u32>(base + ENTRIES + (<usize>k << 3), unit);
  store<i32>(base + ENTRIES + (<usize>k << 3), place, 4);
}

export function entryUnit(k: u32): u32 {
  return load<u32>(base + ENTRIES + (<usize>k << 3));
}

export function entryPlace(k: u32): i32 {
  return load<i32>(base + ENTRIES + (<usize>k << 3), 4);
}

export function origins(): usize {
  return base + ORIGINS;
}

export function pages(): usize {
  return base + PAGES;
}
