// One run of our own command from its start to its end, with what it tells about itself.

import { fileURLToPath } from 'node:url'
import { type Cost, costOf } from './cost.ts'

export const ORLOP = fileURLToPath(new URL('../build/out/orlop.mjs', import.meta.url))

/** What a run has cost, and what it did for that. */
export interface OrlopRun extends Cost {
  instructions: number
  framesTouched: number
}

/** The command `orlop run WORDS`; a `translator` is handed on. */
export function orlopCommand(words: string[], translator?: string): string[] {
  const mode = translator === undefined ? [] : ['--translator', translator]
  return [process.execPath, ORLOP, 'run', ...words, ...mode]
}

/** Runs it to its end; its statistics are the last line that it prints. */
export async function runOrlop(words: string[], translator?: string): Promise<OrlopRun> {
  const cost = await costOf(orlopCommand([...words, '--stats', 'json'], translator))
  const stats = JSON.parse(cost.output.trimEnd().split('\n').at(-1) ?? '') as Record<string, number>
  return { ...cost, instructions: stats.guestInstructions!, framesTouched: stats.framesTouched! }
}
