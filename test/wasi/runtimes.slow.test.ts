// The image under the runtimes that people have: it boots Linux to a shell, shares disks with the Node build, and executes each
// instruction as every other host does.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BUNDLE_IMAGE } from '../../host-shim/bundle.ts'
import { writeBundle } from '../../host-shim/node/boot-folder.ts'
import { APPEND, debian, lean } from '../boot/guests.ts'
import { NAMES, nodeWasi, type Runtime, runtime } from '../support/runtimes.ts'
import { selfTest } from './door.ts'
import { IMAGE } from './runtime.ts'
import { answers } from './shell.ts'

/** The lean kernel is at its prompt by then. */
const MILLIONS = 300
const PATIENCE_MS = 900_000
const RAM_BYTES = 128 * 2 ** 20

function run(command: string[]): { exitCode: number | null; said: string; errors: string } {
  const [program = '', ...args] = command
  const done = spawnSync(program, args, { encoding: 'latin1', timeout: PATIENCE_MS, input: '' })
  if (done.error !== undefined) throw done.error
  return { exitCode: done.status, said: done.stdout, errors: done.stderr }
}

for (const name of NAMES) {
  test(`${name} says without a folder how to give one`, () => {
    const found = runtime(name)
    if (found === undefined) return
    const { exitCode, errors } = run(found.command(IMAGE, undefined))
    assert.is(exitCode, 1)
    assert.match(errors, /^The boot folder has no 0\.guest that can be read; give .*\.\n/)
  })

  test(`${name} boots the lean kernel to a shell that answers, and shares its disk with the Node build`, async () => {
    const found = runtime(name)
    if (found !== undefined) await answers(lean, found)
  })
}

// The line with long support differs from the newest in nothing that a larger kernel would show.
for (const name of NAMES.filter((name) => name !== 'wasmtime-36')) {
  test(`${name} boots Debian's kernel to a shell that answers, and shares its disk with the Node build`, async () => {
    const found = runtime(name)
    if (found !== undefined) await answers(debian, found)
  })
}

test('wasmer gives a guest no disk whose writes it would keep in memory: the image says where the folder must be', async () => {
  const found = runtime('wasmer')
  const guest = await lean()
  if (found === undefined || guest === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'orlop-wasmer-'))
  try {
    const disk = join(folder, 'empty')
    writeFileSync(disk, Buffer.alloc(4096))
    const machine = join(folder, 'machine')
    const web = { name: 'web', ramBytes: RAM_BYTES, kernel: guest.kernel, disks: [{ path: disk }] }
    await writeBundle(machine, { guests: [web] }, IMAGE)
    const command = found.command(join(machine, BUNDLE_IMAGE), machine).map((word) => word.replace(/:\/machine$/, ':/'))
    const { exitCode, errors } = run(command)
    assert.is(exitCode, 1)
    assert.match(
      errors,
      /^The file 0\.disk-0 .* would be written in memory only, and lost; .*--volume FOLDER:\/machine\.\n/,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('with a fixed clock and no input, Linux leaves the same memory behind under Node and every runtime', async () => {
  const guest = await lean()
  if (guest === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'orlop-self-test-'))
  try {
    const { kernel, initrd } = guest
    const web = { name: 'web', ramBytes: RAM_BYTES, kernel, initrd, commandLine: APPEND }
    await writeBundle(folder, { guests: [web] }, IMAGE)
    const expected = selfTest(folder, MILLIONS * 1e6)
    const hosts = [nodeWasi, ...NAMES.map(runtime)].filter((host): host is Runtime => host !== undefined)
    for (const host of hosts) {
      const { exitCode, said, errors } = run(
        host.command(join(folder, BUNDLE_IMAGE), folder, [`--self-test=${MILLIONS}`]),
      )
      assert.is(exitCode, 0, `${host.name}: ${errors}`)
      assert.match(said, /~ # /)
      assert.equal(said.match(/^self-test: .*$/gm), expected, host.name)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
