// The plan, enforced: imports, sizes, comments, and a kernel without a heap. Each rule also has to catch a small bad tree.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { arrowsAgainstThePlan, circles, type Manifest, waysOutOfTheKernel } from './house/arrows.ts'
import { hasStart, runtimeNames, wrongImports } from './house/image.ts'
import { planAsMarkdown } from './house/plan.ts'
import * as rules from './house/rules.ts'
import { type Complaint, readTree, type Tree } from './house/tree.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const house = readTree(ROOT)
const packageJson = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const manifest: Manifest = {
  dependencies: Object.keys(packageJson.dependencies),
  devDependencies: Object.keys(packageJson.devDependencies),
}

function nothing(complaints: Complaint[]): void {
  assert.is(complaints.map(({ file, line, message }) => `${file}:${line} ${message}`).join('\n'), '')
}

/** One bad tree must bring exactly one complaint that contains `words`. */
function caught(complaints: Complaint[], file: string, words: string): void {
  assert.is(complaints.length, 1, JSON.stringify(complaints))
  assert.is(complaints[0]!.file, file)
  assert.ok(complaints[0]!.message.includes(words), complaints[0]!.message)
}

function tree(files: Record<string, string>): Tree {
  return new Map(Object.entries(files))
}

function built(name: string): Buffer {
  const path = join(ROOT, 'build', 'out', name)
  if (!existsSync(path)) throw new Error(`build/out/${name} is missing; run "npm run build" first`)
  return readFileSync(path)
}

// ── The house as it stands ──────────────────────────────────────────────────────────────────────────────────────

test('every import follows the plan', () => nothing(arrowsAgainstThePlan(house, manifest)))
test('no file imports itself in a circle', () => nothing(circles(house)))
test('the kernel imports nothing from outside the kernel', () => nothing(waysOutOfTheKernel(house)))
test('no file is longer than 600 lines', () => nothing(rules.tooLong(house)))
test('every file begins with a comment that says what it is', () => nothing(rules.withoutFirstLine(house)))
test('no comment silences a compiler or leaves work undone without an issue', () =>
  nothing(rules.forbiddenComments(house)))
test('the kernel has no decorators but @unmanaged and @final', () => nothing(rules.strangeDecorators(house)))
test('the kernel allocates nothing in its sources', () => nothing(rules.managedSource(house)))
test('no number of the machine ABI is written down twice', () => nothing(rules.copiesOfTheAbi(house)))

test('the built kernel asks its host for a memory and at most twelve functions', () => {
  assert.equal(
    wrongImports(WebAssembly.Module.imports(new WebAssembly.Module(new Uint8Array(built('orlop.wasm'))))),
    [],
  )
})

test('the built kernel does nothing when it is instantiated', () => {
  assert.not.ok(hasStart(built('orlop.wasm')))
})

test('the built kernel contains no managed runtime', () => {
  assert.equal(runtimeNames(built('orlop.wat').toString()), [])
})

test('ARCHITECTURE.md shows the plan that is enforced', () => {
  const lines = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8').split('\n')
  assert.equal(
    planAsMarkdown().filter((line) => !lines.includes(line)),
    [],
  )
  assert.ok(lines.length <= 400, `ARCHITECTURE.md has ${lines.length} lines; the limit is 400`)
})

test('every dependency is pinned to one version', () => {
  const versions = Object.entries({ ...packageJson.dependencies, ...packageJson.devDependencies })
  assert.equal(
    versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version))),
    [],
  )
})

// ── The rules themselves ────────────────────────────────────────────────────────────────────────────────────────

test('an arrow up is caught', () => {
  const bad = tree({ 'hypervisor/core/a.ts': 'import * as b from "../guest/b";', 'hypervisor/guest/b.ts': '' })
  caught(arrowsAgainstThePlan(bad, manifest), 'hypervisor/core/a.ts', 'core may not import guest')
})

test('an arrow sideways from cpu to devices is caught', () => {
  const bad = tree({ 'hypervisor/cpu/a.ts': 'import { b } from "../devices/b";', 'hypervisor/devices/b.ts': '' })
  caught(arrowsAgainstThePlan(bad, manifest), 'hypervisor/cpu/a.ts', 'cpu may not import devices')
})

