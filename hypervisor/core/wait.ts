// Waiting for another CPU on a word of memory.
//
// V8's baseline compiler, as of 11.3 (Node 20), forgets what is in registers over memory.atomic.wait32: locals that are used
// behind it hold anything. So the instruction stands in a function of its own that uses nothing afterwards, and is called through
// the table, as the optimizer would put it back into its caller.

function sleep(ptr: usize, expected: i32, ns: i64): void {
  if (ASC_FEATURE_THREADS) atomic.wait<i32>(ptr, expected, ns);
}

const SLEEP: (ptr: usize, expected: i32, ns: i64) => void = sleep;

/** Waits until somebody notifies `ptr`, or `ns` are over; not at all if the word there is not `expected`. */
export function wait(ptr: usize, expected: i32, ns: i64): void {
  if (ASC_FEATURE_THREADS) call_indirect<void>(SLEEP.index, ptr, expected, ns);
}
