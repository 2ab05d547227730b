// Makes tests of each family: Orlop and QEMU must agree on all it runs, in the interpreter and in translated code.
//
// ORLOP_TRANSLATOR says to try one way only: off, on, train, which has nothing that some engines lack, or verify, which translates
// as well and looks at each run of translated code on its own.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { qemuEngine } from '../support/qemu.ts'
import { requireOracle, requireTool } from '../support/tools.ts'
import { compare } from './compare.ts'
import type { Engine } from './engine.ts'
import type { Family } from './family.ts'
import type { Repetition } from './image.ts'
import { orlopEngine, type Translation } from './orlop.ts'

/** QEMU, if it and the assembler of the monitor are here; under CI their absence throws. */
export function oracle(): Engine | undefined {
  if (!requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf')) return undefined
  return requireOracle(qemuEngine)
}

interface Way {
  name: string
  translation: Translation
  repetition?: Repetition
  /** Random instructions by default: each is run as often as the repetition says. */
  instructions: number
  /** Least share of groups that must have been translated. */
  translated: number
}

/** The first round finds what is hot, then it gets translated, and the last one runs translated code. */
const HOT = { translation: { heat: 1 }, repetition: { rounds: 3, block: 16 }, instructions: 60_000, translated: 0.6 }
const WAYS: Record<string, Way> = {
  off: { name: 'interpreter', translation: { translator: 'off' }, instructions: 200_000, translated: 0 },
  on: { ...HOT, name: 'translated code', translation: { ...HOT.translation, translator: 'on' } },
  train: { ...HOT, name: 'code for images', translation: { ...HOT.translation, translator: 'train' } },
  verify: { ...HOT, name: 'both', translation: { ...HOT.translation, translator: 'verify' } },
}

function chosenWays(): Way[] {
  const chosen = process.env.ORLOP_TRANSLATOR
  const names = chosen === undefined ? ['off', 'on'] : [chosen]
  return names.map((name) => {
    const way = WAYS[name]
    if (way === undefined) throw new Error(`ORLOP_TRANSLATOR is ${name}; say one of ${Object.keys(WAYS).join(', ')}`)
    return way
  })
}

/** Registers the tests of each family and runs them. */
export function prove(families: Family[]): void {
  const qemu = oracle()
  for (const way of chosenWays()) {
    for (const family of families) {
      const name = `${family.name}, ${way.name}: every register, flag, trap and memory word is as in QEMU`
      if (qemu === undefined) test.skip(name)
      else test(name, () => agree(family, way, qemu))
    }
  }
  test.run()
}

async function agree(family: Family, way: Way, qemu: Engine): Promise<void> {
  const ours = orlopEngine(way.translation)
  const instructions = Number(process.env.ORLOP_LOCKSTEP_COUNT ?? way.instructions)
  const { repetition } = way
  const outcome = await compare({ family, ours, oracle: qemu, instructions, ...(repetition ? { repetition } : {}) })
  const kind = family.all === undefined ? 'random' : 'chosen'
  const share = (ours.translated?.() ?? 0) / outcome.groups
  console.log(
    `${family.name}, ${way.name}: ${outcome.instructions} ${kind} instructions in ${outcome.groups} groups, ` +
      `${share.toFixed(2)} of them translated, ORLOP_SEED=${outcome.seed}`,
  )
  assert.is(outcome.failed, 0, `${outcome.failed} groups differ\n\n${outcome.reports.join('\n\n')}`)
  assert.ok(share >= way.translated, `Only ${share} of all groups were translated`)
}
