// The image under node:wasi, in a process of its own, with a boot folder.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { OUT } from '../../build/artefact.ts'
import { NODE_WASI_FLAGS } from '../../host-shim/node/framed/runtimes.ts'
import { BUNDLE_IMAGE } from '../../host-shim/bundle.ts'
import { Talk, type TalkOptions } from '../boot/talk.ts'

const PROGRAM = `
import { readFileSync } from 'node:fs'
import { WASI } from 'node:wasi'
const [image, folder, ...args] = process.argv.slice(1)
const preopens = folder === '' ? {} : { '/': folder }
const wasi = new WASI({ version: 'preview1', args: [image, ...args], preopens })
const module = await WebAssembly.compile(readFileSync(image))
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()))
`

export const IMAGE = join(OUT, 'orlop-wasi.wasm')

export interface ImageOptions extends TalkOptions {
  /** Default: the folder's image, or the one that was built. */
  image?: string
  /** Words for it. Default: none. */
  args?: string[]
}

/** The command that runs an image; without a folder it has none. */
export function commandFor(folder: string | undefined, { image, args = [] }: ImageOptions = {}): string[] {
  const own = folder && join(folder, BUNDLE_IMAGE)
  const node = [process.execPath, ...NODE_WASI_FLAGS, '--input-type=module', '-e', PROGRAM]
  // A folder that is not there yet has an image when the command runs.
  const taken = image ?? (own && (existsSync(own) || !existsSync(folder)) ? own : IMAGE)
  return [...node, taken, folder ?? '', ...args]
}

export function startImage(folder: string | undefined, options: ImageOptions = {}): Talk {
  return new Talk(commandFor(folder, options), options)
}
