// The self-test: the guests run for so many instructions on a clock that is counted, without input, and what they have left in their
// memory is told as a hash. Under every runtime the same image says the same, or something is executed wrongly.

import { GUEST_RAM_BASE, OK, RUN_FINISHED, STAT_INSTRUCTIONS } from "../../hypervisor/abi";
import * as bundle from "./bundle";
import * as clock from "./clock";
import * as env from "./env";
import { writeAll } from "./files";
import { FIXED_SEED } from "./fixed";
import { NAMES, NAME_SIZE } from "./layout";
import { say, sayBytes, sayHex, sayNumber, shown } from "./say";
import * as sha256 from "./sha256";

const STDOUT: u32 = 1;
const PAGE: u32 = 4096;
let random: u64 = FIXED_SEED;

/** Runs all guests until they have executed so many instructions together, or none runs any more. */
export function serve(instructions: u64): void {
  clock.fix();
  const guests = bundle.start();
  for (let guest: u32 = 0; guest < guests; guest++) bundle.make(guest);
  while (retired(guests) < instructions) {
    const ns = env.run(0);
    if (ns == RUN_FINISHED) break;
    clock.skip(ns);
  }
  for (let guest: u32 = 0; guest < guests; guest++) tell(guest);
}

/** Bytes that are the same each time (splitmix64). */
export function entropy(ptr: usize, length: u32): void {
  for (let i: u32 = 0; i < length; i++) {
    random += 0x9e37_79b9_7f4a_7c15;
    let z = random;
    z = (z ^ (z >> 30)) * 0xbf58_476d_1ce4_e5b9;
    z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
    store<u8>(ptr + i, <u8>(z >> 56));
  }
}

/** The first guest is heard on its first port. */
export function consoleWrite(guest: u32, port: u32, ptr: usize, length: u32): u32 {
  if (guest == 0 && port == 0) writeAll(STDOUT, ptr, length);
  return length;
}

function retired(guests: u32): u64 {
  let sum: u64 = 0;
  for (let guest: u32 = 0; guest < guests; guest++) sum += retiredBy(guest);
  return sum;
}

function retiredBy(guest: u32): u64 {
  env.guestStats(guest);
  return load<u64>(env.window() + 8 * STAT_INSTRUCTIONS);
}

function tell(guest: u32): void {
  let bytes: u64 = 0;
  sha256.begin();
  while (env.guestReadRam(guest, <f64>(GUEST_RAM_BASE + bytes), PAGE) == OK) {
    sha256.add(env.window(), PAGE);
    bytes += PAGE;
  }
  sha256.end(bytes);
  say("\nself-test: ");
  sayBytes(NAMES + <usize>guest * NAME_SIZE, NAME_SIZE);
  say(": ");
  sayNumber(retiredBy(guest));
  say(" instructions, memory ");
  for (let i: u32 = 0; i < 8; i++) sayHex(sha256.word(i));
  shown();
}
