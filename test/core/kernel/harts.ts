// Harts of one guest side by side: code that one writes and another executes, order of stores, moves between CPUs.

import { RAM_BASE, guestAt } from "../../../hypervisor/guest/guest";
import { EXIT_BUDGET, EXIT_PAUSE, hartAt } from "../../../hypervisor/cpu/hart";
import * as access from "../../../hypervisor/cpu/access";
import * as fences from "../../../hypervisor/cpu/fences";
import { run } from "../../../hypervisor/cpu/run";
import * as presence from "../../../hypervisor/guest/presence";
import * as ram from "../../../hypervisor/guest/ram";
import {
  FENCE, FENCE_I, PAUSE, WORDS, add, addi, and, at, beq, bltu, bne, boot, codeOf, done, emit, finish, finished, hart, jalr, ld, makeGuest, meet, or,
  plus, runHart, sd, setX, slli, sltu, sw,
} from "./crowd";

/** The word of whose turn it is, and the answer. */
const MAIL: u64 = RAM_BASE + 0x10000;
/** A function of two instructions: li a0, N; ret. */
const ROUTINE: u64 = RAM_BASE + 0x11000;
const RETURN: u32 = 0x0000_8067;
const VERSIONS: u32 = 2000;

/** Hart 0 writes version a5 of the function, says so, and waits for the answer, which must be the version. */
function author(): void {
  at(codeOf(0));
  setX(0, 12, VERSIONS - 1);
  setX(0, 13, MAIL);
  setX(0, 14, ROUTINE);
  setX(0, 16, addi(10, 0, 0));
  emit(addi(15, 15, 1));
  emit(slli(11, 15, 20));
  emit(or(11, 11, 16));
  emit(sw(11, 14, 0));
  emit(FENCE);
  emit(sd(15, 13, 0));
  emit(ld(10, 13, 8));
  emit(bne(10, 15, -4));
  emit(bne(15, 12, -32));
  done();
}

/** Hart 1 waits for another version, calls it, and answers. */
function reader(): void {
  at(codeOf(1));
  setX(1, 12, VERSIONS - 1);
  setX(1, 13, MAIL);
  setX(1, 14, ROUTINE);
  emit(ld(15, 13, 0));
  emit(beq(15, 11, -4));
  emit(addi(11, 15, 0));
  emit(FENCE_I);
  emit(jalr(1, 14));
  // x20 counts answers of old code.
  emit(beq(10, 15, 8));
  emit(addi(20, 20, 1));
  emit(sd(15, 13, 8));
  emit(bne(15, 12, -32));
  done();
}

function exchange(): void {
  boot();
  makeGuest(0, 2, 64);
  at(ROUTINE);
  emit(addi(10, 0, 0));
  emit(RETURN);
  author();
  reader();
}

function wasRead(): void {
  assert(hart(0).x(15) == VERSIONS - 1, "the author has not come to its end");
  assert(hart(1).x(15) == VERSIONS - 1 && hart(1).x(20) == 0, "the reader has executed old code");
}

export function code_that_another_hart_writes_is_executed_after_a_fence__before(): void {
  exchange();
}

export function code_that_another_hart_writes_is_executed_after_a_fence__on(cpu: u32): void {
  meet();
  if (cpu < 2) runHart(cpu, cpu, cpu == 0 ? 100_000 : 3_000);
}

export function code_that_another_hart_writes_is_executed_after_a_fence__after(): void {
  wasRead();
}

export function code_is_executed_as_it_is_now_by_a_hart_that_moves__before(): void {
  exchange();
}

/** The reader is on CPU 1 and on CPU 2 in turn. */
export function code_is_executed_as_it_is_now_by_a_hart_that_moves__on(cpu: u32): void {
  meet();
  if (cpu == 0) {
    runHart(0, 0, 20_000);
    return;
  }
  access.setCpu(cpu);
  while (hart(1).x17 != 1) {
    while (atomic.load<u32>(WORDS) % 2 != cpu - 1) if (hart(1).x17 == 1) return;
    for (let i = 0; i < 3 && hart(1).x17 != 1; i++) run(hart(1), 500);
    atomic.add<u32>(WORDS, 1);
  }
}

export function code_is_executed_as_it_is_now_by_a_hart_that_moves__after(): void {
  wasRead();
  assert(load<u32>(WORDS) > 2);
}

