// Who talks to whom: one direction of a conversation, as its packets say it on one side of NAT.
//
// An echo's identifier takes the place of the port of whoever asks; the other port is 0. So a request and its reply are each
// other's opposite, as with ports, and a request from the other end is something else.

import { finish, head, mix } from "./table";

/** Where packets come from. */
export const INSIDE: u32 = 0;
export const OUTSIDE: u32 = 1;

/** Addresses are numbers; that of IPv4 is the low half. */
@unmanaged @final
export class Tuple {
  fromHigh: u64;
  fromLow: u64;
  toHigh: u64;
  toLow: u64;
  /** The port it comes from in the upper half, the other in the lower. */
  ports: u32;
  /** From the top, a byte each: network, side, IP version, protocol. */
  kind: u32;
}
export const TUPLE_BYTES: usize = 40;
if (offsetof<Tuple>() != TUPLE_BYTES) ERROR("Tuple has another size");

export function kindOf(network: u32, side: u32, version: u32, protocol: u32): u32 {
  return network << 24 | side << 16 | version << 8 | protocol;
}

export function networkOf(kind: u32): u32 {
  return kind >> 24;
}

export function sideOf(kind: u32): u32 {
  return kind >> 16 & 255;
}

export function versionOf(kind: u32): u32 {
  return kind >> 8 & 255;
}

export function protocolOf(kind: u32): u32 {
  return kind & 255;
}

export function fromPort(tuple: Tuple): u32 {
  return tuple.ports >> 16;
}

export function toPort(tuple: Tuple): u32 {
  return tuple.ports & 0xffff;
}

export function hash(tuple: Tuple): u32 {
  let sum = mix(head().seed, <u64>tuple.ports << 32 | tuple.kind);
  sum = mix(mix(sum, tuple.fromLow), tuple.toLow);
  if (versionOf(tuple.kind) == 6) sum = mix(mix(sum, tuple.fromHigh), tuple.toHigh);
  return finish(sum);
}

export function isSame(a: Tuple, b: Tuple): bool {
  return a.ports == b.ports && a.kind == b.kind && a.fromLow == b.fromLow && a.toLow == b.toLow &&
    a.fromHigh == b.fromHigh && a.toHigh == b.toHigh;
}

export function copy(to: Tuple, from: Tuple): void {
  memory.copy(changetype<usize>(to), changetype<usize>(from), TUPLE_BYTES);
}

/** `to` becomes what answers to `from` say, on the same side. */
export function turn(to: Tuple, from: Tuple): void {
  to.fromHigh = from.toHigh;
  to.fromLow = from.toLow;
  to.toHigh = from.fromHigh;
  to.toLow = from.fromLow;
  to.ports = from.ports << 16 | from.ports >> 16;
  to.kind = from.kind;
}
