// bench shares: does every guest get what it is due? Weights, caps, reservations, how soon an idle guest is woken, whether
// the books are right, and what several CPUs bring.

import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { OrlopError } from '../cli/error.ts'
import type { RunningMachine } from '../host-shim/node/main.ts'
import type { GuestSettings } from '../host-shim/settings.ts'
import { MAX_CPUS, MAX_HARTS } from '../hypervisor/abi.ts'
import { accountingError, type Bills, between, percentile, percentOfCpu, shareError, snapshot } from './bills.ts'
import type { System } from './engines.ts'
import type { BenchOptions } from './options.ts'
import { type Better, type Measured, machineInfo, type Report, summarise, worstOf } from './report.ts'
import { wanted } from './rows.ts'
import { LATE_MS, settle, startAll, TENANT_BYTES, Tenant, tenantSystem, withMachine } from './tenants.ts'

export const RUNS = 3
const SECONDS = 10

/** What a hart has its CPU for while others wait (hypervisor/vmm/schedule/policy.ts). */
const SLICE_MS = 3
const HOGS = 8
const WEIGHTS = [256, 512, 1024]
const CAP_PERCENT = 50
const RESERVED_PERCENT = 30
const PLAIN: Partial<GuestSettings> = { weight: 256, cap: 0, reservation: 0 }
/** The sleeper's nap, and about what a nap takes with all that comes with it, so that its naps fill the time. */
const NAP_MS = 20
const ROUND_MS = 24
/** Jobs of the parallel work, at once: as many as its guest has harts. */
const JOBS = 16
const AT_ONCE = 4

/** Guests on one machine: one that is looked at, and eight that burn what they get, with a hart for each CPU. */
interface Crowd {
  machine: RunningMachine
  cpus: number
  seconds: number
  subject: Tenant
  hogs: Tenant[]
}

interface ShareRow {
  name: string
  /** What it gives: the figures' names, units, and what is to be reached. */
  figures: { name: string; unit: string; better: Better; goal?: number }[]
}

const ROWS: ShareRow[] = [
  { name: 'weights', figures: [{ name: 'weights 1:2:4', unit: '% off', better: 'lower', goal: 1 }] },
  { name: 'cap', figures: [{ name: `cap of ${CAP_PERCENT} %`, unit: 'points off', better: 'lower', goal: 0.5 }] },
  {
    name: 'reservation',
    figures: [{ name: `${RESERVED_PERCENT} % reserved, 8 hogs`, unit: '% short', better: 'lower', goal: 1 }],
  },
  {
    name: 'wake-up',
    figures: [
      { name: 'woken under 8 hogs, p50', unit: 'slices', better: 'lower' },
      { name: 'woken under 8 hogs, p99', unit: 'slices', better: 'lower', goal: 2 },
    ],
  },
  { name: 'accounting', figures: [{ name: 'books and wall clock', unit: '% off', better: 'lower', goal: 1 }] },
  { name: 'smp', figures: [{ name: 'twice the harts, same weight', unit: '% off', better: 'lower', goal: 1 }] },
  { name: 'flooder', figures: [{ name: 'network flood and computing', unit: '% off', better: 'lower', goal: 1 }] },
  { name: 'parallel', figures: [{ name: 'work of 2 CPUs', unit: 'x 1 CPU', better: 'higher', goal: 1.7 }] },
]

const IN_CROWD: Record<string, (crowd: Crowd) => Promise<number[]>> = {
  weights: measureWeights,
  cap: measureCap,
  reservation: measureReservation,
  'wake-up': measureWakeUp,
  accounting: measureAccounting,
  smp: measureHarts,
}

