// The report of a guest: STAT_* as u64 numbers.

import {
  OK, STAT_CODE_PAGES, STAT_COUNT, STAT_DEVICE_NS, STAT_FIRST_USER_INSTRUCTIONS, STAT_FIRST_USER_NS, STAT_FRAMES,
  STAT_GUEST_NS, STAT_IDLE_NS, STAT_INSTRUCTIONS, STAT_INTERRUPTS, STAT_KERNEL_NS, STAT_MMIO, STAT_OFFENCES,
  STAT_SBI_CALLS, STAT_TLB_FILLS, STAT_TRAPS, STAT_REGIONS, STAT_MODULES, STAT_CODE_BYTES, STAT_TRANSLATED_INSTRUCTIONS,
  STAT_TRANSLATE_NS, STAT_REGION_ENTRIES, STAT_EVICTIONS, STAT_INVALIDATIONS, STAT_REFUSALS,
  CPU_STAT_COUNT, CPU_STAT_IDLE_NS, CPU_STAT_KERNEL_NS, CPU_STAT_NS, MACHINE_STAT_COUNT, MACHINE_STAT_CPUS, MACHINE_STAT_FRAMES,
  MACHINE_STAT_USED_FRAMES, MAX_CPUS, STAT_BUSY_HARTS, STAT_MIGRATIONS, STAT_SLICES, STAT_STEAL_NS,
  STAT_BLOCK_FLUSHES, STAT_BLOCK_READS, STAT_BLOCK_READ_BYTES, STAT_BLOCK_WRITES, STAT_BLOCK_WRITTEN_BYTES,
  STAT_CONSOLE_WRITTEN_BYTES, STAT_NET_DROPPED, STAT_NET_RECEIVED, STAT_NET_RECEIVED_BYTES, STAT_NET_SENT, STAT_NET_SENT_BYTES,
  STAT_THROTTLED_NS,
} from "../abi";
import { cpuAt } from "../core/cpus";
import { machine } from "../core/machine";
import * as code from "../cpu/code";
import { hartAt } from "../cpu/hart";
import { translatedOf } from "../cpu/regions";
import { trafficOf } from "../devices/traffic";
import { Guest } from "../guest/guest";
import * as harts from "./harts";
import * as memoryReport from "./memory/report";
import * as policy from "./schedule/policy";

/** Writes STAT_COUNT numbers to `target`. Pages of decoded code are those of all CPUs. */
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
  store<u64>(target, guest.guestNs, STAT_GUEST_NS << 3);
  store<u64>(target, guest.deviceNs, STAT_DEVICE_NS << 3);
  store<u64>(target, guest.kernelNs, STAT_KERNEL_NS << 3);
  store<u64>(target, guest.idleNs, STAT_IDLE_NS << 3);
  store<u64>(target, guest.touched, STAT_FRAMES << 3);
  store<u64>(target, <u64>guest.firstUserNs, STAT_FIRST_USER_NS << 3);
  store<u64>(target, guest.firstUserInstructions, STAT_FIRST_USER_INSTRUCTIONS << 3);
  store<u64>(target, traps, STAT_TRAPS << 3);
  store<u64>(target, interrupts, STAT_INTERRUPTS << 3);
  store<u64>(target, guest.mmio, STAT_MMIO << 3);
  store<u64>(target, guest.sbiCalls, STAT_SBI_CALLS << 3);
  store<u64>(target, fills, STAT_TLB_FILLS << 3);
  let pages: u64 = 0;
  for (let cpu: u32 = 0; cpu < machine().cpus; cpu++) pages += code.cacheOf(cpu).pages;
  store<u64>(target, pages, STAT_CODE_PAGES << 3);
  store<u64>(target, guest.offences, STAT_OFFENCES << 3);
  reportTranslator(guest, target);
  reportSchedule(guest, target);
  memoryReport.report(guest, target);
  reportTraffic(guest, target);
  return OK;
}

