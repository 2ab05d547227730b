// A folder becomes an ext4 disk whose files are root's, whoever has unpacked them.

import { execFileSync } from 'node:child_process'
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { giveToRoot, makeDisk, runTool } from '../../../guests/userland/disk.ts'
import { canMakeImages, faultsOf, readFromImage } from '../../boot/image.ts'
import { inScratch, refuses } from '../scratch.ts'

async function makeTree(folder: string): Promise<string> {
  const tree = join(folder, 'tree')
  await mkdir(join(tree, 'usr/bin'), { recursive: true })
  await writeFile(join(tree, 'usr/bin/tool [1]'), 'a tool\n')
  await chmod(join(tree, 'usr/bin/tool [1]'), 0o4755)
  await symlink('usr/bin', join(tree, 'bin'))
  return tree
}

const statOf = (disk: string, path: string) =>
  execFileSync('debugfs', ['-R', `stat "${path}"`, disk], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

test(
  'files, links and modes are on the disk, and the file system has no fault',
  inScratch(async (folder) => {
    if (!canMakeImages()) return
    const disk = join(folder, 'disk')
    await makeDisk(disk, await makeTree(folder), 16)
    assert.is(readFromImage(disk, '"/usr/bin/tool [1]"').toString(), 'a tool\n')
    assert.match(statOf(disk, '/usr/bin/tool [1]'), /Mode: +04755/)
    assert.match(statOf(disk, '/bin'), /Type: symlink/)
    assert.is(faultsOf(disk), '')
  }),
)

test(
  'root owns what another user has unpacked',
  inScratch(async (folder) => {
    if (!canMakeImages()) return
    const [disk, tree] = [join(folder, 'disk'), await makeTree(folder)]
    await makeDisk(disk, tree, 16)
    execFileSync('debugfs', ['-w', '-R', 'set_inode_field "/usr/bin/tool [1]" uid 1000', disk], { stdio: 'ignore' })
    assert.match(statOf(disk, '/usr/bin/tool [1]'), /User: +1000/)
    await giveToRoot(disk, tree)
    for (const path of ['/usr', '/usr/bin/tool [1]', '/bin']) assert.match(statOf(disk, path), /User: +0 +Group: +0 /)
    assert.is(faultsOf(disk), '')
  }),
)

test('a program that is missing is named with its package', async () => {
  await refuses(runTool('no-such-tool', [], 'e2fsprogs'), /no-such-tool.*apt-get install e2fsprogs/)
})

test(
  'a folder that does not fit is refused with what mke2fs says',
  inScratch(async (folder) => {
    if (!canMakeImages()) return
    const tree = await makeTree(folder)
    await writeFile(join(tree, 'large'), Buffer.alloc(3 * 2 ** 20, 1))
    await refuses(makeDisk(join(folder, 'disk'), tree, 2), /mke2fs failed: /)
  }),
)

test.run()
