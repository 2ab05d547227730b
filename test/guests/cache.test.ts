// The cache folder: its place, whole files, and the lock.

import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cacheFolder, makeFolder, readJson, withLock, withScratch, writeWhole } from '../../guests/cache.ts'
import { inScratch } from './scratch.ts'

test('the cache is where ORLOP_CACHE says, else in the XDG cache, else in the home folder', () => {
  assert.is(cacheFolder({ ORLOP_CACHE: '/a', XDG_CACHE_HOME: '/b' }), '/a')
  assert.is(cacheFolder({ XDG_CACHE_HOME: '/b' }), '/b/orlop')
  assert.match(cacheFolder({}), /\/\.cache\/orlop$/)
})

test(
  'a file whose writing fails does not appear',
  inScratch(async (folder) => {
    const path = join(folder, 'deep', 'file')
    const work = writeWhole(path, async (temporary) => {
      await writeFile(temporary, 'half')
      throw new Error('no')
    })
    assert.is(
      await work.then(
        () => 'done',
        () => 'failed',
      ),
      'failed',
    )
    assert.equal(await readdir(join(folder, 'deep')), [])
    await writeWhole(path, (temporary) => writeFile(temporary, 'whole'))
    assert.is(await readFile(path, 'utf8'), 'whole')
  }),
)

test(
  'of two folders made at the same time one stays, whole',
  inScratch(async (folder) => {
    const path = join(folder, 'made')
    await Promise.all(
      ['a', 'b'].map((text) => makeFolder(path, (temporary) => writeFile(join(temporary, 'file'), text))),
    )
    assert.match(await readFile(join(path, 'file'), 'utf8'), /^[ab]$/)
    assert.equal(await readdir(folder), ['made'])
  }),
)

test(
  'a scratch folder is gone after its work, also when that fails',
  inScratch(async (folder) => {
    const work = withScratch(join(folder, 'x'), async (scratch) => {
      await writeFile(join(scratch, 'file'), '')
      throw new Error('no')
    })
    assert.is(
      await work.then(
        () => 'done',
        () => 'failed',
      ),
      'failed',
    )
    assert.equal(await readdir(folder), [])
  }),
)

test(
  'a file that is missing or no JSON reads as nothing',
  inScratch(async (folder) => {
    await writeFile(join(folder, 'bad'), '{"half":')
    assert.is(await readJson(join(folder, 'bad')), undefined)
    assert.is(await readJson(join(folder, 'none')), undefined)
  }),
)

test(
  'the lock lets one worker in at a time',
  inScratch(async (folder) => {
    let inside = 0
    let most = 0
    const work = async () => {
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setTimeout(resolve, 20))
      inside--
    }
    await Promise.all([1, 2, 3].map(() => withLock(folder, work)))
    assert.is(most, 1)
    assert.is(existsSync(join(folder, '.lock')), false)
  }),
)

test(
  'a lock that a crashed process left is taken over, and what it had begun is removed',
  inScratch(async (folder) => {
    const old = new Date(Date.now() - 24 * 3600_000)
    await writeFile(join(folder, '.lock'), JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }))
    await utimes(join(folder, '.lock'), old, old)
    await mkdir(join(folder, 'build.part-1-0'))
    await writeFile(join(folder, 'build.part-1-0', 'file'), '')
    await utimes(join(folder, 'build.part-1-0'), old, old)
    const names = await withLock(folder, () => readdir(folder))
    assert.equal(names, ['.lock'])
  }),
)

test(
  'a lock that is held is waited for, with a word, until the wait is aborted',
  inScratch(async (folder) => {
    await writeFile(join(folder, '.lock'), JSON.stringify({ pid: process.pid, host: hostname() }))
    const controller = new AbortController()
    const said: string[] = []
    const report = ({ step }: { step: string }) => {
      said.push(step)
      controller.abort()
    }
    const work = withLock(folder, async () => 'in', { report, signal: controller.signal })
    assert.is(
      await work.then(
        (value) => value,
        (error) => error.name,
      ),
      'AbortError',
    )
    assert.match(said[0] ?? '', new RegExp(`process ${process.pid}`))
    assert.ok(existsSync(join(folder, '.lock')))
  }),
)

test.run()
