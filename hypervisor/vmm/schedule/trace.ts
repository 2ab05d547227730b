// The trace: a ring of all calls of the policy with what they were given and what they answered. Whoever replays the calls
// on a copy of the state gets the same answers, as the policy knows nothing else; so no clock is needed.
//
//   TRACE + 0         1: it is written; number of calls since `start`
//   TRACE + 64        RECORDS records, that of call n at n modulo RECORDS

import { SCHEDULE, SCHEDULE_SIZE } from "../../core/layout";
import { STATE_BYTES, TRACE } from "./table";

// What was called.
export const CALL_OPEN: u32 = 0;
export const CALL_ADMIT: u32 = 1;
export const CALL_DISMISS: u32 = 2;
export const CALL_FORGET: u32 = 3;
export const CALL_SET: u32 = 4;
export const CALL_WAKE: u32 = 5;
export const CALL_PUT: u32 = 6;
export const CALL_CHARGE: u32 = 7;
export const CALL_PICK: u32 = 8;
export const CALL_SLICE: u32 = 9;
export const CALL_YIELD: u32 = 10;
export const CALL_IDLE: u32 = 11;
export const CALL_YIELD_TO: u32 = 12;
export const CALL_HELPER: u32 = 13;
export const CALL_WAITING: u32 = 14;

/** One call. */
@unmanaged @final
export class Record {
  /** CALL_*. */
  call: u32;
  /** The guest or entity that it was about. */
  subject: u32;
  /** CPU, number of harts or CPUs, or weight. And: the state after a slice. */
  number: u32;
  next: u32;
  now: f64;
  /** ns, or a cap. And: a deadline or a reservation. */
  first: f64;
  second: f64;
  answer: f64;
}

/** Bytes of a record, and how many the ring has: what is older is overwritten. */
export const RECORD_BYTES: u32 = 48;
export const RECORDS: u32 = 1020;

const COUNT: usize = 8;
const RING: usize = TRACE + 64;

if (offsetof<Record>() != <usize>RECORD_BYTES) ERROR("readers of the trace count on the size of a record");
if (RING + <usize>RECORDS * RECORD_BYTES > SCHEDULE + SCHEDULE_SIZE) ERROR("the trace runs out of the schedule");

/** Begins to write, from an empty ring. A copy of the state as it is now is where a replay begins. */
export function start(): void {
  store<u32>(TRACE, 1);
  store<u64>(TRACE, 0, COUNT);
}

/** Ends writing; what was written can still be read. */
export function stop(): void {
  store<u32>(TRACE, 0);
}

/** Address of the ring. */
export function address(): usize {
  return RING;
}

/** Calls since `start`. */
export function count(): u64 {
  return load<u64>(TRACE, COUNT);
}

/** Address of the state, and its bytes: what a replay starts with. */
export function state(): usize {
  return SCHEDULE;
}

export function stateBytes(): u32 {
  return STATE_BYTES;
}

/** The record of call `n`, if the ring still has it. */
export function recordAt(n: u64): Record {
  return changetype<Record>(RING + <usize>(n % RECORDS) * RECORD_BYTES);
}

/** Writes one call, if the trace is on. */
export function write(
  call: u32, subject: u32, number: u32, next: u32, now: f64, first: f64, second: f64, answer: f64,
): void {
  if (load<u32>(TRACE) == 0) return;
  const n = count();
  const record = recordAt(n);
  record.call = call;
  record.subject = subject;
  record.number = number;
  record.next = next;
  record.now = now;
  record.first = first;
  record.second = second;
  record.answer = answer;
  store<u64>(TRACE, n + 1, COUNT);
}
