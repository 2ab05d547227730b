// `orlop run` as a user meets it: the console on pipes, exit codes, and what it tells at the end.

import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { requireTool } from '../support/tools.ts'
import { ORLOP, orlop, Run, talker, tohost } from './orlop.ts'

const when = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

when('what comes on stdin reaches the guest, and its end does not end the guest', async () => {
  const run = new Run(['run', '--firmware', talker().elf])
  await run.shows('ready\n')
  run.child.stdin.write('a')
  await run.shows('[a]')
  run.child.stdin.end('xyzq')
  assert.is(await run.ended, 0)
  assert.is(run.stdout, 'ready\n[a][x][y][z]')
  assert.is(run.stderr, '')
})

when('a raw program is the same as its ELF file', async () => {
  assert.equal(orlop(['run', '--firmware', talker().flat], 'q'), { status: 0, stdout: 'ready\n', stderr: '' })
})

when('a guest that says it has failed gives exit code 3', () => {
  const { status, stderr } = orlop(['run', '--firmware', talker().elf], 'p')
  assert.is(status, 3)
  assert.match(stderr, /^orlop: The guest has failed/)
})

when('a guest that resets is started anew', async () => {
  const run = new Run(['run', '--firmware', talker().elf])
  await run.shows('ready\n')
  run.child.stdin.write('r')
  await run.shows('ready\nready\n')
  run.child.stdin.write('q')
  assert.is(await run.ended, 0)
})

when('a test program ends the run through tohost', () => {
  assert.equal(orlop(['run', '--firmware', tohost(1).elf]), { status: 0, stdout: '', stderr: '' })
  assert.equal(orlop(['run', '--firmware', tohost(7).elf]), {
    status: 1,
    stdout: '',
    stderr: 'orlop: Test 3 has failed.\n',
  })
})

when('--until ends well when the text has come, and badly when it never does', () => {
  const { status, stdout } = orlop(['run', '--firmware', talker().elf, '--until', '[a]'], 'a')
  assert.is(status, 0)
  assert.is(stdout, 'ready\n[a]')
  assert.is(
    orlop(['run', '--firmware', talker().elf, '--until', '[a]', '--console', 'none', '--timeout', '1'], 'a').status,
    124,
  )
  const never = orlop(['run', '--firmware', talker().elf, '--until', '[a]'], 'q')
  assert.is(never.status, 1)
  assert.match(never.stderr, /before its console showed "\[a\]"/)
})

when('a reader that has gone ends the run quietly', () => {
  const command = `'${process.execPath}' '${ORLOP}' run --firmware '${talker().elf}' | head -n 1; echo "\${PIPESTATUS[0]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', command], { input: 'b', encoding: 'utf8', timeout: 240_000 })
  assert.is(stdout, 'ready\n141\n')
  assert.is(stderr, '')
})

when('--stats json is the last line of stdout, --json says how it ended, --stats text is for people', () => {
  const { status, stdout } = orlop(['run', '--firmware', talker().elf, '--json'], 'aq')
  assert.is(status, 0)
  const lines = stdout.trimEnd().split('\n')
  assert.equal(lines.slice(0, -1), ['ready', '[a]'])
  const report = JSON.parse(lines.at(-1)!)
  assert.is(report.outcome, 'poweroff')
  assert.is(report.exitCode, 0)
  assert.ok(report.guestInstructions > 100)
  assert.ok(report.framesTouched >= 1)
  assert.ok(report.instructionsPerSecond > 0)
  assert.ok(report.cpuSeconds > report.startupCpuSeconds)
  assert.is(report.firstUserNs, null)
  for (const key of ['guestNs', 'deviceNs', 'kernelNs', 'idleNs', 'mmio']) assert.type(report[key], 'number')
  assert.ok(report.translatedShare >= 0 && report.translatedShare <= 1)
  assert.is(report.divergence, null)

  const text = orlop(['run', '--firmware', talker().elf, '--stats', 'text', '--console', 'none', '--timeout', '1'])
  assert.match(text.stdout, /^ended by {12}timeout, exit code 124\nguest instructions {2}[\d,]+\n/)
})

when('--translator is one of three, and with off nothing is translated', () => {
  for (const translator of ['on', 'off', 'verify']) {
    const words = ['run', '--firmware', talker().elf, '--translator', translator, '--json']
    const { status, stdout, stderr } = orlop(words, 'axyq')
    assert.is(status, 0, stderr)
    const lines = stdout.trimEnd().split('\n')
    assert.equal(lines.slice(0, -1), ['ready', '[a][x][y]'])
    const { translatedInstructions, regions } = JSON.parse(lines.at(-1)!)
    if (translator === 'off') assert.equal([translatedInstructions, regions], [0, 0])
  }
})

test.run()
