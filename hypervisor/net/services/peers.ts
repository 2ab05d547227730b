// MACs of IP addresses that have been asked for, by ARP or neighbour discovery: on the uplink, and behind guests that route.
//
// Only who was asked for is learned, so nobody fills the table from outside. A peer in use is asked again before it is old, and
// given up when it is silent three times. Addresses that nobody answers for take a few places only, so that a guest which
// looks for thousands drives out none that others talk to.

import { Network } from "../network";
import { PEERS, PEERS_STRIDE } from "./places";

const PEER_STRIDE: usize = 64;
const PEER_COUNT: u32 = 63;
/** Places for those that have not answered, once the table is full. */
const UNKNOWN_MOST: u32 = 16;

/** A MAC is taken for granted as long, then asked for again; how long to wait for an answer; how often. */
const REACHABLE_NS: f64 = 30e9;
const RETRY_NS: f64 = 1e9;
const TRIES: u32 = 3;
/** Questions a second for addresses that are new. */
const QUESTIONS: u32 = 100;
const SECOND_NS: f64 = 1e9;

@unmanaged @final
export class Peer {
  /** IPv6 address, or address.mapped of an IPv4 address; both 0: a free place. */
  high: u64;
  low: u64;
  /** 0: not known. */
  mac: u64;
  /** When it last answered, was last used, was last asked, in ns. */
  knownAt: f64;
  usedAt: f64;
  askedAt: f64;
  /** Questions without an answer. */
  asked: u32;
}

/** In front of the peers of one side. */
@unmanaged @final
class Side {
  /** Where the last one was found. */
  last: u32;
  /** Questions in the second that began at `secondAt`. */
  questions: u32;
  secondAt: f64;
}

if (offsetof<Peer>() > PEER_STRIDE || offsetof<Side>() > PEER_STRIDE) ERROR("a peer does not fit its stride");
if (PEER_STRIDE * <usize>(PEER_COUNT + 1) > PEERS_STRIDE) ERROR("too little room for peers");

function sideOf(network: Network, side: u32): Side {
  return changetype<Side>(PEERS + (<usize>network.id * 2 + side) * PEERS_STRIDE);
}

function peerAt(side: Side, i: u32): Peer {
  return changetype<Peer>(changetype<usize>(side) + <usize>(i + 1) * PEER_STRIDE);
}

/** Forgets all of one side. */
export function clear(network: Network, side: u32): void {
  memory.fill(changetype<usize>(sideOf(network, side)), 0, PEERS_STRIDE);
}

function isAt(peer: Peer, high: u64, low: u64): bool {
  return peer.low == low && peer.high == high;
}

function find(side: Side, high: u64, low: u64): Peer | null {
  if (side.last < PEER_COUNT) {
    const last = peerAt(side, side.last);
    if (isAt(last, high, low)) return last;
  }
  for (let i: u32 = 0; i < PEER_COUNT; i++) {
    const peer = peerAt(side, i);
    if (!isAt(peer, high, low)) continue;
    side.last = i;
    return peer;
  }
  return null;
}

/** A free place, or that of who is missed least. */
function place(side: Side): Peer {
  let unknown: u32 = 0;
  let silent = peerAt(side, 0);
  let idle = peerAt(side, 0);
  let hasSilent = false;
  let hasIdle = false;
  for (let i: u32 = 0; i < PEER_COUNT; i++) {
    const peer = peerAt(side, i);
    if ((peer.high | peer.low) == 0) return peer;
    if (peer.mac == 0) {
      unknown++;
      if (!hasSilent || peer.askedAt < silent.askedAt) silent = peer;
      hasSilent = true;
    } else {
      if (!hasIdle || peer.usedAt < idle.usedAt) idle = peer;
      hasIdle = true;
    }
  }
  return unknown >= UNKNOWN_MOST || !hasIdle ? silent : idle;
}

/** May one more address be asked for now? */
function mayAsk(side: Side, now: f64): bool {
  if (!(now - side.secondAt < SECOND_NS) || side.questions == 0) {
    side.secondAt = now;
    side.questions = 0;
  }
  if (side.questions >= QUESTIONS) return false;
  side.questions++;
  return true;
}

/** The MAC of an address; 0: not known, and `wants` says whether to ask now. */
export function macOf(network: Network, side: u32, high: u64, low: u64, now: f64): u64 {
  const peer = find(sideOf(network, side), high, low);
  if (peer == null) return 0;
  peer.usedAt = now;
  return peer.mac;
}

/** Is the address, whose MAC is not known, to be asked for now? Counts as a question. */
export function wants(network: Network, sideNumber: u32, high: u64, low: u64, now: f64): bool {
  const side = sideOf(network, sideNumber);
  const known = find(side, high, low);
  if (known != null) {
    if (known.asked != 0 && now - known.askedAt < RETRY_NS) return false;
    if (!mayAsk(side, now)) return false;
    known.asked = min(known.asked + 1, TRIES);
    known.askedAt = now;
    return true;
  }
  if (!mayAsk(side, now)) return false;
  const peer = place(side);
  memory.fill(changetype<usize>(peer), 0, PEER_STRIDE);
  peer.high = high;
  peer.low = low;
  peer.askedAt = now;
  peer.usedAt = now;
  peer.asked = 1;
  return true;
}

/** Somebody says that the address has this MAC; heard only if it was asked for. */
export function learn(network: Network, side: u32, high: u64, low: u64, mac: u64, now: f64): void {
  const peer = find(sideOf(network, side), high, low);
  if (peer == null) return;
  peer.mac = mac;
  peer.knownAt = now;
  peer.asked = 0;
}

/** One whose MAC is old while it is in use, to be asked now; null: none. Those that are silent are forgotten on the way. */
export function stale(network: Network, sideNumber: u32, now: f64): Peer | null {
  const side = sideOf(network, sideNumber);
  for (let i: u32 = 0; i < PEER_COUNT; i++) {
    const peer = peerAt(side, i);
    if (peer.mac == 0 || !isStale(peer, now)) continue;
    if (peer.asked != 0 && now - peer.askedAt < RETRY_NS) continue;
    if (peer.asked >= TRIES) {
      peer.mac = 0;
      peer.asked = 0;
      continue;
    }
    peer.asked++;
    peer.askedAt = now;
    return peer;
  }
  return null;
}

function isStale(peer: Peer, now: f64): bool {
  return now - peer.knownAt >= REACHABLE_NS && peer.usedAt > peer.knownAt;
}

/** When `stale` is to be called next. */
export function dueAt(network: Network, sideNumber: u32): f64 {
  const side = sideOf(network, sideNumber);
  let due = f64.MAX_VALUE;
  for (let i: u32 = 0; i < PEER_COUNT; i++) {
    const peer = peerAt(side, i);
    if (peer.mac == 0 || peer.usedAt <= peer.knownAt) continue;
    due = min(due, peer.asked != 0 ? peer.askedAt + RETRY_NS : peer.knownAt + REACHABLE_NS);
  }
  return due;
}
