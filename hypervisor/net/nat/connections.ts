// The table of connections: found by what a packet says, made, ended, and forgotten when nobody uses them.
//
// A link names a connection and one of its directions: index << 1 | direction; 0: none.

import { networkAt } from "../network";
import * as account from "./account";
import { Connection, at, isExpired, tuple } from "./connection";
import * as mappings from "./mappings";
import { MOST, TUPLE_CHAINS, TUPLE_HEADS, head } from "./table";
import { Tuple, hash, isSame, networkOf } from "./tuple";

const NEXT: usize = offsetof<Connection>("next0");
const CHAIN: usize = offsetof<Connection>("chain0");

export function indexOf(link: u32): u32 {
  return link >> 1;
}

export function directionOf(link: u32): u32 {
  return link & 1;
}

function chainAt(chain: u32): usize {
  return TUPLE_HEADS + (<usize>chain << 2);
}

/** Where the link that follows `link` in its chain stands. */
function nextAt(link: u32): usize {
  return changetype<usize>(at(indexOf(link))) + NEXT + (<usize>directionOf(link) << 2);
}

/** The direction of a connection whose packets say that; 0: there is none. */
export function find(said: Tuple): u32 {
  let link = load<u32>(chainAt(hash(said) & (TUPLE_CHAINS - 1)));
  while (link != 0 && !isSame(tuple(at(indexOf(link)), directionOf(link)), said)) link = load<u32>(nextAt(link));
  return link;
}

/** A free place for a connection of that account, which must be followed by `make` or `abandon`. Who has most may lose one. */
export function take(payer: u32): u32 {
  const its = head();
  if (its.connectionsFree == 0 && its.connectionsUsed == MOST - 1) {
    evict(account.victim(account.greediest(payer)));
  }
  let index = its.connectionsFree;
  if (index != 0) its.connectionsFree = at(index).newer;
  else index = ++its.connectionsUsed;
  const connection = at(index);
  memory.fill(changetype<usize>(connection), 0, offsetof<Connection>());
  connection.account = <u8>payer;
  return index;
}

/** Gives a place back that `take` has given. */
export function abandon(index: u32): void {
  at(index).serial = 0;
  at(index).newer = head().connectionsFree;
  head().connectionsFree = index;
}

/** The connection at that place, whose tuples are set, begins. */
export function make(index: u32, now: f64): void {
  const connection = at(index);
  const its = head();
  its.serial = its.serial == 0xffff_ffff ? 1 : its.serial + 1;
  connection.serial = its.serial;
  connection.seen = now;
  chain(index, 0);
  chain(index, 1);
  account.enter(index);
  its.count++;
  const network = networkAt(networkOf(tuple(connection, 0).kind));
  network.connections++;
  network.tracked++;
}

function chain(index: u32, direction: u32): void {
  const number = hash(tuple(at(index), direction)) & (TUPLE_CHAINS - 1);
  const link = index << 1 | direction;
  store<u32>(changetype<usize>(at(index)) + (<usize>direction << 2), number, CHAIN);
  store<u32>(nextAt(link), load<u32>(chainAt(number)));
  store<u32>(chainAt(number), link);
}

function unchain(index: u32, direction: u32): void {
  const link = index << 1 | direction;
  let place = chainAt(load<u32>(changetype<usize>(at(index)) + (<usize>direction << 2), CHAIN));
  while (load<u32>(place) != link) place = nextAt(load<u32>(place));
  store<u32>(place, load<u32>(nextAt(link)));
}

/** Ends a connection, and its mapping if it was the last to use it. */
export function end(index: u32): void {
  const connection = at(index);
  unchain(index, 0);
  unchain(index, 1);
  account.leave(index);
  if (connection.mapping != 0) mappings.leave(connection.mapping);
  head().count--;
  networkAt(networkOf(tuple(connection, 0).kind)).connections--;
  abandon(index);
}

/** Ends a connection for want of room. */
export function evict(index: u32): void {
  networkAt(networkOf(tuple(at(index), 0).kind)).evicted++;
  end(index);
}

/** A packet of the connection has passed. */
export function use(index: u32, now: f64): void {
  at(index).seen = now;
  account.renew(index);
}

/** Looks at the next `steps` places of the table, and ends what nobody has used for its time. */
export function expire(now: f64, steps: u32): void {
  const its = head();
  for (let left = min(steps, its.connectionsUsed); left > 0; left--) {
    its.cursor = its.cursor >= its.connectionsUsed ? 1 : its.cursor + 1;
    const connection = at(its.cursor);
    if (connection.serial != 0 && isExpired(connection, now)) end(its.cursor);
  }
}

/** Is there a connection at that place, and is it the network's? */
export function isOn(index: u32, network: u32): bool {
  return at(index).serial != 0 && networkOf(tuple(at(index), 0).kind) == network;
}

/** Ends all connections of a network. */
export function endNetwork(network: u32): void {
  for (let index: u32 = 1; index <= head().connectionsUsed; index++) {
    if (isOn(index, network)) end(index);
  }
}

/** Ends the connections that came by a forward, which is given by its index plus one. */
export function endForward(network: u32, forward: u32): void {
  for (let index: u32 = 1; index <= head().connectionsUsed; index++) {
    if (isOn(index, network) && at(index).forward == forward) end(index);
  }
}
