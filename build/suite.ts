// Runs test files, each in a process of its own, two at a time, and adds up what they say.

import { isAbsolute, relative, resolve } from 'node:path'
import { filesBelow } from './artefact.ts'
import { ROOT, runNode } from './process.ts'

/** Two cores are what a small machine has; a third test would only make the timeouts of the others uncertain. */
const AT_ONCE = 2
const TIMEOUT_MS = 5 * 60_000
const SLOW_TIMEOUT_MS = 30 * 60_000

const SLOW = /\.slow\.test\.ts$/

export interface Result {
  file: string
  passed: number
  failed: number
  skipped: number
  seconds: number
  output: string
}

/**
 * The test files whose path contains one of `patterns` (all, where there is none), relative to the project; without the
 * slow ones if `quick`. The slow ones come first: together they take longest.
 */
export function testFiles(patterns: string[], quick: boolean): string[] {
  const wanted = patterns.map((pattern) => (isAbsolute(pattern) ? relative(ROOT, pattern) : pattern))
  const files = filesBelow('test', '.test.ts')
    .filter((file) => wanted.length === 0 || wanted.some((pattern) => file.includes(pattern)))
    .filter((file) => !quick || !SLOW.test(file))
  return [...files.filter((file) => SLOW.test(file)), ...files.filter((file) => !SLOW.test(file))]
}

/** Runs files (relative to the project, or absolute); `report` hears of each as it ends. */
export async function runSuite(files: string[], report: (result: Result) => void): Promise<Result[]> {
  const results: Result[] = []
  const waiting = [...files]
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runFile(file)
      results.push(result)
      report(result)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return results
}

async function runFile(file: string): Promise<Result> {
  const { ok, ending, output, seconds } = await runNode(['--import', 'tsx', resolve(ROOT, file)], {
    timeoutMs: SLOW.test(file) ? SLOW_TIMEOUT_MS : TIMEOUT_MS,
    env: { NO_COLOR: '1', FORCE_COLOR: '0' },
  })
  const totals = totalsOf(output)
  // uvu prints its totals at the end: without them the file died on the way, and what it had passed is not known.
  if (totals === undefined || (!ok && totals.failed === 0)) {
    const why = `${file} ended with ${ending}${totals === undefined ? ' before its tests were done' : ''}.`
    return {
      file,
      passed: totals?.passed ?? 0,
      failed: 1,
      skipped: 0,
      seconds,
      output: `${output.trimEnd()}\n${why}\n`,
    }
  }
  return { file, ...totals, seconds, output }
}

/** The last totals of uvu in what a test file printed. */
export function totalsOf(output: string): { passed: number; failed: number; skipped: number } | undefined {
  const found = [...output.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm)].at(-1)
  if (found === undefined) return undefined
  const [total, passed, skipped] = found.slice(1).map(Number) as [number, number, number]
  return { passed, failed: total - passed - skipped, skipped }
}
