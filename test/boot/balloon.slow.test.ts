// Memory that a Linux guest frees comes back to the machine: reported while it runs, and as its balloon is asked for it.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { Machine } from '../vmm/machine.ts'
import { APPEND, debian, type FindGuest, lean, withScript } from './guests.ts'

const MIB = 1 << 20
const PAGES_PER_MIB = 256
/** Linux reports blocks of 4 MiB, and something else may lie in some of the ten. */
const GIVEN_BACK = 30 * PAGES_PER_MIB

/** 40 MiB are filled and freed; then the guest does nothing, until it is told to go. */
const SCRIPT = `
modprobe virtio_balloon 2>/dev/null
mount -t tmpfs -o size=60m none /mnt || { mkdir /mnt; mount -t tmpfs -o size=60m none /mnt; }
echo EMPTY
dd if=/dev/urandom of=/mnt/file bs=1M count=40 2>/dev/null
echo FULL
rm /mnt/file
echo FREED
sleep 30
echo RESTED
while ! grep -q . /sys/bus/virtio/drivers/virtio_balloon/virtio*/status; do sleep 1; done
sleep 60
echo DONE
`

const folder = mkdtempSync(join(tmpdir(), 'orlop-balloon-'))

function givesBack(name: string, find: FindGuest): void {
  test(`${name} gives back what it frees, and what its balloon is asked for`, async () => {
    const found = await find()
    if (found === undefined) return
    const guest = withScript(found, folder, SCRIPT)
    const machine = new Machine({ memoryBytes: abi.MACHINE_BYTES + 400 * MIB })
    const id = machine.create({ ramBytes: 192 * MIB, commandLine: `${APPEND} orlop.run=/test` })
    assert.is(machine.load(id, abi.LOAD_KERNEL, readFileSync(guest.kernel)), abi.OK)
    assert.is(machine.load(id, abi.LOAD_INITRD, readFileSync(guest.initrd)), abi.OK)
    assert.is(machine.door.guestStart(id), abi.OK)
    const hear = (word: string) => {
      const until = () => machine.said(id).includes(`\n${word}`)
      assert.ok(machine.run({ until, timeoutMs: 300_000 }), `${word}: ${machine.said(id).slice(-2000)}`)
      return machine.stats(id)
    }
    const stat = (stats: number[], number: number) => stats[number] as number
    const full = hear('FULL')
    const rested = hear('RESTED')
    assert.ok(stat(rested, abi.STAT_REPORTED_PAGES) >= GIVEN_BACK, `${rested[abi.STAT_REPORTED_PAGES]} reported`)
    const back = stat(full, abi.STAT_FRAMES) - stat(rested, abi.STAT_FRAMES)
    assert.ok(back >= GIVEN_BACK, `${back} pages came back`)

    assert.is(machine.door.guestSet(id, abi.SET_TARGET, 128 * MIB), abi.OK)
    const done = hear('DONE')
    assert.is(stat(done, abi.STAT_BALLOON_TARGET), 64 * PAGES_PER_MIB)
    assert.is(stat(done, abi.STAT_BALLOON_PAGES), 64 * PAGES_PER_MIB)
    assert.ok(stat(done, abi.STAT_FRAMES) <= 128 * PAGES_PER_MIB)
    assert.is(stat(done, abi.STAT_OFFENCES), 0)
  })
}

givesBack("Debian's kernel", debian)
givesBack('the lean kernel', lean)

test.after(() => rmSync(folder, { recursive: true }))
test.run()
