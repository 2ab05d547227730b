// A: what memory, rd and the reservation are afterwards; and where an instruction leaves, that nothing has happened.

import * as access from "../../../../hypervisor/cpu/access";
import { DONE } from "../../../../hypervisor/cpu/access";
import { Hart } from "../../../../hypervisor/cpu/hart";
import { LOG_ENTRY } from "../../../../hypervisor/cpu/verify";
import { WINDOW } from "../../../../hypervisor/core/layout";
import { guestAt } from "../../../../hypervisor/guest/guest";
import * as ram from "../../../../hypervisor/guest/ram";
import * as atomics from "../../../../hypervisor/jit/atomics";
import { Instruction } from "../../../../hypervisor/jit/instruction";
import * as lookup from "../../../../hypervisor/jit/lookup";
import { seed as hostSeed, show } from "../../../support/kernel/outside";
import { below, next, once, seed } from "../../../support/kernel/random";
import * as bench from "./bench";
import * as values from "./values";

const OPCODE: u32 = 0x2f;
const LR: u32 = 0x02;
const SC: u32 = 0x03;
const MIN: u32 = 0x10;
/** Which of the functions below 16 there are, as bits. */
const FUNCTIONS: u32 = 0x111f;
const WAYS: u32 = 7;
const RUNS: u32 = 300;
const SET_M: u32 = 3;

/** A page that the TLBs know, one that is known for reads alone, one that nobody knows. */
const KNOWN: u64 = 0x8000_4000;
const READ: u64 = 0x8000_5000;
const UNKNOWN: u64 = 0x8000_6000;

function begin(log: usize): void {
  seed(<u64>hostSeed() + 78);
  bench.open();
  lookup.begin(SET_M, log);
  // Frames of their own, before a TLB knows others.
  for (let gva = KNOWN; gva <= UNKNOWN; gva += 4096) assert(ram.writable(guestAt(0), gva) != 0);
  know(bench.translated);
  know(bench.interpreted);
}

function know(hart: Hart): void {
  hart.mapGeneration = guestAt(0).mapGeneration;
  assert(access.load_(hart, KNOWN, 8) == DONE);
  assert(access.load_(hart, READ, 8) == DONE);
  assert(access.writable(hart, guestAt(0), KNOWN, 8) == DONE);
}

/** Rd, rs1, rs2: apart, the same in many ways, x0. */
function registers(which: u32): u32 {
  switch (which) {
    case 0: return 5 << 7 | 6 << 15 | 7 << 20;
    case 1: return 6 << 7 | 6 << 15 | 7 << 20;
    case 2: return 7 << 7 | 6 << 15 | 7 << 20;
    case 3: return 9 << 7 | 30 << 15 | 30 << 20;
    case 4: return 31 << 7 | 31 << 15 | 31 << 20;
    case 5: return 6 << 15 | 7 << 20;
    default: return 5 << 7 | 6 << 15;
  }
}

function encoded(funct: u32, width: u32, which: u32): u32 {
  const fields = funct == LR ? registers(which) & ~(31 << 20) : registers(which);
  return OPCODE | width << 12 | below(4) << 25 | funct << 27 | fields;
}

/** A batch of all that is translated for this width. */
function build(width: u32): void {
  bench.clear();
  for (let funct: u32 = 0; funct < 16; funct++) {
    if ((FUNCTIONS >> funct & 1) == 0) continue;
    for (let which: u32 = 0; which < WAYS; which++) assert(bench.add(encoded(funct, width, which)));
  }
  bench.build();
}

function functionOf(i: Instruction): u32 {
  return i.raw >> 27;
}

function sizeOf(i: Instruction): u32 {
  return 1 << (i.raw >> 12 & 3);
}

function complain(i: Instruction, what: string): void {
  show(<f64>i.raw);
  assert(false, what);
}

function reserve(hart: Hart, size: u32, address: u64, value: u64): void {
  hart.reservationSize = size;
  hart.reservationAddress = address;
  hart.reservationValue = value;
}

/** Gives registers and the reservation values for an access at `gva`; true: the reservation is the one that SC wants. */
function fill(i: Instruction, gva: u64): bool {
  bench.setX(i.rs2, values.integer());
  bench.setX(i.rs1, gva);
  const ptr = ram.readable(guestAt(0), gva);
  const isSingle = sizeOf(i) == 4;
  let value: u64 = isSingle ? <u64><i64>load<i32>(ptr) : load<u64>(ptr);
  if (once(3)) value += once(2) ? 1 : 1 << 32;
  const size: u32 = once(8) ? 12 - sizeOf(i) : once(8) ? 0 : sizeOf(i);
  const address = once(8) ? gva ^ 8 : gva;
  reserve(bench.translated, size, address, value);
  reserve(bench.interpreted, size, address, value);
  return size == sizeOf(i) && address == gva;
}

