// bench density: identical idle guests, one after the other, until the machine is full: how many there are, and what each
// costs in CPU time and in memory beside its own.

import { setTimeout as sleep } from 'node:timers/promises'
import { OrlopError } from '../cli/error.ts'
import { parseSize } from '../cli/size.ts'
import { MachineError } from '../host-shim/error.ts'
import { planMemory } from '../host-shim/machine.ts'
import type { RunningMachine } from '../host-shim/node/main.ts'
import { CODE_BYTES, CPU_BYTES, MAX_GUESTS, PAGE_SIZE } from '../hypervisor/abi.ts'
import { type Boot, findBoot } from './boots.ts'
import type { BenchOptions } from './options.ts'
import { machineInfo, median, number, type Report, summarise, worstOf } from './report.ts'
import { machineRegion, type Region, residentBytes } from './resident.ts'
import { wanted } from './rows.ts'
import { Tenant, withMachine } from './tenants.ts'

export const RUNS = 1
const SECONDS = 5
const CPUS = 1
/** All that a machine with 32-bit addresses can have; what the kernel needs for itself goes off it. */
const MEMORY_BYTES = 4 * 2 ** 30
const COUNTS = [10, 20, 40, 60]
/** As many as there is room for. */
const ALL = 'all'
const GOALS = { guests: 60, cpuPercent: 5, stateKiB: 256 }
/** A guest that is not up by then will never be. */
const BOOT_MS = 120_000
/** What a start leaves behind is done by then: the guests' own daemons, and compilers. */
const REST_MS = 3000

/** What so many idle guests cost. */
interface Point {
  guests: number
  /** Seconds from nothing to the shell, of each guest since the last point. */
  startSeconds: number[]
  /** Percent of one CPU: of the process as the host counts it, and of the machine's CPUs as they count themselves. */
  processPercent: number
  machinePercent: number
  /** MiB of RAM that a guest has touched. */
  framesMiB: number
  /** KiB that the kernel has for each guest: its block and frame map; and in caches of code, which have an upper bound. */
  stateKiB: number
  codeKiB: number
  /** MiB of memory of the whole process. */
  processMiB: number
}

/** Bytes in memory: of all that lies below the code caches, of these, and frames in use that are no guest's RAM. */
interface Resident {
  belowCode: number
  code: number
  maps: number
}

interface House {
  machine: RunningMachine
  boot: Boot
  region: Region
  /** Where code caches and frames begin. */
  codeBase: number
  framesBase: number
  tenants: Tenant[]
}

export async function measure(options: BenchOptions): Promise<Report> {
  const names = [...COUNTS.map(String), ALL]
  const counts = names.filter(wanted(options.rows, names)).map((name) => (name === ALL ? MAX_GUESTS + 1 : Number(name)))
  const boot = (await findBoot('lean', options.progress)) ?? (await findBoot('debian', options.progress))
  if (boot === undefined) throw new OrlopError('There is no guest to start; run "orlop pull debian" first.')
  const runs: Point[][] = []
  for (let run = 0; run < options.runs; run++) runs.push(await fill(boot, counts, options))
  const isFull = counts.at(-1)! > MAX_GUESTS
  const ofRuns = (value: (points: Point[]) => number) => ({ ours: runs.map(value), reference: [], unit: '', row: '' })
  const of = (value: (point: Point) => number) => ofRuns((points) => value(points.at(-1)!))
  const rows = [
    {
      ...of(({ guests }) => guests),
      row: 'guests at once',
      unit: 'guests',
      better: 'higher' as const,
      ...(isFull && { goal: GOALS.guests }),
    },
    {
      ...ofRuns((points) => pointOfGoal(points).processPercent),
      row: `CPU of ${pointOfGoal(runs[0]!).guests}, idle`,
      unit: '% of one',
      better: 'lower' as const,
      goal: GOALS.cpuPercent,
    },
    {
      ...ofRuns(furtherKiB),
      row: 'state of a further one',
      unit: 'KiB',
      better: 'lower' as const,
      goal: GOALS.stateKiB,
    },
  ].map(summarise)
  const when = new Date().toISOString()
  const summary = worstOf(rows)
  const table = tableOf(runs)
  return { bench: 'density', when, machine: machineInfo(), rows, summary, table, details: runs }
}

/** Where the goal's number of guests is reached, or else the last. */
function pointOfGoal(points: Point[]): Point {
  return points.find(({ guests }) => guests >= GOALS.guests) ?? points.at(-1)!
}

/** KiB that the kernel has for each guest beyond those of the first point: tables that are one for all have been paid for then. */
function furtherKiB(points: Point[]): number {
  const first = points[0]!
  const last = points.at(-1)!
  if (first === last) return last.stateKiB
  return (last.guests * last.stateKiB - first.guests * first.stateKiB) / (last.guests - first.guests)
}

