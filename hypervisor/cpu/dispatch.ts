// Finds translated code for where a hart is, and learns from where it left translated code.

import * as frames from "../core/frames";
import { Guest, guestAt } from "../guest/guest";
import * as ram from "../guest/ram";
import * as access from "./access";
import * as code from "./code";
import { Hart, PRIV_S } from "./hart";
import * as heat from "./heat";
import * as mmu from "./mmu";
import { TRANSLATED } from "./mmu";
import { OP_REGION } from "./ops";
import * as regions from "./regions";
import { BESIDE, REGIONS_MAX, REPLACED, Unit } from "./regions";
import * as targets from "./targets";
import * as tlb from "./tlb";

/** How deep calls may nest in translated code; each takes its part of the engine's stack. */
export const DEPTH: i32 = 200;
/** Failed looks with which a unit is translated anew, if they came more often than once in so many instructions. */
const STRADDLES: u32 = 1000;
const SPARSE: u64 = 400;
/** Failed entries, as other pages are mapped, with which it is too; most units that begin at one instruction. */
const FAILURES: u32 = 100;
const VARIANTS: u32 = 6;

/** The region that begins at `slot` of the decoded page, if it holds for this hart now; REGIONS_MAX: there is none that does. */
export function find(hart: Hart, guest: Guest, cpu: u32, page: usize, pc: u64, slot: usize): u32 {
  const set = tlb.setNumber(hart.dataSet);
  if (hart.dataSet != hart.fetchSet && (hart.priv != PRIV_S)) return REGIONS_MAX;
  const first = regions.find(cpu, slot, set);
  for (let number = first; number != REGIONS_MAX; number = regions.another(cpu, number, set)) {
    const region = regions.regionAt(cpu, number);
    const unit = regions.unitAt(cpu, region.unit);
    const base = pc - (<u64>(<i64>region.delta) << 12) & ~0xfff;
    if ((unit.epoch == hart.fetchEpoch && unit.base == base) || holds(hart, guest, cpu, unit, base)) {
      unit.lastUsed = ++regions.translatedOf(cpu).clock;
      return number;
    }
  }
  if (first != REGIONS_MAX) miss(cpu, page, pc, set, first);
  return REGIONS_MAX;
}

/** No unit that begins here could be entered: whoever has other pages around gets one beside them, or in the place of the oldest. */
function miss(cpu: u32, page: usize, pc: u64, set: u32, first: u32): void {
  const unit = unitOf(cpu, first);
  if (++unit.misses < FAILURES || !heat.ask(cpu, page, pc, set)) return;
  unit.misses = 0;
  let last = first;
  let count: u32 = 1;
  for (let number = first; (number = regions.another(cpu, number, set)) != REGIONS_MAX; count++) last = number;
  if (count < VARIANTS) unit.isOld = BESIDE;
  else unitOf(cpu, last).isOld = REPLACED;
}

/** The unit of a region. */
export function unitOf(cpu: u32, number: u32): Unit {
  return regions.unitAt(cpu, regions.regionAt(cpu, number).unit);
}

/**
 * Translated code calls what another unit has, or goes on there: runs what begins at `pc`, like a function of its own unit.
 * What is left of the budget; nothing has happened if there is no translated code, and the hart's pc says so to all callers.
 */
export function callCode(hart: Hart, left: i32, pc: u64, depth: i32): i32 {
  hart.pc = pc;
  const cpu = access.cpu;
  if (hart.site != 0) learn(hart, cpu, hart.site, pc);
  if (depth <= 0) return left;
  const entry = tlb.fetchEntry(hart, pc);
  if ((load<u64>(entry) ^ pc) >= 4096) return left;
  const page = <usize>load<u32>(entry, 8);
  const slot = page + (<usize>(pc & 0xfff) << 2);
  if (load<u8>(slot) != OP_REGION) return left;
  const number = find(hart, guestAt(hart.guest), cpu, page, pc, slot);
  if (number == REGIONS_MAX) return left;
  const caller = hart.unit;
  const rest = call(hart, cpu, number, left, pc, depth);
  // What was left over a shared look leaves all its callers too, and is told behind them.
  if (hart.sharedMiss == 0) hart.unit = caller;
  return rest;
}

