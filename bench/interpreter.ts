// bench interpreter: how fast the interpreter runs guest code, beside QEMU's translator on the same binaries.
//
// Speeds are guest instructions per CPU-second of the whole process, less what a program that does nothing costs, so that
// neither side's start counts. Boots are also compared in CPU-seconds up to the first words of the shell, start included.
// Both sides execute the same instructions of the bare-metal programs; ours are counted.

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pullDebian } from '../guests/debian/pull.ts'
import { findLean } from '../guests/linux/build.ts'
import { qemuSystem } from '../test/support/tools.ts'
import { type Cost, costOf } from './cost.ts'
import type { BenchOptions } from './options.ts'
import { type BenchProgram, buildProgram, PROGRAM_MEMORY } from './programs.ts'
import { type Measured, machineInfo, median, type Report, summarise, worstOf } from './report.ts'

const ORLOP = fileURLToPath(new URL('../build/out/orlop.mjs', import.meta.url))
const MIB = 2 ** 20
const FRAME = 4096

const PROGRAMS: (BenchProgram & { goal?: number })[] = [
  { name: 'integer loop', source: 'integer.c', rounds: 6000, result: '0x3731ec0efb6e390f', goal: 500 },
  { name: 'memory loop', source: 'memory.c', rounds: 12, result: '0x007b83e751c21d67' },
  { name: 'float loop', source: 'float.c', rounds: 800000, result: '0x4181fd819febe6eb' },
  { name: 'copy, 32 MiB apart', source: 'apart.c', rounds: 100, result: '0x7f029396af819225' },
  {
    name: 'copy, 32 MiB + 20 KiB apart',
    source: 'apart.c',
    rounds: 100,
    result: '0x7f029396af819225',
    define: { DISTANCE: '0x2005000' },
  },
]

interface Boot {
  name: string
  kernel: string
  initrd: string
  append: string
  memory: string
  /** Million guest instructions per CPU-second, and CPU-seconds. */
  goalSpeed: number
  goalSeconds: number
}

/** What the guest's init says when its shell is about to start (guests/initramfs/init). */
const AT_SHELL = 'Leave with "exit"'
const CONSOLE = 'console=ttyS0'
/** Memory that the machine may hold beyond the guest's touched frames; Node itself comes on top. */
const GOAL_BEYOND_MIB = 24

/** One run's instructions and costs. */
interface Run extends Cost {
  instructions: number
  framesTouched: number
}

/** What all rows need. */
interface Bench extends BenchOptions {
  /** The command that starts QEMU. */
  qemu: string[]
  /** CPU seconds of a machine with nothing to do. */
  start: { ours: number; reference: number }
}

export async function measure({ runs, progress }: BenchOptions): Promise<Report> {
  const bench: Bench = { qemu: qemuSystem(), runs, progress, start: { ours: 0, reference: 0 } }
  const idle = await raceProgram(bench, { name: 'start', source: 'empty.c', rounds: 0, result: '0' })
  bench.start = {
    ours: median(idle.map(({ ours }) => ours.cpuSeconds)),
    reference: median(idle.map(({ other }) => other)),
  }
  const measured: Measured[] = []
  for (const program of PROGRAMS) measured.push(await measureProgram(bench, program))
  for (const boot of await findBoots(progress)) measured.push(...(await measureBoot(bench, boot)))
  const rows = measured.map(summarise)
  const version = execFileSync(bench.qemu[0]!, [...bench.qemu.slice(1), '--version'], { encoding: 'utf8' })
  const reference = `QEMU ${version.match(/version ([\d.]+)/)?.[1]} TCG`
  const when = new Date().toISOString()
  return { bench: 'interpreter', when, machine: machineInfo(reference), rows, summary: worstOf(rows) }
}

async function measureProgram(bench: Bench, program: BenchProgram & { goal?: number }): Promise<Measured> {
  const races = await raceProgram(bench, program)
  const { start } = bench
  return {
    row: program.name,
    unit: 'M instr/CPU-s',
    better: 'higher',
    ours: races.map(({ ours }) => ours.instructions / 1e6 / (ours.cpuSeconds - start.ours)),
    reference: races.map(({ ours, other }) => ours.instructions / 1e6 / (other - start.reference)),
    ...(program.goal && { goal: program.goal }),
  }
}

