// Integer operations on registers alone.

import { below } from "../../../support/kernel/random";
import * as agreement from "./agreement";
import { ANY, RD, RS1, RS2, attempt } from "./agreement";

const RUNS: u32 = 1500;
const WAYS: u32 = 8;

export function operations_on_two_registers_do_what_the_interpreter_does(): void {
  agreement.begin(ANY, RUNS);
  let forms = 0;
  for (let opcode: u32 = 0x33; opcode <= 0x3b; opcode += 8) {
    for (let rest: u32 = 0; rest < 1024; rest++) {
      const raw = opcode | (rest & 7) << 12 | rest >> 3 << 25;
      if (attempt(raw, RD | RS1 | RS2, WAYS)) forms++;
    }
  }
  agreement.finish();
  assert(forms == 52);
  assert(agreement.left == 0);
}

export function operations_on_one_register_and_a_number_do_what_the_interpreter_does(): void {
  agreement.begin(ANY, RUNS);
  for (let funct3: u32 = 0; funct3 < 8; funct3++) {
    // All that shifts and what shares their codes may be; for the others these are numbers.
    for (let imm: u32 = 0; imm < 4096; imm += imm % 64 < 6 ? 1 : 1 + below(16)) {
      attempt(0x13 | funct3 << 12 | imm << 20, RD | RS1, 2);
      attempt(0x1b | funct3 << 12 | imm << 20, RD | RS1, 2);
    }
  }
  agreement.finish();
  assert(agreement.instructions > 1000);
  assert(agreement.left == 0);
}

export function constants_are_what_the_interpreter_makes_them(): void {
  agreement.begin(ANY, 10);
  for (let n: u32 = 0; n < 300; n++) {
    const imm = n < 10 ? n : n < 20 ? 0xffff6 + n - 10 : n < 30 ? 0x7fffb + n - 20 : below(1 << 20);
    assert(attempt(0x17 | imm << 12, RD, 2));
    assert(attempt(0x37 | imm << 12, RD, 2));
  }
  // Hints and fences.
  assert(attempt(0x0ff0000f, 0, 1));
  assert(attempt(0x0000100f, 0, 1));
  assert(attempt(0x00000013, 0, 1));
  assert(attempt(0x00c58033, 0, 1));
  agreement.finish();
  assert(agreement.left == 0);
}
