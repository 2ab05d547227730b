// A whole Debian with systemd boots from its disk to a login prompt, in Orlop as in QEMU, and nothing in it has failed.

import { constants, copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { withProgress } from '../../../cli/work.ts'
import { type Machine, systemdMachine } from '../../../guests/userland/machine.ts'
import { inScratch } from '../../guests/scratch.ts'
import { debian } from '../guests.ts'
import { faultsOf, replayJournal } from '../image.ts'
import { splitReport, startOrlop } from '../orlop.ts'
import { startQemu } from '../qemu.ts'
import type { Talk } from '../talk.ts'
import { orSkip } from './session.ts'

const SHELL = /root@orlop:~# $/
const PATIENCE_MS = 300_000

/** The machine, with a disk of its own in `folder`; undefined where a user's machine cannot have it. */
async function machineIn(folder: string): Promise<Machine | undefined> {
  const guest = await debian()
  const machine = guest && (await orSkip(withProgress((work) => systemdMachine(guest, work))))
  if (machine === undefined) return undefined
  const disk = join(folder, 'disk')
  copyFileSync(machine.disk, disk, constants.COPYFILE_FICLONE)
  return { ...machine, disk }
}

/** Words to the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told.
const ESCAPE = /\x1b\[[?\d;]*[a-zA-Z]/g

/** What the shell says to a command, without the command's echo, the next prompt, and words to the terminal. */
async function ask(talk: Talk, command: string): Promise<string> {
  talk.type(`${command}\n`)
  const said = await talk.hear(SHELL)
  return said.replaceAll(ESCAPE, '').split('\n').slice(1, -1).join('\n')
}

/** Logs in as root, asks what has become of the system, and switches the machine off. */
async function visit(talk: Talk, prompt: string): Promise<void> {
  await talk.hear(new RegExp(prompt))
  talk.type('root\n')
  await talk.hear(SHELL)
  assert.is(await ask(talk, 'systemctl is-system-running --wait'), 'running')
  assert.is(await ask(talk, 'systemctl --failed --legend=no'), '')
  assert.is(await ask(talk, 'ps -o comm= -p 1; id -un; tty'), 'systemd\nroot\n/dev/ttyS0')
  assert.match(await ask(talk, 'journalctl -b -o cat | tail -n 400'), /Reached target .*Multi-User System/)
  talk.type('poweroff\n')
  assert.is(await talk.end(), 0, talk.errors)
}

test(
  'a Debian with systemd boots to a login prompt, lets root in, and switches off',
  inScratch(async (folder) => {
    const machine = await machineIn(folder)
    if (machine === undefined) return
    const { kernel, initrd, disk, commandLine, memoryMib, prompt } = machine
    const args = ['--kernel', kernel, '--initrd', initrd, '--append', commandLine, '--memory', `${memoryMib}M`]
    const options = { patienceMs: PATIENCE_MS }
    await startOrlop(['run', ...args, '--disk', disk, '--stats', 'json'], options).hold(async (talk) => {
      await visit(talk, prompt)
      const { report } = splitReport(talk.heard)
      assert.is(report?.outcome, 'poweroff')
      assert.is(report?.offences, 0)
    })
    replayJournal(disk)
    assert.is(faultsOf(disk), '')
  }),
)

test(
  'the same Debian does the same in QEMU',
  inScratch(async (folder) => {
    const machine = await machineIn(folder)
    if (machine === undefined) return
    const { kernel, initrd, disk, commandLine, memoryMib, prompt } = machine
    const guest = { name: 'systemd', kernel, initrd }
    const talk = startQemu({ guest, memory: `${memoryMib}M`, append: commandLine, disk })
    await talk?.hold((open) => visit(open, prompt))
  }),
)

test.run()
