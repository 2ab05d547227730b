// Translated code that came with the image: functions that are in the kernel's table from the start, each to be used where a
// guest has the very code that it was made from.
//
//   pack    +0          head: TRAINED_* of abi.ts
//           +HEAD       buckets: for each hash the first record, in bytes from the pack's start; 0: none
//           …           records of units: TRAINED_UNIT_*, offsets of its functions, runs of the code that it was made from
//
// A record is found by the entry's place in its page and its instruction, and holds all bytes of all instructions, which are
// compared: a hash alone could be met by other code. Nothing is looked for until an instruction is decoded, so code that was hot
// in training needs no heat here.

import {
  E_BAD_STATE, E_CORRUPT, E_UNSUPPORTED, E_VERSION, OK, TRAINED_BITS, TRAINED_BUCKETS, TRAINED_LENGTH, TRAINED_MAGIC, TRAINED_MAGIC_VALUE, TRAINED_PROBE, TRAINED_STAMP,
  TRAINED_UNIT_FUSED, TRAINED_UNIT_NEXT, TRAINED_UNIT_PLACE, TRAINED_UNIT_RAW, TRAINED_UNIT_SET,
} from "../abi";
import * as frames from "../core/frames";
import { GUESTS } from "../core/layout";
import { machine } from "../core/machine";
import * as code from "./code";
import { Hart } from "./hart";
import * as heat from "./heat";
import { MICRO_END } from "./micro";
import { TLB } from "./tlb";

/** Grows with each change of what translated code takes for granted, and of the pack. */
const VERSION: u32 = 2;
/** Translated code is good for kernels that have this number: places in the hart are constants in it. */
export const STAMP: u32 = VERSION << 24 ^ <u32>offsetof<Hart>() << 12 ^ <u32>TLB ^ <u32>MICRO_END ^ <u32>GUESTS;
/** What begins here the trained image knows, and nobody else: asked for, as long as there is room. */
const ASKED_MOST: u32 = 1024;

/** Where the pack lies; 0: there is none. */
let pack: usize = 0;
let shift: u32 = 0;
/** The host's relaxed multiply-adds round once, as a guest's do. */
let isFusedHost: bool = false;

/**
 * Tells of a pack: OK, or E_CORRUPT, E_VERSION, E_BAD_STATE: there are several CPUs. E_UNSUPPORTED: the host's multiply-adds round
 * twice, and units with any are left alone.
 */
export function open(ptr: usize, length: u32): i32 {
  if (length < <u32>TRAINED_BUCKETS || load<u32>(ptr, TRAINED_MAGIC) != <u32>TRAINED_MAGIC_VALUE) return E_CORRUPT;
  if (load<u32>(ptr, TRAINED_STAMP) != STAMP) return E_VERSION;
  const bits = load<u32>(ptr, TRAINED_BITS);
  if (load<u32>(ptr, TRAINED_LENGTH) != length || bits == 0 || bits > 24 || length < <u32>TRAINED_BUCKETS + (4 << bits)) return E_CORRUPT;
  // It has no atomic instructions.
  if (machine().cpus != 1) return E_BAD_STATE;
  pack = ptr;
  shift = 32 - bits;
  const probe = load<u32>(ptr, TRAINED_PROBE);
  isFusedHost = probe != 0 && call_indirect<i32>(probe, <u32>0, 0, <u64>0, 0) == 1;
  return probe == 0 || isFusedHost ? OK : E_UNSUPPORTED;
}

/** Is there one? */
export function isThere(): bool {
  return pack != 0;
}

/** What stands for an instruction in the index: its 16 or 32 bits; of one that lies on two pages the first 16. */
export function rawAt(frame: u32, offset: u32): u32 {
  const ptr = frames.address(frame) + <usize>offset;
  const low = <u32>load<u16>(ptr);
  return (low & 3) == 3 && offset != 0xffe ? load<u32>(ptr) : low;
}

/** The first record of its bucket; 0: there is none. */
export function first(offset: u32, raw: u32): usize {
  const hash = (raw ^ offset * 0x9e37_79b1) * 0x85eb_ca6b >> shift;
  return recordAt(load<u32>(pack + (<usize>hash << 2), TRAINED_BUCKETS));
}

/** The next one behind it. */
export function next(record: usize): usize {
  return recordAt(load<u32>(record, TRAINED_UNIT_NEXT));
}

function recordAt(offset: u32): usize {
  return offset == 0 ? 0 : pack + <usize>offset;
}

/** Might code that begins there, with this instruction, be the record's, and may it be used here? */
export function isLike(record: usize, offset: u32, raw: u32): bool {
  if (load<u32>(record, TRAINED_UNIT_PLACE) != offset || load<u32>(record, TRAINED_UNIT_RAW) != raw) return false;
  return isFusedHost || load<u32>(record, TRAINED_UNIT_FUSED) == 0;
}

/** The instruction at `pc` has just been decoded: asks for what might begin there. */
export function meet(cpu: u32, page: usize, pc: u64): void {
  const offset = <u32>pc & 0xfff;
  const raw = rawAt(code.frameOf(page), offset);
  let sets: u32 = 0;
  for (let record = first(offset, raw); record != 0; record = next(record)) {
    const set = load<u32>(record, TRAINED_UNIT_SET);
    if (!isLike(record, offset, raw) || (sets >> set & 1) != 0) continue;
    sets |= 1 << set;
    heat.ask(cpu, page, pc, set, ASKED_MOST);
  }
}
