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
  }
}