/** What has passed through the guest's devices. */
function reportTraffic(guest: Guest, target: usize): void {
  const traffic = trafficOf(guest);
  store<u64>(target, traffic.reads, STAT_BLOCK_READS << 3);
  store<u64>(target, traffic.writes, STAT_BLOCK_WRITES << 3);
  store<u64>(target, traffic.flushes, STAT_BLOCK_FLUSHES << 3);
  store<u64>(target, traffic.readBytes, STAT_BLOCK_READ_BYTES << 3);
  store<u64>(target, traffic.writtenBytes, STAT_BLOCK_WRITTEN_BYTES << 3);
  store<u64>(target, traffic.sent, STAT_NET_SENT << 3);
  store<u64>(target, traffic.received, STAT_NET_RECEIVED << 3);
  store<u64>(target, traffic.sentBytes, STAT_NET_SENT_BYTES << 3);
  store<u64>(target, traffic.receivedBytes, STAT_NET_RECEIVED_BYTES << 3);
  store<u64>(target, traffic.dropped, STAT_NET_DROPPED << 3);
  store<u64>(target, traffic.consoleBytes, STAT_CONSOLE_WRITTEN_BYTES << 3);
  store<u64>(target, <u64>traffic.throttledNs, STAT_THROTTLED_NS << 3);
}

/** Shares of the CPUs: what the schedule has counted. */
function reportSchedule(guest: Guest, target: usize): void {
  let steal: f64 = 0;
  for (let i: u32 = 0; i < guest.harts; i++) steal += policy.stealNs(harts.entity(guest.id, i));
  store<u64>(target, <u64>steal, STAT_STEAL_NS << 3);
  store<u64>(target, policy.busyHarts(guest.id), STAT_BUSY_HARTS << 3);
  store<u64>(target, policy.slices(guest.id), STAT_SLICES << 3);
  store<u64>(target, policy.migrations(guest.id), STAT_MIGRATIONS << 3);
}

/** Writes MACHINE_STAT_COUNT numbers, and CPU_STAT_COUNT for each CPU, to `target`. */
export function reportMachine(target: usize): i32 {
  const m = machine();
  memory.fill(target, 0, MACHINE_STAT_COUNT + <u32>MAX_CPUS * CPU_STAT_COUNT << 3);
  store<u64>(target, m.cpus, MACHINE_STAT_CPUS << 3);
  store<u64>(target, m.endFrame - m.firstFrame, MACHINE_STAT_FRAMES << 3);
  store<u64>(target, m.usedFrames, MACHINE_STAT_USED_FRAMES << 3);
  memoryReport.reportMachine(target);
  for (let i: u32 = 0; i < m.cpus; i++) {
    const cpu = cpuAt(i);
    const place = target + (MACHINE_STAT_COUNT + i * CPU_STAT_COUNT << 3);
    store<u64>(place, <u64>(cpu.idleNs + cpu.kernelNs + cpu.guestsNs), CPU_STAT_NS << 3);
    store<u64>(place, <u64>cpu.idleNs, CPU_STAT_IDLE_NS << 3);
    store<u64>(place, <u64>cpu.kernelNs, CPU_STAT_KERNEL_NS << 3);
  }
  return OK;
}

function addTo(target: usize, number: u32, value: u64): void {
  const place = target + (<usize>number << 3);
  store<u64>(place, load<u64>(place) + value);
}

/** Counters of translated code. Regions, modules and bytes are those of all CPUs together: a guest may run on any. */
function reportTranslator(guest: Guest, target: usize): void {
  let retired: u64 = 0;
  let entries: u64 = 0;
  for (let i: u32 = 0; i < guest.harts; i++) {
    retired += hartAt(guest, i).translated;
    entries += hartAt(guest, i).entries;
  }
  for (let cpu: u32 = 0; cpu < machine().cpus; cpu++) {
    const translated = translatedOf(cpu);
    addTo(target, STAT_REGIONS, translated.regions);
    addTo(target, STAT_MODULES, translated.modules);
    addTo(target, STAT_CODE_BYTES, translated.bytes);
    addTo(target, STAT_EVICTIONS, translated.evictions);
    addTo(target, STAT_INVALIDATIONS, translated.invalidations);
  }
  store<u64>(target, retired, STAT_TRANSLATED_INSTRUCTIONS << 3);
  store<u64>(target, guest.translateNs, STAT_TRANSLATE_NS << 3);
  store<u64>(target, entries, STAT_REGION_ENTRIES << 3);
  store<u64>(target, guest.refusals, STAT_REFUSALS << 3);
}
