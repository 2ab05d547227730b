// The image's self-test: the same run each time, whoever runs it, and a hash that others can compute.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeBundle } from '../../host-shim/node/boot-folder.ts'
import { talker } from '../cli/orlop.ts'
import { selfTest } from './door.ts'
import { IMAGE, startImage } from './runtime.ts'

const RAM_BYTES = 16 * 2 ** 20

/** Makes a boot folder with two small guests, which goes when `work` is done. */
async function withMachine(work: (machine: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-self-test-'))
  try {
    const firmware = talker().elf
    const guests = ['one', 'two'].map((name, i) => ({ name, ramBytes: RAM_BYTES * (i + 1), firmware }))
    await writeBundle(folder, { guests }, IMAGE)
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function run(machine: string, word: string): Promise<{ exitCode: number; heard: string; errors: string }> {
  const talk = startImage(machine, { args: [word] })
  const exitCode = await talk.end()
  return { exitCode, heard: talk.heard, errors: talk.errors }
}

test('the self-test tells of each guest what the Node build finds in its memory, with the first one heard', () =>
  withMachine(async (machine) => {
    const { exitCode, heard, errors } = await run(machine, '--self-test=2')
    assert.is(exitCode, 0, errors)
    assert.match(heard, /^ready/)
    const lines = heard.match(/^self-test: .*$/gm)
    assert.is(lines?.length, 2)
    assert.equal(lines, selfTest(machine, 2e6))
    const retired = (lines ?? []).map((line) => Number(/(\d+) instructions/.exec(line)?.[1]))
    assert.ok(retired.every((count) => count > 0) && retired.reduce((sum, count) => sum + count) >= 2e6, `${retired}`)
  }))

test('another number of instructions leaves another memory or count behind', () =>
  withMachine(async (machine) => {
    const [short, long] = [await run(machine, '--self-test=1'), await run(machine, '--self-test=3')]
    assert.is.not(short.heard.match(/^self-test: .*$/gm)?.join(), long.heard.match(/^self-test: .*$/gm)?.join())
  }))

for (const word of ['--self-test=', '--self-test=x', '--self-test=1x', '--self-test=99999999', '--self-tests']) {
  test(`${word} is refused with exit code 2`, async () => {
    const talk = startImage(undefined, { args: [word] })
    assert.is(await talk.end(), 2)
    assert.is(talk.errors, `"${word}" is no argument; --help lists those that there are.\n`)
  })
}

test.run()
