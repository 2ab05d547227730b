// A lock between physical CPUs: a word of linear memory, 0 free, 1 held, 2 held and somebody waits for it.
//
// Held for microseconds, so whoever finds it held looks again for a while before it lies down. On a machine with one CPU
// nobody else is there, and nothing is locked.

import { MAILBOX } from "./layout";

import { wait } from "./wait";

/** How often a held lock is looked at before waiting: some microseconds. */
const LOOKS = 200;
/** The host's threads may be preempted while they hold it; a wait that nobody ends is a mistake of ours, and is survived. */
const WAIT_NS: i64 = 1_000_000;

/** A word for `barrier`, on a line of its own. */
const BARRIER: usize = MAILBOX + 0x480;

/** What was stored before is seen by others before what is loaded afterwards was. wasm's fence is not to be had here; this orders as much. */
export function barrier(): void {
  if (ASC_FEATURE_THREADS) atomic.add<u32>(BARRIER, 0);
}

/** Takes the lock at `ptr`, waiting for whoever has it. It can't be taken twice. */
export function acquire(ptr: usize): void {
  if (!ASC_FEATURE_THREADS) return;
  if (atomic.cmpxchg<u32>(ptr, 0, 1) == 0) return;
  for (let i = 0; i < LOOKS; i++) {
    if (atomic.load<u32>(ptr) == 0 && atomic.cmpxchg<u32>(ptr, 0, 1) == 0) return;
  }
  while (atomic.xchg<u32>(ptr, 2) != 0) wait(ptr, 2, WAIT_NS);
}

/** Takes the lock at `ptr` if nobody has it. */
export function tryAcquire(ptr: usize): bool {
  if (!ASC_FEATURE_THREADS) return true;
  return atomic.cmpxchg<u32>(ptr, 0, 1) == 0;
}

/** Gives the lock at `ptr` back. */
export function release(ptr: usize): void {
  if (!ASC_FEATURE_THREADS) return;
  if (atomic.xchg<u32>(ptr, 0) == 2) atomic.notify(ptr, 1);
}
