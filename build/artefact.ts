// One product of the build: made anew only when the content of something that it is made from has changed.
//
// Beside NAME lies NAME.json, the record of the last time: every input with its hash. Products appear whole: they are
// made under a temporary name and renamed, so that tests may run while someone builds.

import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { ROOT } from './process.ts'

export const OUT = join(ROOT, 'build', 'out')

export interface Artefact {
  /** Name of the file in build/out. */
  name: string
  /** What must be there to begin with, relative to the project; a missing one is the first thing to say. */
  entry: string
  /** Everything that decides what the product looks like but is not among the sources: options, versions. */
  recipe: string
  /**
   * Makes the product (and whatever belongs beside it) in `folder`; gives the files that it was made from, relative
   * to the project. Throws BuildError with the tool's own words.
   */
  make(folder: string): Promise<string[]>
}

/** What a tool said against the sources. */
export class BuildError extends Error {}

export interface Made {
  sizeBytes: number
  /** Seconds of work; undefined: nothing had changed. */
  seconds: number | undefined
}

interface Record {
  recipe: string
  outputs: string[]
  inputs: { [path: string]: string }
}

/** Makes sure that the product is there and is that of the present sources. */
export async function provide(artefact: Artefact): Promise<Made> {
  const start = Date.now()
  if (!existsSync(join(ROOT, artefact.entry))) throw new BuildError(`${artefact.entry} is missing.`)
  const last = readRecord(artefact)
  if (last !== undefined && isCurrent(last, artefact)) return { sizeBytes: sizeOf(artefact.name), seconds: undefined }

  mkdirSync(OUT, { recursive: true })
  const folder = mkdtempSync(join(OUT, '.building-'))
  try {
    const inputs = await artefact.make(folder)
    const outputs = readdirSync(folder)
    const record: Record = { recipe: artefact.recipe, outputs, inputs: hashAll(inputs, start) }
    for (const name of outputs) renameSync(join(folder, name), join(OUT, name))
    writeFileSync(join(folder, 'record'), `${JSON.stringify(record, null, 1)}\n`)
    renameSync(join(folder, 'record'), recordPath(artefact))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return { sizeBytes: sizeOf(artefact.name), seconds: (Date.now() - start) / 1000 }
}

/** All files below a folder of the project whose name ends with `ending`, relative to the project, sorted. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && file.name.endsWith(ending))
    .map((file) => relative(ROOT, join(file.parentPath, file.name)))
    .sort()
}

function recordPath(artefact: Artefact): string {
  return join(OUT, `${artefact.name}.json`)
}

function readRecord(artefact: Artefact): Record | undefined {
  try {
    return JSON.parse(readFileSync(recordPath(artefact), 'utf8')) as Record
  } catch {
    return undefined
  }
}

function isCurrent(record: Record, artefact: Artefact): boolean {
  if (record.recipe !== artefact.recipe) return false
  if (!record.outputs.every((name) => existsSync(join(OUT, name)))) return false
  return Object.entries(record.inputs).every(([path, hash]) => hashOf(path) === hash)
}

/** Hash of each file; none for a file changed since `start`, of which nobody knows which state was built. */
function hashAll(paths: string[], start: number): { [path: string]: string } {
  const hash = (path: string) => (statSync(join(ROOT, path)).mtimeMs < start ? hashOf(path) : '-')
  return Object.fromEntries(paths.map((path) => [path, hash(path)]))
}

/** Hash of a file's content; "" for a file that is gone. */
function hashOf(path: string): string {
  const full = join(ROOT, path)
  if (!existsSync(full)) return ''
  return createHash('sha256').update(readFileSync(full)).digest('base64').slice(0, 22)
}

function sizeOf(name: string): number {
  return statSync(join(OUT, name)).size
}
