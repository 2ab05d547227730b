// The report of a guest: STAT_* as u64 numbers.

import {
  OK, STAT_CODE_PAGES, STAT_COUNT, STAT_DEVICE_NS, STAT_FIRST_USER_INSTRUCTIONS, STAT_FIRST_USER_NS, STAT_FRAMES,
  STAT_GUEST_NS, STAT_IDLE_NS, STAT_INSTRUCTIONS, STAT_INTERRUPTS, STAT_KERNEL_NS, STAT_MMIO, STAT_OFFENCES,
  STAT_SBI_CALLS, STAT_TLB_FILLS, STAT_TRAPS, STAT_REGIONS, STAT_MODULES, STAT_CODE_BYTES, STAT_TRANSLATED_INSTRUCTIONS,
  STAT_TRANSLATE_NS, STAT_REGION_ENTRIES, STAT_EVICTIONS, STAT_INVALIDATIONS, STAT_REFUSALS,
} from "../abi";
import { machine } from "../core/machine";
import * as code from "../cpu/code";
import { hartAt } from "../cpu/hart";
import { translatedOf } from "../cpu/regions";
import { Guest } from "../guest/guest";

/** Writes STAT_COUNT numbers to `target`. Pages of decoded code are those of the CPU that the guest runs on. */
export function report(guest: Guest, target: usize): i32 {
  memory.fill(target, 0, STAT_COUNT << 3);
  let instructions: u64 = 0;
  let traps: u64 = 0;
  let interrupts: u64 = 0;
  let fills: u64 = 0;
  for (let i: u32 = 0; i < guest.harts; i++) {
    const hart = hartAt(guest, i);
    instructions += hart.retired;
    traps += hart.traps;
    interrupts += hart.interrupts;
    fills += hart.tlbFills;
  }
  store<u64>(target, instructions, STAT_INSTRUCTIONS << 3);
  store<u64>(target, <u64>guest.guestNs, STAT_GUEST_NS << 3);
  store<u64>(target, <u64>guest.deviceNs, STAT_DEVICE_NS << 3);
  store<u64>(target, <u64>guest.kernelNs, STAT_KERNEL_NS << 3);
  store<u64>(target, <u64>guest.idleNs, STAT_IDLE_NS << 3);
  store<u64>(target, guest.touched, STAT_FRAMES << 3);
  store<u64>(target, <u64>guest.firstUserNs, STAT_FIRST_USER_NS << 3);
  store<u64>(target, guest.firstUserInstructions, STAT_FIRST_USER_INSTRUCTIONS << 3);
  store<u64>(target, traps, STAT_TRAPS << 3);
  store<u64>(target, interrupts, STAT_INTERRUPTS << 3);
  store<u64>(target, guest.mmio, STAT_MMIO << 3);
  store<u64>(target, guest.sbiCalls, STAT_SBI_CALLS << 3);
  store<u64>(target, fills, STAT_TLB_FILLS << 3);
  store<u64>(target, code.cacheOf(guest.id % machine().cpus).pages, STAT_CODE_PAGES << 3);
  store<u64>(target, guest.offences, STAT_OFFENCES << 3);
  reportTranslator(guest, target);
  return OK;
}

/** Counters of translated code. Regions, modules and bytes are those of the CPU that the guest runs on. */
function reportTranslator(guest: Guest, target: usize): void {
  let retired: u64 = 0;
  let entries: u64 = 0;
  for (let i: u32 = 0; i < guest.harts; i++) {
    retired += hartAt(guest, i).translated;
    entries += hartAt(guest, i).entries;
  }
  const translated = translatedOf(guest.id % machine().cpus);
  store<u64>(target, translated.regions, STAT_REGIONS << 3);
  store<u64>(target, translated.modules, STAT_MODULES << 3);
  store<u64>(target, translated.bytes, STAT_CODE_BYTES << 3);
  store<u64>(target, retired, STAT_TRANSLATED_INSTRUCTIONS << 3);
  store<u64>(target, <u64>guest.translateNs, STAT_TRANSLATE_NS << 3);
  store<u64>(target, entries, STAT_REGION_ENTRIES << 3);
  store<u64>(target, translated.evictions, STAT_EVICTIONS << 3);
  store<u64>(target, translated.invalidations, STAT_INVALIDATIONS << 3);
  store<u64>(target, guest.refusals, STAT_REFUSALS << 3);
}
