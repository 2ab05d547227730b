// The runner of the tests: what it finds, how it counts, and that nothing that goes wrong counts as passed.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runSuite, testFiles, totalsOf } from '../../build/suite.ts'

/** Runs one test file with this content. */
async function run(content: string) {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-suite-'))
  try {
    const file = join(folder, 'a.test.mjs')
    writeFileSync(file, content)
    return (await runSuite([file], () => {}))[0]!
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const say = (total: number, passed: number, skipped: number) =>
  `console.log('\\n  Total:     ${total}\\n  Passed:    ${passed}\\n  Skipped:   ${skipped}\\n  Duration:  1.00ms\\n')`

test('a file is counted by the totals that it prints', async () => {
  const { passed, failed, skipped } = await run(say(5, 3, 2))
  assert.equal([passed, failed, skipped], [3, 0, 2])
})

test('a failing test is counted, and what the file said is kept', async () => {
  const result = await run(`console.log('a FAIL here');${say(5, 4, 0)};process.exitCode = 1`)
  assert.equal([result.passed, result.failed], [4, 1])
  assert.ok(result.output.includes('a FAIL here'))
})

test('a file that dies before its totals counts as one failure', async () => {
  const result = await run('process.exit(0)')
  assert.equal([result.passed, result.failed], [0, 1])
  assert.ok(result.output.includes('ended with exit code 0 before its tests were done'))
})

test('a file that throws while it is loaded counts as one failure', async () => {
  const result = await run('throw new Error("not today")')
  assert.equal([result.passed, result.failed], [0, 1])
  assert.ok(result.output.includes('not today'))
})

test('a file that passes and then ends badly counts as a failure, too', async () => {
  const result = await run(`${say(2, 2, 0)};process.exitCode = 7`)
  assert.equal([result.passed, result.failed], [2, 1])
  assert.ok(result.output.includes('exit code 7'))
})

test('of several totals the last one counts', () => {
  const totals = (n: number) => `  Total:     ${n}\n  Passed:    ${n}\n  Skipped:   0\n`
  assert.equal(totalsOf(`${totals(1)}\n${totals(3)}`), { passed: 3, failed: 0, skipped: 0 })
  assert.is(totalsOf('no totals'), undefined)
})

test('the quick run leaves out the slow files, and a pattern chooses by path', () => {
  const all = testFiles([], false)
  assert.ok(all.includes('test/build/suite.test.ts'))
  assert.equal(
    testFiles([], true),
    all.filter((file) => !file.endsWith('.slow.test.ts')),
  )
  assert.equal(testFiles(['build/suite'], false), ['test/build/suite.test.ts'])
  assert.equal(testFiles(['no such file'], false), [])
})

test.run()
