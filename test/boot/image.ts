// Disk images with a file system, made, read and checked by the host's own tools.

import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { requireTool } from '../support/tools.ts'

/** Where Debian keeps what only root needs; it need not be on a user's PATH. */
process.env.PATH = `${process.env.PATH}:/usr/sbin:/sbin`

/** Whether the host can make file systems. */
export function canMakeImages(): boolean {
  return ['mke2fs', 'e2fsck', 'debugfs'].every((tool) => requireTool(tool, 'e2fsprogs'))
}

/** Makes the ext4 image `path` of `mib` MiB with these files in it. */
export function makeImage(path: string, mib: number, files: Record<string, Buffer | string> = {}): string {
  const root = `${path}.files`
  mkdirSync(root, { recursive: true })
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  makeBlank(path, mib)
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', root, path])
  return path
}

/** Makes an image of `mib` MiB of zeroes that takes no room. */
export function makeBlank(path: string, mib: number): string {
  writeFileSync(path, '')
  truncateSync(path, mib * 2 ** 20)
  return path
}

/** What a check of the whole file system has against it; empty: nothing. */
export function faultsOf(path: string): string {
  const { status, stdout } = spawnSync('e2fsck', ['-fn', path], { encoding: 'utf8' })
  return status === 0 ? '' : stdout
}

/** Does what the next mount would do: brings what the journal has to its place. */
export function replayJournal(path: string): void {
  spawnSync('e2fsck', ['-fy', path])
}

/** The content of a file in the image, read around the guest. */
export function readFromImage(path: string, name: string): Buffer {
  const target = `${path}.dump`
  execFileSync('debugfs', ['-R', `dump ${name} ${target}`, path], { stdio: 'ignore' })
  return readFileSync(target)
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

/**
 * Makes an ext4 image of `mib` MiB on what was full of ones, whose inode tables the guest still has to zero; gives
 * the byte ranges of those tables that no inode lies in.
 */
export function makeUnzeroedImage(path: string, mib: number): [start: number, end: number][] {
  const block = 1024
  writeFileSync(path, Buffer.alloc(mib * 2 ** 20, 0xff))
  const options = ['-b', String(block), '-O', '^flex_bg', '-E', 'lazy_itable_init=1,nodiscard']
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', ...options, path])
  const groups = execFileSync('dumpe2fs', [path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const tables = groups.matchAll(/INODE_UNINIT[^\]]*\](?:.|\n)*?Inode table at (\d+)-(\d+)/g)
  return [...tables].map(([, first, last]) => [Number(first) * block, (Number(last) + 1) * block])
}
