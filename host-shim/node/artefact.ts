// Finds what the build has made: the kernel, and the machine's thread.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The path of a file in build/out. Looks upwards from this very program for the folder of the project, so that it is
 * found from the sources as well as from a bundle in build/out itself. Undefined: nobody has built it yet.
 */
export function findArtefact(name: string): string | undefined {
  const path = join(projectFolder(), 'build', 'out', name)
  return existsSync(path) ? path : undefined
}

/** The version of the project, as package.json has it. */
export function projectVersion(): string {
  return (JSON.parse(readFileSync(join(projectFolder(), 'package.json'), 'utf8')) as { version: string }).version
}

function projectFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || folder === dirname(folder)) return folder
  }
}
