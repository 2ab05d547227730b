// `orlop train`: an image that has what was hot translated does the same as the one that has not, and uses what it has.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { OUT } from '../../build/artefact.ts'
import { writeBundle } from '../../host-shim/node/boot-folder.ts'
import { packBytes, trainImage } from '../../host-shim/trained-image.ts'
import { readUnsigned, sectionsOf, unsigned } from '../../host-shim/wasm-image.ts'
import { runOrlop } from '../boot/orlop.ts'
import { assemble } from '../support/asm.ts'
import { requireTool } from '../support/tools.ts'
import { startImage } from './runtime.ts'

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const IMAGE = join(OUT, 'orlop-wasi.wasm')
const RAM_BYTES = 16 * 2 ** 20
const ROUNDS = 1_000_000n
const withAssembler = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip
const BODIES = 10

/** What mix.c prints. */
function sum(): string {
  let sum = 0n
  for (let round = 0n; round < ROUNDS; round++) {
    for (let i = 0n; i < 8n; i++) sum = BigInt.asUintN(64, sum * 1_000_003n) ^ (round >> (i * 8n))
  }
  return `sum ${sum.toString(16).padStart(16, '0')}\n`
}

function programFor(define: Record<string, number> = {}): string {
  const sources = [path('../../guests/programs/start.S'), path('mix.c')]
  return assemble({ sources, includes: [path('../../guests/programs/machine.h')], define }).elf
}

async function runImage(image: string, firmware: string, folder: string) {
  const machine = join(folder, 'machine')
  await writeBundle(machine, { guests: [{ ramBytes: RAM_BYTES, firmware }] }, image)
  const talk = startImage(machine)
  const exitCode = await talk.end()
  return { exitCode, console: talk.heard, errors: talk.errors }
}

/** Runs `orlop train` for a fleet of one guest with this program; the image. */
async function train(firmware: string, folder: string, flags: string[] = []): Promise<string> {
  const fleet = join(folder, 'fleet.yaml')
  const image = join(folder, 'trained.wasm')
  const machine = `machine: { name: train-${process.pid} }`
  writeFileSync(fleet, `${machine}\nguests: { mix: { memory: 16M, firmware: ${firmware} } }\n`)
  const { exitCode, errors, console } = await runOrlop(['train', '--heat', '1000', '-o', image, ...flags, fleet])
  assert.is(exitCode, 0, errors)
  assert.match(console, /trained\.wasm: [\d.]+ MiB, of which [\d.]+ MiB are \d+ translated functions\n$/)
  return image
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-train-'))
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The image with all functions from number `first` of its own on as traps. */
function trapping(image: Uint8Array, first: number): Uint8Array {
  const TRAP = [0x03, 0x00, 0x00, 0x0b]
  const code = sectionsOf(image).find(({ id }) => id === BODIES)!.content
  const [count, start] = readUnsigned(code, 0)
  const parts: Uint8Array[] = [Uint8Array.from(unsigned(count))]
  for (let number = 0, at = start; number < count; number++) {
    const [length, from] = readUnsigned(code, at)
    parts.push(number < first ? code.subarray(at, from + length) : Uint8Array.from(TRAP))
    at = from + length
  }
  const content = Buffer.concat(parts)
  const at = code.byteOffset - image.byteOffset
  const head = at - 1 - unsigned(code.length).length
  const rest = image.subarray(at + code.length)
  return Buffer.concat([image.subarray(0, head), Uint8Array.from([BODIES, ...unsigned(content.length)]), content, rest])
}

function functionsOf(image: Uint8Array): number {
  return readUnsigned(sectionsOf(image).find(({ id }) => id === BODIES)!.content, 0)[0]
}

withAssembler('a trained image runs what it was trained for by its own functions', () =>
  inFolder(async (folder) => {
    const firmware = programFor()
    const image = await train(firmware, folder)
    assert.equal(await runImage(image, firmware, folder), {
      exitCode: 0,
      console: sum(),
      errors: (await runImage(IMAGE, firmware, folder)).errors,
    })
    // If they are traps, it comes to no end.
    const traps = join(folder, 'traps.wasm')
    writeFileSync(traps, trapping(readFileSync(image), functionsOf(readFileSync(IMAGE))))
    const { exitCode, errors } = await runImage(traps, firmware, folder)
    assert.is.not(exitCode, 0)
    assert.match(errors, /unreachable/)
  }),
)

withAssembler('what a trained image has no code for is interpreted', () =>
  inFolder(async (folder) => {
    const image = await train(programFor({ FACTOR: 5 }), folder)
    const traps = join(folder, 'traps.wasm')
    writeFileSync(traps, trapping(readFileSync(image), functionsOf(readFileSync(IMAGE))))
    const { exitCode, console } = await runImage(traps, programFor(), folder)
    assert.is(exitCode, 0)
    assert.is(console, sum())
  }),
)

test('an image that is trained with nothing stays what it was, and cannot be trained again', () => {
  const image = new Uint8Array(readFileSync(IMAGE))
  assert.is(packBytes(image), 0)
  const trained = trainImage(image, { units: [], stamp: 1 })
  assert.ok(packBytes(trained) > 0)
  const module = new WebAssembly.Module(trained as Uint8Array<ArrayBuffer>)
  assert.equal(WebAssembly.Module.imports(module), WebAssembly.Module.imports(new WebAssembly.Module(image)))
  assert.equal(
    WebAssembly.Module.exports(module)
      .map(({ name }) => name)
      .sort(),
    ['_start', 'memory'],
  )
  assert.throws(() => trainImage(trained, { units: [], stamp: 1 }), /cannot be trained/)
})

test('what cannot be trained is told before anything is started', () =>
  inFolder(async (folder) => {
    const fleet = join(folder, 'fleet.yaml')
    writeFileSync(fleet, 'guests: { a: { memory: 16M } }\n')
    const refusal = async (...words: string[]) => {
      const { exitCode, errors, console } = await runOrlop(['train', ...words])
      assert.is(exitCode, 2)
      assert.is(console, '')
      return errors
    }
    assert.match(await refusal(), /^orlop: Give a fleet file: .*\n$/)
    assert.match(await refusal('--heat', '0', fleet), /^orlop: --heat: "0" is no whole number .*\n$/)
    assert.match(
      await refusal('--image', join(folder, 'none'), fleet),
      /^orlop: There is no image ".*none"; check the path\.\n$/,
    )
    assert.match(await refusal('--image', fleet, fleet), /^orlop: This is no image for WASI runtimes; .*\n$/)
    assert.match(
      await refusal('-o', join(folder, 'none', 'x'), fleet),
      /^orlop: The folder ".*none" is not there; .*\n$/,
    )
  }))

test.run()
