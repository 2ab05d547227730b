// Where NAT keeps what it knows, behind layout.CONNECTIONS, and the lock over all of it.
//
//   HEAD          the lock, what is free, and scratch for whoever holds the lock
//   ACCOUNTS      what each guest has (account.ts)
//   ERRORS        how many ICMP errors each guest and each uplink may still get (refusal.ts)
//   TUPLE_HEADS   chains of connections, by what their packets say (connections.ts)
//   INSIDE_HEADS  chains of mappings, by who has them; OUTSIDE_HEADS: by their port outside (mappings.ts)
//   RECORDS       datagrams whose first fragment has passed (fragments.ts)
//   HELD          fragments that came before their first (held.ts)
//   ENTRIES       connections; MAPPING_ENTRIES: mappings
//
// The lock is the last that anybody takes: nothing is called under it that takes another.

import { MAX_GUESTS, MAX_NETWORKS } from "../../abi";
import * as lock from "../../core/lock";
import * as host from "../../host";
import { CONNECTIONS, CONNECTIONS_SIZE } from "../layout";

/** Connections that can be tracked, as many as there is room for: indices 1 … MOST - 1. Each has one mapping at most. */
export const MOST: u32 = 60 << 10;
export const CONNECTION_BYTES: usize = 128;
export const MAPPING_BYTES: usize = 40;

const HEAD_BYTES: usize = 0x1000;
/** Scratch for the packet at hand: what it says, what its answers say, what it is to say, what it quotes; and a held frame. */
export const SAID: usize = CONNECTIONS + 0x400;
export const ANSWER: usize = SAID + 64;
export const NOW: usize = ANSWER + 64;
export const QUOTE: usize = NOW + 64;
export const PIECE: usize = QUOTE + 64;
export const PIECE_PACKET: usize = PIECE + 128;

/** A guest's account has its number; NOBODY's is for frames that come from no guest. */
export const NOBODY: u32 = MAX_GUESTS;
export const ACCOUNTS: usize = CONNECTIONS + HEAD_BYTES;
export const ACCOUNT_BYTES: usize = 32;

export const ERRORS: usize = ACCOUNTS + <usize>(NOBODY + 1) * ACCOUNT_BYTES;
export const ERROR_BYTES: usize = 64;

export const TUPLE_HEADS: usize = ERRORS + <usize>(NOBODY + 1 + MAX_NETWORKS) * ERROR_BYTES;
export const TUPLE_CHAINS: u32 = 1 << 16;

export const INSIDE_HEADS: usize = TUPLE_HEADS + <usize>TUPLE_CHAINS * 4;
export const MAPPING_CHAINS: u32 = 1 << 15;
export const OUTSIDE_HEADS: usize = INSIDE_HEADS + <usize>MAPPING_CHAINS * 4;

export const RECORDS: usize = OUTSIDE_HEADS + <usize>MAPPING_CHAINS * 4;
export const RECORD_SETS: u32 = 128;
export const RECORD_WAYS: u32 = 8;
export const RECORD_BYTES: usize = 64;

export const HELD: usize = RECORDS + <usize>(RECORD_SETS * RECORD_WAYS) * RECORD_BYTES;
export const HELD_PLACES: u32 = 32;
/** Bytes of a frame that is held at most. */
export const HELD_BYTES: u32 = 2048;
export const HELD_STRIDE: usize = 64 + HELD_BYTES;

/** Entry 0 of both is never used: as an index 0 means none. */
export const ENTRIES: usize = HELD + <usize>HELD_PLACES * HELD_STRIDE;
export const MAPPING_ENTRIES: usize = ENTRIES + <usize>MOST * CONNECTION_BYTES;
const END: usize = MAPPING_ENTRIES + <usize>MOST * MAPPING_BYTES;

if (END > CONNECTIONS + CONNECTIONS_SIZE) ERROR("too many connections for their place");
if ((ERRORS & 7) != 0 || (RECORDS & 7) != 0 || (HELD & 7) != 0 || (ENTRIES & 7) != 0) ERROR("a table of NAT is not aligned");

@unmanaged @final
export class Head {
  /** core/lock, over everything behind CONNECTIONS. */
  lock: u32;
  /** Of the connection that was made last: tells a connection from one that had its place before. */
  serial: u32;
  /** Places that were ever used, and the first of a chain of those that are free again. */
  connectionsUsed: u32;
  connectionsFree: u32;
  mappingsUsed: u32;
  mappingsFree: u32;
  /** Places of forwards that were ever used. */
  forwardsUsed: u32;
  /** Connections there are. */
  count: u32;
  /** Where `expire` goes on. */
  cursor: u32;
  /** What hashes begin with, so that nobody outside knows which addresses share a chain; 0: not drawn yet. */
  seed: u64;
}
if (offsetof<Head>() > SAID - CONNECTIONS) ERROR("the head of NAT runs into its scratch");

export function head(): Head {
  return changetype<Head>(CONNECTIONS);
}

export function acquire(): void {
  lock.acquire(CONNECTIONS);
  if (head().seed == 0) {
    host.entropy(CONNECTIONS + offsetof<Head>("seed"), 8);
    head().seed |= 1;
  }
}

export function release(): void {
  lock.release(CONNECTIONS);
}

/** One more word of a hash. */
export function mix(hash: u64, word: u64): u64 {
  const product = (hash ^ word) * 0x9fb2_1c65_1e98_df25;
  return product ^ product >> 29;
}

/** What is left of a hash in 32 bits. */
export function finish(hash: u64): u32 {
  return <u32>(hash * 0xd6e8_feb8_6659_fd93 >> 32);
}
