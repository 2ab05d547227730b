// Notes about written frames, and posts to harts: each CPU hears of all of them.

import * as frames from "../../../hypervisor/core/frames";
import { STALE_MAX } from "../../../hypervisor/core/machine";
import * as stale from "../../../hypervisor/core/stale";
import * as code from "../../../hypervisor/cpu/code";
import { guestAt } from "../../../hypervisor/guest/guest";
import * as lines from "../../../hypervisor/guest/lines";
import { CPUS, WORDS, add, boot, finish, finished, makeGuest, meet } from "./crowd";

const FRAMES: u32 = 60;
const ROUNDS: u32 = 200;

function frame(i: u32): u32 {
  return load<u32>(WORDS + (<usize>i << 2));
}

function take(): void {
  boot();
  for (let i: u32 = 0; i < FRAMES; i++) store<u32>(WORDS + (<usize>i << 2), frames.take());
}

export function each_CPU_drops_the_code_of_each_frame_that_is_written__before(): void {
  take();
}

export function each_CPU_drops_the_code_of_each_frame_that_is_written__on(cpu: u32): void {
  for (let round: u32 = 0; round < ROUNDS; round++) {
    for (let i: u32 = 0; i < FRAMES; i++) code.pageOf(cpu, frame(i));
    meet();
    // Each writes to a third of them: devices do, or harts, which see to their own code.
    for (let i = cpu; i < FRAMES; i += CPUS) {
      if ((round & 1) == 0) {
        frames.written(frame(i));
      } else {
        frames.writtenOn(frame(i), cpu);
        assert(code.slotOf(cpu, frame(i), 0) != 0);
      }
    }
    meet();
    code.settle(cpu);
    assert(!code.isBehind(cpu));
    for (let i: u32 = 0; i < FRAMES; i++) {
      const isKept = (round & 1) != 0 && i % CPUS == cpu;
      assert(code.slotOf(cpu, frame(i), 0) != 0 == isKept);
    }
    for (let i = cpu; i < FRAMES; i += CPUS) code.drop(cpu, frame(i));
    meet();
    for (let i: u32 = 0; i < FRAMES; i++) assert(!frames.hasCode(frame(i)));
    meet();
  }
}

export function each_CPU_drops_the_code_of_each_frame_that_is_written__after(): void {
  assert(stale.count() == FRAMES * ROUNDS);
}

export function a_CPU_that_missed_notes_drops_all_it_has__before(): void {
  take();
}

export function a_CPU_that_missed_notes_drops_all_it_has__on(cpu: u32): void {
  for (let round: u32 = 0; round < 20; round++) {
    for (let i: u32 = 0; i < FRAMES; i++) code.pageOf(cpu, frame(i));
    meet();
    if (cpu == 0) {
      frames.written(frame(round));
      for (let i: u32 = 0; i < STALE_MAX + round; i++) stale.note(1, stale.ALL_CPUS);
      frames.written(frame(round + 1));
    } else if ((round & 1) != 0) {
      // One that reads meanwhile may keep up, but must not overlook any.
      code.settle(cpu);
    }
    meet();
    code.settle(cpu);
    assert(code.slotOf(cpu, frame(round), 0) == 0 && code.slotOf(cpu, frame(round + 1), 0) == 0);
    assert(cpu != 0 || code.slotOf(cpu, frame(0), 0) == 0 && code.slotOf(cpu, frame(FRAMES - 1), 0) == 0);
    meet();
  }
}

export function a_CPU_that_missed_notes_drops_all_it_has__after(): void {
  assert(stale.count() > 20 * STALE_MAX);
}

const POSTS: u32 = 20_000;

export function no_post_is_lost__before(): void {
  boot();
  makeGuest(0, 1, 16);
}

/** CPU 0 takes what the others post, each its own bit, again as soon as it was taken. */
export function no_post_is_lost__on(cpu: u32): void {
  const guest = guestAt(0);
  meet();
  if (cpu != 0) {
    for (let i: u32 = 0; i < POSTS; i++) {
      lines.post(guest, 0, 1 << cpu);
      lines.setWires(guest, 0, 1 << cpu, (i & 1) == 0);
      assert((lines.wires(guest, 0) >> cpu & 1) == (i & 1 ^ 1));
      while (atomic.load<u32>(WORDS + (<usize>cpu << 2)) != i + 1);
    }
    finish();
    return;
  }
  while (finished() < CPUS - 1) {
    const bits = lines.takePosted(guest, 0);
    for (let i: u32 = 1; i < CPUS; i++) if ((bits >> i & 1) != 0) add(WORDS + (<usize>i << 2), 1);
  }
}

export function no_post_is_lost__after(): void {
  for (let i: u32 = 1; i < CPUS; i++) assert(load<u32>(WORDS + (<usize>i << 2)) == POSTS);
  assert(lines.posted(guestAt(0), 0) == 0 && lines.wires(guestAt(0), 0) == 0);
}
