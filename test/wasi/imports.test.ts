// What both builds of the kernel ask of the outside, as an independent reader of wasm (wabt) sees it, and how large they are.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import loadWabt from 'wabt'
import { OUT } from '../../build/artefact.ts'
import { IMAGE } from './runtime.ts'

const FEATURES = { threads: true, simd: true, bulk_memory: true, sign_extension: true, mutable_globals: true }
/** The most functions that a host of the kernel has to have (hypervisor/host.ts). */
const HOST_FUNCTIONS = 12
/** Half as much again as the builds have now: what goes beyond that was not meant. */
const BYTES_MOST = 512 * 1024

interface Import {
  module: string
  name: string
  kind: string
}

/** All that a module imports. */
async function importsOf(path: string): Promise<Import[]> {
  const wabt = await loadWabt()
  const module = wabt.readWasm(readFileSync(path), { ...FEATURES, readDebugNames: false })
  try {
    const text = module.toText({ foldExprs: false, inlineExport: false })
    const found = [...text.matchAll(/^ {2}\(import "([^"]*)" "([^"]*)" \((\w+)/gm)]
    return found.map(([, module = '', name = '', kind = '']) => ({ module, name, kind }))
  } finally {
    module.destroy()
  }
}

test('the image for WASI imports functions of preview1, and nothing else', async () => {
  const imports = await importsOf(IMAGE)
  assert.ok(imports.length > 0)
  assert.equal(
    imports.filter(({ module, kind }) => module !== 'wasi_snapshot_preview1' || kind !== 'func'),
    [],
  )
})

test(`the shared build imports at most ${HOST_FUNCTIONS} functions, and beside them its memory alone`, async () => {
  const imports = await importsOf(join(OUT, 'orlop.wasm'))
  const functions = imports.filter(({ kind }) => kind === 'func')
  assert.ok(functions.length > 0 && functions.length <= HOST_FUNCTIONS, functions.map(({ name }) => name).join(' '))
  assert.equal([...new Set(functions.map(({ module }) => module))], ['host'])
  assert.equal(
    imports.filter(({ kind }) => kind !== 'func').map(({ kind }) => kind),
    ['memory'],
  )
})

test('both builds are smaller than half a MiB', () => {
  for (const path of [IMAGE, join(OUT, 'orlop.wasm')]) {
    const { length } = readFileSync(path)
    console.log(`${path.slice(OUT.length + 1)}: ${length} bytes`)
    assert.ok(length > 0 && length < BYTES_MOST, `${path} has ${length} bytes`)
  }
})

test.run()
