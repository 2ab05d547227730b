// A hart in M mode on bare memory, and a tiny assembler: what the tests of cpu/ share.

import { BOOT_FIRMWARE, CODE_BYTES } from "../../../hypervisor/abi";
import * as frames from "../../../hypervisor/core/frames";
import { machine } from "../../../hypervisor/core/machine";
import { Hart, PRIV_M, hartAt } from "../../../hypervisor/cpu/hart";
import { reset } from "../../../hypervisor/cpu/reset";
import { run } from "../../../hypervisor/cpu/run";
import { Guest, RAM_BASE, guestAt } from "../../../hypervisor/guest/guest";
import * as ram from "../../../hypervisor/guest/ram";

export const CODE: u64 = RAM_BASE;
export const DATA: u64 = RAM_BASE + 0x10000;

export const ZERO: u32 = 0;
export const RA: u32 = 1;
export const T0: u32 = 5;
export const T1: u32 = 6;
export const A0: u32 = 10;
export const A1: u32 = 11;
export const A2: u32 = 12;
export const A3: u32 = 13;

/** Where `emit` writes next, guest-physical. */
export let here: u64 = 0;

/** A guest of `pages` pages with one hart in M mode at CODE. What it had before is gone. */
export function makeHart(pages: u64, id: u32 = 0): Hart {
  if (machine().endFrame == 0) frames.open(1, <u64>memory.size() << 16, CODE_BYTES);
  const guest = guestAt(id);
  ram.clear(guest);
  guest.id = id;
  guest.harts = 1;
  guest.ramPages = pages;
  guest.boot = BOOT_FIRMWARE;
  const hart = hartAt(guest, 0);
  hart.guest = id;
  reset(hart, CODE, 0, 0, PRIV_M);
  here = CODE;
  return hart;
}

/** Starts the same guest's second hart at `pc`. */
export function secondHart(guest: Guest, pc: u64): Hart {
  guest.harts = 2;
  const hart = hartAt(guest, 1);
  hart.guest = guest.id;
  hart.index = 1;
  reset(hart, pc, 0, 0, PRIV_M);
  return hart;
}

/** Goes on writing code at `gpa`. */
export function at(gpa: u64): void {
  here = gpa;
}

/** Writes a 32-bit instruction for guest `hart` belongs to. */
export function emit(hart: Hart, raw: u32): void {
  const guest = guestAt(hart.guest);
  store<u16>(ram.writable(guest, here), <u16>raw);
  store<u16>(ram.writable(guest, here + 2), <u16>(raw >> 16));
  here += 4;
}

/** Writes a 16-bit instruction. */
export function emitShort(hart: Hart, raw: u32): void {
  store<u16>(ram.writable(guestAt(hart.guest), here), <u16>raw);
  here += 2;
}

/** Runs until `count` instructions retired or the hart left for another reason; the last answer of `run`. */
export function go(hart: Hart, count: u32): u32 {
  return run(hart, count);
}

export function word(hart: Hart, gpa: u64): u32 {
  return load<u32>(ram.readable(guestAt(hart.guest), gpa));
}

export function double(hart: Hart, gpa: u64): u64 {
  return load<u64>(ram.readable(guestAt(hart.guest), gpa));
}

export function setDouble(hart: Hart, gpa: u64, value: u64): void {
  store<u64>(ram.writable(guestAt(hart.guest), gpa), value);
}

export function addi(rd: u32, rs1: u32, imm: i32): u32 { return 0x13 | rd << 7 | rs1 << 15 | <u32>imm << 20; }
export function add(rd: u32, rs1: u32, rs2: u32): u32 { return 0x33 | rd << 7 | rs1 << 15 | rs2 << 20; }
export function lui(rd: u32, imm: u32): u32 { return 0x37 | rd << 7 | imm << 12; }
export function auipc(rd: u32, imm: u32): u32 { return 0x17 | rd << 7 | imm << 12; }
export function jalr(rd: u32, rs1: u32, imm: i32): u32 { return 0x67 | rd << 7 | rs1 << 15 | <u32>imm << 20; }
export function ld(rd: u32, rs1: u32, imm: i32): u32 { return 0x3003 | rd << 7 | rs1 << 15 | <u32>imm << 20; }
export function lw(rd: u32, rs1: u32, imm: i32): u32 { return 0x2003 | rd << 7 | rs1 << 15 | <u32>imm << 20; }
export function sd(rs2: u32, rs1: u32, imm: u32): u32 { return 0x3023 | (imm & 31) << 7 | rs1 << 15 | rs2 << 20 | (imm >> 5 & 127) << 25; }
export function sw(rs2: u32, rs1: u32, imm: u32): u32 { return 0x2023 | (imm & 31) << 7 | rs1 << 15 | rs2 << 20 | (imm >> 5 & 127) << 25; }
export function sh(rs2: u32, rs1: u32, imm: u32): u32 { return 0x1023 | (imm & 31) << 7 | rs1 << 15 | rs2 << 20 | (imm >> 5 & 127) << 25; }
/** `j` to `distance` bytes from here. */
export function jump(distance: i32): u32 {
  const d = <u32>distance;
  return 0x6f | d & 0xff000 | (d >> 11 & 1) << 20 | (d >> 1 & 0x3ff) << 21 | (d >> 20 & 1) << 31;
}
/** `bne`. */
export function bne(rs1: u32, rs2: u32, distance: i32): u32 {
  const d = <u32>distance;
  return 0x1063 | (d >> 11 & 1) << 7 | (d >> 1 & 15) << 8 | rs1 << 15 | rs2 << 20 | (d >> 5 & 63) << 25 | (d >> 12 & 1) << 31;
}
export function amoadd(rd: u32, rs1: u32, rs2: u32): u32 { return 0x302f | rd << 7 | rs1 << 15 | rs2 << 20; }
export function lr(rd: u32, rs1: u32): u32 { return 0x1000302f | rd << 7 | rs1 << 15; }
export function sc(rd: u32, rs1: u32, rs2: u32): u32 { return 0x1800302f | rd << 7 | rs1 << 15 | rs2 << 20; }