/** Runs a program on our machine and the reference in turn; CPU seconds of the latter. */
async function raceProgram({ qemu, runs, progress }: Bench, program: BenchProgram) {
  const elf = buildProgram(program)
  const races: { ours: Run; other: number }[] = []
  for (let i = 0; i < runs; i++) {
    progress(`${program.name}, run ${i + 1} of ${runs}`)
    const ours = await runOurs(['--firmware', elf, '--memory', PROGRAM_MEMORY, '--console', 'none'])
    const machine = ['-m', PROGRAM_MEMORY, '-bios', elf, '-serial', 'none', '-monitor', 'none']
    const other = await costOf([...qemu, '-M', 'virt', '-nodefaults', '-display', 'none', ...machine])
    races.push({ ours, other: other.cpuSeconds })
  }
  return races
}

async function findBoots(progress: BenchOptions['progress']): Promise<Boot[]> {
  const debian = await pullDebian({ report: ({ step }) => progress(step) })
  const append = `${CONSOLE} cryptomgr.notests quiet`
  const boots: Boot[] = [{ name: 'Debian boot', ...debian, append, memory: '128M', goalSpeed: 250, goalSeconds: 3 }]
  const lean = await findLean()
  if (lean === undefined) progress('The lean kernel is left out; build it with "orlop build-kernel" first.')
  else
    boots.push({
      name: 'lean boot',
      ...lean,
      append: `${CONSOLE} quiet`,
      memory: '64M',
      goalSpeed: 250,
      goalSeconds: 0.5,
    })
  return boots
}

async function measureBoot({ qemu, runs, progress, start }: Bench, boot: Boot): Promise<Measured[]> {
  const { name, kernel, initrd, append } = boot
  const linux = ['-kernel', kernel, '-initrd', initrd, '-append', append]
  const machine = ['-M', 'virt', '-m', boot.memory, '-nodefaults', '-display', 'none', '-serial', 'mon:stdio']
  const seconds: { ours: number[]; reference: number[] } = { ours: [], reference: [] }
  const speeds: number[] = []
  const machineBeyond: number[] = []
  const processBeyond: number[] = []
  for (let i = 0; i < runs; i++) {
    progress(`${name}, run ${i + 1} of ${runs}`)
    const words = [
      '--kernel',
      kernel,
      '--initrd',
      initrd,
      '--append',
      append,
      '--memory',
      boot.memory,
      '--until',
      AT_SHELL,
    ]
    const run = await runOurs(words)
    // Ctrl-A x is how QEMU's console is left.
    let isOver = false
    const other = await costOf([...qemu, ...machine, ...linux], {
      listen(output) {
        if (isOver || !output.includes(AT_SHELL)) return undefined
        isOver = true
        return '\x01x'
      },
    })
    seconds.ours.push(run.cpuSeconds)
    seconds.reference.push(other.cpuSeconds)
    speeds.push(run.instructions / 1e6 / (run.cpuSeconds - start.ours))
    const guestBytes = run.framesTouched * FRAME
    if (run.mappingBytes !== undefined) machineBeyond.push((run.mappingBytes - guestBytes) / MIB)
    if (run.peakBytes !== undefined) processBeyond.push((run.peakBytes - guestBytes) / MIB)
  }
  const rows: Measured[] = [
    { row: name, unit: 'CPU-s', better: 'lower', ...seconds, goal: boot.goalSeconds },
    { row: name, unit: 'M instr/CPU-s', better: 'higher', ours: speeds, reference: [], goal: boot.goalSpeed },
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

/** One run of our own command; its statistics are the last line that it prints. */
async function runOurs(words: string[]): Promise<Run> {
  const cost = await costOf([process.execPath, ORLOP, 'run', ...words, '--stats', 'json'])
  const stats = JSON.parse(cost.output.trimEnd().split('\n').at(-1) ?? '') as Record<string, number>
  return { ...cost, instructions: stats.guestInstructions!, framesTouched: stats.framesTouched! }
}
