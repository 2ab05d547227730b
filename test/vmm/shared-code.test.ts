// Guests that share the frames of their code: decoded and translated code is theirs together, until one rewrites it.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { assemble } from '../support/asm.ts'
import { addressOf } from './image.ts'
import { Machine } from './machine.ts'

const GUESTS = 3
/** How often all guests' code is to be found shared, and their own again. */
const MERGES = 4
/** 60 ms: each guest is looked at some times while its code is like the others'. */
const TICKS = 600_000

for (const [name, translator] of [
  ['on', abi.TRANSLATOR_ON],
  ['verify', abi.TRANSLATOR_VERIFY],
  ['off', abi.TRANSLATOR_OFF],
] as const) {
  test(`guests with the same code share its frames, and one that rewrites its own changes no other's (translator ${name})`, () => {
    const source = fileURLToPath(new URL('shared-code.S', import.meta.url))
    const program = assemble({ sources: [source], define: { TICKS } })
    const image = readFileSync(program.flat)
    const machine = new Machine()
    const ids = Array.from({ length: GUESTS }, (_, i) => {
      const tohost = addressOf(program, 'tohost')
      const id = machine.create({ boot: abi.BOOT_FIRMWARE, tohost, translator, heat: 1000, ramBytes: 1 << 20 })
      const own = Buffer.from(image)
      own.writeUInt32LE(i + 2, addressOf(program, 'addend') - abi.GUEST_RAM_BASE)
      assert.is(machine.load(id, abi.LOAD_PHYSICAL, own, { at: abi.GUEST_RAM_BASE }), abi.OK)
      assert.is(machine.door.guestStart(id), abi.OK)
      return id
    })
    let merges = 0
    let wasShared = false
    const until = () => {
      // The pages of `_start` and of `tohost` are alike for good; the function's comes and goes.
      const isShared = (machine.machineStats()[abi.MACHINE_STAT_SAVED_FRAMES] as number) > 2 * (GUESTS - 1)
      if (isShared && !wasShared) merges++
      wasShared = isShared
      return merges >= MERGES || ids.some((id) => machine.door.guestState(id) !== abi.GUEST_RUNNING)
    }
    assert.ok(machine.run({ until, timeoutMs: 90_000 }), `They shared their code ${merges} times only`)
    for (const id of ids) machine.input.set(`${id}:0`, [10])
    assert.ok(machine.run({ timeoutMs: 60_000 }), 'The guests did not come to their end')
    for (const id of ids) {
      assert.is(machine.door.guestStopReason(id), abi.STOP_POWEROFF, `guest ${id}: ${machine.door.guestStopCode(id)}`)
      const translated = machine.stats(id)[abi.STAT_TRANSLATED_INSTRUCTIONS] as number
      assert.is(translated > 0, name !== 'off')
    }
  })
}

test('guests that share one page of code and not the next keep a translation each, and are not translated again and again', () => {
  const source = fileURLToPath(new URL('shared-neighbour.S', import.meta.url))
  const program = assemble({ sources: [source] })
  const image = readFileSync(program.flat)
  const machine = new Machine()
  const ids = Array.from({ length: GUESTS }, (_, i) => {
    const tohost = addressOf(program, 'tohost')
    const id = machine.create({ boot: abi.BOOT_FIRMWARE, tohost, heat: 1000, ramBytes: 1 << 20 })
    const own = Buffer.from(image)
    const change = addressOf(program, 'change') - abi.GUEST_RAM_BASE
    own.writeUInt32LE(own.readUInt32LE(change) | ((i + 2) << 20), change)
    own.writeUInt32LE(i + 2, addressOf(program, 'addend') - abi.GUEST_RAM_BASE)
    assert.is(machine.load(id, abi.LOAD_PHYSICAL, own, { at: abi.GUEST_RAM_BASE }), abi.OK)
    assert.is(machine.door.guestStart(id), abi.OK)
    return id
  })
  const stat = (number: number) => ids.map((id) => machine.stats(id)[number] as number)
  const runs = () =>
    assert.equal(
      ids.map((id) => machine.door.guestState(id)),
      ids.map(() => abi.GUEST_RUNNING),
    )
  // The pages of `_start` and of `outer`, and what is empty.
  const isShared = () => (machine.machineStats()[abi.MACHINE_STAT_SAVED_FRAMES] as number) >= 2 * (GUESTS - 1)
  assert.ok(machine.run({ until: isShared, timeoutMs: 90_000 }), 'Nothing was shared')
  // What was shared is translated for each of them.
  const goOn = (instructions: number) => {
    const least = stat(abi.STAT_INSTRUCTIONS).map((before) => before + instructions)
    const until = () => stat(abi.STAT_INSTRUCTIONS).every((now, i) => now >= (least[i] as number))
    assert.ok(machine.run({ until, timeoutMs: 90_000 }), 'The guests do not go on')
    runs()
  }
  goOn(3_000_000)
  const before = machine.stats(ids[0] as number)[abi.STAT_MODULES] as number
  goOn(30_000_000)
  const made = (machine.stats(ids[0] as number)[abi.STAT_MODULES] as number) - before
  // Some, as more pages are shared. With one translation for all it would be one for each turn of a guest.
  assert.ok(made <= 30, `${made} modules were made`)
})

test.run()
