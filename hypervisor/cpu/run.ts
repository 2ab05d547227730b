// Runs a hart for a number of instructions: between the inner loop (burst), single steps, traps and translation.

import * as frames from "../core/frames";
import { TRANSLATOR_OFF, TRANSLATOR_VERIFY } from "../abi";
import { CPUS, CPU_STRIDE } from "../core/layout";
import { Guest, guestAt } from "../guest/guest";
import * as presence from "../guest/presence";
import * as ram from "../guest/ram";
import * as access from "./access";
import { DONE, EXTEND_FLOAT, NO_FRAME, TRAP } from "./access";
import { STOP_CROSS, STOP_FETCH, STOP_REGION, STOP_STEP, burst } from "./burst";
import * as code from "./code";
import { CAUSE_FETCH_ACCESS, CAUSE_LOAD_ACCESS, CAUSE_STORE_ACCESS } from "./csrs";
import { NOWHERE, decode } from "./decode";
import * as dispatch from "./dispatch";
import { DEPTH } from "./dispatch";
import * as fresh from "./fresh";
import { fuse } from "./fuse";
import * as fpu from "./fpu";
import { EXIT_BUDGET, EXIT_DIVERGED, EXIT_LOAD, EXIT_NO_MEMORY, Hart } from "./hart";
import * as look from "./look";
import * as interrupts from "./interrupts";
import * as mmu from "./mmu";
import { ACCESS_FETCH, STARVED, TRANSLATED } from "./mmu";
import { OP_CROSS, OP_C_J, OP_C_JR, OP_DECODE, OP_FAR_JAL, OP_JAL, OP_PAGE_END, OP_REGION } from "./ops";
import * as regions from "./regions";
import { REGIONS_MAX, Unit } from "./regions";
import * as settle from "./settle";
import { step } from "./step";
import { LEAVE, SYNC } from "./system";
import * as tlb from "./tlb";
import * as trained from "./trained";
import * as trap from "./trap";
import * as verify from "./verify";

/** Where an instruction that lies on two pages is decoded: two slots in the CPU's page, behind its code cache's head. */
const SCRATCH: usize = 256;
/** Instructions decoded at a time. */
const AHEAD: i32 = 16;

/** What `fetch` found: the decoded page, and whether it is good for one instruction only (PMP cuts the page). */
let page: usize = 0;
let isPartial: bool = false;

/**
 * Runs `hart` until it has retired `budgetInstructions` (> 0), or must leave: EXIT_*. A trap counts against the budget
 * like an instruction, so no guest can trap for ever; hart.retired counts what really retired.
 */
export function run(hart: Hart, budgetInstructions: u32): u32 {
  const guest = guestAt(hart.guest);
  const cpu = access.cpu;
  hart.left = <i32>budgetInstructions;
  presence.enter(guest, hart.index);
  settle.enter(hart, guest, cpu);
  interrupts.deliver(hart);
  const reason = goOn(hart, guest, cpu, guest.translator != <u32>TRANSLATOR_OFF);
  presence.leave(guest, hart.index);
  return reason;
}

/** `run` behind its beginning. `translates`: code may be entered that was translated, and looked for that should be. */
function goOn(hart: Hart, guest: Guest, cpu: u32, translates: bool): u32 {
  // Translated code was left, and the interpreter has to go on.
  let isLeft = false;
  while (hart.left > 0) {
    const pc = hart.pc;
    const found = fetch(hart, guest, cpu, pc);
    if (found != TRANSLATED) {
      if (found == STARVED) return EXIT_NO_MEMORY;
      trapNow(hart);
      continue;
    }
    let slot = page + (<usize>(pc & 0xfff) << 2);
    const operation = load<u8>(slot);
    let start = page;
    let budget = isPartial ? 1 : hart.left;
    if (operation == OP_REGION) {
      if (!isPartial && translates && enter(hart, guest, cpu, pc, slot)) {
        if (hasDiverged) return EXIT_DIVERGED;
        isLeft = true;
        continue;
      }
      slot = aside(cpu, page, <u32>pc & 0xfff);
      start = slot - (<usize>(pc & 0xfff) << 2);
      budget = 1;
    } else {
      if (operation == OP_DECODE) decodeAhead(cpu, slot, page, pc, translates && !isPartial && trained.isThere());
      if (translates) {
        if (isLeft) look.resumed(hart, guest, cpu, slot, page, pc);
        budget = look.limit(hart, budget);
      }
    }
    const before = hart.left;
    const decoded = page;
    const reason = burst(hart, start, pc & ~0xfff, slot, budget);
    const executed = budget - hart.left;
    hart.left = before - executed;
    hart.retired += <u64>executed;
    if (start != decoded && hart.codePage == <u32>start) hart.codePage = <u32>decoded;
    if (translates) {
      look.executed(hart, guest, cpu, slot, pc, executed);
      if (hart.sharedMiss != 0) {
        // Something happened without a miss: so the bytes were there, but not on one page.
        if (isLeft && executed != 0) dispatch.straddle(hart, cpu);
        hart.sharedMiss = 0;
      }
      // It is what follows a missed access or a rare instruction that is gone on with, not these themselves.
      isLeft = isLeft && executed == 0;
    }
    if (reason < STOP_STEP || reason == STOP_FETCH || reason == STOP_REGION || hart.left == 0) continue;
    const result = reason == STOP_CROSS ? crossing(hart, guest, cpu) : step(hart, guest, instructionAt(hart));
    if (result == DONE) {
      if (reason != STOP_CROSS) retire(hart);
    } else if (result == TRAP) {
      trapNow(hart);
    } else if (result == SYNC) {
      retire(hart);
      interrupts.deliver(hart);
    } else if (result == NO_FRAME) {
      return EXIT_NO_MEMORY;
    } else {
      if (result != LEAVE + EXIT_LOAD) retire(hart);
      return result - LEAVE;
    }
    if (code.isBehind(cpu) || code.cacheOf(cpu).generation != hart.codeGeneration) settle.all(hart, guest, cpu);
  }
  return EXIT_BUDGET;
}

