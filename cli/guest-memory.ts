// How much RAM a guest can have.

import { RAM_MAX } from '../host-shim/machine.ts'
import { OrlopError } from './error.ts'
import { showSize } from './size.ts'

export const MEMORY_DEFAULT = 128 * 2 ** 20
export const MEMORY_LEAST = 2 ** 20
const PAGE = 4096

/** The size of RAM in whole pages, if a machine can have that; throws OrlopError. */
export function checkMemory(bytes = MEMORY_DEFAULT): number {
  if (bytes < MEMORY_LEAST || bytes > RAM_MAX) {
    const limits = `from ${showSize(MEMORY_LEAST)} to ${showSize(RAM_MAX)}`
    throw new OrlopError(
      `A guest can have ${limits} of memory, not ${showSize(bytes)}; give for example --memory 128M.`,
    )
  }
  return wholePages(bytes)
}

export function wholePages(bytes: number): number {
  return Math.ceil(bytes / PAGE) * PAGE
}
