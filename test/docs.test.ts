// The pages in docs/ say what the sources say: numbers of the ABI, functions of the door, addresses, links.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../hypervisor/abi.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const page = read('docs/abi.md')

/** All `NAME` | number pairs in the tables of the page. */
const tables = new Map(
  [...page.matchAll(/\| `([A-Z][A-Z0-9_]*)` \| (-?\d+) \|/g)].map(([, name, value]) => [name!, Number(value)]),
)

test('docs/abi.md has every number of abi.ts, with its value', () => {
  for (const [name, value] of Object.entries(abi)) {
    if (name !== 'ABI_VERSION') assert.is(tables.get(name), value, name)
  }
  assert.ok(page.includes(`\`ABI_VERSION\` = ${abi.ABI_VERSION}`))
})

test('docs/abi.md has no number that abi.ts does not have', () => {
  assert.equal(
    [...tables.keys()].filter((name) => !(name in abi)),
    [],
  )
})

test('docs/abi.md has a changelog entry for this version', () => {
  assert.match(page, new RegExp(`^### ${abi.ABI_VERSION}$`, 'm'))
})

test('docs/abi.md has every function of the door', () => {
  const door = [...read('hypervisor/index.ts').matchAll(/^export function (\w+)/gm)].map(([, name]) => name)
  assert.ok(door.length > 10)
  assert.equal(
    door.filter((name) => !page.includes(`\`${name}(`)),
    [],
  )
})

test('docs/abi.md has every function that the kernel imports', () => {
  const imports = [...read('hypervisor/host.ts').matchAll(/^export declare function (\w+)/gm)].map(([, name]) => name)
  assert.ok(imports.length > 5)
  assert.equal(
    imports.filter((name) => !page.includes(`| \`${name}(`)),
    [],
  )
})

test('docs/memory-map.md has the fixed addresses and strides of core/layout.ts', () => {
  const map = read('docs/memory-map.md')
  const numbers = [...read('hypervisor/core/layout.ts').matchAll(/^export const \w+: usize = (0x[0-9a-f_]+);$/gm)]
  assert.ok(numbers.length >= 4)
  const asShown = (hex: string) => Number(hex.replaceAll('_', ''))
  const shown = new Set([...map.matchAll(/0x[0-9a-f_]+/g)].map(([hex]) => asShown(hex)))
  assert.equal(
    numbers.map(([, hex]) => hex!).filter((hex) => !shown.has(asShown(hex))),
    [],
  )
})

test('every link between the texts leads somewhere', () => {
  const texts = [...readdirSync(ROOT), ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)]
  for (const text of texts.filter((name) => name.endsWith('.md'))) {
    for (const [, target] of read(text).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      assert.ok(existsSync(join(ROOT, dirname(text), target!)), `${text} links to ${target}`)
    }
  }
})

test.run()
