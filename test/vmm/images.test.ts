// Images on their way into a guest: what is taken, what is refused, and where it lies.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { image, KERNEL_BASE, peImage } from './image.ts'
import { Machine } from './machine.ts'

const MIB = 1 << 20
const RAM_BASE = 0x8000_0000

function guest(spec: Parameters<Machine['create']>[0] = {}): { machine: Machine; id: number } {
  const machine = new Machine()
  return { machine, id: machine.create(spec) }
}

test('a kernel comes in chunks of any size and lies at its text offset', () => {
  const { machine, id } = guest()
  const file = image(300_000)
  file.fill(7, 4096)
  assert.is(machine.load(id, abi.LOAD_KERNEL, file, { chunk: 5000 }), abi.OK)
  assert.equal(machine.ram(id, KERNEL_BASE, file.length), Buffer.from(file))
})

test('a file without the magic of a RISC-V Image is refused', () => {
  const { machine, id } = guest()
  assert.is(machine.load(id, abi.LOAD_KERNEL, image(4096, { magic: 0 })), abi.E_CORRUPT)
})

test('a file shorter than the header is refused', () => {
  const { machine, id } = guest()
  assert.is(machine.load(id, abi.LOAD_KERNEL, image(4096).subarray(0, 60)), abi.E_CORRUPT)
})

test('a kernel cut off before the end of its last PE section is refused', () => {
  const { machine, id } = guest()
  assert.is(machine.load(id, abi.LOAD_KERNEL, peImage(100_000, 100_001)), abi.E_CORRUPT)
  assert.is(machine.load(id, abi.LOAD_KERNEL, peImage(100_000, 100_000)), abi.OK)
})

test('a kernel of less than a quarter of its own image_size is refused', () => {
  const { machine, id } = guest()
  assert.is(machine.load(id, abi.LOAD_KERNEL, image(MIB, { imageSize: BigInt(5 * MIB) })), abi.E_CORRUPT)
})

test('a kernel that would not stand on a 2 MiB boundary is refused', () => {
  const { machine, id } = guest()
  assert.is(machine.load(id, abi.LOAD_KERNEL, image(4096, { textOffset: 0x1000n })), abi.E_CORRUPT)
})

test('a kernel whose bss runs into the tree does not fit', () => {
  const { machine, id } = guest({ ramBytes: 4 * MIB })
  assert.is(machine.load(id, abi.LOAD_KERNEL, image(MIB, { imageSize: BigInt(2 * MIB) })), abi.E_NO_SPACE)
  assert.is(machine.load(id, abi.LOAD_KERNEL, image(MIB, { imageSize: BigInt(2 * MIB - 65536) })), abi.OK)
})

test('wild numbers in the header do not wrap around', () => {
  const { machine, id } = guest()
  for (const textOffset of [0xffff_ffff_ffe0_0000n, 0x8000_0000_0000_0000n]) {
    assert.is(machine.load(id, abi.LOAD_KERNEL, image(4096, { textOffset })), abi.E_NO_SPACE)
  }
})

test('a RAM disk ends with RAM, on a page', () => {
  const { machine, id } = guest()
  const file = new Uint8Array(10_001).fill(9)
  assert.is(machine.load(id, abi.LOAD_INITRD, file), abi.OK)
  assert.equal(machine.ram(id, RAM_BASE + 64 * MIB - 12288, file.length), Buffer.from(file))
})

