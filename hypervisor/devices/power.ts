// The power switch, as SiFive's test finisher: one word says how the guest wants to end. Linux finds it as `syscon`.
// It only leaves a note in the guest's head; vmm acts on it after the store.

import { RESET_COLD, STOP_PANIC, STOP_POWEROFF } from "../abi";
import { Guest, offend } from "../guest/guest";
import { Device } from "./device";

/** Low half of the word, as in Linux's and QEMU's `sifive_test`; the high half is the exit code of a failure. */
const FINISHER_FAIL: u32 = 0x3333;
const FINISHER_PASS: u32 = 0x5555;
const FINISHER_RESET: u32 = 0x7777;

@unmanaged @final
export class Power extends Device {}

/** Power-on state: there is none. */
export function reset(_power: Power): void {}

/** The word reads as zero. */
export function read(guest: Guest, _power: Power, offset: u64, _size: u32): u64 {
  if (offset != 0) offend(guest);
  return 0;
}

/** Notes the wish of the guest. */
export function write(guest: Guest, _power: Power, offset: u64, size: u32, value: u64): void {
  if (offset == 0 && (size == 2 || size == 4)) {
    switch (<u32>value & 0xffff) {
      case FINISHER_PASS:
        guest.stop = STOP_POWEROFF;
        guest.stopCode = 0;
        return;
      case FINISHER_FAIL:
        guest.stop = STOP_PANIC;
        guest.stopCode = size == 4 ? <u32>value >> 16 : 0;
        return;
      case FINISHER_RESET:
        guest.resetAsked = RESET_COLD;
        return;
    }
  }
  offend(guest);
}
