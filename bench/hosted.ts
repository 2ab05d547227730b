// bench hosted: the consolidation tile on our machine, on the same guests with a process of our own each, and on QEMU, side by
// side: how many tiles there is room for, and what one costs.
//
// All guests of a variant share the same CPUs of the host (`--cpus`, one less than there are), and the load comes from those
// that are left. Each run starts every variant anew, in another order.

import { join } from 'node:path'
import { availableParallelism } from 'node:os'
import { execFileSync } from 'node:child_process'
import { OrlopError } from '../cli/error.ts'
import { cacheFolder, withScratch } from '../guests/cache.ts'
import { findLean } from '../guests/linux/build.ts'
import { buildNative } from './binaries.ts'
import { benchSystem, qemuVersion, type System } from './engines.ts'
import type { BenchOptions } from './options.ts'
import { machineInfo, type Report } from './report.ts'
import { wanted } from './rows.ts'
import { run as order } from './tile/agent.ts'
import { reportOf } from './tile/figures.ts'
import { makePair, makeTiles, type Tile, type TileGuest } from './tile/guests.ts'
import { lostCommits } from './tile/ledger.ts'
import { BURST_ROUNDS, GUEST_BYTES, ROLES, TILES_MOST } from './tile/load.ts'
import { hosted, type1 } from './tile/orlop.ts'
import { cpuSecondsOfAll, memoryOfAll } from './tile/processes.ts'
import { qemu } from './tile/qemu.ts'
import { ROWS, type Outcome, type Part } from './tile/outcome.ts'
import { judgeTile, neighbourDelay, neighbourLoss, scoreStep } from './tile/score.ts'
import { type Plan, type RunningFleet, type Variant, VARIANTS, type VariantName } from './tile/variant.ts'
import { allAwake, type Load, measureWindow, prepare, type Window } from './tile/window.ts'

export { asPage } from './tile/page.ts'

export const RUNS = 1
const SECONDS = 8
const TILES = 2
/** What a start leaves behind is done by then, and what is hot is translated: so much load is offered before any counts. */
const WARM_SHARE = 0.5
const WIRE_SECONDS = 3
const WIRE_PORT = 7777
const WIRE = '10.99.0'
const RUN_MS = 300_000
const BAD = 'batch'

const ALL: Record<VariantName, Variant> = { type1, hosted, qemu }

/** What all parts of the benchmark need. */
interface Bench {
  system: System
  cpus: number[]
  seconds: number
  tiles: number
  burst: string
  isWanted(part: Part): boolean
  progress(line: string): void
}

export async function measure(options: BenchOptions): Promise<Report> {
  const bench = await openBench(options)
  const { cpus, seconds, tiles, progress, isWanted } = bench
  const outcomes: Outcome[] = []
  for (let run = 0; run < options.runs; run++) {
    // Each variant is the first as often as the others, so that what the host does meanwhile goes against none of them.
    const turn = VARIANTS.map((_, i) => VARIANTS[(i + run) % VARIANTS.length]!)
    for (const name of turn) {
      progress(`Run ${run + 1} of ${options.runs}: ${ALL[name].title}`)
      outcomes.push(await measureVariant(ALL[name], bench, run))
    }
  }
  const frame = { cpus: cpus.length, seconds, tiles }
  return reportOf(outcomes, frame, machineInfo(qemuVersion()), isWanted)
}

/** Makes what all variants run, and checks what the user wants. */
export async function openBench({ progress, ...options }: BenchOptions): Promise<Bench> {
  const isWanted = wanted(options.rows, [...ROWS])
  const tiles = options.tiles ?? TILES
  if (tiles > TILES_MOST) throw new OrlopError(`--tiles: ${tiles} are too many; give at most ${TILES_MOST}.`)
  const cpus = cpusFor(options.cpus)
  if ((await findLean()) === undefined)
    throw new OrlopError('The tile needs the lean kernel; "orlop build-kernel" makes it.', 1)
  const programs = ['net', 'job', 'commit', 'spool', 'core', 'hog', 'diskhog']
  const system = await benchSystem(programs, progress, 'agent')
  return {
    system: { ...system, append: `${system.append} panic=-1`, memory: `${GUEST_BYTES >> 20}M` },
    cpus,
    seconds: options.seconds ?? SECONDS,
    tiles,
    burst: execFileSync(buildNative('core'), [`${BURST_ROUNDS}`], { encoding: 'utf8' }).trim(),
    isWanted,
    progress,
  }
}

/** CPUs of the host for the guests: the first ones, so that the load has the last for itself. */
function cpusFor(count: number | undefined): number[] {
  const all = availableParallelism()
  const cpus = count ?? Math.max(1, all - 1)
  if (cpus > all) throw new OrlopError(`--cpus: ${cpus} are more than the ${all} of this host.`)
  return Array.from({ length: cpus }, (_, i) => i)
}

/** Runs all that is wanted on one variant, started anew. */
export async function measureVariant(variant: Variant, bench: Bench, run: number): Promise<Outcome> {
  const outcome: Outcome = { variant: variant.name, run, steps: [] }
  if (['tiles', 'memory', 'start-up', 'neighbour'].some((part) => bench.isWanted(part as Part))) {
    await withScratch(join(cacheFolder(), 'bench'), (folder) => measureTiles(variant, bench, folder, outcome))
  }
  if (bench.isWanted('network')) {
    await withScratch(join(cacheFolder(), 'bench'), (folder) => measureWire(variant, bench, folder, outcome))
  }
  return outcome
}

