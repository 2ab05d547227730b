// A selection of packages is completed with all that they depend on, and with nothing that is left out.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { OrlopError } from '../../../cli/error.ts'
import { close } from '../../../guests/userland/closure.ts'
import { refuses } from '../scratch.ts'

const INDEX: Record<string, string[]> = {
  shell: ['libc', 'scripts'],
  libc: ['libgcc'],
  libgcc: ['libc'],
  scripts: ['installer'],
  installer: ['shell'],
  editor: ['libc', 'virtual'],
}

/** An archive of the packages above, which counts how often each was asked for. */
function archiveOf(asked: Map<string, number>) {
  return {
    async find(name: string) {
      asked.set(name, (asked.get(name) ?? 0) + 1)
      const depends = INDEX[name]
      if (depends === undefined) throw new OrlopError(`There is no package ${name}.`)
      return { name, version: '1', path: name, sizeBytes: 1, sha256: '', depends }
    },
  }
}

async function namesOf(packages: string[], without: string[] = []): Promise<string[]> {
  const asked = new Map<string, number>()
  const records = await close(archiveOf(asked), { packages, without })
  for (const [name, count] of asked) assert.is(count, 1, name)
  return records.map(({ name }) => name)
}

test('everything that a package needs is taken, once, circles included', async () => {
  assert.equal(await namesOf(['shell']), ['installer', 'libc', 'libgcc', 'scripts', 'shell'])
})

test('what is left out is not looked for, nor what only it needs', async () => {
  assert.equal(await namesOf(['shell'], ['scripts']), ['libc', 'libgcc', 'shell'])
  assert.equal(await namesOf(['editor'], ['virtual']), ['editor', 'libc', 'libgcc'])
})

test('a name that no package has is refused', async () => {
  await refuses(close(archiveOf(new Map()), { packages: ['editor'], without: [] }), /no package virtual/)
})

test.run()
