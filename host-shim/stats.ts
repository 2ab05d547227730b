// The bill and counters of a guest and of the machine, read from the transfer window (STAT_*, MACHINE_STAT_* and CPU_STAT_*
// in hypervisor/abi.ts).

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
  /** ns in which harts could have run and no CPU was theirs: the sum over all harts. */
  stealNs: number
  /** Harts that run or could run now. */
  busyHarts: number
  /** Times that a hart was given a CPU, and times that this was another CPU than before. */
  slices: number
  migrations: number
  blockReads: number
  blockWrites: number
  blockFlushes: number
  blockReadBytes: number
  blockWrittenBytes: number
  /** Frames from the guest, and to it; frames for it that were dropped as it had no room for them. */
  netSent: number
  netReceived: number
  netSentBytes: number
  netReceivedBytes: number
  netDropped: number
  consoleWrittenBytes: number
  /** ns in which a device had work that a limit held back: the sum over all devices. */
  throttledNs: number
  /** Of `framesTouched` those that other pages share. */
  sharedFrames: number
  /** Pages in the balloon, and pages it is asked to hold. */
  balloonPages: number
  balloonTarget: number
  /** Pages that free-page reporting has given back so far. */
  reportedPages: number
  /** Bytes free, and bytes that its programs could have, as the guest last said; it is asked while somebody looks. 0: nothing yet. */
  freeBytes: number
  availableBytes: number
  /** Do harts wait for a frame that the machine does not have? */
  starved: boolean
}

export interface MachineStats {
  /** Frames of 4096 bytes for guests: all, those in use, and those promised to guests that have not touched them. */
  frames: number
  usedFrames: number
  promisedFrames: number
  /** Frames that sharing saves now. */
  savedFrames: number
  cpus: CpuStats[]
}

export interface CpuStats {
  /** ns since this CPU first ran. */
  ns: number
  /** Of `ns` those with nothing to do, and those for the kernel itself. The rest is billed to guests. */
  idleNs: number
  kernelNs: number
}

/** Reads what `guestStats` has just written to `window`. */
export function readStats(window: Uint8Array): GuestStats {
  const value = readerOf(window)
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
    stealNs: value(abi.STAT_STEAL_NS),
    busyHarts: value(abi.STAT_BUSY_HARTS),
    slices: value(abi.STAT_SLICES),
    migrations: value(abi.STAT_MIGRATIONS),
    blockReads: value(abi.STAT_BLOCK_READS),
    blockWrites: value(abi.STAT_BLOCK_WRITES),
    blockFlushes: value(abi.STAT_BLOCK_FLUSHES),
    blockReadBytes: value(abi.STAT_BLOCK_READ_BYTES),
    blockWrittenBytes: value(abi.STAT_BLOCK_WRITTEN_BYTES),
    netSent: value(abi.STAT_NET_SENT),
    netReceived: value(abi.STAT_NET_RECEIVED),
    netSentBytes: value(abi.STAT_NET_SENT_BYTES),
    netReceivedBytes: value(abi.STAT_NET_RECEIVED_BYTES),
    netDropped: value(abi.STAT_NET_DROPPED),
    consoleWrittenBytes: value(abi.STAT_CONSOLE_WRITTEN_BYTES),
    throttledNs: value(abi.STAT_THROTTLED_NS),
    sharedFrames: value(abi.STAT_SHARED_FRAMES),
    balloonPages: value(abi.STAT_BALLOON_PAGES),
    balloonTarget: value(abi.STAT_BALLOON_TARGET),
    reportedPages: value(abi.STAT_REPORTED_PAGES),
    freeBytes: value(abi.STAT_FREE_BYTES),
    availableBytes: value(abi.STAT_AVAILABLE_BYTES),
    starved: value(abi.STAT_STARVED) !== 0,
  }
}

/** Reads what `machineStats` has just written to `window`. */
export function readMachineStats(window: Uint8Array): MachineStats {
  const value = readerOf(window)
  const cpus = Array.from({ length: value(abi.MACHINE_STAT_CPUS) }, (_, cpu) => {
    const first = abi.MACHINE_STAT_COUNT + cpu * abi.CPU_STAT_COUNT
    return {
      ns: value(first + abi.CPU_STAT_NS),
      idleNs: value(first + abi.CPU_STAT_IDLE_NS),
      kernelNs: value(first + abi.CPU_STAT_KERNEL_NS),
    }
  })
  return {
    frames: value(abi.MACHINE_STAT_FRAMES),
    usedFrames: value(abi.MACHINE_STAT_USED_FRAMES),
    promisedFrames: value(abi.MACHINE_STAT_PROMISED_FRAMES),
    savedFrames: value(abi.MACHINE_STAT_SAVED_FRAMES),
    cpus,
  }
}

function readerOf(window: Uint8Array): (number: number) => number {
  const view = new DataView(window.buffer, window.byteOffset, window.byteLength)
  return (number) => Number(view.getBigUint64(8 * number, true))
}
