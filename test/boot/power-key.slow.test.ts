// The power key: guests that listen switch themselves off in good order, others don't, and whoever pressed is told.

import { constants, copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { withProgress } from '../../cli/work.ts'
import { systemdMachine } from '../../guests/userland/machine.ts'
import { MachineError } from '../../host-shim/error.ts'
import type { RunningGuest } from '../../host-shim/node/main.ts'
import { E_UNSUPPORTED, STOP_POWEROFF } from '../../hypervisor/abi.ts'
import { inScratch } from '../guests/scratch.ts'
import { APPEND, debian, type FindGuest, lean, PROMPT, withScript } from './guests.ts'
import { canMakeImages, faultsOf, makeImage, readFromImage, replayJournal } from './image.ts'
import { ending, type Screen, withGuest } from './machine.ts'
import { canBuild, firmware, MEMORY_BYTES } from './programs.ts'
import { orSkip } from './userland/session.ts'

const MIB = 2 ** 20
const PRESS_AGAIN_MS = 5_000
/** Words to the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told.
const ESCAPE = /\x1b\[[?\d;]*[a-zA-Z]/g

/** For our init's shell: fulfilled when the program that waits for the key has it open, as a press before is lost. */
const UNTIL_INIT_LISTENS =
  "until ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q '> /dev/input/event'; do sleep 0.1; done; echo lis''tens"
/** What the journal of a systemd says when its logind has it open, and when it has started all that it is to start. */
const LOGIND_LISTENS = /Watching system buttons on \/dev\/input\/event\d/
const SYSTEMD_IS_UP = /Reached target .*Multi-User System/

/** Presses the key of a guest that listens, and waits until it is off. */
async function pressUntilOff(guest: RunningGuest, screen: Screen): Promise<void> {
  await guest.press()
  await isOff(guest, screen)
}

/** The same for one whose programs may lose a press while they start: the key is pressed again, as "orlop shutdown" does it. */
async function pressAgainUntilOff(guest: RunningGuest, screen: Screen): Promise<void> {
  await guest.press()
  // One that is just going off takes no press.
  const again = setInterval(() => void guest.press().catch(() => undefined), PRESS_AGAIN_MS)
  await isOff(guest, screen).finally(() => clearInterval(again))
}

async function isOff(guest: RunningGuest, screen: Screen): Promise<void> {
  const { reason, stats } = await ending(guest, screen)
  assert.is(reason, STOP_POWEROFF, screen.text)
  assert.is(stats.offences, 0)
}

for (const [name, find] of [
  ["Debian's kernel", debian],
  ['the lean kernel', lean],
] as [string, FindGuest][]) {
  test(`${name} with our init switches itself off when its key is pressed`, async () => {
    const system = await find()
    if (system === undefined) return
    const { kernel, initrd } = system
    await withGuest(1, { kernel, initrd, ramBytes: 128 * MIB, commandLine: APPEND }, async (guest, screen) => {
      await screen.hear(PROMPT)
      guest.input(Buffer.from(`${UNTIL_INIT_LISTENS}\n`))
      await screen.hear(/^listens$/m)
      await pressUntilOff(guest, screen)
      assert.match(screen.text, /reboot: Power down/)
    })
  })
}

test(
  'a guest that computes switches itself off, too, and what it has written is on its disk',
  inScratch(async (folder) => {
    const found = await lean()
    if (found === undefined || !canMakeImages()) return
    const disk = makeImage(join(folder, 'disk'), 16)
    const script = `mount /dev/vda /mnt && echo kept >/mnt/note && ${UNTIL_INIT_LISTENS}; while :; do :; done`
    const { kernel, initrd } = withScript(found, folder, script)
    const options = { kernel, initrd, ramBytes: 128 * MIB, commandLine: `${APPEND} orlop.run=/test` }
    await withGuest(1, { ...options, disks: [{ path: disk }] }, async (guest, screen) => {
      await screen.hear(/^listens$/m)
      await pressUntilOff(guest, screen)
    })
    assert.is(faultsOf(disk), '')
    assert.is(readFromImage(disk, 'note').toString(), 'kept\n')
  }),
)

for (const [name, find] of [
  ["Debian's kernel", debian],
  ['the lean kernel', lean],
] as [string, FindGuest][]) {
  test(
    `a Debian with systemd on ${name} stops its services and switches itself off when its key is pressed`,
    inScratch(async (folder) => {
      const system = await find()
      const machine = system && (await orSkip(withProgress((work) => systemdMachine(system, work))))
      if (machine === undefined) return
      const disk = join(folder, 'disk')
      copyFileSync(machine.disk, disk, constants.COPYFILE_FICLONE)
      const { kernel, initrd, commandLine, memoryMib } = machine
      const options = { kernel, initrd, ramBytes: memoryMib * MIB, disks: [{ path: disk }] }
      // The journal goes to the console, too; its lines may come in the middle of the login prompt.
      const loud = `${commandLine} systemd.show_status=1 systemd.journald.forward_to_console=1`
      await withGuest(1, { ...options, commandLine: loud }, async (guest, screen) => {
        await screen.hear(LOGIND_LISTENS)
        await screen.hear(SYSTEMD_IS_UP)
        await pressAgainUntilOff(guest, screen)
        const said = screen.text.replaceAll(ESCAPE, '')
        for (const words of [/Stopped systemd-logind.service/, /Reached target poweroff.target/, /reboot: Power down/])
          assert.match(said, words)
      })
      replayJournal(disk)
      assert.is(faultsOf(disk), '')
    }),
  )
}

test('a guest without a power key goes on, and whoever presses it is told', async () => {
  if (!canBuild()) return
  await withGuest(1, { firmware: firmware('chatter'), ramBytes: MEMORY_BYTES }, async (guest, screen) => {
    await screen.hear(/line 3/)
    const refusal: unknown = await guest.press().catch((error) => error)
    assert.instance(refusal, MachineError)
    assert.is((refusal as MachineError).code, E_UNSUPPORTED)
    await screen.hear(/said \d+ lines/)
  })
})

test.run()
