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

export const PROGRAMS: BenchProgram[] = [
  { name: 'integer loop', source: 'integer.c', rounds: 6000, result: '0x3731ec0efb6e390f' },
  { name: 'memory loop', source: 'memory.c', rounds: 12, result: '0x007b83e751c21d67' },
  { name: 'float loop', source: 'float.c', rounds: 800000, result: '0x4181fd819febe6eb' },
  { name: 'copy, 32 MiB apart', source: 'apart.c', rounds: 100, result: '0x7f029396af819225' },
  {
    name: 'copy, 32 MiB + 20 KiB apart',
    source: 'apart.c',
    rounds: 100,
    result: '0x7f029396af819225',
    define: { DISTANCE: '0x2005000' },
  },
]

/** Does nothing: what it costs is no work of the others. */
export const EMPTY: BenchProgram = { name: 'start', source: 'empty.c', rounds: 0, result: '0' }

/** Bytes of RAM that every program fits. */
export const PROGRAM_MEMORY = '128M'

/** Path of the program's ELF file, built with Debian's cross compiler. */
export function buildProgram({ source, rounds, result, define }: BenchProgram): string {
  const folder = fileURLToPath(new URL('./programs/', import.meta.url))
  const sources = [`${folder}start.S`, `${folder}${source}`]
  return assemble({ sources, define: { ROUNDS: rounds, RESULT: result, ...define } }).elf
}
