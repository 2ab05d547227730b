// What a guest has of NAT's table: its connections in two queues, by when they were last used.
//
//   fresh      those that nobody has answered yet, or that are over
//   lasting    those that both ends use
//
// When there is no place left, the guest that has most gives one up: its oldest fresh one while more than a small part of what
// it has is fresh, else its oldest lasting one. So a guest that floods pushes out its own attempts, and nothing of others.

import { at, isLasting } from "./connection";
import { ACCOUNTS, ACCOUNT_BYTES, NOBODY } from "./table";

const QUEUE_FRESH: u32 = 0;
const QUEUE_LASTING: u32 = 1;
/** This part of what a guest has may be fresh before that is what it loses. */
const FRESH_SHARE: u32 = 8;

@unmanaged @final
export class Account {
  /** Connections in both queues, and in the fresh one. */
  count: u32;
  fresh: u32;
  /** Ends of the queues: indices of connections. */
  oldest0: u32;
  newest0: u32;
  oldest1: u32;
  newest1: u32;
}
if (offsetof<Account>() > ACCOUNT_BYTES) ERROR("an account does not fit its place");

const OLDEST: usize = offsetof<Account>("oldest0");
const NEWEST: usize = offsetof<Account>("newest0");

export function accountAt(account: u32): Account {
  return changetype<Account>(ACCOUNTS + <usize>account * ACCOUNT_BYTES);
}

/** Where the ends of a queue are kept. */
function endsOf(account: Account, queue: u32): usize {
  return changetype<usize>(account) + <usize>(queue << 3);
}

/** Puts a connection at the young end of the queue in which it belongs. */
export function enter(index: u32): void {
  const connection = at(index);
  const account = accountAt(connection.account);
  const queue = isLasting(connection) ? QUEUE_LASTING : QUEUE_FRESH;
  const ends = endsOf(account, queue);
  const newest = load<u32>(ends, NEWEST);
  connection.queue = <u8>queue;
  connection.older = newest;
  connection.newer = 0;
  if (newest != 0) at(newest).newer = index;
  else store<u32>(ends, index, OLDEST);
  store<u32>(ends, index, NEWEST);
  account.count++;
  if (queue == QUEUE_FRESH) account.fresh++;
}

/** Takes a connection out of its queue. */
export function leave(index: u32): void {
  const connection = at(index);
  const account = accountAt(connection.account);
  const ends = endsOf(account, connection.queue);
  if (connection.older != 0) at(connection.older).newer = connection.newer;
  else store<u32>(ends, connection.newer, OLDEST);
  if (connection.newer != 0) at(connection.newer).older = connection.older;
  else store<u32>(ends, connection.older, NEWEST);
  account.count--;
  if (connection.queue == QUEUE_FRESH) account.fresh--;
}

/** A connection was used: it is the youngest of its queue, which may be another now. */
export function renew(index: u32): void {
  const connection = at(index);
  if (connection.newer == 0 && isLasting(connection) == (connection.queue == QUEUE_LASTING)) return;
  leave(index);
  enter(index);
}

/** The account that has most; `account` itself, if nobody has more than that. */
export function greediest(account: u32): u32 {
  let most = account;
  for (let other: u32 = 0; other <= NOBODY; other++) {
    if (accountAt(other).count > accountAt(most).count) most = other;
  }
  return most;
}

/** The connection that this account is to lose; 0: it has none. */
export function victim(account: u32): u32 {
  const its = accountAt(account);
  const isFlooding = its.fresh * FRESH_SHARE > its.count;
  return isFlooding || its.oldest1 == 0 ? its.oldest0 : its.oldest1;
}