/** Runs the function of a region that `find` has given: what is left of the budget. */
export function call(hart: Hart, cpu: u32, number: u32, left: i32, pc: u64, depth: i32): i32 {
  const region = regions.regionAt(cpu, number);
  hart.unit = region.unit;
  return call_indirect<i32>(region.place, changetype<u32>(hart), left, pc, depth);
}

/** Notes where translated code has just gone through the indirect jump or call at `site`. */
function learn(hart: Hart, cpu: u32, site: u64, target: u64): void {
  hart.site = 0;
  const unit = regions.unitAt(cpu, hart.unit);
  const entry = tlb.fetchEntry(hart, site);
  if ((load<u64>(entry) ^ site) >= 4096) return;
  const slot = <usize>load<u32>(entry, 8) + (<usize>(site & 0xfff) << 2);
  if (targets.note(cpu, slot, <i64>(target - site)) && unit.count != 0) again(cpu, unit);
}

/** A look that several accesses share has failed for bytes on two pages: if that happens often, its unit is made without. */
export function straddle(hart: Hart, cpu: u32): void {
  const unit = regions.unitAt(cpu, hart.unit);
  if (unit.isAlive == 0 || unit.count == 0) return;
  if (unit.straddles++ == 0) unit.straddledSince = hart.translated;
  if (unit.straddles != STRADDLES) return;
  unit.straddles = 0;
  if (hart.translated - unit.straddledSince > <u64>STRADDLES * SPARSE) return;
  code.setNarrow(cpu, regions.regionAt(cpu, unit.first).frame);
  again(cpu, unit);
}

/** Asks for a unit to be translated anew; one that was trained is as good as it will be. */
function again(cpu: u32, unit: Unit): void {
  if (unit.trained != 0) return;
  const root = regions.regionAt(cpu, unit.first);
  const page = code.slotOf(cpu, root.frame, 0);
  const pc = unit.base + (<u64>(<i64>root.delta) << 12) + <u64>root.offset;
  if (page != 0 && heat.ask(cpu, page, pc, unit.set)) unit.isOld = REPLACED;
}

/** Does this address space have the unit's pages where they were when it was translated? */
function holds(hart: Hart, guest: Guest, cpu: u32, unit: Unit, base: u64): bool {
  for (let i: u32 = 0; i < unit.pages; i++) {
    const gva = base + (<u64>(<i64>regions.pageDelta(unit, i)) << 12);
    if (frameOf(hart, guest, cpu, gva) != regions.pageFrame(unit, i)) return false;
  }
  unit.epoch = hart.fetchEpoch;
  unit.base = base;
  if (unit.isOld == BESIDE) unit.isOld = 0;
  return true;
}

/**
 * The frame from which the hart would fetch at this address, if it has fetched there before and it has decoded code; else 0.
 * The fetch TLB knows it afterwards, so what empties that begins another epoch.
 */
function frameOf(hart: Hart, guest: Guest, cpu: u32, gva: u64): u32 {
  const entry = tlb.fetchEntry(hart, gva);
  if ((load<u64>(entry) ^ gva) < 4096) return code.frameOf(<usize>load<u32>(entry, 8));
  if (mmu.peek(hart, guest, gva) != TRANSLATED || mmu.isPartial || !ram.has(guest, mmu.gpa)) return 0;
  const base = ram.pageForRead(guest, mmu.gpa);
  if (base == 0) return 0;
  const frame = frames.frameOf(base);
  const decoded = code.slotOf(cpu, frame, 0);
  if (decoded == 0) return 0;
  tlb.noteSuperpage(hart, gva, mmu.leafMask);
  tlb.fill(hart, hart.fetchSet, entry, gva, decoded);
  return frame;
}
