// A bundle of two Linux guests on one network, under node:wasi.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeBundle } from '../../host-shim/node/boot-folder.ts'
import { APPEND, lean, PROMPT, withScript } from '../boot/guests.ts'
import { IMAGE, startImage } from './runtime.ts'

/** The interpreter alone, on a slow machine that does other things too. */
const PATIENCE_MS = 900_000
const RAM_BYTES = 128 * 2 ** 20

test('two lean guests reach each other on a network of the bundle, and both see what Node wrote to their disks', async () => {
  const guest = await lean()
  if (guest === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'orlop-wasi-'))
  try {
    const guests = [1, 2].map((number) => {
      // Devices may be there only after the first program has begun.
      const wait = 'until ip link set eth0 up && [ -b /dev/vda ]; do sleep 1; done'
      const up = `${wait}; ip addr add 10.1.1.${number}/24 dev eth0; head -c 24 /dev/vda; echo`
      const disk = join(folder, `disk-${number}`)
      writeFileSync(disk, `written by Node for ${number}..`.padEnd(2 ** 16))
      const ping = `until ping -c 1 -W 1 10.1.1.${3 - number}; do :; done; echo guest ${number} reached the other`
      const { kernel, initrd } = withScript(guest, folder, `${up}; ${ping}; sh`)
      const commandLine = `${APPEND} orlop.run=/test`
      const nets = [{ network: 0, mac: Uint8Array.of(2, 0, 0, 0, 0, number) }]
      return {
        name: `guest-${number}`,
        ramBytes: RAM_BYTES,
        kernel,
        initrd,
        commandLine,
        disks: [{ path: disk }],
        nets,
      }
    })
    const machine = join(folder, 'machine')
    await writeBundle(machine, { guests, networks: [{}] }, IMAGE)
    await startImage(machine, { patienceMs: PATIENCE_MS }).hold(async (talk) => {
      await talk.hear(/written by Node for 1\.\./)
      await talk.hear(/^guest 1 reached the other$/m)
      await talk.hear(PROMPT)
      talk.type('\x1d\n')
      await talk.hear(/written by Node for 2\.\./)
      await talk.hear(/^guest 2 reached the other$/m)
      talk.type('echo $((6 * 7)) is it\n')
      await talk.hear(/^42 is it$/m)
      talk.type('\x1dq\n')
      assert.is(await talk.end(), 0)
      assert.match(talk.errors, /This is guest 1, guest-2\./)
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
