// .ci/run on a new machine: what the tests ask for is what it installs.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { filesBelow } from '../../build/artefact.ts'
import { ROOT } from '../../build/process.ts'

/** Packages without which there is no Debian (dpkg's "Essential", and apt). */
const ALWAYS = ['apt', 'dpkg']

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

test('.ci/run installs each package whose absence would make a test skip elsewhere', () => {
  const [, list = ''] = /^needs=\(\n([\s\S]*?)^\)/m.exec(read('.ci/run')) ?? []
  const installed = [...list.matchAll(/^ +([a-z0-9.+-]+):/gm)].map(([, name]) => name as string)
  assert.ok(installed.length > 10)
  const wanted = new Set<string>()
  for (const file of filesBelow('test', '.ts')) {
    for (const [, , names = ''] of read(file).matchAll(/requireTool\(\s*('[^']+'|[\w]+),\s*'([^']+)'/g)) {
      for (const name of names.split(' ')) wanted.add(name)
    }
  }
  assert.ok(wanted.size > 10)
  const absent = [...wanted].filter((name) => !installed.includes(name) && !ALWAYS.includes(name))
  assert.equal(absent, [])
})

test.run()
