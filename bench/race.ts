// Runs the programs of the translator's benchmark in both guests in turn, and on this machine.

import { OrlopError } from '../cli/error.ts'
import { buildNative, canFuse } from './binaries.ts'
import { costOf } from './cost.ts'
import { benchSystem, inOrlop, inQemu } from './engines.ts'
import { Guest } from './guest.ts'
import type { BenchOptions } from './options.ts'
import type { Measured } from './report.ts'
import { GOALS, type ProgramRow, wordsOf } from './rows.ts'

/** How often the program that does nothing is run for one figure, and before: a tick of /proc is longer than it takes. */
const EMPTY_RUNS = 10
/** The resolution of what /proc tells: less is never claimed. */
const LEAST_SECONDS = 0.01

/** One of the two guests, and what starting and ending a program costs there. */
interface Side {
  guest: Guest
  emptySeconds: number
}

interface Figure {
  seconds: number
  checksum: string
}

/** Measures the rows one after the other. A checksum that is not the same everywhere ends the benchmark. */
export async function racePrograms(rows: ProgramRow[], options: BenchOptions): Promise<Measured[]> {
  const { progress, translator } = options
  progress('Building the programs')
  const names = rows.flatMap(({ name, command, beside = [] }) => [...(command === undefined ? [name] : []), ...beside])
  const system = await benchSystem(['empty', ...names], progress)
  progress('Starting the guests')
  const ours = await start('Orlop', inOrlop(system, translator))
  const reference = await start('QEMU', inQemu(system))
  const measured: Measured[] = []
  for (const row of rows) measured.push(await raceProgram(row, ours, reference, options))
  await Promise.all([ours.guest.off(), reference.guest.off()])
  return measured
}

async function start(name: string, command: string[]): Promise<Side> {
  const guest = await Guest.start(name, command)
  // What is translated in the first of them is no cost of every program.
  for (let i = 0; i < EMPTY_RUNS; i++) await guest.run(['/empty', '1'])
  let seconds = 0
  for (let i = 0; i < EMPTY_RUNS; i++) seconds += (await guest.run(['/empty', '1'])).cpuSeconds
  return { guest, emptySeconds: seconds / EMPTY_RUNS }
}

async function raceProgram(row: ProgramRow, ours: Side, reference: Side, options: BenchOptions): Promise<Measured> {
  const { runs, progress, scale = 1 } = options
  const { name, kind } = row
  const iterations = Math.max(1, Math.round(row.iterations * scale))
  const words = wordsOf(row, iterations)
  const all: Record<'ours' | 'reference' | 'native', number[]> = { ours: [], reference: [], native: [] }
  for (let i = 0; i < runs; i++) {
    const mine = await inGuest(ours, words)
    const other = await inGuest(reference, words)
    const native = await natively(row, iterations)
    compare(name, { Orlop: mine, QEMU: other, ...(native && { 'this machine': native }) })
    all.ours.push(mine.seconds)
    all.reference.push(other.seconds)
    if (native !== undefined) all.native.push(native.seconds)
    const figures = `Orlop ${mine.seconds.toFixed(2)} CPU-s, QEMU ${other.seconds.toFixed(2)}`
    progress(`${name}, run ${i + 1} of ${runs}: ${figures}, ${(other.seconds / mine.seconds).toFixed(2)} times as fast`)
  }
  const goalRatio = kind === 'system' ? GOALS.system : GOALS.compute
  return { row: name, unit: 'CPU-s', better: 'lower', ...all, goalRatio }
}

async function inGuest({ guest, emptySeconds }: Side, words: string[]): Promise<Figure> {
  const { cpuSeconds, output } = await guest.run(words)
  const seconds = Math.max(LEAST_SECONDS, cpuSeconds - emptySeconds)
  return { seconds, checksum: checksumOf(output, guest.name) }
}

/** Undefined for what cannot be the same on this machine: no source of ours, or other rounding. */
async function natively(
  { name, kind, command, beside = [] }: ProgramRow,
  iterations: number,
): Promise<Figure | undefined> {
  if (command !== undefined || (kind === 'double' && !canFuse())) return undefined
  for (const other of beside) buildNative(other)
  const { cpuSeconds, output } = await costOf([buildNative(name), `${iterations}`])
  return { seconds: cpuSeconds, checksum: checksumOf(output, 'this machine') }
}

function checksumOf(output: string, where: string): string {
  const sum = /^checksum ([0-9a-f]{16})$/m.exec(output)?.[1]
  if (sum === undefined) throw new OrlopError(`A program printed no checksum in ${where}: "${output.trim()}".`, 1)
  return sum
}

function compare(name: string, figures: Record<string, Figure>): void {
  const sums = Object.entries(figures).map(([where, { checksum }]) => `${checksum} in ${where}`)
  if (new Set(Object.values(figures).map(({ checksum }) => checksum)).size > 1)
    throw new OrlopError(`The program ${name} has computed different things: ${sums.join(', ')}.`, 1)
}
