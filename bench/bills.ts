// What a machine has charged to its guests between two moments, and how much of its threads' time the host had for others.

import { readdirSync, readFileSync } from 'node:fs'
import type { RunningGuest, RunningMachine } from '../host-shim/node/main.ts'
import type { GuestStats, MachineStats } from '../host-shim/stats.ts'

/** All counters of one moment. */
export interface Snapshot {
  /** Wall clock. */
  ns: number
  machine: MachineStats
  guests: Record<string, GuestStats>
  /** ns that threads of this process could have run and had no processor of the host, so far. */
  hostNs: number
}

/** One guest's part of a span. */
export interface Bill {
  guestNs: number
  deviceNs: number
  kernelNs: number
  stealNs: number
}

/** A span between two snapshots. */
export interface Bills {
  wallNs: number
  cpus: number
  /** Sum over all CPUs: all that the machine has counted, of it idle, of it for the kernel itself. */
  countedNs: number
  idleNs: number
  kernelNs: number
  hostNs: number
  guests: Record<string, Bill>
}

export async function snapshot(machine: RunningMachine, guests: Record<string, RunningGuest>): Promise<Snapshot> {
  const names = Object.keys(guests)
  const [stats, ...all] = await Promise.all([machine.stats(), ...names.map((name) => guests[name]!.stats())])
  return {
    ns: performance.now() * 1e6,
    machine: stats,
    guests: Object.fromEntries(names.map((name, i) => [name, all[i]!])),
    hostNs: hostWaitNs(),
  }
}

/** The difference; guests that are not in both are left out. */
export function between(before: Snapshot, after: Snapshot): Bills {
  const sum = (of: (cpu: MachineStats['cpus'][number]) => number, { machine }: Snapshot) =>
    machine.cpus.reduce((total, cpu) => total + of(cpu), 0)
  const grown = (of: (cpu: MachineStats['cpus'][number]) => number) => sum(of, after) - sum(of, before)
  const guests: Record<string, Bill> = {}
  for (const [name, now] of Object.entries(after.guests)) {
    const then = before.guests[name]
    if (then === undefined) continue
    guests[name] = {
      guestNs: now.guestNs - then.guestNs,
      deviceNs: now.deviceNs - then.deviceNs,
      kernelNs: now.kernelNs - then.kernelNs,
      stealNs: now.stealNs - then.stealNs,
    }
  }
  return {
    wallNs: after.ns - before.ns,
    cpus: after.machine.cpus.length,
    countedNs: grown(({ ns }) => ns),
    idleNs: grown(({ idleNs }) => idleNs),
    kernelNs: grown(({ kernelNs }) => kernelNs),
    hostNs: after.hostNs - before.hostNs,
    guests,
  }
}

/** All ns that a guest pays for. */
export function paidNs({ guestNs, deviceNs, kernelNs }: Bill): number {
  return guestNs + deviceNs + kernelNs
}

/** Percent of one CPU's time that a guest has paid for. */
export function percentOfCpu(bills: Bills, name: string): number {
  return (100 * paidNs(bills.guests[name]!)) / bills.wallNs
}

/** How far the guests' parts of what they got together are from their weights: percent of its due, the worst guest's. */
export function shareError(bills: Bills, weights: Record<string, number>): number {
  const names = Object.keys(weights)
  const paid = names.map((name) => paidNs(bills.guests[name]!))
  const paidByAll = paid.reduce((sum, ns) => sum + ns, 0)
  const weightOfAll = names.reduce((sum, name) => sum + weights[name]!, 0)
  const errors = names.map((name, i) => Math.abs(((paid[i]! / paidByAll) * weightOfAll) / weights[name]! - 1))
  return 100 * Math.max(...errors)
}

/** How far the books are from the truth, in percent: counted time from the wall clock, or single bills from their sum. */
export function accountingError({ wallNs, cpus, countedNs, idleNs, kernelNs, guests }: Bills): number {
  const paid = Object.values(guests).reduce((sum, bill) => sum + paidNs(bill), 0)
  const ofWall = Math.abs(countedNs - wallNs * cpus) / (wallNs * cpus)
  const ofSum = Math.abs(paid + idleNs + kernelNs - countedNs) / countedNs
  return 100 * Math.max(ofWall, ofSum)
}

/** The value below which `percent` percent of the values lie; the nearest rank. */
export function percentile(values: number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]!
}

/** What the host's scheduler tells of a thread: ns it ran, ns it waited for a processor, number of slices (proc(5)). */
function hostWaitNs(): number {
  const tasks = '/proc/self/task'
  let ns = 0
  for (const task of readdirSync(tasks)) {
    try {
      ns += Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[1])
    } catch {
      // The thread has just ended, or this host does not tell.
    }
  }
  return ns
}
