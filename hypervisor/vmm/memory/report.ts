// The numbers about memory: those of a guest, and those of the machine.

import {
  MACHINE_STAT_PROMISED_FRAMES, MACHINE_STAT_SAVED_FRAMES, MAX_GUESTS, STAT_AVAILABLE_BYTES, STAT_BALLOON_PAGES, STAT_BALLOON_TARGET,
  STAT_FREE_BYTES, STAT_REPORTED_PAGES, STAT_SHARED_FRAMES, STAT_STARVED,
} from "../../abi";
import { machine } from "../../core/machine";
import * as bus from "../../devices/bus";
import * as balloon from "../../devices/virtio/balloon";
import { Balloon } from "../../devices/virtio/balloon";
import { Guest, guestAt } from "../../guest/guest";
import * as promises from "../../guest/promises";
import { isStarved } from "./starvation";

/** Looks (pressure.ts) for which a guest is asked about itself after somebody wanted to know: some seconds. */
const WANTED_LOOKS: u32 = 50;

function statistic(device: Balloon, tag: u32): u64 {
  const value = balloon.stat(device, tag);
  return value == ~(<u64>0) ? 0 : value;
}

/** Writes the guest's to the report at `target`. */
export function report(guest: Guest, target: usize): void {
  store<u64>(target, promises.sharing(guest), STAT_SHARED_FRAMES << 3);
  store<u64>(target, isStarved(guest) ? 1 : 0, STAT_STARVED << 3);
  const device = bus.balloonOf(guest);
  if (!device) return;
  store<u64>(target, balloon.actual(guest, device), STAT_BALLOON_PAGES << 3);
  store<u64>(target, device.asked, STAT_BALLOON_TARGET << 3);
  store<u64>(target, device.reported, STAT_REPORTED_PAGES << 3);
  store<u64>(target, statistic(device, balloon.VIRTIO_BALLOON_S_MEMFREE), STAT_FREE_BYTES << 3);
  store<u64>(target, statistic(device, balloon.VIRTIO_BALLOON_S_AVAIL), STAT_AVAILABLE_BYTES << 3);
  device.statsWanted = WANTED_LOOKS;
}

/** Writes the machine's to the report at `target`. Others may run meanwhile, so they need not fit each other to the frame. */
export function reportMachine(target: usize): void {
  let promised: u64 = 0;
  let sharing: u64 = 0;
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) {
    const guest = guestAt(id);
    if (guest.state == 0) continue;
    promised += promises.promised(guest);
    sharing += promises.sharing(guest);
  }
  const shared: u64 = machine().sharedFrames;
  store<u64>(target, promised, MACHINE_STAT_PROMISED_FRAMES << 3);
  store<u64>(target, sharing > shared ? sharing - shared : 0, MACHINE_STAT_SAVED_FRAMES << 3);
}
