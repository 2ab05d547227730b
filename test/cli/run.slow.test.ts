// `orlop run` ends when it must, whatever the guest, the reader of its output, and the terminal do.

import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findProgram, requireTool } from '../support/tools.ts'
import { ORLOP, orlop, Run, talker } from './orlop.ts'

const when = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

for (const [what, letter] of [
  ['spins', 'l'],
  ['sleeps', 's'],
] as const) {
  when(`--timeout and signals end a guest that ${what}`, async () => {
    const timed = orlop(['run', '--firmware', talker().elf, '--timeout', '1.5'], letter)
    assert.is(timed.status, 124)
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const run = new Run(['run', '--firmware', talker().elf])
      await run.shows('ready\n')
      run.child.stdin.write(letter)
      await sleep(100)
      run.child.kill(signal)
      assert.is(await run.ended, code)
      assert.match(run.stderr, new RegExp(`Ended by ${signal}`))
    }
  })
}

when('a slow reader gets every byte, in order', async () => {
  const run = new Run(['run', '--firmware', talker().elf])
  run.child.stdout.pause()
  run.child.stdin.end('bq')
  await sleep(1500)
  run.child.stdout.resume()
  assert.is(await run.ended, 0)
  const line = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\n'
  const expected = `ready\n${line.repeat(16384)}ready\n`
  assert.is(run.stdout.length, expected.length)
  assert.is(createHash('md5').update(run.stdout).digest('hex'), createHash('md5').update(expected).digest('hex'))
})

when('a reader that never reads does not keep a timeout from its work', async () => {
  const run = new Run(['run', '--firmware', talker().elf, '--timeout', '2'])
  run.child.stdout.pause()
  run.child.stdin.end('b')
  const code = await new Promise((fulfil) => run.child.on('exit', fulfil))
  assert.is(code, 124)
  run.child.kill()
})

const whenTerminal = findProgram('script') === undefined ? test.skip : when
whenTerminal('on a terminal keys go in raw, Ctrl-] leaves, and the terminal is as before', async () => {
  const command = `'${process.execPath}' '${ORLOP}' run --firmware '${talker().elf}'; echo "code $?"; stty -a; echo over`
  const run = new Run(['-qefc', command, '/dev/null'], 'script', [])
  await run.shows('ready\n')
  // Ctrl-C, Ctrl-D, Ctrl-Z and Enter are the guest's.
  run.child.stdin.write('\x03\x04\x1a\r')
  await run.shows('[\x03][\x04][\x1a][\r]')
  run.child.stdin.write('a\x1d')
  await run.shows('code 0')
  assert.match(run.stdout, /\[a\]|Left by/)
  assert.match(run.stderr + run.stdout, /orlop: Left by Ctrl-\]/)
  await run.shows('over')
  assert.match(run.stdout, /[^-]icanon/)
  assert.match(run.stdout, /[^-]opost/)
  assert.match(run.stdout, /[^-]isig/)
  run.child.kill()
})

test.run()