test('a RAM disk larger than RAM does not fit, and nothing has changed', () => {
  const { machine, id } = guest()
  const first = new Uint8Array(4096)
  assert.is(machine.load(id, abi.LOAD_INITRD, first, { total: 64 * MIB + 1 }), abi.E_NO_SPACE)
  assert.is(machine.load(id, abi.LOAD_INITRD, first, { total: 2 ** 52 }), abi.E_NO_SPACE)
  assert.is(machine.load(id, abi.LOAD_KERNEL, image(4096)), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
})

test('kernel and RAM disk may come in either order, but not on top of each other', () => {
  const kernel = image(40 * MIB)
  const initrd = new Uint8Array(22 * MIB)
  const one = guest()
  assert.is(one.machine.load(one.id, abi.LOAD_KERNEL, kernel), abi.OK)
  assert.is(one.machine.load(one.id, abi.LOAD_INITRD, initrd), abi.E_NO_SPACE)
  const other = guest()
  assert.is(other.machine.load(other.id, abi.LOAD_INITRD, initrd), abi.OK)
  assert.is(other.machine.load(other.id, abi.LOAD_KERNEL, kernel), abi.E_NO_SPACE)
})

test('chunks out of order, or of another total, are refused', () => {
  const { machine, id } = guest()
  const file = image(20_000)
  assert.is(machine.load(id, abi.LOAD_KERNEL, file.subarray(0, 8192), { total: 20_000 }), abi.OK)
  assert.is(machine.door.guestLoad(id, abi.LOAD_KERNEL, 4096, 20_000, 100), abi.E_BAD_ARG)
  assert.is(machine.door.guestLoad(id, abi.LOAD_KERNEL, 8192, 20_001, 100), abi.E_BAD_ARG)
  assert.is(machine.door.guestLoad(id, abi.LOAD_KERNEL, 8192, 20_000, 11_809), abi.E_BAD_ARG)
  assert.is(machine.door.guestLoad(id, abi.LOAD_KERNEL, 8192, 20_000, 11_808), abi.OK)
})

test('sizes that are no whole numbers are refused', () => {
  const { machine, id } = guest()
  for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.is(machine.door.guestLoad(id, abi.LOAD_INITRD, wrong, 100, 1), abi.E_BAD_ARG)
    assert.is(machine.door.guestLoad(id, abi.LOAD_INITRD, 0, wrong, 1), abi.E_BAD_ARG)
  }
  assert.is(machine.door.guestLoad(id, abi.LOAD_INITRD, 0, 2 * MIB, 2 * MIB), abi.E_BAD_ARG)
  assert.is(machine.door.guestLoad(id, 3, 0, 100, 100), abi.E_BAD_ARG)
})

test('raw bytes go to any address in RAM and nowhere else', () => {
  const { machine, id } = guest({ boot: abi.BOOT_FIRMWARE })
  const file = new Uint8Array(5000).fill(3)
  assert.is(machine.load(id, abi.LOAD_PHYSICAL, file, { at: RAM_BASE + 123 }), abi.OK)
  assert.equal(machine.ram(id, RAM_BASE + 123, 5000), Buffer.from(file))
  for (const at of [0, RAM_BASE - 1, RAM_BASE + 64 * MIB - 4999, 2 ** 52]) {
    assert.is(machine.load(id, abi.LOAD_PHYSICAL, file, { at }), abi.E_NO_SPACE)
  }
})

test('a guest does not start without its kernel, or with half of it', () => {
  const { machine, id } = guest()
  assert.is(machine.door.guestStart(id), abi.E_BAD_STATE)
  assert.is(machine.load(id, abi.LOAD_KERNEL, image(4096), { total: 5000 }), abi.OK)
  assert.is(machine.door.guestStart(id), abi.E_BAD_STATE)
  assert.is(machine.load(id, abi.LOAD_KERNEL, image(4096)), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
})

test('a machine that is full says so', () => {
  const machine = new Machine({ memoryBytes: abi.MACHINE_BYTES + 12 * MIB })
  const id = machine.create({ ramBytes: 32 * MIB })
  assert.ok(id >= 0, `${id}`)
  const others = [machine.create({ ramBytes: 32 * MIB }), machine.create({ ramBytes: 32 * MIB })]
  const codes = [id, ...others].map((guestId) => machine.load(guestId, abi.LOAD_INITRD, new Uint8Array(30 * MIB)))
  assert.ok(codes.includes(abi.E_NO_MEMORY), String(codes))
  assert.ok(
    codes.every((code) => code === abi.OK || code === abi.E_NO_MEMORY),
    String(codes),
  )
})

test.run()
