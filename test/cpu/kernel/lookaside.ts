// The TLB: no power-of-two distance between pages makes entries fight, and frames that change under it are seen.

import { Hart } from "../../../hypervisor/cpu/hart";
import * as tlb from "../../../hypervisor/cpu/tlb";
import { guestAt } from "../../../hypervisor/guest/guest";
import * as ram from "../../../hypervisor/guest/ram";
import * as frames from "../../../hypervisor/core/frames";
import { A0, A1, A2, CODE, DATA, T0, ZERO, add, addi, bne, double, emit, go, jump, ld, makeHart, sd, setDouble } from "./bench";

/** Touches pages in turn, `count` of them `distance` apart, for `rounds` rounds. */
function walk(hart: Hart, distance: u64, count: u64, rounds: u64): void {
  hart.x13 = rounds;
  hart.x12 = distance;
  emit(hart, add(A0, 14, ZERO));
  emit(hart, addi(T0, 15, 0));
  emit(hart, ld(A1, A0, 0));
  emit(hart, add(A0, A0, A2));
  emit(hart, addi(T0, T0, -1));
  emit(hart, bne(T0, ZERO, -12));
  emit(hart, addi(13, 13, -1));
  emit(hart, bne(13, ZERO, -28));
  emit(hart, jump(0));
  hart.x14 = DATA;
  hart.x15 = count;
}

export function pages_at_any_power_of_two_distance_do_not_push_each_other_out(): void {
  for (let shift: u64 = 12; shift <= 25; shift++) {
    const pages: u64 = shift > 22 ? 8 : 64;
    const hart = makeHart((pages << shift >> 12) + 64);
    walk(hart, <u64>1 << shift, pages, 50);
    go(hart, 20000);
    // One fill a page, and some to spare for entries that do meet: a direct-mapped table would need 50 a page.
    assert(hart.tlbFills < pages * 4 + 4, "one fill a page, nearly");
  }
}

export function an_empty_entry_is_hit_by_no_address(): void {
  const hart = makeHart(64);
  for (let i: u64 = 0; i < 1024; i++) {
    const addresses: u64 = i << 12;
    assert((load<u64>(tlb.dataEntry(hart, 0, addresses)) ^ addresses) > 4095);
    assert((load<u64>(tlb.dataEntry(hart, tlb.TLB_WRITE, ~addresses)) ^ ~addresses) > 4095);
    assert((load<u64>(tlb.fetchEntry(hart, addresses)) ^ addresses) > 4095);
  }
}

export function a_shared_page_is_copied_before_it_is_written(): void {
  const hart = makeHart(64);
  setDouble(hart, DATA, 7);
  const frame = ram.protect(guestAt(0), DATA);
  ram.expel(guestAt(0));
  frames.share(frame);
  assert(ram.merge(guestAt(0), DATA, frame));
  hart.x14 = DATA;
  emit(hart, ld(A0, 14, 0));
  emit(hart, addi(A1, A0, 1));
  emit(hart, sd(A1, 14, 0));
  emit(hart, ld(A2, 14, 0));
  emit(hart, jump(0));
  go(hart, 4);
  assert(hart.x(A2) == 8);
  assert(double(hart, DATA) == 8);
  assert(load<u64>(frames.address(frame)) == 7);
  assert(frames.frameOf(ram.pageForRead(guestAt(0), DATA)) != frame);
}

export function accesses_that_leave_their_page_read_and_write_both_pages(): void {
  const hart = makeHart(64);
  hart.x14 = DATA + 0xffc;
  hart.x11 = 0x1122334455667788;
  emit(hart, sd(A1, 14, 0));
  emit(hart, ld(A0, 14, 0));
  emit(hart, jump(0));
  go(hart, 2);
  assert(hart.x(A0) == 0x1122334455667788);
  assert(double(hart, DATA + 0x1000) == 0x11223344);
  assert(CODE < DATA);
}
