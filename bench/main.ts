// npm run --silent bench -- NAME [FLAGS]: runs one benchmark, prints its table, and keeps the numbers.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { buildAll } from '../build/build.ts'
import { OrlopError } from '../cli/error.ts'
import { MissingTool } from '../test/support/tools.ts'
import { readFlags } from './flags.ts'
import type { BenchOptions } from './options.ts'
import { asTable, type Report } from './report.ts'

interface Bench {
  measure(options: BenchOptions): Promise<Report>
  /** How many runs of each row there are when the user does not say. */
  RUNS: number
}

const BENCHES: Record<string, () => Promise<Bench>> = {
  interpreter: () => import('./interpreter.ts'),
  translator: () => import('./translator.ts'),
}
/** The one that has rows to choose from, and sizes. */
const WITH_ROWS = 'translator'

const HELP = `Usage: npm run --silent bench -- NAME [FLAGS]

Benchmarks: ${Object.keys(BENCHES).join(', ')}. Each row is run several times, ours and the reference in turn.

  --runs N          how many times (default 3; translator 5)
  --json FILE       keep the numbers
  --translator M    hand this on to "orlop run" (default: as it does by itself; interpreter: off)
  --rows A,B        only these rows (translator)
  --scale X         do so much of a row's work, for example 0.1 (translator; default 1)
`

async function main(): Promise<number> {
  const { isHelp, names, json, runs, ...flags } = readFlags(process.argv.slice(2))
  if (isHelp || names.length === 0) {
    process.stdout.write(HELP)
    return isHelp ? 0 : 2
  }
  const name = names.join(' ')
  const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined
  if (load === undefined)
    throw new OrlopError(`There is no benchmark "${name}"; there are: ${Object.keys(BENCHES).join(', ')}.`)
  if (name !== WITH_ROWS && (flags.rows !== undefined || flags.scale !== undefined))
    throw new OrlopError(`--rows and --scale are for the benchmark "${WITH_ROWS}"; leave them out.`)
  const progress = (line: string) => void process.stderr.write(`${line}\n`)
  if (!(await buildAll(progress))) return 1
  const { measure, RUNS } = await load()
  const report = await measure({ ...flags, runs: runs ?? RUNS, progress })
  console.log(asTable(report))
  if (json !== undefined) {
    mkdirSync(dirname(json), { recursive: true })
    writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
  }
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof OrlopError || error instanceof MissingTool)) throw error
  process.stderr.write(`bench: ${error.message}\n`)
  // What still runs ends with this process.
  process.exit(error instanceof OrlopError ? error.exitCode : 1)
}
