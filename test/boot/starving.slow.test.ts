// A machine with less memory than its guests have: Linux guests that fill theirs, one of which gives nothing back. Who stays
// within its guarantee notices nothing, the others wait, and all have what they read from their disks in the end.

import { createHash, randomFillSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { Machine } from '../vmm/machine.ts'
import { APPEND, debian, type FindGuest, lean, type Guest, withScript } from './guests.ts'

const MIB = 1 << 20
const PAGES_PER_MIB = 256
/** Each test waits for conditions; this only ends one that would wait for ever. */
const TIMEOUT_MS = 600_000

/** Loads what the guest needs, says so, and with `deaf` takes the driver away from the balloon. Then waits for a line. */
const BEGIN = (deaf: boolean) => `
modprobe virtio_blk 2>/dev/null
modprobe virtio_balloon 2>/dev/null
while [ ! -b /dev/vda ]; do sleep 1; done
${deaf ? 'cd /sys/bus/virtio/drivers/virtio_balloon && for d in virtio*; do echo $d > unbind; done; cd /' : ''}
mkdir -p /full
mount -t tmpfs -o size=100% none /full
echo IS''READY
read line
`

/** Copies the disk into RAM, looks at it twice, and waits for a line before it goes. */
const FILL = `
dd if=/dev/vda of=/full/file bs=1M 2>/dev/null
echo "FIRST $(md5sum < /full/file)"
read line
echo "AGAIN $(md5sum < /full/file)"
poweroff -f
`

interface Tenant {
  id: number
  sum: string
}

const folder = mkdtempSync(join(tmpdir(), 'orlop-starving-'))

/** A machine whose frames are so many bytes: what lies below them is found out first. */
function machineWith(bytes: number): Machine {
  const frames = new Machine({ memoryBytes: abi.MACHINE_BYTES }).machineStats()[abi.MACHINE_STAT_FRAMES] as number
  return new Machine({ memoryBytes: abi.MACHINE_BYTES - frames * 4096 + bytes })
}

/** Starts a guest with a disk of its own, and waits until it is ready. */
function begin(machine: Machine, found: Guest, ramMib: number, diskMib: number, deaf: boolean): Tenant {
  const guest = withScript(found, folder, BEGIN(deaf) + FILL)
  const content = randomFillSync(new Uint8Array(diskMib * MIB))
  const disk = machine.disks.push(content.length) - 1
  machine.contents.set(disk, content)
  // Pages that the kernel does not clear first are touched first by the disk.
  const commandLine = `${APPEND} init_on_alloc=0 orlop.run=/test`
  const id = machine.create({ ramBytes: ramMib * MIB, commandLine, disks: [{ disk }] })
  assert.ok(id >= 0, `guestCreate answers ${id}`)
  assert.is(machine.load(id, abi.LOAD_KERNEL, readFileSync(guest.kernel)), abi.OK)
  assert.is(machine.load(id, abi.LOAD_INITRD, readFileSync(guest.initrd)), abi.OK)
  // What the guest has read from its disk, and the copy it makes, would share their frames.
  assert.is(machine.door.guestSet(id, abi.SET_SHARING, 0), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
  hear(machine, id, /IS?READY\r?\n/)
  return { id, sum: createHash('md5').update(content).digest('hex') }
}

function isRunning(machine: Machine, id: number): boolean {
  return machine.door.guestState(id) === abi.GUEST_RUNNING
}

/** Runs the machine until it holds. */
function wait(machine: Machine, what: string, until: () => boolean): void {
  assert.ok(machine.run({ until, timeoutMs: TIMEOUT_MS }) && until(), `${what} did not come to pass`)
}

/** Waits until the guest has said it, whole. */
function hear(machine: Machine, id: number, words: RegExp): string {
  wait(machine, `${words} of guest ${id}, which said ${machine.said(id).slice(-2000)},`, () =>
    words.test(machine.said(id)),
  )
  return (words.exec(machine.said(id)) as RegExpExecArray)[0]
}

function type(machine: Machine, id: number): void {
  const key = `${id}:0`
  machine.input.set(key, [...(machine.input.get(key) ?? []), 10])
  machine.door.consoleReady(id)
}

function stat(machine: Machine, id: number, number: number): number {
  return machine.stats(id)[number] as number
}

/** What the guest found on its disk, once it has said so. */
function hearSum(machine: Machine, { id, sum }: Tenant, word: string): void {
  assert.match(hear(machine, id, new RegExp(`${word} [0-9a-f]+ .*\\r?\\n`)), sum)
}

/** Three guests of a system that needs at most `systemMib` for itself. */
function sharesRam(name: string, find: FindGuest, systemMib: number): void {
  test(`${name}: guests that want more than there is wait for it, and harm nobody that keeps within its guarantee`, async () => {
    const found = await find()
    if (found === undefined) return
    const [steadyMib, deafMib, softMib] = [systemMib + 48, systemMib + 112, systemMib + 80]
    // Beside the steady guest the others can't even have their systems and files; without it there is room for all of both.
    const machine = machineWith((deafMib + softMib + 4) * MIB)
    const steady = begin(machine, found, steadyMib, 24, false)
    assert.is(machine.door.guestSet(steady.id, abi.SET_GUARANTEE, steadyMib * MIB), abi.OK)
    const deaf = begin(machine, found, deafMib, 96, true)
    const soft = begin(machine, found, softMib, 56, false)
    const others = [deaf, soft]
    const starved = new Set<number>()
    let asked = 0
    const look = () => {
      for (const { id } of [steady, ...others]) {
        if (isRunning(machine, id) && stat(machine, id, abi.STAT_STARVED) === 1) starved.add(id)
      }
      asked = Math.max(asked, stat(machine, soft.id, abi.STAT_BALLOON_PAGES))
      return starved.size > 0
    }

    // Who waits for a frame can't answer its balloon, so one of them has what it needs before it is asked for what it can spare.
    type(machine, soft.id)
    hearSum(machine, soft, 'FIRST')
    type(machine, deaf.id)
    wait(machine, 'hunger', look)
    wait(machine, 'a gift', () => look() && asked > PAGES_PER_MIB)
    // While others starve, who keeps within its guarantee works as ever.
    type(machine, steady.id)
    const firstSaid = () => look() && /FIRST .*\r?\n/.test(machine.said(steady.id))
    wait(machine, 'the first sum of the steady guest', firstSaid)
    hearSum(machine, steady, 'FIRST')
    type(machine, steady.id)
    wait(machine, 'the end of the steady guest', () => look() && !isRunning(machine, steady.id))
    hearSum(machine, steady, 'AGAIN')
    assert.is(machine.door.guestStopReason(steady.id), abi.STOP_POWEROFF)
    assert.not(starved.has(steady.id), 'it keeps within its guarantee')
    assert.is(stat(machine, steady.id, abi.STAT_OFFENCES), 0)
    assert.is(machine.door.guestRemove(steady.id), abi.OK)

    // Its frames are the others' now.
    hearSum(machine, deaf, 'FIRST')
    for (const other of others) {
      type(machine, other.id)
      wait(machine, 'the end of a guest that starved', () => !isRunning(machine, other.id))
      hearSum(machine, other, 'AGAIN')
      assert.is(machine.door.guestStopReason(other.id), abi.STOP_POWEROFF)
      assert.is(stat(machine, other.id, abi.STAT_OFFENCES), 0)
      assert.not.match(machine.said(other.id), /I\/O error/, 'the disk waited, and did not fail')
    }
    assert.is(stat(machine, deaf.id, abi.STAT_BALLOON_PAGES), 0, 'nobody listens there')
    for (const { id } of others) assert.is(machine.door.guestRemove(id), abi.OK)
    assert.is(machine.machineStats()[abi.MACHINE_STAT_USED_FRAMES], 0)
  })
}

sharesRam('the lean kernel', lean, 40)
sharesRam("Debian's kernel", debian, 112)

test.after(() => rmSync(folder, { recursive: true }))
test.run()
