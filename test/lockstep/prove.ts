// Makes a test of each family: Orlop and QEMU must agree on all it runs.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { qemuEngine } from '../support/qemu.ts'
import { requireOracle, requireTool } from '../support/tools.ts'
import { compare } from './compare.ts'
import type { Engine } from './engine.ts'
import type { Family } from './family.ts'
import { orlopEngine } from './orlop.ts'

/** QEMU, if it and the assembler of the monitor are here; under CI their absence throws. */
export function oracle(): Engine | undefined {
  if (!requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf')) return undefined
  return requireOracle(qemuEngine)
}

/** Registers a test for each family and runs them. */
export function prove(families: Family[]): void {
  const qemu = oracle()
  for (const family of families) {
    const name = `${family.name}: every register, flag, trap and memory word is as in QEMU`
    if (qemu === undefined) {
      test.skip(name)
      continue
    }
    test(name, async () => {
      const outcome = await compare({ family, ours: orlopEngine(), oracle: qemu })
      const kind = family.all === undefined ? 'random' : 'chosen'
      console.log(
        `${family.name}: ${outcome.instructions} ${kind} instructions in ${outcome.groups} groups, ORLOP_SEED=${outcome.seed}`,
      )
      assert.is(outcome.failed, 0, `${outcome.failed} groups differ\n\n${outcome.reports.join('\n\n')}`)
    })
  }
  test.run()
}
