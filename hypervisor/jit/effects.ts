// Which registers an instruction reads and writes, and whether it can be translated at all.

import * as O from "../cpu/ops";
import * as atomics from "./atomics";
import * as blocks from "./blocks";
import * as csrs from "./csrs";
import * as fences from "./fences";
import * as floats from "./floats";
import { Instruction } from "./instruction";
import * as integers from "./integers";

function bit(register: u32): u32 {
  return (1 << register) & ~1;
}

/** Fills in what `instruction` does to registers; false: it is left to the interpreter. */
export function find(instruction: Instruction): bool {
  const operation = instruction.operation;
  if (operation >= <u32>O.OP_LB && operation <= <u32>O.OP_C_FSD) return ofMemory(instruction);
  if (operation >= <u32>O.OP_FAR_BEQ && operation <= <u32>O.OP_C_JR) return ofJumps(instruction);
  if (integers.effects(instruction) || floats.effects(instruction)) return true;
  if (fences.effects(instruction)) return true;
  return atomics.effects(instruction) || blocks.effects(instruction) || csrs.effects(instruction);
}

function ofMemory(instruction: Instruction): bool {
  const operation = instruction.operation;
  instruction.readsX = bit(instruction.rs1);
  instruction.mayLeave = true;
  if (isFloatLoad(operation)) instruction.writesF = 1 << instruction.rd;
  else if (isFloatStore(operation)) instruction.readsF = 1 << instruction.rs2;
  else if (isStore(operation)) instruction.readsX |= bit(instruction.rs2);
  else instruction.writesX = bit(instruction.rd);
  return true;
}

function ofJumps(instruction: Instruction): bool {
  const operation = instruction.operation;
  if (operation <= <u32>O.OP_FAR_BGEU) instruction.readsX = bit(instruction.rs1) | bit(instruction.rs2);
  if (operation == O.OP_JALR || operation == O.OP_JR) instruction.readsX = bit(instruction.rs1);
  if (operation == O.OP_JALR || operation == O.OP_FAR_JAL) instruction.writesX = bit(instruction.rd);
  return true;
}

/** Does it store to memory? */
export function isStore(operation: u32): bool {
  return (operation >= <u32>O.OP_SB && operation <= <u32>O.OP_C_SD) || isFloatStore(operation);
}

export function isFloatLoad(operation: u32): bool {
  return operation >= <u32>O.OP_FLW && operation <= <u32>O.OP_C_FLD;
}

export function isFloatStore(operation: u32): bool {
  return operation >= <u32>O.OP_FSW && operation <= <u32>O.OP_C_FSD;
}

/** Is it a load or a store of any kind? */
export function isMemory(operation: u32): bool {
  return operation >= <u32>O.OP_LB && operation <= <u32>O.OP_C_FSD;
}

/** Does it touch f registers? Such an instruction needs FS to be dirty. */
export function isFloat(instruction: Instruction): bool {
  return (instruction.readsF | instruction.writesF) != 0;
}
