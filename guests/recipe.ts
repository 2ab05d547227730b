// Finds the recipe files of this room (shell scripts, the kernel's configuration) beside the sources.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OrlopError } from '../cli/error.ts'

/**
 * The path of a file under `guests/`. Looks upwards from this very program, so that it is found from the sources as
 * well as from a bundle in the build folder.
 */
export function recipePath(name: string): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const path = join(folder, 'guests', name)
    if (existsSync(path)) return path
    if (folder === dirname(folder))
      throw new OrlopError(`Cannot find guests/${name} above this program; run orlop from a whole checkout.`)
  }
}

export function readRecipe(name: string): Buffer {
  return readFileSync(recipePath(name))
}
