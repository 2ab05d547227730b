// A slice of N instructions stops after N, wherever that is: in a pair, in a call, at a page's end, in a trap.

import { EXIT_BUDGET, Hart } from "../../../hypervisor/cpu/hart";
import {
  A0, A1, A2, A3, CODE, DATA, RA, T0, T1, ZERO, add, addi, amoadd, at, auipc, bne, emit, emitShort, go, jalr, jump, ld,
  lui, makeHart, sd,
} from "./bench";

/** A loop with pairs of loads and stores, a call over a page border, 16-bit forms and an instruction on two pages. */
function program(hart: Hart): void {
  at(CODE);
  emit(hart, auipc(A0, 0x10));
  emit(hart, addi(T0, ZERO, 100));
  // CODE + 8: loop
  emit(hart, ld(A1, A0, 0));
  emit(hart, ld(A2, A0, 8));
  emit(hart, add(A3, A1, A2));
  emit(hart, sd(A3, A0, 0));
  emit(hart, sd(A1, A0, 8));
  emit(hart, auipc(RA, 1));
  emit(hart, jalr(RA, RA, -30));
  emitShort(hart, 0x0585);
  emitShort(hart, 0x0001);
  emit(hart, amoadd(ZERO, A0, T0));
  emit(hart, addi(T0, T0, -1));
  emit(hart, bne(T0, ZERO, -40));
  emit(hart, jump(0));
  // auipc at CODE + 28, plus 0x1000 - 30: the called function begins at CODE + 0xffe, on two pages.
  at(CODE + 0xffe);
  emit(hart, addi(T1, T1, 3));
  emit(hart, jalr(ZERO, RA, 0));
}

function sameState(a: Hart, b: Hart): void {
  assert(a.pc == b.pc);
  assert(a.retired == b.retired);
  for (let i: u32 = 0; i < 32; i++) assert(a.x(i) == b.x(i));
}

export function a_slice_of_any_length_retires_exactly_so_many_instructions(): void {
  for (let n: u32 = 1; n < 60; n++) {
    const hart = makeHart(64);
    program(hart);
    const before = hart.retired;
    assert(go(hart, n) == EXIT_BUDGET);
    assert(hart.retired - before == n);
  }
}

export function stepping_one_by_one_gives_the_same_state_as_running_at_once(): void {
  const whole = makeHart(64);
  program(whole);
  const stepped = makeHart(64, 1);
  program(stepped);
  for (let n = 0; n < 500; n++) {
    go(stepped, 1);
  }
  go(whole, 500);
  sameState(whole, stepped);
  // Now both have decoded and fused everything: slices of 7 against slices of 1.
  for (let n = 0; n < 100; n++) {
    go(whole, 7);
    for (let i = 0; i < 7; i++) go(stepped, 1);
    sameState(whole, stepped);
  }
}

export function a_guest_that_traps_for_ever_uses_up_its_budget(): void {
  const hart = makeHart(64);
  // mtvec is 0, where there is no RAM: each trap is followed by a fetch fault.
  emit(hart, 0);
  assert(go(hart, 1000) == EXIT_BUDGET);
  assert(hart.retired == 0);
  assert(hart.traps == 1000);
  assert(hart.mcause == 1);
}

export function the_guests_own_counter_sees_each_instruction_once(): void {
  const hart = makeHart(64);
  emit(hart, 0xb0202573);
  emit(hart, lui(A1, 1));
  emit(hart, addi(A1, A1, 1));
  emit(hart, 0xb0202673);
  go(hart, 4);
  assert(hart.x(A2) - hart.x(A0) == 3);
}

export function a_page_behind_the_last_slot_goes_on_at_the_next_page(): void {
  const hart = makeHart(64);
  for (let i = 0; i < 3000; i++) emitShort(hart, 0x0505);
  assert(go(hart, 3000) == EXIT_BUDGET);
  assert(hart.x(A0) == 3000);
  assert(hart.pc == CODE + 6000);
  assert(DATA > CODE);
}

/** An auipc with its addi, which heads a pair with the branch behind it: the immediate of that slot is no longer its own. */
export function regression_a_slice_that_ends_inside_auipc_and_addi_before_a_branch(): void {
  const whole = makeHart(64);
  const stepped = makeHart(64, 1);
  for (let i = 0; i < 2; i++) {
    const hart = i == 0 ? whole : stepped;
    at(CODE);
    emit(hart, auipc(A0, 0x10));
    emit(hart, addi(A0, A0, 0x123));
    emit(hart, bne(A0, ZERO, 8));
    emit(hart, jump(0));
    emit(hart, addi(T0, T0, 1));
    emit(hart, jump(-20));
    go(hart, 100);
  }
  for (let n = 0; n < 50; n++) {
    go(whole, 7);
    for (let i = 0; i < 7; i++) {
      go(stepped, 1);
      if (stepped.pc == CODE + 4) assert(stepped.x(A0) == DATA);
    }
    sameState(whole, stepped);
  }
}
