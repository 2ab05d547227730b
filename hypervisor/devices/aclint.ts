// Timer and software interrupts of the harts for guests that bring their own firmware, in the layout of SiFive's CLINT.
//
//   0x0000 + 4h   msip of hart h       drives the wire MSIP
//   0x4000 + 8h   mtimecmp of hart h   drives the wire MTIP while mtime >= mtimecmp
//   0xbff8        mtime                10 MHz, the guest's clock; a store is ignored, because the clock belongs to vmm

import { MAX_HARTS } from "../abi";
import { Guest, offend } from "../guest/guest";
import * as lines from "../guest/lines";
import * as host from "../host";
import { Device } from "./device";

const MSIP: u32 = 0x0000;
const MTIMECMP: u32 = 0x4000;
const MTIME: u32 = 0xbff8;

const WIRE_MSIP: u32 = 1 << 3;
const WIRE_MTIP: u32 = 1 << 7;

/** One tick of mtime in ns. */
const TICK_NS: f64 = 100;

@unmanaged @final
export class Aclint extends Device {
  /** For each hart the tick from which on its timer interrupt is high. */
  mtimecmp0: u64; mtimecmp1: u64; mtimecmp2: u64; mtimecmp3: u64;
  mtimecmp4: u64; mtimecmp5: u64; mtimecmp6: u64; mtimecmp7: u64;
}
if (offsetof<Aclint>("mtimecmp7") - offsetof<Aclint>("mtimecmp0") != 56 || MAX_HARTS != 8) ERROR("one mtimecmp a hart");

function mtimecmp(aclint: Aclint, hart: u32): u64 {
  return load<u64>(changetype<usize>(aclint) + (<usize>hart << 3), offsetof<Aclint>("mtimecmp0"));
}

function setMtimecmp(aclint: Aclint, hart: u32, ticks: u64): void {
  store<u64>(changetype<usize>(aclint) + (<usize>hart << 3), ticks, offsetof<Aclint>("mtimecmp0"));
}

function mtime(guest: Guest): u64 {
  const ns = host.now() - guest.timeOffset;
  return ns > 0 ? <u64>(ns / TICK_NS) : 0;
}

/** Power-on state: no hart has a deadline. The software interrupts are wires, which vmm clears. */
export function reset(aclint: Aclint): void {
  for (let i: u32 = 0; i < <u32>MAX_HARTS; i++) setMtimecmp(aclint, i, ~<u64>0);
}

/** Picks `size` bytes at byte `at` out of an 8-byte register. */
function part(register: u64, at: u32, size: u32): u64 {
  return size == 8 ? register : register >> (<u64>(at & 4) << 3) & 0xffff_ffff;
}

/** Answers a load of 4 bytes, or 8 from an 8-byte register. */
export function read(guest: Guest, aclint: Aclint, offset: u64, size: u32): u64 {
  const at = <u32>offset;
  if ((size == 4 || size == 8) && (at & size - 1) == 0) {
    if (size == 4 && at >= MSIP && at >> 2 < guest.harts) {
      return (lines.wires(guest, at >> 2) & WIRE_MSIP) != 0 ? 1 : 0;
    }
    if (at >= MTIMECMP && at - MTIMECMP >> 3 < guest.harts) {
      return part(mtimecmp(aclint, at - MTIMECMP >> 3), at, size);
    }
    if (at >= MTIME && at < MTIME + 8) return part(mtime(guest), at, size);
  }
  offend(guest);
  return 0;
}

/** Takes a store; the wires follow at once. */
export function write(guest: Guest, aclint: Aclint, offset: u64, size: u32, value: u64): void {
  const at = <u32>offset;
  if ((size == 4 || size == 8) && (at & size - 1) == 0) {
    if (size == 4 && at >= MSIP && at >> 2 < guest.harts) {
      lines.setWires(guest, at >> 2, WIRE_MSIP, (value & 1) != 0);
      return;
    }
    if (at >= MTIMECMP && at - MTIMECMP >> 3 < guest.harts) {
      const hart = at - MTIMECMP >> 3;
      if (size == 4) {
        const shift = <u64>(at & 4) << 3;
        value = mtimecmp(aclint, hart) & ~(<u64>0xffff_ffff << shift) | (value & 0xffff_ffff) << shift;
      }
      setMtimecmp(aclint, hart, value);
      update(guest, aclint);
      return;
    }
    if (at >= MTIME && at < MTIME + 8) return;
  }
  offend(guest);
}

/** Sets the timer wires of all harts from the clock. */
export function update(guest: Guest, aclint: Aclint): void {
  const ticks = mtime(guest);
  for (let i: u32 = 0; i < guest.harts; i++) lines.setWires(guest, i, WIRE_MTIP, ticks >= mtimecmp(aclint, i));
}

/** Value of host.now() at which the timer wire of a hart rises; infinite when no deadline is set. */
export function deadlineNs(guest: Guest, aclint: Aclint, hart: u32): f64 {
  const ticks = mtimecmp(aclint, hart);
  return ticks == ~<u64>0 ? Infinity : <f64>ticks * TICK_NS + guest.timeOffset;
}
