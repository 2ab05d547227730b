// How hot code is: what its entries have cost the interpreter, in instructions; and the list of those that are worth translating.
//
// Entries are found by looking now and then (cpu/run.ts: which loop or call comes next?), and where translated code was left
// and the interpreter had to go on. A small table without chains: an entry that is met rarely is worn down by others.

import { HEAT, TARGETS, areaOf } from "./regions";

const ENTRIES: u32 = 4096;
/** Behind the table: entries waiting to be translated. */
const HOT: usize = HEAT + (<usize>ENTRIES << 3);
const HOT_MAX: u32 = 1024;
/** So many wait at most for what has to be translated, or that would take too long at a time. */
const WAITING_MOST: u32 = 32;

/** Head of the list. */
@unmanaged @final
class Waiting {
  count: u32;
}

/** An entry that is worth translating. */
@unmanaged @final
export class Hot {
  /** Guest-virtual address, true for the address space in which it was met. */
  pc: u64;
  /** The decoded page of the frame it lies in, and TLB set of the privilege. */
  page: u32;
  set: u32;
}

const HOT_SIZE: usize = 16;

if (HOT + 16 + <usize>HOT_MAX * HOT_SIZE > TARGETS) ERROR("the heat runs into the targets");
if (offsetof<Hot>() != HOT_SIZE) ERROR("Hot has not its size");

function waiting(cpu: u32): Waiting {
  return changetype<Waiting>(areaOf(cpu) + HOT);
}

/** How many entries wait to be translated. */
export function count(cpu: u32): u32 {
  return waiting(cpu).count;
}

/** The i-th that waits. */
export function at(cpu: u32, i: u32): Hot {
  return changetype<Hot>(areaOf(cpu) + HOT + 16 + <usize>i * HOT_SIZE);
}

/** Forgets those that wait. */
export function clear(cpu: u32): void {
  waiting(cpu).count = 0;
}

function entryOf(cpu: u32, slot: usize, set: u32): usize {
  return areaOf(cpu) + HEAT + (<usize>((<u32>slot ^ set << 29) * 0x9e3779b1 >> 20) << 3);
}

/** The entry at `slot` has cost `amount` instructions; with `enough` of them it waits to be translated. */
export function add(cpu: u32, slot: usize, page: usize, pc: u64, set: u32, amount: i32, enough: i32): void {
  const entry = entryOf(cpu, slot, set);
  const key = <u32>slot | set;
  let heat = load<i32>(entry, 4);
  if (load<u32>(entry) != key) {
    if (heat > amount) {
      store<i32>(entry, heat - amount, 4);
      return;
    }
    store<u32>(entry, key);
    heat = 0;
  }
  heat += amount;
  if (heat >= enough) {
    ask(cpu, page, pc, set, WAITING_MOST);
    heat = -enough;
  }
  store<i32>(entry, heat, 4);
}

/** This entry is to be translated, whatever it has cost; false: `most`, or as many as there is room for, wait already. */
export function ask(cpu: u32, page: usize, pc: u64, set: u32, most: u32 = WAITING_MOST): bool {
  const list = waiting(cpu);
  if (list.count >= most || list.count == HOT_MAX) return false;
  const hot = at(cpu, list.count++);
  hot.pc = pc;
  hot.page = <u32>page;
  hot.set = set;
  return true;
}

/** The entry can't be translated: it needs so much more before it is tried again. */
export function cool(cpu: u32, slot: usize, set: u32, amount: i32): void {
  const entry = entryOf(cpu, slot, set);
  if (load<u32>(entry) == (<u32>slot | set)) store<i32>(entry, -amount, 4);
}
