// The pool: taken, shared and released by all CPUs at once.

import { PAGE_SIZE } from "../../../hypervisor/abi";
import * as frames from "../../../hypervisor/core/frames";
import { machine } from "../../../hypervisor/core/machine";
import { CPUS, SCRATCH, WORDS, boot, meet } from "./crowd";

const HELD: u32 = 24;
const ROUNDS: u32 = 400;

export function frames_are_zero_and_nobody_elses_when_taken__before(): void {
  boot();
}

export function frames_are_zero_and_nobody_elses_when_taken__on(cpu: u32): void {
  const list = SCRATCH + <usize>cpu * PAGE_SIZE;
  meet();
  for (let round: u32 = 1; round <= ROUNDS; round++) {
    for (let i: u32 = 0; i < HELD; i++) {
      const frame = frames.take();
      assert(frame != 0 && frames.references(frame) == 1);
      const ptr = frames.address(frame);
      for (let at: usize = 0; at < <usize>PAGE_SIZE; at += 8) assert(load<u64>(ptr + at) == 0);
      memory.fill(ptr, <u8>(cpu + 1), PAGE_SIZE);
      if ((i & 1) != 0) frames.share(frame);
      store<u32>(list + (<usize>i << 2), frame);
    }
    for (let i: u32 = 0; i < HELD; i++) {
      const frame = load<u32>(list + (<usize>i << 2));
      const ptr = frames.address(frame);
      for (let at: usize = 0; at < <usize>PAGE_SIZE; at += 8) assert(load<u64>(ptr + at) == 0x0101010101010101 * <u64>(cpu + 1));
      if ((i & 1) != 0) frames.release(frame);
      frames.release(frame);
    }
  }
}

export function frames_are_zero_and_nobody_elses_when_taken__after(): void {
  assert(machine().usedFrames == 0);
  assert(machine().freshFrame - machine().firstFrame <= HELD * CPUS);
}

export function owners_of_one_frame_are_counted__before(): void {
  boot();
  store<u32>(WORDS, frames.take());
}

export function owners_of_one_frame_are_counted__on(cpu: u32): void {
  const frame = load<u32>(WORDS);
  meet();
  for (let i = 0; i < 100_000; i++) {
    frames.share(frame);
    assert(frames.tryShare(frame));
    if ((i & 7) == 0) {
      frames.setCode(frame, cpu);
      frames.clearCode(frame, cpu);
    }
    frames.release(frame);
    frames.release(frame);
  }
}

export function owners_of_one_frame_are_counted__after(): void {
  const frame = load<u32>(WORDS);
  assert(frames.references(frame) == 1 && !frames.hasCode(frame));
  frames.release(frame);
  assert(machine().usedFrames == 0 && !frames.tryShare(frame));
}
