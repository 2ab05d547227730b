// npm run --silent bench -- NAME [--json FILE] [--runs N]: runs one benchmark, prints its table, and keeps the numbers.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { buildAll } from '../build/build.ts'
import type { BenchOptions } from './options.ts'
import { asTable, type Report } from './report.ts'

interface Bench {
  measure(options: BenchOptions): Promise<Report>
}

const BENCHES: Record<string, () => Promise<Bench>> = {
  interpreter: () => import('./interpreter.ts'),
}

const RUNS = 3
const HELP = `Usage: npm run --silent bench -- NAME [--json FILE] [--runs N]

Benchmarks: ${Object.keys(BENCHES).join(', ')}. Each row is run ${RUNS} times (or N), ours and the reference in turn.
`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'string' }, runs: { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
  })
  if (values.help || positionals.length === 0) {
    process.stdout.write(HELP)
    return values.help ? 0 : 2
  }
  const load = Object.hasOwn(BENCHES, positionals[0]!) ? BENCHES[positionals[0]!] : undefined
  if (load === undefined || positionals.length > 1) {
    console.error(`There is no benchmark "${positionals.join(' ')}"; there are: ${Object.keys(BENCHES).join(', ')}.`)
    return 2
  }
  const runs = Number(values.runs ?? RUNS)
  if (!Number.isInteger(runs) || runs < 1) {
    console.error(`--runs: "${values.runs}" is no number of runs; give a whole number from 1 on.`)
    return 2
  }
  const progress = (line: string) => void process.stderr.write(`${line}\n`)
  if (!(await buildAll(progress))) return 1
  const { measure } = await load()
  const report = await measure({ runs, progress })
  console.log(asTable(report))
  if (values.json !== undefined) {
    mkdirSync(dirname(values.json), { recursive: true })
    writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
  }
  return 0
}

process.exitCode = await main()
