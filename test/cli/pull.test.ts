// `orlop pull` and `orlop build-kernel` as their user sees them: output, progress, errors, interrupt.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { help as buildHelp, run as buildKernel } from '../../cli/build-kernel.ts'
import { help as pullHelp, run as pull } from '../../cli/pull.ts'
import { guestPackages, type Repository, startRepository } from '../guests/debian/repository.ts'
import { inScratch, refuses } from '../guests/scratch.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** Calls one command's `run` in a process of its own, as the entry of the CLI does. */
const ENTRY = `
  import('./cli/' + process.argv[1] + '.ts').then(({ run }) => run(process.argv.slice(2))).then(
    (code) => { process.exitCode = code },
    (error) => { console.error(error.message); process.exitCode = error.exitCode ?? 70 },
  )`

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

function start(args: string[], env: Record<string, string>): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', ENTRY, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
  return { child, ended }
}

/** A repository, and an environment in which only it can be reached, without apt. */
function withRepository(body: (repository: Repository, env: Record<string, string>) => Promise<void>) {
  return inScratch(async (folder) => {
    const repository = await startRepository(await guestPackages())
    const keyring = join(folder, 'keyring')
    await writeFile(keyring, repository.keyring)
    try {
      await body(repository, {
        ORLOP_CACHE: join(folder, 'cache'),
        ORLOP_DEBIAN_MIRROR: repository.uri,
        ORLOP_DEBIAN_KEYRING: keyring,
        PATH: folder,
      })
    } finally {
      await repository.close()
    }
  })
}

test(
  'a pull prints its result on stdout and its progress on stderr',
  withRepository(async (_, env) => {
    const { code, stdout, stderr } = await start(['pull', 'debian', '--json'], env).ended
    assert.is(code, 0, stderr)
    const { kernel, initrd, version } = JSON.parse(stdout)
    assert.is(version, '6.12.1-1')
    assert.ok(existsSync(kernel) && existsSync(initrd))
    assert.match(stderr, /^Downloading busybox-static: \d+ % /m)
    assert.not.match(stderr, /\r/)
  }),
)

test(
  'an interrupt ends a pull with code 130 and nothing half-written',
  withRepository(async (repository, env) => {
    const { child, ended } = start(['pull', 'debian'], env)
    // The kernel never ends: its last byte is kept back.
    for (const [path, content] of repository.files) {
      if (/linux-image-6/.test(path)) repository.hold = { path, bytes: content.length - 1 }
    }
    child.stderr?.on('data', (chunk) => /Downloading linux-image-6/.test(String(chunk)) && child.kill('SIGINT'))
    const { code, stderr } = await ended
    assert.is(code, 130)
    assert.match(stderr, /^Interrupted; nothing was left half-written\.$/m)
    const left = await readdir(env.ORLOP_CACHE ?? '', { recursive: true, withFileTypes: true })
    const files = left.filter((entry) => entry.isFile() && !/Packages|InRelease/.test(entry.name))
    assert.equal(files, [])
  }),
)

test('bad arguments give one sentence and code 2', async () => {
  const cases: [Promise<number>, RegExp][] = [
    [pull([]), /^Name the system to pull/],
    [pull(['alpine']), /^There is no system "alpine" to pull/],
    [pull(['debian', 'debian']), /one system at a time/],
    [pull(['debian', '--force']), /knows no --force; "orlop help pull"/],
    [buildKernel(['x']), /takes no word "x"/],
    [buildKernel(['--jobs', '0']), /--jobs takes a number from 1 to 1024, not "0"/],
    [buildKernel(['--jobs', 'many']), /not "many"/],
    [buildKernel(['--jobs']), /--jobs needs a value/],
  ]
  for (const [work, pattern] of cases) assert.is((await refuses(work, pattern)).exitCode, 2)
})

test('each help names every option of its command', () => {
  for (const option of ['--refresh', '--json']) assert.ok(pullHelp.includes(option))
  for (const option of ['--jobs', '--force', '--json']) assert.ok(buildHelp.includes(option))
})

test.run()
