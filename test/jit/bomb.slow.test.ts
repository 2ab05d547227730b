// A guest that makes code without end: it pays for its translations, they stay within their bounds, and nobody else suffers.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { assemble } from '../support/asm.ts'
import { requireTool } from '../support/tools.ts'
import { Machine, type Spec } from '../vmm/machine.ts'

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const RAM_BASE = 0x8000_0000
const withAssembler = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

/** What translated code may occupy (cpu/regions.ts), with some room for the module that is one too many. */
const MOST_REGIONS = 8192
const MOST_BYTES = 32 << 20
/** How long is measured, and how long the bomb may take until the first translation is thrown out. */
const MEASURED_MS = 4000
const FILLING_MS = 60_000

function start(machine: Machine, define: Record<string, string | number>, spec: Spec): number {
  const sources = [path('../../guests/programs/start.S'), path('bomb.c')]
  const program = assemble({ sources, includes: [path('../../guests/programs/machine.h')], define })
  const id = machine.create({ boot: abi.BOOT_FIRMWARE, ramBytes: 64 << 20, ...spec })
  assert.is(machine.load(id, abi.LOAD_PHYSICAL, readFileSync(program.flat), { at: RAM_BASE }), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
  return id
}

/** Runs for some time, or until something holds. */
function runFor(machine: Machine, ms: number, until: () => boolean = () => false): void {
  const end = performance.now() + ms
  machine.run({ until: () => performance.now() > end || until(), timeoutMs: ms + 10_000 })
}

const ns = (stats: number[]) =>
  [abi.STAT_GUEST_NS, abi.STAT_DEVICE_NS, abi.STAT_KERNEL_NS].reduce((sum, which) => sum + (stats[which] as number), 0)

withAssembler('a guest that makes code without end is billed and bounded, and leaves others their share', () => {
  const machine = new Machine()
  const bomb = start(machine, {}, { heat: 1 })
  runFor(machine, FILLING_MS, () => (machine.stats(bomb)[abi.STAT_EVICTIONS] as number) > 0)
  const evictions = machine.stats(bomb)[abi.STAT_EVICTIONS] as number
  assert.ok(evictions > 0, `After ${FILLING_MS / 1000} s there was still room for all translations`)

  const steady = start(machine, { STEADY: 1 }, {})
  runFor(machine, MEASURED_MS)
  const before = [steady, bomb].map((id) => machine.stats(id)) as [number[], number[]]
  const started = machine.now()
  runFor(machine, MEASURED_MS)
  const passed = machine.now() - started
  const after = [steady, bomb].map((id) => machine.stats(id)) as [number[], number[]]
  for (const id of [steady, bomb]) assert.is(machine.door.guestState(id), abi.GUEST_RUNNING)
  const gained = (guest: 0 | 1, which: number) => (after[guest][which] as number) - (before[guest][which] as number)

  // It goes on translating, and pays for it.
  const translating = gained(1, abi.STAT_TRANSLATE_NS)
  assert.ok(translating > 0, 'nothing more was translated')
  assert.ok(gained(1, abi.STAT_KERNEL_NS) >= translating, 'the bill does not hold what translating took')
  assert.ok(gained(0, abi.STAT_TRANSLATE_NS) < passed / 100, 'the other guest pays for it')

  // It does not grow for ever.
  const regions = after[1][abi.STAT_REGIONS] as number
  const bytes = after[1][abi.STAT_CODE_BYTES] as number
  assert.ok(regions <= MOST_REGIONS, `${regions} functions at once`)
  assert.ok(bytes <= MOST_BYTES, `${bytes} bytes of code at once`)

  // The other guest has nearly half of the time, and its own code is still translated.
  const shares = ([0, 1] as const).map((guest) => (ns(after[guest]) - ns(before[guest])) / passed)
  assert.ok((shares[0] as number) > 0.4, `of the time the bomb has ${shares[1]}, the other guest only ${shares[0]}`)
  const translated = gained(0, abi.STAT_TRANSLATED_INSTRUCTIONS) / gained(0, abi.STAT_INSTRUCTIONS)
  assert.ok(translated > 0.9, `only ${translated} of what the other guest does is translated`)
})

test.run()
