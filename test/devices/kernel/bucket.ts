// The token bucket by itself: what its numbers do at their edges.

import { PAGE_SIZE } from "../../../hypervisor/abi";
import { GUESTS } from "../../../hypervisor/core/layout";
import * as bucket from "../../../hypervisor/devices/bucket";
import { Bucket } from "../../../hypervisor/devices/bucket";
import * as random from "../../support/kernel/random";
import { seed } from "../../support/kernel/outside";

const SECOND: f64 = 1e9;

function make(): Bucket {
  return changetype<Bucket>(GUESTS + 63 * <usize>PAGE_SIZE);
}

export function bucket_that_is_new_lets_everything_through(): void {
  const b = make();
  bucket.fill(b, 1e18);
  bucket.charge(b, 1e300);
  assert(bucket.isOpen(b));
  assert(bucket.openAt(b) <= 1e18);
}

export function bucket_holds_a_tenth_of_a_second_unless_asked_otherwise(): void {
  const b = make();
  bucket.change(b, 1000, 0, 1, 0);
  assert(b.depth == 100 && b.level == 100);
  bucket.change(b, 1000, 5000, 1, 0);
  assert(b.depth == 5000 && b.level == 5000, "what was full stays full");
  bucket.change(b, 1000, 3, 1, 0);
  assert(b.depth == 10, "10 ms at least");
  bucket.change(b, 5, 0, 2048, 0);
  assert(b.depth == 2048, "and what makes sense at all");
}

export function bucket_does_not_run_over(): void {
  const b = make();
  bucket.change(b, 1000, 0, 1, 0);
  bucket.charge(b, 50);
  bucket.fill(b, 3600 * SECOND);
  assert(b.level == 100);
}

export function bucket_is_open_exactly_when_its_debt_is_paid(): void {
  const b = make();
  random.seed(seed());
  for (let i = 0; i < 10_000; i++) {
    const rate = <f64>(1 + random.below(1_000_000)) / <f64>(1 + random.below(10));
    const begin = <f64>random.below(1_000_000_000);
    bucket.change(b, 0, 0, 1, begin);
    bucket.change(b, rate, 0, 1, begin);
    bucket.charge(b, b.level + <f64>(1 + random.below(1 << 16)));
    const end = bucket.openAt(b);
    assert(!bucket.isOpen(b));
    const debt = -b.level;
    assert(Math.abs(end - begin - debt * SECOND / rate) < 4 + debt * SECOND / rate * 1e-12);
    bucket.fill(b, end);
    assert(bucket.isOpen(b), "at the time that it has named itself");
    assert(bucket.openAt(b) == end);
  }
}

export function bucket_gives_the_same_however_often_it_is_looked_at(): void {
  const b = make();
  bucket.change(b, 12_345, 100_000, 1, 0);
  bucket.charge(b, 100_000);
  for (let ns: f64 = 0; ns <= SECOND; ns += 1000) bucket.fill(b, ns);
  assert(Math.abs(b.level - 12_345) < 1e-3);
}

export function bucket_does_not_mind_a_clock_that_goes_back(): void {
  const b = make();
  bucket.change(b, 1000, 0, 1, 1e15);
  bucket.charge(b, 200);
  bucket.fill(b, 5);
  assert(b.level == -100 && b.at == 5);
  assert(bucket.openAt(b) < 0.11 * SECOND);
}

export function bucket_keeps_a_debt_but_never_makes_it_last_longer(): void {
  const b = make();
  bucket.change(b, 1000, 0, 1, 0);
  bucket.charge(b, 1100);
  bucket.change(b, 10, 0, 1, 0);
  assert(b.level == -10, "still a second");
  bucket.change(b, 100, 0, 1, 0);
  assert(b.level == -10, "now a tenth of it");
  bucket.change(b, 0, 0, 1, 0);
  assert(bucket.isOpen(b));
  bucket.change(b, 100, 0, 1, 0);
  assert(b.level == 10, "a new limit knows nothing of an old one");
}
