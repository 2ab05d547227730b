// Code that changes: by the hart's own stores, by another hart, by a device, by its pages becoming data.

import { guestAt } from "../../../hypervisor/guest/guest";
import * as ram from "../../../hypervisor/guest/ram";
import {
  A0, A1, A2, A3, CODE, T0, T1, ZERO, addi, at, auipc, bne, emit, go, jump, ld, lw, makeHart, secondHart, sd, setDouble, sh, sw, word,
} from "./bench";

export function a_store_over_the_next_instruction_is_seen_at_once(): void {
  const hart = makeHart(64);
  emit(hart, auipc(A0, 0));
  emit(hart, lw(A1, A0, 32));
  emit(hart, sw(A1, A0, 12));
  emit(hart, addi(A2, ZERO, 1));
  emit(hart, jump(0));
  at(CODE + 32);
  emit(hart, addi(A2, ZERO, 2));
  go(hart, 4);
  assert(hart.x(A2) == 2);
}

export function a_store_to_the_last_half_of_a_fused_pair_undoes_the_pair(): void {
  const hart = makeHart(64);
  setDouble(hart, CODE + 0x800, 11);
  setDouble(hart, CODE + 0x808, 22);
  setDouble(hart, CODE + 0x810, 33);
  emit(hart, auipc(A0, 0));
  emit(hart, addi(A0, A0, 0x400));
  emit(hart, addi(A0, A0, 0x400));
  emit(hart, addi(T0, ZERO, 2));
  // CODE + 16: the pair
  emit(hart, ld(A1, A0, 0));
  emit(hart, ld(A2, A0, 8));
  emit(hart, auipc(T1, 0));
  // The upper half of the second load gets another offset: 16 instead of 8.
  emit(hart, lw(A3, T1, 0x100 - 24));
  emit(hart, sh(A3, T1, 22 - 24 & 0xfff));
  emit(hart, addi(T0, T0, -1));
  emit(hart, bne(T0, ZERO, -24));
  emit(hart, jump(0));
  at(CODE + 0x100);
  emit(hart, ld(A2, A0, 16) >> 16);
  go(hart, 6);
  assert(hart.x(A1) == 11);
  assert(hart.x(A2) == 22);
  go(hart, 20);
  assert(hart.x(A2) == 33);
}

export function code_of_one_hart_written_by_another_is_seen_in_the_next_slice(): void {
  const hart = makeHart(64);
  emit(hart, addi(A0, A0, 1));
  emit(hart, jump(-4));
  go(hart, 100);
  assert(hart.x(A0) == 50);
  at(CODE + 0x1000);
  const other = secondHart(guestAt(0), CODE + 0x1000);
  emit(other, auipc(A1, 0xfffff));
  emit(other, lw(A2, A1, 0x400));
  emit(other, sw(A2, A1, 0));
  emit(other, jump(0));
  at(CODE + 0x400);
  emit(hart, addi(A0, A0, 2));
  go(other, 10);
  go(hart, 100);
  assert(hart.x(A0) == 150);
}

export function code_written_by_a_device_is_seen_in_the_next_slice(): void {
  const hart = makeHart(64);
  emit(hart, addi(A0, A0, 1));
  emit(hart, jump(-4));
  go(hart, 10);
  store<u32>(ram.writable(guestAt(0), CODE), addi(A0, A0, 100));
  go(hart, 10);
  assert(hart.x(A0) == 505);
}

export function a_code_page_that_becomes_data_is_as_fast_as_data_again(): void {
  const hart = makeHart(64);
  at(CODE + 0x1000);
  emit(hart, addi(A3, A3, 1));
  emit(hart, 0x00008067);
  at(CODE);
  emit(hart, auipc(A0, 1));
  emit(hart, 0x000500e7);
  emit(hart, addi(T0, ZERO, 2000));
  emit(hart, sd(T0, A0, 64));
  emit(hart, addi(T0, T0, -1));
  emit(hart, bne(T0, ZERO, -8));
  emit(hart, 0x000500e7);
  emit(hart, jump(0));
  go(hart, 8000);
  assert(hart.x(A3) == 2);
  assert(word(hart, CODE + 0x1000 + 64) == 1);
  // While it held code each store was a miss; after a few dozen the page is data and the TLB knows it.
  assert(hart.tlbFills < 20);
}
