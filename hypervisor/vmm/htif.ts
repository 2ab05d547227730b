// HTIF, as far as test programs use it: a word in RAM by which they tell their end (riscv-tests, env/p/riscv_test.h) or
// print a character (riscv-pk, machine/htif.c). It is RAM like any other, so it is looked at between slices.

import { STOP_POWEROFF, STOP_TEST_FAILED } from "../abi";
import { Guest, offend } from "../guest/guest";
import * as ram from "../guest/ram";
import * as console from "./sbi/console";
import * as table from "./table";

/** Device 1, command 1 in the upper 16 bits: the console is to show the low byte. */
const CONSOLE_PUT: u64 = 0x0101;

/** Looks at the word and does what it says. */
export function poll(guest: Guest): void {
  if (guest.tohost == 0 || (guest.tohost & 7) != 0) return;
  const ptr = ram.readable(guest, guest.tohost);
  if (ptr == 0) return;
  const word = load<u64>(ptr);
  if (word == 0) return;
  if ((word & 1) != 0 && word >> 48 == 0) {
    const code = <u32>(word >> 1);
    table.end(guest, code == 0 ? STOP_POWEROFF : STOP_TEST_FAILED, code);
    return;
  }
  if (word >> 48 == CONSOLE_PUT) {
    if (!console.writeByte(guest, <u32>word & 0xff)) return;
  } else {
    offend(guest);
  }
  const answer = ram.writable(guest, guest.tohost);
  if (answer != 0) store<u64>(answer, 0);
}
