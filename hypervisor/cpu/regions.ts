// What a physical CPU knows of translated code: which entries of guest code have a wasm function, and what each relies on.
//
//   JIT + cpu * JIT_STRIDE  +0            Translated      head and counters
//                 +REGIONS      one Region per place of the kernel's table from TABLE on: an entry into translated code
//                 +UNITS        one Unit per group of functions that were translated together and call each other
//                 +HEAT         cpu/heat.ts
//                 +TARGETS      cpu/targets.ts
//                 +DESK         the translator's own
//                 +VERIFY       cpu/verify.ts
//
// An entry is found by the decoded slot it stands at (OP_REGION with the region's number), so by machine frame: guests and
// address spaces that share a frame share its translation. A unit may lie on several pages; that the address space still
// has the same frames there is looked at once in each epoch of the fetch TLB, before it is entered. Where it has others a unit
// of its own is made: so several may begin at one slot, one behind the other.

import * as host from "../host";
import { JIT, JIT_STRIDE } from "../core/layout";
import * as code from "./code";
import { OP_REGION } from "./ops";

/** First place of the kernel's table that holds translated code; the kernel's own functions lie below. */
export const TABLE: u32 = 1024;
/** Most entries, and bytes of wasm, alive at a time. */
export const REGIONS_MAX: u32 = 8192;
const BYTES_MAX: u32 = 24 << 20;
const UNITS_MAX: u32 = 4096;
export const PAGES_MAX: u32 = 24;

const REGIONS: usize = 0x1000;
const UNITS: usize = 0x5_0000;
export const HEAT: usize = 0x16_0000;
export const TARGETS: usize = 0x18_0000;
export const DESK: usize = 0x20_0000;
export const VERIFY: usize = 0x60_0000;

/** Head of what a CPU knows. */
@unmanaged @final
export class Translated {
  /** Where the next search for free regions and units begins. */
  nextRegion: u32;
  nextUnit: u32;
  /** Units given out at least once. */
  topUnit: u32;
  /** Bytes of wasm, entries and units alive. */
  bytes: u32;
  regions: u32;
  units: u32;
  /** Grows with each entry into translated code: the clock of `lastUsed`. */
  clock: u32;
  /** Counted for the report: modules installed, regions dropped for room, and because code changed. */
  modules: u64;
  evictions: u64;
  invalidations: u64;
}

/** An entry: an instruction at which a translated function begins. */
@unmanaged @final
export class Region {
  /** Machine frame of the instruction; 0: no region. */
  frame: u32;
  /** Byte in the frame. */
  offset: u32;
  /** TLB set it was made for. */
  set: u32;
  unit: u32;
  /** Another region of the same entry, for another set or with other pages around it: number + 1; 0: none. */
  next: u32;
  /** Pages from the unit's first page to this one. */
  delta: i32;
  /** Its function's place in the kernel's table. */
  place: u32;
  pad: u32;
}

/** Functions that were translated together. */
@unmanaged @final
export class Unit {
  /** First region and how many; 0: no unit. */
  first: u32;
  count: u32;
  /** Bytes of wasm. */
  bytes: u32;
  /** Hart.fetchEpoch and address of the first page for which the pages below were found in place. */
  epoch: u32;
  base: u64;
  /** Translated.clock at the last entry. */
  lastUsed: u32;
  /** How often it could not be entered as its pages were not in place, and how often a shared look failed on two pages. */
  misses: u32;
  straddles: u32;
  /** 1: its functions are the image's own (cpu/trained.ts), and stay in the table when it is dropped. */
  trained: u32;
  /** Hart.translated when that was counted from. */
  straddledSince: u64;
  pages: u32;
  isAlive: u32;
  /** TLB set of its code's data accesses. */
  set: u32;
  /** 0, REPLACED or BESIDE: what is to happen when its entries are translated again. */
  isOld: u32;
}

/** A unit is to be dropped for its successor, which knows more of where it goes. */
export const REPLACED: u32 = 1;
/** It is to stay, for those who have its pages in place, beside another one for those who have not. */
export const BESIDE: u32 = 2;

/** In a unit behind its head: i32 pages from the first page, u32 frame. */
const UNIT_PAGES: usize = 64;
const REGION_SIZE: usize = 32;
const UNIT_SIZE: usize = 256;

if (offsetof<Region>() != REGION_SIZE) ERROR("Region has not its size");
if (offsetof<Unit>() > UNIT_PAGES) ERROR("Unit runs into its pages");
if (UNIT_PAGES + (<usize>PAGES_MAX << 3) > UNIT_SIZE) ERROR("a unit's pages run out of it");
if (REGIONS + <usize>REGIONS_MAX * REGION_SIZE > UNITS) ERROR("the regions run into the units");
if (UNITS + <usize>UNITS_MAX * UNIT_SIZE > HEAT) ERROR("the units run into the heat");

/** Where the area of a CPU begins. */
export function areaOf(cpu: u32): usize {
  return JIT + <usize>cpu * JIT_STRIDE;
}

