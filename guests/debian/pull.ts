// Brings Debian's riscv64 kernel and a static busybox into the cache, and makes the initramfs that starts them.

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OrlopError } from '../../cli/error.ts'
import { cacheFolder, makeFolder, readJson, withLock, withScratch, writeJson, writeWhole } from '../cache.ts'
import { buildInitramfs, GUEST_MODULES } from '../initramfs/initramfs.ts'
import { silent, type Work } from '../progress.ts'
import { type ArchiveOptions, openArchive, SUITE } from './archive.ts'
import { collect, unpackDeb, type UnpackOptions } from './deb.ts'
import { kernelImage, readModules, unpackKernel } from './kernel.ts'
import type { PackageRecord } from './packages.ts'
import type { Archive } from './repository.ts'

export interface PullOptions
  extends Work,
    Pick<ArchiveOptions, 'mirror' | 'keyring' | 'transport' | 'env' | 'aptFolder' | 'pauseMs'> {
  /** Look for newer packages although the cache is complete. Default: false. */
  refresh?: boolean
  /** Default: the user's cache folder. */
  cache?: string
}

/** A guest that can be started. */
export interface Pulled {
  /** Path of the flat kernel image. */
  kernel: string
  /** Path of the initramfs. */
  initrd: string
  /** The kernel package's version. */
  version: string
}

/** What the cache holds, by part; `current.json` in the cache's `debian` folder. */
type Current = Partial<Record<Part, Kept>>
interface Kept {
  package: string
  version: string
  folder: string
  sha256: string
  /** The recipe's edition at that time. */
  edition: string
}
type Part = 'kernel' | 'busybox'

/** How a part is found in the archive and unpacked. */
interface Recipe {
  /** Changes when the unpacked folder must hold something else: what was unpacked by another edition is not used. */
  edition: string
  choose(archive: Archive): Promise<PackageRecord>
  unpack(deb: string, folder: string, options: UnpackOptions): Promise<void>
}

const RECIPES: Record<Part, Recipe> = {
  kernel: {
    edition: createHash('sha256').update(GUEST_MODULES.join()).digest('hex').slice(0, 8),
    async choose(archive) {
      const meta = await archive.find('linux-image-riscv64')
      const name = meta.depends.find((wish) => /^linux-image-\d.*-riscv64$/.test(wish))
      if (name === undefined)
        throw new OrlopError(`The package linux-image-riscv64 ${meta.version} names no kernel; use another mirror.`, 1)
      return archive.find(name)
    },
    unpack: unpackKernel,
  },
  busybox: {
    edition: '1',
    choose: (archive) => archive.find('busybox-static'),
    async unpack(deb, folder, options) {
      let isThere = false
      await unpackDeb(
        deb,
        async ({ path, content }) => {
          if (!/^(usr\/)?bin\/busybox$/.test(path)) return
          isThere = true
          await writeFile(join(folder, 'busybox'), await collect(content), { mode: 0o755 })
        },
        options,
      )
      if (!isThere)
        throw new OrlopError('There is no bin/busybox in the package busybox-static; use another mirror.', 1)
    },
  },
}

/**
 * Makes sure that the cache holds Debian's kernel with its initramfs, fetching what is missing. Without `refresh`, a
 * complete cache is used as it is and the network is left alone.
 */
export async function pullDebian(options: PullOptions = {}): Promise<Pulled> {
  await pullParts(['kernel', 'busybox'], options)
  const pulled = await findDebian(options.cache)
  if (pulled === undefined) throw new OrlopError('The cache was emptied meanwhile; run "orlop pull debian" again.', 1)
  return pulled
}

/** Makes sure that the cache holds a static busybox and gives its path. */
export async function pullBusybox(options: PullOptions = {}): Promise<string> {
  const current = await pullParts(['busybox'], options)
  return join(debianFolder(options.cache), current.busybox?.folder ?? '', 'busybox')
}

/** The guest in the cache, with an initramfs made of the present recipe; undefined where it was never pulled. */
export async function findDebian(cache = cacheFolder()): Promise<Pulled | undefined> {
  const root = debianFolder(cache)
  const { kernel, busybox } = await readCurrent(root)
  if (kernel === undefined || busybox === undefined) return undefined
  const folder = join(root, kernel.folder)
  const content = buildInitramfs({
    busybox: await readFile(join(root, busybox.folder, 'busybox')),
    ...(await readModules(folder)),
  })
  return {
    kernel: kernelImage(folder),
    initrd: await storeInitramfs(cache, 'debian', content),
    version: kernel.version,
  }
}

/** The initramfs for a kernel that needs no modules; undefined where busybox was never pulled. */
export async function findPlainInitramfs(cache = cacheFolder()): Promise<string | undefined> {
  const root = debianFolder(cache)
  const { busybox } = await readCurrent(root)
  if (busybox === undefined) return undefined
  return storeInitramfs(
    cache,
    'plain',
    buildInitramfs({ busybox: await readFile(join(root, busybox.folder, 'busybox')) }),
  )
}

async function pullParts(parts: Part[], options: PullOptions): Promise<Current> {
  const { cache = cacheFolder(), refresh = false, report = silent, signal } = options
  const root = debianFolder(cache)
  const before = await readCurrent(root)
  if (!refresh && parts.every((part) => before[part] !== undefined)) return before

  return withLock(
    root,
    async () => {
      // Another process may have done the work while this one waited.
      const current = await readCurrent(root)
      const missing = parts.filter((part) => refresh || current[part] === undefined)
      if (missing.length === 0) return current
      const archive = await openArchive({ ...options, folder: join(root, 'lists') })
      for (const part of missing) {
        current[part] = await pullPart(part, archive, root, { report, ...(signal && { signal }) })
        await writeJson(join(root, 'current.json'), current)
      }
      return current
    },
    options,
  )
}

async function pullPart(part: Part, archive: Archive, root: string, { report = silent, signal }: Work): Promise<Kept> {
  const { choose, unpack, edition } = RECIPES[part]
  const record = await choose(archive)
  const { name, version, sha256 } = record
  const folder = `${name}_${version.replaceAll(':', '%3a')}_${edition}`
  if (!existsSync(join(root, folder))) {
    const step = `Unpacking ${name} ${version}`
    await withScratch(join(root, 'download'), async (scratch) => {
      const deb = join(scratch, 'package.deb')
      await archive.fetch(record, deb)
      await makeFolder(join(root, folder), (temporary) =>
        unpack(deb, temporary, { progress: (done, total) => report({ step, done, total }), ...(signal && { signal }) }),
      )
    })
  }
  return { package: name, version, folder, sha256, edition }
}

/** What is really there: an entry whose folder is gone, or was made by another edition of the recipe, counts as missing. */
async function readCurrent(root: string): Promise<Current> {
  const current = (await readJson<Current>(join(root, 'current.json'))) ?? {}
  const isUsable = ([part, kept]: [string, Kept]) =>
    kept.edition === RECIPES[part as Part]?.edition && existsSync(join(root, kept.folder))
  return Object.fromEntries(Object.entries(current).filter(isUsable))
}

/** Named by its content, so that a newer recipe never replaces a file that a running machine reads. */
async function storeInitramfs(cache: string, kind: string, content: Buffer): Promise<string> {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16)
  const path = join(cache, 'initramfs', `${kind}-${hash}.cpio`)
  if (!existsSync(path)) await writeWhole(path, (temporary) => writeFile(temporary, content))
  return path
}

function debianFolder(cache = cacheFolder()): string {
  return join(cache, 'debian', `${SUITE}-riscv64`)
}
