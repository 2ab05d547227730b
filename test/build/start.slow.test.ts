// `npm start -- --once`, as a user would type it: Debian boots, answers, uses its disk, and switches itself off.

import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT, runNode } from '../../build/process.ts'

test('npm start --once boots to a shell that answers, and ends with exit code 0', async () => {
  const { ok, ending, output } = await runNode(['--import', 'tsx', join(ROOT, 'build', 'start.ts'), '--once'])
  assert.ok(ok, `${ending}\n${output}`)
  assert.match(output, /^42-orlop/m)
  assert.match(output, /The guest answered and switched itself off/)
})

test.run()
