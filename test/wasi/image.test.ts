// The image for WASI: what it asks of a runtime, and what it says of a boot folder that it cannot use.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startImage, IMAGE } from './runtime.ts'

async function refusal(prepare?: (folder: string) => void): Promise<{ exitCode: number; errors: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-wasi-'))
  try {
    prepare?.(folder)
    const talk = startImage(prepare && folder)
    const exitCode = await talk.end()
    return { exitCode, errors: talk.errors }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('the image imports nothing but preview1, and exports its start, its memory, and what a trainer needs', () => {
  const module = new WebAssembly.Module(new Uint8Array(readFileSync(IMAGE)))
  const strangers = WebAssembly.Module.imports(module).filter(({ module }) => module !== 'wasi_snapshot_preview1')
  assert.equal(strangers, [])
  const names = WebAssembly.Module.exports(module).map(({ name }) => name)
  assert.equal(names.sort(), ['_start', 'callCode', 'memory', 'trained'])
})

test('without a folder the image says how to give one', async () => {
  const { exitCode, errors } = await refusal()
  assert.is(exitCode, 1)
  assert.match(errors, /^The boot folder has no 0\.guest that can be read; give .*\.\n$/)
})

test('a folder without guests is refused with the same sentence', async () => {
  const { exitCode, errors } = await refusal(() => {})
  assert.is(exitCode, 1)
  assert.match(errors, /^The boot folder has no 0\.guest that can be read; give .*\.\n$/)
})

test('a file that is no guest is refused', async () => {
  const { exitCode, errors } = await refusal((folder) => writeFileSync(join(folder, '0.guest'), Buffer.alloc(4096)))
  assert.is(exitCode, 1)
  assert.is(errors, 'The file 0.guest of the boot folder is no guest of a boot folder.\n')
})

test.run()
