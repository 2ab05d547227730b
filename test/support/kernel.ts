// Runs kernel tests: compiles an AssemblyScript entry, and makes each function that it exports a test of its own.
//
// The function's name is the sentence that it proves, with underscores for spaces. Each test gets a fresh memory and a
// fresh instance, so there is no setup and there are no leftovers. A test passes when the function returns.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import { TestHost } from './host.ts'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** Pages of 64 KiB: the kernel's regions for one CPU (core/layout.ts) and some 40 MiB of frames. */
const MEMORY_PAGES = 4352

export interface KernelTests {
  /** The AssemblyScript entry, relative to the root of the repository. It imports test/support/kernel/abort. */
  entry: string
}

/** A name for all that the module is made from: the kernel, the entry's folder, the tests' own kernel side, the compiler. */
function fingerprint(entry: string): string {
  const hash = createHash('sha256')
    .update(readFileSync(join(ROOT, 'node_modules/assemblyscript/package.json')))
    .update(readFileSync(fileURLToPath(import.meta.url)))
  for (const folder of ['hypervisor', 'test/support/kernel', dirname(entry)]) {
    for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).sort()) {
      if (name.endsWith('.ts')) hash.update(name).update(readFileSync(join(ROOT, folder, name)))
    }
  }
  return hash.digest('hex').slice(0, 12)
}

/** Compiles the entry with asserts on, unless that has been done; the module. */
export async function compile({ entry }: KernelTests): Promise<WebAssembly.Module> {
  const folder = join(ROOT, 'build', 'out', 'test')
  const finished = join(folder, `${entry.replaceAll('/', '-').replace(/\.ts$/, '')}-${fingerprint(entry)}.wasm`)
  if (existsSync(finished)) return new WebAssembly.Module(readFileSync(finished))
  const outFile = `${finished}.part-${process.pid}`
  mkdirSync(folder, { recursive: true })
  // Loading the compiler takes longer than most tests.
  const { default: asc } = await import('assemblyscript/asc')
  const { error, stdout, stderr } = await asc.main([
    entry,
    '--config',
    'none',
    '--baseDir',
    ROOT,
    '--outFile',
    join('build', 'out', 'test', basename(outFile)),
    '--runtime',
    'stub',
    '--optimizeLevel',
    '2',
    '--importMemory',
    '--memoryBase',
    '1024',
    '--enable',
    'simd,threads',
    '--sharedMemory',
    '--initialMemory',
    String(MEMORY_PAGES),
    '--maximumMemory',
    '65536',
    '--exportTable',
    '--use',
    'abort=test/support/kernel/abort/abort',
  ])
  const said = stdout.toString() + stderr.toString()
  if (error !== null) throw new Error(`${entry} does not compile:\n${said}`)
  if (said !== '') throw new Error(`asc has something to say about ${entry}:\n${said}`)
  renameSync(outFile, finished)
  return new WebAssembly.Module(readFileSync(finished))
}

/** Registers the entry's tests with uvu and runs them. */
export async function runKernelTests(options: KernelTests): Promise<void> {
  const module = await compile(options)
  for (const { name, kind } of WebAssembly.Module.exports(module)) {
    if (kind === 'function') test(name.replaceAll('_', ' '), () => runOne(module, name))
  }
  test.run()
}

function runOne(module: WebAssembly.Module, name: string): void {
  const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: 65536, shared: true })
  const host = new TestHost(memory)
  const instance = new WebAssembly.Instance(module, host.imports)
  host.attach(instance)
  try {
    ;(instance.exports[name] as () => void)()
  } catch (cause) {
    throw new Error(`${host.lastWords ?? (cause as Error).message} [ORLOP_SEED=${host.seed}]`, { cause })
  }
}