/** Enters the translated code that begins at `slot`, if it holds for this hart now; false: nothing has happened. */
function enter(hart: Hart, guest: Guest, cpu: u32, pc: u64, slot: usize): bool {
  if (code.changes(cpu) != 0) {
    regions.settle(cpu);
    if (load<u8>(slot) != OP_REGION) return false;
  }
  const number = dispatch.find(hart, guest, cpu, page, pc, slot);
  if (number == REGIONS_MAX) return false;
  const unit = dispatch.unitOf(cpu, number);
  if (guest.translator == <u32>TRANSLATOR_VERIFY) return enterBoth(hart, guest, cpu, pc, number, unit);
  const before = hart.left;
  const left = dispatch.call(hart, cpu, number, before, pc, DEPTH);
  hart.left = left;
  if (left == before) return false;
  hart.retired += <u64>(before - left);
  hart.translated += <u64>(before - left);
  hart.entries++;
  return true;
}

/** The two engines did not come to the same. */
let hasDiverged: bool = false;

/** `enter` for a guest that wants both engines to do everything. What the interpreter makes of it stays. */
function enterBoth(hart: Hart, guest: Guest, cpu: u32, pc: u64, number: u32, unit: Unit): bool {
  const decoded = page;
  const left = hart.left;
  const budget = verify.begin(hart, cpu);
  const executed = budget - dispatch.call(hart, cpu, number, budget, pc, DEPTH);
  verify.undo(hart, cpu);
  if (executed == 0) return false;
  hart.left = executed;
  const reason = goOn(hart, guest, cpu, false);
  hasDiverged = reason != EXIT_BUDGET || !verify.agrees(hart, cpu, decoded, executed);
  hart.left += left - executed;
  hart.translated += <u64>executed;
  hart.entries++;
  return true;
}

/** The instruction at byte `offset` of the page, decoded apart, where its own slot says that translated code begins. */
function aside(cpu: u32, decoded: usize, offset: u32): usize {
  const slot = CPUS + <usize>cpu * CPU_STRIDE + SCRATCH + 32;
  decodeSlot(slot, decoded, offset);
  return slot;
}

function retire(hart: Hart): void {
  hart.retired++;
  hart.left--;
}

function trapNow(hart: Hart): void {
  hart.left--;
  trap.take(hart);
}

/** Answers an EXIT_LOAD: the instruction gets its value and retires. */
export function completeLoad(hart: Hart, value: u64): void {
  access.deliver(hart, hart.exitRegister, hart.exitExtend, value);
  if ((hart.exitExtend & EXTEND_FLOAT) != 0) fpu.touch(hart);
  hart.pc += <u64>hart.exitLength;
  hart.retired++;
}

/** Answers an EXIT_LOAD or EXIT_STORE with an access fault: nobody lives at that address. */
export function refuseAccess(hart: Hart, isStore: bool): void {
  if (isStore) {
    hart.pc -= <u64>hart.exitLength;
    hart.retired--;
  }
  access.refuse(hart, hart.missAddress, isStore ? CAUSE_STORE_ACCESS : CAUSE_LOAD_ACCESS);
  trap.take(hart);
}