function agree(): bool {
  const a = bench.translated;
  const b = bench.interpreted;
  return bench.agree() && a.reservationSize == b.reservationSize && a.reservationAddress == b.reservationAddress &&
    a.reservationValue == b.reservationValue;
}

/** Tries instruction `k` of the batch at `gva`; `mayDo`: the TLB knows enough. */
function exercise(k: u32, gva: u64, mayDo: bool): void {
  const i = bench.instructionAt(k);
  const line = ram.writable(guestAt(0), gva & ~15);
  store<u64>(line, values.integer());
  store<u64>(line, values.integer(), 8);
  const low = load<u64>(line);
  const high = load<u64>(line, 8);
  const isReserved = fill(i, gva);
  const isDue = mayDo && (gva & <u64>(sizeOf(i) - 1)) == 0 && (isReserved || functionOf(i) != SC);
  if (bench.runTranslated(k) != isDue) complain(i, isDue ? "it left without a reason" : "it did not leave");
  if (!isDue) {
    if (load<u64>(line) != low || load<u64>(line, 8) != high || !agree()) complain(i, "it left, but something had happened");
    return;
  }
  const newLow = load<u64>(line);
  const newHigh = load<u64>(line, 8);
  store<u64>(line, low);
  store<u64>(line, high, 8);
  bench.runInterpreted(k);
  if (load<u64>(line) != newLow || load<u64>(line, 8) != newHigh) complain(i, "memory is not what the interpreter makes of it");
  if (!agree()) complain(i, "translated code and the interpreter disagree");
}

function exerciseAll(width: u32): void {
  build(width);
  for (let k: u32 = 0; k < bench.count; k++) {
    for (let run: u32 = 0; run < RUNS; run++) {
      const offset = once(4) ? <u64>(4096 - 16 + below(9)) : <u64>below(4088);
      exercise(k, KNOWN + (once(6) ? offset : offset & ~(<u64>(1 << width) - 1)), true);
    }
  }
}

export function words_are_changed_as_the_interpreter_changes_them(): void {
  begin(0);
  exerciseAll(2);
}

export function doublewords_are_changed_as_the_interpreter_changes_them(): void {
  begin(0);
  exerciseAll(3);
}

export function words_are_changed_alike_without_atomic_instructions(): void {
  begin(0);
  atomics.allow(false);
  exerciseAll(2);
}

export function doublewords_are_changed_alike_without_atomic_instructions(): void {
  begin(0);
  atomics.allow(false);
  exerciseAll(3);
}

export function an_atomic_access_leaves_where_the_tlb_does_not_know_the_page(): void {
  begin(0);
  for (let width: u32 = 2; width < 4; width++) {
    build(width);
    for (let k: u32 = 0; k < bench.count; k++) {
      exercise(k, UNKNOWN + 16, false);
      exercise(k, READ + 16, functionOf(bench.instructionAt(k)) == LR);
    }
  }
}

export function minimum_and_maximum_and_what_is_illegal_are_left_to_the_interpreter(): void {
  begin(0);
  for (let funct = MIN; funct < 32; funct++) assert(!bench.add(encoded(funct, 3, 0)));
  for (let funct: u32 = 0; funct < 16; funct++) {
    if ((FUNCTIONS >> funct & 1) == 0) assert(!bench.add(encoded(funct, 2, 0)));
    assert(!bench.add(encoded(funct, 1, 0)));
    assert(!bench.add(encoded(funct, 4, 0)));
  }
  assert(!bench.add(encoded(LR, 3, 0) | 7 << 20));
}

export function what_an_atomic_store_overwrites_is_noted_where_both_engines_run(): void {
  const end = WINDOW;
  const log = WINDOW + 64;
  begin(end);
  for (let width: u32 = 2; width < 4; width++) {
    build(width);
    for (let k: u32 = 0; k < bench.count; k++) {
      const i = bench.instructionAt(k);
      const ptr = ram.writable(guestAt(0), KNOWN + 64);
      const old = next();
      store<u64>(ptr, old);
      store<u32>(end, <u32>log);
      const isReserved = fill(i, KNOWN + 64);
      const stores = functionOf(i) != LR && (functionOf(i) != SC || isReserved);
      bench.runTranslated(k);
      assert(load<u32>(end) == <u32>(stores ? log + LOG_ENTRY : log));
      if (!stores) continue;
      assert(load<u32>(log) == <u32>ptr);
      assert(load<u32>(log, 4) == sizeOf(i));
      assert(load<u64>(log, 8) == (width == 2 ? old & 0xffff_ffff : old));
    }
  }
}
