// The rows of the translator's benchmark: which program runs in the guest, how long, and what is to be reached.

import { OrlopError } from '../cli/error.ts'

/** What a program needs of the machine. `mixed` is none of the others alone; all but `system` only compute. */
export type Kind = 'integer' | 'double' | 'mixed' | 'system'

/** A program that is run in the guest. */
export interface ProgramRow {
  name: string
  kind: Kind
  /** Steps at full size: some 1.5 seconds of QEMU's CPU. */
  iterations: number
  /** Further programs that it starts from its own folder. Default: none. */
  beside?: string[]
  /** The guest's command without the steps. Default: the program of that name in bench/programs/linux. */
  command?: string[]
}

export const PROGRAM_ROWS: ProgramRow[] = [
  { name: 'core', kind: 'integer', iterations: 1100 },
  { name: 'dhry', kind: 'integer', iterations: 1100 },
  { name: 'sort', kind: 'integer', iterations: 380 },
  { name: 'sha256', kind: 'integer', iterations: 210 },
  { name: 'crc', kind: 'integer', iterations: 2500 },
  { name: 'compress', kind: 'integer', iterations: 170 },
  { name: 'regex', kind: 'integer', iterations: 950 },
  { name: 'string', kind: 'integer', iterations: 1600 },
  { name: 'hash', kind: 'integer', iterations: 400 },
  { name: 'bytecode', kind: 'integer', iterations: 230 },
  { name: 'recursion', kind: 'integer', iterations: 1200 },
  { name: 'matrix', kind: 'double', iterations: 280 },
  { name: 'fft', kind: 'double', iterations: 1300 },
  { name: 'awk', kind: 'mixed', iterations: 1300, command: ['/busybox', 'awk', '-f', '/words.awk', '-v'] },
  { name: 'syscall', kind: 'system', iterations: 750 },
  { name: 'fork', kind: 'system', iterations: 600, beside: ['seven'] },
  { name: 'fault', kind: 'system', iterations: 500 },
  { name: 'pipe', kind: 'system', iterations: 350 },
]

/** Rows that are no program: how soon one is fast, and systems from nothing to their shell or their login. */
export const OTHER_ROWS = ['warm-up', 'lean-boot', 'debian-boot', 'systemd-boot'] as const
export type OtherRow = (typeof OTHER_ROWS)[number]

/** How many times as fast as QEMU everything is to be; seconds of warm-up. */
export const GOALS = { compute: 0.9, system: 0.8, boot: 1, meanOfCompute: 1.8, meanOfInteger: 1.4, warmUpSeconds: 1.5 }

/** The words that run a row's program in the guest. */
export function wordsOf({ name, command }: ProgramRow, iterations: number): string[] {
  return command === undefined ? [`/${name}`, `${iterations}`] : [...command, `n=${iterations}`]
}

/** The rows that the user named, in our order; all of them without names. */
export function chooseRows(names: string[] | undefined): { programs: ProgramRow[]; others: OtherRow[] } {
  const isWanted = wanted(names, [...PROGRAM_ROWS.map(({ name }) => name), ...OTHER_ROWS])
  return { programs: PROGRAM_ROWS.filter(({ name }) => isWanted(name)), others: OTHER_ROWS.filter(isWanted) }
}

/** Which of all rows the user wants: those named, all of them without names. Throws when there is no such row. */
export function wanted(names: string[] | undefined, all: string[]): (name: string) => boolean {
  const unknown = names?.find((name) => !all.includes(name))
  if (unknown !== undefined) throw new OrlopError(`There is no row "${unknown}"; there are: ${all.join(', ')}.`)
  return (name) => names === undefined || names.includes(name)
}
