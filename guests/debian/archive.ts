// A Debian archive as the guest supply sees it: packages by name, checked. Through the machine's own apt where there is
// one, by HTTP otherwise.

import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { OrlopError } from '../../cli/error.ts'
import type { Work } from '../progress.ts'
import { openApt } from './apt.ts'
import { openHttp } from './http.ts'
import { DEBIAN_KEYRING } from './release.ts'
import type { Archive } from './repository.ts'
import { findDebianArchive, readSources } from './sources.ts'

/** The suite that guests come from, and their architecture. */
export const SUITE = 'trixie'
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
}

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
    return openApt({ ...place, uri })
  }
  const uri = mirror ?? (hasApt ? findDebianArchive(readSources(options.aptFolder)) : undefined)
  if (uri === undefined || !/^https?:/.test(uri)) {
    throw new OrlopError(
      'Cannot reach a Debian archive: this machine has no apt; set ORLOP_DEBIAN_MIRROR to the http address of a mirror.',
    )
  }
  return openHttp({ ...place, uri })
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