test('an arrow sideways from devices to cpu is caught in a re-export, too', () => {
  const bad = tree({ 'hypervisor/devices/a.ts': 'export { b } from "../cpu/b";', 'hypervisor/cpu/b.ts': '' })
  caught(arrowsAgainstThePlan(bad, manifest), 'hypervisor/devices/a.ts', 'devices may not import cpu')
})

test('the door may import core/panic and nothing else of the core', () => {
  const files = { 'hypervisor/core/panic.ts': '', 'hypervisor/core/frames.ts': '' }
  const good = tree({ ...files, 'hypervisor/index.ts': 'import "./core/panic";' })
  nothing(arrowsAgainstThePlan(good, manifest))
  const bad = tree({ ...files, 'hypervisor/index.ts': 'import "./core/frames";' })
  caught(arrowsAgainstThePlan(bad, manifest), 'hypervisor/index.ts', 'index may not import core')
})

test('a shim that looks into the kernel beyond abi.ts is caught', () => {
  const bad = tree({
    'host-shim/machine.ts':
      "import { OK } from '../hypervisor/abi.ts'\nimport type { G } from '../hypervisor/guest/g.ts'",
    'hypervisor/abi.ts': '',
    'hypervisor/guest/g.ts': '',
  })
  caught(arrowsAgainstThePlan(bad, manifest), 'host-shim/machine.ts', 'host-shim may not import guest')
})

test('the platform-free part of the shim may not import Node, its node folder may', () => {
  nothing(arrowsAgainstThePlan(tree({ 'host-shim/node/disk.ts': "import { open } from 'node:fs'" }), manifest))
  const bad = tree({ 'host-shim/machine.ts': "import { open } from 'node:fs'" })
  caught(arrowsAgainstThePlan(bad, manifest), 'host-shim/machine.ts', 'host-shim may not import node:fs')
})

test('a dynamic import is an arrow like any other', () => {
  const bad = tree({ 'guests/a.ts': "const b = await import('../cli/run.ts')", 'cli/run.ts': '' })
  caught(arrowsAgainstThePlan(bad, manifest), 'guests/a.ts', 'guests may not import cli')
})

test('a package for development is caught in what the user runs', () => {
  const bad = tree({ 'cli/a.ts': "import { build } from 'esbuild'" })
  caught(arrowsAgainstThePlan(bad, manifest), 'cli/a.ts', 'cli may not import the package esbuild')
})

test('a package that package.json does not name is caught everywhere', () => {
  const bad = tree({ 'build/a.ts': "import x from '@somebody/thing/part'" })
  caught(arrowsAgainstThePlan(bad, manifest), 'build/a.ts', '@somebody/thing, which package.json does not name')
})

test('an import that leads nowhere is caught', () => {
  const bad = tree({ 'hypervisor/vmm/a.ts': 'import { b } from "./b";' })
  caught(arrowsAgainstThePlan(bad, manifest), 'hypervisor/vmm/a.ts', './b, which is not there')
})

test('a file outside every room is caught', () => {
  caught(arrowsAgainstThePlan(tree({ 'hypervisor/misc/a.ts': '' }), manifest), 'hypervisor/misc/a.ts', 'no room')
})

test('a circle of three files is caught once', () => {
  const bad = tree({
    'hypervisor/cpu/a.ts': 'import "./b";',
    'hypervisor/cpu/b.ts': 'import "./c";',
    'hypervisor/cpu/c.ts': 'import "./a";',
  })
  caught(
    circles(bad),
    'hypervisor/cpu/a.ts',
    'cpu/a.ts -> hypervisor/cpu/b.ts -> hypervisor/cpu/c.ts -> hypervisor/cpu/a.ts',
  )
})

test('two ways to one file are not a circle', () => {
  nothing(
    circles(tree({ 'cli/a.ts': "import './b.ts'\nimport './c.ts'", 'cli/b.ts': "import './c.ts'", 'cli/c.ts': '' })),
  )
})

test('a file of 601 lines is caught, one of 600 is not', () => {
  nothing(rules.tooLong(tree({ 'cli/a.ts': 'x\n'.repeat(600) })))
  caught(rules.tooLong(tree({ 'cli/a.ts': 'x\n'.repeat(601) })), 'cli/a.ts', '601 lines')
})

