// Which address is behind which port of a switch, per VLAN. Addresses of network devices are known from the start and stay;
// those behind uplinks and behind guests that bridge are learned from what they send, and forgotten when they are silent.

import { MAX_NETWORKS } from "../abi";
import * as lock from "../core/lock";
import { MACS, MACS_SIZE } from "./layout";
import { Network } from "./network";
import { NO_PORT } from "./port";

/** Bytes for a network: a head, then entries. */
const STRIDE: usize = MACS_SIZE / <usize>MAX_NETWORKS;
const HEAD: usize = 64;
const ENTRY: usize = 24;
/** An entry stands at one of WINDOW places, the first of which its address decides. */
const WINDOW: u32 = 16;
const STARTS: u32 = <u32>((STRIDE - HEAD) / ENTRY) - WINDOW;

/** Silence after which a learned address is forgotten: 300 s, as in 802.1D. */
const AGE_NS: f64 = 300e9;
/** How old an entry may be before it is made young again: a look at a frame's source costs nothing in between. */
export const FRESH_NS: f64 = 1e9;
/** Addresses that one port may teach. */
const LEARNED_MOST: u32 = 256;

@unmanaged @final
class Entry {
  /** From `keyOf`; 0: nothing here. */
  key: u64;
  /** host.now() when it was last heard of; infinite: it stays. */
  at: f64;
  port: u32;
}
if (offsetof<Entry>() > ENTRY) ERROR("an entry does not fit its stride");

/** An address in a VLAN as one number; 0 is nobody's. */
export function keyOf(mac: u64, vlan: u32): u64 {
  return mac << 16 | vlan;
}

function tableOf(network: Network): usize {
  return MACS + <usize>network.id * STRIDE;
}

/** Grows whenever an address gets another port: what a port remembers of the way to others is void then. */
export function generation(network: Network): u32 {
  return load<u32>(tableOf(network));
}

function renew(network: Network): void {
  store<u32>(tableOf(network), generation(network) + 1);
}

/** The first of the places where the key may be. */
function place(network: Network, key: u64): usize {
  const hash = <u32>(key * 0x9e37_79b9_7f4a_7c15 >> 32);
  return tableOf(network) + HEAD + <usize>(hash % STARTS) * ENTRY;
}

function entryAt(first: usize, i: u32): Entry {
  return changetype<Entry>(first + <usize>i * ENTRY);
}

/** Forgets all addresses of a network. */
export function clear(network: Network): void {
  const count = generation(network);
  memory.fill(tableOf(network), 0, STRIDE);
  store<u32>(tableOf(network), count + 1);
}

/** The port behind which the address is, or NO_PORT. */
export function find(network: Network, key: u64, now: f64): u32 {
  if (key == 0) return NO_PORT;
  lock.acquire(changetype<usize>(network));
  const first = place(network, key);
  let port = NO_PORT;
  for (let i: u32 = 0; i < WINDOW; i++) {
    const entry = entryAt(first, i);
    if (entry.key != key) continue;
    if (entry.at + AGE_NS > now) port = entry.port;
    break;
  }
  lock.release(changetype<usize>(network));
  return port;
}

/** Says for good where an address is; false: there is no place for it, or it is another port's. */
export function set(network: Network, key: u64, port: u32): bool {
  lock.acquire(changetype<usize>(network));
  const isSet = put(network, key, port, Infinity);
  lock.release(changetype<usize>(network));
  return isSet;
}

/** An address has sent from a port. One that is known for good stays where it is. */
export function learn(network: Network, key: u64, port: u32, now: f64): void {
  lock.acquire(changetype<usize>(network));
  put(network, key, port, now);
  lock.release(changetype<usize>(network));
}

function put(network: Network, key: u64, port: u32, at: f64): bool {
  const first = place(network, key);
  let best = entryAt(first, 0);
  for (let i: u32 = 0; i < WINDOW; i++) {
    const entry = entryAt(first, i);
    if (entry.key == key) {
      if (entry.at == Infinity && entry.port != port) return false;
      if (entry.port != port) renew(network);
      entry.port = port;
      entry.at = max(entry.at, at);
      return true;
    }
    if (entry.key == 0) entry.at = 0;
    if (entry.at < best.at) best = entry;
  }
  if (best.at == Infinity) return false;
  // The oldest goes; but one port must not push out what others have taught.
  if (at != Infinity && count(network, port, at - AGE_NS) >= LEARNED_MOST) return false;
  best.key = key;
  best.port = port;
  best.at = at;
  renew(network);
  return true;
}

/** How many addresses a port has taught since then. */
function count(network: Network, port: u32, since: f64): u32 {
  let sum: u32 = 0;
  const first = tableOf(network) + HEAD;
  for (let i: u32 = 0; i < STARTS + WINDOW; i++) {
    const entry = entryAt(first, i);
    if (entry.key != 0 && entry.port == port && entry.at > since) sum++;
  }
  return sum;
}

/** Forgets all addresses behind a port. */
export function forget(network: Network, port: u32): void {
  lock.acquire(changetype<usize>(network));
  const first = tableOf(network) + HEAD;
  for (let i: u32 = 0; i < STARTS + WINDOW; i++) {
    const entry = entryAt(first, i);
    if (entry.port == port) entry.key = 0;
  }
  renew(network);
  lock.release(changetype<usize>(network));
}
