// What a kernel warns of on our board it warns of on QEMU's, too: the same kernel, initrd and command line on both.

import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inScratch } from '../guests/scratch.ts'
import { APPEND, argumentsFor, debian, type FindGuest, lean, withScript } from './guests.ts'
import { canMakeImages, makeImage } from './image.ts'
import { runOrlop } from './orlop.ts'
import { startQemu } from './qemu.ts'

const MEMORY = '128M'
/** "warning" of syslog(2); less is worse. */
const LEVEL_WARNING = 4

/** What Linux warns of when the host has let it wait in the middle of something, on whatever board. */
const HELD_UP =
  /^(hrtimer: interrupt took |workqueue: \S+ hogged CPU for |sched: (RT throttling activated|DL replenish lagged too much))/

/** The kernel's messages of a console on which `dmesg -r` was run. */
function messagesOf(text: string): { level: number; text: string }[] {
  const lines = [...text.matchAll(/^<(\d+)>\[ *\d+\.\d+\] (.*)$/gm)]
  return lines.map(([, priority, message = '']) => ({ level: Number(priority) & 7, text: message }))
}

/** The message without what differs from run to run, or with the size of the board. */
function normalise(message: string): string {
  return message.replace(/\b(0x)?[0-9a-f]*\d[0-9a-f]*\b/gi, 'N')
}

function warningsOf(text: string): string[] {
  const messages = messagesOf(text)
  assert.ok(messages.length > 50, `only ${messages.length} messages:\n${text}`)
  const warnings = messages.filter(({ level, text }) => level <= LEVEL_WARNING && !HELD_UP.test(text))
  return warnings.map((message) => normalise(message.text))
}

/** A place that takes Ethernet frames and says nothing, like a cable with nobody at its end; gives its address. */
async function withSilentNet<T>(work: (address: string) => Promise<T>): Promise<T> {
  const server = createServer((socket) => socket.resume().on('error', () => {}))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await work(`127.0.0.1:${(server.address() as { port: number }).port}`)
  } finally {
    server.close()
  }
}

/** Uses its devices, and shows what the kernel has said. */
const USE = 'mount /dev/vda /mnt && ls /mnt && umount /mnt; hexdump -n 8 /dev/hwrng >/dev/null; dmesg -r'

/** KiB that the kernel gives to its own use, and all it found, as it tells at its start. */
function memoryOf(text: string): { available: number; total: number } {
  const [, available, total] = /Memory: (\d+)K\/(\d+)K available/.exec(text) ?? []
  return { available: Number(available), total: Number(total) }
}

function warnsAsInQemu(name: string, find: FindGuest): void {
  test(
    `${name} warns of nothing that it does not warn of in QEMU`,
    inScratch(async (folder) => {
      const found = await find()
      if (found === undefined || !canMakeImages()) return
      const guest = withScript(found, folder, USE)
      const append = `${APPEND} console=ttyS0 panic=-1 reboot=panic_warm orlop.run=/test`
      const qemu = startQemu({
        // QEMU's machine is gone at once when it is switched off, with kilobytes that its serial port has not sent yet.
        guest: withScript(found, folder, `${USE}; echo S''AID; read line`),
        memory: MEMORY,
        append,
        disk: makeImage(join(folder, 'theirs'), 16),
        net: 'hubport,hubid=0',
      })
      if (qemu === undefined) return
      const theirs = await qemu.hold(async (talk) => {
        await talk.hear(/^SAID$/m)
        talk.type('\n')
        assert.is(await talk.end(), 0, talk.heard)
        return talk.heard
      })
      const ours = await withSilentNet((address) => {
        const devices = ['--disk', makeImage(join(folder, 'ours'), 16), '--net', `stream:${address}`]
        return runOrlop(['run', ...argumentsFor(guest, `${APPEND} orlop.run=/test`), '--memory', MEMORY, ...devices])
      })
      assert.is(ours.exitCode, 0, `${ours.errors}\n${ours.console}`)
      const known = new Set(warningsOf(theirs))
      assert.equal(
        warningsOf(ours.console).filter((warning) => !known.has(warning)),
        [],
      )

      // OpenSBI keeps some of the RAM in QEMU; with us there is none in the guest's memory.
      const [own, other] = [memoryOf(ours.console), memoryOf(theirs)]
      assert.ok(own.total >= other.total && own.available >= other.available, JSON.stringify({ own, other }))
    }),
  )
}

warnsAsInQemu('the lean kernel', lean)
warnsAsInQemu("Debian's kernel", debian)

test.run()
