// bench isolation: what three good guests lose when a fourth one turns bad, in each of the ways of stress.ts.
//
// In the baseline the fourth does the same good work; then it rests, and a bad one is started in its place. Both are
// measured in turn, as hosts are noisy. The good work is either all that a guest gets done, or a service at 60 % of its
// fair share that answers each job by its deadline. The machine's own bills tell why work was lost.

import { join } from 'node:path'
import { availableParallelism } from 'node:os'
import { OrlopError } from '../cli/error.ts'
import { cacheFolder, withScratch } from '../guests/cache.ts'
import type { RunningGuest } from '../host-shim/node/main.ts'
import { between, snapshot } from './bills.ts'
import { buildNative } from './binaries.ts'
import { costOf } from './cost.ts'
import type { System } from './engines.ts'
import { type Loss, losses, type Shares, sharesOf, type Trial, worstLoss } from './loss.ts'
import type { BenchOptions } from './options.ts'
import { type Measured, machineInfo, median, type Report, type Summary, summarise } from './report.ts'
import { wanted } from './rows.ts'
import { type Act, isAlive, STRESS_PROGRAMS, STRESSES, type Stage, type Stress } from './stress.ts'
import { LATE_MS, settle, startAll, TENANT_BYTES, type Tenant, tenantSystem, withMachine } from './tenants.ts'

export const RUNS = 3
const SECONDS = 5
/** With more CPUs than this a guest's only hart could not use the fair share of four. */
const CPUS_MOST = 2

const GOOD = ['first', 'second', 'third']
const FOURTH = 'fourth'
/** A service has so much of its guest's fair share to do; a job is answered in time within so many times what it takes. */
const LOAD = 0.6
const PATIENCE = 10
const SOLO_JOBS = 400
/** What is left beside four good guests and what they are made of. */
const SPARE_BYTES = 2 * TENANT_BYTES
/** The bad guest has so long to become bad. */
const TURN_MS = 1000
const GOAL_PERCENT = 1
const GOAL_STOP_MS = 1000

/** The fourth goes on with its good work: what comes out is the noise of this host. */
const NOTHING = 'nothing'

const VARIANTS = ['full', 'service'] as const
type Variant = (typeof VARIANTS)[number]

/** How the bad guest could be held and ended, in ms. */
interface Grip {
  pauseMs: number | null
  stopMs: number
  /** It did nothing while it was paused. */
  held: boolean
  /** It had stopped before. */
  endedItself: boolean
}

interface Outcome {
  stress: string
  variant: Variant
  losses: Record<string, Loss>
  baseline: Shares
  stressed: Shares
  grips: Grip[]
  pairs: [Trial, Trial][]
}

interface Street {
  stage: Stage
  good: Tenant[]
  fourth: Tenant
  seconds: number
  cpus: number
  /** What one job takes alone. */
  jobUs: number
  checksum: string
}

export async function measure(options: BenchOptions): Promise<Report> {
  const names = [NOTHING, ...STRESSES.map(({ name }) => name)]
  const isWanted = wanted(options.rows, names)
  const cpus = options.cpus ?? Math.max(1, Math.min(availableParallelism() - 1, CPUS_MOST))
  const seconds = options.seconds ?? SECONDS
  const system = await tenantSystem(['work', ...STRESS_PROGRAMS], options)
  const checksum = checksumOf((await costOf([buildNative('work'), 'jobs', '1'])).output)
  const outcomes: Outcome[] = []
  const failures: string[] = []
  for (const name of names.filter(isWanted)) {
    const stress = STRESSES.find((other) => other.name === name)
    try {
      outcomes.push(...(await measureStress(stress, system, { cpus, seconds, checksum }, options)))
    } catch (error) {
      // A machine that such a guest has brought down is a result, and the others are measured all the same.
      if (!(error instanceof Error)) throw error
      failures.push(`${name}: ${error.message}`)
      options.progress(`${name} has FAILED: ${error.message}`)
    }
  }
  const rows = outcomes.map(measuredOf).map(summarise)
  const when = new Date().toISOString()
  const summary = summaryOf(outcomes, failures)
  const details = { cpus, seconds, goalPercent: GOAL_PERCENT, failures, outcomes }
  return {
    bench: 'isolation',
    when,
    machine: machineInfo(),
    rows,
    summary,
    table: tableOf(outcomes, failures),
    details,
  }
}

type Frame = Pick<Street, 'cpus' | 'seconds' | 'checksum'>

/** One case in both variants, on a machine of its own. */
function measureStress(
  stress: Stress | undefined,
  system: System,
  frame: Frame,
  options: BenchOptions,
): Promise<Outcome[]> {
  const bytes = 4 * TENANT_BYTES + SPARE_BYTES
  return withScratch(join(cacheFolder(), 'bench'), (folder) =>
    withMachine(frame.cpus, bytes, async (machine) => {
      const street = await openStreet({ machine, system, folder }, frame)
      const outcomes: Outcome[] = []
      for (const variant of VARIANTS) outcomes.push(await measureVariant(street, stress, variant, options))
      return outcomes
    }),
  )
}

