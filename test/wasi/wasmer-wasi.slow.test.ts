// The image's self-test under @wasmer/wasi, another implementation of preview1, with files in memory. It cannot wait (poll_oneoff
// panics), so the self-test is all that it is given.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { init, MemFS, WASI } from '@wasmer/wasi'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BUNDLE_IMAGE } from '../../host-shim/bundle.ts'
import { writeBundle } from '../../host-shim/node/boot-folder.ts'
import { writeEmbedded } from '../../host-shim/node/embedded-image.ts'
import { APPEND, type Guest, lean } from '../boot/guests.ts'
import { selfTest } from './door.ts'
import { IMAGE } from './runtime.ts'

/** The kernel has begun by then, and the image has read all its files. */
const MILLIONS = 100
const RAM_BYTES = 96 * 2 ** 20

/** Runs an image whose folder has these files; gives its exit code and what it has said. */
async function run(
  image: string,
  files: Record<string, Buffer>,
): Promise<{ exitCode: number; said: string; errors: string }> {
  await init()
  const fs = new MemFS()
  for (const [name, bytes] of Object.entries(files)) {
    const file = fs.open(`/${name}`, { read: true, write: true, create: true })
    file.write(bytes)
    file.flush()
  }
  const wasi = new WASI({ args: ['orlop.wasm', `--self-test=${MILLIONS}`], env: {}, preopens: { '/': '/' }, fs })
  const module = await WebAssembly.compile(readFileSync(image))
  await wasi.instantiate(module, {})
  const exitCode = wasi.start()
  return { exitCode, said: wasi.getStdoutString(), errors: wasi.getStderrString() }
}

function machineOf({ kernel, initrd }: Guest) {
  const seed = 1n // Otherwise each bundle has another.
  return { guests: [{ name: 'web', ramBytes: RAM_BYTES, kernel, initrd, commandLine: APPEND, seed }] }
}

test('the self-test leaves the same memory behind under @wasmer/wasi as under Node, from a folder and from one file', async () => {
  const guest = await lean()
  if (guest === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'orlop-wasmer-wasi-'))
  try {
    const boot = join(folder, 'machine')
    await writeBundle(boot, machineOf(guest), IMAGE)
    const expected = selfTest(boot, MILLIONS * 1e6)
    const names = readdirSync(boot).filter((name) => name !== BUNDLE_IMAGE)
    const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(boot, name))]))
    const one = join(folder, 'one.wasm')
    await writeEmbedded(one, machineOf(guest), { image: IMAGE, disks: join(folder, 'disks') })
    for (const ran of [await run(join(boot, BUNDLE_IMAGE), files), await run(one, {})]) {
      assert.is(ran.exitCode, 0, ran.errors)
      assert.equal(ran.said.match(/^self-test: .*$/gm), expected)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
