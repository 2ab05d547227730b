// Datagrams in pieces: the first piece tells whose conversation it belongs to, and the others follow it.
//
// A record stands in one of the sets that its addresses and identification choose. When a set is full, whoever has most of it
// loses the oldest: nobody who sends many pieces takes the places of one who sends few.

import { Packet } from "../packet";
import { at } from "./connection";
import * as connections from "./connections";
import { RECORDS, RECORD_BYTES, RECORD_SETS, RECORD_WAYS, finish, head, mix } from "./table";
import { Tuple, kindOf } from "./tuple";

/** For how long pieces may come after the first: what receivers grant them (Linux: ipfrag_time, 30 s). */
const LIFETIME_NS: f64 = 30e9;

@unmanaged @final
export class Record {
  fromHigh: u64;
  fromLow: u64;
  toHigh: u64;
  toLow: u64;
  /** When the first piece came, ns. */
  at: f64;
  /** As in a Tuple; with IPv6 the protocol is 0, as later pieces may not tell it. */
  kind: u32;
  identification: u32;
  /** The direction of a connection (connections.ts), and its serial; 0: a free place. */
  link: u32;
  serial: u32;
}
if (offsetof<Record>() > RECORD_BYTES) ERROR("a record does not fit its place");

function recordAt(set: u32, way: u32): Record {
  return changetype<Record>(RECORDS + <usize>(set * RECORD_WAYS + way) * RECORD_BYTES);
}

/** The kind of a piece. */
export function kindOfPiece(network: u32, side: u32, packet: Packet): u32 {
  return kindOf(network, side, packet.version, packet.version == 4 ? packet.protocol : 0);
}

function setOf(said: Tuple, kind: u32, identification: u32): u32 {
  let sum = mix(head().seed, <u64>identification << 32 | kind);
  sum = mix(mix(mix(mix(sum, said.fromLow), said.toLow), said.fromHigh), said.toHigh);
  return finish(sum) & (RECORD_SETS - 1);
}

function isOf(record: Record, said: Tuple, kind: u32, identification: u32): bool {
  return record.link != 0 && record.identification == identification && record.kind == kind &&
    record.fromLow == said.fromLow && record.toLow == said.toLow && record.fromHigh == said.fromHigh && record.toHigh == said.toHigh;
}

function isLive(record: Record, now: f64): bool {
  if (record.link == 0 || now - record.at > LIFETIME_NS) return false;
  return at(connections.indexOf(record.link)).serial == record.serial;
}

/** The direction of a connection to which a later piece belongs; 0: its first has not been seen. */
export function find(said: Tuple, kind: u32, identification: u32, now: f64): u32 {
  const set = setOf(said, kind, identification);
  for (let way: u32 = 0; way < RECORD_WAYS; way++) {
    const record = recordAt(set, way);
    if (isOf(record, said, kind, identification)) return isLive(record, now) ? record.link : 0;
  }
  return 0;
}

/** A first piece has passed, as that direction of a connection. */
export function remember(said: Tuple, kind: u32, identification: u32, link: u32, now: f64): void {
  const set = setOf(said, kind, identification);
  const record = place(set, said, kind, identification, now);
  record.fromHigh = said.fromHigh;
  record.fromLow = said.fromLow;
  record.toHigh = said.toHigh;
  record.toLow = said.toLow;
  record.at = now;
  record.kind = kind;
  record.identification = identification;
  record.link = link;
  record.serial = at(connections.indexOf(link)).serial;
}

/** Where it is to be written: over itself, over what is no more, or over the oldest of who has most. */
function place(set: u32, said: Tuple, kind: u32, identification: u32, now: f64): Record {
  let oldest = recordAt(set, 0);
  let most: u32 = 0;
  for (let way: u32 = 0; way < RECORD_WAYS; way++) {
    const record = recordAt(set, way);
    if (isOf(record, said, kind, identification)) return record;
  }
  for (let way: u32 = 0; way < RECORD_WAYS; way++) {
    const record = recordAt(set, way);
    if (!isLive(record, now)) return record;
    const count = countOf(set, payerOf(record));
    if (count < most || (count == most && record.at >= oldest.at)) continue;
    oldest = record;
    most = count;
  }
  return oldest;
}

function payerOf(record: Record): u32 {
  return at(connections.indexOf(record.link)).account;
}

function countOf(set: u32, payer: u32): u32 {
  let count: u32 = 0;
  for (let way: u32 = 0; way < RECORD_WAYS; way++) {
    const record = recordAt(set, way);
    if (record.link != 0 && payerOf(record) == payer) count++;
  }
  return count;
}
