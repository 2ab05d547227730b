// Fresh pages of decoded code: made while other harts of the guest were executing elsewhere.
//
// Such a hart may have the frame in its write TLB from the time when it was data, and stores there unnoticed until it leaves.
// The guest may not rely on such stores being seen before a fence.i, so until then it is enough to forget what was decoded at
// each fence.i, and when a hart comes from another CPU; and once more when all those harts have left, which makes the page like
// any other. Translated code would be harder to forget: fresh pages are not translated.
//
//   in the CPU's page, at FRESH:  entries: page | guest | counts of its harts' presence, 0: was not inside

import { MAX_HARTS } from "../abi";
import { CPUS, CPU_STRIDE } from "../core/layout";
import { Guest, guestAt } from "../guest/guest";
import * as presence from "../guest/presence";
import * as code from "./code";
import { SLOTS, cacheOf } from "./code";

/** Behind what cpu/code.ts and cpu/run.ts have there, and before the CPU's account (core/cpus.ts). */
const FRESH: usize = 2048;
const ENTRY: usize = 16 + (<usize>MAX_HARTS << 2);
const FRESH_MAX: u32 = 42;
const FRAME: usize = 8;
const COUNTS: usize = 16;

if (FRESH + <usize>FRESH_MAX * ENTRY > 0x1000) ERROR("the fresh pages run into the account");

function at(cpu: u32, i: u32): usize {
  return CPUS + <usize>cpu * CPU_STRIDE + FRESH + <usize>i * ENTRY;
}

/** Notes a page that was just made for a hart of `guest`, if others execute. The longest listed one makes room. */
export function note(cpu: u32, guest: Guest, hart: u32, page: usize): void {
  if (!presence.hasOthers(guest, hart)) return;
  const cache = cacheOf(cpu);
  if (cache.fresh == FRESH_MAX) {
    if (isListed(at(cpu, 0))) code.drop(cpu, load<u32>(at(cpu, 0), FRAME));
    remove(cpu, 0);
  }
  const entry = at(cpu, cache.fresh++);
  store<u32>(entry, <u32>page);
  store<u32>(entry, guest.id, 4);
  store<u32>(entry, code.frameOf(page), FRAME);
  for (let i: u32 = 0; i < <u32>MAX_HARTS; i++) {
    const count = i < guest.harts && i != hart ? presence.countOf(guest, i) : 0;
    store<u32>(entry + (<usize>i << 2), count, COUNTS);
  }
}

/** Does the page still belong to the frame it was listed for? Else it was dropped. */
function isListed(entry: usize): bool {
  return code.frameOf(<usize>load<u32>(entry)) == load<u32>(entry, FRAME);
}

/** Keeps the order: the first is the one listed for longest. */
function remove(cpu: u32, i: u32): void {
  const cache = cacheOf(cpu);
  cache.fresh--;
  memory.copy(at(cpu, i), at(cpu, i + 1), <usize>(cache.fresh - i) * ENTRY);
}

/** Have all harts left that were executing when the page was made? */
function isSettled(entry: usize): bool {
  const guest = guestAt(load<u32>(entry, 4));
  for (let i: u32 = 0; i < guest.harts; i++) {
    if (!presence.hasLeft(guest, i, load<u32>(entry + (<usize>i << 2), COUNTS))) return false;
  }
  return true;
}

function forgetSlots(entry: usize): void {
  if (isListed(entry)) memory.fill(<usize>load<u32>(entry), 0, SLOTS);
}

/** Forgets what was decoded on fresh pages that nobody can write unnoticed any more; they are fresh no longer. */
export function settle(cpu: u32): void {
  for (let i = cacheOf(cpu).fresh; i > 0; i--) {
    const entry = at(cpu, i - 1);
    if (!isSettled(entry)) continue;
    forgetSlots(entry);
    remove(cpu, i - 1);
  }
}

/** What a fence.i asks for: what was stored before, by whomever, is what is decoded from now on. */
export function fence(cpu: u32): void {
  code.settle(cpu);
  settle(cpu);
  for (let i: u32 = 0; i < cacheOf(cpu).fresh; i++) forgetSlots(at(cpu, i));
}

/** Is the page fresh? */
export function has(cpu: u32, page: usize): bool {
  for (let i: u32 = 0; i < cacheOf(cpu).fresh; i++) if (load<u32>(at(cpu, i)) == <u32>page && isListed(at(cpu, i))) return true;
  return false;
}
