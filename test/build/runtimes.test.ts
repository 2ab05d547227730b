// `npm run runtimes`: what it says when it cannot build, and that nothing stays of what was not finished.

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../../build/process.ts'

interface Ran {
  exitCode: number | null
  errors: string
  /** What is in the cache's folder for runtimes afterwards. */
  left: string[]
}

/** Asks for a runtime with an empty cache, where only Node and this script, as cargo, are on the PATH. */
async function run(words: string[], cargo?: string, interruptAt?: string): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-runtimes-'))
  try {
    const places = [join(folder, 'bin'), dirname(process.execPath), '/usr/bin', '/bin']
    mkdirSync(places[0] as string)
    if (cargo !== undefined) writeFileSync(join(folder, 'bin/cargo'), `#!/bin/sh\n${cargo}\n`, { mode: 0o755 })
    const PATH = cargo === undefined ? (places[0] as string) : places.join(':')
    const env = { PATH, HOME: folder, ORLOP_CACHE: join(folder, 'cache') }
    const child = spawn(process.execPath, ['--import', 'tsx', 'build/runtimes.ts', ...words], { cwd: ROOT, env })
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text
      if (interruptAt !== undefined && errors.includes(interruptAt)) child.kill('SIGINT')
    })
    const exitCode = await new Promise<number | null>((fulfil, reject) => child.on('error', reject).on('close', fulfil))
    return { exitCode, errors, left: namesIn(join(folder, 'cache/runtimes')) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

test('without cargo it says what to install, and ends with 1', async () => {
  const { exitCode, errors, left } = await run(['wasmtime'])
  assert.is(exitCode, 1)
  assert.match(errors, /wasmtime cannot be built: cargo is not installed; install Rust .*\.\n/)
  assert.equal(left, [])
})

test('a build that fails is told in the words of cargo', async () => {
  const { exitCode, errors, left } = await run(['wasmer'], 'echo "error: no space is left" >&2; exit 101')
  assert.is(exitCode, 1)
  assert.match(errors, /wasmer \S+ could not be built; the last that cargo said:\nerror: no space is left\n/)
  assert.equal(left, [])
})

test('an interrupt ends the build, and leaves nothing half-installed', async () => {
  const cargo = 'echo "   Compiling begun" >&2; exec sleep 600'
  const { exitCode, errors, left } = await run(['wasmtime'], cargo, 'this takes minutes')
  assert.is(exitCode, 130)
  assert.match(errors, /Interrupted; nothing was left half-installed\.\n/)
  assert.equal(left, [])
})

test('a program that is not the version we asked for is not kept', async () => {
  const built = `while [ "$1" != --root ]; do shift; done; mkdir -p "$2/bin"
printf '#!/bin/sh\\necho wasmtime 1.2.3\\n' > "$2/bin/wasmtime"; chmod +x "$2/bin/wasmtime"`
  const { exitCode, errors, left } = await run(['wasmtime'], built)
  assert.is(exitCode, 1)
  assert.match(errors, /What cargo has built says that it is wasmtime 1\.2\.3, not \d/)
  assert.equal(left, [])
})

test('--quick has cargo optimise what compiles, and nothing else', async () => {
  const { errors } = await run(['--quick', 'wasmtime'], 'echo "$@" >&2; exit 101')
  assert.match(errors, / --config profile\.release\.opt-level=0 /)
  assert.match(errors, / --config profile\.release\.package\.cranelift-codegen\.opt-level=1 /)
  assert.not.match((await run(['wasmtime'], 'echo "$@" >&2; exit 101')).errors, /opt-level/)
})

test('a name that is none of theirs is refused with those that there are', async () => {
  const { exitCode, errors } = await run(['wasmtme'])
  assert.is(exitCode, 2)
  assert.match(
    errors,
    /"wasmtme" is no runtime that we build\.\nUsage: .*\nThere are wasmtime, wasmer, wasmtime-36; default: all\.\n/,
  )
})

test.run()
