// Both engines from the same start: what translated code did is taken back, the interpreter does the same number of
// instructions, and the two results are compared.
//
//   areaOf(cpu) + VERIFY  +0        head: end of the log, guest that disagreed + 1
//                         +REPORT   DIVERGENCE_* as `divergence` gives them
//                         +BEFORE   the hart at the start
//                         +AFTER    the hart as translated code left it
//                         +LOG      for each store of translated code: u32 host address | u32 bytes | u64 old | u64 new

import {
  DIVERGENCE_ADDRESS, DIVERGENCE_BEFORE, DIVERGENCE_CODE, DIVERGENCE_CODE_BYTES, DIVERGENCE_EXPECTED, DIVERGENCE_FOUND,
  DIVERGENCE_INSTRUCTIONS, DIVERGENCE_INTERPRETED, DIVERGENCE_KIND, DIVERGENCE_PC, DIVERGENCE_TRANSLATED, PAGE_SIZE,
} from "../abi";
import * as frames from "../core/frames";
import * as code from "./code";
import { Hart } from "./hart";
import { VERIFY, areaOf } from "./regions";

/** Instructions that translated code runs at a time; each stores eight times at most (cbo.zero). */
const BUDGET: i32 = 4000;

/** Where translated code finds the end of the log. */
export const LOG_END: usize = VERIFY;
const REPORT: usize = VERIFY + 0x100;
const BEFORE: usize = VERIFY + 0x3000;
const AFTER: usize = VERIFY + 0x4000;
const LOG: usize = VERIFY + 0x5000;
export const LOG_ENTRY: usize = 24;

/** Saves the hart and empties the log; how many instructions translated code may run. */
export function begin(hart: Hart, cpu: u32): i32 {
  const area = areaOf(cpu);
  memory.copy(area + BEFORE, changetype<usize>(hart), offsetof<Hart>());
  store<u32>(area + LOG_END, <u32>(area + LOG));
  return hart.left < BUDGET ? hart.left : BUDGET;
}

/** Puts the result of translated code aside and everything back as it was. */
export function undo(hart: Hart, cpu: u32): void {
  const area = areaOf(cpu);
  memory.copy(area + AFTER, changetype<usize>(hart), offsetof<Hart>());
  const end = <usize>load<u32>(area + LOG_END);
  for (let entry = area + LOG; entry < end; entry += LOG_ENTRY) store<u64>(entry, get(entry), 16);
  for (let entry = end; entry > area + LOG; entry -= LOG_ENTRY) put(entry - LOG_ENTRY);
  memory.copy(changetype<usize>(hart), area + BEFORE, offsetof<Hart>());
  keepFills(hart, changetype<Hart>(area + AFTER));
}

/** What the fetch TLB was given for calls between modules is there to stay, so it must stay listed. */
function keepFills(hart: Hart, after: Hart): void {
  hart.fills0 = after.fills0;
  hart.fills1 = after.fills1;
  hart.fills2 = after.fills2;
  hart.fills3 = after.fills3;
  hart.localFills1 = after.localFills1;
  hart.localFills2 = after.localFills2;
  hart.tlbFills = after.tlbFills;
  hart.superpages = after.superpages;
}

/** What is now where a store went. */
function get(entry: usize): u64 {
  const ptr = <usize>load<u32>(entry);
  switch (load<u32>(entry, 4)) {
    case 1: return load<u8>(ptr);
    case 2: return load<u16>(ptr);
    case 4: return load<u32>(ptr);
    default: return load<u64>(ptr);
  }
}

/** Takes a store back. */
function put(entry: usize): void {
  const ptr = <usize>load<u32>(entry);
  const old = load<u64>(entry, 8);
  switch (load<u32>(entry, 4)) {
    case 1: store<u8>(ptr, <u8>old); break;
    case 2: store<u16>(ptr, <u16>old); break;
    case 4: store<u32>(ptr, <u32>old); break;
    default: store<u64>(ptr, old);
  }
}

