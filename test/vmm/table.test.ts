// The life of a guest as its host sees it: specs that are refused, states and what is allowed in them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { callsImage, image } from './image.ts'
import { Machine, type Spec } from './machine.ts'

const MIB = 1 << 20
/** 0.4 s: longer than a first turn takes, in which the engine may still compile. */
const SPIN_TICKS = 4_000_000

const WRONG: Record<string, Spec> = {
  'no RAM': { ramBytes: 0 },
  'less than 1 MiB of RAM': { ramBytes: MIB - 4096 },
  'RAM that is not whole pages': { ramBytes: 64 * MIB + 1 },
  'no hart': { harts: 0 },
  'more harts than there can be': { harts: abi.MAX_HARTS + 1 },
  'an unknown way to start': { boot: 2 },
  'too many disks': { diskCount: abi.MAX_DISKS + 1 },
  'too many network devices': { netCount: abi.MAX_NETS + 1 },
  'a disk that does not exist': { disks: [{ disk: 99 }] },
  'an unknown flag': { flags: 2 },
  'a command line that is too long': { commandLine: 'x'.repeat(abi.SPEC_CMDLINE_MAX + 1) },
  'a command line with a NUL': { commandLine: 'a\0b' },
}

for (const [what, spec] of Object.entries(WRONG)) {
  test(`a guest with ${what} is refused`, () => {
    const machine = new Machine()
    assert.is(machine.create(spec), abi.E_BAD_ARG)
    assert.is(machine.create({}), 0)
  })
}

test('more RAM than the machine has is refused', () => {
  const machine = new Machine()
  assert.is(machine.create({ ramBytes: 100 * 1024 * MIB }), abi.E_NO_MEMORY)
  assert.is(machine.create({ ramBytes: 512 * MIB }), abi.E_NO_MEMORY)
})

test('the table has room for MAX_GUESTS, and a removed one makes room', () => {
  const machine = new Machine()
  for (let i = 0; i < abi.MAX_GUESTS; i++) assert.is(machine.create({}), i)
  assert.is(machine.create({}), abi.E_NO_SPACE)
  assert.is(machine.door.guestRemove(5), abi.OK)
  assert.is(machine.create({}), 5)
})

test('every device a spec may ask for fits on the board', () => {
  const machine = new Machine()
  machine.network(0)
  const id = machine.create({
    boot: abi.BOOT_FIRMWARE,
    harts: abi.MAX_HARTS,
    disks: Array.from({ length: abi.MAX_DISKS }, () => ({ disk: 0 })),
    nets: Array.from({ length: abi.MAX_NETS }, (_, i) => ({ network: 0, mac: [2, 0, 0, 0, 0, i] })),
    flags: abi.SPEC_FLAG_VIRTIO_CONSOLE,
    commandLine: 'x'.repeat(abi.SPEC_CMDLINE_MAX),
  })
  assert.is(id, 0)
  assert.is(machine.door.guestStart(id), abi.OK)
})

test('an id that is no guest is refused everywhere', () => {
  const { door } = new Machine()
  for (const id of [0, 63, 64, 0xffff_ffff, -1]) {
    const codes = [
      door.guestLoad(id, abi.LOAD_KERNEL, 0, 100, 100),
      door.guestStart(id),
      door.guestPause(id),
      door.guestResume(id),
      door.guestStop(id),
      door.guestRemove(id),
      door.guestStats(id),
      door.guestReadRam(id, 0x8000_0000, 4),
      door.guestReadHart(id, 0),
    ]
    assert.ok(
      codes.every((code) => code === abi.E_BAD_ID),
      `${id}: ${codes}`,
    )
    assert.is(door.guestState(id), abi.GUEST_NONE)
    assert.is(door.guestStopReason(id), abi.STOP_NONE)
    door.blockDone(id << 24, abi.OK)
  }
})

test('the machine boots once', () => {
  const machine = new Machine()
  assert.is(machine.door.boot(1, 512 * MIB, abi.CODE_BYTES), abi.E_BAD_STATE)
})

