// `orlop train`: an image that has what was hot translated does the same as the one that has not, and uses what it has.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeBundle } from '../../host-shim/node/boot-folder.ts'
import { usesRelaxedSimd } from '../../host-shim/relocate.ts'
import { packBytes, trainImage } from '../../host-shim/trained-image.ts'
import { readUnsigned, sectionsOf, sizedItems, unsigned } from '../../host-shim/wasm-image.ts'
import { runOrlop } from '../boot/orlop.ts'
import { requireTool } from '../support/tools.ts'
import { inFolder, programFor, RAM_BYTES, train } from './mix.ts'
import { IMAGE, startImage } from './runtime.ts'

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

async function runImage(image: string, firmware: string, folder: string) {
  const machine = join(folder, 'machine')
  await writeBundle(machine, { guests: [{ ramBytes: RAM_BYTES, firmware }] }, image)
  const talk = startImage(machine)
  const exitCode = await talk.end()
  return { exitCode, console: talk.heard, errors: talk.errors }
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

/** Has the image a multiply-add of relaxed SIMD? */
function isRelaxed(image: string): boolean {
  const code = sectionsOf(new Uint8Array(readFileSync(image))).find(({ id }) => id === BODIES)!.content
  return sizedItems(code).some(usesRelaxedSimd)
}

withAssembler('hot multiply-adds use relaxed SIMD, unless the image is to be for engines without it', () =>
  inFolder(async (folder) => {
    const firmware = programFor({ FUSED: 1 })
    const untrained = await runImage(IMAGE, firmware, folder)
    assert.match(untrained.console, /^sum [0-9a-f]{16}\n$/)
    for (const flags of [[], ['--no-relaxed-simd']]) {
      const image = await train(firmware, folder, flags)
      assert.is(isRelaxed(image), flags.length === 0)
      assert.equal(await runImage(image, firmware, folder), untrained)
    }
    assert.is(
      isRelaxed(await train(programFor(), folder)),
      false,
      'without multiply-adds there is nothing to use it for',
    )
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
    assert.match(await refusal('--image', folder, fleet), /^orlop: --image: .* cannot be read: EISDIR.*\.\n$/)
    assert.match(await refusal('-o', folder, fleet), /^orlop: .* is a folder, .*; take another name\.\n$/)
    // The fleet itself, for example: it would be lost.
    assert.match(
      await refusal('-o', fleet, fleet),
      /^orlop: .* is there already and is no image; take another name\.\n$/,
    )
    // A timer of Node that is longer ends at once.
    assert.match(await refusal('--seconds', '2147484', fleet), /no whole number from 1 to 2147483\.\n$/)
  }))

test.run()
