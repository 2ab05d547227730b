// Where single instructions are translated: many into one module, each a function, called on a hart with any state; beside
// it, a second hart for the interpreter. What the tests of translated instructions share.

import { BOOT_FIRMWARE, CODE_BYTES, OK } from "../../../../hypervisor/abi";
import * as frames from "../../../../hypervisor/core/frames";
import { machine } from "../../../../hypervisor/core/machine";
import { burst } from "../../../../hypervisor/cpu/burst";
import { decode, NOWHERE } from "../../../../hypervisor/cpu/decode";
import * as fpu from "../../../../hypervisor/cpu/fpu";
import { Hart, PRIV_M, hartAt } from "../../../../hypervisor/cpu/hart";
import { OP_CZERO_NEZ, OP_NOP, OP_PAGE_END } from "../../../../hypervisor/cpu/ops";
import { reset } from "../../../../hypervisor/cpu/reset";
import { step } from "../../../../hypervisor/cpu/step";
import { RAM_BASE, guestAt } from "../../../../hypervisor/guest/guest";
import * as ram from "../../../../hypervisor/guest/ram";
import * as host from "../../../../hypervisor/host";
import * as atomics from "../../../../hypervisor/jit/atomics";
import * as csrs from "../../../../hypervisor/jit/csrs";
import * as fences from "../../../../hypervisor/jit/fences";
import * as exits from "../../../../hypervisor/jit/exits";
import * as floats from "../../../../hypervisor/jit/floats";
import { Instruction } from "../../../../hypervisor/jit/instruction";
import * as integers from "../../../../hypervisor/jit/integers";
import * as probe from "../../../../hypervisor/jit/probe";
import * as registers from "../../../../hypervisor/jit/registers";
import { HART, LIMIT_DOUBLE, LIMIT_SINGLE } from "../../../../hypervisor/jit/registers";
import * as wasm from "../../../../hypervisor/jit/wasm";

/** Instructions in one module. */
export const BATCH: u32 = 64;
/** Where their functions stand in the table. */
const SLOT: u32 = 1000;
/** Where pc stands before the instruction. */
export const ENTRY: u64 = 0x8000_1000;
const BUDGET: i32 = 100;
const FS_DIRTY: u64 = 3 << 13;
const MODULE_BYTES: usize = 0x20_0000;

/** What the instructions of a batch are: an Instruction each, then a decoded slot each, then the module. */
let space: usize = 0;
export let count: u32 = 0;
/** The hart that runs translated code, and the one that is interpreted. */
export let translated: Hart = changetype<Hart>(0);
export let interpreted: Hart = changetype<Hart>(0);

/** A machine with two harts, once for each test. */
export function open(): void {
  space = <usize>memory.grow(64) << 16;
  frames.open(1, space, CODE_BYTES);
  assert(machine().endFrame != 0);
  const guest = guestAt(0);
  ram.clear(guest);
  guest.harts = 2;
  guest.ramPages = 64;
  guest.boot = BOOT_FIRMWARE;
  translated = hartAt(guest, 0);
  reset(translated, RAM_BASE, 0, 0, PRIV_M);
  interpreted = hartAt(guest, 1);
  reset(interpreted, RAM_BASE, 0, 0, PRIV_M);
  count = 0;
}

/** Empties the batch. */
export function clear(): void {
  count = 0;
}

export function instructionAt(i: u32): Instruction {
  return changetype<Instruction>(space + <usize>i * offsetof<Instruction>());
}

function slotAt(i: u32): usize {
  return space + 0x1_0000 + (<usize>i << 5);
}

/** Puts an instruction into the batch, unless the translator does not take it: false. */
export function add(raw: u32): bool {
  assert(count < BATCH);
  const slot = slotAt(count);
  decode(slot, raw, NOWHERE);
  store<u64>(slot, OP_PAGE_END, 16);
  const i = instructionAt(count);
  memory.fill(changetype<usize>(i), 0, offsetof<Instruction>());
  i.operation = <u32>load<u8>(slot);
  i.rd = <u32>load<u8>(slot, 1) >> 3;
  i.rs1 = <u32>load<u8>(slot, 2) >> 3;
  i.rs2 = <u32>load<u8>(slot, 3) >> 3;
  i.immediate = load<i32>(slot, 4);
  i.raw = raw;
  i.length = 4;
  const isOurs = isInteger(i)
    ? integers.effects(i)
    : floats.effects(i) || fences.effects(i) || atomics.effects(i) || csrs.effects(i);
  if (isOurs) count++;
  return isOurs;
}

export function isInteger(i: Instruction): bool {
  return i.operation >= <u32>OP_NOP && i.operation <= <u32>OP_CZERO_NEZ;
}

function section(number: u32): usize {
  wasm.byte(number);
  return wasm.reserve();
}

function end(size: usize): void {
  wasm.patch(size, <u32>(wasm.at - size) - 5);
}

