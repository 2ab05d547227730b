// Harts of one guest that wait for each other on one CPU: whoever waits gives it up.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { assemble } from '../support/asm.ts'
import { addressOf } from './image.ts'
import { Machine } from './machine.ts'

const ROUNDS = 200
/** A slice is some hundred thousand instructions, even of the interpreter; handing over takes a few hundred. */
const INSTRUCTIONS_A_TURN = 20_000

for (const [name, word] of [
  ['wrs.nto', 0x00d0_0073],
  ['pause', 0x0100_000f],
] as const) {
  test(`regression: a hart that waits with ${name} for one without a CPU does not wait for the end of its slice`, () => {
    const source = fileURLToPath(new URL('turns.S', import.meta.url))
    const program = assemble({ sources: [source], define: { ROUNDS, WAIT: word } })
    const machine = new Machine()
    const id = machine.create({ boot: abi.BOOT_FIRMWARE, harts: 2, tohost: addressOf(program, 'tohost') })
    const image = readFileSync(program.flat)
    assert.is(machine.load(id, abi.LOAD_PHYSICAL, image, { at: abi.GUEST_RAM_BASE }), abi.OK)
    assert.is(machine.door.guestStart(id), abi.OK)
    assert.ok(machine.run({ timeoutMs: 60_000 }), 'The harts did not come to their end')
    assert.is(machine.door.guestStopReason(id), abi.STOP_POWEROFF)
    const executed = machine.stats(id)[abi.STAT_INSTRUCTIONS] as number
    assert.ok(executed < 2 * ROUNDS * INSTRUCTIONS_A_TURN, `${executed} instructions`)
  })
}

test.run()
