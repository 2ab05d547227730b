// What the guest finds in its first file system.

import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { buildInitramfs, listApplets, type Module } from '../../../guests/initramfs/initramfs.ts'
import { readRecipe, recipePath } from '../../../guests/recipe.ts'
import { requireTool } from '../../support/tools.ts'
import { bareBusybox } from '../debian/repository.ts'

const module = (name: string, depends: string[] = [], aliases: string[] = [], before: string[] = []): Module => ({
  info: { name, depends, aliases, before },
  content: Buffer.from(name),
})

const MODULES = [
  module('virtio_mmio'),
  module('ext4', ['jbd2', 'mbcache'], ['fs-ext4'], ['crypto-crc32c']),
  module('jbd2', [], [], ['crypto-crc32c']),
  module('mbcache'),
  module('crc32c_generic', [], ['crypto-crc32c']),
]

function contentOf(archive: Buffer, path: string): string {
  return execFileSync('cpio', ['-i', '--quiet', '--to-stdout', path], { input: archive, encoding: 'utf8' })
}

test('the applets are read from the binary itself', () => {
  assert.equal(listApplets(bareBusybox()).slice(0, 3), ['[', '[[', 'ash'])
})

test('a binary without a table of applets is refused', () => {
  assert.throws(() => listApplets(Buffer.from('nothing')), /list of programs inside busybox/)
  assert.throws(() => listApplets(Buffer.from('[\0[[\0zcat\0ash\0\0')), /list of programs inside busybox/)
})

test('every applet is a link to busybox, except those that need a real init', () => {
  if (!requireTool('cpio', 'cpio')) return
  const listing = execFileSync('cpio', ['-itv', '--quiet'], {
    input: buildInitramfs({ busybox: bareBusybox() }),
    encoding: 'utf8',
  })
  assert.match(listing, /^-rwxr-xr-x .* bin\/busybox$/m)
  assert.match(listing, / bin\/sh -> busybox$/m)
  assert.match(listing, /^-rwxr-xr-x .* init$/m)
  assert.match(listing, /^crw------- .* 5, +1 .* dev\/console$/m)
  assert.not.match(listing, / bin\/init/)
  assert.not.match(listing, / bin\/busybox ->/)
  assert.not.match(listing, /lib\/modules/)
})

test('a module is loaded after all that it needs or wishes for', () => {
  if (!requireTool('cpio', 'cpio')) return
  const archive = buildInitramfs({ busybox: bareBusybox(), release: '6.12', modules: MODULES })
  const dependencies = contentOf(archive, 'lib/modules/6.12/modules.dep')
  assert.match(dependencies, /^ext4\.ko: mbcache\.ko jbd2\.ko crc32c_generic\.ko$/m)
  assert.match(dependencies, /^virtio_mmio\.ko:$/m)
  assert.match(contentOf(archive, 'lib/modules/6.12/modules.alias'), /^alias fs-ext4 ext4$/m)
  assert.is(contentOf(archive, 'lib/modules/first'), '/lib/modules/6.12/virtio_mmio.ko\n')
  assert.is(contentOf(archive, 'lib/modules/6.12/ext4.ko'), 'ext4')
})

test('the scripts of the guest are sound shell', () => {
  for (const name of ['initramfs/init', 'initramfs/udhcpc']) {
    execFileSync('sh', ['-n', recipePath(name)])
    assert.match(readRecipe(name).toString(), /^#!\/bin\/sh\n# [A-Z]/)
  }
})

test('a recipe that is not there gives one sentence', () => {
  assert.throws(
    () => recipePath('nothing/here'),
    /^Error: Cannot find guests\/nothing\/here|Cannot find guests\/nothing\/here/,
  )
})

test.run()
