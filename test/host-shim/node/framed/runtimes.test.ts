// Images for machines that are programs of their own: they lie in a temporary folder until the runtime has read them, and not longer.

import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeImage } from '../../../../host-shim/node/framed/runtimes.ts'
import { StuckError, startMachine } from '../../../../host-shim/node/main.ts'
import { WARNINGS_MOST } from '../../../../host-shim/node/words.ts'
import { runtime } from '../../../support/runtimes.ts'

const RAM_BYTES = 64 << 20
const folder = mkdtempSync(join(tmpdir(), 'orlop-runtimes-'))
process.env.TMPDIR = folder
const images = () => readdirSync(folder).filter((name) => name.startsWith('orlop-image-'))

test('regression: a machine that runs has no image in the temporary folder, so none is left when it is killed', async () => {
  for (const name of ['node-wasi', 'wasmtime', 'wasmer'] as const) {
    const program = name === 'node-wasi' ? process.execPath : runtime(name)?.command('', undefined)[0]
    if (program === undefined) continue
    const machine = startMachine({ memoryBytes: RAM_BYTES, runtime: { name, program, folders: [] } })
    assert.is(images().length, 1)
    await machine.stats()
    assert.equal(images(), [], name)
    await machine.stop()
  }
})

test('regression: a machine that is asked for much when it is to end answers, and ends at once', async () => {
  const runtime = { name: 'node-wasi' as const, program: process.execPath, folders: [] }
  const machine = startMachine({ memoryBytes: RAM_BYTES, runtime })
  await machine.stats()
  const asked = Array.from({ length: 50 }, () => machine.stats())
  await machine.stop()
  for (const { frames } of await Promise.all(asked)) assert.ok(frames > 0)
})

test('a program that dies when its machine is to end is told as what it is, and at once', async () => {
  const runtime = { name: 'node-wasi' as const, program: process.execPath, folders: [] }
  const machine = startMachine({ memoryBytes: RAM_BYTES, runtime })
  await machine.stats()
  const { child } = Reflect.get(machine, 'program') as { child: ChildProcess }
  child.kill('SIGSTOP')
  const asked = machine.stats().catch((error: Error) => error.message)
  const stopped = machine.stop().catch((error: Error) => error.message)
  child.kill('SIGKILL')
  assert.equal(await Promise.all([asked, stopped]), Array(2).fill('node-wasi has ended by SIGKILL.'))
})

test('images that were left behind long ago are removed, and others stay', () => {
  for (const name of ['orlop-image-old', 'orlop-image-new', 'orlop-other-old']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'orlop-image-old', 'orlop.wasm'), '')
  const yesterday = Date.now() / 1000 - 86_400
  for (const name of ['orlop-image-old', 'orlop-other-old']) utimesSync(join(folder, name), yesterday, yesterday)
  makeImage(RAM_BYTES).remove()
  assert.equal(readdirSync(folder).sort(), ['orlop-image-new', 'orlop-other-old'])
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true })
})

test('an image that cannot be read or written is told in a sentence', () => {
  const readable = /^The image [^\n]* cannot be read \(EISDIR[^\n]*\); check the path\.$/
  assert.throws(() => makeImage(RAM_BYTES, folder), readable)
  process.env.TMPDIR = join(folder, 'nowhere')
  const there = /^No folder can be made in [^\n]*nowhere \(ENOENT[^\n]*\); make room there, or set TMPDIR [^\n]*\.$/
  assert.throws(() => makeImage(RAM_BYTES), there)
  process.env.TMPDIR = folder
  assert.equal(readdirSync(folder), [])
})

test('a runtime that does not start is the end of its machine, and leaves no image', async () => {
  const runtime = { name: 'wasmtime' as const, program: join(folder, 'none'), folders: [] }
  const machine = startMachine({ memoryBytes: RAM_BYTES, runtime })
  const message = await machine.ended.catch((error: Error) => error.message)
  assert.match(`${message}`, /^wasmtime does not start: [^\n]*\.$/)
  await sleep(0)
  assert.equal(images(), [])
})

/** A program that takes the place of a runtime. */
function script(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return path
}

test('what a runtime complains of is told as lines that steer no terminal, and there is an end of it', async () => {
  const text = 'i=0; while [ $i -lt 500 ]; do printf "\\033[2Jline $i\\n" >&2; i=$((i + 1)); done; exit 3'
  const warnings: string[] = []
  const warn = (message: string) => warnings.push(message)
  const runtime = { name: 'wasmtime' as const, program: script('complains', text), folders: [] }
  const machine = startMachine({ memoryBytes: RAM_BYTES, runtime, warn })
  const message = await machine.ended.catch((error: Error) => error.message)
  assert.is(message, 'wasmtime has ended with exit code 3.')
  assert.equal([warnings[0], warnings.length], ['[2Jline 0', WARNINGS_MOST])
})

test('a runtime that never begins is killed when its machine is to end, and leaves no image', async () => {
  const runtime = { name: 'wasmtime' as const, program: script('hangs', 'exec sleep 1000'), folders: [] }
  const machine = startMachine({ memoryBytes: RAM_BYTES, runtime })
  assert.instance(await machine.stop().catch((error: Error) => error), StuckError)
  await Reflect.get(machine, 'gone')
  assert.equal(images(), [])
})

test.after(() => rmSync(folder, { recursive: true }))

test.run()
