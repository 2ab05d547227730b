// Linux under limits of its disk, by a clock that stands still while nothing happens: how fast this computer is decides nothing.

import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { debian, withScript } from '../boot/guests.ts'
import { inScratch } from '../guests/scratch.ts'
import { Machine } from './machine.ts'

const MIB = 1 << 20
const DISK_BYTES = 64 * MIB

/** Each measures itself by the guest's clock: lines "name seconds-before seconds-after". */
const SCRIPT = `
measure() {
  name=$1; shift
  read before rest < /proc/uptime
  "$@" 2>/dev/null || echo "$name failed"
  read after rest < /proc/uptime
  echo "$name $before $after"
}
measure written dd if=/dev/zero of=/dev/vda bs=1M count=40 oflag=direct
measure read dd if=/dev/vda of=/dev/null bs=256k count=80 iflag=direct
measure small dd if=/dev/vda of=/dev/null bs=4k count=1000 iflag=direct
measure cached sh -c 'dd if=/dev/zero of=/dev/vda bs=64k count=320; sync'
sleep 1
`

test(
  'what Linux writes to a limited disk, and reads from it, takes as long as it should',
  inScratch(async (folder) => {
    const found = await debian()
    if (found === undefined) return
    const guest = withScript(found, folder, SCRIPT)
    const machine = new Machine({ tickNs: 1000, memoryBytes: 512 * MIB })
    machine.disks[0] = DISK_BYTES
    machine.contents.set(0, new Uint8Array(DISK_BYTES).fill(0xff))
    const id = machine.create({
      ramBytes: 192 * MIB,
      disks: [{ disk: 0 }],
      commandLine: 'console=ttyS0 panic=-1 reboot=panic_warm cryptomgr.notests quiet orlop.run=/test',
    })
    assert.is(machine.load(id, abi.LOAD_KERNEL, readFileSync(guest.kernel)), abi.OK)
    assert.is(machine.load(id, abi.LOAD_INITRD, readFileSync(guest.initrd)), abi.OK)
    assert.is(machine.door.guestSet(id, abi.SET_BLOCK_BYTES, 4 * MIB), abi.OK)
    assert.is(machine.door.guestSet(id, abi.SET_BLOCK_OPERATIONS, 200), abi.OK)
    assert.is(machine.door.guestStart(id), abi.OK)
    assert.ok(machine.run({ timeoutMs: 300_000 }), machine.said(id))
    const said = machine.said(id)
    const expected = { written: 10, read: 5, small: 5, cached: 5 }
    for (const [name, seconds] of Object.entries(expected)) {
      const [, before, after] = new RegExp(`^${name} ([0-9.]+) ([0-9.]+)`, 'm').exec(said) ?? []
      const took = Number(after) - Number(before)
      assert.ok(took > 0.9 * seconds && took < 1.1 * seconds, `${name} took ${took} s instead of ${seconds} s\n${said}`)
    }
    assert.ok(
      machine.contents
        .get(0)
        ?.subarray(0, 40 * MIB)
        .every((byte) => byte === 0),
    )
    assert.is(machine.contents.get(0)?.[40 * MIB], 0xff)
    const stats = machine.stats(id)
    assert.is(stats[abi.STAT_BLOCK_WRITTEN_BYTES], 60 * MIB)
    assert.ok((stats[abi.STAT_BLOCK_READ_BYTES] as number) >= 20 * MIB + 4_096_000)
    assert.ok((stats[abi.STAT_THROTTLED_NS] as number) > 20e9)
  }),
)

test.run()
