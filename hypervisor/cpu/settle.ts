// Brings a hart in line with what happened elsewhere: fences posted, code dropped, frames moved, frames become code.

import { Guest } from "../guest/guest";
import * as code from "./code";
import * as fences from "./fences";
import * as fresh from "./fresh";
import { Hart } from "./hart";
import * as spaces from "./spaces";
import * as tlb from "./tlb";

/** A hart that executed elsewhere takes nothing along that belongs to the other CPU. */
function arrive(hart: Hart, cpu: u32): void {
  hart.cpu = cpu + 1;
  tlb.emptyFetches(hart);
  spaces.arrive(hart);
  hart.site = 0;
  hart.sharedMiss = 0;
  // Its last fence.i was for the other CPU's code.
  fresh.fence(cpu);
}

/** The hart enters guest code: its presence is known, so whatever happens from now on waits for it to leave, or is seen here. */
export function enter(hart: Hart, guest: Guest, cpu: u32): void {
  hart.hasSiblings = guest.harts > 1 ? 1 : 0;
  if (hart.cpu != cpu + 1) arrive(hart, cpu);
  all(hart, guest, cpu);
}

/** All of it. Decoded pages, pointers into RAM and translations that were found before are void. */
export function all(hart: Hart, guest: Guest, cpu: u32): void {
  if (fences.areWaiting(hart)) fences.absorb(hart, cpu);
  code.settle(cpu);
  if (code.cacheOf(cpu).fresh != 0) fresh.settle(cpu);
  codeOf(hart, cpu);
  const generation = guest.mapGeneration;
  if (hart.mapGeneration != generation) {
    hart.mapGeneration = generation;
    tlb.flush(hart);
  }
}

/** What the code cache has to say. */
export function codeOf(hart: Hart, cpu: u32): void {
  const generation = code.cacheOf(cpu).generation;
  if (hart.codeGeneration != generation) {
    hart.codeGeneration = generation;
    tlb.flushFetches(hart);
  }
  const marks = code.marks();
  if (hart.codeMarks != marks) {
    hart.codeMarks = marks;
    tlb.flushWrites(hart);
  }
}
