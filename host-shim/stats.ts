// A guest's bill and counters, read from the transfer window (STAT_* in hypervisor/abi.ts).

import * as abi from '../hypervisor/abi.ts'

export interface GuestStats {
  /** Instructions retired by all harts. */
  instructions: number
  /** Where the machine's time went, in ns: running the guest, its devices, the kernel's own work for it, idling. */
  guestNs: number
  deviceNs: number
  kernelNs: number
  idleNs: number
  /** Pages of RAM that the guest has touched, in frames of 4096 bytes. */
  framesTouched: number
  /** Guest time in ns from start to the first instruction in U mode, and instructions before it; 0: none yet. */
  firstUserNs: number
  firstUserInstructions: number
  traps: number
  interrupts: number
  mmio: number
  sbiCalls: number
  tlbFills: number
  codePages: number
  /** Things that a well-behaved guest never does. */
  offences: number
  /** Of `instructions` those that translated code retired, and how many times it was entered. */
  translatedInstructions: number
  regionEntries: number
  /** Of `kernelNs` what translating took. */
  translateNs: number
  /** Hot entries that could not be translated. */
  refusals: number
  /** On the guest's CPU: functions that can be entered now, modules installed so far, bytes of wasm installed now. */
  regions: number
  modules: number
  codeBytes: number
  /** On the guest's CPU: functions dropped to make room, and because their code changed. */
  evictions: number
  invalidations: number
}

/** Reads what `guestStats` has just written to `window`. */
export function readStats(window: Uint8Array): GuestStats {
  const view = new DataView(window.buffer, window.byteOffset, window.byteLength)
  const value = (number: number) => Number(view.getBigUint64(8 * number, true))
  return {
    instructions: value(abi.STAT_INSTRUCTIONS),
    guestNs: value(abi.STAT_GUEST_NS),
    deviceNs: value(abi.STAT_DEVICE_NS),
    kernelNs: value(abi.STAT_KERNEL_NS),
    idleNs: value(abi.STAT_IDLE_NS),
    framesTouched: value(abi.STAT_FRAMES),
    firstUserNs: value(abi.STAT_FIRST_USER_NS),
    firstUserInstructions: value(abi.STAT_FIRST_USER_INSTRUCTIONS),
    traps: value(abi.STAT_TRAPS),
    interrupts: value(abi.STAT_INTERRUPTS),
    mmio: value(abi.STAT_MMIO),
    sbiCalls: value(abi.STAT_SBI_CALLS),
    tlbFills: value(abi.STAT_TLB_FILLS),
    codePages: value(abi.STAT_CODE_PAGES),
    offences: value(abi.STAT_OFFENCES),
    translatedInstructions: value(abi.STAT_TRANSLATED_INSTRUCTIONS),
    regionEntries: value(abi.STAT_REGION_ENTRIES),
    translateNs: value(abi.STAT_TRANSLATE_NS),
    refusals: value(abi.STAT_REFUSALS),
    regions: value(abi.STAT_REGIONS),
    modules: value(abi.STAT_MODULES),
    codeBytes: value(abi.STAT_CODE_BYTES),
    evictions: value(abi.STAT_EVICTIONS),
    invalidations: value(abi.STAT_INVALIDATIONS),
  }
}