/** Writes the module of the batch and puts its functions into the table. */
export function build(): void {
  const start = space + 0x2_0000;
  wasm.open(start, start + MODULE_BYTES);
  const header: u64 = 0x0000_0001_6d73_6100;
  for (let i: u64 = 0; i < 64; i += 8) wasm.byte(<u32>(header >> i) & 0xff);
  let size = section(1);
  wasm.byte(1);
  wasm.byte(0x60);
  wasm.byte(4); wasm.byte(wasm.I32); wasm.byte(wasm.I32); wasm.byte(wasm.I64); wasm.byte(wasm.I32);
  wasm.byte(1); wasm.byte(wasm.I32);
  end(size);
  size = section(2);
  wasm.byte(1);
  wasm.byte(1); wasm.byte(0x6f);
  wasm.byte(1); wasm.byte(0x6d);
  wasm.byte(2); wasm.byte(3); wasm.unsigned(1); wasm.unsigned(65536);
  end(size);
  size = section(3);
  wasm.unsigned(count);
  for (let i: u32 = 0; i < count; i++) wasm.byte(0);
  end(size);
  size = section(7);
  wasm.unsigned(count);
  for (let i: u32 = 0; i < count; i++) {
    wasm.byte(i < 10 ? 1 : 2);
    if (i >= 10) wasm.byte(0x30 + i / 10);
    wasm.byte(0x30 + i % 10);
    wasm.byte(0);
    wasm.unsigned(i);
  }
  end(size);
  size = section(10);
  wasm.unsigned(count);
  for (let i: u32 = 0; i < count; i++) write(instructionAt(i));
  end(size);
  assert(!wasm.isFull);
  assert(host.codeInstall(start, <u32>(wasm.at - start), SLOT, count) == OK, "the module is not valid");
}

function write(i: Instruction): void {
  const size = wasm.reserve();
  registers.declare(i.readsX | i.writesX, i.readsF | i.writesF);
  registers.load_(i.readsX, i.readsF);
  wasm.localGet(HART);
  wasm.memory(wasm.I64_LOAD, <u32>offsetof<Hart>("floatLimitDouble"));
  wasm.localSet(LIMIT_DOUBLE);
  wasm.localGet(HART);
  wasm.memory(wasm.I64_LOAD, <u32>offsetof<Hart>("floatLimitSingle"));
  wasm.localSet(LIMIT_SINGLE);
  exits.stand(0, 0);
  assert(integers.emit(i) || atomics.emit(i) || csrs.emit(i) || fences.emit(i) || floats.emit(i));
  exits.leaveAt(4, 1);
  wasm.byte(wasm.END);
  end(size);
}

/** Calls the i-th function of the batch; true: it did its instruction, false: it left before. */
export function runTranslated(i: u32): bool {
  translated.pc = ENTRY;
  const left = call_indirect<i32>(SLOT + i, translated, BUDGET, ENTRY, 10);
  if (left == BUDGET) assert(translated.pc == ENTRY);
  else assert(left == BUDGET - 1 && translated.pc == ENTRY + 4);
  return left != BUDGET;
}

/** Executes the same instruction, by soft arithmetic if it is one on floats; A and CSRs in full too. */
export function runInterpreted(i: u32): void {
  const instruction = instructionAt(i);
  interpreted.pc = ENTRY;
  if (isInteger(instruction)) {
    const slot = slotAt(i);
    burst(interpreted, slot - (<usize>(ENTRY & 0xfff) << 2), ENTRY & ~0xfff, slot, 1);
    assert(interpreted.left == 0);
  } else {
    step(interpreted, guestAt(0), instruction.raw);
  }
  assert(interpreted.pc == ENTRY + 4, "the interpreter finds it illegal");
}

/** Gives both harts the same value in x`number`. */
export function setX(number: u32, value: u64): void {
  translated.setX(number, value);
  interpreted.setX(number, value);
}

export function setF(number: u32, value: u64): void {
  translated.setF(number, value);
  interpreted.setF(number, value);
}

/** Gives both harts the same state of the floating-point unit. */
export function setUnit(fflags: u32, frm: u32): void {
  setUnitOf(translated, fflags, frm);
  setUnitOf(interpreted, fflags, frm);
}

function setUnitOf(hart: Hart, fflags: u32, frm: u32): void {
  hart.fflags = fflags;
  hart.frm = frm;
  hart.mstatus |= FS_DIRTY;
  fpu.refresh(hart);
}

/** Do the harts agree in all that an instruction on registers can change? */
export function agree(): bool {
  if (translated.fflags != interpreted.fflags || translated.frm != interpreted.frm) return false;
  if (translated.mstatus != interpreted.mstatus) return false;
  for (let i: u32 = 0; i < 32; i++) {
    if (translated.x(i) != interpreted.x(i) || translated.f(i) != interpreted.f(i)) return false;
  }
  return true;
}

/** What the probe says of this host's relaxed multiply-adds. */
export function isHostFused(): bool {
  const start = space + 0x2_0000;
  assert(host.codeInstall(start, probe.write(start), SLOT, 1) == OK, "the probe is not valid");
  return call_indirect<i32>(SLOT, translated, BUDGET, ENTRY, 10) == 1;
}
