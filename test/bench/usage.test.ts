// How much CPU a process has used, as /proc tells it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cpuSeconds, cpuSecondsOf } from '../../bench/usage.ts'

test('user and system time are added, whatever the name of the program is', () => {
  const rest = 'S 1 2 2 0 -1 4194560 100 0 0 0 150 25 7 8 20 0 5 0 100 200 300'
  assert.is(cpuSecondsOf(`42 (node) ${rest}`), 1.75)
  assert.is(cpuSecondsOf(`42 (a) b (c) 9) ${rest}`), 1.75)
})

test('a process that computes uses CPU, and the benchmark reads how much', async () => {
  const source = 'const end = process.cpuUsage().user + 3e5; while (process.cpuUsage().user < end); console.log("done")'
  const child = spawn(process.execPath, ['-e', `${source}; process.stdin.resume()`], { stdio: 'pipe' })
  try {
    await once(child.stdout, 'data')
    assert.ok(cpuSeconds(child.pid!) >= 0.28)
  } finally {
    child.kill()
  }
})

test('a process that is gone is said to be unreadable', () => {
  assert.throws(() => cpuSeconds(2 ** 30), /needs Linux with \/proc/)
})

test.run()
