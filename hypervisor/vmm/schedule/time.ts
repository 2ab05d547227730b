// Virtual time: what each guest has used, in ns, divided by its weight. Who has least is next.
//
// The clock of all this, Head.time, is the least time among those who wait for a CPU. Whoever can't use what its weight would
// give it (too few harts, a cap, sleep) falls behind that clock, and no further than LAG_NS: so what it did not use is gone,
// and nobody has to wait until it is made up for. Whoever gets more than its weight gives (a reservation, work done for it
// while others had the CPUs) is ahead, and no further than LEAD_NS.

import { Entity, Head, Share, UNIT_WEIGHT, head } from "./table";

/** Most that a guest may be behind and ahead, in ns that it uses. */
const LAG_NS: f64 = 20_000_000;
const LEAD_NS: f64 = 200_000_000;
/** Most that a guest or hart which wakes is put before the others: so it comes first, but not for long. */
const BONUS_NS: f64 = 3_000_000;
/** A hart that runs counts as this much more used already: so harts of several guests get the CPUs that become free together. */
const AHEAD_NS: f64 = 1_500_000;

/** ns of a guest as virtual time. */
export function toTime(share: Share, ns: f64): f64 {
  return ns * UNIT_WEIGHT / <f64>share.weight;
}

/** ns that the harts which run now have run in this slice, which the guest was not charged for yet. */
export function unbilledNs(share: Share, now: f64): f64 {
  return <f64>popcnt<u32>(share.running) * now - share.startedSum;
}

/** Where the guest stands if it were charged for everything until now. */
function position(share: Share, now: f64): f64 {
  return share.time + toTime(share, unbilledNs(share, now));
}

/** By this guests are ordered when one of their harts wants a CPU: the least is next. */
export function rank(share: Share, now: f64): f64 {
  return position(share, now) + toTime(share, <f64>popcnt<u32>(share.running) * AHEAD_NS);
}

/** The rank that the guest of a running hart would have without that hart's running. */
export function rankOfRunning(share: Share, now: f64): f64 {
  return position(share, now) + toTime(share, <f64>(popcnt<u32>(share.running) - 1) * AHEAD_NS);
}

/** `ns` of the heavier of two guests, as virtual time: by so much their ranks may differ. */
export function leeway(a: Share, b: Share, ns: f64): f64 {
  return toTime(a.weight > b.weight ? a : b, ns);
}

function bound(share: Share, least: f64): void {
  if (share.time < least) share.time = least;
  const most = head().time + toTime(share, LEAD_NS);
  if (share.time > most) share.time = most;
}

/** The guest has used `ns`. */
export function charge(share: Share, ns: f64): void {
  share.time += toTime(share, ns);
  bound(share, head().time - toTime(share, LAG_NS));
}

/** The first hart of a guest wakes that had none. */
export function rise(share: Share): void {
  bound(share, head().time - toTime(share, BONUS_NS));
}

/** The guest begins: nobody owes anything. */
export function begin(share: Share): void {
  share.time = head().time;
}

/** The guest's weight changes: what it is behind or ahead stays the same, in ns that it uses. */
export function setWeight(share: Share, weight: u32): void {
  if (weight == 0) weight = 1;
  const clock = head().time;
  if (share.weight != 0) share.time = clock + (share.time - clock) * <f64>share.weight / <f64>weight;
  share.weight = weight;
}

/** The one that is least of all that wait stands at `least`: virtual time has come so far. */
export function advance(least: f64): void {
  const all: Head = head();
  if (least > all.time) all.time = least;
}

/** Brings the guest that is given a CPU to no more than LAG_NS behind. */
export function settle(share: Share): void {
  bound(share, head().time - toTime(share, LAG_NS));
}

/** A hart is given a CPU: the time of its siblings has come so far. */
export function advanceHarts(share: Share, entity: Entity): void {
  if (entity.time > share.hartTime) share.hartTime = entity.time;
}

/** A hart wakes: among its siblings it comes first, but not for long. */
export function riseHart(share: Share, entity: Entity): void {
  const least = share.hartTime - BONUS_NS;
  if (entity.time < least) entity.time = least;
}
