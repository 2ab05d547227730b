// Random programs on interpreter and translator: after every slice both have the same registers, and in the end the same RAM.
//
// ORLOP_FUZZ_SECONDS says for how long (default: a minute in all), ORLOP_SEED and ORLOP_FUZZ_FROM where to begin. A failure
// tells both, and what is left of the program when all is cut away that has nothing to do with it.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { requireTool } from '../support/tools.ts'

const MAIN = fileURLToPath(new URL('fuzz/main.ts', import.meta.url))
const SECONDS = Number(process.env.ORLOP_FUZZ_SECONDS ?? 60)
const SEED = Number(process.env.ORLOP_SEED ?? Math.floor(Math.random() * 2 ** 31))
const FROM = Number(process.env.ORLOP_FUZZ_FROM ?? 0)
/** No program takes that long, even while a failure is cut down. */
const PATIENCE_MS = 60_000
/** The disassembler for reports comes with the assembler. */
const withTools = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

/** Runs the fuzzer in a process of its own; what it says at the end. Fails if it finds something, crashes, or hangs. */
async function fuzz(way: string, seconds: number): Promise<string> {
  const numbers = ['--seconds', `${seconds}`, '--seed', `${SEED}`, '--from', `${FROM}`]
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, '--way', way, ...numbers], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let current = FROM
  let hangs = false
  const hang = () => {
    hangs = true
    child.kill('SIGKILL')
  }
  let watchdog = setTimeout(hang, PATIENCE_MS * 3)
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    clearTimeout(watchdog)
    watchdog = setTimeout(hang, PATIENCE_MS)
    output += text
    const numbers = [...output.matchAll(/^program (\d+)\n/gm)]
    if (numbers.length > 0) current = Number(numbers.at(-1)?.[1])
    output = output.replace(/^program \d+\n/gm, '')
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  const code = await new Promise((resolve) => child.on('close', resolve))
  clearTimeout(watchdog)
  // A program may fail only because of what others before it have left.
  const first = /^again (\d+)$/m.exec(output)?.[1] ?? current
  const again = `Again: ORLOP_SEED=${SEED} ORLOP_FUZZ_FROM=${first} npx tsx test/jit/fuzz.slow.test.ts`
  assert.not.ok(hangs, `Program ${current} does not come back (${way}).\n${again}`)
  assert.is(code, 0, `${output.trim()}\n${again}`)
  return output.trim()
}

withTools('translated code and the interpreter agree on random programs after every slice', async () => {
  console.log(`translator, ORLOP_SEED=${SEED}: ${await fuzz('on', SECONDS / 2)}`)
})

withTools('both engines agree on each run of translated code, as verifying finds', async () => {
  console.log(`verify, ORLOP_SEED=${SEED}: ${await fuzz('verify', SECONDS / 4)}`)
})

withTools('code that was trained in one run and is used in another agrees with the interpreter', async () => {
  console.log(`trained, ORLOP_SEED=${SEED}: ${await fuzz('trained', SECONDS / 4)}`)
})

withTools('the interpreter agrees with itself, whether it runs slices or single instructions', async () => {
  console.log(`interpreter, ORLOP_SEED=${SEED}: ${await fuzz('steps', SECONDS / 4)}`)
})

test.run()
