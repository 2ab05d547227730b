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
import { REGIONS_MAX, TABLE, Unit } from "./regions";
import * as targets from "./targets";
import * as tlb from "./tlb";

/** How deep calls may nest in translated code; each takes its part of the engine's stack. */
export const DEPTH: i32 = 200;
/** Failed looks with which a unit is translated anew, if they came more often than once in so many instructions. */
const STRADDLES: u32 = 1000;
const SPARSE: u64 = 400;
/** Failed entries, as pages are not mapped, with which it is too. */
const FAILURES: u32 = 100;

/** The region that begins at `slot` of the decoded page, if it holds for this hart now; REGIONS_MAX: there is none that does. */
export function find(hart: Hart, guest: Guest, cpu: u32, page: usize, pc: u64, slot: usize): u32 {
  const set = tlb.setNumber(hart.dataSet);
  if (hart.dataSet != hart.fetchSet && (hart.priv != PRIV_S)) return REGIONS_MAX;
  const number = regions.find(cpu, slot, set);
  if (number == REGIONS_MAX) return REGIONS_MAX;
  const region = regions.regionAt(cpu, number);
  const unit = regions.unitAt(cpu, region.unit);
  const base = pc - (<u64>(<i64>region.delta) << 12) & ~0xfff;
  if (unit.epoch != hart.fetchEpoch || unit.base != base) {
    if (!holds(hart, guest, cpu, unit, base)) {
      // Where some of its pages are not, one is made that gets by without them.
      if (++unit.misses == FAILURES && heat.ask(cpu, page, pc, set)) unit.isOld = 1;
      return REGIONS_MAX;
    }
  }
  unit.lastUsed = ++regions.translatedOf(cpu).clock;
  return number;
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
  return call_indirect<i32>(TABLE + number, changetype<u32>(hart), left, pc, depth);
}

/** Notes where translated code has just gone through the indirect jump or call at `site`. */
function learn(hart: Hart, cpu: u32, site: u64, target: u64): void {
  hart.site = 0;
  const unit = regions.unitAt(cpu, hart.siteUnit);
  const entry = tlb.fetchEntry(hart, site);
  if ((load<u64>(entry) ^ site) >= 4096) return;
  const slot = <usize>load<u32>(entry, 8) + (<usize>(site & 0xfff) << 2);
  if (targets.note(cpu, slot, <i64>(target - site)) && unit.count != 0) again(cpu, unit);
}

/** A look that several accesses share has failed for bytes on two pages: if that happens often, its unit is made without. */
export function straddle(hart: Hart, cpu: u32): void {
  const unit = regions.unitAt(cpu, hart.sharedMiss - 1);
  if (unit.isAlive == 0 || unit.count == 0) return;
  if (unit.straddles++ == 0) unit.straddledSince = hart.translated;
  if (unit.straddles != STRADDLES) return;
  unit.straddles = 0;
  if (hart.translated - unit.straddledSince > <u64>STRADDLES * SPARSE) return;
  code.setNarrow(cpu, regions.regionAt(cpu, unit.first).frame);
  again(cpu, unit);
}

/** Asks for a unit to be translated anew. */
function again(cpu: u32, unit: Unit): void {
  const root = regions.regionAt(cpu, unit.first);
  const page = code.slotOf(cpu, root.frame, 0);
  const pc = unit.base + (<u64>(<i64>root.delta) << 12) + <u64>root.offset;
  if (page != 0 && heat.ask(cpu, page, pc, unit.set)) unit.isOld = 1;
}

/** Does this address space have the unit's pages where they were when it was translated? */
function holds(hart: Hart, guest: Guest, cpu: u32, unit: Unit, base: u64): bool {
  for (let i: u32 = 0; i < unit.pages; i++) {
    const gva = base + (<u64>(<i64>regions.pageDelta(unit, i)) << 12);
    if (frameOf(hart, guest, cpu, gva) != regions.pageFrame(unit, i)) return false;
  }
  unit.epoch = hart.fetchEpoch;
  unit.base = base;
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