/** Store to the own word, fence, load of the other's: at least one of two harts must see the other's store. */
function dekker(i: u32): void {
  at(codeOf(i));
  setX(i, 13, MAIL + (<u64>i << 7));
  setX(i, 14, MAIL + (<u64>(i ^ 1) << 7));
  setX(i, 12, MAIL + 1024 + (<u64>i << 7));
  setX(i, 11, MAIL + 1024 + (<u64>(i ^ 1) << 7));
  setX(i, 16, 20_000);
  emit(addi(15, 15, 1));
  emit(sd(15, 13, 0));
  emit(FENCE);
  emit(ld(10, 14, 0));
  // The other has not come so far.
  emit(sltu(18, 10, 15));
  emit(sd(18, 13, 8));
  // Both meet: own word of arrival, then the other's.
  emit(FENCE);
  emit(sd(15, 12, 0));
  emit(ld(10, 11, 0));
  emit(bltu(10, 15, -4));
  emit(FENCE);
  emit(ld(10, 14, 8));
  emit(and(10, 10, 18));
  emit(plus(20, 20, 10));
  emit(FENCE);
  emit(sd(15, 12, 8));
  emit(ld(10, 11, 8));
  emit(bltu(10, 15, -4));
  emit(bne(15, 16, -72));
  done();
}

export function a_fence_keeps_a_load_behind_a_store__before(): void {
  boot();
  makeGuest(0, 2, 64);
  dekker(0);
  dekker(1);
}

export function a_fence_keeps_a_load_behind_a_store__on(cpu: u32): void {
  meet();
  if (cpu < 2) runHart(cpu, cpu, 50_000);
}

export function a_fence_keeps_a_load_behind_a_store__after(): void {
  assert(hart(0).x(15) == 20_000 && hart(1).x(15) == 20_000);
  assert(hart(0).x(20) == 0 && hart(1).x(20) == 0);
}

export function a_fence_that_is_posted_is_done_before_the_hart_goes_on__before(): void {
  boot();
  makeGuest(0, 2, 64);
  at(codeOf(0));
  emit(addi(10, 10, 1));
  emit(bne(11, 12, -4));
  emit(beq(0, 0, -8));
}

/** CPU 1 posts and waits; when it is through, the hart has left, and has the fence done or will do it first. */
export function a_fence_that_is_posted_is_done_before_the_hart_goes_on__on(cpu: u32): void {
  const guest = guestAt(0);
  meet();
  if (cpu == 0) {
    while (finished() == 0) {
      run(hart(0), 2000);
      assert(presence.countOf(guest, 0) == 0);
    }
  } else if (cpu == 1) {
    for (let i = 0; i < 2000; i++) {
      const before = presence.countOf(guest, 0);
      fences.post(hart(0), 0x1000, 1);
      fences.postCode(hart(0));
      presence.awaitHarts(guest, 1);
      assert(presence.hasLeft(guest, 0, before));
    }
    finish();
  }
}

export function a_fence_that_is_posted_is_done_before_the_hart_goes_on__after(): void {
  run(hart(0), 10);
  assert(!fences.areWaiting(hart(0)));
}

export function a_hart_with_siblings_leaves_when_it_pauses_often__before(): void {
  boot();
  makeGuest(0, 2, 64);
  makeGuest(1, 1, 64);
  for (let i: u32 = 0; i < 2; i++) {
    at(codeOf(i));
    emit(addi(10, 10, 1));
    emit(PAUSE);
    emit(beq(0, 0, -8));
  }
  memory.copy(ram.writable(guestAt(1), codeOf(0)), ram.readable(guestAt(0), codeOf(0)), 16);
}

export function a_hart_with_siblings_leaves_when_it_pauses_often__on(cpu: u32): void {
  access.setCpu(cpu);
  if (cpu == 2) return;
  for (let i = 0; i < 10; i++) {
    assert(run(hart(cpu), 100_000) == EXIT_PAUSE);
    // The pause has retired.
    assert(hart(cpu).pc == codeOf(cpu) + 8 && hart(cpu).retired == hart(cpu).x(10) * 3 - 1);
  }
  add(WORDS, 1);
}

export function a_hart_with_siblings_leaves_when_it_pauses_often__after(): void {
  assert(load<u32>(WORDS) == 2);
  const alone = hartAt(guestAt(1), 0);
  assert(run(alone, 100_000) == EXIT_BUDGET && alone.retired == 100_000);
}
