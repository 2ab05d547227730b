// What `orlop run --stats` tells at the end: one line of JSON for programs, or a table for people.

import type { Ending } from '../host-shim/node/protocol.ts'
import { type DivergenceReport, reportDivergence } from './divergence.ts'
import { showSize } from './size.ts'

export interface Report {
  /** How the run ended: "poweroff", "panic", "test-failed", "until", "timeout", "left", "signal", "no-memory", "diverged". */
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
  /** Of the instructions those that translated code did, and their share of all, 0 to 1. */
  translatedInstructions: number
  translatedShare: number
  /** Times that translated code was entered. */
  regionEntries: number
  /** Of `kernelNs` what translating took. */
  translateNs: number
  /** Hot places in the guest's code that could not be translated. */
  refusals: number
  /** Translated functions at the end, modules made in all, bytes of WebAssembly at the end. */
  regions: number
  modules: number
  codeBytes: number
  /** Translated functions that were dropped to make room, and because the guest changed its code. */
  evictions: number
  invalidations: number
  /** What the engines disagreed about under `--translator verify`; null: nothing. */
  divergence: DivergenceReport | null
  /** CPU seconds of this process, and how many of them had gone before the guest's first instruction. */
  cpuSeconds: number
  startupCpuSeconds: number
  /** The most memory that this process has had, in bytes: the guest's, and all that is ours. */
  peakMemoryBytes: number
  /** Seconds since this process began. */
  wallSeconds: number
}

export function makeReport(outcome: string, exitCode: number, ending: Ending): Report {
  const { stats, divergence, startupCpuSeconds } = ending
  const { instructions, guestNs, firstUserNs, firstUserInstructions, ...counters } = stats
  const { user, system } = process.cpuUsage()
  return {
    outcome,
    exitCode,
    guestInstructions: instructions,
    guestNs,
    ...counters,
    translatedShare: instructions === 0 ? 0 : stats.translatedInstructions / instructions,
    instructionsPerSecond: guestNs === 0 ? 0 : Math.round((instructions / guestNs) * 1e9),
    firstUserNs: firstUserNs === 0 ? null : firstUserNs,
    firstUserInstructions: firstUserNs === 0 ? null : firstUserInstructions,
    divergence: divergence === undefined ? null : reportDivergence(divergence),
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
    [
      'translated',
      `${(100 * report.translatedShare).toFixed(1)} % of the instructions, in ${count(report.regionEntries)} runs`,
    ],
    ['to translate', `${ms(report.translateNs)}, ${count(report.modules)} modules, ${count(report.refusals)} refusals`],
    ['translated code', `${count(report.regions)} functions, ${showSize(report.codeBytes)}`],
    ['dropped functions', `${count(report.evictions)} for room, ${count(report.invalidations)} were changed`],
    ['CPU time', `${report.cpuSeconds.toFixed(2)} s, ${report.startupCpuSeconds.toFixed(2)} s of it to start`],
    ['memory of all', showSize(report.peakMemoryBytes)],
    ['wall time', `${report.wallSeconds.toFixed(2)} s`],
  ]
  return rows.map(([name, value]) => `${name.padEnd(20)}${value}\n`).join('')
}
