// bench runtimes: the image for WASI under wasmtime, beside our machine on Node with its translator.
//
// One image is trained with the programs that are measured, and one with the boot, in this very process, as `orlop train` does
// it. What is not trained is interpreted: for that there are loops in the image as it was built, beside Node's interpreter.
// The first start of an image compiles it; later ones find the result in wasmtime's cache, and the medians are theirs.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OUT } from '../build/artefact.ts'
import { findRuntime, RUNTIMES } from '../build/runtimes-pinned.ts'
import { OrlopError } from '../cli/error.ts'
import { parseSize } from '../cli/size.ts'
import { chosen, HEAT, MOST_BYTES } from '../cli/train.ts'
import { BUNDLE_IMAGE } from '../host-shim/bundle.ts'
import { writeBundle } from '../host-shim/node/boot-folder.ts'
import type { BundledMachine } from '../host-shim/node/bundle.ts'
import { startMachine } from '../host-shim/node/main.ts'
import { trainImage } from '../host-shim/trained-image.ts'
import { Training } from '../host-shim/training.ts'
import { type Boot, findBoot } from './boots.ts'
import { costOf } from './cost.ts'
import { benchSystem, inOrlop, type System } from './engines.ts'
import type { BenchOptions } from './options.ts'
import { orlopCommand, runOrlop } from './orlop.ts'
import { type BenchProgram, buildProgram, EMPTY, PROGRAM_MEMORY, PROGRAMS } from './programs.ts'
import { programsOf, racePrograms } from './race.ts'
import { geometricMean, type Measured, machineInfo, median, type Report, summarise, worstOf } from './report.ts'
import { PROGRAM_ROWS, type ProgramRow, wanted, wordsOf } from './rows.ts'
import { scratchFile } from './scratch.ts'
import { Tenant } from './tenants.ts'

export const RUNS = 3

const IMAGE = join(OUT, 'orlop-wasi.wasm')
/** The smallest loops; those that copy are about the host's caches. */
const LOOPS = PROGRAMS.filter(({ name }) => name.endsWith(' loop'))
const BOOT = 'Debian boot'
/** Times Node's speed that trained code and a trained boot are to have; million instructions a CPU-second untrained. */
const GOALS = { compute: 0.7, boot: 1 / 1.5, interpreted: 200 }
/** How much of a row's work is enough to make its code hot. */
const TRAINING_SCALE = 0.3
const TRAINING_MS = 900_000

export async function measure(options: BenchOptions): Promise<Report> {
  const isWanted = wanted(
    options.rows,
    [...LOOPS, { name: BOOT }, ...PROGRAM_ROWS].map(({ name }) => name),
  )
  const { path, version } = wasmtime()
  const bench = { ...options, path }
  const measured: Measured[] = []
  const loops = LOOPS.filter(({ name }) => isWanted(name))
  if (loops.length > 0) measured.push(...(await measureLoops(loops, bench)))
  if (isWanted(BOOT)) measured.push(...(await measureBoot(bench)))
  const programs = PROGRAM_ROWS.filter(({ name }) => isWanted(name))
  const rows = measured.map(summarise)
  if (programs.length > 0) {
    const raced = (await measurePrograms(programs, bench)).map(summarise)
    const mean = geometricMean(raced.map(({ ratio }) => ratio ?? 1))
    const name = `geometric mean of ${raced.length} programs`
    rows.push(...raced, summarise({ row: name, unit: "x Node's", better: 'higher', ours: [mean], reference: [] }))
  }
  const machine = machineInfo(`wasmtime ${version} beside our own machine`)
  return { bench: 'runtimes', when: new Date().toISOString(), machine, rows, summary: worstOf(rows) }
}

interface Bench extends BenchOptions {
  /** wasmtime. */
  path: string
}

function wasmtime(): { path: string; version: string } {
  const pinned = RUNTIMES.find(({ name }) => name === 'wasmtime')!
  const path = findRuntime(pinned)
  if (path !== undefined) return { path, version: pinned.version }
  throw new OrlopError(`There is no wasmtime ${pinned.version}; run "npm run runtimes" first.`)
}

/** Million instructions per CPU-second, less what a program that does nothing costs. */
async function measureLoops(loops: BenchProgram[], bench: Bench): Promise<Measured[]> {
  const start = await raceLoop(EMPTY, bench)
  const [ourStart, nodeStart] = [median(start.ours), median(start.reference)]
  const measured: Measured[] = []
  for (const loop of loops) {
    const { ours, reference, instructions } = await raceLoop(loop, bench)
    const speeds = (seconds: number[], idle: number) => seconds.map((each) => instructions / 1e6 / (each - idle))
    measured.push({
      row: loop.name,
      unit: 'M instr/CPU-s',
      better: 'higher',
      ours: speeds(ours, ourStart),
      reference: speeds(reference, nodeStart),
      goal: GOALS.interpreted,
    })
  }
  return measured
}

