// Tries instructions on both harts: what translated code does is what the interpreter does, or nothing at all.

import { Instruction } from "../../../../hypervisor/jit/instruction";
import { seed as hostSeed, show } from "../../../support/kernel/outside";
import { below, once, seed } from "../../../support/kernel/random";
import * as bench from "./bench";
import { BATCH, instructionAt } from "./bench";
import * as values from "./values";

export const RD: u32 = 31 << 7;
export const RS1: u32 = 31 << 15;
export const RS2: u32 = 31 << 20;
export const RS3: u32 = 31 << 27;

/** Operands of any kind, and the floating-point unit in any state. */
export const ANY: u32 = 0;
/** Positive numbers of moderate size, NX set, rounding to nearest: translated code has no reason to leave. */
export const ORDINARY: u32 = 1;
/**
 * As ANY, but fused products are often very small, and their addends near the product, or so far from it that rounding hangs
 * on the last bit.
 */
export const CLOSE: u32 = 2;

/** How operands are made, how often each instruction is tried, and how often the instructions so far were done, or left. */
let manner: u32 = ANY;
let runs: u32 = 0;
export let instructions: u32 = 0;
export let done: u32 = 0;
export let left: u32 = 0;

/** To be called first in each test. */
export function begin(operands: u32, runsEach: u32): void {
  manner = operands;
  runs = runsEach;
  seed(<u64>hostSeed() + 77);
  bench.open();
}

/** Registers for rd, rs1, rs2, rs3: apart, the same in many ways, x0. */
function place(which: u32): u32 {
  switch (which) {
    case 0: return 5 << 7 | 6 << 15 | 7 << 20 | 8 << 27;
    case 1: return 6 << 7 | 6 << 15 | 7 << 20 | 7 << 27;
    case 2: return 7 << 7 | 6 << 15 | 7 << 20 | 6 << 27;
    case 3: return 9 << 7 | 30 << 15 | 30 << 20 | 29 << 27;
    case 4: return 31 << 7 | 31 << 15 | 31 << 20 | 31 << 27;
    case 5: return 1 << 7;
    case 6: return 10 << 7 | 12 << 20 | 10 << 27;
    default: return 10 << 7 | 11 << 15;
  }
}

/**
 * Tries an instruction in `ways` (up to 8) choices of registers; `operands`: the fields that name them. False: it is not
 * translated.
 */
export function attempt(raw: u32, operands: u32, ways: u32): bool {
  for (let which: u32 = 0; which < ways; which++) {
    if (bench.count == BATCH) finish();
    if (!bench.add(raw & ~operands | place(which) & operands)) return false;
    instructions++;
  }
  return true;
}

/** Carries out what is left to do. To be called last in each test. */
export function finish(): void {
  if (bench.count == 0) return;
  bench.build();
  for (let i: u32 = 0; i < bench.count; i++) exercise(i);
  bench.clear();
}

function exercise(i: u32): void {
  const instruction = instructionAt(i);
  for (let run: u32 = 0; run < runs; run++) {
    fill(instruction);
    if (bench.runTranslated(i)) {
      done++;
      bench.runInterpreted(i);
    } else {
      left++;
      if (!instruction.mayLeave) complain(instruction, "it left, though it had not said that it may");
      if (manner == ORDINARY) complain(instruction, "it left without a reason");
    }
    if (!bench.agree()) complain(instruction, "translated code and the interpreter disagree");
  }
}

/** Shows the instruction and ends the test. */
function complain(instruction: Instruction, what: string): void {
  show(<f64>instruction.raw);
  assert(false, what);
}

/** Gives the registers that the instruction reads, and the floating-point unit, new values. */
function fill(instruction: Instruction): void {
  for (let x: u32 = 1; x < 32; x++) {
    if ((instruction.readsX >> x & 1) != 0) bench.setX(x, values.integer());
  }
  if (bench.isInteger(instruction)) {
    if (once(8)) bench.setX(instruction.rs2, bench.interpreted.x(instruction.rs1));
    return;
  }
  const raw = instruction.raw;
  // Fcvt.s.d reads doubles, fcvt.d.s singles.
  const isResize = raw >> 27 == 8 && (raw & 0x7f) == 0x53;
  const isSingle = (raw >> 25 & 3) == 0 != isResize;
  for (let f: u32 = 0; f < 32; f++) {
    if ((instruction.readsF >> f & 1) == 0) continue;
    if (manner == ORDINARY) bench.setF(f, isSingle ? values.ordinarySingle() : values.ordinaryDouble());
    else bench.setF(f, isSingle ? values.single() : values.double());
  }
  if (manner == CLOSE) {
    const a = bench.interpreted.f(raw >> 15 & 31);
    if (once(3)) bench.setF(raw >> 20 & 31, isSingle ? values.singleFor(a) : values.doubleFor(a));
    const b = bench.interpreted.f(raw >> 20 & 31);
    bench.setF(raw >> 27, isSingle ? values.singleNear(a, b) : values.doubleNear(a, b));
  }
  const isPlain = manner == ORDINARY || !once(20);
  bench.setUnit(isPlain ? below(32) | 1 : below(32), isPlain ? 0 : below(5));
}