test('a machine without room for frames, or without a CPU, does not boot', () => {
  for (const [cpus, bytes] of [
    [0, 512 * MIB],
    [abi.MAX_CPUS + 1, 512 * MIB],
    [1, 64 * MIB],
    [1, 2 ** 33],
    [1, Number.NaN],
  ]) {
    assert.throws(() => new Machine({ cpus: cpus as number, memoryBytes: bytes as number }))
  }
  for (const codeBytes of [0, (8 << 20) - 4096, (8 << 20) + 1, 2 ** 31]) {
    assert.throws(() => new Machine({ codeBytes }), /boot answers -2/)
  }
  assert.ok(new Machine({ codeBytes: 256 << 20 }))
})

test('states follow each other as drawn', () => {
  const machine = new Machine()
  const { door } = machine
  const id = machine.create({})
  assert.is(door.guestState(id), abi.GUEST_DEFINED)
  assert.equal(
    [door.guestPause(id), door.guestResume(id), door.guestStop(id)],
    [abi.E_BAD_STATE, abi.E_BAD_STATE, abi.E_BAD_STATE],
  )
  machine.load(id, abi.LOAD_KERNEL, image(4096))
  assert.is(door.guestStart(id), abi.OK)
  assert.is(door.guestState(id), abi.GUEST_RUNNING)
  assert.equal(
    [door.guestStart(id), door.guestResume(id), door.guestRemove(id)],
    [abi.E_BAD_STATE, abi.E_BAD_STATE, abi.E_BAD_STATE],
  )
  assert.is(machine.load(id, abi.LOAD_KERNEL, image(4096)), abi.E_BAD_STATE)
  assert.is(door.guestPause(id), abi.OK)
  assert.is(door.guestState(id), abi.GUEST_PAUSED)
  assert.is(door.run(0), abi.RUN_FINISHED)
  assert.is(door.guestResume(id), abi.OK)
  assert.is(door.guestStop(id), abi.OK)
  assert.is(door.guestState(id), abi.GUEST_STOPPED)
  assert.is(door.guestStopReason(id), abi.STOP_KILLED)
  assert.is(door.guestStop(id), abi.E_BAD_STATE)
  assert.is(door.guestRemove(id), abi.OK)
  assert.is(door.guestState(id), abi.GUEST_NONE)
})

test('a removed guest has given all its frames back', () => {
  const machine = new Machine({ memoryBytes: abi.MACHINE_BYTES + 64 * MIB })
  for (let i = 0; i < 20; i++) {
    const id = machine.create({})
    assert.is(machine.load(id, abi.LOAD_INITRD, new Uint8Array(40 * MIB)), abi.OK)
    assert.is(machine.door.guestRemove(id), abi.OK)
  }
})

test('a new guest finds nothing of the one before it', () => {
  const machine = new Machine()
  const first = machine.create({ commandLine: 'secret' })
  machine.load(first, abi.LOAD_INITRD, new Uint8Array(MIB).fill(0xaa))
  machine.door.guestRemove(first)
  const second = machine.create({})
  assert.is(second, first)
  assert.ok(machine.ram(second, 0x8000_0000 + 63 * MIB, MIB).every((byte) => byte === 0))
})

test('RAM and harts are read only where they are', () => {
  const machine = new Machine()
  const id = machine.create({ harts: 2 })
  assert.is(machine.door.guestReadRam(id, 0x8000_0000 - 1, 1), abi.E_BAD_ARG)
  assert.is(machine.door.guestReadRam(id, 0x8400_0000, 1), abi.E_BAD_ARG)
  assert.is(machine.door.guestReadRam(id, 0x8000_0000, abi.WINDOW_SIZE + 1), abi.E_BAD_ARG)
  assert.is(machine.door.guestReadHart(id, 1), abi.OK)
  assert.is(machine.door.guestReadHart(id, 2), abi.E_BAD_ARG)
})

test('for a paused guest no time passes', () => {
  const machine = new Machine()
  const id = machine.create({})
  machine.load(id, abi.LOAD_KERNEL, callsImage([{ routine: 'spin', args: [SPIN_TICKS] }]))
  machine.door.guestStart(id)
  machine.door.run(0)
  machine.door.guestPause(id)
  machine.skippedNs += 3600e9
  machine.door.guestResume(id)
  // Had it seen the hour, it would be done with spinning at its first instruction.
  machine.door.run(0)
  assert.is(machine.door.guestState(id), abi.GUEST_RUNNING)
  assert.ok(machine.run())
  assert.is(machine.door.guestStopReason(id), abi.STOP_POWEROFF)
})

test.run()