export async function measure(options: BenchOptions): Promise<Report> {
  const isWanted = wanted(
    options.rows,
    ROWS.map(({ name }) => name),
  )
  const rows = ROWS.filter(({ name }) => isWanted(name))
  const cpus = options.cpus ?? Math.min(availableParallelism(), MAX_CPUS)
  const seconds = options.seconds ?? SECONDS
  const system = await tenantSystem(['work', 'hog', 'netflood', 'late', 'parallel'], options)
  const figures = new Map<string, number[][]>(rows.map(({ name }) => [name, []]))
  const note = (name: string, values: number[], run: number) => {
    figures.get(name)!.push(values)
    const told = values.map((value) => value.toFixed(2)).join(', ')
    options.progress(`${name}, run ${run + 1} of ${options.runs}: ${told}`)
  }

  const crowded = rows.filter(({ name }) => Object.hasOwn(IN_CROWD, name))
  if (crowded.length > 0) {
    await withCrowd(system, cpus, seconds, options, async (crowd) => {
      for (let run = 0; run < options.runs; run++) {
        for (const { name } of crowded) note(name, await IN_CROWD[name]!(crowd), run)
      }
    })
  }
  if (isWanted('flooder')) {
    await measureFlooder(system, seconds, options.runs, (value, run) => note('flooder', [value], run))
  }
  if (isWanted('parallel')) await measureParallel(system, options.runs, (value, run) => note('parallel', [value], run))

  const measured = rows.flatMap(({ name, figures: kinds }) =>
    kinds.map(({ name: row, ...kind }, i): Measured => {
      return { row, ...kind, ours: figures.get(name)!.map((values) => values[i]!), reference: [] }
    }),
  )
  const summed = measured.map(summarise)
  const when = new Date().toISOString()
  const details = { cpus, seconds, runs: Object.fromEntries(figures) }
  return { bench: 'shares', when, machine: machineInfo(), rows: summed, summary: worstOf(summed), details }
}

async function withCrowd(
  system: System,
  cpus: number,
  seconds: number,
  { progress }: BenchOptions,
  work: (crowd: Crowd) => Promise<void>,
): Promise<void> {
  await withMachine(cpus, (HOGS + 2) * TENANT_BYTES, async (machine) => {
    progress(`Starting ${HOGS + 1} guests on ${cpus} CPUs`)
    const names = ['subject', ...Array.from({ length: HOGS }, (_, i) => `hog ${i + 1}`)]
    const harts = Math.min(cpus, MAX_HARTS)
    // The subject can do twice as much at once as any other.
    const tenants = await startAll(machine, names, system, (i) => ({
      harts: i === 0 ? Math.min(2 * harts, MAX_HARTS) : harts,
    }))
    const [subject, ...hogs] = tenants as [Tenant, ...Tenant[]]
    await work({ machine, cpus, seconds, subject, hogs })
  })
}

/** Runs hogs in these guests, with as many processes each, and bills what `meanwhile` takes, or `seconds`. */
async function withHogs(
  { machine, seconds, subject, hogs }: Crowd,
  burning: [Tenant, number][],
  meanwhile: () => Promise<unknown> = () => sleep(seconds * 1000),
): Promise<Bills> {
  const burnSeconds = Math.ceil(seconds) + 2
  const mostMs = 2 * burnSeconds * 1000 + LATE_MS
  const burns = burning.map(([tenant, processes]) => tenant.run(['/hog', `${processes}`, `${burnSeconds}`], mostMs))
  const all = Promise.all(burns)
  all.catch(() => {})
  // Until all have their processes, and their loop is translated.
  await settle(1000)
  const guests = Object.fromEntries([subject, ...hogs].map(({ name, guest }) => [name, guest]))
  const before = await snapshot(machine, guests)
  await meanwhile()
  const bills = between(before, await snapshot(machine, guests))
  await all
  return bills
}

async function setting(tenants: Tenant[], settings: Partial<GuestSettings>[], work: () => Promise<number[]>) {
  for (const [i, tenant] of tenants.entries()) await tenant.guest.set(settings[i]!)
  try {
    return await work()
  } finally {
    for (const tenant of tenants) await tenant.guest.set(PLAIN)
  }
}

function measureWeights(crowd: Crowd): Promise<number[]> {
  const three = crowd.hogs.slice(0, WEIGHTS.length)
  const settings = WEIGHTS.map((weight) => ({ weight }))
  return setting(three, settings, async () => {
    const bills = await withHogs(
      crowd,
      three.map((tenant) => [tenant, crowd.cpus]),
    )
    return [shareError(bills, Object.fromEntries(three.map(({ name }, i) => [name, WEIGHTS[i]!])))]
  })
}

function measureCap(crowd: Crowd): Promise<number[]> {
  return setting([crowd.subject], [{ cap: CAP_PERCENT }], async () => {
    const bills = await withHogs(crowd, [[crowd.subject, crowd.cpus]])
    return [Math.abs(percentOfCpu(bills, crowd.subject.name) - CAP_PERCENT)]
  })
}

/** The guest's weight is worth nothing, so that all it gets is what is reserved for it. */
function measureReservation(crowd: Crowd): Promise<number[]> {
  return setting([crowd.subject], [{ weight: 1, reservation: RESERVED_PERCENT }], async () => {
    const all = [crowd.subject, ...crowd.hogs].map((tenant): [Tenant, number] => [tenant, crowd.cpus])
    const bills = await withHogs(crowd, all)
    const short = RESERVED_PERCENT - percentOfCpu(bills, crowd.subject.name)
    return [Math.max(0, (100 * short) / RESERVED_PERCENT)]
  })
}

