// A token bucket: lets through so much a second, and after a rest a burst at once.
//
//   level = depth  ── full after a rest
//   level > 0      ── tokens: what may pass at once
//   level < 0      ── debt: the last that passed was larger than what was there
//
// Whatever finds a level of 0 or more passes as a whole and is charged afterwards. So something larger than the bucket
// passes too, and what comes behind it waits until the debt is paid: the rate is kept, however large or small the pieces are.
// Times are guest time in ns, which stands still while the guest is paused and goes on where it is moved to.

const NS_IN_S: f64 = 1e9;
/** Depth in seconds if no burst was asked for. */
const BURST_S: f64 = 0.1;
/** Least depth in seconds: on a busy machine devices are served every few ms, and what comes meanwhile must not run over. */
const BURST_LEAST_S: f64 = 0.01;

@unmanaged @final
export class Bucket {
  /** Tokens a second; 0: no limit. */
  rate: f64;
  /** Depth that was asked for, in tokens; 0: what BURST_S brings. */
  burst: f64;
  /** Most tokens there are at once. */
  depth: f64;
  /** Tokens there were at `at`; negative: debt. */
  level: f64;
  /** Guest time in ns. */
  at: f64;
}

/** Adds what has come in since it was last looked at. Guest time begins anew when a guest starts: that costs nothing. */
export function fill(bucket: Bucket, now: f64): void {
  if (now > bucket.at) bucket.level = min(bucket.depth, bucket.level + (now - bucket.at) * bucket.rate / NS_IN_S);
  bucket.at = now;
}

/** May something pass, as of the last `fill`? */
export function isOpen(bucket: Bucket): bool {
  return bucket.rate == 0 || bucket.level >= 0;
}

/** Takes tokens for what has passed. */
export function charge(bucket: Bucket, tokens: f64): void {
  if (bucket.rate != 0) bucket.level -= tokens;
}

/** Guest time at which the debt is paid; the past if there is none. */
export function openAt(bucket: Bucket): f64 {
  if (isOpen(bucket)) return bucket.at;
  // The ns more is for rounding: at this time the level is not below 0 by a hair.
  return bucket.at + Math.ceil(-bucket.level * NS_IN_S / bucket.rate) + 1;
}

/**
 * Changes rate and burst; `least` is a depth below which it makes no sense. A new limit begins with a full bucket, and what
 * was full stays so. A debt never takes longer to pay than it would have before: a rate that falls makes it less.
 */
export function change(bucket: Bucket, rate: f64, burst: f64, least: f64, now: f64): void {
  const old = bucket.rate;
  fill(bucket, now);
  const isFull = old == 0 || bucket.level == bucket.depth;
  bucket.rate = rate;
  bucket.burst = burst;
  bucket.depth = max(max(burst > 0 ? burst : rate * BURST_S, rate * BURST_LEAST_S), least);
  if (isFull || bucket.level > bucket.depth) bucket.level = bucket.depth;
  else if (bucket.level < 0 && rate < old) bucket.level *= rate / old;
}
