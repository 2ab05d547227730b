// bench interpreter: how fast the interpreter runs guest code, beside QEMU's translator on the same binaries.
//
// Speeds are guest instructions per CPU-second of the whole process, less what a program that does nothing costs, so that
// neither side's start counts. Boots are also compared in CPU-seconds up to the first words of the shell, start included.
// Both sides execute the same instructions of the bare-metal programs; ours are counted.

import { qemuSystem } from '../test/support/tools.ts'
import { type BootKind, findBoot, raceBoot } from './boots.ts'
import { costOf } from './cost.ts'
import { qemuVersion } from './engines.ts'
import type { BenchOptions } from './options.ts'
import { type OrlopRun, runOrlop } from './orlop.ts'
import { type BenchProgram, buildProgram, EMPTY, PROGRAM_MEMORY, PROGRAMS } from './programs.ts'
import { type Measured, machineInfo, median, type Report, summarise, worstOf } from './report.ts'

/** How many runs of each row there are when the user does not say. */
export const RUNS = 3
const MIB = 2 ** 20
const FRAME = 4096

/** Million guest instructions per CPU-second that a program is to reach. */
const GOALS: Record<string, number> = { 'integer loop': 500 }

/** Million guest instructions per CPU-second, and CPU-seconds, that a boot is to reach. */
const BOOTS: { kind: BootKind; goalSpeed: number; goalSeconds: number }[] = [
  { kind: 'debian', goalSpeed: 250, goalSeconds: 3 },
  { kind: 'lean', goalSpeed: 250, goalSeconds: 0.5 },
]

/** Memory that the machine may hold beyond the guest's touched frames; Node itself comes on top. */
const GOAL_BEYOND_MIB = 24

/** What all rows need. */
interface Bench extends BenchOptions {
  /** The command that starts QEMU. */
  qemu: string[]
  /** CPU seconds of a machine with nothing to do. */
  start: { ours: number; reference: number }
}

export async function measure(options: BenchOptions): Promise<Report> {
  // What the interpreter does, and not what becomes of hot code, is to be seen here.
  const { translator = 'off' } = options
  const bench: Bench = { ...options, translator, qemu: qemuSystem(), start: { ours: 0, reference: 0 } }
  const idle = await raceProgram(bench, EMPTY)
  bench.start = {
    ours: median(idle.map(({ ours }) => ours.cpuSeconds)),
    reference: median(idle.map(({ other }) => other)),
  }
  const measured: Measured[] = []
  for (const program of PROGRAMS) measured.push(await measureProgram(bench, program))
  for (const boot of BOOTS) measured.push(...(await measureBoot(bench, boot)))
  const rows = measured.map(summarise)
  const when = new Date().toISOString()
  return { bench: 'interpreter', when, machine: machineInfo(qemuVersion()), rows, summary: worstOf(rows) }
}

async function measureProgram(bench: Bench, program: BenchProgram): Promise<Measured> {
  const goal = GOALS[program.name]
  const races = await raceProgram(bench, program)
  const { start } = bench
  return {
    row: program.name,
    unit: 'M instr/CPU-s',
    better: 'higher',
    ours: races.map(({ ours }) => ours.instructions / 1e6 / (ours.cpuSeconds - start.ours)),
    reference: races.map(({ ours, other }) => ours.instructions / 1e6 / (other - start.reference)),
    ...(goal !== undefined && { goal }),
  }
}

/** Runs a program on our machine and the reference in turn; CPU seconds of the latter. */
async function raceProgram({ qemu, runs, progress, translator }: Bench, program: BenchProgram) {
  const elf = buildProgram(program)
  const races: { ours: OrlopRun; other: number }[] = []
  for (let i = 0; i < runs; i++) {
    progress(`${program.name}, run ${i + 1} of ${runs}`)
    const words = ['--firmware', elf, '--memory', PROGRAM_MEMORY, '--console', 'none']
    const ours = await runOrlop(words, translator)
    const machine = ['-m', PROGRAM_MEMORY, '-bios', elf, '-serial', 'none', '-monitor', 'none']
    const other = await costOf([...qemu, '-M', 'virt', '-nodefaults', '-display', 'none', ...machine])
    races.push({ ours, other: other.cpuSeconds })
  }
  return races
}

async function measureBoot(
  bench: Bench,
  { kind, goalSpeed, goalSeconds }: (typeof BOOTS)[number],
): Promise<Measured[]> {
  const { runs, progress, start, translator } = bench
  const boot = await findBoot(kind, progress)
  if (boot === undefined) return []
  const { name } = boot
  const seconds: { ours: number[]; reference: number[] } = { ours: [], reference: [] }
  const speeds: number[] = []
  const machineBeyond: number[] = []
  const processBeyond: number[] = []
  for (let i = 0; i < runs; i++) {
    progress(`${name}, run ${i + 1} of ${runs}`)
    const { ours: run, other } = await raceBoot(boot, translator)
    seconds.ours.push(run.cpuSeconds)
    seconds.reference.push(other)
    speeds.push(run.instructions / 1e6 / (run.cpuSeconds - start.ours))
    const guestBytes = run.framesTouched * FRAME
    if (run.mappingBytes !== undefined) machineBeyond.push((run.mappingBytes - guestBytes) / MIB)
    if (run.peakBytes !== undefined) processBeyond.push((run.peakBytes - guestBytes) / MIB)
  }
  const rows: Measured[] = [
    { row: name, unit: 'CPU-s', better: 'lower', ...seconds, goal: goalSeconds },
    { row: name, unit: 'M instr/CPU-s', better: 'higher', ours: speeds, reference: [], goal: goalSpeed },
  ]
  const memory = { unit: 'MiB', better: 'lower' as const, reference: [] }
  if (machineBeyond.length > 0) {
    const row = `${name}, machine's memory beyond the guest's`
    rows.push({ row, ...memory, ours: machineBeyond, goal: GOAL_BEYOND_MIB })
  }
  if (processBeyond.length > 0)
    rows.push({ row: `${name}, process beyond the guest's`, ...memory, ours: processBeyond })
  return rows
}
