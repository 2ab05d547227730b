// Address spaces: what a hart may remember over changes of satp, and what each kind of fence makes it forget.

import * as access from "../../../hypervisor/cpu/access";
import { DONE } from "../../../hypervisor/cpu/access";
import * as csr from "../../../hypervisor/cpu/csr";
import { CSR_SATP } from "../../../hypervisor/cpu/csrs";
import { Hart, PRIV_S, PRIV_U } from "../../../hypervisor/cpu/hart";
import * as mmu from "../../../hypervisor/cpu/mmu";
import { ACCESS_FETCH, TRANSLATED } from "../../../hypervisor/cpu/mmu";
import * as system from "../../../hypervisor/cpu/system";
import * as tlb from "../../../hypervisor/cpu/tlb";
import { guestAt } from "../../../hypervisor/guest/guest";
import { RAM_BASE } from "../../../hypervisor/guest/guest";
import { A0, A1, DATA, ZERO, makeHart, setDouble } from "./bench";

/** Tables of space n lie at TABLES + n * 0x4000: root, middle, last. Pages with numbers in them lie from PAGES on. */
const TABLES: u64 = RAM_BASE + 0x10_0000;
const PAGES: u64 = DATA;
const NODE: u64 = 1;
const LEAF: u64 = 0xcf;
const USER: u64 = 0x10;
const GLOBAL: u64 = 0x20;

const SFENCE: u32 = 0x1200_0073;

/** A hart in S mode whose pages 0 … 15 from PAGES on hold 100 … 115. */
function makeSupervisor(): Hart {
  const hart = makeHart(2048);
  hart.pmpActive = 0;
  hart.priv = PRIV_S;
  tlb.select(hart);
  for (let i: u64 = 0; i < 16; i++) setDouble(hart, PAGES + (i << 12), 100 + i);
  return hart;
}

function tableOf(space: u64, level: u64): u64 {
  return TABLES + space * 0x4000 + (2 - level << 12);
}

/** Maps the page at `gva` (below 2 MiB) of a space to the page that holds 100 + `number`. */
function map(hart: Hart, space: u64, gva: u64, number: u64, flags: u64): void {
  setDouble(hart, tableOf(space, 2), tableOf(space, 1) >> 2 | NODE);
  setDouble(hart, tableOf(space, 1), tableOf(space, 0) >> 2 | NODE);
  setDouble(hart, tableOf(space, 0) + (gva >> 9), PAGES + (number << 12) >> 2 | LEAF | flags);
}

/** Enters a space, with this ASID. */
function enter(hart: Hart, space: u64, asid: u64): void {
  csr.write(hart, CSR_SATP, <u64>8 << 60 | asid << 44 | tableOf(space, 2) >> 12);
}

/** What an instruction would load. */
function read(hart: Hart, gva: u64): u64 {
  assert(access.load_(hart, gva, 8) == DONE);
  return access.loaded;
}

function fence(hart: Hart, rs1: u32, rs2: u32): void {
  system.execute(hart, guestAt(0), SFENCE | rs1 << 15 | rs2 << 20, hart.pc);
}

/** How many entries reading takes. */
function fills(hart: Hart, gva: u64): u64 {
  const before = hart.tlbFills;
  read(hart, gva);
  return hart.tlbFills - before;
}

/** A hart that has read page 0x5000 in the spaces 1 (100) and 2 (101), and is in space 2. Their ASIDs are 1 and 2. */
function makeTwo(flags: u64): Hart {
  const hart = makeSupervisor();
  map(hart, 1, 0x5000, 0, flags);
  map(hart, 2, 0x5000, 1, flags);
  hart.mstatus |= tlb.MSTATUS_SUM;
  tlb.select(hart);
  enter(hart, 1, 1);
  assert(read(hart, 0x5000) == 100);
  enter(hart, 2, 2);
  assert(read(hart, 0x5000) == 101);
  return hart;
}

export function a_space_that_is_come_back_to_has_its_entries_again(): void {
  const hart = makeTwo(USER);
  enter(hart, 1, 1);
  assert(fills(hart, 0x5000) == 0);
  assert(read(hart, 0x5000) == 100);
  hart.priv = PRIV_U;
  tlb.select(hart);
  assert(fills(hart, 0x5000) == 1);
  enter(hart, 2, 2);
  assert(read(hart, 0x5000) == 101);
  enter(hart, 1, 1);
  assert(fills(hart, 0x5000) == 0);
  assert(read(hart, 0x5000) == 100);
}

