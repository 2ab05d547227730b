// What the tests of several CPUs share: the machine, guests whose harts run at once, words by which CPUs meet, an assembler.

import { BOOT_FIRMWARE, CODE_BYTES } from "../../../hypervisor/abi";
import * as frames from "../../../hypervisor/core/frames";
import { WINDOW } from "../../../hypervisor/core/layout";
import { wait } from "../../../hypervisor/core/wait";
import { machine } from "../../../hypervisor/core/machine";
import * as access from "../../../hypervisor/cpu/access";
import { Hart, PRIV_M, hartAt } from "../../../hypervisor/cpu/hart";
import { reset } from "../../../hypervisor/cpu/reset";
import { run } from "../../../hypervisor/cpu/run";
import { Guest, RAM_BASE, guestAt } from "../../../hypervisor/guest/guest";
import * as ram from "../../../hypervisor/guest/ram";

/** CPUS of test/core/crowd.ts. */
export const CPUS: u32 = 3;

const MEETING: usize = WINDOW;
const OVER: usize = WINDOW + 64;
/** A word that never changes, to wait on. */
const REST: usize = WINDOW + 96;
/** Words of the tests, zero at first. */
export const WORDS: usize = WINDOW + 128;
/** A page for each CPU. */
export const SCRATCH: usize = WINDOW + 4096;

/** The machine at its beginning. */
export function boot(): void {
  machine().cpus = CPUS;
  frames.open(CPUS, <u64>memory.size() << 16, CODE_BYTES);
}

/** Waits until all CPUs have come here as often as this one. */
export function meet(): void {
  const before: u32 = atomic.add<u32>(MEETING, 1);
  const all: u32 = before - before % CPUS + CPUS;
  while (atomic.load<u32>(MEETING) - all >= 0x8000_0000) wait(REST, 0, 10_000);
}

/** Says that what others wait for is done. */
export function finish(): void {
  atomic.add<u32>(OVER, 1);
}

/** How often was that said? */
export function finished(): u32 {
  return atomic.load<u32>(OVER);
}

export function add(word: usize, amount: u32): u32 {
  return atomic.add<u32>(word, amount);
}

/** A guest of so many pages, with this many harts in M mode that begin 4 KiB apart. */
export function makeGuest(id: u32, harts: u32, pages: u64): Guest {
  const guest = guestAt(id);
  guest.id = id;
  guest.harts = harts;
  guest.ramPages = pages;
  guest.boot = BOOT_FIRMWARE;
  for (let i: u32 = 0; i < harts; i++) {
    const hart = hartAt(guest, i);
    hart.guest = id;
    hart.index = i;
    reset(hart, codeOf(i), 0, 0, PRIV_M);
  }
  return guest;
}

/** Where the code of hart `i` begins. */
export function codeOf(i: u32): u64 {
  return RAM_BASE + (<u64>i << 12);
}

let target: u64 = 0;
let writing: usize = 0;

/** Goes on writing code of guest 0 at `gpa`. */
export function at(gpa: u64): void {
  target = gpa;
  writing = changetype<usize>(guestAt(0));
}

export function emit(raw: u32): void {
  store<u32>(ram.writable(changetype<Guest>(writing), target), raw);
  target += 4;
}

/** Runs hart `i` of guest 0 on CPU `cpu` until its register a7 is 1, `budget` instructions at a time. */
export function runHart(cpu: u32, i: u32, budget: u32): void {
  access.setCpu(cpu);
  const hart = hartAt(guestAt(0), i);
  while (hart.x17 != 1) run(hart, budget);
}

/** Register x`number` of hart `i`. */
export function setX(i: u32, number: u32, value: u64): void {
  hartAt(guestAt(0), i).setX(number, value);
}

export function hart(i: u32): Hart {
  return hartAt(guestAt(0), i);
}

/** Number of frames that leaves of the map of a guest of so many pages take. */
export function leaves(pages: u32): u32 {
  return pages + 1023 >> 10;
}

export function addi(rd: u32, rs1: u32, imm: i32): u32 { return 0x13 | rd << 7 | rs1 << 15 | <u32>imm << 20; }
export function plus(rd: u32, rs1: u32, rs2: u32): u32 { return 0x33 | rd << 7 | rs1 << 15 | rs2 << 20; }
export function slli(rd: u32, rs1: u32, by: u32): u32 { return 0x1013 | rd << 7 | rs1 << 15 | by << 20; }
export function or(rd: u32, rs1: u32, rs2: u32): u32 { return 0x6033 | rd << 7 | rs1 << 15 | rs2 << 20; }
export function jalr(rd: u32, rs1: u32): u32 { return 0x67 | rd << 7 | rs1 << 15; }
export function ld(rd: u32, rs1: u32, imm: i32): u32 { return 0x3003 | rd << 7 | rs1 << 15 | <u32>imm << 20; }
export function sd(rs2: u32, rs1: u32, imm: u32): u32 { return 0x3023 | (imm & 31) << 7 | rs1 << 15 | rs2 << 20 | (imm >> 5 & 127) << 25; }
export function sw(rs2: u32, rs1: u32, imm: u32): u32 { return 0x2023 | (imm & 31) << 7 | rs1 << 15 | rs2 << 20 | (imm >> 5 & 127) << 25; }
function branch(funct3: u32, rs1: u32, rs2: u32, distance: i32): u32 {
  const d = <u32>distance;
  return 0x63 | funct3 << 12 | (d >> 11 & 1) << 7 | (d >> 1 & 15) << 8 | rs1 << 15 | rs2 << 20 | (d >> 5 & 63) << 25 | (d >> 12 & 1) << 31;
}
export function beq(rs1: u32, rs2: u32, distance: i32): u32 { return branch(0, rs1, rs2, distance); }
export function bne(rs1: u32, rs2: u32, distance: i32): u32 { return branch(1, rs1, rs2, distance); }
export function bltu(rs1: u32, rs2: u32, distance: i32): u32 { return branch(6, rs1, rs2, distance); }
export function sltu(rd: u32, rs1: u32, rs2: u32): u32 { return 0x3033 | rd << 7 | rs1 << 15 | rs2 << 20; }
export function and(rd: u32, rs1: u32, rs2: u32): u32 { return 0x7033 | rd << 7 | rs1 << 15 | rs2 << 20; }
/** Says that the hart is done, and stays. */
export function done(): void {
  emit(addi(17, 0, 1));
  emit(0x6f);
}
export const FENCE: u32 = 0x0ff0_000f;
export const FENCE_I: u32 = 0x0000_100f;
export const PAUSE: u32 = 0x0100_000f;
