// A sum over all memory that a guest's devices must never change: the machine, the other guests, the guest's own frame map
// and harts. Taken before and after an attack.

import { PAGE_SIZE } from "../../../hypervisor/abi";
import { CPUS, CPU_STRIDE, FRAME_INFO, GUESTS, GUEST_STRIDE, WINDOW } from "../../../hypervisor/core/layout";
import { DEVICES, Guest, HARTS, HART_STRIDE, MAP_ROOT, RAM_BASE } from "../../../hypervisor/guest/guest";
import * as frames from "../../../hypervisor/core/frames";
import * as ram from "../../../hypervisor/guest/ram";

const PRIME: u64 = 0x100_0000_01b3;

function sumOf(sum: u64, ptr: usize, length: usize): u64 {
  for (const end = ptr + length; ptr < end; ptr += 8) sum = (sum ^ load<u64>(ptr)) * PRIME;
  return sum;
}

/** The guest's frame map without its flags. */
function sumOfMap(sum: u64, guest: Guest): u64 {
  for (let i: u64 = 0; i < guest.ramPages; i++) sum = (sum ^ ram.pageForRead(guest, RAM_BASE + (i << 12))) * PRIME;
  return sum;
}

/** The sum for an attack by `attacker` with `other` beside it. */
export function sum(attacker: Guest, other: Guest): u64 {
  const block = changetype<usize>(attacker);
  let sum: u64 = 1;
  sum = sumOf(sum, CPUS, 4 * CPU_STRIDE);
  sum = sumOf(sum, WINDOW, 16 * PAGE_SIZE);
  sum = sumOf(sum, FRAME_INFO, 1 << 17);
  sum = sumOf(sum, block + MAP_ROOT, DEVICES - MAP_ROOT);
  sum = sumOf(sum, block + HARTS, HART_STRIDE);
  sum = sumOf(sum, changetype<usize>(other), GUEST_STRIDE);
  sum = sumOf(sum, GUESTS + 63 * GUEST_STRIDE, PAGE_SIZE);
  sum = sumOfMap(sum, attacker);
  sum = sumOfMap(sum, other);
  for (let i: u64 = 0; i < other.ramPages; i++) sum = sumOf(sum, ram.readable(other, RAM_BASE + (i << 12)), PAGE_SIZE);
  return sum;
}

/** The sum for an attack in which frames of the attacker come and go: all that belongs to `other`, and what nobody may write. */
export function sumOfOther(other: Guest): u64 {
  let sum: u64 = 1;
  sum = sumOf(sum, WINDOW, 16 * PAGE_SIZE);
  sum = sumOf(sum, changetype<usize>(other), GUEST_STRIDE);
  sum = sumOf(sum, GUESTS + 63 * GUEST_STRIDE, PAGE_SIZE);
  sum = sumOfMap(sum, other);
  for (let i: u64 = 0; i < other.ramPages; i++) sum = sumOf(sum, ram.readable(other, RAM_BASE + (i << 12)), PAGE_SIZE);
  return sum;
}

/** Has each page of the guest that has a frame one for itself, and is that what its account says? */
export function isInOrder(guest: Guest): bool {
  let pages: u32 = 0;
  for (let i: u64 = 0; i < guest.ramPages; i++) {
    const frame = ram.wordOf(guest, RAM_BASE + (i << 12)) >> 12;
    if (frame == 0) continue;
    if (frames.references(frame) != 1) return false;
    pages++;
  }
  return pages == guest.owned && pages == guest.touched;
}
