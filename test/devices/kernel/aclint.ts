// The timer and software interrupts of firmware mode.

import * as aclint from "../../../hypervisor/devices/aclint";
import { Aclint } from "../../../hypervisor/devices/aclint";
import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_ACLINT } from "../../../hypervisor/devices/device";
import * as lines from "../../../hypervisor/guest/lines";
import { add, get, makeGuest, set } from "../../support/kernel/driver";
import { setNow } from "../../support/kernel/outside";

const MSIP: u32 = 1 << 3;
const MTIP: u32 = 1 << 7;

export function aclint_shows_guest_time_in_ticks_of_100_ns(): void {
  const guest = makeGuest(0);
  const device = add(guest, DEVICE_ACLINT, 0);
  guest.timeOffset = 5000;
  setNow(5000 + 100 * 4294967299.0);
  assert(bus.read(guest, device, 0xbff8, 8) == 4294967299);
  assert(get(guest, device, 0xbff8) == 3);
  assert(get(guest, device, 0xbffc) == 1);
  set(guest, device, 0xbff8, 7);
  assert(get(guest, device, 0xbff8) == 3, "the clock is not the guest's to set");
}

export function aclint_raises_the_timer_wire_when_its_time_has_come(): void {
  const guest = makeGuest(0);
  const device = add(guest, DEVICE_ACLINT, 0);
  guest.timeOffset = 1000;
  bus.write(guest, device, 0x4008, 8, 50);
  assert(lines.wires(guest, 1) == 0);
  assert(aclint.deadlineNs(guest, changetype<Aclint>(device), 1) == 6000);
  assert(bus.deadlineNs(guest) == 6000);
  setNow(5999);
  bus.tick(guest);
  assert(lines.wires(guest, 1) == 0);
  setNow(6000);
  bus.tick(guest);
  assert(lines.wires(guest, 1) == MTIP);
  assert(lines.wires(guest, 0) == 0);
  bus.write(guest, device, 0x4008, 8, 51);
  assert(lines.wires(guest, 1) == 0, "a later deadline lowers the wire at once");
}

export function aclint_takes_a_deadline_in_two_halves(): void {
  const guest = makeGuest(0);
  const device = add(guest, DEVICE_ACLINT, 0);
  assert(aclint.deadlineNs(guest, changetype<Aclint>(device), 0) == Infinity);
  set(guest, device, 0x4000, 7);
  set(guest, device, 0x4004, 2);
  assert(bus.read(guest, device, 0x4000, 8) == (<u64>2 << 32) + 7);
  assert(get(guest, device, 0x4004) == 2);
}

export function aclint_drives_software_interrupts(): void {
  const guest = makeGuest(0);
  const device = add(guest, DEVICE_ACLINT, 0);
  set(guest, device, 4, 0xffff_ffff);
  assert(lines.wires(guest, 1) == MSIP);
  assert(get(guest, device, 4) == 1);
  assert(get(guest, device, 0) == 0);
  set(guest, device, 4, 0);
  assert(lines.wires(guest, 1) == 0);
}

export function aclint_has_nothing_for_harts_that_are_not_there(): void {
  const guest = makeGuest(0);
  const device = add(guest, DEVICE_ACLINT, 0);
  set(guest, device, 8, 1);
  bus.write(guest, device, 0x4010, 8, 0);
  assert(bus.read(guest, device, 0x4010, 8) == 0);
  assert(bus.read(guest, device, 0x4000, 1) == 0);
  assert(guest.offences == 4);
  for (let i: u32 = 0; i < 8; i++) assert(lines.wires(guest, i) == 0);
}
