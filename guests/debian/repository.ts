// What every way to a Debian archive is given, what it gives, and the check that both ways share.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { OrlopError } from '../../cli/error.ts'
import type { Work } from '../progress.ts'
import type { PackageRecord } from './packages.ts'

export interface Place extends Work {
  /** The archive's root. */
  uri: string
  suite: string
  /** The suite's folder below `dists`: its name, or another one of the same suite, such as "stable". */
  directory: string
  architecture: string
  /** Path of the archive's keys. */
  keyring: string
  /** Where lists are kept. */
  folder: string
}

export interface Archive {
  /** The newest version of the package called `name`; throws where there is none. */
  find(name: string): Promise<PackageRecord>
  /** Brings the package to `path`, with its size and hash checked. */
  fetch(record: PackageRecord, path: string): Promise<void>
}

/** The archive's signed list of files and the files are of different days: it is being updated, or copied piece by piece. */
export class UnevenArchive extends OrlopError {}

/** Throws unless the file has the size and the hash that the index gives. */
export async function checkFile(path: string, { name, sizeBytes, sha256 }: PackageRecord): Promise<void> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk)
    bytes += chunk.length
  }
  if (bytes !== sizeBytes)
    throw new OrlopError(`The download of ${name} is ${bytes} bytes and not ${sizeBytes}; try again.`, 1)
  if (hash.digest('hex') !== sha256)
    throw new OrlopError(`The download of ${name} has the wrong SHA-256; try again or use another mirror.`, 1)
}
