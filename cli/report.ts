// What `orlop run --stats` tells at the end: one line of JSON for programs, or a table for people.

import { showSize } from './size.ts'
import type { Ending } from '../host-shim/node/protocol.ts'

export interface Report {
  /** How the run ended: "poweroff", "panic", "test-failed", "until", "timeout", "left", "signal", "no-memory". */
  outcome: string
  exitCode: number
  guestInstructions: number
  /** ns in which the guest itself ran. */
  guestNs: number
  /** ns spent on its devices, and in the rest of the kernel on its behalf. */
  deviceNs: number
  kernelNs: number
  /** ns in which nothing was to do. */
  idleNs: number
  /** Guest instructions for each second in the guest. */
  instructionsPerSecond: number
  /** Frames of 4096 bytes that the guest has touched. */
  framesTouched: number
  /** Guest time in ns, and instructions, to the first instruction of a user program; null: there was none. */
  firstUserNs: number | null
  firstUserInstructions: number | null
  traps: number
  interrupts: number
  mmio: number
  sbiCalls: number
  tlbFills: number
  codePages: number
  offences: number
  /** CPU seconds of this process, and how many of them had gone before the guest's first instruction. */
  cpuSeconds: number
  startupCpuSeconds: number
  /** The most memory that this process has had, in bytes: the guest's, and all that is ours. */
  peakMemoryBytes: number
  /** Seconds since this process began. */
  wallSeconds: number
}

export function makeReport(outcome: string, exitCode: number, { stats, startupCpuSeconds }: Ending): Report {
  const { instructions, guestNs, firstUserNs, firstUserInstructions, ...counters } = stats
  const { user, system } = process.cpuUsage()
  return {
    outcome,
    exitCode,
    guestInstructions: instructions,
    guestNs,
    ...counters,
    instructionsPerSecond: guestNs === 0 ? 0 : Math.round((instructions / guestNs) * 1e9),
    firstUserNs: firstUserNs === 0 ? null : firstUserNs,
    firstUserInstructions: firstUserNs === 0 ? null : firstUserInstructions,
    cpuSeconds: (user + system) / 1e6,
    startupCpuSeconds,
    // Node tells it in KiB.
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    wallSeconds: process.uptime(),
  }
}

export function reportAsJson(report: Report): string {
  return `${JSON.stringify(report)}\n`
}

export function reportAsText(report: Report): string {
  const count = (value: number) => value.toLocaleString('en-US')
  const ms = (ns: number) => `${(ns / 1e6).toFixed(1)} ms`
  const rows: [string, string][] = [
    ['ended by', `${report.outcome}, exit code ${report.exitCode}`],
    ['guest instructions', count(report.guestInstructions)],
    ['per second in guest', `${(report.instructionsPerSecond / 1e6).toFixed(1)} million`],
    ['time in guest', ms(report.guestNs)],
    ['in devices', ms(report.deviceNs)],
    ['in the kernel', ms(report.kernelNs)],
    ['idle', ms(report.idleNs)],
    ['memory touched', showSize(report.framesTouched * 4096)],
    ['first user program', report.firstUserNs === null ? 'none' : `after ${ms(report.firstUserNs)}`],
    ['device accesses', count(report.mmio)],
    ['SBI calls', count(report.sbiCalls)],
    ['traps, interrupts', `${count(report.traps)}, ${count(report.interrupts)}`],
    ['offences', count(report.offences)],
    ['CPU time', `${report.cpuSeconds.toFixed(2)} s, ${report.startupCpuSeconds.toFixed(2)} s of it to start`],
    ['memory of all', showSize(report.peakMemoryBytes)],
    ['wall time', `${report.wallSeconds.toFixed(2)} s`],
  ]
  return rows.map(([name, value]) => `${name.padEnd(20)}${value}\n`).join('')
}
