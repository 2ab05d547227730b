// The power switch leaves a note in the guest's head.

import { STOP_NONE, STOP_PANIC, STOP_POWEROFF } from "../../../hypervisor/abi";
import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_POWER } from "../../../hypervisor/devices/device";
import { add, get, makeGuest, set } from "../../support/kernel/driver";

export function power_switches_off(): void {
  const guest = makeGuest(0);
  set(guest, add(guest, DEVICE_POWER, 0), 0, 0x5555);
  assert(guest.stop == STOP_POWEROFF);
  assert(guest.stopCode == 0);
}

export function power_tells_a_failure_with_its_code(): void {
  const guest = makeGuest(0);
  set(guest, add(guest, DEVICE_POWER, 0), 0, 0x0007_3333);
  assert(guest.stop == STOP_PANIC);
  assert(guest.stopCode == 7);
}

export function power_asks_for_a_reset(): void {
  const guest = makeGuest(0);
  set(guest, add(guest, DEVICE_POWER, 0), 0, 0x7777);
  assert(guest.resetAsked == 1);
  assert(guest.stop == STOP_NONE);
}

export function power_ignores_other_words(): void {
  const guest = makeGuest(0);
  const power = add(guest, DEVICE_POWER, 0);
  set(guest, power, 0, 0x1234);
  set(guest, power, 4, 0x5555);
  bus.write(guest, power, 0, 1, 0x55);
  assert(guest.stop == STOP_NONE);
  assert(guest.resetAsked == 0);
  assert(guest.offences == 3);
  assert(get(guest, power, 0) == 0);
}
