// Trained code in a kernel whose host takes none: used where the guest has the very code that it was made from, and nowhere else.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NO_CODE } from '../../host-shim/code.ts'
import { packOf } from '../../host-shim/trained-image.ts'
import { Training } from '../../host-shim/training.ts'
import * as abi from '../../hypervisor/abi.ts'
import { assemble } from '../support/asm.ts'
import { requireTool } from '../support/tools.ts'
import { addressOf } from './image.ts'
import { Machine } from './machine.ts'

const ROUNDS = 2000
const RAM_BASE = 0x8000_0000
const withAssembler = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

interface Options {
  /** Made before; then the host takes no code. */
  training?: Training
  translator?: number
  heat?: number
  keep?(module: Uint8Array): void
  /** Changes the program before it is loaded. */
  change?(image: Buffer): void
}

/** Runs hot.S to its end. */
function runHot({ training, translator = abi.TRANSLATOR_ON, heat = 1, keep, change }: Options) {
  const program = assemble({ sources: [fileURLToPath(new URL('hot.S', import.meta.url))], define: { ROUNDS } })
  const image = readFileSync(program.flat)
  change?.(image)
  const machine = new Machine({ ...(training && { code: () => NO_CODE }), keep })
  if (training !== undefined) assert.is(machine.equip(training), abi.OK)
  const id = machine.create({ boot: abi.BOOT_FIRMWARE, tohost: addressOf(program, 'tohost'), translator, heat })
  assert.is(machine.load(id, abi.LOAD_PHYSICAL, image, { at: RAM_BASE }), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
  assert.ok(machine.run({ timeoutMs: 30_000 }), 'The program did not come to its end')
  assert.is(machine.door.guestStopReason(id), abi.STOP_POWEROFF)
  const sum = machine.ram(id, addressOf(program, 'sum'), 8).readBigUInt64LE()
  const stats = machine.stats(id)
  return {
    sum,
    instructions: stats[abi.STAT_INSTRUCTIONS],
    translated: stats[abi.STAT_TRANSLATED_INSTRUCTIONS] as number,
  }
}

function train(): Training {
  const training = new Training()
  const { translated } = runHot({ translator: abi.TRANSLATOR_TRAIN, keep: (module) => training.add(module) })
  assert.ok(translated > 0)
  assert.ok(training.units().length > 0)
  return training
}

/** `mul a0, a0, t3` of the loop as an addition. */
function spoil(image: Buffer): void {
  const mul = Buffer.from('3305c503', 'hex')
  const at = image.indexOf(mul)
  assert.ok(at > 0)
  image.writeUInt32LE(mul.readUInt32LE() & ~(1 << 25), at)
}

withAssembler('a program comes to the same end after the same number of instructions with trained code', () => {
  const training = train()
  const interpreted = runHot({ translator: abi.TRANSLATOR_OFF })
  const trained = runHot({ training, heat: 0 })
  assert.ok(trained.translated > 0.9 * (trained.instructions as number), `only ${trained.translated} were trained`)
  assert.is(trained.sum, interpreted.sum)
  assert.is(trained.instructions, interpreted.instructions)
})

withAssembler('code that differs in one bit from what was trained is interpreted', () => {
  const interpreted = runHot({ translator: abi.TRANSLATOR_OFF, change: spoil })
  const trained = runHot({ training: train(), change: spoil })
  assert.is(trained.translated, 0)
  assert.is(trained.sum, interpreted.sum)
  assert.is.not(trained.sum, runHot({ translator: abi.TRANSLATOR_OFF }).sum)
})

withAssembler('a guest without a translator, and one that verifies, use no trained code', () => {
  const training = train()
  for (const translator of [abi.TRANSLATOR_OFF, abi.TRANSLATOR_VERIFY]) {
    const { translated, sum } = runHot({ training, translator })
    assert.is(translated, 0)
    assert.is(sum, runHot({ translator: abi.TRANSLATOR_OFF }).sum)
  }
})

withAssembler('a pack that is damaged or of another kernel is refused', () => {
  const training = train()
  const pack = packOf(training.units(), training.stamp, 0)
  const machine = new Machine()
  const ptr = machine.memory.grow(Math.ceil(pack.length / 65536)) * 65536
  const answer = (change: (view: DataView) => void, length = pack.length) => {
    const copy = pack.slice()
    change(new DataView(copy.buffer))
    new Uint8Array(machine.memory.buffer, ptr, pack.length).set(copy)
    return machine.door.codeTrained(ptr, length)
  }
  assert.is(
    answer((view) => view.setUint32(abi.TRAINED_MAGIC, 0)),
    abi.E_CORRUPT,
  )
  assert.is(
    answer((view) => view.setUint32(abi.TRAINED_STAMP, training.stamp + 1, true)),
    abi.E_VERSION,
  )
  assert.is(
    answer((view) => view.setUint32(abi.TRAINED_BITS, 30, true)),
    abi.E_CORRUPT,
  )
  assert.is(
    answer(() => {}, pack.length - 1),
    abi.E_CORRUPT,
  )
  assert.is(
    answer(() => {}),
    abi.OK,
  )
})

withAssembler('trained code that was made for one CPU is refused by a machine with several', () => {
  assert.is(new Machine({ cpus: 2, memoryBytes: 640 << 20 }).equip(train()), abi.E_BAD_STATE)
})

test.run()
