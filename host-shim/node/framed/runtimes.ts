// The runtimes for WASI that a machine can be a program under, and how each is started.

import { readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { E_IO, E_UNSUPPORTED } from '../../../hypervisor/abi.ts'
import { MachineError } from '../../error.ts'
import { planMemory } from '../../machine.ts'
import { packPages } from '../../trained-image.ts'
import { STREAM_MEMORY } from '../../stream.ts'
import { fitImage, WASM_PAGE } from '../../wasm-image.ts'
import { findArtefact } from '../artefact.ts'
import { ENGINE_FLAGS } from '../engine.ts'
import { refusal } from '../file.ts'
import { clearTemporary, makeTemporary } from '../temporary.ts'
import { Program, type ProgramOptions } from './program.ts'

export type RuntimeName = 'wasmtime' | 'wasmer' | 'node-wasi'

export interface RuntimeOptions {
  name: RuntimeName
  /** Path of the runtime. For node-wasi: of Node. */
  program: string
  /** Path of the image. Default: the one that was built. */
  image?: string
  /** Folders that the machine's disks lie in; it may read and write these, and nothing else. */
  folders: string[]
}

/** An engine's memory may end below 4 GiB. */
const PAGES_MOST = 65535
/** No runtime takes longer to read its image. */
const READ_MS = 3_600_000

/**
 * Without the first Node 20 calls node:wasi in a way that spoils the stack of its caller: many runs end with a
 * segmentation fault.
 */
export const NODE_WASI_FLAGS = ['--no-turbo-fast-api-calls', '--no-warnings', ...ENGINE_FLAGS]

/** What runs the image in a process of Node. */
const NODE_WASI = `
const { readFileSync } = require('node:fs')
const { WASI } = require('node:wasi')
const [image, folders, ...args] = process.argv.slice(1)
const wasi = new WASI({ version: 'preview1', args: [image, ...args], preopens: JSON.parse(folders), returnOnExit: false })
const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(image)), wasi.getImportObject())
wasi.start(instance)
`

/** Starts the image with so much RAM for guests; of its memory `codeBytes` are for decoded code. Throws MachineError when it has not been built. */
export function startRuntime(
  { name, program, image: path, folders }: RuntimeOptions,
  memoryBytes: number,
  options: Pick<ProgramOptions, 'wake' | 'fail' | 'warn'>,
): { program: Program; codeBytes: number } {
  const image = makeImage(memoryBytes, path)
  // A machine that fails may take this process along before its program is gone.
  process.once('exit', image.remove)
  const begun = () => {
    process.off('exit', image.remove)
    image.remove()
  }
  // Who has said something has read it.
  const started = new Program({ ...options, name, begun, command: commandOf(name, program, image.path, folders) })
  void started.gone.then(begun)
  return { program: started, codeBytes: image.codeBytes }
}

/**
 * Makes an image with so much RAM for guests, in a folder for temporary files; of its memory `codeBytes` are for decoded code. Removes
 * images that were left behind. Throws MachineError.
 */
export function makeImage(memoryBytes: number, from?: string): { path: string; codeBytes: number; remove(): void } {
  const built = from ?? findArtefact('orlop-wasi.wasm')
  if (built === undefined) {
    throw new MachineError(E_UNSUPPORTED, 'The image for WASI has not been built yet; run "npm run build" first.')
  }
  const image = readImage(built)
  const folder = makeTemporary('image')
  clearTemporary('image', READ_MS)
  const path = join(folder, 'orlop.wasm')
  const remove = () => {
    try {
      rmSync(path, { force: true })
      rmdirSync(folder)
    } catch {
      // It has been removed, or will be when it is old.
    }
  }
  try {
    const { bytes, codeBytes } = planMemory(memoryBytes + STREAM_MEMORY + packPages(image) * WASM_PAGE)
    writeFileSync(path, Buffer.concat(fitImage(image, Math.min(PAGES_MOST, Math.ceil(bytes / WASM_PAGE)))))
    return { path, codeBytes, remove }
  } catch (error) {
    remove()
    throw refusal(tmpdir(), error)
  }
}

function readImage(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new MachineError(E_IO, `The image ${path} cannot be read (${(cause as Error).message}); check the path.`, {
      cause,
    })
  }
}

/** The command that runs an image with a management stream; it has the folders as /d0, /d1 and so on. */
export function commandOf(name: RuntimeName, program: string, image: string, folders: string[]): string[] {
  const words = ['--port=framed']
  switch (name) {
    case 'wasmtime':
      return [program, 'run', ...folders.flatMap((path, i) => ['--dir', `${path}::/d${i}`]), image, ...words]
    case 'wasmer':
      return [program, 'run', ...folders.flatMap((path, i) => ['--volume', `${path}:/d${i}`]), image, '--', ...words]
    case 'node-wasi': {
      const preopens = JSON.stringify(Object.fromEntries(folders.map((path, i) => [`/d${i}`, path])))
      return [program, ...NODE_WASI_FLAGS, '-e', NODE_WASI, image, preopens, ...words]
    }
  }
}
