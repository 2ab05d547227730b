// A Debian with systemd as a machine: all that one must be told to boot it to a login prompt.

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder, writeWhole } from '../cache.ts'
import { writeCpio } from '../initramfs/cpio.ts'
import { readRecipe } from '../recipe.ts'
import { type PullOptions, pullUserland } from './pull.ts'

/** A kernel with the initramfs that loads its drivers. */
export interface Kernel {
  kernel: string
  initrd: string
}

export interface Machine extends Kernel {
  /**
   * Raw image of the root file system, to be the first virtio-blk disk. The system writes to it: give each machine a
   * copy of its own.
   */
  disk: string
  /** The kernel's command line, for any machine with a 16550 as its console. */
  commandLine: string
  /** RAM that is enough, in MiB. */
  memoryMib: number
  /** What the console shows when the system is up. */
  prompt: string
}

/** The systemd Debian for a kernel, from the cache; what is missing is fetched and built. */
export async function systemdMachine(kernel: Kernel, options: PullOptions = {}): Promise<Machine> {
  const { disk } = await pullUserland('systemd', options)
  return {
    kernel: kernel.kernel,
    initrd: await storeInitrd(kernel.initrd, options.cache),
    disk,
    commandLine: 'console=ttyS0 cryptomgr.notests quiet',
    memoryMib: 256,
    prompt: 'orlop login: ',
  }
}

/** The initramfs with our init instead of its own: the kernel unpacks archives that follow each other. */
async function storeInitrd(initrd: string, cache = cacheFolder()): Promise<string> {
  const init = writeCpio([{ path: 'init', type: 'file', content: readRecipe('userland/init'), mode: 0o755 }])
  const content = Buffer.concat([await readFile(initrd), init])
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16)
  const path = join(cache, 'initramfs', `disk-${hash}.cpio`)
  if (!existsSync(path)) await writeWhole(path, (temporary) => writeFile(temporary, content))
  return path
}
