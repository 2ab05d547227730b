// Cuts a failing program down, and tells about it: what differs, the code that was run, and how to run it again.

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { TRANSLATOR_OFF } from '../../../hypervisor/abi.ts'
import { disassemble } from '../../support/asm.ts'
import { type Difference, type Pair, type Way, hex } from './pair.ts'
import type { Program } from './program.ts'
import { RAM } from './map.ts'

const [NOP, SHORT_NOP] = [0x13, 0x0001]
/** Runs that cutting down may take. */
const TRIES = 1500
/** Below lie start and handlers, which stay as they are. */
const OWN_CODE = RAM + 0x8000
const MOST_LINES = 60

/**
 * The report of a program that differs in a fresh kernel, cut down or as it is. The whole program goes to a file, as assembler
 * text.
 */
export function report(pair: Pair, program: Program, way: Way, difference: Difference, whole: boolean): string {
  const isSteady = isSound(pair, program, way)
  const small = whole ? whatIs(program, difference) : cut(pair, program, way, difference, isSteady)
  const { seed, number } = program
  const file = join(tmpdir(), `orlop-fuzz-${seed}-${number}.s`)
  writeFileSync(file, listing(small.program).join('\n'))
  const code = listing(small.program, OWN_CODE)
  return [
    `Program ${number} of seed ${seed} (${program.world.mode} mode, heat ${program.heat}) differs.`,
    ...(isSteady ? [] : ['The interpreter differs from itself, too (--way steps).']),
    `${whole ? 'As it is' : 'As cut down'} (${small.kept} instructions left, ${file}):`,
    ...tell(small.program, small.difference),
    'what is left of the program:',
    ...code.slice(0, MOST_LINES),
    ...(code.length > MOST_LINES ? ['...'] : []),
  ].join('\n')
}

/** What a difference is, in lines. */
export function tell(program: Program, { slice, before, after, lines }: Difference): string[] {
  return [
    `slice ${slice}, ${JSON.stringify(program.schedule[slice])}, from ${hex(before)} to ${after.map(hex).join(' and ')}`,
    `${''.padEnd(16)}${'interpreter'.padEnd(20)}engine under test`,
    ...lines,
  ]
}

/** The interpreter against itself, instruction by instruction. */
const STEPS: Way = { translator: TRANSLATOR_OFF, how: 1 }

interface Cut {
  program: Program
  difference: Difference
  kept: number
}

/** A failing program with nothing cut away. */
function whatIs(program: Program, difference: Difference): Cut {
  return { program, difference, kept: program.placed.filter(({ gpa }) => gpa >= OWN_CODE).length }
}

/** Replaces instructions by ones that do nothing, as long as both runs still differ; first many at once, then few. */
function cut(pair: Pair, original: Program, way: Way, first: Difference, isSteady: boolean): Cut {
  let schedule = original.schedule.slice(0, first.slice + 1)
  let image = original.image
  let difference = first
  let tries = 0
  const fails = (candidate: Uint8Array, slices = schedule, often = 64): boolean => {
    tries++
    pair.renew()
    const outcome = pair.run({ ...original, image: candidate, schedule: slices }, way, often).difference
    if (outcome === undefined || (isSteady && !isSound(pair, { ...original, image: candidate, schedule: slices }, way)))
      return false
    difference = outcome
    return true
  }
  // What happens between slices may have nothing to do with it.
  const calm = schedule.map((slice) => ({ ...slice, event: 0 }))
  if (fails(image, calm)) schedule = calm.slice(0, difference.slice + 1)
  const live = original.placed.filter(({ gpa }) => gpa >= OWN_CODE)
  for (let step = Math.ceil(live.length / 2); step >= 1 && tries < TRIES; step = step === 1 ? 0 : Math.ceil(step / 2)) {
    for (let at = 0; at < live.length && tries < TRIES; at += step) {
      const candidate = image.slice()
      const view = new DataView(candidate.buffer)
      for (const { gpa, bytes } of live.slice(at, at + step)) {
        view.setUint16(gpa - RAM, bytes === 4 ? NOP : SHORT_NOP, true)
        if (bytes === 4) view.setUint16(gpa - RAM + 2, 0, true)
      }
      if (!fails(candidate)) continue
      image = candidate
      schedule = schedule.slice(0, difference.slice + 1)
    }
  }
  fails(image, schedule, 1)
  const program = { ...original, image, schedule }
  return { program, difference, kept: live.filter((one) => !isNothing(image, one.gpa, one.bytes)).length }
}

/** Does the interpreter agree with itself? If not, what is left has another result each time, and tells nothing of the engine. */
function isSound(pair: Pair, program: Program, way: Way): boolean {
  if (way.how === STEPS.how) return true
  pair.renew()
  return pair.run(program, STEPS).difference === undefined
}

function isNothing(image: Uint8Array, gpa: number, bytes: number): boolean {
  const view = new DataView(image.buffer, gpa - RAM, bytes)
  return bytes === 4 ? view.getUint32(0, true) === NOP : view.getUint16(0, true) === SHORT_NOP
}

/** The code of a program from this address on, without what does nothing. */
function listing(program: Program, from = RAM): string[] {
  const lines: string[] = []
  const pages = [...new Set(program.placed.map(({ gpa }) => gpa >>> 12))].sort((a, b) => a - b)
  for (const page of pages) {
    const start = page * 4096
    const known = new Set(program.placed.filter((one) => one.gpa >>> 12 === page).map((one) => one.gpa))
    const code = program.image.subarray(start - RAM, start - RAM + 4096)
    for (const line of disassemble(code, start)) {
      const address = Number.parseInt(line, 16)
      if (
        address >= from &&
        known.has(address) &&
        !line.includes('out of bounds') &&
        !/\b(c\.nop|addi x0,(x0,)?0)/.test(line)
      )
        lines.push(line)
    }
  }
  return lines
}
