// `orlop bundle`: makes of a fleet file what any runtime for WASI boots, a folder or one file.

import { readFileSync } from 'node:fs'
import { BUNDLE_IMAGE } from '../host-shim/bundle.ts'
import { findArtefact } from '../host-shim/node/artefact.ts'
import { writeBundle } from '../host-shim/node/boot-folder.ts'
import type { BundledMachine } from '../host-shim/node/bundle.ts'
import { writeEmbedded } from '../host-shim/node/embedded-image.ts'
import { print, printJson } from './ask.ts'
import { OrlopError } from './error.ts'
import { type Flag, readWords } from './flags.ts'
import { planBundle } from './fleet/bundle.ts'
import { readFleetFile } from './fleet/file.ts'
import { asOrlopError } from './machine/refusal.ts'
import { withProgress } from './work.ts'

export const help = `Usage: orlop bundle -o FOLDER FLEET.yaml
       orlop bundle --embed -o FILE.wasm FLEET.yaml

Makes of a fleet file what any runtime for WASI (wasmtime, wasmer, Node) boots by itself: a folder with the image, the guests and
copies of their files, or one image with all of that in it. Nothing in it names this computer. The guests start with the machine,
and their networks lead nowhere but to each other; the rest of docs/bundle.md says how to run it.

  -o, --output X   the folder, or the file, to write
  --embed          write one file; disks that guests write, or of more than 64 MiB, go to FILE.disks beside it
  --image FILE     the image to take (default: the one that was built)
  --force          replace disks of an earlier bundle, to which its guests may have written
  --json           print what was written as JSON

Exit codes: 0 it is written; 2 bad input, or it cannot be written there; 130 interrupted.
`

const FLAGS: Record<string, Flag> = {
  output: { value: true, short: 'o' },
  embed: { value: false },
  image: { value: true },
  force: { value: false },
  json: { value: false },
}

/** Does what the words after "bundle" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  const { values, rest } = readWords('bundle', FLAGS, args)
  const [path, ...others] = rest
  if (path === undefined) throw new OrlopError('Give a fleet file: "orlop bundle -o FOLDER FLEET.yaml".')
  if (others.length > 0) throw new OrlopError(`Give one fleet file; "${others[0]}" is too much.`)
  const isEmbedded = values.has('embed')
  const output = values.get('output')?.[0]
  if (!output)
    throw new OrlopError(`Say where to: "orlop bundle ${isEmbedded ? '--embed -o FILE.wasm' : '-o FOLDER'} …".`)
  if (isEmbedded && !output.endsWith('.wasm')) {
    throw new OrlopError(`--output: An image's name ends with .wasm; "${output}" does not.`)
  }
  const image = imageAt(values.get('image')?.[0])
  const { machine, warnings } = planBundle(await readFleetFile(path))
  const written = await write(machine, output, image, isEmbedded, values.has('force'))
  const guests = machine.guests.map(({ name }) => name)
  if (values.has('json')) {
    printJson({ ...written, guests, warnings })
    return 0
  }
  for (const warning of warnings) process.stderr.write(`orlop: ${warning}\n`)
  const folder = written.folder === undefined ? '' : `--dir=${quoted(`${written.folder}::/`)} `
  const count = guests.length === 1 ? '1 guest' : `${guests.length} guests`
  print(`${output}: ${count}; for example: wasmtime run ${folder}${quoted(written.image)}\n`)
  return 0
}

/** Gives the image, and the folder that the runtime must give it. */
async function write(
  machine: BundledMachine,
  output: string,
  image: string,
  isEmbedded: boolean,
  force: boolean,
): Promise<{ image: string; folder?: string }> {
  try {
    return await withProgress(async (work) => {
      const report = (name: string, done: number, total: number) =>
        work.report({ step: `Copying ${name}`, done, total })
      const options = { force, report, signal: work.signal }
      if (!isEmbedded) {
        await writeBundle(output, machine, image, options)
        return { image: `${output.replace(/\/+$/, '')}/${BUNDLE_IMAGE}`, folder: output }
      }
      const disks = output.replace(/\.wasm$/, '.disks')
      const isBeside = await writeEmbedded(output, machine, { ...options, image, disks })
      return { image: output, ...(isBeside ? { folder: disks } : {}) }
    })
  } catch (error) {
    throw asOrlopError(error)
  }
}

function imageAt(given: string | undefined): string {
  const path = given ?? findArtefact('orlop-wasi.wasm')
  if (path === undefined)
    throw new OrlopError('The image for WASI has not been built yet; run "npm run build" first.', 1)
  try {
    readFileSync(path)
  } catch (cause) {
    throw new OrlopError(`--image: ${path} cannot be read: ${(cause as Error).message}.`, 2, { cause })
  }
  return path
}

/** The word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w./:=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
