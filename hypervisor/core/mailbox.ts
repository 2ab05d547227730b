// Words by which threads reach a machine that runs: input that waits for guests, and sleep that is to end.
//
//   MAILBOX + MAILBOX_INPUT   2 words, a bit for each guest
//   MAILBOX + MAILBOX_UPLINKS a word, a bit for each uplink: frames wait there, or it takes frames again
//   MAILBOX + MAILBOX_WAKE    a word for each CPU, which its worker reads before `run` and waits on behind it
//
// The kernel writes them too: work that one CPU has made for another ends that one's sleep.

import { MAILBOX_INPUT, MAILBOX_UPLINKS, MAILBOX_WAKE } from "../abi";
import { MAILBOX } from "./layout";

/** Says that input waits for guest `id`. */
export function announce(id: u32): void {
  mark(MAILBOX + MAILBOX_INPUT + (<usize>(id >> 5) << 2), 1 << (id & 31));
}

/** Says that there is something to do at an uplink. */
export function announceUplink(number: u32): void {
  mark(MAILBOX + MAILBOX_UPLINKS, 1 << (number & 31));
}

function mark(word: usize, bit: u32): void {
  if (ASC_FEATURE_THREADS) atomic.or<u32>(word, bit);
  else store<u32>(word, load<u32>(word) | bit);
}

/** Takes all announcements: bit n is that of guest n. */
export function take(): u64 {
  return takeWord(MAILBOX + MAILBOX_INPUT) | <u64>takeWord(MAILBOX + MAILBOX_INPUT + 4) << 32;
}

/** Takes the announcements of uplinks: bit n is that of uplink n. */
export function takeUplinks(): u32 {
  return takeWord(MAILBOX + MAILBOX_UPLINKS);
}

function takeWord(word: usize): u32 {
  const bits = load<u32>(word);
  if (bits == 0) return 0;
  if (ASC_FEATURE_THREADS) return atomic.xchg<u32>(word, 0);
  store<u32>(word, 0);
  return bits;
}

/** Ends the sleep of CPU `cpu`, or its next one. */
export function wake(cpu: u32): void {
  if (!ASC_FEATURE_THREADS) return;
  const word = MAILBOX + MAILBOX_WAKE + (<usize>cpu << 2);
  atomic.add<u32>(word, 1);
  atomic.notify(word, 1);
}
