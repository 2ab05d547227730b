// Packages, whole and broken.

import { execFileSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { collect, listMembers, unpackDeb, unxz } from '../../../guests/debian/deb.ts'
import { requireTool } from '../../support/tools.ts'
import { inScratch, refuses } from '../scratch.ts'
import { ar, deb } from './repository.ts'

async function filesOf(path: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  await unpackDeb(path, async (file) => {
    files[file.path] = (await collect(file.content)).toString('latin1')
  })
  return files
}

test(
  'members of an ar archive are found, also behind one of odd size',
  inScratch(async (folder) => {
    const path = join(folder, 'a')
    await writeFile(
      path,
      ar([
        ['odd', Buffer.from('abc')],
        ['even/', Buffer.from('defg')],
      ]),
    )
    assert.equal(await listMembers(path), [
      { name: 'odd', offset: 68, sizeBytes: 3 },
      { name: 'even', offset: 132, sizeBytes: 4 },
    ])
  }),
)

for (const compression of ['xz', 'gzip', 'none']) {
  test(
    `a package that dpkg-deb made with ${compression} is unpacked`,
    inScratch(async (folder) => {
      if (!requireTool('dpkg-deb', 'dpkg')) return
      const tree = join(folder, 'tree')
      const big = 'x'.repeat(3_000_000)
      await mkdir(join(tree, 'DEBIAN'), { recursive: true })
      await mkdir(join(tree, 'usr/share'), { recursive: true })
      await writeFile(
        join(tree, 'DEBIAN/control'),
        'Package: p\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: p\n',
      )
      await writeFile(join(tree, 'usr/share/big'), big)
      await writeFile(join(tree, 'usr/share/small'), 'small')
      const path = join(folder, 'p.deb')
      execFileSync('dpkg-deb', [`-Z${compression}`, '--root-owner-group', '--build', tree, path], { stdio: 'ignore' })
      assert.equal(await filesOf(path), { 'usr/share/big': big, 'usr/share/small': 'small' })
    }),
  )
}

test(
  'a file that the caller leaves alone is skipped',
  inScratch(async (folder) => {
    const path = join(folder, 'p.deb')
    await writeFile(path, await deb({ first: Buffer.alloc(500_000, 1), second: Buffer.from('2') }))
    const seen: string[] = []
    await unpackDeb(path, async (file) => void seen.push(file.path))
    assert.equal(seen, ['first', 'second'])
  }),
)

test(
  'a package cut off at any place is refused with one sentence',
  inScratch(async (folder) => {
    const path = join(folder, 'p.deb')
    const whole = await deb({ file: Buffer.from('some content that is not very long') })
    for (const length of [0, 5, 30, 68, 100, 200, whole.length - 40]) {
      await writeFile(path, whole.subarray(0, length))
      await refuses(filesOf(path), /^Cannot unpack p\.deb: it /)
    }
  }),
)

test(
  'a package with damaged data is refused',
  inScratch(async (folder) => {
    const path = join(folder, 'p.deb')
    const whole = await deb({ file: Buffer.alloc(10_000, 7) })
    whole[whole.length - 30] = (whole[whole.length - 30] ?? 0) ^ 255
    await writeFile(path, whole)
    await refuses(filesOf(path), /^Cannot unpack p\.deb: /)
    await writeFile(path, ar([['debian-binary', Buffer.from('2.0\n')]]))
    await refuses(filesOf(path), /it has no data\.tar member/)
    const cutTar = ar([['data.tar', Buffer.concat([await plainTar(), Buffer.alloc(100)]).subarray(0, 600)]])
    await writeFile(path, cutTar)
    await refuses(filesOf(path), /^Cannot unpack p\.deb: /)
  }),
)

async function plainTar(): Promise<Buffer> {
  const tar = await import('tar-stream')
  const pack = tar.pack()
  pack.entry({ name: 'file' }, Buffer.alloc(2000, 1))
  pack.finalize()
  return collect(pack as unknown as Readable)
}

test(
  'unpacking ends when it is aborted',
  inScratch(async (folder) => {
    const path = join(folder, 'p.deb')
    await writeFile(path, await deb({ file: Buffer.alloc(1_000_000, 7), other: Buffer.from('o') }))
    const controller = new AbortController()
    const work = unpackDeb(path, async () => controller.abort(), { signal: controller.signal })
    const error = await work.then(
      () => undefined,
      (reason) => reason,
    )
    assert.is(error?.name, 'AbortError')
  }),
)

test(
  'an xz file is unpacked whole, and refused when cut or damaged',
  inScratch(async (folder) => {
    if (!requireTool('xz', 'xz-utils')) return
    const path = join(folder, 'file')
    const content = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * i) >> 7))
    await writeFile(path, content)
    execFileSync('xz', ['-k', '--check=crc32', path])
    const packed = await readFile(`${path}.xz`)
    assert.is((await collect(unxz(Readable.from([packed])))).equals(content), true)
    const damaged = Buffer.from(packed)
    damaged[packed.length >> 1] = (damaged[packed.length >> 1] ?? 0) ^ 1
    for (const bad of [packed.subarray(0, packed.length - 20), damaged]) {
      const error = await collect(unxz(Readable.from([bad]))).then(
        () => undefined,
        (reason) => reason,
      )
      assert.instance(error, Error)
    }
  }),
)

test.run()
