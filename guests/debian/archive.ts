// A Debian archive as the guest supply sees it: packages by name, checked. Through the machine's own apt where there is
// one, by HTTP otherwise.

import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { OrlopError } from '../../cli/error.ts'
import { silent, type Work } from '../progress.ts'
import { openApt } from './apt.ts'
import { openHttp } from './http.ts'
import { DEBIAN_KEYRING } from './release.ts'
import { type Archive, type Place, UnevenArchive } from './repository.ts'
import { findDebianArchive, readSources } from './sources.ts'

/** The suite that guests come from, and their architecture. */
export const SUITE = 'trixie'
/** Its folders in an archive, as long as it is the stable one: a cache can have one up to date and the other not. */
const DIRECTORIES = [SUITE, 'stable']
export const ARCHITECTURE = 'riscv64'

export interface ArchiveOptions extends Work {
  /** Where lists may be kept between calls. */
  folder: string
  /** The archive's URI. Default: $ORLOP_DEBIAN_MIRROR, else that of the machine's own apt sources. */
  mirror?: string | undefined
  /** Path of the archive's keys. Default: $ORLOP_DEBIAN_KEYRING, else Debian's own place for them. */
  keyring?: string | undefined
  /** Default: apt where the machine has it. */
  transport?: 'apt' | 'http' | undefined
  /** Default: that of this process. */
  env?: NodeJS.ProcessEnv
  /** Folder of apt's configuration. Default: /etc/apt. */
  aptFolder?: string
  /** Time between attempts where the archive is being updated. Default: 10 s. */
  pauseMs?: number
}

/** An archive in the middle of an update is asked so often, with so much time between. */
const TRIES = 3
const PAUSE_MS = 10_000

/** Opens the archive: its lists are brought up to date and checked. */
export async function openArchive(options: ArchiveOptions): Promise<Archive> {
  const { env = process.env, folder, report, signal } = options
  const keyring = options.keyring ?? (env.ORLOP_DEBIAN_KEYRING || DEBIAN_KEYRING)
  const mirror = options.mirror ?? (env.ORLOP_DEBIAN_MIRROR || undefined)
  const hasApt = hasProgram('apt-get', env) && hasProgram('apt-cache', env)
  const place = {
    folder,
    keyring,
    suite: SUITE,
    architecture: ARCHITECTURE,
    ...(report && { report }),
    ...(signal && { signal }),
  }

  if (options.transport === 'apt' || (options.transport === undefined && hasApt && existsSync(keyring))) {
    const uri = mirror ?? findDebianArchive(readSources(options.aptFolder))
    if (uri === undefined)
      throw new OrlopError(
        "There is no Debian archive among this machine's apt sources; set ORLOP_DEBIAN_MIRROR to one.",
      )
    return openEven(openApt, { ...place, uri }, options)
  }
  const uri = mirror ?? (hasApt ? findDebianArchive(readSources(options.aptFolder)) : undefined)
  if (uri === undefined || !/^https?:/.test(uri)) {
    throw new OrlopError(
      'Cannot reach a Debian archive: this machine has no apt; set ORLOP_DEBIAN_MIRROR to the http address of a mirror.',
    )
  }
  return openEven(openHttp, { ...place, uri }, options)
}

/** Opens an archive by the first of its suite's names under which list and files agree; waits for one where none does. */
async function openEven(
  open: (place: Place) => Promise<Archive>,
  place: Omit<Place, 'directory'>,
  { pauseMs = PAUSE_MS }: ArchiveOptions,
): Promise<Archive> {
  const { report = silent, signal } = place
  let first: UnevenArchive | undefined
  for (let tries = 0; tries < TRIES; tries++) {
    if (tries > 0) {
      report({ step: `Waiting for the archive, whose lists of ${place.suite} are being updated` })
      await setTimeout(pauseMs, undefined, { signal })
    }
    for (const directory of DIRECTORIES) {
      try {
        return await open({ ...place, directory })
      } catch (error) {
        signal?.throwIfAborted()
        // What another name of the suite leads to is no reason: not each archive has one.
        if (error instanceof UnevenArchive) first ??= error
        else if (first === undefined) throw error
      }
    }
  }
  throw first
}

/** Whether a program of this name is on the path. */
export function hasProgram(name: string, env: NodeJS.ProcessEnv = process.env): boolean {
  return (env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return folder !== ''
    } catch {
      return false
    }
  })
}
