// How a Linux guest ends, and what exit code that gives: off, panic, reboot, --until, --timeout, out of memory.

import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inScratch } from '../guests/scratch.ts'
import { APPEND, argumentsFor, argumentsForScript, debian, type FindGuest, lean, PROMPT, withScript } from './guests.ts'
import { withGuest } from './machine.ts'
import { measureOrlop, runOrlop, splitReport, startOrlop } from './orlop.ts'

function ends(name: string, find: FindGuest): void {
  test(
    `${name} that panics gives exit code 3`,
    inScratch(async (folder) => {
      const guest = await find()
      if (guest === undefined) return
      const args = argumentsForScript(withScript(guest, folder, 'echo c > /proc/sysrq-trigger'))
      const run = await measureOrlop(args)
      assert.is(run.exitCode, 3, run.console)
      assert.is(run.report.outcome, 'panic')
      assert.match(run.console, /Kernel panic - not syncing: sysrq triggered crash/)
      assert.match(run.errors, /^orlop: The guest has failed: [^\n]+\.\n$/)
    }),
  )

  test(`${name} that cannot find its first program panics, with exit code 3`, async () => {
    const guest = await find()
    if (guest === undefined) return
    const run = await runOrlop(['run', '--kernel', guest.kernel, '--append', APPEND])
    assert.is(run.exitCode, 3, run.console)
    assert.match(run.console, /Kernel panic - not syncing: .*(root fs|init)/)
  })

  for (const [command, exitCode] of [
    ['exit', 0],
    ['poweroff', 0],
    ['poweroff -f', 0],
  ] as const) {
    test(`${name} that is told "${command}" goes off, with exit code ${exitCode}`, async () => {
      const guest = await find()
      if (guest === undefined) return
      await startOrlop(['run', ...argumentsFor(guest)]).hold(async (talk) => {
        await talk.hear(PROMPT)
        talk.type(`${command}\n`)
        assert.is(await talk.end(), exitCode, talk.errors)
        assert.is(talk.errors, '')
      })
    })
  }

  test(`${name} that reboots starts anew from its files, and goes off at last`, async () => {
    const guest = await find()
    if (guest === undefined) return
    await startOrlop(['run', ...argumentsFor(guest), '--stats', 'json']).hold(async (talk) => {
      for (const command of ['reboot', 'reboot -f', 'poweroff']) {
        await talk.hear(/^Linux .* riscv64\. Leave with/m)
        await talk.hear(PROMPT)
        talk.type('cat /run/seen; touch /run/seen\n')
        assert.match(await talk.hear(PROMPT), /No such file/)
        talk.type(`${command}\n`)
      }
      assert.is(await talk.end(), 0, talk.errors)
      assert.is(talk.heard.match(/reboot: Restarting system/g)?.length, 2)
      assert.is(splitReport(talk.heard).report?.outcome, 'poweroff')
    })
  })
}

ends('the lean kernel', lean)
ends("Debian's kernel", debian)

test('--until ends a boot at the prompt, with exit code 0', async () => {
  const guest = await lean()
  if (guest === undefined) return
  const run = await measureOrlop([...argumentsFor(guest), '--until', '~ #'])
  assert.is(run.exitCode, 0)
  assert.is(run.report.outcome, 'until')
  assert.match(run.console, /~ #/)
})

test('--timeout ends a guest, with exit code 124', async () => {
  const guest = await lean()
  if (guest === undefined) return
  const start = performance.now()
  const run = await measureOrlop([...argumentsFor(guest), '--timeout', '4'])
  assert.is(run.exitCode, 124)
  assert.is(run.report.outcome, 'timeout')
  assert.is(run.errors, 'orlop: The time is up after 4 s.\n')
  assert.ok(performance.now() - start >= 4000)
})

test('a guest that idles at its prompt waits in wfi, and so does the machine', async () => {
  const guest = await lean()
  if (guest === undefined) return
  const { kernel, initrd } = guest
  await withGuest(1, { kernel, initrd, ramBytes: 128 * 2 ** 20, commandLine: APPEND }, async (running, screen) => {
    await screen.hear(PROMPT)
    const [before, start] = [await running.stats(), performance.now()]
    await sleep(3000)
    const [after, passedNs] = [await running.stats(), (performance.now() - start) * 1e6]
    assert.ok(after.guestNs - before.guestNs < passedNs / 2, JSON.stringify({ before, after, passedNs }))
  })
})

test('a timeout that comes before the machine is there ends the run as any other', async () => {
  const guest = await lean()
  if (guest === undefined) return
  for (const seconds of [0.001, 0.05, 0.1, 0.15, 0.2, 0.3]) {
    const run = await runOrlop(['run', ...argumentsFor(guest), '--timeout', `${seconds}`])
    assert.is(run.exitCode, 124, run.errors)
    assert.is(run.errors, `orlop: The time is up after ${seconds} s.\n`)
  }
})

test.run()