export function a_fence_of_a_space_reaches_it_while_another_is_in_use(): void {
  for (let i: u32 = 0; i < 4; i++) {
    const hart = makeTwo(USER);
    hart.x10 = 0x5000;
    hart.x11 = 1;
    map(hart, 1, 0x5000, 3, USER);
    fence(hart, (i & 1) != 0 ? A0 : ZERO, (i & 2) != 0 ? A1 : ZERO);
    enter(hart, 1, 1);
    assert(read(hart, 0x5000) == 103);
  }
}

export function a_fence_of_another_space_leaves_this_one_alone(): void {
  const hart = makeTwo(USER);
  hart.x10 = 0x5000;
  hart.x11 = 1;
  fence(hart, A0, A1);
  fence(hart, ZERO, A1);
  assert(fills(hart, 0x5000) == 0);
}

export function a_fence_of_the_space_in_use_reaches_it(): void {
  for (let i: u32 = 0; i < 2; i++) {
    const hart = makeTwo(USER);
    map(hart, 2, 0x5000, 3, USER);
    hart.x10 = 0x5000;
    // Only the low 16 bits are an ASID.
    hart.x11 = 0xabc_0002;
    fence(hart, i != 0 ? A0 : ZERO, A1);
    assert(read(hart, 0x5000) == 103);
  }
}

export function global_pages_stay_when_the_space_changes_or_is_fenced(): void {
  const hart = makeTwo(0);
  map(hart, 1, 0x6000, 2, GLOBAL);
  map(hart, 2, 0x6000, 2, GLOBAL);
  assert(read(hart, 0x6000) == 102);
  hart.x11 = 2;
  fence(hart, ZERO, A1);
  assert(fills(hart, 0x6000) == 0);
  enter(hart, 1, 1);
  assert(fills(hart, 0x6000) == 0);
  enter(hart, 1, 0);
  assert(fills(hart, 0x6000) == 0);
}

export function what_a_global_table_leads_to_is_global(): void {
  const hart = makeTwo(0);
  setDouble(hart, tableOf(2, 1), tableOf(2, 0) >> 2 | NODE | GLOBAL);
  fence(hart, ZERO, ZERO);
  read(hart, 0x5000);
  enter(hart, 1, 1);
  assert(fills(hart, 0x5000) == 0);
}

export function a_fence_of_all_spaces_reaches_global_pages(): void {
  for (let i: u32 = 0; i < 2; i++) {
    const hart = makeTwo(0);
    map(hart, 2, 0x6000, 2, GLOBAL);
    assert(read(hart, 0x6000) == 102);
    map(hart, 2, 0x6000, 3, GLOBAL);
    hart.x10 = 0x6000;
    fence(hart, i != 0 ? A0 : ZERO, ZERO);
    assert(read(hart, 0x6000) == 103);
  }
}

export function a_system_that_numbers_no_spaces_finds_nothing_old(): void {
  const hart = makeSupervisor();
  map(hart, 1, 0x5000, 0, 0);
  map(hart, 2, 0x5000, 1, 0);
  enter(hart, 1, 0);
  assert(read(hart, 0x5000) == 100);
  enter(hart, 2, 0);
  assert(read(hart, 0x5000) == 101);
  map(hart, 1, 0x5000, 3, 0);
  enter(hart, 1, 0);
  assert(read(hart, 0x5000) == 103);
}

export function translation_that_is_turned_off_leaves_nothing_behind(): void {
  const hart = makeSupervisor();
  const gva = DATA & 0x1f_ffff;
  map(hart, 1, gva, 4, GLOBAL);
  setDouble(hart, tableOf(1, 2) + 16, tableOf(1, 1) >> 2 | NODE);
  enter(hart, 1, 1);
  assert(read(hart, RAM_BASE | gva) == 104);
  csr.write(hart, CSR_SATP, 0);
  assert(read(hart, RAM_BASE | gva) == 100);
  enter(hart, 1, 1);
  assert(read(hart, RAM_BASE | gva) == 104);
}

