// Pages that are alike share a frame; who writes one has his own again.

import { GUEST_NONE, OK } from "../../../../hypervisor/abi";
import { cpuAt } from "../../../../hypervisor/core/cpus";
import * as frames from "../../../../hypervisor/core/frames";
import { machine } from "../../../../hypervisor/core/machine";
import * as stale from "../../../../hypervisor/core/stale";
import { DEVICE_VIRTIO_BLK } from "../../../../hypervisor/devices/device";
import { Blk } from "../../../../hypervisor/devices/virtio/blk";
import { Guest, acquire, guestAt, release } from "../../../../hypervisor/guest/guest";
import * as promises from "../../../../hypervisor/guest/promises";
import * as ram from "../../../../hypervisor/guest/ram";
import * as settings from "../../../../hypervisor/vmm/memory/settings";
import * as sharing from "../../../../hypervisor/vmm/memory/sharing";
import { state } from "../../../../hypervisor/vmm/memory/state";
import { sumOf } from "../../../../hypervisor/vmm/memory/sum";
import { add } from "../../../support/kernel/driver";
import { makeDisk } from "../../../support/kernel/outside";
import { gpaOf, guestWith, holds, isBalanced, machineWith, touch, write } from "./fleet";

const PAGES: u32 = 1024;

/** Two guests with the same 200 pages, 100 each of their own, and 50 of zeroes. */
function twins(): void {
  machineWith(4000);
  for (let id: u32 = 0; id < 2; id++) {
    const guest = guestWith(id, PAGES);
    for (let page: u32 = 0; page < 200; page++) write(guest, page, 1000 + page);
    for (let page: u32 = 200; page < 300; page++) write(guest, page, 10_000 * (id + 1) + page);
    touch(guest, 300, 50);
  }
}

/** Looks at everything so often that whatever does not change is found. */
function search(): void {
  for (let i = 0; i < 60; i++) sharing.step(256);
}

function areRight(one: Guest, two: Guest): bool {
  for (let page: u32 = 0; page < 350; page++) {
    const seed: u64 = page < 200 ? 1000 + page : page < 300 ? 10_000 + page : 0;
    const other: u64 = page < 200 || page >= 300 ? seed : 20_000 + page;
    if (!holds(one, page, seed) || !holds(two, page, other)) return false;
  }
  return true;
}

/** Is there a note that the frame's decoded code is no longer true? */
function isNoted(frame: u32): bool {
  for (let i: u32 = 0; i < stale.count(); i++) if (stale.at(i, 0) == frame) return true;
  return false;
}

function guest(id: u32): Guest {
  return guestAt(id);
}

export function guests_with_the_same_pages_share_them_and_zeroes_take_no_frame(): void {
  twins();
  const before = machine().usedFrames;
  search();
  assert(machine().usedFrames == before - 200 - 100);
  assert(promises.sharing(guest(0)) == 200 && promises.sharing(guest(1)) == 200);
  assert(machine().sharedFrames == 200);
  assert(state().merged == 200 && state().dropped == 100);
  assert(guest(0).touched == 300);
  assert(isBalanced(2));
  assert(areRight(guest(0), guest(1)));
}

/** Steps of the search, each when it is due; ns until all twins' pages are shared. */
function searchFor(steps: u32): f64 {
  const s = state();
  const start = s.sharingDue;
  for (let i: u32 = 0; i < steps && s.merged < 200; i++) sharing.tick(cpuAt(0), s.sharingDue);
  return s.sharingDue - start;
}

export function the_first_look_at_young_guests_does_not_slow_the_search_down(): void {
  twins();
  const ns = searchFor(100);
  assert(state().merged == 200);
  // Two rounds of six steps of 10 ms each, and not the second with twice as much time between.
  assert(ns <= 130e6);
}

export function the_search_slows_down_where_there_is_nothing_to_find(): void {
  machineWith(4000);
  for (let id: u32 = 0; id < 2; id++) {
    const guest = guestWith(id, PAGES);
    for (let page: u32 = 0; page < 300; page++) write(guest, page, 10_000 * (id + 1) + page);
  }
  searchFor(100);
  assert(state().merged == 0 && state().sharingStepNs == 160e6);
  for (let page: u32 = 0; page < 200; page++) write(guest(0), page, 20_000 + page);
  searchFor(100);
  assert(state().merged == 200);
}

export function a_page_that_is_written_is_its_guests_own_again(): void {
  twins();
  search();
  const used = machine().usedFrames;
  for (let page: u32 = 0; page < 50; page++) write(guest(0), page, 5);
  assert(machine().usedFrames == used + 50);
  for (let page: u32 = 0; page < 50; page++) assert(holds(guest(0), page, 5) && holds(guest(1), page, 1000 + page));
  // The other one is alone with its frame now; it may take it for its own or get a new one, but no more.
  for (let page: u32 = 0; page < 50; page++) write(guest(1), page, 1000 + page);
  assert(machine().usedFrames == used + 50);
  assert(promises.sharing(guest(1)) == 150);
  for (let page: u32 = 0; page < 50; page++) write(guest(0), page, 1000 + page);
  assert(areRight(guest(0), guest(1)));
  assert(isBalanced(2));
  search();
  assert(promises.sharing(guest(0)) == 200 && machine().usedFrames == used);
}

