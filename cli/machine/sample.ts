// What a machine and its guests use: counters, and rates since the last look at them.

import { WEIGHT_DEFAULT } from '../../hypervisor/abi.ts'
import type { GuestSettings } from '../../host-shim/settings.ts'
import type { CpuStats, GuestStats, MachineStats } from '../../host-shim/stats.ts'
import type { Guest, State } from './guest.ts'

const FRAME = 4096

/** A guest as `list`, `info`, `stats` and the table show it. */
export interface GuestSample {
  id: number
  name: string
  state: State
  reason: string
  harts: number
  weight: number
  settings: Partial<GuestSettings>
  /** RAM as it was made, and what it has touched, shares with others, and has given to its balloon: bytes. */
  memoryBytes: number
  usedBytes: number
  sharedBytes: number
  balloonBytes: number
  /** Is it waiting for memory that the machine does not have? */
  starved: boolean
  /** In percent of one CPU, since the last look: what it got, with all work for it; and what it wanted and did not get. */
  cpuPercent: number
  stealPercent: number
  /** A second, since the last look. */
  diskReadBytes: number
  diskWrittenBytes: number
  netReceivedBytes: number
  netSentBytes: number
  consoleBytes: number
  instructions: number
  /** Clients that have its console open. */
  watchers: number
}

export interface MachineSample {
  name: string
  cpus: number
  memoryBytes: number
  usedBytes: number
  /** Promised to guests that have not touched it yet, and saved by sharing. */
  promisedBytes: number
  savedBytes: number
  /** In percent of all CPUs, since the last look. */
  busyPercent: number
  kernelPercent: number
  upSeconds: number
}

interface Look {
  atMs: number
  stats: GuestStats
}

/** Looks that follow each other faster than this give the same rates. */
const LEAST_MS = 200

export class Sampler {
  private readonly looks = new Map<Guest, { before: Look | undefined; last: Look }>()
  private cpusBefore: CpuStats[] = []
  private cpusLast: CpuStats[] = []
  private cpusAtMs = Number.NEGATIVE_INFINITY

  /** Looks at a guest, which has just been asked for `stats`. */
  guest(guest: Guest, stats: GuestStats | undefined): GuestSample {
    const { plan } = guest
    const look = stats === undefined ? undefined : this.look(guest, stats)
    if (look === undefined) this.looks.delete(guest)
    const { before, last } = look ?? {}
    const seconds = before === undefined || last === undefined ? 0 : (last.atMs - before.atMs) / 1000
    const rate = (count: (stats: GuestStats) => number) =>
      seconds === 0 || before === undefined || last === undefined
        ? 0
        : Math.max(0, (count(last.stats) - count(before.stats)) / seconds)
    const percent = (count: (stats: GuestStats) => number) => round(rate(count) / 1e7)
    return {
      id: guest.id,
      name: plan.name,
      state: guest.state(stats?.busyHarts),
      reason: guest.reason,
      harts: plan.harts,
      weight: plan.settings.weight ?? WEIGHT_DEFAULT,
      settings: plan.settings,
      memoryBytes: plan.memoryBytes,
      usedBytes: (stats?.framesTouched ?? 0) * FRAME,
      sharedBytes: (stats?.sharedFrames ?? 0) * FRAME,
      balloonBytes: (stats?.balloonPages ?? 0) * FRAME,
      starved: stats?.starved ?? false,
      cpuPercent: percent(({ guestNs, deviceNs, kernelNs }) => guestNs + deviceNs + kernelNs),
      stealPercent: percent(({ stealNs }) => stealNs),
      diskReadBytes: Math.round(rate((s) => s.blockReadBytes)),
      diskWrittenBytes: Math.round(rate((s) => s.blockWrittenBytes)),
      netReceivedBytes: Math.round(rate((s) => s.netReceivedBytes)),
      netSentBytes: Math.round(rate((s) => s.netSentBytes)),
      consoleBytes: Math.round(rate((s) => s.consoleWrittenBytes)),
      instructions: Math.round(rate((s) => s.instructions)),
      watchers: guest.console.watcherCount,
    }
  }

  machine(name: string, upSeconds: number, stats: MachineStats): MachineSample {
    const now = performance.now()
    if (now - this.cpusAtMs >= LEAST_MS) {
      this.cpusBefore = this.cpusLast
      this.cpusLast = stats.cpus
      this.cpusAtMs = now
    }
    const sum = (count: (cpu: CpuStats) => number) =>
      this.cpusLast.reduce((all, cpu, i) => {
        const before = this.cpusBefore[i]
        return all + count(cpu) - (before === undefined ? 0 : count(before))
      }, 0)
    const ns = sum((cpu) => cpu.ns)
    const percent = (part: number) => (ns <= 0 ? 0 : Math.min(100, Math.max(0, round((100 * part) / ns))))
    return {
      name,
      cpus: stats.cpus.length,
      memoryBytes: stats.frames * FRAME,
      usedBytes: stats.usedFrames * FRAME,
      promisedBytes: stats.promisedFrames * FRAME,
      savedBytes: stats.savedFrames * FRAME,
      busyPercent: percent(ns - sum((cpu) => cpu.idleNs)),
      kernelPercent: percent(sum((cpu) => cpu.kernelNs)),
      upSeconds,
    }
  }

  forget(guest: Guest): void {
    this.looks.delete(guest)
  }

  private look(guest: Guest, stats: GuestStats): { before: Look | undefined; last: Look } {
    const now: Look = { atMs: performance.now(), stats }
    const known = this.looks.get(guest)
    // A guest that was started anew counts from zero.
    const isSame = known !== undefined && known.last.stats.instructions <= stats.instructions
    if (isSame && now.atMs - known.last.atMs < LEAST_MS) return known
    const look = { before: isSame ? known.last : undefined, last: now }
    this.looks.set(guest, look)
    return look
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