export function more_spaces_than_are_kept_see_their_own_pages(): void {
  const hart = makeSupervisor();
  for (let space: u64 = 1; space <= 14; space++) map(hart, space, 0x5000, space, USER);
  hart.mstatus |= tlb.MSTATUS_SUM;
  tlb.select(hart);
  for (let round = 0; round < 3; round++) {
    for (let space: u64 = 1; space <= 14; space++) {
      enter(hart, space, space);
      assert(read(hart, 0x5000) == 100 + space);
    }
  }
}

export function a_large_space_comes_back_without_entries_of_another(): void {
  const hart = makeSupervisor();
  for (let page: u64 = 0; page < 400; page++) {
    map(hart, 1, page << 12, page & 7, USER);
    map(hart, 2, page << 12, 8 + (page & 7), USER);
  }
  hart.priv = PRIV_U;
  tlb.select(hart);
  for (let count: u64 = 100; count <= 400; count += 50) {
    for (let space: u64 = 1; space <= 2; space++) {
      enter(hart, space, space);
      for (let page: u64 = 0; page < count; page++) {
        assert(read(hart, page << 12) == (space == 1 ? 100 : 108) + (page & 7));
      }
    }
  }
}

export function stores_to_what_became_code_meanwhile_are_still_seen(): void {
  const hart = makeTwo(USER);
  assert(access.store_(hart, 0x5008, 8, 1) == DONE);
  enter(hart, 1, 1);
  tlb.flushWrites(hart);
  enter(hart, 2, 2);
  const before = hart.tlbFills;
  assert(access.store_(hart, 0x5008, 8, 1) == DONE);
  assert(hart.tlbFills == before + 1);
}

export function a_table_put_where_a_superpage_was_is_followed_after_a_fence(): void {
  const hart = makeSupervisor();
  map(hart, 1, 0x5000, 3, 0);
  setDouble(hart, tableOf(1, 1), RAM_BASE >> 2 | LEAF);
  enter(hart, 1, 1);
  setDouble(hart, RAM_BASE + 0x5000, 9);
  assert(read(hart, 0x5000) == 9);
  map(hart, 1, 0x5000, 3, 0);
  hart.x10 = 0x5000;
  fence(hart, A0, ZERO);
  assert(read(hart, 0x5000) == 103);
}

export function another_table_is_followed_after_a_fence_of_its_address(): void {
  for (let i: u32 = 0; i < 4; i++) {
    const hart = makeTwo(0);
    map(hart, 3, 0x5000, 6, 0);
    setDouble(hart, tableOf(2, 1), tableOf(3, 0) >> 2 | NODE);
    hart.x10 = 0x5000;
    hart.x11 = 2;
    fence(hart, (i & 1) != 0 ? A0 : ZERO, (i & 2) != 0 ? A1 : ZERO);
    assert(read(hart, 0x5000) == 106);
  }
}

export function a_walk_begins_anew_when_frames_have_moved(): void {
  const hart = makeTwo(0);
  guestAt(0).mapGeneration++;
  map(hart, 2, 0x7000, 5, 0);
  assert(read(hart, 0x7000) == 105);
}

/** Fetches a page and enters it into the TLB, as cpu/run.ts does. */
function fetch(hart: Hart, gva: u64): void {
  assert(mmu.translate(hart, guestAt(0), gva, 2, ACCESS_FETCH) == TRANSLATED);
  tlb.fill(hart, hart.fetchSet, tlb.fetchEntry(hart, gva), gva, 0x1000);
}

export function only_fences_of_fetched_pages_put_translated_code_of_a_program_in_question(): void {
  const hart = makeTwo(USER);
  hart.priv = PRIV_U;
  tlb.select(hart);
  fetch(hart, 0x5000);
  const epoch = hart.fetchEpoch;
  hart.priv = PRIV_S;
  tlb.select(hart);
  hart.x11 = 2;
  hart.x10 = 0x9000;
  fence(hart, A0, A1);
  enter(hart, 1, 1);
  hart.priv = PRIV_U;
  tlb.select(hart);
  assert(hart.fetchEpoch != epoch);
  enter(hart, 2, 2);
  assert(hart.fetchEpoch == epoch);
  hart.priv = PRIV_S;
  hart.x10 = 0x5000;
  fence(hart, A0, A1);
  hart.priv = PRIV_U;
  tlb.select(hart);
  assert(hart.fetchEpoch != epoch);
}
