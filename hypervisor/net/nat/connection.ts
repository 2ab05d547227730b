// One conversation through NAT: what its packets say before they are translated, in both directions.
//
//   direction 0   of whoever began        inside 10.9.0.5:4000 -> 1.2.3.4:80      outside 1.2.3.4:9 -> 5.6.7.8:8080
//   direction 1   of the answers          outside 1.2.3.4:80 -> 5.6.7.8:4000      inside 10.9.0.5:80 -> 1.2.3.4:9
//
// A packet of one direction leaves as the opposite of the other. Ordinary traffic, published ports, guests that reach each
// other by the address outside, and queries that go to another name server differ in nothing but these four ends.

import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP } from "../packet";
import { CONNECTION_BYTES, ENTRIES } from "./table";
import { OUTSIDE, TUPLE_BYTES, Tuple, protocolOf, sideOf } from "./tuple";

/** What has been seen of a direction: a packet, TCP's FIN. The second direction's bits are twice as large. */
export const SEEN: u32 = 1;
export const FINISHED: u32 = 4;
/** TCP's RST was the last that came. */
export const RESET: u32 = 16;
/** Packets of direction 0 go nowhere before one of direction 1 has been seen: they were not asked for. */
export const NEEDS_CONSENT: u32 = 32;
const BOTH_SEEN: u32 = SEEN | SEEN << 1;
const BOTH_FINISHED: u32 = FINISHED | FINISHED << 1;

/** Flags of a TCP header. */
const TCP_FIN: u32 = 1;
const TCP_SYN: u32 = 2;
const TCP_RST: u32 = 4;
const TCP_ACK: u32 = 16;

const S: f64 = 1e9;
/** RFC 5382, REQ-5. */
const ESTABLISHED_NS: f64 = 7440 * S;
const TRANSITORY_NS: f64 = 240 * S;
/** RFC 4787, REQ-5. */
const UDP_NS: f64 = 120 * S;
/** RFC 5508, REQ-2. */
const ECHO_NS: f64 = 60 * S;

/** Its first 80 bytes are two Tuples, `tuple(connection, 0)` and `tuple(connection, 1)`. */
@unmanaged @final
export class Connection {
  tuple00: u64; tuple01: u64; tuple02: u64; tuple03: u64; tuple04: u64;
  tuple10: u64; tuple11: u64; tuple12: u64; tuple13: u64; tuple14: u64;
  /** The chain that each direction is in, and what follows there: a link (connections.ts). */
  chain0: u32;
  chain1: u32;
  next0: u32;
  next1: u32;
  /** Neighbours in the queue of its account. Of a free place `newer` is the next free one. */
  older: u32;
  newer: u32;
  /** Time of the last packet, ns. */
  seen: f64;
  /** Its mapping, 0: none: the port outside is its own, or a published one. */
  mapping: u32;
  /** Head.serial when it was made; 0: a free place. */
  serial: u32;
  account: u8;
  /** QUEUE_*, account.ts. */
  queue: u8;
  /** SEEN, FINISHED, RESET, NEEDS_CONSENT. */
  state: u16;
  /** The forward that it came by, plus one; 0: none. */
  forward: u16;
}
if (offsetof<Connection>("chain0") != 2 * TUPLE_BYTES) ERROR("the tuples of a connection are not where they should be");
if (offsetof<Connection>() > CONNECTION_BYTES) ERROR("a connection does not fit its place");

export function at(index: u32): Connection {
  return changetype<Connection>(ENTRIES + <usize>index * CONNECTION_BYTES);
}

export function tuple(connection: Connection, direction: u32): Tuple {
  return changetype<Tuple>(changetype<usize>(connection) + <usize>direction * TUPLE_BYTES);
}

function protocolOfConnection(connection: Connection): u32 {
  return protocolOf(tuple(connection, 0).kind);
}

/** The direction whose packets go to our address outside. */
export function foreign(connection: Connection): u32 {
  return sideOf(tuple(connection, 1).kind) == OUTSIDE ? 1 : 0;
}

/** Both ends have been heard of, and neither has said that it is done: what is kept longest. */
export function isLasting(connection: Connection): bool {
  const state: u32 = connection.state;
  return (state & BOTH_SEEN) == BOTH_SEEN && (state & BOTH_FINISHED) != BOTH_FINISHED && (state & RESET) == 0;
}

/** ns without a packet after which it is no more. */
export function lifetime(connection: Connection): f64 {
  const protocol = protocolOfConnection(connection);
  if (protocol == PROTOCOL_TCP) return isLasting(connection) ? ESTABLISHED_NS : TRANSITORY_NS;
  return protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6 ? ECHO_NS : UDP_NS;
}

export function isExpired(connection: Connection, now: f64): bool {
  return now - connection.seen > lifetime(connection);
}

/** A packet of that direction was seen; `flags` are those of TCP, 0 for others. */
export function advance(connection: Connection, direction: u32, flags: u32): void {
  let state: u32 = connection.state;
  const isSyn = (flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
  // The same ends begin anew (RFC 6191): what was said before does not count.
  if (isSyn && direction == 0 && ((state & RESET) != 0 || (state & BOTH_FINISHED) == BOTH_FINISHED)) {
    state &= NEEDS_CONSENT;
  }
  state |= SEEN << direction;
  if ((flags & TCP_FIN) != 0) state |= FINISHED << direction;
  // A forged RST does no more than let a connection expire that nobody uses (RFC 7857, 2.1; RFC 6146, 3.5.2.2).
  state = (flags & TCP_RST) != 0 ? state | RESET : state & ~RESET;
  connection.state = <u16>state;
}

/** May packets of this direction pass? */
export function isAllowed(connection: Connection, direction: u32): bool {
  const state: u32 = connection.state;
  return direction == 1 || (state & NEEDS_CONSENT) == 0 || (state & SEEN << 1) != 0;
}

/** Do these flags of TCP say nothing but that there is no connection? */
export function isReset(flags: u32): bool {
  return (flags & TCP_RST) != 0;
}