/** Finds the decoded page for `pc`, through the fetch TLB or a walk. TRANSLATED and `page`, FAULTED, or STARVED. */
function fetch(hart: Hart, guest: Guest, cpu: u32, pc: u64): u32 {
  const entry = tlb.fetchEntry(hart, pc);
  if ((load<u64>(entry) ^ pc) < 4096) {
    page = <usize>load<u32>(entry, 8);
    isPartial = false;
    return TRANSLATED;
  }
  const result = mmu.translate(hart, guest, pc, 2, ACCESS_FETCH);
  if (result != TRANSLATED) return result;
  const mask = mmu.leafMask;
  isPartial = mmu.isPartial;
  if (!ram.has(guest, mmu.gpa)) return access.refuse(hart, pc, CAUSE_FETCH_ACCESS);
  const base = ram.pageForRead(guest, mmu.gpa);
  if (base == 0) return STARVED;
  // Notes that are not read yet may be about this frame, or drop the page that is found for it.
  code.settle(cpu);
  page = code.pageOf(cpu, frames.frameOf(base));
  if (code.isNew) fresh.note(cpu, guest, hart.index, page);
  settle.codeOf(hart, cpu);
  if (!isPartial) {
    tlb.noteSuperpage(hart, pc, mask);
    tlb.fill(hart, hart.fetchSet, entry, pc, page);
  }
  return TRANSLATED;
}

/**
 * Decodes from byte `offset` of the page on, up to a jump that is always taken or a slot that is decoded already: what is
 * reached once is mostly run to its end, and each return to here costs as much as decoding four instructions. `asks`: for what was
 * trained, wherever it may begin.
 */
function decodeAhead(cpu: u32, slot: usize, decoded: usize, pc: u64, asks: bool): void {
  let offset = <u32>pc & 0xfff;
  let previous: usize = 0;
  let previousLength: u32 = 0;
  for (let i = 0; i < AHEAD && offset < 4096 && load<u8>(slot) == OP_DECODE; i++) {
    decodeSlot(slot, decoded, offset);
    if (asks) trained.meet(cpu, decoded, pc & ~0xfff | <u64>offset);
    if (previous != 0) fuse(previous, previousLength);
    const operation = <u32>load<u8>(slot);
    if (operation >= <u32>OP_JAL && operation <= <u32>OP_C_J) return;
    if (operation >= <u32>OP_FAR_JAL && operation <= <u32>OP_C_JR) return;
    previous = slot;
    previousLength = (load<u8>(frames.address(code.frameOf(decoded)) + <usize>offset) & 3) == 3 ? 4 : 2;
    offset += previousLength;
    slot += <usize>previousLength << 2;
  }
}

/** Decodes the instruction at byte `offset` of the page. */
function decodeSlot(slot: usize, decoded: usize, offset: u32): void {
  const ptr = frames.address(code.frameOf(decoded)) + <usize>offset;
  const low = <u32>load<u16>(ptr);
  const place = slot == decoded + (<usize>offset << 2) ? offset : NOWHERE;
  if ((low & 3) != 3) decode(slot, low, place);
  else if (offset == 0xffe) store<u64>(slot, OP_CROSS);
  else decode(slot, load<u32>(ptr), place);
}

/** The bits of the instruction before which `burst` stopped; it lies on one page. */
function instructionAt(hart: Hart): u32 {
  const offset = <usize>(hart.pc & 0xfff);
  const ptr = frames.address(code.frameOf(<usize>hart.codePage)) + offset;
  return offset == 0xffe ? <u32>load<u16>(ptr) : load<u32>(ptr);
}

/**
 * Executes the instruction at hart.pc that lies on two pages: decoded for this once, as the second page may change.
 * It retires here if the answer is DONE.
 */
function crossing(hart: Hart, guest: Guest, cpu: u32): u32 {
  const pc = hart.pc;
  const low = <u32>load<u16>(frames.address(code.frameOf(<usize>hart.codePage)) + 0xffe);
  const result = mmu.translate(hart, guest, pc + 2, 2, ACCESS_FETCH);
  if (result != TRANSLATED) return result;
  if (!ram.has(guest, mmu.gpa)) return access.refuse(hart, pc + 2, CAUSE_FETCH_ACCESS);
  const base = ram.pageForRead(guest, mmu.gpa);
  if (base == 0) return NO_FRAME;
  const raw = low | <u32>load<u16>(base + <usize>(mmu.gpa & 0xfff)) << 16;
  const slot = CPUS + <usize>cpu * CPU_STRIDE + SCRATCH;
  decode(slot, raw, NOWHERE);
  store<u64>(slot, OP_PAGE_END, 16);
  const before = hart.left;
  const reason = burst(hart, slot - (0xffe << 2), pc & ~0xfff, slot, 1);
  const executed = 1 - hart.left;
  hart.left = before - executed;
  hart.retired += <u64>executed;
  if (executed != 0 || reason < STOP_STEP) return DONE;
  const answer = step(hart, guest, raw);
  if (answer == DONE) retire(hart);
  return answer;
}
