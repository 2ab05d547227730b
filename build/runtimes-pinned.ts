// The runtimes for WASI that Orlop is tested with: their versions, how they are built, and where they are on this computer.

import { execFileSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { cacheFolder } from '../guests/cache.ts'

export interface Pinned {
  name: string
  /** What it is called as a program. */
  program: string
  /** Its package in Rust's own registry. */
  crate: string
  version: string
  /** What is built of it: compiling and running, as the stock program does it, and nothing that serves or uploads. */
  features: string
}

const WASMTIME = 'run,compile,cache,parallel-compilation,cranelift,wat,logging'

/** 48.0.8 is the newest wasmtime that rustc 1.95 compiles; 36 is the line with long support before it. */
export const RUNTIMES: readonly Pinned[] = [
  {
    name: 'wasmtime',
    program: 'wasmtime',
    crate: 'wasmtime-cli',
    version: '48.0.8',
    features: `${WASMTIME},backtrace`,
  },
  { name: 'wasmer', program: 'wasmer', crate: 'wasmer-cli', version: '7.4.2', features: 'cranelift,sys' },
  { name: 'wasmtime-36', program: 'wasmtime', crate: 'wasmtime-cli', version: '36.0.20', features: WASMTIME },
]

/** The folder that `npm run runtimes` puts a runtime into. */
export function folderOf({ name }: Pinned): string {
  return join(cacheFolder(), 'runtimes', name)
}

/** Where this runtime is in just this version: as ORLOP_WASMTIME and so on say, on the PATH, or in the cache; undefined: nowhere. */
export function findRuntime(pinned: Pinned): string | undefined {
  const told = process.env[`ORLOP_${pinned.name.toUpperCase().replace('-', '_')}`]
  const folders = [...(process.env.PATH ?? '').split(delimiter), join(folderOf(pinned), 'bin')]
  const paths = folders.filter((folder) => folder !== '').map((folder) => join(folder, pinned.program))
  return [...(told ? [told] : []), ...paths].find((path) => isProgram(path) && versionOf(path) === pinned.version)
}

/** What the program says of itself; undefined where it does not run. */
export function versionOf(path: string): string | undefined {
  try {
    const said = execFileSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return /\d+\.\d+\.\d+\S*/.exec(said)?.[0]
  } catch {
    return undefined
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