async function openStreet(stage: Stage, frame: Frame): Promise<Street> {
  const settings = { guaranteeBytes: TENANT_BYTES }
  const tenants = await startAll(stage.machine, [...GOOD, FOURTH], stage.system, () => ({ settings }))
  // Each has its work translated before anything counts.
  const words = ['/work', 'jobs', `${SOLO_JOBS}`]
  const solo: number[] = []
  for (const tenant of tenants) {
    await tenant.run(words)
    solo.push(workOf(await tenant.run(words), frame.checksum).us / SOLO_JOBS)
  }
  const [fourth, good] = [tenants[GOOD.length]!, tenants.slice(0, GOOD.length)]
  return { ...frame, stage, good, fourth, jobUs: median(solo) }
}

async function measureVariant(
  street: Street,
  stress: Stress | undefined,
  variant: Variant,
  { runs, progress }: BenchOptions,
): Promise<Outcome> {
  const pairs: [Trial, Trial][] = []
  const grips: Grip[] = []
  const name = stress?.name ?? NOTHING
  for (let run = 0; run < runs; run++) {
    const calm = () => trial(street, variant, [...street.good, street.fourth])
    const wild = () => (stress === undefined ? calm() : stressedTrial(street, variant, stress, grips))
    // Every other time the other way round: what the host does more and more, or less and less, goes against neither.
    if (run % 2 === 0) pairs.push([await calm(), await wild()])
    else {
      const stressed = await wild()
      pairs.push([await calm(), stressed])
    }
    const told = Object.values(losses(pairs.slice(-1))).map(({ work }) => work.toFixed(1))
    progress(`${name}, ${variant}, run ${run + 1} of ${runs}: lost ${told.join(', ')} %`)
  }
  const middle = (which: 0 | 1) => middleShares(pairs.map((pair) => sharesOf(pair[which])))
  return { stress: name, variant, losses: losses(pairs), baseline: middle(0), stressed: middle(1), grips, pairs }
}

async function stressedTrial(street: Street, variant: Variant, stress: Stress, grips: Grip[]): Promise<Trial> {
  const act = await stress.begin(street.stage)
  let stops: number[] = []
  try {
    await settle(TURN_MS)
    return await trial(street, variant, street.good, act.guest)
  } finally {
    // What floods it from outside goes on while it is held.
    const grip = act.guest === undefined ? undefined : await seize(act, act.guest)
    stops = await act.end()
    if (grip !== undefined) grips.push(grip)
    else grips.push({ pauseMs: null, stopMs: Math.max(...stops) / 1e6, held: true, endedItself: false })
    await act.guest?.remove()
  }
}

/** Pauses and stops a bad guest. */
async function seize({ isPaused }: Act, guest: RunningGuest): Promise<Grip> {
  const endedItself = !isPaused && !(await isAlive(guest))
  if (endedItself) return { pauseMs: null, stopMs: 0, held: true, endedItself }
  const pauseMs = isPaused ? null : await timeMs(() => guest.pause())
  const before = await guest.stats()
  await settle(100)
  const held = (await guest.stats()).instructions === before.instructions
  return { pauseMs, stopMs: await timeMs(() => guest.stop()), held, endedItself }
}

async function timeMs(work: () => Promise<void>): Promise<number> {
  const begin = performance.now()
  await work()
  return performance.now() - begin
}

/** The workers do their work for some seconds; what the good ones have done, and the bills. */
async function trial(street: Street, variant: Variant, workers: Tenant[], bad?: RunningGuest): Promise<Trial> {
  const { good, fourth, seconds, checksum } = street
  const { machine } = street.stage
  const guests: Record<string, RunningGuest> = { [FOURTH]: fourth.guest }
  for (const tenant of good) guests[tenant.name] = tenant.guest
  if (bad !== undefined) guests.bad = bad
  const words = wordsOf(street, variant)
  const before = await snapshot(machine, guests)
  const outputs = await Promise.all(workers.map((tenant) => tenant.run(words, 2000 * seconds + LATE_MS)))
  const bills = between(before, await snapshot(machine, guests))
  const jobs = outputs.map((output) => workOf(output, checksum).jobs)
  return { work: Object.fromEntries(good.map(({ name }, i) => [name, jobs[i]!])), bills }
}

function wordsOf({ seconds, cpus, jobUs }: Street, variant: Variant): string[] {
  const ms = `${Math.round(seconds * 1000)}`
  if (variant === 'full') return ['/work', 'full', ms]
  const fairShare = Math.min(1, cpus / (GOOD.length + 1))
  return ['/work', 'service', ms, `${Math.round(jobUs / (LOAD * fairShare))}`, `${Math.round(PATIENCE * jobUs)}`]
}

