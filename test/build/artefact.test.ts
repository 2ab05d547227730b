// A product of the build is made anew exactly when something it is made from has changed.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Artefact, BuildError, OUT, provide } from '../../build/artefact.ts'
import { ROOT } from '../../build/process.ts'

/** A product whose content is that of its one source, in capitals. */
async function withProduct(use: (product: Artefact, source: string) => Promise<void>): Promise<void> {
  mkdirSync(OUT, { recursive: true })
  const folder = mkdtempSync(join(OUT, '.test-'))
  const source = join(folder, 'source')
  const name = `${relative(OUT, folder)}.product`
  const entry = relative(ROOT, source)
  write(source, 'one')
  try {
    const make = async (target: string) => {
      writeFileSync(join(target, name), readFileSync(source, 'utf8').toUpperCase())
      return [entry]
    }
    await use({ name, entry, recipe: 'capitals', make }, source)
  } finally {
    for (const path of [folder, join(OUT, name), join(OUT, `${name}.json`)])
      rmSync(path, { recursive: true, force: true })
  }
}

/** Writes a source that is older than any build. */
function write(path: string, content: string): void {
  writeFileSync(path, content)
  utimesSync(path, 1, 1)
}

const isMade = async (product: Artefact) => (await provide(product)).seconds !== undefined

test('a product is made once', () =>
  withProduct(async (product) => {
    assert.ok(await isMade(product))
    assert.is(readFileSync(join(OUT, product.name), 'utf8'), 'ONE')
    assert.not.ok(await isMade(product))
  }))

test('a source with another content makes it anew, another date does not', () =>
  withProduct(async (product, source) => {
    await provide(product)
    utimesSync(source, 2, 2)
    assert.not.ok(await isMade(product))
    write(source, 'two')
    assert.ok(await isMade(product))
    assert.is(readFileSync(join(OUT, product.name), 'utf8'), 'TWO')
  }))

test('a source that changed while it was built is built again', () =>
  withProduct(async (product, source) => {
    utimesSync(source, new Date(Date.now() + 5000), new Date(Date.now() + 5000))
    await provide(product)
    assert.ok(await isMade(product))
  }))

test('another recipe makes it anew', () =>
  withProduct(async (product) => {
    await provide(product)
    assert.ok(await isMade({ ...product, recipe: 'capitals, newer compiler' }))
  }))

test('a product that was removed is made anew', () =>
  withProduct(async (product) => {
    await provide(product)
    rmSync(join(OUT, product.name))
    assert.ok(await isMade(product))
  }))

test('a missing entry is told by its name', () =>
  withProduct(async (product) => {
    try {
      await provide({ ...product, entry: 'cli/nowhere.ts' })
      assert.unreachable()
    } catch (error) {
      assert.instance(error, BuildError)
      assert.is((error as Error).message, 'cli/nowhere.ts is missing.')
    }
  }))

test('a tool that fails leaves the last product as it was', () =>
  withProduct(async (product, source) => {
    await provide(product)
    write(source, 'two')
    const make = async () => {
      throw new BuildError('No.')
    }
    const message = await provide({ ...product, make }).then(
      () => 'made',
      (error) => error.message,
    )
    assert.is(message, 'No.')
    assert.is(readFileSync(join(OUT, product.name), 'utf8'), 'ONE')
  }))

test.run()
