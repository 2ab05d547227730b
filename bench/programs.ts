// The bare-metal programs of the benchmarks, built for the machine: each does a fixed piece of work, checks the result,
// and switches the machine off.

import { fileURLToPath } from 'node:url'
import { assemble } from '../test/support/asm.ts'

export interface BenchProgram {
  name: string
  /** C source in bench/programs. */
  source: string
  /** How often the work is done, and the result of that: what the same source gives when compiled for the host. */
  rounds: number
  result: string
  define?: Record<string, string | number>
}

/** Bytes of RAM that every program fits. */
export const PROGRAM_MEMORY = '128M'

/** Path of the program's ELF file, built with Debian's cross compiler. */
export function buildProgram({ source, rounds, result, define }: BenchProgram): string {
  const folder = fileURLToPath(new URL('./programs/', import.meta.url))
  const sources = [`${folder}start.S`, `${folder}${source}`]
  return assemble({ sources, define: { ROUNDS: rounds, RESULT: result, ...define } }).elf
}
