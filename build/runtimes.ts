// npm run runtimes [-- NAME...]: builds the runtimes for WASI that are not here yet: wasmtime, wasmer, and wasmtime-36.
//
// Each is built by cargo from its own lock file, in the version that build/runtimes-pinned.ts names, and kept in the cache folder. With
// `--quick` cargo optimises nothing but what compiles an image: guests run as fast, the build takes half as long. With `--json` stdout has
// what there is now as JSON; what goes on is told on stderr. Exit codes: 0 all are there; 1 one could not be built; 2 unknown arguments;
// 130 interrupted.

import './node.ts'
import { spawn } from 'node:child_process'
import { mkdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { OrlopError } from '../cli/error.ts'
import { withLock, withScratch } from '../guests/cache.ts'
import { withSignalsTo } from './process.ts'
import { findRuntime, folderOf, type Pinned, RUNTIMES, versionOf } from './runtimes-pinned.ts'

const USAGE = `Usage: npm run runtimes [-- [--quick] [--json] NAME...]\nThere are ${RUNTIMES.map(({ name }) => name).join(', ')}; default: all.\n`
const INTERRUPTED = 130
/** So often is told how far cargo has come, in ms. */
const TELL_MS = 20_000
/** Lines of cargo's that say why it has failed. */
const LAST_LINES = 15

// The compiled program must do the same; that it is linked piece by piece only makes the build shorter.
const PROFILE = {
  CARGO_PROFILE_RELEASE_LTO: 'off',
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
  CARGO_PROFILE_RELEASE_DEBUG: '0',
  CARGO_PROFILE_RELEASE_STRIP: 'true',
}

/** Packages in which time goes by when an image is compiled; each runtime has most of them. */
const COMPILERS = [
  'bumpalo',
  'cranelift-bforest',
  'cranelift-codegen',
  'cranelift-entity',
  'cranelift-frontend',
  'gimli',
  'hashbrown',
  'rayon',
  'rayon-core',
  'regalloc2',
  'rustc-hash',
  'smallvec',
  'wasmer-compiler',
  'wasmer-compiler-cranelift',
  'wasmparser',
  'wasmtime-environ',
  'wasmtime-internal-cranelift',
]
const QUICK = ['opt-level=0', ...COMPILERS.map((name) => `package.${name}.opt-level=1`)].flatMap((setting) => [
  '--config',
  `profile.release.${setting}`,
])

interface BuildOptions {
  isQuick: boolean
  signal: AbortSignal
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function install(pinned: Pinned, options: BuildOptions): Promise<string> {
  const { name, crate, version, program } = pinned
  const start = performance.now()
  tell(`${name} ${version}: building ${crate} with cargo; this takes minutes, once.`)
  const folder = folderOf(pinned)
  const path = join(folder, 'bin', program)
  await withScratch(folder, async (scratch) => {
    await cargo(pinned, scratch, options)
    const built = join(scratch, 'bin', program)
    const found = versionOf(built)
    if (found !== version)
      throw new OrlopError(`What cargo has built says that it is ${name} ${found}, not ${version}.`, 1)
    // Only the program is kept, and it is there as a whole or not at all.
    await mkdir(dirname(path), { recursive: true })
    await rename(built, path)
  })
  tell(`${name} ${version}: built in ${Math.round((performance.now() - start) / 1000)} s`)
  return path
}

function cargo(
  { name, crate, version, features }: Pinned,
  scratch: string,
  { isQuick, signal }: BuildOptions,
): Promise<void> {
  const words = [
    'install',
    '--locked',
    '--root',
    scratch,
    '--target-dir',
    join(scratch, 'target'),
    ...(isQuick ? QUICK : []),
  ]
  const what = ['--no-default-features', '--features', features, `${crate}@${version}`]
  return new Promise((fulfil, reject) => {
    if (signal.aborted) throw interrupted()
    // A group of its own: whoever is interrupted ends the compilers, too.
    const child = spawn('cargo', [...words, ...what], {
      detached: true,
      env: { ...process.env, ...PROFILE, CARGO_TERM_PROGRESS_WHEN: 'never' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const stop = () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    }
    signal.addEventListener('abort', stop)
    const lines: string[] = []
    let crates = 0
    let told = performance.now()
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line)
      if (lines.length > LAST_LINES) lines.shift()
      if (/^\s*Compiling /.test(line)) crates++
      if (performance.now() - told < TELL_MS) return
      told = performance.now()
      tell(`${name}: ${crates} packages compiled`)
    })
    child.on('error', (cause: NodeJS.ErrnoException) => {
      const isMissing = cause.code === 'ENOENT'
      const why = isMissing
        ? 'cargo is not installed; install Rust (1.95 or newer)'
        : `cargo does not start: ${cause.message}`
      reject(new OrlopError(`${name} cannot be built: ${why}, or put ${name} ${version} on the PATH.`, 1, { cause }))
    })
    child.on('close', (code) => {
      signal.removeEventListener('abort', stop)
      if (signal.aborted) return reject(interrupted())
      if (code === 0) return fulfil()
      reject(new OrlopError(`${name} ${version} could not be built; the last that cargo said:\n${lines.join('\n')}`, 1))
    })
  })
}

function interrupted(): OrlopError {
  return new OrlopError('Interrupted; nothing was left half-installed.', INTERRUPTED)
}

async function provide(pinned: Pinned, options: BuildOptions): Promise<{ path: string; isNew: boolean }> {
  const there = findRuntime(pinned)
  if (there !== undefined) {
    tell(`${pinned.name} ${pinned.version}: is here already`)
    return { path: there, isNew: false }
  }
  const report = ({ step }: { step: string }) => tell(`${pinned.name}: ${step}`)
  return withLock(
    dirname(folderOf(pinned)),
    async () => {
      const meanwhile = findRuntime(pinned)
      return meanwhile === undefined
        ? { path: await install(pinned, options), isNew: true }
        : { path: meanwhile, isNew: false }
    },
    { report, signal: options.signal },
  )
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean' }, quick: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const unknown = positionals.find((word) => RUNTIMES.every(({ name }) => name !== word))
  if (unknown !== undefined) throw new OrlopError(`"${unknown}" is no runtime that we build.\n${USAGE.trimEnd()}`, 2)
  const chosen = RUNTIMES.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  const controller = new AbortController()
  const build = { isQuick: values.quick === true, signal: controller.signal }
  const report: { name: string; version: string; path: string; isNew: boolean }[] = []
  await withSignalsTo(
    () => controller.abort(),
    async () => {
      for (const pinned of chosen) {
        const { name, version } = pinned
        report.push({ name, version, ...(await provide(pinned, build)) })
      }
    },
  )
  if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  const { message, exitCode } = error as OrlopError
  tell(message)
  process.exitCode =
    error instanceof OrlopError ? exitCode : (error as { code?: string }).code?.startsWith('ERR_PARSE') ? 2 : 1
}
