// The user's cache folder: where guest systems are kept, and the rules by which several processes may write there.
//
// Nothing ever appears half-written: files and folders are made under a temporary name beside their place and renamed.
// The lock only saves double work. A holder touches its lock every few seconds, so that one left by a crash is
// recognised by its age, also where several machines share the folder.

import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { homedir, hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { OrlopError } from '../cli/error.ts'
import { silent, type Work } from './progress.ts'

const TEMPORARY = '.part-'
/** A temporary file this old belongs to nobody: no single step takes as long. */
const ABANDONED_MS = 6 * 3600_000
const BEAT_MS = 2_000
/** A lock of a process that this machine no longer knows is stale after this much silence; any other after the second. */
const STALE_DEAD_MS = 3 * BEAT_MS
const STALE_MS = 60_000

/** $ORLOP_CACHE, else $XDG_CACHE_HOME/orlop, else ~/.cache/orlop. The folder need not exist. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.ORLOP_CACHE) return env.ORLOP_CACHE
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'orlop')
  return join(homedir(), '.cache', 'orlop')
}

/** A name beside `path` that nobody else uses. */
export function temporaryName(path: string): string {
  return `${path}${TEMPORARY}${process.pid}-${randomBytes(4).toString('hex')}`
}

/** Makes the file `path` appear whole: `write` fills a temporary name, which is renamed when it returns. */
export async function writeWhole(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = temporaryName(path)
  try {
    await write(temporary)
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Makes the folder `path` appear whole. A folder that is already there is kept, and the new one thrown away. */
export async function makeFolder(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path)
  await mkdir(temporary, { recursive: true })
  try {
    await fill(temporary)
    await rename(temporary, path).catch(async (error) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** Runs `work` in a folder of its own beside `path`, which is gone afterwards. */
export async function withScratch<T>(path: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = temporaryName(path)
  await mkdir(folder, { recursive: true })
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The JSON value in a file, or undefined where the file is missing or is not JSON. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (error instanceof SyntaxError || code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeWhole(path, (temporary) => writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`))
}

interface Owner {
  pid: number
  host: string
}

/** Runs `work` while this process alone holds the lock of `folder`; waits for another holder and says so. */
export async function withLock<T>(
  folder: string,
  work: () => Promise<T>,
  { report = silent, signal }: Work = {},
): Promise<T> {
  await makeWritable(folder)
  const path = join(folder, '.lock')
  const mine = `${JSON.stringify({ pid: process.pid, host: hostname() } satisfies Owner)}\n`
  while (!(await takeLock(path, mine))) {
    const owner = await readJson<Owner>(path)
    if (await isStale(path, owner)) {
      await discard(path)
      continue
    }
    report({ step: `Waiting for process ${owner?.pid ?? '?'}, which uses ${folder}` })
    await sleep(250, undefined, { signal })
  }
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), BEAT_MS)
  beat.unref()
  try {
    await removeAbandoned(folder)
    return await work()
  } finally {
    clearInterval(beat)
    await rm(path, { force: true })
  }
}

async function makeWritable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
  } catch (cause) {
    const why = (cause as Error).message
    throw new OrlopError(
      `Cannot make the cache folder ${folder} (${why}); set ORLOP_CACHE to a folder that you can write.`,
      2,
      { cause },
    )
  }
}

async function takeLock(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    await file.writeFile(content)
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function isStale(path: string, owner: Owner | undefined): Promise<boolean> {
  const silentMs = await ageMs(path)
  if (silentMs === undefined) return false
  const isDead = owner !== undefined && owner.host === hostname() && !isAlive(owner.pid)
  return silentMs > (isDead ? STALE_DEAD_MS : STALE_MS)
}

/** Renames first, so that of several waiters only one removes this very lock. */
async function discard(path: string): Promise<void> {
  const aside = temporaryName(path)
  await rename(path, aside).catch(() => {})
  await rm(aside, { force: true })
}

async function ageMs(path: string): Promise<number | undefined> {
  try {
    return Date.now() - (await stat(path)).mtimeMs
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    if (name.includes(TEMPORARY) && ((await ageMs(path)) ?? 0) > ABANDONED_MS)
      await rm(path, { recursive: true, force: true })
  }
}
