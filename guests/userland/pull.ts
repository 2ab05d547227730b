// Brings a Debian root file system into the cache: as a folder, and as a disk that a guest can mount.

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { OrlopError } from '../../cli/error.ts'
import { cacheFolder, makeFolder, readJson, withLock, withScratch, writeJson } from '../cache.ts'
import { type ArchiveOptions, openArchive } from '../debian/archive.ts'
import type { PackageRecord } from '../debian/packages.ts'
import type { Archive } from '../debian/repository.ts'
import { silent, type Work } from '../progress.ts'
import { close } from './closure.ts'
import { makeDisk, runTool } from './disk.ts'
import { editionOf, type SystemName, SYSTEMS } from './systems.ts'

export interface PullOptions
  extends Work,
    Pick<ArchiveOptions, 'mirror' | 'keyring' | 'transport' | 'env' | 'aptFolder' | 'pauseMs'> {
  /** Look for newer packages although the cache has the system. Default: false. */
  refresh?: boolean
  /** Default: the user's cache folder. */
  cache?: string
}

/** A root file system in the cache. Nobody may write to it: other machines read it, too. */
export interface Userland {
  /** The folder with the files. */
  root: string
  /** A raw image of a disk whose ext4 file system, without partitions, has the same files. */
  disk: string
  /** What it was made of, as `name version`. */
  packages: string[]
}

/** What the cache holds, by system; `current.json` in the cache's `userland` folder. */
type Current = Partial<Record<SystemName, { edition: string; folder: string }>>

const AT_ONCE = 2

/** Makes sure that the cache has a system, fetching and building it if not. A system that is there is used as it is. */
export async function pullUserland(name: SystemName, options: PullOptions = {}): Promise<Userland> {
  const { cache = cacheFolder(), refresh = false } = options
  const found = refresh ? undefined : await findUserland(name, cache)
  if (found !== undefined) return found
  const top = join(cache, 'userland')
  return withLock(
    top,
    async () => {
      // Another process may have done the work while this one waited.
      const meanwhile = refresh ? undefined : await findUserland(name, cache)
      if (meanwhile !== undefined) return meanwhile
      const current = await readJson<Current>(join(top, 'current.json'))
      const edition = editionOf(SYSTEMS[name])
      const folder = await build(name, edition, top, options)
      await writeJson(join(top, 'current.json'), { ...current, [name]: { edition, folder } } satisfies Current)
      const userland = await findUserland(name, cache)
      if (userland === undefined) throw new OrlopError(`The cache ${top} was emptied meanwhile; try again.`, 1)
      return userland
    },
    options,
  )
}

/** The system in the cache, if it is there and was made by the present recipe. Never uses the network. */
export async function findUserland(name: SystemName, cache = cacheFolder()): Promise<Userland | undefined> {
  const top = join(cache, 'userland')
  const kept = (await readJson<Current>(join(top, 'current.json')))?.[name]
  if (kept === undefined || kept.edition !== editionOf(SYSTEMS[name])) return undefined
  const file = (part: string) => join(top, kept.folder, part)
  const packages = await readJson<string[]>(file('packages.json'))
  if (packages === undefined || !existsSync(file('root')) || !existsSync(file('disk'))) return undefined
  return { root: file('root'), disk: file('disk'), packages }
}

/** Builds a system in a folder below `top`, unless there is one of the same packages; gives the folder's name. */
async function build(name: SystemName, edition: string, top: string, options: PullOptions): Promise<string> {
  // The archive would tell of each package; a line for all of them is enough.
  const { report = silent, ...quiet } = options
  const system = SYSTEMS[name]
  report({ step: 'Reading the package lists' })
  const archive = await openArchive({ ...quiet, folder: join(top, 'lists') })
  const records = await close(archive, system, options)
  const packages = records.map(({ name, version }) => `${name} ${version}`)
  const hash = createHash('sha256').update(packages.join()).digest('hex').slice(0, 8)
  const folder = `${name}_${edition}_${hash}`
  if (existsSync(join(top, folder))) return folder
  await makeFolder(join(top, folder), async (temporary) => {
    const root = join(temporary, 'root')
    await mkdir(root)
    await withScratch(join(top, 'download'), async (scratch) => {
      await fetchAll(archive, records, scratch, options)
      await unpackAll(records, scratch, root, options)
    })
    for (const path of system.drop) await rm(join(root, path), { recursive: true, force: true })
    await system.prepare?.(root)
    report({ step: `Making the disk of ${name}` })
    await makeDisk(join(temporary, 'disk'), root, system.diskMib)
    await writeJson(join(temporary, 'packages.json'), packages)
  })
  return folder
}

async function fetchAll(archive: Archive, records: PackageRecord[], folder: string, work: Work): Promise<void> {
  const total = records.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  let done = 0
  const waiting = [...records]
  const fetchNext = async () => {
    for (let record = waiting.shift(); record !== undefined; record = waiting.shift()) {
      work.signal?.throwIfAborted()
      await archive.fetch(record, debOf(record, folder))
      done += record.sizeBytes
      work.report?.({ step: `Downloading ${records.length} packages`, done, total })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, fetchNext))
}

async function unpackAll(records: PackageRecord[], folder: string, root: string, work: Work): Promise<void> {
  // It brings the links from /bin, /lib and /sbin into /usr, through which others may unpack.
  const isFirst = ({ name }: PackageRecord) => name === 'base-files'
  const sorted = [...records.filter(isFirst), ...records.filter((record) => !isFirst(record))]
  let done = 0
  for (const record of sorted) {
    const deb = debOf(record, folder)
    await runTool('dpkg-deb', ['--extract', deb, root], 'dpkg', work.signal)
    await rm(deb)
    work.report?.({ step: 'Unpacking packages', done: (++done / sorted.length) * 100, total: 100, unit: 'percent' })
  }
}

function debOf({ name }: PackageRecord, folder: string): string {
  return join(folder, `${name}.deb`)
}
