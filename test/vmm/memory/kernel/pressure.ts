// Balloons while the machine is short: who is asked for what, and what becomes of those who do not listen.

import { machine } from "../../../../hypervisor/core/machine";
import * as bus from "../../../../hypervisor/devices/bus";
import { Balloon } from "../../../../hypervisor/devices/virtio/balloon";
import { Guest } from "../../../../hypervisor/guest/guest";
import * as promises from "../../../../hypervisor/guest/promises";
import * as ram from "../../../../hypervisor/guest/ram";
import * as pressure from "../../../../hypervisor/vmm/memory/pressure";
import * as settings from "../../../../hypervisor/vmm/memory/settings";
import { start } from "../../../support/kernel/driver";
import { balloonFor, gpaOf, guestWith, isBalanced, machineWith, touch } from "./fleet";

/** Frames of the test machine: 1/32 of them are 1024, 1/16 are 2048. */
const FRAMES: u32 = 32768;
const HIGH: u32 = 2048;
const RAM: u32 = 20000;

/** A guest whose driver listens, and that has touched so many pages. Its rings lie within them. */
function guestThatHas(id: u32, pages: u32): Guest {
  const guest = guestWith(id, RAM);
  assert(touch(guest, 0, pages) == pages);
  start(guest, balloonFor(guest), 4, 8);
  return guest;
}

function balloonOf(guest: Guest): Balloon {
  const balloon = bus.balloonOf(guest);
  assert(balloon != null);
  return changetype<Balloon>(balloon);
}

/** Pages that the guest is asked to keep. */
function keeps(guest: Guest): u32 {
  return RAM - balloonOf(guest).asked;
}

/** A guest that listens gives all it is asked for, from the end of what it has. */
function obey(guest: Guest): void {
  while (guest.touched > keeps(guest)) ram.discard(guest, gpaOf(guest.touched - 1), 1);
}

export function nobody_is_asked_while_there_is_room(): void {
  machineWith(FRAMES);
  const guest = guestThatHas(0, 15000);
  pressure.look();
  assert(balloonOf(guest).asked == 0);
}

export function a_short_machine_asks_each_guest_by_what_it_has_above_its_guarantee_and_its_weight(): void {
  machineWith(FRAMES);
  const one = guestThatHas(0, 11000);
  const two = guestThatHas(1, 11000);
  const three = guestThatHas(2, 10100);
  settings.setGuarantee(one, 7000); // 4000 above
  settings.setGuarantee(two, 9000); // 2000 above, and half the weight
  settings.setGuarantee(three, 10100); // nothing
  two.weight = 128;
  const missing = HIGH - promises.spare();
  assert(missing > 1000 && missing < 2048);
  pressure.look();
  assert(balloonOf(three).asked == 0);
  const first: u32 = 11000 - keeps(one);
  const second: u32 = 11000 - keeps(two);
  assert(first + second <= missing && first + second + 2 >= missing);
  assert(first <= second + 1 && second <= first + 1, "4000 / 256 are as much as 2000 / 128");
  obey(one);
  obey(two);
  assert(promises.spare() >= HIGH - 4);
  assert(isBalanced(3));
}

export function a_guest_is_never_asked_for_its_guarantee(): void {
  machineWith(FRAMES);
  const small = guestThatHas(0, 12000);
  const large = guestThatHas(1, 20000);
  settings.setGuarantee(small, 11990);
  settings.setGuarantee(large, 19900);
  for (let i = 0; i < 10; i++) {
    pressure.look();
    obey(small);
    obey(large);
  }
  assert(small.touched >= 11990 && large.touched >= 19900);
}

export function a_guest_that_refuses_leaves_the_others_what_they_are_promised(): void {
  machineWith(FRAMES);
  const deaf = guestThatHas(0, 18000);
  const good = guestThatHas(1, 5000);
  assert(settings.setGuarantee(good, 14000) == 0);
  for (let i = 0; i < 20; i++) {
    touch(deaf, 0, RAM);
    pressure.look();
    obey(good);
  }
  assert(deaf.touched < RAM - 1000);
  assert(balloonOf(deaf).asked > 0);
  assert(touch(good, 0, 14000) == 14000);
  assert(isBalanced(2));
}

export function what_was_asked_for_is_let_go_step_by_step_when_there_is_room(): void {
  machineWith(FRAMES);
  const one = guestThatHas(0, 17000);
  const two = guestThatHas(1, 15000);
  pressure.look();
  obey(one);
  obey(two);
  const squeezed = balloonOf(one).asked;
  assert(squeezed > 0);
  ram.discard(two, gpaOf(1000), 12000);
  let steps = 0;
  let last = squeezed;
  while (balloonOf(one).asked != 0 && steps < 100) {
    pressure.look();
    assert(balloonOf(one).asked <= last);
    last = balloonOf(one).asked;
    steps++;
  }
  assert(steps > 1 && steps < 100);
}

export function what_the_host_asks_for_stays_when_pressure_goes(): void {
  machineWith(FRAMES);
  const guest = guestThatHas(0, 100);
  settings.setTarget(guest, 15000);
  assert(balloonOf(guest).asked == 5000);
  for (let i = 0; i < 5; i++) pressure.look();
  assert(balloonOf(guest).asked == 5000);
  settings.setTarget(guest, RAM);
  assert(balloonOf(guest).asked == 0);
  assert(machine().committedFrames < 200);
}
