// A thread of the machine that dies takes the whole machine down, with a message: no half of it lives on.
//
// The machine is the built one in a folder of its own, where the thread's program traps as soon as a file is there.

import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findArtefact } from '../../host-shim/node/artefact.ts'
import { requireTool } from '../support/tools.ts'
import { Client, cleanUp, does, file, folder, logOf, refuses, socketOf, until } from './lab.ts'
import { Run, talker } from './orlop.ts'

const when = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

/** (module (func (export "f") unreachable)) */
const TRAP = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11]

/** Ways to die, as code for the thread; what it says then. */
const WAYS: [string, string, RegExp][] = [
  [
    'a trap in wasm',
    `new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([${TRAP}]))).exports.f()`,
    /The machine has failed: RuntimeError: unreachable/,
  ],
  ['an end of the thread', 'process.exit(3)', /The machine has failed: The thread of CPU 1 has ended with code 3\./],
]

/** A copy of the built `orlop` in which CPU 1 dies this way, some time after the file has been made. */
function mortal(name: string, death: string): { program: string; file: string } {
  const project = join(folder, name)
  const out = join(project, 'build', 'out')
  mkdirSync(out, { recursive: true })
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "version": "0.0.0" }')
  for (const artefact of ['orlop.mjs', 'orlop.wasm'])
    copyFileSync(findArtefact(artefact) as string, join(out, artefact))
  copyFileSync(findArtefact('worker.mjs') as string, join(out, 'thread.mjs'))
  const file = join(project, 'die')
  // The kernel asks for the time again and again while it runs, so it has this on its stack when it dies.
  const worker = `import { existsSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
const { hrtime } = process
let asked = 0
if (workerData.cpu === 1) process.hrtime = () => {
  if (++asked % 64 === 0 && existsSync(${JSON.stringify(file)})) ${death}
  return hrtime()
}
await import('./thread.mjs')
`
  writeFileSync(join(out, 'worker.mjs'), worker)
  return { program: join(out, 'orlop.mjs'), file }
}

const fleet = () => {
  const guest = `{ firmware: ${talker().elf}, memory: 4M }`
  return file('mortal.yaml', `machine: { cpus: 2, memory: 64M }\nguests:\n  one: ${guest}\n  two: ${guest}\n`)
}

for (const [what, death, words] of WAYS) {
  const folderOf = what.replaceAll(' ', '-')

  when(`${what} ends "orlop up" in the foreground with a message and exit code 70`, async () => {
    const { program, file } = mortal(`front-${folderOf}`, death)
    const run = new Run(['up', fleet()], process.execPath, [program])
    await run.shows('two: running (booted)')
    const watcher = new Run(['events', '--follow'])
    await watcher.shows('two: running (booted)')
    writeFileSync(file, '')
    assert.is(await run.ended, 70)
    assert.match(run.stderr, words)
    assert.ok(run.stderr.startsWith('orlop: '))
    // Those who watched are let go.
    assert.is(await watcher.ended, 0)
    isGone()
  })

  when(`${what} ends a machine in the background, and its log says why`, async () => {
    const { program, file } = mortal(`back-${folderOf}`, death)
    const run = new Run(['up', '--detach', fleet()], process.execPath, [program])
    assert.is(await run.ended, 0, run.stderr)
    const client = await Client.connect('mortal')
    writeFileSync(file, '')
    await client.closed
    await until('the log says why', () => words.test(logOf('mortal')))
    isGone()
  })
}

/** Nothing of the machine is left, and nobody takes it for running. */
function isGone(): void {
  assert.is(existsSync(socketOf('mortal')), false)
  assert.match(refuses(['list', '--machine', 'mortal'], 1), /No machine "mortal" is running/)
  assert.equal(JSON.parse(does('list', '--machines', '--json')), { machines: [] })
}

test.after(cleanUp)
test.run()
