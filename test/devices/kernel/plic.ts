// The interrupt controller: requests go to whom they concern, most urgent first, once, and again while the line is high.

import { DEVICE_PLIC, Device } from "../../../hypervisor/devices/device";
import * as bus from "../../../hypervisor/devices/bus";
import { Guest } from "../../../hypervisor/guest/guest";
import * as lines from "../../../hypervisor/guest/lines";
import { add, get, makeGuest, set } from "../../support/kernel/driver";

const SEIP: u32 = 1 << 9;
const MEIP: u32 = 1 << 11;

function enable(context: u32): u64 {
  return 0x2000 + 0x80 * <u64>context;
}

function threshold(context: u32): u64 {
  return 0x200000 + 0x1000 * <u64>context;
}

function claim(context: u32): u64 {
  return threshold(context) + 4;
}

function raise(guest: Guest, line: u32, high: bool): void {
  lines.set(guest, line, high);
  bus.refresh(guest);
}

/** Sources 3 and 40 enabled for hart 0 in S mode, with priorities 1 and 2. */
function plicFor(guest: Guest): Device {
  const plic = add(guest, DEVICE_PLIC, 0);
  plic.size = 0x600000;
  set(guest, plic, 3 * 4, 1);
  set(guest, plic, 40 * 4, 2);
  set(guest, plic, enable(1), 1 << 3);
  set(guest, plic, enable(1) + 4, 1 << 8);
  return plic;
}

export function plic_raises_the_wire_of_the_context_that_listens(): void {
  const guest = makeGuest(0);
  const plic = plicFor(guest);
  set(guest, plic, enable(2), 1 << 3);
  raise(guest, 3, true);
  assert(lines.wires(guest, 0) == SEIP);
  assert(lines.wires(guest, 1) == MEIP);
  assert(get(guest, plic, 0x1000) == 1 << 3);
}

export function plic_gives_the_most_urgent_source_first_then_the_lowest(): void {
  const guest = makeGuest(0);
  const plic = plicFor(guest);
  set(guest, plic, enable(1), 1 << 3 | 1 << 5);
  set(guest, plic, 5 * 4, 1);
  raise(guest, 3, true);
  raise(guest, 5, true);
  raise(guest, 40, true);
  assert(get(guest, plic, claim(1)) == 40);
  assert(get(guest, plic, claim(1)) == 3);
  assert(get(guest, plic, claim(1)) == 5);
  assert(get(guest, plic, claim(1)) == 0);
  assert(lines.wires(guest, 0) == 0);
}

export function plic_asks_again_after_completion_while_the_line_is_high(): void {
  const guest = makeGuest(0);
  const plic = plicFor(guest);
  raise(guest, 3, true);
  assert(get(guest, plic, claim(1)) == 3);
  assert(lines.wires(guest, 0) == 0, "a source that is being served makes no request");
  set(guest, plic, claim(1), 3);
  assert(lines.wires(guest, 0) == SEIP);
  assert(get(guest, plic, claim(1)) == 3);
  raise(guest, 3, false);
  set(guest, plic, claim(1), 3);
  assert(lines.wires(guest, 0) == 0);
}

export function plic_keeps_a_request_whose_line_has_fallen(): void {
  const guest = makeGuest(0);
  const plic = plicFor(guest);
  raise(guest, 3, true);
  raise(guest, 3, false);
  assert(lines.wires(guest, 0) == SEIP);
  assert(get(guest, plic, claim(1)) == 3);
}

export function plic_holds_back_what_is_not_above_the_threshold(): void {
  const guest = makeGuest(0);
  const plic = plicFor(guest);
  set(guest, plic, threshold(1), 2);
  raise(guest, 3, true);
  raise(guest, 40, true);
  assert(lines.wires(guest, 0) == 0);
  set(guest, plic, threshold(1), 1);
  assert(lines.wires(guest, 0) == SEIP);
  set(guest, plic, threshold(1), 7);
  assert(lines.wires(guest, 0) == 0);
  assert(get(guest, plic, threshold(1)) == 7);
  assert(get(guest, plic, claim(1)) == 40, "a claim does not look at the threshold");
}

export function plic_never_forwards_priority_zero_or_source_zero(): void {
  const guest = makeGuest(0);
  const plic = plicFor(guest);
  set(guest, plic, 3 * 4, 0);
  set(guest, plic, 0, 7);
  set(guest, plic, enable(1), 0xffff_ffff);
  raise(guest, 3, true);
  raise(guest, 0, true);
  assert(lines.wires(guest, 0) == 0);
  assert(get(guest, plic, claim(1)) == 0);
  assert((get(guest, plic, enable(1)) & 1) == 0);
}

export function plic_ignores_completion_by_a_context_that_does_not_listen(): void {
  const guest = makeGuest(0);
  const plic = plicFor(guest);
  raise(guest, 3, true);
  assert(get(guest, plic, claim(1)) == 3);
  set(guest, plic, claim(3), 3);
  set(guest, plic, claim(1), 64);
  assert(lines.wires(guest, 0) == 0);
  set(guest, plic, claim(1), 3);
  assert(lines.wires(guest, 0) == SEIP);
}

export function plic_reads_back_priorities_and_enables(): void {
  const guest = makeGuest(0);
  const plic = plicFor(guest);
  set(guest, plic, 63 * 4, 0xff);
  assert(get(guest, plic, 63 * 4) == 7);
  assert(get(guest, plic, 40 * 4) == 2);
  assert(get(guest, plic, enable(1) + 4) == 1 << 8);
  assert(guest.offences == 0);
}

export function plic_counts_accesses_to_registers_that_are_not_there(): void {
  const guest = makeGuest(0);
  const plic = plicFor(guest);
  assert(get(guest, plic, 64 * 4) == 0);
  assert(get(guest, plic, enable(4)) == 0, "two harts have four contexts");
  set(guest, plic, claim(4), 1);
  assert(bus.read(guest, plic, 0, 8) == 0);
  bus.write(guest, plic, 2, 2, 1);
  assert(guest.offences == 5);
}
