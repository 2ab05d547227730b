// The guest that is started when the user names none: the lean kernel where one was built, Debian's otherwise.

import { cacheFolder } from './cache.ts'
import { findDebian } from './debian/pull.ts'
import { findLean } from './linux/build.ts'

export interface FoundGuest {
  /** Path of the flat kernel image. */
  kernel: string
  /** Path of the initramfs that fits it. */
  initrd: string
  kind: 'lean' | 'debian'
  /** Version of the kernel's package. */
  version: string
}

/** The guest in the cache, or undefined where nothing was pulled or built yet. Never uses the network. */
export async function findGuest(cache = cacheFolder()): Promise<FoundGuest | undefined> {
  const lean = await findLean(cache)
  if (lean !== undefined) return { kernel: lean.kernel, initrd: lean.initrd, kind: 'lean', version: lean.version }
  const debian = await findDebian(cache)
  return debian && { ...debian, kind: 'debian' }
}
