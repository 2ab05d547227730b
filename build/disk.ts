// The disk of `npm start`: a small ext4 file system with a letter in it.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder, withScratch, writeWhole } from '../guests/cache.ts'

const SIZE = 64 * 2 ** 20
/** What stands in the letter; `npm start -- --once` looks for it. */
export const LETTER = 'This file lies on a disk image of the host. What you write here is still there next time.'
export const LETTER_NAME = 'letter.txt'

export interface Disk {
  path: string
  /** Whether there is a file system on it: without mke2fs there is not. */
  isFormatted: boolean
}

/** The demo disk in the user's cache folder, made the first time. */
export function demoDisk(): Promise<Disk> {
  return diskIn(join(cacheFolder(), 'demo'))
}

/** The disk in `folder`, made if it is not there. One without a file system is replaced once mke2fs is on this host. */
export async function diskIn(folder: string): Promise<Disk> {
  const formatted = join(folder, 'disk.ext4')
  if (existsSync(formatted)) return { path: formatted, isFormatted: true }
  await mkdir(folder, { recursive: true })
  const mke2fs = findTool('mke2fs')
  if (mke2fs !== undefined) {
    await writeWhole(formatted, (image) => format(mke2fs, image))
    return { path: formatted, isFormatted: true }
  }
  const blank = join(folder, 'disk.blank')
  if (!existsSync(blank)) await writeWhole(blank, makeBlank)
  return { path: blank, isFormatted: false }
}

/** What a check of the file system has against it; undefined: nothing, or nobody here can check. */
export function faultsOf({ path, isFormatted }: Disk): string | undefined {
  const e2fsck = findTool('e2fsck')
  if (!isFormatted || e2fsck === undefined) return undefined
  const { status, stdout } = spawnSync(e2fsck, ['-fn', path], { encoding: 'utf8' })
  return status === 0 ? undefined : stdout.trim()
}

async function makeBlank(image: string): Promise<void> {
  await writeFile(image, '')
  await truncate(image, SIZE)
}

/** Fills the file system from a folder, for which nobody needs to be root. */
async function format(mke2fs: string, image: string): Promise<void> {
  await withScratch(`${image}.files`, async (files) => {
    await writeFile(join(files, LETTER_NAME), `${LETTER}\n`)
    await makeBlank(image)
    execFileSync(mke2fs, ['-q', '-F', '-t', 'ext4', '-L', 'orlop', '-E', 'root_owner=0:0', '-d', files, image])
  })
}

/** A tool for file systems: these lie where an ordinary user's PATH may not lead. */
export function findTool(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => path.startsWith('/') && existsSync(path))
}
