// Caps and reservations: two buckets for each guest, filled at a rate, emptied by all that is charged to it.
//
// The budget is filled at the rate of the cap. Empty, it keeps the guest from the CPUs until there is a quantum in it. What a
// slice took too much is debt, so the mean is exact. The credit is filled at the rate of the reservation. While there is any,
// the guest comes before all that have none.

import { unbilledNs } from "./time";
import { Share } from "./table";

/** What is in a bucket at most, and what a throttled guest waits for: as much as comes in that time. */
const BURST_NS: f64 = 20_000_000;
const QUANTUM_NS: f64 = 5_000_000;
/** A quantum below that would be eaten by changing harts. */
const QUANTUM_LEAST: f64 = 500_000;
/** Debt that is remembered, in ns: what one misdeed can cost. */
const DEBT_MOST: f64 = 1_000_000_000;
/** Shortest time worth waiting for. */
const WAIT_LEAST: f64 = 1_000;

function quantum(share: Share): f64 {
  return max<f64>(share.cap * QUANTUM_NS, QUANTUM_LEAST);
}

/** Fills the buckets up to now. */
function fill(share: Share, now: f64): void {
  const ns = now - share.filledAt;
  if (ns <= 0) return;
  share.filledAt = now;
  if (share.cap > 0) share.budget = min<f64>(share.budget + ns * share.cap, max<f64>(share.cap * BURST_NS, 2 * QUANTUM_LEAST));
  if (share.reservation > 0) share.credit = min<f64>(share.credit + ns * share.reservation, share.reservation * BURST_NS);
}

/** Takes what the guest has used out of its buckets. */
export function charge(share: Share, ns: f64, now: f64): void {
  fill(share, now);
  if (share.cap > 0) share.budget = max<f64>(share.budget - ns, -DEBT_MOST);
  if (share.reservation > 0) share.credit = max<f64>(share.credit - ns, -share.reservation * BURST_NS);
}

/** Other limits: a bucket that is new has a quantum in it, one that is not keeps what it has. */
export function set(share: Share, cap: f64, reservation: f64, now: f64): void {
  fill(share, now);
  share.filledAt = now;
  const hadCap = share.cap > 0;
  share.cap = cap;
  if (cap <= 0) {
    share.budget = 0;
    share.throttled = 0;
  } else if (!hadCap) {
    share.budget = quantum(share);
  } else {
    share.budget = min<f64>(share.budget, max<f64>(cap * BURST_NS, 2 * QUANTUM_LEAST));
  }
  share.reservation = reservation;
  share.credit = max<f64>(min<f64>(share.credit, reservation * BURST_NS), -reservation * BURST_NS);
}

/** The guest begins, or goes on: what it could have had meanwhile is gone. */
export function begin(share: Share, now: f64): void {
  share.filledAt = now;
}

/** ns that the cap leaves, less what runs now. */
function left(share: Share, now: f64): f64 {
  return share.budget - unbilledNs(share, now);
}

/** Has the guest used up its cap? */
export function isThrottled(share: Share, now: f64): bool {
  if (share.cap <= 0) return false;
  fill(share, now);
  const ns = left(share, now);
  // Times are fractions, and sums of them are not exact.
  if (ns + 1 >= quantum(share)) share.throttled = 0;
  else if (ns <= 0) share.throttled = 1;
  return share.throttled != 0;
}

/** ns until a throttled guest goes on. */
export function untilRefill(share: Share, now: f64): f64 {
  fill(share, now);
  return max<f64>((quantum(share) - left(share, now)) / share.cap, WAIT_LEAST);
}

/** ns that the guest's harts, all that run now, may go on before its cap is used up. */
export function untilEmpty(share: Share, now: f64): f64 {
  if (share.cap <= 0) return Infinity;
  fill(share, now);
  const rate = <f64>popcnt<u32>(share.running) - share.cap;
  return rate > 0 ? left(share, now) / rate : Infinity;
}

/** ns of its reservation that the guest has not got. */
export function owed(share: Share, now: f64): f64 {
  if (share.reservation <= 0) return 0;
  fill(share, now);
  return share.credit - unbilledNs(share, now);
}

/** For how many ns a guest that is owed so much has been waiting for it, at its rate. */
export function lateness(share: Share, owedNs: f64): f64 {
  return owedNs / share.reservation;
}