/** Starts guests until there are as many as the last count, or no more fit; measures at each count, and in the end. */
async function fill(boot: Boot, counts: number[], options: BenchOptions): Promise<Point[]> {
  const cpus = options.cpus ?? CPUS
  const cpuBytes = planMemory(MEMORY_BYTES, cpus).codeBytes + CPU_BYTES - CODE_BYTES
  return withMachine(cpus, MEMORY_BYTES, async (machine) => {
    const { frames } = await machine.stats()
    const region = machineRegion(frames * PAGE_SIZE)
    // The frames are the end of memory, and the caches lie just below.
    const framesBase = region.bytes - frames * PAGE_SIZE
    const codeBase = framesBase - cpus * cpuBytes
    const house: House = { machine, boot, region, codeBase, framesBase, tenants: [] }
    const empty = await residentOf(house)
    const points: Point[] = []
    let startSeconds: number[] = []
    const last = counts.at(-1)!
    for (;;) {
      const seconds = house.tenants.length < last ? await settle(house, options) : undefined
      if (seconds !== undefined) startSeconds.push(seconds)
      const count = house.tenants.length
      if (seconds !== undefined && !counts.includes(count)) continue
      if (seconds === undefined && points.at(-1)?.guests === count) break
      if (count === 0) throw new OrlopError('Not a single guest has come up, so there is nothing to measure.', 1)
      points.push(await measurePoint(house, empty, startSeconds, options))
      startSeconds = []
    }
    return points
  })
}

/** Starts one more guest; how long it took, or undefined when there is no room for it. */
async function settle({ machine, boot, tenants }: House, { progress }: BenchOptions): Promise<number | undefined> {
  const { kernel, initrd, append: commandLine, memory, until } = boot
  const name = `guest ${tenants.length + 1}`
  const begin = performance.now()
  let tenant: Tenant
  try {
    tenant = await Tenant.define(machine, name, {
      kernel,
      initrd,
      commandLine,
      ramBytes: parseSize(memory, '--memory'),
    })
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
    progress(`No more guests: ${error.message}`)
    return undefined
  }
  try {
    await tenant.guest.start()
    await tenant.hear(new RegExp(until), BOOT_MS)
  } catch (error) {
    if (!(error instanceof OrlopError)) throw error
    const { starved } = await tenant.guest.stats()
    progress(`No more guests: ${name} does not come up${starved ? ', as it waits for memory' : ''}.`)
    await tenant.guest.stop().catch(() => {})
    await tenant.guest.remove()
    return undefined
  }
  tenants.push(tenant)
  return (performance.now() - begin) / 1000
}

async function measurePoint(
  house: House,
  empty: Resident,
  startSeconds: number[],
  options: BenchOptions,
): Promise<Point> {
  const { machine, tenants } = house
  const seconds = options.seconds ?? SECONDS
  await sleep(REST_MS)
  const before = await machine.stats()
  const begin = performance.now()
  const used = process.cpuUsage()
  await sleep(seconds * 1000)
  const { user, system } = process.cpuUsage(used)
  const wallUs = (performance.now() - begin) * 1000
  const after = await machine.stats()
  const busyNs = after.cpus.reduce((sum, { ns, idleNs }, i) => {
    const then = before.cpus[i]!
    return sum + (ns - then.ns) - (idleNs - then.idleNs)
  }, 0)
  const stats = await Promise.all(tenants.map(({ guest }) => guest.stats()))
  const now = await residentOf(house)
  const count = tenants.length
  const grown = (kind: keyof Resident) => (now[kind] - empty[kind]) / count / 1024
  const point: Point = {
    guests: count,
    startSeconds,
    processPercent: (100 * (user + system)) / wallUs,
    machinePercent: busyNs / wallUs / 10,
    framesMiB: (stats.reduce((sum, { framesTouched }) => sum + framesTouched, 0) * PAGE_SIZE) / count / 2 ** 20,
    stateKiB: grown('belowCode') + grown('maps'),
    codeKiB: grown('code'),
    processMiB: process.memoryUsage.rss() / 2 ** 20,
  }
  const { processPercent, machinePercent, stateKiB } = point
  const cpu = `${processPercent.toFixed(1)} % of one CPU (${machinePercent.toFixed(1)} % by its own count)`
  options.progress(`${count} guests: ${cpu}, ${stateKiB.toFixed(0)} KiB of state each`)
  return point
}

async function residentOf({ machine, region, codeBase, framesBase, tenants }: House): Promise<Resident> {
  const stats = await Promise.all(tenants.map(({ guest }) => guest.stats()))
  const { usedFrames, savedFrames } = await machine.stats()
  const ofGuests = stats.reduce((sum, { framesTouched }) => sum + framesTouched, 0) - savedFrames
  return {
    belowCode: residentBytes(region, 0, codeBase),
    code: residentBytes(region, codeBase, framesBase - codeBase),
    maps: (usedFrames - ofGuests) * PAGE_SIZE,
  }
}

/** The curve: a line for each count. */
function tableOf(runs: Point[][]): string[][] {
  const head = ['guests', '', 'start s', 'CPU %', 'own count %', 'RAM MiB', 'state KiB', 'code KiB', 'process MiB']
  const lines = runs
    .flat()
    .map((point) => [
      `${point.guests}`,
      '',
      point.startSeconds.length === 0 ? '' : number(median(point.startSeconds)),
      ...[point.processPercent, point.machinePercent, point.framesMiB, point.stateKiB, point.codeKiB].map(number),
      number(point.processMiB),
    ])
  return [head, ...lines]
}