/** Head of what a CPU knows. */
export function translatedOf(cpu: u32): Translated {
  return changetype<Translated>(areaOf(cpu));
}

export function regionAt(cpu: u32, number: u32): Region {
  return changetype<Region>(areaOf(cpu) + REGIONS + <usize>number * REGION_SIZE);
}

export function unitAt(cpu: u32, number: u32): Unit {
  return changetype<Unit>(areaOf(cpu) + UNITS + <usize>number * UNIT_SIZE);
}

/** Number of the first region for `set` that begins at a slot with OP_REGION; REGIONS_MAX: there is none for this set. */
export function find(cpu: u32, slot: usize, set: u32): u32 {
  const number = load<u32>(slot, 4);
  return regionAt(cpu, number).set == set ? number : another(cpu, number, set);
}

/** Number of the next one behind it at the same slot; REGIONS_MAX: there is none. */
export function another(cpu: u32, number: u32, set: u32): u32 {
  while (true) {
    const next = regionAt(cpu, number).next;
    if (next == 0) return REGIONS_MAX;
    number = next - 1;
    if (regionAt(cpu, number).set == set) return number;
  }
}

/** Pages from the unit's first to its i-th page, and the frame that must be there. */
export function pageDelta(unit: Unit, i: u32): i32 {
  return load<i32>(changetype<usize>(unit) + UNIT_PAGES + (<usize>i << 3));
}

export function pageFrame(unit: Unit, i: u32): u32 {
  return load<u32>(changetype<usize>(unit) + UNIT_PAGES + (<usize>i << 3), 4);
}

/** The frame that the unit has at `delta` pages from its first. */
function frameOf(unit: Unit, delta: i32): u32 {
  let i: u32 = 0;
  while (pageDelta(unit, i) != delta) i++;
  return pageFrame(unit, i);
}

/** Says on which frame the unit relies at `delta` pages from its first; false: it has too many pages. */
export function rely(unit: Unit, delta: i32, frame: u32): bool {
  for (let i: u32 = 0; i < unit.pages; i++) if (pageDelta(unit, i) == delta) return true;
  if (unit.pages == PAGES_MAX) return false;
  const place = changetype<usize>(unit) + UNIT_PAGES + (<usize>unit.pages << 3);
  store<i32>(place, delta);
  store<u32>(place, frame, 4);
  unit.pages++;
  return true;
}

function isShort(translated: Translated, count: u32, bytes: u32): bool {
  return translated.bytes + bytes > BYTES_MAX || translated.regions + count > REGIONS_MAX * 3 / 4;
}

/** Makes room for `count` regions in a row and gives the number of the first, evicting what was not used for longest. */
export function takeRegions(cpu: u32, count: u32, bytes: u32): u32 {
  const translated = translatedOf(cpu);
  for (let tries = 0; tries < 64 && isShort(translated, count, bytes); tries++) evict(cpu);
  for (let tries = 0; tries < 64; tries++) {
    let run: u32 = 0;
    let number = translated.nextRegion;
    for (let seen: u32 = 0; seen < REGIONS_MAX + count; seen++) {
      if (number == REGIONS_MAX) {
        number = 0;
        run = 0;
      }
      run = regionAt(cpu, number).frame == 0 ? run + 1 : 0;
      number++;
      if (run == count) {
        translated.nextRegion = number;
        return number - count;
      }
    }
    evict(cpu);
  }
  return REGIONS_MAX;
}

/** An empty unit, to be filled with `rely`; its number. */
export function takeUnit(cpu: u32): u32 {
  const translated = translatedOf(cpu);
  if (translated.units == UNITS_MAX) evict(cpu);
  let number = translated.nextUnit;
  while (unitAt(cpu, number).isAlive != 0) number = number + 1 == UNITS_MAX ? 0 : number + 1;
  translated.nextUnit = number + 1 == UNITS_MAX ? 0 : number + 1;
  if (number >= translated.topUnit) translated.topUnit = number + 1;
  const unit = unitAt(cpu, number);
  memory.fill(changetype<usize>(unit), 0, UNIT_SIZE);
  unit.isAlive = 1;
  unit.lastUsed = translated.clock;
  translated.units++;
  return number;
}

/**
 * Gives a function of a unit its entry: it begins `place` bytes from the start of the unit's first page, and stands in the kernel's
 * table at `index`. The unit's regions are opened one after the other.
 */
export function open(cpu: u32, number: u32, unitNumber: u32, place: i32, index: u32): void {
  const unit = unitAt(cpu, unitNumber);
  const region = regionAt(cpu, number);
  region.delta = place >> 12;
  region.frame = frameOf(unit, region.delta);
  region.offset = place & 0xfff;
  region.set = unit.set;
  region.unit = unitNumber;
  region.place = index;
  region.next = 0;
  const translated = translatedOf(cpu);
  translated.regions++;
  if (unit.count == 0) {
    unit.first = number;
    translated.bytes += unit.bytes;
  }
  unit.count++;
  const slot = code.slotOf(cpu, region.frame, region.offset);
  if (slot == 0) return;
  if (!isOpenTo(cpu, slot, unit.set)) return;
  if (load<u8>(slot) == OP_REGION) region.next = load<u32>(slot, 4) + 1;
  store<u64>(slot, <u64>OP_REGION | <u64>number << 32);
}

