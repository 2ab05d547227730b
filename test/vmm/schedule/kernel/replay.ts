// The trace: what was decided can be decided again from what was written down, without a machine and without a clock.

import * as policy from "../../../../hypervisor/vmm/schedule/policy";
import * as trace from "../../../../hypervisor/vmm/schedule/trace";
import {
  CALL_ADMIT, CALL_CHARGE, CALL_DISMISS, CALL_FORGET, CALL_HELPER, CALL_IDLE, CALL_PICK, CALL_PUT, CALL_SET, CALL_SLICE,
  CALL_WAITING, CALL_WAKE, CALL_YIELD, CALL_YIELD_TO, RECORDS, RECORD_BYTES, Record,
} from "../../../../hypervisor/vmm/schedule/trace";
import * as machine from "./machine";
import { MS, random } from "./machine";

/** Where the tests keep what they copy: memory that has no other use here. */
const BEFORE: usize = 0x0400_0000;
const AFTER: usize = 0x0410_0000;
const LOG: usize = 0x0420_0000;
const LOG_MOST: u64 = 200_000;

let logged: u64 = 0;

/** Takes out of the ring what has come since the last time. */
function drain(): void {
  const count = trace.count();
  assert(count - logged <= RECORDS, "nothing was overwritten before it was read");
  for (; logged < count; logged++) {
    assert(logged < LOG_MOST);
    const at = trace.address() + <usize>(logged % RECORDS) * RECORD_BYTES;
    memory.copy(LOG + <usize>logged * RECORD_BYTES, at, RECORD_BYTES);
  }
}

/** Makes the call again; its answer. */
function again(record: Record): f64 {
  switch (record.call) {
    case CALL_ADMIT: policy.admit(record.subject, record.number, record.now); return 0;
    case CALL_DISMISS: policy.dismiss(record.subject); return 0;
    case CALL_FORGET: policy.forget(record.subject); return 0;
    case CALL_SET: policy.set(record.subject, record.number, record.first, record.second, record.now); return 0;
    case CALL_WAKE: return policy.wake(record.subject, record.now);
    case CALL_PUT:
      policy.put(record.subject, record.number, record.now, record.first, record.next, record.second);
      return 0;
    case CALL_CHARGE: policy.charge(record.subject, record.first, record.now); return 0;
    case CALL_PICK: return policy.pick(record.number, record.now);
    case CALL_SLICE: return policy.sliceNs(record.subject, record.number, record.now);
    case CALL_YIELD: return policy.shouldYield(record.subject, record.number, record.now, record.first) ? 1 : 0;
    case CALL_IDLE: return policy.idleNs(record.number, record.now);
    case CALL_YIELD_TO: return policy.yieldTo(record.subject, record.number, record.now) ? 1 : 0;
    case CALL_HELPER: return policy.helper(record.now);
    case CALL_WAITING: return policy.waiting(record.now);
    default:
      assert(false, "the trace has a call that nobody knows");
      return 0;
  }
}

/** A busy machine: hogs and sleepers, caps, reservations, pauses. */
function scene(cpus: u32): void {
  machine.open(cpus);
  machine.shake(99);
  machine.spin(5);
  for (let i: u32 = 0; i < 3; i++) machine.addHog(i, 4, 64 << i);
  for (let i: u32 = 3; i < 9; i++) machine.add(i, 2, 256, 0.7 * MS, <f64>i * MS);
  machine.limit(1, 128, 0.7, 0);
  machine.limit(3, 256, 0, 0.4);
}

function play(steps: u32): void {
  for (let i: u32 = 0; i < steps; i++) {
    machine.step(Infinity);
    if (random(50) == 0) machine.wake(random(9 << 3));
    if (random(500) == 0) machine.stop(8);
    if (random(500) == 0) machine.resume(8, 2);
    if (random(100) == 0) policy.charge(random(9), 0.3 * MS, machine.time());
    drain();
  }
}

function compare(state: usize): void {
  assert(memory.compare(trace.state(), state, trace.stateBytes()) == 0, "the state is the same, to the last byte");
}

export function a_trace_replayed_from_the_state_it_began_with_decides_the_same(): void {
  scene(3);
  for (let i: u32 = 0; i < 3000; i++) machine.step(Infinity);
  memory.copy(BEFORE, trace.state(), trace.stateBytes());
  trace.start();
  logged = 0;
  play(20_000);
  trace.stop();
  memory.copy(AFTER, trace.state(), trace.stateBytes());
  assert(logged > 40_000);

  memory.copy(trace.state(), BEFORE, trace.stateBytes());
  for (let i: u64 = 0; i < logged; i++) {
    const record = changetype<Record>(LOG + <usize>i * RECORD_BYTES);
    assert(again(record) == record.answer, "the same answer");
  }
  compare(AFTER);
}

export function a_fresh_policy_that_is_given_a_trace_decides_the_same(): void {
  policy.open(3);
  trace.start();
  logged = 0;
  scene(3);
  drain();
  play(5000);
  trace.stop();
  memory.copy(AFTER, trace.state(), trace.stateBytes());

  // The first call is the scene's own `open`.
  policy.open(changetype<Record>(LOG).number);
  for (let i: u64 = 1; i < logged; i++) {
    const record = changetype<Record>(LOG + <usize>i * RECORD_BYTES);
    assert(again(record) == record.answer, "the same answer");
  }
  compare(AFTER);
}

export function a_machine_that_rests_now_and_then_is_replayed_too(): void {
  policy.open(16);
  trace.start();
  logged = 0;
  scene(16);
  drain();
  play(5000);
  trace.stop();
  assert(machine.idleNs() > MS);
  memory.copy(AFTER, trace.state(), trace.stateBytes());
  policy.open(16);
  for (let i: u64 = 1; i < logged; i++) {
    const record = changetype<Record>(LOG + <usize>i * RECORD_BYTES);
    assert(again(record) == record.answer, "the same answer");
  }
  compare(AFTER);
}

export function another_call_in_the_trace_changes_what_follows(): void {
  policy.open(2);
  trace.start();
  logged = 0;
  scene(2);
  drain();
  play(5000);
  trace.stop();
  policy.open(2);
  let differs: u32 = 0;
  for (let i: u64 = 1; i < logged && differs == 0; i++) {
    const record = changetype<Record>(LOG + <usize>i * RECORD_BYTES);
    if (record.call == CALL_SET && record.subject == 0) policy.set(0, 1024, 0, 0, record.now);
    else if (again(record) != record.answer) differs++;
    // From here on the calls would not fit the states any more.
  }
  assert(differs == 1, "a trace is more than a list that says what it is asked");
}

export function nothing_is_written_while_the_trace_is_off(): void {
  scene(2);
  for (let i: u32 = 0; i < 100; i++) machine.step(Infinity);
  assert(trace.count() == 0);
  trace.start();
  for (let i: u32 = 0; i < 100; i++) machine.step(Infinity);
  const count = trace.count();
  assert(count > 100);
  trace.stop();
  for (let i: u32 = 0; i < 100; i++) machine.step(Infinity);
  assert(trace.count() == count);
  trace.start();
  assert(trace.count() == 0);
}
