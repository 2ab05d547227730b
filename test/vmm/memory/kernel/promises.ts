// Guarantees: what is promised to one guest nobody else gets, whatever he does.

import { E_BAD_ARG, E_NO_MEMORY, OK, SET_GUARANTEE, SET_SHARING, SET_TARGET } from "../../../../hypervisor/abi";
import { machine } from "../../../../hypervisor/core/machine";
import { hartAt } from "../../../../hypervisor/cpu/hart";
import * as promises from "../../../../hypervisor/guest/promises";
import * as ram from "../../../../hypervisor/guest/ram";
import * as settings from "../../../../hypervisor/vmm/memory/settings";
import * as starvation from "../../../../hypervisor/vmm/memory/starvation";
import { balloonFor, gpaOf, guestWith, isBalanced, machineWith, touch } from "./fleet";

export function a_guarantee_is_kept_though_another_guest_takes_all_it_can(): void {
  machineWith(1000);
  const good = guestWith(0, 800);
  const bad = guestWith(1, 2048);
  assert(settings.setGuarantee(good, 600) == OK);
  // 600 pages and a leaf are promised; the other needs two leaves itself.
  assert(touch(bad, 0, 2048) == 1000 - 601 - 1);
  assert(bad.starved == 1 && good.starved == 0);
  assert(promises.spare() == 0);
  assert(touch(good, 0, 600) == 600);
  assert(touch(good, 600, 1) == 0, "beyond its guarantee it gets no more than others");
  assert(isBalanced(2));
}

export function frames_that_come_back_are_first_those_that_are_promised(): void {
  machineWith(1000);
  const good = guestWith(0, 800);
  const bad = guestWith(1, 2048);
  settings.setGuarantee(good, 600);
  touch(good, 0, 600);
  touch(bad, 0, 2048);
  assert(ram.discard(good, gpaOf(0), 100) == 100);
  assert(touch(bad, 1500, 1) == 0);
  assert(touch(good, 0, 100) == 100);
  // What a guest gives back beyond its promise anyone may have.
  assert(ram.discard(bad, gpaOf(0), 50) == 50);
  assert(touch(good, 600, 200) == 50);
  assert(isBalanced(2));
}

export function a_guarantee_that_the_machine_does_not_have_is_refused(): void {
  machineWith(1000);
  const one = guestWith(0, 900);
  const two = guestWith(1, 900);
  assert(settings.setGuarantee(one, 901) == E_BAD_ARG);
  assert(settings.setGuarantee(one, 600) == OK);
  assert(settings.setGuarantee(two, 400) == E_NO_MEMORY);
  assert(two.guarantee == 0);
  assert(settings.setGuarantee(two, 398) == OK);
  assert(settings.setGuarantee(one, 601) == E_NO_MEMORY && one.guarantee == 600);
  assert(settings.setGuarantee(one, 0) == OK);
  assert(settings.setGuarantee(two, 900) == OK);
}

export function what_a_guest_has_already_counts_for_its_guarantee(): void {
  machineWith(1000);
  const one = guestWith(0, 900);
  const two = guestWith(1, 900);
  touch(one, 0, 500);
  touch(two, 0, 400);
  assert(settings.setGuarantee(one, 500) == OK);
  assert(settings.setGuarantee(two, 499) == E_NO_MEMORY);
  assert(settings.setGuarantee(two, 498) == OK);
  assert(promises.promised(two) == 98 && promises.promised(one) == 0);
}

export function a_guest_that_goes_leaves_no_promise_behind(): void {
  machineWith(1000);
  const one = guestWith(0, 900);
  settings.setGuarantee(one, 700);
  touch(one, 0, 900);
  ram.clear(one);
  promises.setGuarantee(one, 0);
  assert(machine().committedFrames == 0 && machine().usedFrames == 0 && one.owned == 0 && one.leaves == 0);
}

export function a_hart_that_is_starved_goes_on_when_frames_come_back(): void {
  machineWith(1000);
  const one = guestWith(0, 2048);
  const two = guestWith(1, 2048);
  const hart = hartAt(one, 0);
  touch(two, 0, 700);
  touch(one, 0, 2048);
  assert(!starvation.isHeld(one, hart), "it has not been told to wait");
  starvation.hold(hart);
  assert(starvation.isStarved(one) && starvation.isHeld(one, hart));
  ram.discard(two, gpaOf(0), 10);
  assert(!starvation.isHeld(one, hart));
}

export function settings_of_memory_are_bytes_and_checked(): void {
  machineWith(1000);
  const guest = guestWith(0, 800);
  const balloon = balloonFor(guest);
  assert(settings.set(guest, SET_GUARANTEE, -1) == E_BAD_ARG);
  assert(settings.set(guest, SET_GUARANTEE, NaN) == E_BAD_ARG);
  assert(settings.set(guest, SET_GUARANTEE, 801 * 4096) == E_BAD_ARG);
  assert(settings.set(guest, SET_GUARANTEE, 4097) == OK && guest.guarantee == 2);
  assert(settings.set(guest, SET_TARGET, 0) == E_BAD_ARG);
  assert(settings.set(guest, SET_TARGET, 500 * 4096) == OK && guest.target == 500 && balloon.asked == 300);
  assert(settings.set(guest, SET_SHARING, 2) == E_BAD_ARG);
  assert(settings.set(guest, SET_SHARING, 0) == OK && guest.sharing == 0);
}
