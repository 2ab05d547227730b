// The words of `npm run bench`, read and checked.

import { parseArgs } from 'node:util'
import { OrlopError } from '../cli/error.ts'
import { MAX_CPUS } from '../hypervisor/abi.ts'
import type { BenchOptions } from './options.ts'

export interface Flags extends Pick<BenchOptions, 'rows' | 'scale' | 'translator' | 'seconds' | 'cpus' | 'tiles'> {
  isHelp: boolean
  /** What is no flag. */
  names: string[]
  /** Path of a file for the numbers. */
  json?: string
  /** Path of a file for the page with plots. */
  html?: string
  runs?: number
}

/** Throws, with what is right, where a word is wrong. */
export function readFlags(words: string[]): Flags {
  const { values, positionals } = parse(words)
  const flags: Flags = { isHelp: values.help === true, names: positionals }
  if (values.json !== undefined) flags.json = values.json
  if (values.html !== undefined) flags.html = values.html
  if (values.translator !== undefined) flags.translator = values.translator
  if (values.rows !== undefined) flags.rows = values.rows.split(',').map((name) => name.trim())
  if (values.runs !== undefined) {
    flags.runs = Number(values.runs)
    if (!Number.isInteger(flags.runs) || flags.runs < 1)
      throw new OrlopError(`--runs: "${values.runs}" is no number of runs; give a whole number from 1 on.`)
  }
  if (values.scale !== undefined) {
    flags.scale = Number(values.scale)
    if (!(flags.scale > 0 && flags.scale <= 100))
      throw new OrlopError(`--scale: "${values.scale}" is no size; give a number above 0 and up to 100, such as 0.1.`)
  }
  if (values.seconds !== undefined) {
    flags.seconds = Number(values.seconds)
    if (!(flags.seconds >= 0.5 && flags.seconds <= 3600))
      throw new OrlopError(`--seconds: "${values.seconds}" is no time; give a number from 0.5 to 3600.`)
  }
  if (values.cpus !== undefined) {
    flags.cpus = Number(values.cpus)
    if (!Number.isInteger(flags.cpus) || flags.cpus < 1 || flags.cpus > MAX_CPUS)
      throw new OrlopError(`--cpus: "${values.cpus}" is no number of CPUs; give a whole number from 1 to ${MAX_CPUS}.`)
  }
  if (values.tiles !== undefined) {
    flags.tiles = Number(values.tiles)
    if (!Number.isInteger(flags.tiles) || flags.tiles < 1)
      throw new OrlopError(`--tiles: "${values.tiles}" is no number of tiles; give a whole number from 1 on.`)
  }
  return flags
}

function parse(args: string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args,
      options: {
        json: text,
        html: text,
        tiles: text,
        runs: text,
        rows: text,
        scale: text,
        translator: text,
        seconds: text,
        cpus: text,
        help: { type: 'boolean' },
      },
      allowPositionals: true,
    })
  } catch (cause) {
    const why = (cause as Error).message.split('.')[0]
    throw new OrlopError(`${why}; "npm run --silent bench -- --help" tells what there is.`, 2, { cause })
  }
}
