// A guest that has taken all frames of the machine, and gives them back one by one: what is left for the others then.

import { Guest, RAM_BASE, guestAt } from "../../../hypervisor/guest/guest";
import * as ram from "../../../hypervisor/guest/ram";

/** Its number, and pages of its RAM: more than the test machine has frames. */
const ID: u32 = 40;
const PAGES: u32 = 1 << 16;

function hog(): Guest {
  const guest = guestAt(ID);
  guest.id = ID;
  guest.ramPages = PAGES;
  return guest;
}

function gpaOf(page: u32): u64 {
  return RAM_BASE + (<u64>page << 12);
}

/** Takes all frames that there are. */
export function eat(): void {
  const guest = hog();
  for (let i: u32 = 0; i < PAGES; i++) if (ram.pageForRead(guest, gpaOf(i)) == 0) return;
  assert(false, "the machine is larger than the hog");
}

/** Gives `count` frames back. */
export function give(count: u32): void {
  const guest = hog();
  for (let i: u32 = 0; i < PAGES && count > 0; i++) if (ram.discard(guest, gpaOf(i), 1) == 1) count--;
  assert(count == 0, "the hog has no more");
}

/** A page of another guest loses its frame, which the hog takes. */
export function takeFrom(guest: Guest, gpa: u64): void {
  assert(ram.discard(guest, gpa & ~0xfff, 1) == 1);
  eat();
}
