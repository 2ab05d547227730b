// Load-reserved and store-conditional between harts that take turns.

import { guestAt } from "../../../hypervisor/guest/guest";
import { A0, A1, A2, CODE, DATA, amoadd, at, double, emit, go, jump, lr, makeHart, sc, secondHart, setDouble } from "./bench";

export function a_store_by_another_hart_breaks_the_reservation(): void {
  const hart = makeHart(64);
  hart.x14 = DATA;
  setDouble(hart, DATA, 5);
  emit(hart, lr(A0, 14));
  emit(hart, sc(A1, 14, A0));
  emit(hart, jump(0));
  go(hart, 1);
  at(CODE + 0x100);
  const other = secondHart(guestAt(0), CODE + 0x100);
  other.x14 = DATA;
  other.x11 = 1;
  emit(other, amoadd(A0, 14, A1));
  emit(other, jump(0));
  go(other, 1);
  assert(other.x(A0) == 5);
  go(hart, 1);
  assert(hart.x(A1) == 1);
  assert(double(hart, DATA) == 6);
}

export function a_reservation_is_good_for_one_store_and_one_address(): void {
  const hart = makeHart(64);
  hart.x14 = DATA;
  hart.x15 = DATA + 8;
  hart.x13 = 9;
  emit(hart, lr(A0, 14));
  emit(hart, sc(A1, 15, 13));
  emit(hart, sc(A2, 14, 13));
  emit(hart, lr(A0, 14));
  emit(hart, sc(16, 14, 13));
  emit(hart, sc(17, 14, 13));
  emit(hart, jump(0));
  go(hart, 6);
  assert(hart.x(A1) == 1);
  assert(hart.x(A2) == 1);
  assert(hart.x(16) == 0);
  assert(hart.x(17) == 1);
  assert(double(hart, DATA) == 9);
  assert(double(hart, DATA + 8) == 0);
}