/** Drops what is to be replaced at this slot; may another region for `set` begin there? */
function isOpenTo(cpu: u32, slot: usize, set: u32): bool {
  while (load<u8>(slot) == OP_REGION) {
    const number = find(cpu, slot, set);
    const old = number == REGIONS_MAX ? REGIONS_MAX : findOld(cpu, number, set);
    if (old == REGIONS_MAX) return number == REGIONS_MAX;
    const unit = regionAt(cpu, old).unit;
    if (unitAt(cpu, unit).isOld == BESIDE) return true;
    drop(cpu, unit);
  }
  return true;
}

/** The first region from `number` on, for `set`, whose unit is old; REGIONS_MAX: there is none. */
function findOld(cpu: u32, number: u32, set: u32): u32 {
  while (number != REGIONS_MAX && unitAt(cpu, regionAt(cpu, number).unit).isOld == 0) number = another(cpu, number, set);
  return number;
}

/** Is there an entry for `set` at this instruction? */
export function has(cpu: u32, set: u32, frame: u32, offset: u32): bool {
  const slot = code.slotOf(cpu, frame, offset);
  return slot != 0 && load<u8>(slot) == OP_REGION && find(cpu, slot, set) != REGIONS_MAX;
}

/** Is translating this instruction for `set` of use: has it no entry, or one that is old? */
export function isWanted(cpu: u32, set: u32, frame: u32, offset: u32): bool {
  if (!has(cpu, set, frame, offset)) return true;
  return findOld(cpu, find(cpu, code.slotOf(cpu, frame, offset), set), set) != REGIONS_MAX;
}

/** Takes a region away from the instruction it stands at. */
function close(cpu: u32, number: u32): void {
  const region = regionAt(cpu, number);
  const slot = code.slotOf(cpu, region.frame, region.offset);
  if (slot != 0 && load<u8>(slot) == OP_REGION) {
    let other = load<u32>(slot, 4);
    if (other == number) {
      store<u64>(slot, region.next == 0 ? 0 : <u64>OP_REGION | <u64>(region.next - 1) << 32);
    } else {
      while (regionAt(cpu, other).next != 0 && regionAt(cpu, other).next != number + 1) other = regionAt(cpu, other).next - 1;
      regionAt(cpu, other).next = regionAt(cpu, other).next == 0 ? 0 : region.next;
    }
  }
  region.frame = 0;
  translatedOf(cpu).regions--;
}

/** Drops a unit: its functions can't be entered any more. None of them may be running. */
export function drop(cpu: u32, number: u32): void {
  const unit = unitAt(cpu, number);
  const translated = translatedOf(cpu);
  for (let i: u32 = 0; i < unit.count; i++) close(cpu, unit.first + i);
  if (unit.count != 0 && unit.trained == 0) host.codeRemove(TABLE + unit.first, unit.count);
  if (unit.count != 0) translated.bytes -= unit.bytes;
  translated.units--;
  unit.isAlive = 0;
}

/** Drops the sixteenth of all units that was not used for longest. */
function evict(cpu: u32): void {
  const translated = translatedOf(cpu);
  const most = translated.units / 16 + 1;
  for (let i: u32 = 0; i < most; i++) {
    let oldest: u32 = UNITS_MAX;
    let age: u32 = 0;
    for (let number: u32 = 0; number < translated.topUnit; number++) {
      const unit = unitAt(cpu, number);
      if (unit.isAlive == 0 || unit.count == 0 || translated.clock - unit.lastUsed < age) continue;
      oldest = number;
      age = translated.clock - unit.lastUsed;
    }
    if (oldest == UNITS_MAX) return;
    translated.evictions += unitAt(cpu, oldest).count;
    drop(cpu, oldest);
  }
}

/** Drops all units that rely on code that has changed. To be called before translated code is entered. */
export function settle(cpu: u32): void {
  const count = code.changes(cpu);
  if (count == 0) return;
  const translated = translatedOf(cpu);
  for (let number: u32 = 0; number < translated.topUnit; number++) {
    const unit = unitAt(cpu, number);
    if (unit.isAlive == 0 || !isStale(cpu, unit, count)) continue;
    translated.invalidations += unit.count;
    drop(cpu, number);
  }
  code.clearChanges(cpu);
}

function isStale(cpu: u32, unit: Unit, changes: u32): bool {
  if (changes > code.CHANGES_MAX) return true;
  for (let i: u32 = 0; i < unit.pages; i++) {
    for (let k: u32 = 0; k < changes; k++) if (code.changeAt(cpu, k) == pageFrame(unit, i)) return true;
  }
  return false;
}
