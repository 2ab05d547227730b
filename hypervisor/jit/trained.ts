// Makes a unit of translated code that came with the image (cpu/trained.ts), if the guest has all the code that it was made from.

import {
  TRAINED_RUN, TRAINED_RUN_FROM, TRAINED_RUN_LENGTH, TRAINED_UNIT, TRAINED_UNIT_FUNCTIONS, TRAINED_UNIT_INDEX, TRAINED_UNIT_RUNS,
  TRAINED_UNIT_SET,
} from "../abi";
import * as frames from "../core/frames";
import * as code from "../cpu/code";
import * as fresh from "../cpu/fresh";
import { Hart } from "../cpu/hart";
import * as regions from "../cpu/regions";
import { REGIONS_MAX } from "../cpu/regions";
import * as trained from "../cpu/trained";
import { Guest } from "../guest/guest";
import * as pages from "./pages";

/** Makes the unit of the entry at byte `place` of the page that `pages` was begun with; false: there is none for it. */
export function take(hart: Hart, guest: Guest, cpu: u32, frame: u32, place: u32, set: u32): bool {
  const raw = trained.rawAt(frame, place);
  for (let record = trained.first(place, raw); record != 0; record = trained.next(record)) {
    if (!trained.isLike(record, place, raw) || load<u32>(record, TRAINED_UNIT_SET) != set || !agrees(record)) continue;
    // Once more, as others may have written to what was not watched before.
    if (decodeAll(hart, guest, cpu, record) && agrees(record) && open(cpu, record, place)) return true;
  }
  return false;
}

function firstRun(record: usize): usize {
  return record + TRAINED_UNIT + (<usize>load<u32>(record, TRAINED_UNIT_FUNCTIONS) << 2);
}

function nextRun(run: usize): usize {
  return run + TRAINED_RUN + (<usize>load<u32>(run, TRAINED_RUN_LENGTH) + 3 & ~3);
}

/** Are all bytes there that it was made from? */
function agrees(record: usize): bool {
  let run = firstRun(record);
  for (let i: u32 = 0; i < load<u32>(record, TRAINED_UNIT_RUNS); i++) {
    const from = load<i32>(run, TRAINED_RUN_FROM);
    const frame = pages.mappedAt(from >> 12);
    if (frame == 0) return false;
    if (!isSame(run + TRAINED_RUN, frames.address(frame) + <usize>(from & 0xfff), load<u32>(run, TRAINED_RUN_LENGTH))) return false;
    run = nextRun(run);
  }
  return true;
}

/** Are these bytes alike, an even number of them? */
function isSame(a: usize, b: usize, length: u32): bool {
  for (; length >= 8; length -= 8) {
    if (load<u64>(a) != load<u64>(b)) return false;
    a += 8;
    b += 8;
  }
  for (; length != 0; length -= 2) {
    if (load<u16>(a) != load<u16>(b)) return false;
    a += 2;
    b += 2;
  }
  return true;
}

function open(cpu: u32, record: usize, place: u32): bool {
  const number = regions.takeUnit(cpu);
  const unit = regions.unitAt(cpu, number);
  unit.set = load<u32>(record, TRAINED_UNIT_SET);
  unit.trained = 1;
  const count = load<u32>(record, TRAINED_UNIT_FUNCTIONS);
  const first = regions.takeRegions(cpu, count, 0);
  if (first == REGIONS_MAX || !cover(cpu, record, number)) {
    regions.drop(cpu, number);
    return false;
  }
  const index = load<u32>(record, TRAINED_UNIT_INDEX);
  for (let k: u32 = 0; k < count; k++) {
    regions.open(cpu, first + k, number, <i32>place + load<i32>(record + (<usize>k << 2), TRAINED_UNIT), index + k);
  }
  return true;
}

/** Has pages of decoded code made for all its pages, so that stores to them are seen; false: some may be written unseen. */
function decodeAll(hart: Hart, guest: Guest, cpu: u32, record: usize): bool {
  code.settle(cpu);
  let run = firstRun(record);
  for (let i: u32 = 0; i < load<u32>(record, TRAINED_UNIT_RUNS); i++) {
    const frame = pages.mappedAt(load<i32>(run, TRAINED_RUN_FROM) >> 12);
    if (frame == 0) return false;
    const page = code.pageOf(cpu, frame);
    if (code.isNew) fresh.note(cpu, guest, hart.index, page);
    if (fresh.has(cpu, page)) return false;
    run = nextRun(run);
  }
  return true;
}

/** Notes on which code the unit relies; false: a page was lost again while others were made. */
function cover(cpu: u32, record: usize, number: u32): bool {
  const unit = regions.unitAt(cpu, number);
  let run = firstRun(record);
  for (let i: u32 = 0; i < load<u32>(record, TRAINED_UNIT_RUNS); i++) {
    const from = load<i32>(run, TRAINED_RUN_FROM);
    const frame = pages.mappedAt(from >> 12);
    if (frame == 0 || code.slotOf(cpu, frame, 0) == 0 || !regions.rely(unit, from >> 12, frame)) return false;
    code.cover(cpu, frame, from & 0xfff, (from & 0xfff) + load<u32>(run, TRAINED_RUN_LENGTH));
    run = nextRun(run);
  }
  return true;
}
