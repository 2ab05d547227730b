// bench translator: guest CPU-seconds of whole programs and systems in Orlop and in QEMU's translator, run in turn.
//
// One guest lives in each, and the host reads how much CPU its process uses for a program, translation and all. What a
// program that does nothing costs is taken off. Natively the same source is run for scale.

import { boardOf } from './board.ts'
import { type BootKind, findBoot, raceBoot } from './boots.ts'
import { benchSystem, inOrlop, inQemu, qemuVersion } from './engines.ts'
import { Guest } from './guest.ts'
import type { BenchOptions } from './options.ts'
import { programsOf, racePrograms } from './race.ts'
import { type Measured, machineInfo, type Report, summarise, worstOf } from './report.ts'
import { chooseRows, GOALS, type Kind, type OtherRow, type ProgramRow } from './rows.ts'
import { slicesOf, warmUpSeconds } from './warmup.ts'

/** The row whose program warms up, and for how long. */
const WARM_UP = { program: 'core', ms: 6000 }

export const RUNS = 5

export async function measure(options: BenchOptions): Promise<Report> {
  const { programs, others } = chooseRows(options.rows)
  const measured = programs.length > 0 ? await measurePrograms(programs, options) : []
  for (const row of others) measured.push(...(await measureOther(row, options)))
  const rows = measured.map(summarise)
  rows.push(...boardOf(rows).map(summarise))
  const when = new Date().toISOString()
  return { bench: 'translator', when, machine: machineInfo(qemuVersion()), rows, summary: worstOf(rows) }
}

async function measurePrograms(rows: ProgramRow[], options: BenchOptions): Promise<Measured[]> {
  const system = await benchSystem(programsOf(rows), options.progress)
  const ours = { name: 'Orlop', command: inOrlop(system, options.translator) }
  const reference = { name: 'QEMU', command: inQemu(system) }
  const goalOf = (kind: Kind) => (kind === 'system' ? GOALS.system : GOALS.compute)
  return racePrograms(rows, { ours, reference, goalOf }, options)
}

function measureOther(row: OtherRow, options: BenchOptions): Promise<Measured[]> {
  if (row === 'warm-up') return measureWarmUp(options)
  return measureBoot(row.replace('-boot', '') as BootKind, options)
}

async function measureWarmUp({ runs, progress, translator }: BenchOptions): Promise<Measured[]> {
  const system = await benchSystem([WARM_UP.program], progress)
  const words = [`/${WARM_UP.program}`, 'for', `${WARM_UP.ms}`]
  // A guest of its own each time: in an older one the program may be translated already.
  const warmUp = async (name: string, command: string[]) => {
    const guest = await Guest.start(name, command)
    const { output } = await guest.run(words)
    await guest.off()
    return warmUpSeconds(slicesOf(output))
  }
  const ours: number[] = []
  const reference: number[] = []
  for (let i = 0; i < runs; i++) {
    ours.push(await warmUp('Orlop', inOrlop(system, translator)))
    reference.push(await warmUp('QEMU', inQemu(system)))
    progress(
      `warm-up, run ${i + 1} of ${runs}: Orlop ${ours.at(-1)!.toFixed(2)} s, QEMU ${reference.at(-1)!.toFixed(2)}`,
    )
  }
  return [{ row: 'warm-up', unit: 's', better: 'lower', ours, reference, goal: GOALS.warmUpSeconds }]
}

async function measureBoot(kind: BootKind, { runs, progress, translator }: BenchOptions): Promise<Measured[]> {
  const boot = await findBoot(kind, progress)
  if (boot === undefined) return []
  const ours: number[] = []
  const reference: number[] = []
  for (let i = 0; i < runs; i++) {
    const race = await raceBoot(boot, translator)
    ours.push(race.ours.cpuSeconds)
    reference.push(race.other)
    progress(
      `${boot.name}, run ${i + 1} of ${runs}: Orlop ${race.ours.cpuSeconds.toFixed(2)} CPU-s, QEMU ${race.other.toFixed(2)}`,
    )
  }
  return [{ row: boot.name, unit: 'CPU-s', better: 'lower', ours, reference, goalRatio: GOALS.boot }]
}