async function measureWakeUp(crowd: Crowd): Promise<number[]> {
  const naps = Math.max(10, Math.floor((crowd.seconds * 1000) / ROUND_MS))
  let output = ''
  await withHogs(
    crowd,
    crowd.hogs.map((tenant) => [tenant, crowd.cpus]),
    async () => {
      output = await crowd.subject.run(['/late', `${naps}`, `${NAP_MS * 1000}`], naps * 1000 + LATE_MS)
    },
  )
  const slices = lateness(output).map((us) => us / 1000 / SLICE_MS)
  return [percentile(slices, 50), percentile(slices, 99)]
}

async function measureAccounting(crowd: Crowd): Promise<number[]> {
  // One sleeps, some burn, and one CPU's worth of them is capped: there is time of every kind.
  const [capped, ...others] = crowd.hogs.slice(0, 3) as [Tenant, ...Tenant[]]
  return setting([capped], [{ cap: CAP_PERCENT }], async () => {
    const burning = [capped, ...(crowd.cpus > 1 ? others.slice(0, 1) : [])]
    const bills = await withHogs(
      crowd,
      burning.map((tenant) => [tenant, 1]),
    )
    return [accountingError(bills)]
  })
}

async function measureHarts(crowd: Crowd): Promise<number[]> {
  const { subject, hogs, cpus } = crowd
  const other = hogs[0]!
  const bills = await withHogs(crowd, [
    [subject, Math.min(2 * cpus, MAX_HARTS)],
    [other, cpus],
  ])
  return [shareError(bills, { [subject.name]: 1, [other.name]: 1 })]
}

/** On one CPU, which both want for themselves: one with its network card, whose other end is its own, one with its hart. */
async function measureFlooder(
  system: System,
  seconds: number,
  runs: number,
  note: (value: number, run: number) => void,
) {
  await withMachine(1, 3 * TENANT_BYTES, async (machine) => {
    for (let run = 0; run < runs; run++) {
      const flooder = await Tenant.start(machine, 'flooder', system, {
        nets: [{ network: await machine.defineNetwork({ uplink: 'loopback' }) }],
      })
      const computer = await Tenant.start(machine, 'computer', system)
      const burn = computer.run(['/hog', '1', `${Math.ceil(seconds) + 3}`], 2000 * seconds + LATE_MS)
      burn.catch(() => {})
      flooder.send(['/netflood', 'send'])
      await settle(1500)
      const guests = { flooder: flooder.guest, computer: computer.guest }
      const before = await snapshot(machine, guests)
      await sleep(seconds * 1000)
      const after = await snapshot(machine, guests)
      if (after.guests.flooder!.netSent - before.guests.flooder!.netSent < 1000 * seconds)
        throw new OrlopError('The flooder has sent next to nothing, so there is nothing to measure.', 1)
      note(shareError(between(before, after), { flooder: 1, computer: 1 }), run)
      await burn
      for (const { guest } of [flooder, computer]) {
        await guest.stop()
        await guest.remove()
      }
    }
  })
}

/** The same guest on a machine with one CPU and on one with two, in turn. */
async function measureParallel(system: System, runs: number, note: (value: number, run: number) => void) {
  const words = ['/parallel', `${JOBS}`, `${AT_ONCE}`]
  const bytes = 2 * TENANT_BYTES
  await withMachine(1, bytes, (small) =>
    withMachine(2, bytes, async (large) => {
      const start = (machine: RunningMachine) => Tenant.start(machine, 'builder', system, { harts: AT_ONCE })
      const [one, two] = [await start(small), await start(large)]
      const time = async (tenant: Tenant) => secondsOf(await tenant.run(words))
      // What is translated in the first of them is no part of the work.
      await time(one)
      await time(two)
      for (let run = 0; run < runs; run++) note((await time(one)) / (await time(two)), run)
    }),
  )
}

/** The microseconds that program "late" prints. */
export function lateness(output: string): number[] {
  const line = /^late((?: \d+)+)$/m.exec(output)?.[1]
  if (line === undefined) throw new OrlopError(`The sleeper has told nothing of its naps: "${output.trim()}".`, 1)
  return line.trim().split(' ').map(Number)
}

function secondsOf(output: string): number {
  const us = /^parallel (\d+) us$/m.exec(output)?.[1]
  if (us === undefined) throw new OrlopError(`The parallel work has told no time: "${output.trim()}".`, 1)
  return Number(us) / 1e6
}
