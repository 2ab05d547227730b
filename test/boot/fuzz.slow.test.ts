// Random bytes as firmware: none of 200 programs may crash Orlop, hang it, or make it say what it never says.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inScratch } from '../guests/scratch.ts'
import { runOrlop, splitReport } from './orlop.ts'
import { canBuild, rawFirmware } from './programs.ts'

const PROGRAMS = 200
const BYTES = 32768
/** Half of it is the start of the process; a program that had not begun by then gets twice as much, and so on. */
const TIMEOUT_S = 0.4
const LONGEST_S = 60
/** Power-off, a failed test, a panic, or the timeout. */
const ENDINGS = [0, 1, 3, 124]
/** All that Orlop ever says of a guest's end. */
const SENTENCE = /^(orlop: (The time is up after [\d.]+ s|The guest has failed: [^\n]+|Test \d+ has failed)\.\n)?$/

/** The major opcodes that are instructions (RISC-V unprivileged specification, chapter 35). */
const OPCODES = [0x03, 0x07, 0x0f, 0x13, 0x17, 0x1b, 0x23, 0x27, 0x2f, 0x33, 0x37, 0x3b, 0x43, 0x47, 0x4b, 0x4f, 0x53]
const LEAPS = [0x63, 0x67, 0x6f, 0x73, 0x73, 0x73]

/** mulberry32: 32 bits from a seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return (value ^ (value >>> 14)) >>> 0
  }
}

/** Random words, most of which have an opcode that is one; every tenth program is nothing but chance. */
function randomProgram(number: number, random: () => number): Buffer {
  const program = Buffer.alloc(BYTES)
  const share = number % 10 === 0 ? 0 : 7
  for (let at = 0; at < BYTES; at += 4) {
    const word = random()
    const opcodes = random() % 8 === 0 ? LEAPS : OPCODES
    const opcode = opcodes[random() % opcodes.length] as number
    program.writeUInt32LE(random() % 8 < share ? ((word & ~0x7f) | opcode) >>> 0 : word, at)
  }
  return program
}

test(
  `${PROGRAMS} random programs, from a seed, run to a defined end`,
  inScratch(async (folder) => {
    if (!canBuild()) return
    const seed = Number(process.env.ORLOP_SEED ?? 1) >>> 0
    const stub = readFileSync(rawFirmware('hostile/stub'))
    const waiting = Array.from({ length: PROGRAMS }, (_, number) => number)
    const work = async () => {
      for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
        const program = randomProgram(number, generator(seed * 1000 + number))
        const path = join(folder, `${number}`)
        // Without the stub a program traps at once and for ever, which is worth a few tries.
        writeFileSync(path, number % 20 === 0 ? program : Buffer.concat([stub, program]))
        const args = ['--firmware', path, '--memory', '1M', '--console', 'none']
        for (let timeoutS = TIMEOUT_S; ; timeoutS *= 2) {
          const run = await runOrlop(['run', ...args, '--stats', 'json', '--timeout', `${timeoutS}`])
          const { exitCode, errors } = run
          const which = `program ${number} of ORLOP_SEED=${seed}: exit code ${exitCode}, ${errors}`
          assert.ok(ENDINGS.includes(exitCode), which)
          assert.match(errors, SENTENCE, which)
          // One that traps at its first instruction never retires any; one whose machine took too long to start has no report.
          const { report } = splitReport(run.console)
          if (report !== undefined && (report.guestInstructions > 0 || number % 20 === 0)) break
          assert.ok(timeoutS < LONGEST_S, `${which} did not begin`)
        }
      }
    }
    // As many at once as a small machine has cores.
    await Promise.all([work(), work()])
  }),
)

test.run()
