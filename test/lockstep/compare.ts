// Runs a family on two machines, compares everything, and cuts a difference down to the instructions that cause it.

import { disassemble } from '../support/asm.ts'
import type { Engine } from './engine.ts'
import type { Family } from './family.ts'
import {
  CODE,
  type Group,
  type Image,
  type Repetition,
  type State,
  type Unit,
  buildImage,
  differences,
  hex,
  readState,
} from './image.ts'
import { Random } from './random.ts'

/** How a comparison went. */
export interface Outcome {
  seed: number
  groups: number
  /** Instructions executed, without the monitor's. */
  instructions: number
  /** Groups that ended differently. */
  failed: number
  /** A report of each of the first different failures; empty when both machines agree. */
  reports: string[]
}

/** Which comparison to run. */
export interface CompareOptions {
  family: Family
  ours: Engine
  oracle: Engine
  /** Least number of instructions. Default: ORLOP_LOCKSTEP_COUNT or 200 000. */
  instructions?: number
  /** Default: ORLOP_SEED, or a new one. */
  seed?: number
  /** At most so many failures are cut down and reported. Default 3. */
  reports?: number
  /** Groups are run several times, in both machines. */
  repetition?: Repetition
}

const SLICE = 100_000

function* endless(family: Family, random: Random): Generator<Group, undefined> {
  for (;;) yield family.group(random)
}

/** Compares `ours` with `oracle` on random groups of a family. */
export async function compare(options: CompareOptions): Promise<Outcome> {
  const seed = options.seed ?? Number(process.env.ORLOP_SEED ?? Math.floor(Math.random() * 2 ** 31))
  try {
    return await compareFrom(seed, options)
  } catch (cause) {
    throw new Error(`${options.family.name}, ORLOP_SEED=${seed}: ${(cause as Error).message}`, { cause })
  }
}

async function compareFrom(seed: number, options: CompareOptions): Promise<Outcome> {
  const { family } = options
  const counted = options.instructions ?? Number(process.env.ORLOP_LOCKSTEP_COUNT ?? 200_000)
  const wanted = family.all === undefined ? counted : Number.POSITIVE_INFINITY
  const random = new Random(seed, family.name)
  const outcome: Outcome = { seed, groups: 0, instructions: 0, failed: 0, reports: [] }
  const causes = new Set<string>()
  const source = family.all === undefined ? endless(family, random) : family.all()[Symbol.iterator]()
  while (outcome.instructions < wanted) {
    // Long runs are cut into images of moderate size.
    const groups: Group[] = []
    const end = family.all === undefined ? Math.min(wanted, outcome.instructions + SLICE) : outcome.instructions + SLICE
    while (outcome.instructions < end) {
      const { value: group, done } = source.next()
      if (done) break
      groups.push(group)
      outcome.instructions += group.units.reduce((sum, unit) => sum + unit.instructions, 0)
    }
    if (groups.length === 0) break
    const failed = await runBoth(options, groups)
    for (const index of failed.different) {
      if (outcome.reports.length >= (options.reports ?? 3)) break
      const group = groups[index] as Group
      const suspect = failed.suspect(index)
      if (causes.has(suspect)) continue
      const report = await explain(options, group)
      causes.add(suspect)
      const title = `${family.name}: group ${outcome.groups + index}, ORLOP_SEED=${seed}`
      outcome.reports.push(
        `${title}\n${report ?? `${failed.lines(index)}\n(the group alone does not show it: it needs what ran before)`}`,
      )
    }
    outcome.failed += failed.different.length
    outcome.groups += groups.length
  }
  return outcome
}

/** Both machines' results on the same groups. */
interface Both {
  image: Image
  different: number[]
  a(index: number): State
  b(index: number): State
  lines(index: number): string
  /** What differs, as a key to tell failures with different causes apart. */
  suspect(index: number): string
}

