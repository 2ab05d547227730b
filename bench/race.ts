// Runs the programs of a benchmark in two guests in turn, and on this machine.

import { OrlopError } from '../cli/error.ts'
import { buildNative, canFuse } from './binaries.ts'
import { costOf } from './cost.ts'
import { Guest } from './guest.ts'
import type { BenchOptions } from './options.ts'
import type { Measured } from './report.ts'
import { type Kind, type ProgramRow, wordsOf } from './rows.ts'

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

/** The guests that are compared, by the commands that start them; the programs lie in the root of both. */
export interface Race {
  ours: Contender
  reference: Contender
  /** How many times better than the reference's a row of this kind is to be; undefined: it is only looked at. */
  goalOf(kind: Kind): number | undefined
}

export interface Contender {
  name: string
  command: string[]
}

/** Programs of bench/programs/linux that the rows need in their guest. */
export function programsOf(rows: ProgramRow[]): string[] {
  const own = rows.flatMap(({ name, command, beside = [] }) => [...(command === undefined ? [name] : []), ...beside])
  return ['empty', ...own]
}

/** Measures the rows one after the other. A checksum that is not the same everywhere ends the benchmark. */
export async function racePrograms(rows: ProgramRow[], race: Race, options: BenchOptions): Promise<Measured[]> {
  options.progress('Starting the guests')
  const ours = await start(race.ours)
  const reference = await start(race.reference)
  const measured: Measured[] = []
  for (const row of rows) {
    const goalRatio = race.goalOf(row.kind)
    measured.push({ ...(await raceProgram(row, ours, reference, options)), ...(goalRatio && { goalRatio }) })
  }
  await Promise.all([ours.guest.off(), reference.guest.off()])
  return measured
}

async function start({ name, command }: Contender): Promise<Side> {
  const guest = await Guest.start(name, command)
  // What is translated in the first of them is no cost of every program.
  for (let i = 0; i < EMPTY_RUNS; i++) await guest.run(['/empty', '1'])
  let seconds = 0
  for (let i = 0; i < EMPTY_RUNS; i++) seconds += (await guest.run(['/empty', '1'])).cpuSeconds
  return { guest, emptySeconds: seconds / EMPTY_RUNS }
}

async function raceProgram(row: ProgramRow, ours: Side, reference: Side, options: BenchOptions): Promise<Measured> {
  const { runs, progress, scale = 1 } = options
  const { name } = row
  const iterations = Math.max(1, Math.round(row.iterations * scale))
  const words = wordsOf(row, iterations)
  const all: Record<'ours' | 'reference' | 'native', number[]> = { ours: [], reference: [], native: [] }
  for (let i = 0; i < runs; i++) {
    const mine = await inGuest(ours, words)
    const other = await inGuest(reference, words)
    const native = await natively(row, iterations)
    compare(name, { [ours.guest.name]: mine, [reference.guest.name]: other, ...(native && { 'this machine': native }) })
    all.ours.push(mine.seconds)
    all.reference.push(other.seconds)
    if (native !== undefined) all.native.push(native.seconds)
    const figures = [
      `${ours.guest.name} ${mine.seconds.toFixed(2)} CPU-s`,
      `${reference.guest.name} ${other.seconds.toFixed(2)}`,
      `${(other.seconds / mine.seconds).toFixed(2)} times as fast`,
    ]
    progress(`${name}, run ${i + 1} of ${runs}: ${figures.join(', ')}`)
  }
  return { row: name, unit: 'CPU-s', better: 'lower', ...all }
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
