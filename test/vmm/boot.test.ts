// How guests start: firmware in M mode, and a kernel behind OpenSBI.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { assemble } from '../support/asm.ts'
import { opensbi, requireOracle } from '../support/tools.ts'
import { addressOf, callsImage } from './image.ts'
import { Machine, type Spec } from './machine.ts'

const RAM_BASE = 0x8000_0000
const FW_DYNAMIC_MAGIC = 0x4942_534fn

/** A guest that has run the firmware of firmware.S to its end. */
function runFirmware(result: number, spec: Spec = {}) {
  const source = fileURLToPath(new URL('firmware.S', import.meta.url))
  const program = assemble({ sources: [source], define: { RESULT: result } })
  const machine = new Machine()
  const id = machine.create({ boot: abi.BOOT_FIRMWARE, tohost: addressOf(program, 'tohost'), ...spec })
  assert.is(machine.load(id, abi.LOAD_PHYSICAL, readFileSync(program.flat), { at: RAM_BASE }), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
  assert.ok(machine.run(), 'The firmware did not come to its end')
  return { machine, id, entry: machine.ram(id, addressOf(program, 'entry'), 24) }
}

test('firmware starts at the start of RAM, speaks over HTIF, is woken by its timer, and passes', () => {
  const { machine, id } = runFirmware(0)
  assert.is(machine.said(id), 'M')
  assert.is(machine.door.guestStopReason(id), abi.STOP_POWEROFF)
  assert.is(machine.door.guestStopCode(id), 0)
})

test('a test that fails over HTIF tells its number', () => {
  const { machine, id } = runFirmware(7)
  assert.is(machine.door.guestStopReason(id), abi.STOP_TEST_FAILED)
  assert.is(machine.door.guestStopCode(id), 7)
})

test('firmware finds its hart, the device tree and what fw_dynamic reads in a0, a1 and a2', () => {
  const { machine, id, entry } = runFirmware(0)
  assert.is(entry.readBigUInt64LE(0), 0n)
  const tree = machine.ram(id, Number(entry.readBigUInt64LE(8)), 4)
  assert.is(tree.readUInt32BE(0), 0xd00d_feed)
  const info = machine.ram(id, Number(entry.readBigUInt64LE(16)), 48)
  const words = Array.from({ length: 6 }, (_, i) => info.readBigUInt64LE(8 * i))
  assert.equal(words, [FW_DYNAMIC_MAGIC, 2n, 0n, 1n, 0n, 0n])
})

test('all harts of a guest in firmware mode start', () => {
  const { machine, id } = runFirmware(0, { harts: 3 })
  for (let hart = 0; hart < 3; hart++) {
    machine.door.guestReadHart(id, hart)
    const view = new DataView(machine.memory.buffer, machine.door.window(), 1024)
    assert.ok(view.getBigUint64(536, true) > 0n, `hart ${hart}`)
  }
})

for (const name of ['fw_dynamic.bin', 'fw_jump.bin']) {
  test(`OpenSBI's ${name} starts the kernel behind it`, () => {
    const folder = requireOracle(opensbi)
    if (folder === undefined) return
    const machine = new Machine()
    const id = machine.create({ boot: abi.BOOT_FIRMWARE, harts: 2 })
    const calls = [...'kernel'].map((letter) => ({ extension: 1, args: [letter.charCodeAt(0)] }))
    const firmware = readFileSync(join(folder, name))
    assert.is(machine.load(id, abi.LOAD_PHYSICAL, firmware, { at: RAM_BASE }), abi.OK)
    assert.is(machine.load(id, abi.LOAD_KERNEL, callsImage(calls)), abi.OK)
    assert.is(machine.door.guestStart(id), abi.OK)
    assert.ok(machine.run({ timeoutMs: 60_000 }), machine.said(id))
    assert.match(machine.said(id), /OpenSBI v[\s\S]*Platform HART Count +: 2[\s\S]*kernel$/)
    assert.is(machine.door.guestStopReason(id), abi.STOP_POWEROFF)
  })
}

test.run()