async function runBoth({ family, ours, oracle, repetition }: CompareOptions, groups: Group[]): Promise<Both> {
  const image = buildImage(groups, family.layout, repetition)
  const [mine, theirs] = await Promise.all([ours.run(image.bytes, image), oracle.run(image.bytes, image)])
  const different: number[] = []
  image.records.forEach((start, index) => {
    const end = image.records[index + 1] ?? image.logBytes
    if (Buffer.compare(mine.subarray(start, end), theirs.subarray(start, end)) !== 0) different.push(index)
  })
  const a = (index: number) => readState(mine, image, index, groups[index] as Group, family.layout)
  const b = (index: number) => readState(theirs, image, index, groups[index] as Group, family.layout)
  const lines = (index: number) =>
    `${''.padEnd(17)}${ours.name.padEnd(20)}${oracle.name}\n${differences(a(index), b(index)).join('\n')}`
  const suspect = (index: number) => {
    const names = differences(a(index), b(index)).map((line) => line.slice(0, 16).replace(/\d+/g, '').trim())
    return (
      [...new Set(names)].join() +
      (groups[index] as Group).units
        .map((u) => u.name)
        .sort()
        .join()
        .slice(0, 24)
    )
  }
  return { image, different, a, b, lines, suspect }
}

/** The shortest list of units that still shows the difference, as a report; undefined if the group alone does not. */
async function explain(options: CompareOptions, group: Group): Promise<string | undefined> {
  const fails = async (candidates: Unit[][]) => {
    const both = await runBoth(
      options,
      candidates.map((units) => ({ ...group, units })),
    )
    return both.different[0]
  }
  const prefixes = [...group.units.keys()].map((count) => group.units.slice(0, count + 1))
  const first = await fails([[], ...prefixes])
  if (first === undefined) return undefined
  let units = group.units.slice(0, first)
  // The last one is the culprit; drop what it does not need, many at once and then one by one.
  for (;;) {
    const shorter: Unit[][] = []
    for (let keep = 1; keep < units.length; keep++) shorter.push(units.slice(units.length - keep))
    for (let drop = 0; drop < units.length - 1; drop++) shorter.push(units.filter((_, i) => i !== drop))
    const hit = shorter.length === 0 ? undefined : await fails(shorter)
    if (hit === undefined) break
    units = shorter[hit] as Unit[]
  }
  const small = { ...group, units }
  const before = { ...group, units: units.slice(0, -1) }
  const both = await runBoth(options, [small, before])
  if (!both.different.includes(0)) return undefined
  return describe(small, both, units.length > 0 ? both.b(1) : undefined)
}

/** The text of a minimal failure: instructions, the registers they name before, and what differs after. */
function describe(group: Group, both: Both, before: State | undefined): string {
  const last = group.units.at(-1)
  const code = Uint8Array.from(
    group.units.flatMap((unit) => unit.parcels.flatMap((parcel) => [parcel & 255, parcel >> 8])),
  )
  const text = code.length > 0 ? disassemble(code, CODE) : []
  const state = before ?? { x: group.x, f: group.f, fcsr: BigInt(group.fcsr) }
  const named = new Set(text.slice(-(last?.parcels.length ?? 0)).flatMap((line) => line.match(/\b(x|f)\d+\b/g) ?? []))
  const values = [...named].map(
    (name) => `  ${name} = ${hex((name[0] === 'x' ? state.x : state.f)[Number(name.slice(1))])}`,
  )
  const control = Object.entries(group.control ?? {})
    .filter(([, value]) => value !== 0n)
    .map(([name, value]) => `  ${name} = ${hex(value)}`)
  const pokes = (group.pokes ?? [])
    .filter((poke) => poke.words.length <= 8)
    .map((poke) => `  [0x${poke.address.toString(16)}] = ${poke.words.map(hex).join(' ')}`)
  return [
    `units: ${group.units.map((unit) => unit.name).join('; ') || '(none: the state itself)'}`,
    ...text.map((line) => `  ${line}`),
    `before: mstatus at entry = ${hex(group.mstatus)}, fcsr = ${hex(state.fcsr)}`,
    ...values,
    ...control,
    ...pokes,
    'after:',
    both.lines(0),
  ].join('\n')
}
