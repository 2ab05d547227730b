// What a name in a question means (RFC 1035, 3.1 and 4.1.2): a guest, the gateway, an address read backwards, or nothing here.
//
// Names are read where they lie, in the copied frame: labels, each behind its length, up to an empty one. A question has no
// pointers to follow, so a name ends within 255 bytes or is none.

import { Network, domainOf } from "../network";
import { hasIp6 } from "./advertise";
import * as neighbours from "./neighbours";
import { Neighbour } from "./neighbours";

const NAME_MOST: u32 = 255;
const LABEL_MOST: u32 = 63;

/** Not ours to answer. */
export const FOREIGN: u32 = 0;
/** Ours, and there is no such name. */
export const UNKNOWN: u32 = 1;
/** A guest; the gateway; who is next on the uplink; the domain itself. */
export const GUEST: u32 = 2;
export const GATEWAY: u32 = 3;
export const HOST: u32 = 4;
export const DOMAIN_ITSELF: u32 = 5;

/** Set by `classify`: it is an address read backwards; of GUEST: which, by its first device. */
export let isReverse: bool = false;
export let guest: Neighbour = changetype<Neighbour>(0);
/** The guest's label in the question, for its other devices; 0 if `isReverse`. */
export let label: usize = 0;
export let labelBytes: u32 = 0;

/** "gateway", "host", "in-addr.arpa", "ip6.arpa", each with a zero. */
const GATEWAY_NAME = memory.data<u8>([103, 97, 116, 101, 119, 97, 121, 0]);
const HOST_NAME = memory.data<u8>([104, 111, 115, 116, 0]);
const REVERSE4 = memory.data<u8>([105, 110, 45, 97, 100, 100, 114, 46, 97, 114, 112, 97, 0]);
const REVERSE6 = memory.data<u8>([105, 112, 54, 46, 97, 114, 112, 97, 0]);

export function gatewayName(): usize {
  return GATEWAY_NAME;
}

/** Length of the name at `at`, with its empty last label; 0: it does not end before `end`, or is none. */
export function length(at: usize, end: usize): u32 {
  let bytes: u32 = 0;
  while (at + bytes < end && bytes < NAME_MOST) {
    const size: u32 = load<u8>(at + bytes);
    if (size > LABEL_MOST) return 0;
    bytes += size + 1;
    if (size == 0) return bytes <= NAME_MOST ? bytes : 0;
  }
  return 0;
}

/** Is the name at `at`, which has a length, the one that `text` writes with dots and a zero? */
function matches(at: usize, text: usize): bool {
  let from = at;
  let to = text;
  for (let size: u32 = load<u8>(from); size != 0; size = load<u8>(from)) {
    if (from != at && <u32>load<u8>(to++) != 46) return false;
    for (let i: u32 = 1; i <= size; i++) {
      const byte = neighbours.lower(load<u8>(from + i));
      if (byte != neighbours.lower(load<u8>(to)) || byte == 0) return false;
      to++;
    }
    from += size + 1;
  }
  return load<u8>(to) == 0 && from != at;
}

function next(at: usize): usize {
  return at + <u32>load<u8>(at) + 1;
}

/** What the name at `at` is, which has a length. */
export function classify(network: Network, at: usize): u32 {
  isReverse = false;
  label = 0;
  if (load<u8>(at) == 0) return FOREIGN;
  const rest = next(at);
  const isBare = load<u8>(rest) == 0;
  const domain = domainOf(network);
  const hasDomain = load<u8>(domain) != 0;
  if (hasDomain && matches(at, domain)) return DOMAIN_ITSELF;
  if (isBare || (hasDomain && matches(rest, domain))) {
    const found = resolve(network, at);
    // A bare name that we do not know may be known to others.
    return found == UNKNOWN && isBare ? FOREIGN : found;
  }
  for (let tail = rest; load<u8>(tail) != 0; tail = next(tail)) {
    if (hasDomain && matches(tail, domain)) return UNKNOWN;
  }
  return reverse(network, at);
}

function resolve(network: Network, at: usize): u32 {
  const bytes: u32 = load<u8>(at);
  if (isLabel(at, GATEWAY_NAME)) return GATEWAY;
  if (isLabel(at, HOST_NAME)) return HOST;
  const found = neighbours.named(network, at + 1, bytes, 0);
  if (found == null) return UNKNOWN;
  guest = found;
  label = at + 1;
  labelBytes = bytes;
  return GUEST;
}

function isLabel(at: usize, text: usize): bool {
  const bytes: u32 = load<u8>(at);
  for (let i: u32 = 0; i < bytes; i++) {
    if (load<u8>(text + i) == 0 || neighbours.lower(load<u8>(at + 1 + i)) != <u32>load<u8>(text + i)) return false;
  }
  return load<u8>(text + bytes) == 0;
}

/** Addresses of the network are ours to name, whether somebody has them or not: nobody else could (RFC 6303). */
function reverse(network: Network, at: usize): u32 {
  let tail = at;
  let ip4: u32 = 0;
  for (let i: u32 = 0; i < 4 && load<u8>(tail) != 0; i++, tail = next(tail)) {
    const value = decimal(tail);
    if (value > 255) return reverse6(network, at);
    ip4 |= value << (i << 3);
  }
  if (load<u8>(tail) == 0 || !matches(tail, REVERSE4)) return reverse6(network, at);
  if (network.prefix4 == 0 || (ip4 ^ network.ip4) >> (32 - network.prefix4) != 0) return FOREIGN;
  isReverse = true;
  if (ip4 == network.ip4) return GATEWAY;
  return toGuest(neighbours.ownerOf4(network, ip4));
}

function reverse6(network: Network, at: usize): u32 {
  let tail = at;
  let high: u64 = 0;
  let low: u64 = 0;
  for (let i: u64 = 0; i < 32; i++, tail = next(tail)) {
    if (load<u8>(tail) != 1) return FOREIGN;
    const digit = hex(load<u8>(tail + 1));
    if (digit > 15) return FOREIGN;
    if (i < 16) low |= <u64>digit << (i << 2);
    else high |= <u64>digit << (i - 16 << 2);
  }
  if (load<u8>(tail) == 0 || !matches(tail, REVERSE6)) return FOREIGN;
  if (!hasIp6(network) || high != network.ip6High) return FOREIGN;
  isReverse = true;
  if (low == network.ip6Low) return GATEWAY;
  return toGuest(neighbours.ownerOf6(network, high, low));
}

function toGuest(owner: Neighbour | null): u32 {
  if (owner == null || owner.nameBytes == 0) return UNKNOWN;
  guest = owner;
  return GUEST;
}

/** The number that the label at `at` writes; more than 255: none. */
function decimal(at: usize): u32 {
  const bytes: u32 = load<u8>(at);
  if (bytes == 0 || bytes > 3) return 256;
  let value: u32 = 0;
  for (let i: u32 = 1; i <= bytes; i++) {
    const digit = <u32>load<u8>(at + i) - 48;
    if (digit > 9) return 256;
    value = value * 10 + digit;
  }
  return value;
}

function hex(byte: u32): u32 {
  if (byte - 48 <= 9) return byte - 48;
  const letter = neighbours.lower(byte) - 97;
  return letter <= 5 ? letter + 10 : 16;
}
