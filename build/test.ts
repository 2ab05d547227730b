// npm test: builds, then runs every test/**/*.test.ts; `npm test -- PATTERN...` only those whose path contains PATTERN.
//
// `--quick` leaves out *.slow.test.ts. The last line is the sum: "12 passed, 0 failed".

import './node.ts'
import { parseArgs } from 'node:util'
import { buildAll } from './build.ts'
import { type Result, runSuite, testFiles } from './suite.ts'

const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean' } }, allowPositionals: true })
async function main(patterns: string[], quick: boolean): Promise<boolean> {
  const start = performance.now()
  const built = await buildAll()
  const files = testFiles(patterns, quick)
  if (files.length === 0) {
    console.error(`No test file has ${patterns.join(' or ')} in its path.`)
    return false
  }
  const width = Math.max(...files.map((file) => file.length))
  let done = 0
  const results: Result[] = built ? [] : [BROKEN_BUILD]
  const ran = await runSuite(files, (result) => {
    const progress = `[${String(++done).padStart(String(files.length).length)}/${files.length}]`
    const line = `${progress} ${result.file.padEnd(width)}  ${result.seconds.toFixed(1).padStart(6)} s  ${sum([result])}`
    console.log(line)
  })
  results.push(...ran)
  const failing = ran.filter((result) => result.failed > 0)
  for (const { file, output } of failing) console.log(`\n──── ${file} ────\n${output.trim()}`)
  const minutes = ((performance.now() - start) / 60_000).toFixed(1)
  console.log(`\n${files.length} files in ${minutes} min`)
  for (const reason of reasonsToSkip(ran)) console.log(reason)
  if (!built) console.log('The build failed (see above); it counts as one failed test.')
  console.log(sum(results))
  return built && failing.length === 0
}

/** A build that failed must not hide behind tests that run on what an earlier one left. */
const BROKEN_BUILD: Result = { file: 'build', passed: 0, failed: 1, skipped: 0, seconds: 0, output: '' }

/** What tests said they could not do here (test/support/tools.ts), each once. */
function reasonsToSkip(results: Result[]): string[] {
  // uvu's dots for the tests before may stand in front of it.
  const reasons = results.flatMap(({ output }) => [...output.matchAll(/^(?:[•✘] )*(Skipped: .+)$/gm)])
  return [...new Set(reasons.map((reason) => reason[1] as string))]
}

function sum(results: Result[]): string {
  const total = (key: 'passed' | 'failed' | 'skipped') => results.reduce((all, result) => all + result[key], 0)
  const skipped = total('skipped') > 0 ? `, ${total('skipped')} skipped` : ''
  return `${total('passed')} passed, ${total('failed')} failed${skipped}`
}

process.exitCode = (await main(positionals, values.quick === true)) ? 0 : 1
