// Which READY hart a CPU runs next: owed reservations first, then whoever has used least, staying where it was if that is fair.
//
// A hart's decoded and translated code lies in the CPU where it ran, so it is left there until its guest, or among siblings
// the hart itself, is TOLERANCE_NS behind what runs there; or until a CPU has nothing else.

import * as budget from "./budget";
import * as time from "./time";
import { Entity, HART_BITS, NO_ENTITY, Share, entityAt, guestOf, head, placeAt, shareAt } from "./table";

/** By so much a guest may be behind before one of its harts moves to another CPU. */
const TOLERANCE_NS: f64 = 8_000_000;
/** A hart that was woken belongs to every CPU when its own has not taken it for so long. */
const GRACE_NS: f64 = 1_500_000;
/** By so much the guest of a running hart may be ahead of one that waits: of one that was woken, of another. */
const WOKEN_NS: f64 = 1_000_000;
const SLICE_NS: f64 = 3_000_000;
/** So much must be owed before a running hart is stopped for it. */
const OWED_NS: f64 = 500_000;

// What `choose` has found, beside the hart: valid until the next call on this worker.
/** It is chosen as its reservation is owed. */
let isOwed: bool = false;
/** The CPU is not the one where it was. */
let isRemote: bool = false;
/** Where the least of all that wait stands; Infinity: nobody waits. */
let leastTime: f64 = Infinity;
/** `hartFor` has found a hart that was here. */
let isHere: bool = false;

/** Where the least of all that waited at the last choice stands; Infinity: nobody waited, or a reservation was owed. */
export function least(): f64 {
  return leastTime;
}

function belongs(entity: Entity, cpu: u32, now: f64): bool {
  if (entity.lastCpu == cpu + 1 || entity.lastCpu == 0) return true;
  return entity.woken != 0 && now - entity.since > GRACE_NS;
}

/** The READY hart of a guest that this CPU would run; isHere says whether it was here. */
function hartFor(share: Share, guest: u32, cpu: u32, now: f64): u32 {
  let here = NO_ENTITY;
  let hereTime = Infinity;
  let there = NO_ENTITY;
  let thereTime = Infinity;
  for (let ready = share.ready; ready != 0; ready &= ready - 1) {
    const number = guest << HART_BITS | ctz<u32>(ready);
    const entity = entityAt(number);
    if (belongs(entity, cpu, now)) {
      if (entity.time < hereTime) {
        here = number;
        hereTime = entity.time;
      }
    } else if (entity.time < thereTime) {
      there = number;
      thereTime = entity.time;
    }
  }
  isHere = here != NO_ENTITY && hereTime <= thereTime + TOLERANCE_NS;
  return isHere ? here : there;
}

/** The hart that a spinning sibling has left this CPU to, if that is still fair towards the guest that is next. */
function boosted(cpu: u32, next: Share, nextRank: f64, now: f64): u32 {
  const place = placeAt(cpu);
  if (place.boosted == 0) return NO_ENTITY;
  const number = place.boosted - 1;
  const share = shareAt(guestOf(number));
  if ((share.ready >> (number & 7) & 1) == 0 || budget.isThrottled(share, now)) return NO_ENTITY;
  return time.rank(share, now) <= nextRank + time.leeway(share, next, SLICE_NS) ? number : NO_ENTITY;
}

/** The READY hart that CPU `cpu` should run next; NO_ENTITY: there is none that may run. Reservations count above `owedMost`. */
export function choose(cpu: u32, now: f64, owedMost: f64): u32 {
  let owing = NO_ENTITY;
  let latest: f64 = 0;
  let here = NO_ENTITY;
  let hereRank = Infinity;
  let there = NO_ENTITY;
  let thereRank = Infinity;
  for (let left = head().ready; left != 0; left &= left - 1) {
    const guest = <u32>ctz<u64>(left);
    const share = shareAt(guest);
    if (budget.isThrottled(share, now)) continue;
    const number = hartFor(share, guest, cpu, now);
    const owed = budget.owed(share, now);
    if (owed > owedMost && budget.lateness(share, owed) > latest) {
      latest = budget.lateness(share, owed);
      owing = number;
    }
    const rank = time.rank(share, now);
    if (isHere) {
      if (rank < hereRank) {
        here = number;
        hereRank = rank;
      }
    } else if (rank < thereRank) {
      there = number;
      thereRank = rank;
    }
  }
  isOwed = owing != NO_ENTITY;
  isRemote = false;
  leastTime = Infinity;
  if (isOwed) return owing;
  if (here == NO_ENTITY && there == NO_ENTITY) return NO_ENTITY;
  leastTime = min<f64>(hereRank, thereRank);
  const first = hereRank <= thereRank ? here : there;
  const favourite = boosted(cpu, shareAt(guestOf(first)), leastTime, now);
  if (favourite != NO_ENTITY) return favourite;
  if (here == NO_ENTITY) {
    isRemote = true;
  } else if (there != NO_ENTITY) {
    isRemote = thereRank + time.leeway(shareAt(guestOf(there)), shareAt(guestOf(here)), TOLERANCE_NS) < hereRank;
  }
  return isRemote ? there : here;
}

/** Is there a hart that deserves the CPU more than the one that runs on it? */
export function isBetter(number: u32, cpu: u32, now: f64): bool {
  if (head().ready == 0) return false;
  const share = shareAt(guestOf(number));
  const next = choose(cpu, now, OWED_NS);
  if (next == NO_ENTITY) return false;
  const isProtected = budget.owed(share, now) > 0;
  if (isOwed) return !isProtected;
  if (isProtected) return false;
  const other = shareAt(guestOf(next));
  if (changetype<usize>(other) == changetype<usize>(share)) {
    // Among siblings one that was woken goes first, as it may be the one that takes interrupts: it mostly rests again soon.
    const own = entityAt(number);
    return entityAt(next).woken != 0 && !isRemote && entityAt(next).time < own.time + (now - own.since);
  }
  let ahead = entityAt(next).woken != 0 ? WOKEN_NS : SLICE_NS;
  if (isRemote) ahead += TOLERANCE_NS;
  return time.rank(other, now) + time.leeway(share, other, ahead) < time.rankOfRunning(share, now);
}

/** Is anybody READY, and may run? */
export function countReady(now: f64): u32 {
  let count: u32 = 0;
  for (let left = head().ready; left != 0; left &= left - 1) {
    const share = shareAt(<u32>ctz<u64>(left));
    if (!budget.isThrottled(share, now)) count += popcnt<u32>(share.ready);
  }
  return count;
}

/** ns until a guest with READY harts goes on after its cap was used up; Infinity: there is none. */
export function untilRefill(now: f64): f64 {
  let earliest = Infinity;
  for (let left = head().ready; left != 0; left &= left - 1) {
    const share = shareAt(<u32>ctz<u64>(left));
    if (budget.isThrottled(share, now)) earliest = min<f64>(earliest, budget.untilRefill(share, now));
  }
  return earliest;
}
