// The clock shows the host's wall time, may be set, and rings once.

import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_RTC, Device } from "../../../hypervisor/devices/device";
import { Guest } from "../../../hypervisor/guest/guest";
import * as lines from "../../../hypervisor/guest/lines";
import { add, get, makeGuest, set } from "../../support/kernel/driver";
import { setNow, setWall } from "../../support/kernel/outside";

const WALL: u64 = 1_700_000_000_000_000_000;

function time(guest: Guest, rtc: Device): u64 {
  const low: u64 = get(guest, rtc, 0);
  return <u64>get(guest, rtc, 4) << 32 | low;
}

function setAlarm(guest: Guest, rtc: Device, at: u64): void {
  set(guest, rtc, 0x0c, <u32>(at >> 32));
  set(guest, rtc, 0x08, <u32>at);
}

export function rtc_shows_wall_time_with_both_words_belonging_together(): void {
  const guest = makeGuest(0);
  const rtc = add(guest, DEVICE_RTC, 0);
  setWall(<f64>WALL);
  assert(time(guest, rtc) == WALL);
  const low: u64 = get(guest, rtc, 0);
  setWall(<f64>(WALL + (<u64>1 << 40)));
  assert((<u64>get(guest, rtc, 4) << 32 | low) == WALL, "the high word is that of the last low word");
}

export function rtc_can_be_set_and_goes_on_from_there(): void {
  const guest = makeGuest(0);
  const rtc = add(guest, DEVICE_RTC, 0);
  setWall(<f64>WALL);
  set(guest, rtc, 4, 1);
  set(guest, rtc, 0, 2);
  assert(time(guest, rtc) == (<u64>1 << 32) + 2);
  setWall(<f64>(WALL + (1 << 20)));
  assert(time(guest, rtc) == (<u64>1 << 32) + 2 + (1 << 20));
}

export function rtc_rings_once_at_the_time_of_the_alarm(): void {
  const guest = makeGuest(0);
  const rtc = add(guest, DEVICE_RTC, 0);
  setWall(<f64>WALL);
  setNow(77);
  assert(bus.deadlineNs(guest) == Infinity);
  set(guest, rtc, 0x10, 1);
  setAlarm(guest, rtc, WALL + 4096);
  assert(get(guest, rtc, 0x18) == 1);
  assert(bus.deadlineNs(guest) == 77 + 4096);
  assert(!bus.poll(guest));
  assert(!lines.isHigh(guest, rtc.line));
  setWall(<f64>(WALL + 4096));
  assert(bus.poll(guest));
  assert(lines.isHigh(guest, rtc.line));
  assert(get(guest, rtc, 0x18) == 0);
  set(guest, rtc, 0x1c, 1);
  assert(!lines.isHigh(guest, rtc.line));
  assert(!bus.poll(guest));
}

export function rtc_keeps_the_line_low_while_interrupts_are_off(): void {
  const guest = makeGuest(0);
  const rtc = add(guest, DEVICE_RTC, 0);
  setWall(<f64>WALL);
  setAlarm(guest, rtc, WALL - 1);
  assert(!lines.isHigh(guest, rtc.line));
  set(guest, rtc, 0x10, 1);
  assert(lines.isHigh(guest, rtc.line));
}

export function rtc_forgets_an_alarm_that_is_cleared(): void {
  const guest = makeGuest(0);
  const rtc = add(guest, DEVICE_RTC, 0);
  setWall(<f64>WALL);
  set(guest, rtc, 0x10, 1);
  setAlarm(guest, rtc, WALL + 10);
  set(guest, rtc, 0x14, 1);
  setWall(<f64>(WALL + 4096));
  assert(!bus.poll(guest));
  assert(!lines.isHigh(guest, rtc.line));
}
