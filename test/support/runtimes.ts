// The runtimes for WASI that the image is tried under, in the versions that `npm run runtimes` installs, and Node's own.

import { findRuntime, RUNTIMES } from '../../build/runtimes-pinned.ts'
import { commandFor } from '../wasi/runtime.ts'
import { MissingTool, requireOracle } from './tools.ts'

export interface Runtime {
  name: string
  /** The command that runs an image with these words; the folder, if there is one, is its "/". */
  command(image: string, folder: string | undefined, words?: string[]): string[]
}

export const nodeWasi: Runtime = {
  name: 'node:wasi',
  command: (image, folder, words) => commandFor(folder, { image, args: words }),
}

/** All names but Node's own. */
export const NAMES = RUNTIMES.map(({ name }) => name)

/** A runtime by its name; undefined, after one line that says why, where a user's machine does not have it. */
export function runtime(name: string): Runtime | undefined {
  return requireOracle(() => {
    const pinned = RUNTIMES.find((known) => known.name === name)
    const path = pinned && findRuntime(pinned)
    if (pinned === undefined || path === undefined) {
      throw new MissingTool(`${name} ${pinned?.version} is not installed; run "npm run runtimes"`)
    }
    return { name, command: pinned.program === 'wasmer' ? wasmer(path) : wasmtime(path) }
  })
}

function wasmtime(path: string): Runtime['command'] {
  return (image, folder, words = []) => [path, 'run', ...(folder ? [`--dir=${folder}::/`] : []), image, ...words]
}

/** A folder that it is given as "/" is written in memory only. */
function wasmer(path: string): Runtime['command'] {
  return (image, folder, words = []) => [
    path,
    'run',
    ...(folder ? ['--volume', `${folder}:/machine`] : []),
    image,
    '--',
    ...words,
  ]
}