async function measureTiles(variant: Variant, bench: Bench, folder: string, outcome: Outcome): Promise<void> {
  const { progress, seconds } = bench
  const tiles = await makeTiles(bench.isWanted('tiles') ? bench.tiles : 1, folder)
  const [first] = tiles as [Tile, ...Tile[]]
  const guests = tiles.flatMap((tile) => ROLES.map((role) => tile.guests[role]))
  const plan: Plan = { ...bench, guests, first: Object.values(first.guests), folder }
  const load: Load = { burst: bench.burst, epoch: 0 }
  const begin = performance.now()
  await withFleet(variant, plan, async (fleet) => {
    await allAwake(fleet, plan.first)
    outcome.startUp = { wallSeconds: (performance.now() - begin) / 1000, cpuSeconds: cpuSecondsOfAll(fleet.pids()) }
    progress(`  ${plan.first.length} guests answer after ${outcome.startUp.cpuSeconds.toFixed(1)} CPU-s`)
    await prepare(first)
    await measureWindow(fleet, [first], load, seconds * WARM_SHARE)
    let last = await step(fleet, [first], load, outcome, bench)
    outcome.memoryBytes = memoryOfAll(fleet.pids()) / plan.first.length
    const calm = outcome.steps[0]!.judged[0]!
    if (bench.isWanted('neighbour')) {
      const stressed = judgeTile((await measureWindow(fleet, [first], load, seconds, BAD)).tiles[0]!, seconds)
      const loss = neighbourLoss(calm, stressed, BAD)
      outcome.neighbour = { loss, delay: neighbourDelay(calm, stressed, BAD), calm, stressed }
      progress(`  beside a hog the others have lost ${loss.all!.toFixed(1)} %`)
    }
    for (let count = 2; count <= tiles.length && outcome.steps.at(-1)!.failures.length === 0; count++) {
      const added = tiles[count - 1]!
      await fleet.start(Object.values(added.guests))
      await allAwake(fleet, Object.values(added.guests))
      await prepare(added)
      await measureWindow(fleet, tiles.slice(0, count), load, seconds * WARM_SHARE)
      last = await step(fleet, tiles.slice(0, count), load, outcome, bench)
    }
    await fleet.kill()
    outcome.lostCommits = lostOf(tiles, last, load.epoch)
  })
}

/**
 * Measures a step of the ramp and keeps what it was like. One that fails is measured once more, as hosts have other things to do
 * now and then; the better of the two counts. Gives the last window.
 */
async function step(
  fleet: RunningFleet,
  tiles: Tile[],
  load: Load,
  outcome: Outcome,
  { seconds, progress }: Bench,
): Promise<Window> {
  let best: Outcome['steps'][number] | undefined
  for (let attempt = 0; ; attempt++) {
    const window = await measureWindow(fleet, tiles, load, seconds)
    const judged = window.tiles.map((tile) => judgeTile(tile, seconds))
    const found = { ...scoreStep(judged), cpuPercent: (100 * window.cpuSeconds) / seconds, judged }
    const { score, cpuPercent, failures } = found
    const why = failures.length === 0 ? 'all well' : failures.slice(0, 3).join('; ')
    progress(`  ${tiles.length} tiles: score ${score.toFixed(2)}, ${cpuPercent.toFixed(0)} % of a core, ${why}`)
    if (best === undefined || failures.length < best.failures.length) best = found
    if (failures.length > 0 && attempt === 0) continue
    outcome.steps.push(best)
    return window
  }
}

/** Commits of the last window that were reported and are not on the disks of the databases. */
function lostOf(tiles: Tile[], { tiles: done }: Window, epoch: number): number {
  const losses = done.map(({ db }, i) => lostCommits(tiles[i]!.guests.db.disk!, epoch, db.ms.length))
  return losses.reduce((sum, lost) => sum + lost, 0)
}

async function measureWire(variant: Variant, bench: Bench, folder: string, outcome: Outcome): Promise<void> {
  const [near, far] = await makePair()
  const plan: Plan = { ...bench, guests: [near, far], first: [near, far], folder }
  await withFleet(variant, plan, async (fleet) => {
    await allAwake(fleet, plan.first)
    const up = (guest: TileGuest, last: number) => order(guest, `/net up ${guest.wireMac} ${WIRE}.${last} 24`, RUN_MS)
    await Promise.all([up(near, 1), up(far, 2)])
    await order(far, `/net serve ${WIRE_PORT}`, RUN_MS)
    const send = () => order(near, `/net send ${WIRE}.2 ${WIRE_PORT} ${WIRE_SECONDS}`, RUN_MS)
    // What is translated in the first run is no part of the wire.
    await send()
    const before = cpuSecondsOfAll(fleet.pids())
    const [, bytes, ns] = /^bytes (\d+) ns (\d+)$/m.exec(await send()) ?? []
    if (bytes === undefined) throw new OrlopError('The guests have told nothing of their wire.', 1)
    const cpuSeconds = cpuSecondsOfAll(fleet.pids()) - before
    const echoed = await order(near, `/net echo ${WIRE}.2 ${WIRE_PORT} ${WIRE_SECONDS}`, RUN_MS)
    const [, rounds, echoNs] = /^rounds (\d+) ns (\d+)$/m.exec(echoed) ?? []
    outcome.wire = {
      gigabits: (Number(bytes) * 8) / Number(ns),
      cpuPerGigabyte: (cpuSeconds * 1e9) / Number(bytes),
      roundTripUs: Number(echoNs) / 1000 / Number(rounds),
    }
    bench.progress(`  guest to guest ${outcome.wire.gigabits.toFixed(2)} Gbit/s`)
  })
}

/** Runs `work` with the guests of a plan, which are gone afterwards, however it ends. */
async function withFleet(variant: Variant, plan: Plan, work: (fleet: RunningFleet) => Promise<void>): Promise<void> {
  const fleet = await variant.launch(plan)
  try {
    await work(fleet)
  } finally {
    await fleet.kill()
  }
}
