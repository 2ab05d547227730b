// A lane: what all devices of a guest that share a limit must pass, with a bucket for bytes and one for items (operations,
// frames). What may not pass yet stays in its ring, and the device that has it waits in the lane.
//
//   Lane | 2 x Bucket | PLACES x Place
//
// Several may wait. Each has a clock of its own that moves on by what its items cost, in seconds at the lane's rate, and the
// one whose clock is behind goes first (start-time fair queueing). One that comes after a rest begins at the lane's clock, so
// it can neither be starved nor starve others, whatever the size of its items.

import * as bucket from "./bucket";
import { Bucket } from "./bucket";

/** Who may wait in a lane: a number below this. */
export const PLACES: u32 = 32;

@unmanaged @final
export class Lane {
  /** Who waits: a bit for each. */
  waiting: u32;
  /** The clock of the one that passed last, before it was charged. */
  clock: f64;
}

@unmanaged @final
class Place {
  /** Its clock, in seconds. */
  clock: f64;
  /** Guest time in ns at which it began to wait, or at which its waiting was last counted. */
  since: f64;
}

const BUCKETS: usize = offsetof<Lane>();
const TABLE: usize = BUCKETS + 2 * offsetof<Bucket>();
/** Bytes of a lane. */
export const LANE_SIZE: usize = TABLE + <usize>PLACES * offsetof<Place>();

/** The bucket for bytes. */
export function bytesOf(lane: Lane): Bucket {
  return changetype<Bucket>(changetype<usize>(lane) + BUCKETS);
}

/** The bucket for items. */
export function itemsOf(lane: Lane): Bucket {
  return changetype<Bucket>(changetype<usize>(lane) + BUCKETS + offsetof<Bucket>());
}

function placeOf(lane: Lane, who: u32): Place {
  assert(who < PLACES);
  return changetype<Place>(changetype<usize>(lane) + TABLE + <usize>who * offsetof<Place>());
}

/** Is there any limit here? */
export function isLimited(lane: Lane): bool {
  return bytesOf(lane).rate != 0 || itemsOf(lane).rate != 0;
}

export function isWaiting(lane: Lane, who: u32): bool {
  return (lane.waiting >> who & 1) != 0;
}

/** Brings both buckets up to date. */
export function fill(lane: Lane, now: f64): void {
  bucket.fill(bytesOf(lane), now);
  bucket.fill(itemsOf(lane), now);
}

/** Is nobody behind whose clock is before that of `who`? Between two that are equal the smaller number goes first. */
function isFirst(lane: Lane, who: u32): bool {
  const clock = placeOf(lane, who).clock;
  for (let others = lane.waiting & ~(1 << who); others != 0; others &= others - 1) {
    const other = <u32>ctz(others);
    const its = placeOf(lane, other).clock;
    if (its < clock || its == clock && other < who) return false;
  }
  return true;
}

/** May an item of `who` pass now, as of the last `fill`? */
export function isOpen(lane: Lane, who: u32): bool {
  if (!isWaiting(lane, who)) {
    const place = placeOf(lane, who);
    place.clock = max(place.clock, lane.clock);
  }
  return bucket.isOpen(bytesOf(lane)) && bucket.isOpen(itemsOf(lane)) && isFirst(lane, who);
}

/** `who` has an item that may not pass: it waits. */
export function wait(lane: Lane, who: u32, now: f64): void {
  if (!isWaiting(lane, who)) placeOf(lane, who).since = now;
  lane.waiting |= 1 << who;
}

/** ns that `who` has waited since this was last asked; 0: it does not wait. */
export function waited(lane: Lane, who: u32, now: f64): f64 {
  if (!isWaiting(lane, who)) return 0;
  const place = placeOf(lane, who);
  const ns = max(now - place.since, 0);
  place.since = now;
  return ns;
}

/** `who` has nothing more that waits for the limit. */
export function leave(lane: Lane, who: u32): void {
  lane.waiting &= ~(1 << who);
}

/** Items of `who` have passed. */
export function charge(lane: Lane, who: u32, bytes: f64, items: f64): void {
  const place = placeOf(lane, who);
  lane.clock = place.clock;
  place.clock += seconds(bytesOf(lane), bytes) + seconds(itemsOf(lane), items);
  bucket.charge(bytesOf(lane), bytes);
  bucket.charge(itemsOf(lane), items);
}

function seconds(limit: Bucket, tokens: f64): f64 {
  return limit.rate == 0 ? 0 : tokens / limit.rate;
}

/** Guest time at which those who wait may be let through; infinite: nobody waits. */
export function openAt(lane: Lane): f64 {
  return lane.waiting == 0 ? Infinity : max(bucket.openAt(bytesOf(lane)), bucket.openAt(itemsOf(lane)));
}
