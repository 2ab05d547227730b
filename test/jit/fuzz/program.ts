// A random program: an image of RAM, and the schedule by which it is run. The same seed and number give the same program.

import { Random } from '../../lockstep/random.ts'
import { Assembler, type Placed } from './assembler.ts'
import { Flow } from './flow.ts'
import type { Taste } from './pieces.ts'
import {
  CODE,
  CODE_PAGES,
  CODE_FRAMES,
  COPIES,
  DATA,
  DATA_FRAMES,
  DATA_PAGES,
  FRAMES,
  FRESH,
  type Mode,
  PAGES,
  RAM,
} from './map.ts'
import { type World, buildWorld, drawWorld } from './world.ts'

/** One slice: instructions, and what happens before it (EVENT_* of kernel/pair.ts). */
export interface Slice {
  budget: number
  event: number
  first: number
  second: number
}

export interface Program {
  seed: number
  number: number
  world: World
  image: Uint8Array
  /** All instructions, where they lie. */
  placed: Placed[]
  schedule: Slice[]
  /** Instructions an entry must have cost to be translated. */
  heat: number
}

export const EVENT = { none: 0, raise: 1, lower: 2, write: 3 }
const [SOFTWARE, TIMER, EXTERNAL] = [0x008, 0x080, 0x800]
/** Slices in a schedule, at most. */
const MOST_SLICES = 3000

/** Program `number` of a seed. */
export function makeProgram(seed: number, number: number): Program {
  const random = new Random(seed, `program ${number}`)
  const mode: Mode = random.pick(['M', 'M', 'S', 'S', 'S', 'U', 'U'])
  const world = drawWorld(random, mode)
  const asm = new Assembler(RAM, PAGES * 4096)
  const main = asm.label()
  data(asm, random, world)
  new Flow(asm, random, world, drawTaste(random)).program(main)
  buildWorld(asm, random, world, main)
  asm.finish()
  return {
    seed,
    number,
    world,
    image: asm.bytes,
    placed: asm.placed,
    schedule: drawSchedule(random),
    heat: random.pick([1, 1, 1, 2, 10, 50, 300, 2000]),
  }
}

function drawTaste(random: Random): Taste {
  const some = (...weights: number[]) => random.pick(weights)
  return {
    arithmetic: some(5, 20),
    memory: some(2, 10, 30),
    floats: some(0, 0, 5, 30),
    counters: some(0, 1, 4),
    registers: some(0, 0, 1, 4, 12),
    atomics: some(0, 1, 3, 12),
    traps: some(0, 0, 1, 4),
    changes: some(0, 0, 2, 8, 20),
    scenes: some(0, 8, 30),
    calls: some(2, 8, 16),
    loops: some(4, 8, 16),
    branches: some(4, 10, 20),
  }
}

/** Numbers of all sorts where programs load from; special ones are slow to make, so there are fewer of them. */
function data(asm: Assembler, random: Random, world: World): void {
  for (let at = 0; at < DATA_PAGES * 4096; at += 4) asm.set32(DATA + at, random.u32())
  for (let at = 0; at < DATA_PAGES * 4096; at += 8 * random.between(1, 12)) {
    const kind = random.below(3)
    const number =
      kind === 0 ? random.double() : kind === 1 ? random.integer() : (0xffff_ffffn << 32n) | random.single()
    asm.set64(DATA + at, number)
  }
  if (world.stage !== undefined)
    for (let at = 0; at < 2 * FRAMES * 4096; at += 4) asm.set32(DATA_FRAMES + at, random.u32())
  // No jump out of the depth leads anywhere yet.
  asm.set64(DATA + 0x700, 0n)
}

/** Slices of a size that the program likes; interrupts and writes of devices in between. */
function drawSchedule(random: Random): Slice[] {
  const [least, most] = random.pick<[number, number]>([
    [1, 20],
    [1, 200],
    [20, 2000],
    [1000, 20_000],
  ])
  const wanted = random.pick([20_000, 60_000])
  const odds = random.pick([4, 20, 100])
  const schedule: Slice[] = []
  let total = 0
  let calm = 0
  while (total < wanted && schedule.length < MOST_SLICES) {
    const budget = random.once(10) ? random.between(1, 5) : random.between(least, most)
    const slice = { budget, event: EVENT.none, first: 0, second: 0 }
    total += budget
    calm += budget
    if (calm > 8000) {
      // Whatever the program got itself into, it begins again.
      Object.assign(slice, { event: EVENT.raise, first: SOFTWARE })
      calm = 0
    } else if (random.once(odds)) {
      Object.assign(slice, happening(random))
    } else if (schedule.at(-1)?.event === EVENT.raise) {
      slice.event = EVENT.lower
    }
    schedule.push(slice)
  }
  return schedule
}

function happening(random: Random): Partial<Slice> {
  if (random.once(2)) return { event: EVENT.raise, first: random.pick([TIMER, EXTERNAL]) }
  if (random.once(4)) return { event: EVENT.lower }
  // Mostly over data; now and then a legal instruction over code.
  const onCode = random.once(4)
  const [start, pages] = onCode
    ? random.pick<[number, number]>([
        [CODE, CODE_PAGES],
        [COPIES, 4],
        [CODE_FRAMES, FRAMES],
        [CODE_FRAMES, FRAMES],
        [FRESH, 4],
      ])
    : [DATA, DATA_PAGES]
  const second = onCode ? random.pick([0x0001_0001, 0x0015_8593, 0x0ff6_7613]) : random.u32()
  return { event: EVENT.write, first: start + random.below(pages * 1024) * 4, second }
}
