// Which port an inside end has outside: one and the same whomever it talks to (RFC 4787, REQ-1; RFC 5382, REQ-1; RFC 5508, REQ-1).
//
// A mapping lives as long as a connection uses it. No two have the same port.

import { MAPPING_BYTES, MAPPING_CHAINS, MAPPING_ENTRIES, INSIDE_HEADS, OUTSIDE_HEADS, finish, head, mix } from "./table";

@unmanaged @final
export class Mapping {
  /** The inside address, as in a Tuple. */
  high: u64;
  low: u64;
  /** The port (or identifier) inside in the upper half, the one outside in the lower. */
  ports: u32;
  /** As in a Tuple, with side INSIDE. */
  kind: u32;
  /** Connections that use it. */
  users: u32;
  /** What follows in its two chains. Of a free place `nextInside` is the next free one. */
  nextInside: u32;
  nextOutside: u32;
}
if (offsetof<Mapping>() > MAPPING_BYTES) ERROR("a mapping does not fit its place");

const NEXT_INSIDE: usize = offsetof<Mapping>("nextInside");
const NEXT_OUTSIDE: usize = offsetof<Mapping>("nextOutside");

export function mappingAt(index: u32): Mapping {
  return changetype<Mapping>(MAPPING_ENTRIES + <usize>index * MAPPING_BYTES);
}

export function outsidePort(mapping: Mapping): u32 {
  return mapping.ports & 0xffff;
}

export function insidePort(mapping: Mapping): u32 {
  return mapping.ports >> 16;
}

function insideHead(kind: u32, high: u64, low: u64, port: u32): usize {
  const sum = mix(mix(mix(head().seed, <u64>port << 32 | kind), low), high);
  return INSIDE_HEADS + (<usize>(finish(sum) & (MAPPING_CHAINS - 1)) << 2);
}

function outsideHead(kind: u32, port: u32): usize {
  return OUTSIDE_HEADS + (<usize>(finish(mix(head().seed, <u64>port << 32 | kind)) & (MAPPING_CHAINS - 1)) << 2);
}

/** The mapping of an inside end; 0: it has none. */
export function findInside(kind: u32, high: u64, low: u64, port: u32): u32 {
  let index = load<u32>(insideHead(kind, high, low, port));
  while (index != 0) {
    const mapping = mappingAt(index);
    if (mapping.kind == kind && insidePort(mapping) == port && mapping.low == low && mapping.high == high) break;
    index = mapping.nextInside;
  }
  return index;
}

/** The mapping that has this port outside; 0: none. */
export function findOutside(kind: u32, port: u32): u32 {
  let index = load<u32>(outsideHead(kind, port));
  while (index != 0 && (mappingAt(index).kind != kind || outsidePort(mappingAt(index)) != port)) {
    index = mappingAt(index).nextOutside;
  }
  return index;
}

/** Makes a mapping that nobody uses yet. There is always a place, as there are as many as connections. */
export function make(kind: u32, high: u64, low: u64, inside: u32, outside: u32): u32 {
  const its = head();
  let index = its.mappingsFree;
  if (index != 0) its.mappingsFree = mappingAt(index).nextInside;
  else index = ++its.mappingsUsed;
  const mapping = mappingAt(index);
  mapping.kind = kind;
  mapping.high = high;
  mapping.low = low;
  mapping.ports = inside << 16 | outside;
  mapping.users = 0;
  const first = insideHead(kind, high, low, inside);
  mapping.nextInside = load<u32>(first);
  store<u32>(first, index);
  const second = outsideHead(kind, outside);
  mapping.nextOutside = load<u32>(second);
  store<u32>(second, index);
  return index;
}

/** One connection more uses it. */
export function join(index: u32): void {
  mappingAt(index).users++;
}

/** One connection less uses it; the last takes it away. */
export function leave(index: u32): void {
  const mapping = mappingAt(index);
  if (--mapping.users != 0) return;
  unchain(insideHead(mapping.kind, mapping.high, mapping.low, insidePort(mapping)), index, NEXT_INSIDE);
  unchain(outsideHead(mapping.kind, outsidePort(mapping)), index, NEXT_OUTSIDE);
  mapping.nextInside = head().mappingsFree;
  head().mappingsFree = index;
}

function unchain(first: usize, index: u32, next: usize): void {
  let place = first;
  while (load<u32>(place) != index) place = changetype<usize>(mappingAt(load<u32>(place))) + next;
  store<u32>(place, load<u32>(changetype<usize>(mappingAt(index)) + next));
}
