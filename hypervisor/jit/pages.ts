// The pages that a unit's code lies on, as the address space at hand has them. What was never executed is not looked for.

import * as frames from "../core/frames";
import * as code from "../cpu/code";
import * as fresh from "../cpu/fresh";
import { Hart, PRIV_M, PRIV_S, PRIV_U } from "../cpu/hart";
import * as mmu from "../cpu/mmu";
import { TRANSLATED } from "../cpu/mmu";
import { OP_DECODE } from "../cpu/ops";
import { PAGES_MAX } from "../cpu/regions";
import * as targets from "../cpu/targets";
import { Site } from "../cpu/targets";
import { Guest } from "../guest/guest";
import * as ram from "../guest/ram";
import * as desk from "./desk";

/** One page: pages from the unit's first, its frame, its decoded page (0: nothing of it was ever executed). */
@unmanaged @final
class Page {
  delta: i32;
  frame: u32;
  decoded: u32;
}

const PAGE_ENTRY: usize = 12;
/** A few more than a unit may have, as pages that are not there are noted too. */
const LOOKED_MAX: u32 = PAGES_MAX + 40;

let count: u32 = 0;
let usable: u32 = 0;
let rootPage: u64 = 0;
/** PRIV_* of the code at hand. */
export let privilege: u32 = 0;
let owner: usize = 0;
let ownerGuest: usize = 0;
let cpu: u32 = 0;

function at(i: u32): Page {
  return changetype<Page>(desk.pages() + <usize>i * PAGE_ENTRY);
}

/** Begins with a unit whose entry is at `pc`, for code that runs with the privilege of TLB set `set`. */
export function begin(hart: Hart, guest: Guest, cpuNumber: u32, pc: u64, set: u32): void {
  owner = changetype<usize>(hart);
  ownerGuest = changetype<usize>(guest);
  cpu = cpuNumber;
  rootPage = pc & ~0xfff;
  privilege = set == 0 ? PRIV_U : set == 3 ? PRIV_M : PRIV_S;
  count = usable = 0;
}

/** The page `delta` pages from the entry's; null: out of bounds, not mapped for execution, or never executed. */
function find(delta: i32): Page | null {
  for (let i: u32 = 0; i < count; i++) {
    const known = at(i);
    if (known.delta == delta) return known.decoded == 0 ? null : known;
  }
  if (count == LOOKED_MAX || usable == PAGES_MAX) return null;
  const page = at(count++);
  page.delta = delta;
  page.decoded = 0;
  const frame = frameAt(rootPage + (<u64>(<i64>delta) << 12));
  if (frame == 0) return null;
  page.frame = frame;
  page.decoded = <u32>code.slotOf(cpu, frame, 0);
  // A fresh page may be written unnoticed.
  if (page.decoded != 0 && fresh.has(cpu, <usize>page.decoded)) page.decoded = 0;
  if (page.decoded == 0) return null;
  usable++;
  return page;
}

/** The frame that code at this address is fetched from; 0: none. */
function frameAt(gva: u64): u32 {
  const hart = changetype<Hart>(owner);
  const guest = changetype<Guest>(ownerGuest);
  const own = hart.priv;
  hart.priv = privilege;
  const result = mmu.peek(hart, guest, gva);
  hart.priv = own;
  if (result != TRANSLATED || mmu.isPartial || !ram.has(guest, mmu.gpa)) return 0;
  const base = ram.pageForRead(guest, mmu.gpa);
  return base == 0 ? 0 : frames.frameOf(base);
}

/** Has the instruction at `offset` bytes from the start of the entry's page been decoded, so probably executed? */
export function isKnown(offset: i32): bool {
  const page = find(offset >> 12);
  return page != null && load<u8>(<usize>page.decoded + (<usize>(offset & 0xfff) << 2)) != OP_DECODE;
}

/** What is known of where the indirect jump or call there goes; null: nothing. */
export function siteAt(offset: i32): Site | null {
  const page = find(offset >> 12);
  return page == null ? null : targets.find(cpu, <usize>page.decoded + (<usize>(offset & 0xfff) << 2));
}

/** The instruction there: 16 bits of it or 32; 0 where it can't be had whole. */
export function fetch(offset: i32): u32 {
  const page = find(offset >> 12);
  if (page == null) return 0;
  const ptr = frames.address(page.frame) + <usize>(offset & 0xfff);
  const low = <u32>load<u16>(ptr);
  if ((low & 3) != 3) return low;
  if ((offset & 0xfff) != 0xffe) return load<u32>(ptr);
  const next = find((offset >> 12) + 1);
  return next == null ? 0 : low | <u32>load<u16>(frames.address(next.frame)) << 16;
}

/** The frame that code at `delta` pages from the entry's is fetched from, whether or not it ever was; 0: none. */
export function mappedAt(delta: i32): u32 {
  return frameAt(rootPage + (<u64>(<i64>delta) << 12));
}

/** The frame of the page; only for pages that `fetch` has given code of. */
export function frameOf(delta: i32): u32 {
  const page = find(delta);
  return page == null ? 0 : page.frame;
}
