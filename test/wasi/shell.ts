// A guest's shell on the image, under any runtime: it answers, and its disk goes from the image to the Node build and back.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { BUNDLE_IMAGE } from '../../host-shim/bundle.ts'
import { writeBundle } from '../../host-shim/node/boot-folder.ts'
import { APPEND, argumentsForScript, type FindGuest, type Guest, PROMPT, withScript } from '../boot/guests.ts'
import { runOrlop } from '../boot/orlop.ts'
import { Talk } from '../boot/talk.ts'
import type { Runtime } from '../support/runtimes.ts'
import { IMAGE } from './runtime.ts'

/** The interpreter alone, on a slow machine that does other things too. */
const PATIENCE_MS = 900_000
const RAM_BYTES = 512 * 2 ** 20
const DISK_BYTES = 2 ** 20
const SECTOR = 'written through preview1'
const REPLY = 'written through Node now'

/** Boots a guest to its shell, asks it, writes its disk, and reads that under Node; then the other way round. */
export async function answers(find: FindGuest, runtime: Runtime): Promise<void> {
  const guest = await find()
  if (guest === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'orlop-wasi-'))
  try {
    const machine = await machineOf(guest, folder)
    const written = join(machine, '0.disk-0')
    await talkTo(runtime, machine, async (talk) => {
      talk.type('echo $((6 * 7)) is it\n')
      await talk.hear(/^42 is it$/m)
      talk.type(`echo ${SECTOR} | dd of=/dev/vda bs=512 conv=sync,fsync; echo w$((1 + 1))\n`)
      await talk.hear(/^w2$/m)
    })
    assert.is(readFileSync(written).toString('latin1', 0, SECTOR.length), SECTOR)
    const reply = `echo ${REPLY} | dd of=/dev/vda bs=512 seek=1 conv=sync,fsync,notrunc`
    const visitor = withScript(
      guest,
      folder,
      `head -c 24 /dev/vda; echo; ${reply}; echo o > /proc/sysrq-trigger; sleep 60`,
    )
    const run = await runOrlop(['run', ...argumentsForScript(visitor), '--disk', written])
    assert.is(run.exitCode, 0, run.errors)
    assert.ok(run.console.includes(SECTOR), run.console)
    await talkTo(runtime, machine, async (talk) => {
      talk.type('dd if=/dev/vda bs=512 skip=1 count=1 2>/dev/null | head -c 24; echo\n')
      await talk.hear(new RegExp(`^${REPLY}$`, 'm'))
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A boot folder with this guest and an empty disk, below `folder`. */
async function machineOf({ kernel, initrd }: Guest, folder: string): Promise<string> {
  const disk = join(folder, 'empty')
  writeFileSync(disk, Buffer.alloc(DISK_BYTES))
  const machine = join(folder, 'machine')
  const guest = { name: 'web', ramBytes: RAM_BYTES, kernel, initrd, commandLine: APPEND, disks: [{ path: disk }] }
  await writeBundle(machine, { guests: [guest] }, IMAGE)
  return machine
}

/** Boots the machine to its prompt, talks, and switches it off with the keys for that. */
async function talkTo(runtime: Runtime, machine: string, body: (talk: Talk) => Promise<void>): Promise<void> {
  const command = runtime.command(join(machine, BUNDLE_IMAGE), machine)
  await new Talk(command, { patienceMs: PATIENCE_MS }).hold(async (talk) => {
    await talk.hear(PROMPT)
    await body(talk)
    talk.type('\x1dq\n')
    assert.is(await talk.end(), 0)
  })
}
