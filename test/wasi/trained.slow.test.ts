// Linux on an image that was trained with it: the same answers, to the same guest and to another that does something else.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BUNDLE_IMAGE } from '../../host-shim/bundle.ts'
import { writeBundle } from '../../host-shim/node/boot-folder.ts'
import { APPEND, debian, type FindGuest, type Guest, lean, withScript } from '../boot/guests.ts'
import { runOrlop } from '../boot/orlop.ts'
import { NAMES, nodeWasi, type Runtime, runtime } from '../support/runtimes.ts'
import { Talk } from '../boot/talk.ts'
import { requireTool } from '../support/tools.ts'
import { inFolder, programFor, RAM_BYTES as MIX_RAM_BYTES, train } from './mix.ts'
import { IMAGE } from './runtime.ts'

/** The interpreter on a slow machine that does other things too. */
const PATIENCE_MS = 900_000
const RAM_BYTES = 512 * 2 ** 20
const COMMAND_LINE = `${APPEND} orlop.run=/test`
const OFF = 'echo the end; sleep 1; echo o > /proc/sysrq-trigger; sleep 60'
/** Text that is made, sorted, counted and summed: what it comes to is the same on any machine. */
const TRAINED = `i=0; while [ $i -lt 3000 ]; do echo $((i * 7919 % 3001)); i=$((i + 1)); done | sort -n | sha256sum; ${OFF}`
const OTHER = `i=0; while [ $i -lt 2000 ]; do echo $((i * i % 1999)); i=$((i + 1)); done | sort -r | md5sum; ${OFF}`
const SUM = /^[0-9a-f]{32,64} {2}-$/m

/** The sum that a guest prints on the image, under a runtime. */
async function sumOn(
  image: string,
  { kernel, initrd }: Guest,
  folder: string,
  { command }: Runtime,
): Promise<string | undefined> {
  const machine = join(folder, 'machine')
  const guest = { ramBytes: RAM_BYTES, kernel, initrd, commandLine: COMMAND_LINE }
  await writeBundle(machine, { guests: [guest] }, image)
  const talk = new Talk(command(join(machine, BUNDLE_IMAGE), machine), { patienceMs: PATIENCE_MS })
  assert.is(await talk.end(), 0, talk.errors)
  return SUM.exec(talk.heard)?.[0]
}

/** The sum that a guest prints in Node. */
async function sumInNode({ kernel, initrd }: Guest): Promise<string | undefined> {
  const words = ['--kernel', kernel, '--initrd', initrd, '--append', COMMAND_LINE, '--memory', '512M']
  const run = await runOrlop(['run', ...words], { patienceMs: PATIENCE_MS })
  assert.is(run.exitCode, 0, run.errors)
  return SUM.exec(run.console)?.[0]
}

async function answersAlike(find: FindGuest, names: string[]): Promise<void> {
  const guest = await find()
  if (guest === undefined) return
  const runtimes = [nodeWasi, ...names.flatMap((name) => runtime(name) ?? [])]
  const folder = mkdtempSync(join(tmpdir(), 'orlop-train-'))
  try {
    const known = withScript(guest, folder, TRAINED)
    const other = withScript(guest, folder, OTHER)
    const fleet = join(folder, 'fleet.yaml')
    const image = join(folder, 'trained.wasm')
    const { kernel, initrd } = known
    const plan = { memory: '512M', kernel, initrd, append: COMMAND_LINE }
    writeFileSync(fleet, JSON.stringify({ machine: { name: `train-${process.pid}` }, guests: { web: plan } }))
    const words = ['train', '--heat', '100000', '-o', image, fleet]
    const training = await runOrlop(words, { patienceMs: PATIENCE_MS })
    assert.is(training.exitCode, 0, training.errors)
    for (const one of [known, other]) {
      const sum = await sumInNode(one)
      assert.ok(sum)
      for (const each of runtimes) assert.is(await sumOn(image, one, folder, each), sum, each.name)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('the lean kernel answers the same on an image that was trained with it, under each runtime', () =>
  answersAlike(
    lean,
    NAMES.filter((name) => name !== 'wasmtime-36'),
  ))
test("Debian's kernel answers the same on an image that was trained with it", () => answersAlike(debian, ['wasmtime']))

test('hot multiply-adds come to the same under each runtime, also where relaxed SIMD rounds twice', () =>
  inFolder(async (folder) => {
    if (!requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf')) return
    const firmware = programFor({ FUSED: 1 })
    const machine = join(folder, 'machine')
    const sums = new Set<string>()
    for (const image of [IMAGE, await train(firmware, folder)]) {
      await writeBundle(machine, { guests: [{ ramBytes: MIX_RAM_BYTES, firmware }] }, image)
      for (const { command, name } of [nodeWasi, ...NAMES.flatMap((name) => runtime(name) ?? [])]) {
        const talk = new Talk(command(join(machine, BUNDLE_IMAGE), machine), { patienceMs: PATIENCE_MS })
        assert.is(await talk.end(), 0, talk.errors)
        const isTwice = image !== IMAGE && name === 'wasmer'
        assert.is(/multiply-adds round twice/.test(talk.errors), isTwice, `${name}: ${talk.errors}`)
        sums.add(talk.heard)
      }
    }
    assert.match([...sums].join(), /^sum [0-9a-f]{16}\r?\n$/)
  }))

test.run()