/** What program "work" has printed. A checksum that is not the one of this machine ends the case. */
export function workOf(output: string, checksum: string): { jobs: number; us: number } {
  const [, jobs, us] = /^work (\d+) jobs in (\d+) us, /m.exec(output) ?? []
  if (jobs === undefined) throw new OrlopError(`The good work has told nothing of itself: "${output.trim()}".`, 1)
  const found = checksumOf(output)
  if (found === checksum) return { jobs: Number(jobs), us: Number(us) }
  throw new OrlopError(`The good work has computed ${found} in a guest, and ${checksum} on this machine.`, 1)
}

function checksumOf(output: string): string {
  return /checksum ([0-9a-f]{16})$/m.exec(output)?.[1] ?? 'nothing'
}

function middleShares(all: Shares[]): Shares {
  const of = (value: (shares: Shares) => number) => median(all.map(value))
  return {
    good: all[0]!.good.map((_, i) => of(({ good }) => good[i]!)),
    bad: of(({ bad }) => bad),
    kernel: of(({ kernel }) => kernel),
    idle: of(({ idle }) => idle),
    host: of(({ host }) => host),
  }
}

function measuredOf({ stress, variant, pairs }: Outcome): Measured {
  const ours = pairs.map((pair) => Math.max(0, worstLoss(losses([pair])).work))
  return { row: `${stress}, ${variant}`, unit: '% lost', better: 'lower', ours, reference: [], goal: GOAL_PERCENT }
}

function summaryOf(outcomes: Outcome[], failures: string[]): Summary {
  const judged = outcomes.filter(({ stress }) => stress !== NOTHING)
  const value = Math.max(0, ...judged.map((outcome) => worstLoss(outcome.losses).work))
  const met = failures.length === 0 && value <= GOAL_PERCENT && judged.every(({ grips }) => grips.every(isGood))
  const noise = outcomes.filter(({ stress }) => stress === NOTHING).flatMap((outcome) => Object.values(outcome.losses))
  const alone = Math.max(...noise.map(({ work }) => Math.abs(work))).toFixed(1)
  const told = [
    ...(noise.length > 0 ? [`${alone} by this host alone`] : []),
    ...(failures.length > 0 ? [`${failures.length} cases FAILED`] : []),
  ]
  const unit = `% of a good guest's work lost at worst${told.map((part) => `, ${part}`).join('')}`
  return { value, unit, goal: GOAL_PERCENT, met }
}

function isGood({ pauseMs, stopMs, held }: Grip): boolean {
  return held && (pauseMs ?? 0) <= GOAL_STOP_MS && stopMs <= GOAL_STOP_MS
}

/**
 * A line for each case: work lost by each good guest, of the one that suffered most how much less CPU time it paid for and
 * how much less it got for it, then where the machine's
 * time went meanwhile in percent of its CPUs, and how long it took to pause and to stop the bad one.
 */
function tableOf(outcomes: Outcome[], failures: string[]): string[][] {
  const head = [
    'case',
    'work',
    'lost %',
    '',
    '',
    'paid less %',
    'slower %',
    'good %',
    'bad %',
    'kernel %',
    'idle %',
    'host %',
  ]
  const lines = outcomes.map(({ stress, variant, losses: all, stressed, grips }) => {
    const worst = worstLoss(all)
    const lost = Object.values(all).map(({ work }) => work.toFixed(1))
    const verdict = stress === NOTHING ? '' : worst.work <= GOAL_PERCENT ? 'met' : 'MISSED'
    const { good, bad, kernel, idle, host } = stressed
    const shares = [good.reduce((sum, share) => sum + share, 0) / good.length, bad, kernel, idle, host]
    const why = [worst.paid, worst.slower].map((loss) => loss.toFixed(1))
    const cells = [stress, variant, ...lost, ...why, ...shares.map((share) => share.toFixed(1))]
    return [...cells, ...gripOf(grips), verdict]
  })
  const empty = head.map(() => '')
  const failed = failures.map((failure) => [failure, 'FAILED', ...empty.slice(2), '', '', ''])
  return [[...head, 'pause ms', 'stop ms', ''], ...lines, ...failed]
}

function gripOf(grips: Grip[]): [string, string] {
  if (grips.length === 0) return ['', '']
  if (grips.some(({ held }) => !held)) return ['RUNS ON', '']
  const pauses = grips.map(({ pauseMs }) => pauseMs).filter((ms) => ms !== null)
  const stop = grips.every(({ endedItself }) => endedItself)
    ? 'ended'
    : Math.max(...grips.map(({ stopMs }) => stopMs)).toFixed(0)
  return [pauses.length === 0 ? '' : Math.max(...pauses).toFixed(0), stop]
}