test('a file that does not introduce itself is caught', () => {
  nothing(rules.withoutFirstLine(tree({ 'cli/a.ts': '#!/usr/bin/env node\n// The entry.\n', 'test/b.S': '# Adds.\n' })))
  caught(rules.withoutFirstLine(tree({ 'cli/a.ts': "import './b.ts'\n" })), 'cli/a.ts', 'what it is')
})

test('an undone note is caught unless it names an issue', () => {
  nothing(rules.forbiddenComments(tree({ 'cli/a.ts': '// TODO(#12): more\nconst s = "TODO"' })))
  caught(rules.forbiddenComments(tree({ 'cli/a.ts': 'f(1, /* FIXME: two */ 2)' })), 'cli/a.ts', 'FIXME without')
})

test('a silenced compiler is caught', () => {
  caught(
    rules.forbiddenComments(tree({ 'hypervisor/cpu/a.ts': '// @ts-ignore: x\nlet a = 1' })),
    'hypervisor/cpu/a.ts',
    '@ts-ignore',
  )
})

test('@inline is caught', () => {
  const bad = tree({ 'hypervisor/cpu/a.ts': '@inline function f(): void {}\n@unmanaged @final export class C {}' })
  caught(rules.strangeDecorators(bad), 'hypervisor/cpu/a.ts', '@inline')
})

for (const [source, words] of [
  ['const a = new Uint8Array(3);', 'new allocates'],
  ['function f(): void { throw 1; }', 'exceptions'],
  ['const a = [1, 2];', 'array literal'],
  ['const a: Foo = { x: 1 };', 'object literal'],
  ['const a = "to" + b;', 'joining strings'],
  ['const a = `text`;', 'template'],
  ['const f = (a: u32): u32 => a;', 'closures'],
  ['atomic.fence();', 'atomic.fence'],
] as const) {
  test(`the kernel may not write ${source}`, () => {
    caught(rules.managedSource(tree({ 'hypervisor/cpu/a.ts': source })), 'hypervisor/cpu/a.ts', words)
  })
}

test('constant tables and constant strings are no allocation', () => {
  const good = 'const T = memory.data<u8>([1, 2]);\nif (offsetof<Hart>("x0") != 8) ERROR("moved");\nnode("cpus");'
  nothing(rules.managedSource(tree({ 'hypervisor/cpu/a.ts': good })))
})

test('a number of the ABI that is declared again is caught, one that is derived is not', () => {
  const abi = { 'hypervisor/abi.ts': 'export const PAGE_SIZE = 4096' }
  nothing(rules.copiesOfTheAbi(tree({ ...abi, 'cli/a.ts': 'const PAGE_SIZE = abi.PAGE_SIZE' })))
  caught(rules.copiesOfTheAbi(tree({ ...abi, 'cli/a.ts': 'const PAGE_SIZE = 4096' })), 'cli/a.ts', 'PAGE_SIZE')
})

test('a stranger among the imports of the image is caught', () => {
  const memory = { module: 'env', name: 'memory', kind: 'memory' } as const
  assert.equal(wrongImports([memory, { module: 'host', name: 'now', kind: 'function' }]), [])
  assert.equal(wrongImports([memory, { module: 'env', name: 'abort', kind: 'function' }]), [
    'imports the function env.abort',
  ])
  const many = Array.from({ length: 13 }, (_, i) => ({ module: 'host', name: `f${i}`, kind: 'function' }) as const)
  assert.equal(wrongImports([memory, ...many]), ['imports 13 functions; the limit is 12'])
  assert.equal(wrongImports([]), ['does not import its memory'])
})

test('a start function in the image is caught', () => {
  const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0]
  const code = [10, 4, 1, 2, 0, 0x0b]
  assert.ok(hasStart(new Uint8Array([...head, 8, 1, 0, ...code])))
  assert.not.ok(hasStart(new Uint8Array([...head, ...code])))
})

test('the runtime of a managed allocation is caught', () => {
  const wat =
    '(func $~lib/rt/stub/__alloc (param i32)) (func $~lib/string/String#charCodeAt) (global $~lib/memory/x i32)'
  assert.equal(runtimeNames(wat), ['~lib/rt/stub/__alloc'])
})

test.run()
