// The cpio writer, read back by cpio itself.

import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Entry, writeCpio } from '../../../guests/initramfs/cpio.ts'
import { requireTool } from '../../support/tools.ts'

const ENTRIES: Entry[] = [
  { path: 'dev', type: 'folder' },
  { path: 'root', type: 'folder', mode: 0o700 },
  { path: 'dev/console', type: 'device', major: 5, minor: 1 },
  { path: 'dev/null', type: 'device', major: 1, minor: 3, mode: 0o666 },
  { path: 'empty', type: 'file', content: Buffer.alloc(0) },
  { path: 'a', type: 'file', content: Buffer.from('a'), mode: 0o755 },
  { path: 'ab', type: 'file', content: Buffer.from('ab') },
  { path: 'abc', type: 'file', content: Buffer.from('abc') },
  { path: 'abcd', type: 'file', content: Buffer.from('abcd') },
  { path: '/grüße', type: 'file', content: Buffer.alloc(5000, 'x') },
  { path: 'link', type: 'link', target: 'dev/null' },
]

test('cpio lists every entry with its kind, mode, size and target', () => {
  if (!requireTool('cpio', 'cpio')) return
  const listing = execFileSync('cpio', ['-itv', '--quiet'], {
    input: writeCpio(ENTRIES),
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  })
  const lines = listing
    .trimEnd()
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' ').replace('Jan 1 1970 ', ''))
  assert.equal(lines, [
    'drwxr-xr-x 2 root root 0 dev',
    'drwx------ 2 root root 0 root',
    'crw------- 1 root root 5, 1 dev/console',
    'crw-rw-rw- 1 root root 1, 3 dev/null',
    '-rw-r--r-- 1 root root 0 empty',
    '-rwxr-xr-x 1 root root 1 a',
    '-rw-r--r-- 1 root root 2 ab',
    '-rw-r--r-- 1 root root 3 abc',
    '-rw-r--r-- 1 root root 4 abcd',
    '-rw-r--r-- 1 root root 5000 grüße',
    'lrwxrwxrwx 1 root root 8 link -> dev/null',
  ])
})

test('cpio gives back every content', () => {
  if (!requireTool('cpio', 'cpio')) return
  const archive = writeCpio(ENTRIES)
  for (const entry of ENTRIES) {
    if (entry.type !== 'file' || entry.path.startsWith('/')) continue
    const content = execFileSync('cpio', ['-i', '--quiet', '--to-stdout', entry.path], { input: archive })
    assert.is(content.equals(Buffer.from(entry.content)), true, entry.path)
  }
})

test('the same entries give the same bytes, a multiple of four of them', () => {
  const archive = writeCpio(ENTRIES)
  assert.is(archive.equals(writeCpio(ENTRIES)), true)
  assert.is(archive.length % 4, 0)
  assert.is(archive.toString('latin1', 0, 6), '070701')
})

test.run()
