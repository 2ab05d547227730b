// What guests say reaches the reader, every byte, however it comes.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { measureOrlop } from './orlop.ts'
import { canBuild, firmware, WITH_MEMORY } from './programs.ts'

test('regression: output that comes while the last of it is handed over is not lost', async () => {
  if (!canBuild()) return
  const run = () => measureOrlop(['--firmware', firmware('chatter'), ...WITH_MEMORY, '--timeout', '60'])
  for (const { exitCode, console, errors } of await Promise.all([run(), run(), run()])) {
    assert.is(exitCode, 0, errors)
    const lines = console.split('\n')
    assert.is(lines.pop(), '')
    assert.is(lines.pop(), `said ${lines.length} lines`)
    lines.forEach((line, number) => assert.is(line, `line ${number}`))
  }
})

test.run()
