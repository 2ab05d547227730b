// `npm start -- --once`, as a user would type it: four Debian guests boot, answer, work, and switch themselves off.

import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT, runNode } from '../../build/process.ts'

test('npm start --once boots four guests that work and answer, and ends with exit code 0', async () => {
  const { ok, ending, output } = await runNode(['--import', 'tsx', join(ROOT, 'build', 'start.ts'), '--once'])
  assert.ok(ok, `${ending}\n${output}`)
  for (const name of ['web', 'batch', 'store', 'desk']) assert.match(output, new RegExp(`^42-${name} riscv64`, 'm'))
  assert.is([...output.matchAll(/^[1-9]\d* rounds/gm)].length, 3, output)
  assert.match(output, /All 4 guests answered and switched themselves off/)
})

test.run()