/**
 * Did the interpreter, which has gone on from the start by now, come to the same? If not, a report is left.
 * `executed`: instructions that translated code said it had retired.
 */
export function agrees(hart: Hart, cpu: u32, page: usize, executed: i32): bool {
  const area = areaOf(cpu);
  const other = changetype<Hart>(area + AFTER);
  if (hart.pc != other.pc || hart.fflags != other.fflags || hart.mstatus != other.mstatus ||
    hart.floatDirty != other.floatDirty || !haveSameReservation(hart, other) || !haveSameSupervisor(hart, other) ||
    !haveSameRegisters(hart, other)) {
    report(hart, cpu, page, executed, 0, 0);
    return false;
  }
  const end = <usize>load<u32>(area + LOG_END);
  for (let entry = area + LOG; entry < end; entry += LOG_ENTRY) {
    // What a later store wrote over counts there: all of them were read after the last.
    if (get(entry) == load<u64>(entry, 16)) continue;
    report(hart, cpu, page, executed, 1, entry);
    return false;
  }
  return true;
}

function haveSameReservation(a: Hart, b: Hart): bool {
  return a.reservationSize == b.reservationSize && a.reservationAddress == b.reservationAddress &&
    a.reservationValue == b.reservationValue;
}

/** The CSRs that translated code writes, but for mstatus (jit/csrs.ts). */
function haveSameSupervisor(a: Hart, b: Hart): bool {
  return a.sscratch == b.sscratch && a.sepc == b.sepc && a.scause == b.scause && a.stval == b.stval && a.senvcfg == b.senvcfg;
}

function haveSameRegisters(a: Hart, b: Hart): bool {
  for (let i: usize = 0; i < 512; i += 8) {
    if (load<u64>(changetype<usize>(a) + i) != load<u64>(changetype<usize>(b) + i)) return false;
  }
  return true;
}

function writeHart(target: usize, hart: Hart): void {
  memory.copy(target, changetype<usize>(hart), 512);
  store<u64>(target, hart.pc, 512);
  store<u64>(target, hart.priv, 520);
  store<u64>(target, hart.frm << 5 | hart.fflags, 528);
  store<u64>(target, hart.retired, 536);
}

function report(hart: Hart, cpu: u32, page: usize, executed: i32, kind: u32, entry: usize): void {
  const area = areaOf(cpu);
  const target = area + REPORT;
  const before = changetype<Hart>(area + BEFORE);
  memory.fill(target, 0, BEFORE - REPORT);
  store<u64>(target, before.pc, DIVERGENCE_PC);
  store<u64>(target, executed, DIVERGENCE_INSTRUCTIONS);
  store<u32>(target, kind, DIVERGENCE_KIND);
  if (kind == 1) {
    // The guest's own address is not known here: the host's says which bytes.
    store<u64>(target, load<u32>(entry), DIVERGENCE_ADDRESS);
    store<u64>(target, get(entry), DIVERGENCE_EXPECTED);
    store<u64>(target, load<u64>(entry, 16), DIVERGENCE_FOUND);
  }
  writeHart(target + DIVERGENCE_BEFORE, before);
  writeHart(target + DIVERGENCE_INTERPRETED, hart);
  writeHart(target + DIVERGENCE_TRANSLATED, changetype<Hart>(area + AFTER));
  store<u64>(target, before.retired + <u64>executed, DIVERGENCE_TRANSLATED + 536);
  const frame = code.frameOf(page);
  if (frame == 0) return;
  const offset = <u32>before.pc & 0xfff;
  const bytes: u32 = PAGE_SIZE - offset;
  store<u32>(target, bytes, DIVERGENCE_CODE_BYTES);
  memory.copy(target + DIVERGENCE_CODE, frames.address(frame) + offset, bytes);
}

/** Copies the last report to `target`. */
export function copyReport(cpu: u32, target: usize): void {
  memory.copy(target, areaOf(cpu) + REPORT, DIVERGENCE_CODE + PAGE_SIZE);
}
