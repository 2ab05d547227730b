// F and D: all that is translated of opcode 0x53, and fused products, with and without a host that has them.

import * as fused from "../../../../hypervisor/jit/fused";
import * as agreement from "./agreement";
import { ANY, CLOSE, ORDINARY, RD, RS1, RS2, RS3, attempt } from "./agreement";
import * as bench from "./bench";

/** Instructions of opcode 0x53 whose rs2 is no register. */
function hasSelector(funct5: u32): bool {
  return funct5 == 0x08 || funct5 == 0x0b || funct5 >= 0x18;
}

/** Tries everything of opcode 0x53 in one format; how many forms of it are translated. */
function attemptAll(format: u32, ways: u32): u32 {
  let forms: u32 = 0;
  for (let funct5: u32 = 0; funct5 < 32; funct5++) {
    for (let rm: u32 = 0; rm < 8; rm++) {
      const raw = 0x53 | rm << 12 | format << 25 | funct5 << 27;
      if (hasSelector(funct5)) {
        for (let selector: u32 = 0; selector < 32; selector++) {
          if (attempt(raw | selector << 20, RD | RS1, ways)) forms++;
        }
      } else if (attempt(raw, RD | RS1 | RS2, ways)) {
        forms++;
      }
    }
  }
  return forms;
}

function attemptFused(format: u32, ways: u32): void {
  for (let which: u32 = 0; which < 4; which++) {
    assert(attempt(0x43 | which << 2 | 7 << 12 | format << 25, RD | RS1 | RS2 | RS3, ways));
    assert(attempt(0x43 | which << 2 | format << 25, RD | RS1 | RS2 | RS3, 1));
  }
}

export function operations_on_doubles_do_what_the_interpreter_does_or_nothing(): void {
  agreement.begin(ANY, 4000);
  assert(attemptAll(1, 8) == 67);
  agreement.finish();
  assert(agreement.done > agreement.left);
}

export function operations_on_singles_do_what_the_interpreter_does_or_nothing(): void {
  agreement.begin(ANY, 4000);
  assert(attemptAll(0, 8) == 55);
  agreement.finish();
  assert(agreement.done > agreement.left);
}

export function ordinary_operands_never_make_translated_code_leave(): void {
  agreement.begin(ORDINARY, 500);
  attemptAll(1, 3);
  attemptAll(0, 3);
  attemptFused(1, 3);
  attemptFused(0, 3);
  agreement.finish();
  fused.setFusedHost(bench.isHostFused());
  attemptFused(1, 3);
  attemptFused(0, 3);
  agreement.finish();
  assert(agreement.left == 0);
}

export function fused_products_made_of_ordinary_arithmetic_are_exact(): void {
  agreement.begin(CLOSE, 40000);
  attemptFused(1, 4);
  agreement.finish();
  assert(agreement.done > agreement.left);
}

export function fused_products_of_singles_made_of_doubles_are_exact(): void {
  agreement.begin(CLOSE, 40000);
  attemptFused(0, 4);
  agreement.finish();
  assert(agreement.done > agreement.left);
}

export function fused_products_of_a_host_that_has_them_are_exact(): void {
  agreement.begin(CLOSE, 20000);
  // A host without: then nothing may be translated that way, and there is nothing to try.
  if (!bench.isHostFused()) return;
  fused.setFusedHost(true);
  attemptFused(1, 4);
  attemptFused(0, 4);
  agreement.finish();
  assert(agreement.done > agreement.left);
}
