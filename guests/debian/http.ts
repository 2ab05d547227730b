// A Debian archive by plain HTTP, for machines without apt: signature, index and package are checked one by the other.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { OrlopError } from '../../cli/error.ts'
import { writeWhole } from '../cache.ts'
import { silent } from '../progress.ts'
import { decompress } from './deb.ts'
import { newest, type PackageRecord, parseStanzas, toRecord } from './packages.ts'
import { type Listed, readKeyring, verifyRelease } from './release.ts'
import { type Archive, checkFile, type Place, UnevenArchive } from './repository.ts'

/** A server that sends nothing for so long is given up. */
const STALL_MS = 60_000
/** No release file is larger (Debian's are under 200 KB). */
const RELEASE_LIMIT_BYTES = 4 << 20

/** Fetches and checks the suite's release file and package index, and gives the archive. */
export async function openHttp(place: Place): Promise<Archive> {
  const { suite, directory, architecture, folder, report = silent } = place
  const root = place.uri.replace(/\/+$/, '')
  const keyring = await readKeyring(place.keyring)
  await mkdir(folder, { recursive: true })

  const step = `Reading the package lists of ${suite}`
  report({ step })
  const signed = join(folder, 'InRelease')
  await download(`${root}/dists/${directory}/InRelease`, signed, place, { step, limitBytes: RELEASE_LIMIT_BYTES })
  const release = await verifyRelease(await readFile(signed, 'utf8'), { keyring, suite })

  const { path, listed } = chooseIndex(release.files, `main/binary-${architecture}/Packages`, suite)
  const index = join(folder, `${listed.sha256.slice(0, 16)}-${path.split('/').pop()}`)
  const asRecord: PackageRecord = { name: `the package list of ${suite}`, version: '', path, depends: [], ...listed }
  if ((await sizeOf(index)) !== listed.sizeBytes) {
    const name = release.hasByHash ? path.replace(/[^/]+$/, `by-hash/SHA256/${listed.sha256}`) : path
    await download(`${root}/dists/${directory}/${name}`, index, place, { step, expected: asRecord }).catch((cause) => {
      const why = cause instanceof OrlopError ? cause.message : undefined
      throw why === undefined ? cause : new UnevenArchive(why, 1, { cause })
    })
  } else {
    await checkFile(index, asRecord)
  }

  return {
    async find(name) {
      const record = newest(await findInIndex(index, name))
      if (record === undefined)
        throw new OrlopError(`There is no package ${name} in Debian ${suite} for ${architecture}.`, 1)
      return record
    },
    async fetch(record, path) {
      const escaped = record.path.split('/').map(encodeURIComponent).join('/')
      await download(`${root}/${escaped}`, path, place, { step: `Downloading ${record.name}`, expected: record })
    },
  }
}

/** The compressed index that this program can read, xz first. */
function chooseIndex(files: Map<string, Listed>, name: string, suite: string): { path: string; listed: Listed } {
  for (const path of [`${name}.xz`, `${name}.gz`]) {
    const listed = files.get(path)
    if (listed !== undefined) return { path, listed }
  }
  throw new OrlopError(`The archive lists no ${name}.xz for ${suite}; use a mirror that carries this architecture.`, 1)
}

/** The records of one package in a compressed index, read line by line: unpacked it has 50 MB. */
async function findInIndex(path: string, name: string): Promise<PackageRecord[]> {
  const records: PackageRecord[] = []
  const lines: string[] = []
  const take = () => {
    if (lines[0] === `Package: ${name}`)
      records.push(...parseStanzas(lines.join('\n')).flatMap((fields) => toRecord(fields) ?? []))
    lines.length = 0
  }
  for await (const line of createInterface({
    input: decompress(createReadStream(path), path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (line === '') take()
    else lines.push(line)
  }
  take()
  return records
}

interface Download {
  step: string
  /** Its size and hash must be met. */
  expected?: PackageRecord
  /** Without `expected`: more than this is refused. */
  limitBytes?: number
}

/** Brings `url` to `path`; nothing appears there unless it is complete and as expected. */
async function download(
  url: string,
  path: string,
  { report = silent, signal }: Place,
  { step, expected, limitBytes }: Download,
): Promise<void> {
  const stall = new AbortController()
  const stop = AbortSignal.any([stall.signal, ...(signal === undefined ? [] : [signal])])
  let timer = setTimeout(() => stall.abort(), STALL_MS)
  const total = expected?.sizeBytes
  try {
    const response = await fetch(url, { signal: stop, redirect: 'follow' })
    if (!response.ok || response.body === null) {
      await response.body?.cancel()
      throw new OrlopError(
        `The server answers ${response.status} for ${url}; check the mirror, or try again with "--refresh".`,
        1,
      )
    }
    await writeWhole(path, async (temporary) => {
      const file = await open(temporary, 'w')
      const hash = createHash('sha256')
      let done = 0
      try {
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
          clearTimeout(timer)
          timer = setTimeout(() => stall.abort(), STALL_MS)
          done += chunk.length
          if (done > (total ?? limitBytes ?? Number.POSITIVE_INFINITY))
            throw wrong(url, `it is larger than ${total ?? limitBytes} bytes`)
          hash.update(chunk)
          await file.write(chunk)
          report({ step, done, ...(total === undefined ? {} : { total }) })
        }
      } finally {
        await file.close()
      }
      if (expected === undefined) return
      if (done !== expected.sizeBytes) throw wrong(url, `it ends after ${done} of ${expected.sizeBytes} bytes`)
      if (hash.digest('hex') !== expected.sha256) throw wrong(url, 'its SHA-256 is not the one in the signed index')
    })
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof OrlopError || (cause as NodeJS.ErrnoException).syscall === 'open') throw cause
    if (stall.signal.aborted)
      throw new OrlopError(
        `The server sent nothing for ${STALL_MS / 1000} s (${url}); check the network and try again.`,
        1,
        { cause },
      )
    const why = ((cause as Error).cause as Error | undefined)?.message ?? (cause as Error).message
    throw new OrlopError(`Cannot fetch ${url} (${why}); check the network and the mirror, then try again.`, 1, {
      cause,
    })
  } finally {
    clearTimeout(timer)
  }
}

function wrong(url: string, why: string): OrlopError {
  return new OrlopError(`The download of ${url} is not as it should be: ${why}; try again or use another mirror.`, 1)
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size
}