async function raceLoop(program: BenchProgram, { path, runs, progress }: Bench) {
  const firmware = buildProgram(program)
  const machine = { guests: [{ ramBytes: parseSize(PROGRAM_MEMORY, 'memory'), firmware }] }
  const command = await inWasmtime(path, machine, IMAGE)
  // Nothing but this is compiled here, once.
  await costOf(command)
  const found = { ours: [] as number[], reference: [] as number[], instructions: 0 }
  for (let i = 0; i < runs; i++) {
    progress(`${program.name}, run ${i + 1} of ${runs}`)
    found.ours.push((await costOf(command)).cpuSeconds)
    const words = ['--firmware', firmware, '--memory', PROGRAM_MEMORY, '--console', 'none']
    const { cpuSeconds, instructions } = await runOrlop(words, 'off')
    found.reference.push(cpuSeconds)
    found.instructions = instructions
  }
  return found
}

/** Debian's kernel to its shell, which is left at once. */
async function measureBoot({ path, runs, progress, translator }: Bench): Promise<Measured[]> {
  const boot = (await findBoot('debian', progress))!
  progress('Training an image with the boot')
  const image = await train(boot, (tenant) => tenant.hear(new RegExp(boot.until), TRAINING_MS))
  const command = await inWasmtime(path, machineOf(boot), image)
  const words = ['--kernel', boot.kernel, '--initrd', boot.initrd, '--append', boot.append, '--memory', boot.memory]
  const ours: number[] = []
  const reference: number[] = []
  for (let i = 0; i <= runs; i++) {
    const mine = await leaveAt(boot.until, command)
    if (i === 0) progress(`${BOOT}, first start with compiling: ${mine.toFixed(2)} CPU-s`)
    if (i === 0) continue
    ours.push(mine)
    reference.push(await leaveAt(boot.until, orlopCommand(words, translator)))
    progress(`${BOOT}, run ${i} of ${runs}: wasmtime ${mine.toFixed(2)} CPU-s, Node ${reference.at(-1)!.toFixed(2)}`)
  }
  return [{ row: BOOT, unit: 'CPU-s', better: 'lower', ours, reference, goalRatio: GOALS.boot }]
}

async function leaveAt(words: string, command: string[]): Promise<number> {
  let isOver = false
  const listen = (output: string) => {
    if (isOver || !output.includes(words)) return undefined
    isOver = true
    return 'exit\n'
  }
  return (await costOf(command, { listen })).cpuSeconds
}

async function measurePrograms(rows: ProgramRow[], bench: Bench): Promise<Measured[]> {
  const { path, progress, translator, scale = 1 } = bench
  const system = await benchSystem(programsOf(rows), progress)
  const image = await train(system, async (tenant) => {
    await tenant.ready()
    await tenant.run(['/empty', '1'])
    for (const row of rows) {
      progress(`Training an image with ${row.name}`)
      await tenant.run(wordsOf(row, Math.max(1, Math.round(row.iterations * scale * TRAINING_SCALE))), TRAINING_MS)
    }
  })
  const ours = { name: 'wasmtime', command: await inWasmtime(path, machineOf(system), image) }
  const reference = { name: 'Node', command: inOrlop(system, translator) }
  const goalOf = (kind: ProgramRow['kind']) => (kind === 'system' ? undefined : GOALS.compute)
  return racePrograms(rows, { ours, reference, goalOf }, bench)
}

/** An image that was trained with what `work` has a guest do; its path. */
async function train(system: System, work: (tenant: Tenant) => Promise<unknown>): Promise<string> {
  const { kernel, initrd, append: commandLine, memory } = system
  const ramBytes = parseSize(memory, 'memory')
  const training = new Training()
  const machine = startMachine({ cpus: 1, memoryBytes: 2 * ramBytes, keep: (module) => training.add(module) })
  try {
    const options = { kernel, initrd, commandLine, ramBytes, translator: 'train-relaxed' as const, heat: HEAT }
    const tenant = await Tenant.define(machine, 'trainee', options)
    await tenant.guest.start()
    await work(tenant)
  } finally {
    await machine.stop()
  }
  const path = scratchFile('trained.wasm')
  const { stamp, probe } = training
  const units = chosen(training.units(), MOST_BYTES)
  writeFileSync(path, trainImage(new Uint8Array(readFileSync(IMAGE)), { units, stamp, probe }))
  return path
}

function machineOf({ kernel, initrd, append: commandLine, memory }: System | Boot): BundledMachine {
  return { guests: [{ ramBytes: parseSize(memory, 'memory'), kernel, initrd, commandLine }] }
}

/** The command that runs a machine on an image, in a boot folder of its own. */
async function inWasmtime(path: string, machine: BundledMachine, image: string): Promise<string[]> {
  const folder = scratchFile('machine')
  await writeBundle(folder, machine, image)
  return [path, 'run', `--dir=${folder}::/`, join(folder, BUNDLE_IMAGE)]
}