export function many_guests_share_one_frame(): void {
  machineWith(4000);
  for (let id: u32 = 0; id < 20; id++) for (let page: u32 = 0; page < 20; page++) write(guestWith(id, PAGES), page, 77);
  for (let i = 0; i < 200; i++) sharing.step(256);
  assert(machine().sharedFrames == 1);
  assert(machine().usedFrames == 20 + 1);
  assert(frames.references(ram.wordOf(guest(3), gpaOf(3)) >> 12) == 400);
  for (let id: u32 = 0; id < 20; id++) ram.clear(guest(id));
  assert(machine().usedFrames == 0 && machine().sharedFrames == 0 && machine().committedFrames == 0);
}

export function a_page_that_changes_between_two_looks_is_left_alone(): void {
  twins();
  for (let i: u64 = 0; i < 60; i++) {
    write(guest(0), 7, 1000 + 7 + (i & 1));
    sharing.step(256);
  }
  assert(frames.references(ram.wordOf(guest(0), gpaOf(7)) >> 12) == 1);
  assert(holds(guest(1), 7, 1007));
}

export function pages_that_only_have_the_same_checksum_stay_apart(): void {
  twins();
  const one = ram.wordOf(guest(0), gpaOf(0)) >> 12;
  // Rotate and multiply: what a change of the first word does to its chain the next word of that chain can take back.
  const ptr = frames.address(one);
  const prime: u64 = 0x9e37_79b9_7f4a_7c15;
  const was = rotl<u64>(1 ^ load<u64>(ptr), 29) * prime;
  store<u64>(ptr, load<u64>(ptr) ^ 0xdead_beef);
  const now = rotl<u64>(1 ^ load<u64>(ptr), 29) * prime;
  store<u64>(ptr, load<u64>(ptr, 32) ^ was ^ now, 32);
  const two = ram.wordOf(guest(1), gpaOf(0)) >> 12;
  assert(sumOf(ptr) == sumOf(frames.address(two)), "the test has made a collision");
  search();
  assert(ram.wordOf(guest(0), gpaOf(0)) >> 12 == one);
  assert(frames.references(one) == 1);
  assert(holds(guest(1), 0, 1000));
  assert(state().merged == 199);
}

export function a_guest_that_does_not_want_it_shares_nothing(): void {
  twins();
  const used = machine().usedFrames;
  const quiet = guest(1);
  settings.setSharing(quiet, false);
  for (let i = 0; i < 60; i++) sharing.step(256);
  assert(promises.sharing(quiet) == 0 && quiet.touched == 350);
  assert(machine().usedFrames == used - 50, "zeroes of the one that does not mind");
}

export function guests_with_transfers_or_held_by_another_cpu_are_left_alone(): void {
  twins();
  const used = machine().usedFrames;
  makeDisk(0, 1 << 20, 0);
  const blk = changetype<Blk>(add(guest(0), DEVICE_VIRTIO_BLK, 0));
  blk.underWay = 1;
  acquire(guest(1));
  search();
  release(guest(1));
  search();
  assert(promises.sharing(guest(0)) == 0 && promises.sharing(guest(1)) == 0);
  assert(machine().usedFrames == used - 50, "zeroes of the one without transfers");
  blk.underWay = 0;
  search();
  assert(promises.sharing(guest(0)) == 200);
}

export function the_frame_that_stays_keeps_its_code_and_the_one_that_goes_is_told_of(): void {
  twins();
  const one = ram.wordOf(guest(0), gpaOf(3)) >> 12;
  const two = ram.wordOf(guest(1), gpaOf(3)) >> 12;
  frames.setCode(one, 0);
  frames.setCode(two, 0);
  search();
  const stays = ram.wordOf(guest(0), gpaOf(3)) >> 12;
  const goes = stays == one ? two : one;
  assert((stays == one || stays == two) && ram.wordOf(guest(1), gpaOf(3)) >> 12 == stays);
  assert(frames.hasCode(stays) && !frames.hasCode(goes));
  assert(isNoted(goes) && !isNoted(stays));
  // Who writes the page has a frame without code; the other's code stays.
  write(guest(1), 3, 77);
  assert(ram.wordOf(guest(1), gpaOf(3)) >> 12 != stays && frames.hasCode(stays));
  assert(holds(guest(0), 3, 1003) && holds(guest(1), 3, 77));
}

export function sharing_does_not_eat_what_is_promised(): void {
  // Both are within their guarantee: a frame that is shared is one more than what is promised to them.
  machineWith(702);
  const one = guestWith(0, PAGES);
  const two = guestWith(1, PAGES);
  assert(settings.setGuarantee(one, 350) == OK && settings.setGuarantee(two, 349) == OK);
  for (let page: u32 = 0; page < 300; page++) {
    write(one, page, 1000 + page);
    write(two, page, 1000 + page);
  }
  for (let i = 0; i < 60; i++) sharing.step(256);
  assert(machine().sharedFrames == 1);
  assert(isBalanced(2));
  for (let page: u32 = 0; page < 350; page++) write(one, page, 1);
  for (let page: u32 = 0; page < 349; page++) write(two, page, 2);
  assert(isBalanced(2));
}

export function the_search_comes_round_though_a_guest_goes_away_under_it(): void {
  twins();
  sharing.step(100);
  sharing.step(100);
  guest(0).state = GUEST_NONE;
  ram.clear(guest(0));
  search();
  assert(guest(1).touched == 300);
  assert(holds(guest(1), 3, 1003));
}
