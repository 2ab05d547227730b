// npm run --silent bench -- NAME [FLAGS]: runs one benchmark, prints its table, and keeps the numbers.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { OUT } from '../build/artefact.ts'
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
  /** The report as a page; absent: there is none. */
  asPage?(report: Report): string
}

/** Flags that only some benchmarks know. */
type Special = 'rows' | 'scale' | 'translator' | 'seconds' | 'cpus' | 'tiles' | 'html'

const BENCHES: Record<string, { load(): Promise<Bench>; knows: Special[] }> = {
  interpreter: { load: () => import('./interpreter.ts'), knows: ['translator'] },
  translator: { load: () => import('./translator.ts'), knows: ['translator', 'rows', 'scale'] },
  isolation: { load: () => import('./isolation.ts'), knows: ['rows', 'seconds', 'cpus'] },
  density: { load: () => import('./density.ts'), knows: ['rows', 'seconds', 'cpus'] },
  shares: { load: () => import('./shares.ts'), knows: ['rows', 'seconds', 'cpus'] },
  network: { load: () => import('./network.ts'), knows: ['rows', 'seconds', 'cpus'] },
  runtimes: { load: () => import('./runtimes.ts'), knows: ['translator', 'rows', 'scale'] },
  hosted: { load: () => import('./hosted.ts'), knows: ['rows', 'seconds', 'cpus', 'tiles', 'html'] },
}
const SPECIAL: Special[] = ['rows', 'scale', 'translator', 'seconds', 'cpus', 'tiles', 'html']
/** Where the page goes when the user does not say. */
const PAGE = join(OUT, 'report.html')

const HELP = `Usage: npm run --silent bench -- NAME [FLAGS]

Benchmarks: ${Object.keys(BENCHES).join(', ')}. Each row is run several times: where there is a reference, in turn with it.

  --runs N          how many times (default: interpreter, isolation, network, runtimes and shares 3,
                    translator 5, density and hosted 1)
  --json FILE       keep the numbers
  --translator M    hand this on to "orlop run" (translator, runtimes; default: as it does by itself; interpreter: off)
  --rows A,B        only these rows (all but interpreter; density: numbers of guests)
  --scale X         do so much of a row's work, for example 0.1 (translator, runtimes; default 1)
  --seconds S       how long one measurement takes (isolation, default 5; density 5; network 3; shares 10; hosted 8)
  --cpus N          CPUs of the machine (isolation, default: one less than here; density 1; network 2; shares: as
                    many as here; hosted: one less than here, for the guests of each variant)
  --tiles N         how many tiles there are at most at once (hosted, default 2)
  --html FILE       where the page with plots goes (hosted, default build/out/report.html)
`

async function main(): Promise<number> {
  const { isHelp, names, json, runs, ...flags } = readFlags(process.argv.slice(2))
  if (isHelp || names.length === 0) {
    process.stdout.write(HELP)
    return isHelp ? 0 : 2
  }
  const name = names.join(' ')
  const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined
  if (bench === undefined)
    throw new OrlopError(`There is no benchmark "${name}"; there are: ${Object.keys(BENCHES).join(', ')}.`)
  const strange = SPECIAL.find((flag) => flags[flag] !== undefined && !bench.knows.includes(flag))
  if (strange !== undefined) {
    const knowing = Object.keys(BENCHES).filter((other) => BENCHES[other]?.knows.includes(strange))
    throw new OrlopError(`--${strange} is for the benchmarks ${knowing.join(', ')}; leave it out.`)
  }
  const progress = (line: string) => void process.stderr.write(`${line}\n`)
  if (!(await buildAll(progress))) return 1
  const { measure, RUNS, asPage } = await bench.load()
  const { html = PAGE, ...given } = flags
  const report = await measure({ ...given, runs: runs ?? RUNS, progress })
  console.log(asTable(report))
  if (json !== undefined) keep(json, `${JSON.stringify(report, null, 2)}\n`)
  if (asPage !== undefined) {
    keep(html, asPage(report))
    progress(`The plots are in ${relative('', html)}`)
  }
  return 0
}

function keep(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof OrlopError || error instanceof MissingTool)) throw error
  process.stderr.write(`bench: ${error.message}\n`)
  // What still runs ends with this process.
  process.exit(error instanceof OrlopError ? error.exitCode : 1)
}
