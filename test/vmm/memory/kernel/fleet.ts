// Guests with a balloon and nothing else, for tests of the machine's memory.

import { CODE_BYTES, GUEST_RUNNING, PAGE_SIZE } from "../../../../hypervisor/abi";
import * as frames from "../../../../hypervisor/core/frames";
import { machine } from "../../../../hypervisor/core/machine";
import { DEVICE_VIRTIO_BALLOON } from "../../../../hypervisor/devices/device";
import { Balloon } from "../../../../hypervisor/devices/virtio/balloon";
import { Guest, RAM_BASE, guestAt } from "../../../../hypervisor/guest/guest";
import * as ram from "../../../../hypervisor/guest/ram";
import { framesBase } from "../../../../hypervisor/core/layout";
import { add } from "../../../support/kernel/driver";

/** A machine with so many frames. */
export function machineWith(count: u32): void {
  const end = <u64>framesBase(1, CODE_BYTES) + (<u64>count << 12);
  const pages = <i32>(end + 0xffff >> 16);
  if (pages > memory.size()) memory.grow(pages - memory.size());
  frames.open(1, end, CODE_BYTES);
  machine().cpus = 1;
}

/** A running guest with so many pages of RAM, none of them touched. */
export function guestWith(id: u32, pages: u32): Guest {
  const guest = guestAt(id);
  guest.id = id;
  guest.harts = 1;
  guest.ramPages = pages;
  guest.target = pages;
  guest.weight = 256;
  guest.sharing = 1;
  guest.state = GUEST_RUNNING;
  return guest;
}

/** Its balloon, whose driver has not begun. */
export function balloonFor(guest: Guest): Balloon {
  return changetype<Balloon>(add(guest, DEVICE_VIRTIO_BALLOON, 0));
}

export function gpaOf(page: u32): u64 {
  return RAM_BASE + (<u64>page << 12);
}

/** Touches pages for reading; how many of them got a frame. */
export function touch(guest: Guest, from: u32, count: u32): u32 {
  for (let i: u32 = 0; i < count; i++) if (ram.pageForRead(guest, gpaOf(from + i)) == 0) return i;
  return count;
}

/** Fills a page with numbers made of `seed`; 0: with zeroes. */
export function write(guest: Guest, page: u32, seed: u64): void {
  const ptr = ram.writable(guest, gpaOf(page));
  assert(ptr != 0, "no frame for the test");
  for (let i: u64 = 0; i < <u64>PAGE_SIZE; i += 8) store<u64>(ptr + <usize>i, seed * 0x9e37_79b9_7f4a_7c15 ^ (seed == 0 ? 0 : i));
}

/** Does a page hold what `write` wrote? */
export function holds(guest: Guest, page: u32, seed: u64): bool {
  const ptr = ram.readable(guest, gpaOf(page));
  for (let i: u64 = 0; i < <u64>PAGE_SIZE; i += 8) {
    if (load<u64>(ptr + <usize>i) != (seed * 0x9e37_79b9_7f4a_7c15 ^ (seed == 0 ? 0 : i))) return false;
  }
  return true;
}

/** Does the account of all frames come out? `guests` of them, from 0 on. */
export function isBalanced(guests: u32): bool {
  const m = machine();
  let owned: u32 = m.sharedFrames;
  for (let id: u32 = 0; id < guests; id++) owned += guestAt(id).owned + guestAt(id).leaves;
  return owned == m.usedFrames && m.committedFrames >= m.usedFrames && m.committedFrames <= m.endFrame - m.firstFrame;
}
