// What a machine runs on: threads of this process, or a runtime for WASI, which is looked for where users have it.

import { accessSync, constants, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { RuntimeName, RuntimeOptions } from '../host-shim/node/framed/runtimes.ts'
import { cacheFolder } from '../guests/cache.ts'
import { OrlopError } from './error.ts'
import { near } from './near.ts'

export const RUNTIMES = ['node', 'wasmtime', 'wasmer', 'node-wasi'] as const

/**
 * What the words after --runtime and --image mean, for a machine with disks at these paths; undefined: Node itself. Throws OrlopError.
 */
export function readRuntime(word: string, disks: string[], image?: string): RuntimeOptions | undefined {
  if (word === 'node') {
    if (image === undefined) return undefined
    throw new OrlopError('--image: It is for a runtime for WASI; give one with --runtime.')
  }
  const name = RUNTIMES.find((known) => known === word)
  if (name === undefined || name === 'node') {
    const similar = near(word, [...RUNTIMES])
    const hint = similar.length > 0 ? `did you mean ${similar.join(' or ')}?` : `there are ${RUNTIMES.join(', ')}.`
    throw new OrlopError(`--runtime: "${word}" is no runtime; ${hint}`)
  }
  if (image !== undefined && !isReadable(image)) {
    throw new OrlopError(`--image: ${image} cannot be read; "orlop train" makes such a file.`)
  }
  return {
    name,
    program: name === 'node-wasi' ? process.execPath : findProgram(name),
    image,
    folders: foldersOf(disks),
  }
}

/** The folders that these files really lie in. One that is missing is told about when its guest is made. */
function foldersOf(paths: string[]): string[] {
  const folders = paths.flatMap((path) => {
    try {
      return [dirname(realpathSync(path))]
    } catch {
      return []
    }
  })
  return [...new Set(folders)]
}

/** Where the runtime is: as the environment says, on the PATH, or where `npm run runtimes` puts it. */
function findProgram(name: RuntimeName): string {
  const variable = `ORLOP_${name.toUpperCase()}`
  const told = process.env[variable]
  if (told) {
    if (isProgram(told)) return told
    throw new OrlopError(`${variable} says "${told}", which is no program; correct it, or unset it.`)
  }
  const places = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const paths = [...places, join(cacheFolder(), 'runtimes', name, 'bin')].map((folder) => join(folder, name))
  const found = paths.find(isProgram)
  if (found !== undefined) return found
  throw new OrlopError(
    `${name} is not installed; install it, run "npm run runtimes", or say in ${variable} where it is.`,
    1,
  )
}

function isReadable(path: string): boolean {
  return can(path, constants.R_OK)
}

function isProgram(path: string): boolean {
  return can(path, constants.X_OK)
}

function can(path: string, what: number): boolean {
  try {
    accessSync(path, what)
    return true
  } catch {
    return false
  }
}
