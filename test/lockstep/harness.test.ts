// Lockstep itself: it must notice a single wrong bit, name the instruction, and repeat a run from its seed.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compare } from './compare.ts'
import { SETS, describe, encode } from './encode.ts'
import type { Engine } from './engine.ts'
import { integer } from './families/integer.ts'
import { multiply } from './families/arithmetic.ts'
import { type Layout, buildImage, codeLength, readState } from './image.ts'
import { orlopEngine } from './orlop.ts'
import { oracle } from './prove.ts'
import { Random } from './random.ts'

const qemu = oracle()
const withQemu = qemu === undefined ? test.skip : test

/** A machine that is like another one, but has a wrong bit in a register whenever a group contains `mulhu`. */
function broken(engine: Engine): Engine {
  return {
    name: 'Broken',
    async run(image, options) {
      const log = (await engine.run(image, options)).slice()
      const view = new DataView(image.buffer, image.byteOffset, image.byteLength)
      const offset = (address: bigint) => Number(address) - 0x8000_0000
      const word = (at: number) => view.getBigUint64(at, true)
      // Descriptors lie where the log's owner says; they are found by their own entry and end.
      for (let at = 0x40_0000; at + 64 <= image.length; at += 64) {
        const [entry, end, record] = [
          offset(word(at)),
          offset(word(at + 8)),
          Number(word(at + 24)) - options.logAddress,
        ]
        if (entry < 0x40_0000 || end <= entry || end > image.length || record < 0 || record >= log.length) continue
        for (let code = entry; code < end; code += 4) {
          const instruction = view.getUint32(code, true)
          const rd = (instruction >>> 7) & 31
          if ((instruction & 0xfe00707f) >>> 0 === describe('mulhu').bits && rd !== 0)
            log[record + 8 * rd] = (log[record + 8 * rd] as number) ^ 1
        }
      }
      return log
    },
  }
}

withQemu('a wrong bit in one register is found and cut down to one instruction', async () => {
  const outcome = await compare({
    family: multiply,
    ours: broken(qemu as Engine),
    oracle: qemu as Engine,
    instructions: 2000,
    seed: 1,
  })
  assert.ok(outcome.failed > 0)
  const report = outcome.reports[0] as string
  assert.match(report, /ORLOP_SEED=1\n/)
  assert.match(report, /^units: mulhu$/m)
  assert.match(report, /mulhu x\d+,x\d+,x\d+/)
  assert.match(report, /^x\d+ +0x[0-9a-f]{16} {2}0x[0-9a-f]{16}$/m)
})

withQemu('two runs of QEMU agree, and the same seed makes the same groups', async () => {
  const run = () =>
    compare({ family: integer, ours: qemu as Engine, oracle: qemu as Engine, instructions: 2000, seed: 7 })
  const [first, second] = [await run(), await run()]
  assert.equal(first.reports, [])
  assert.equal(first, second)
})

withQemu('a record tells where each group began and ended in Orlop as well', async () => {
  const layout: Layout = integer.layout
  const random = new Random(3, 'harness')
  const groups = Array.from({ length: 50 }, () => integer.group(random))
  const image = buildImage(groups, layout)
  const log = await orlopEngine().run(image.bytes, image)
  groups.forEach((group, index) => {
    const state = readState(log, image, index, group, layout)
    const end = (image.entries[index] as number) + codeLength(group) - 4
    assert.is(state.traps.at(-1)?.mepc, BigInt(end))
  })
})

test('every instruction has an encoding of its own', () => {
  const seen = new Map<number, string>()
  for (const name of Object.values(SETS).flat()) {
    const word = encode(name)
    assert.is(seen.get(word), undefined, `${name} is encoded like ${seen.get(word)}`)
    seen.set(word, name)
  }
})

test.run()
