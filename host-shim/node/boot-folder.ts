// Writes boot folders: each file is there as a whole or not at all, and a folder that is not finished has no guests.

import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { E_BAD_ARG, E_BUSY, E_IO } from '../../hypervisor/abi.ts'
import { BUNDLE_IMAGE } from '../bundle.ts'
import { MachineError } from '../error.ts'
import { packPages } from '../trained-image.ts'
import { fitImage } from '../wasm-image.ts'
import { type Bundle, type BundledMachine, type BundleFile, makeBundle } from './bundle.ts'
import { type OpenFile, refusal } from './file.ts'

export interface WriteOptions {
  /** Replaces disks that are there, although guests may have written to them. Default: false. */
  force?: boolean
  /** Told of what is being copied, and how many of its bytes are. Default: nobody is. */
  report?(name: string, done: number, total: number): void
  /** Ends the work early; what is whole by then stays. */
  signal?: AbortSignal
}

/** What the files of a boot folder are called, and those that are not finished. */
const OURS = /^(\d+\.(guest|network|image-\d+|disk-\d+)|orlop\.wasm)(\.part)?$/
const DISK = /^\d+\.disk-\d+$/
const UNFINISHED = '.part'
const PIECE_BYTES = 1 << 20
const NOTHING = Buffer.alloc(PIECE_BYTES)

/** Makes a machine's bundle and writes the folder, with the image at `image`. Throws MachineError. */
export async function writeBundle(
  folder: string,
  machine: BundledMachine,
  image: string,
  options: WriteOptions = {},
): Promise<void> {
  const bundle = await makeBundle(machine)
  try {
    const own = readFileSync(image)
    const bytes = Buffer.concat(fitImage(own, bundle.pages + packPages(own)))
    await writeFolder(folder, [{ name: BUNDLE_IMAGE, from: bytes, role: 'part' }, ...bundle.files], options)
  } finally {
    bundle.close()
  }
}

/**
 * Writes these files into a folder, which is made if it is not there, and removes those of an earlier bundle. Throws MachineError,
 * with nothing changed, for a folder that has other files, or disks that guests may have written to.
 */
export async function writeFolder(folder: string, files: Bundle['files'], options: WriteOptions = {}): Promise<void> {
  try {
    makeFolder(folder)
    const there = readdirSync(folder)
    refuseStrangers(folder, there, options)
    refuseItself(folder, files)
    const names = new Set(files.map(({ name }) => name))
    // As long as there are no guests, nobody takes what is here for a machine.
    const guestsFirst = (name: string) => (name.endsWith('.guest') ? 0 : 1)
    for (const name of [...there].sort((a, b) => guestsFirst(a) - guestsFirst(b))) {
      if (name.endsWith('.guest') || !names.has(name)) rmSync(join(folder, name))
    }
    const parts = files.filter(({ role }) => role !== 'guest')
    const guests = files.filter(({ role }) => role === 'guest')
    for (const file of [...parts, ...guests.reverse()]) await writeWhole(join(folder, file.name), file, options)
  } catch (error) {
    throw refusal(folder, error)
  }
}

/** Writes a file beside its place first. Throws what the system says. */
export async function writeWhole(
  path: string,
  { name, from }: Omit<BundleFile, 'role'>,
  options: WriteOptions,
): Promise<void> {
  const part = `${path}${UNFINISHED}`
  try {
    if (from instanceof Uint8Array) writeFileSync(part, from)
    else await copy(name, from, part, options)
    renameSync(part, path)
  } catch (error) {
    rmSync(part, { force: true })
    throw error
  }
}

/** Makes the folder if it is not there. Node's `recursive` calls a read-only file system one without the folder above. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT') throw error
    mkdirSync(folder, { recursive: true })
  }
}

function refuseStrangers(folder: string, there: string[], { force = false }: WriteOptions): void {
  const stranger = there.find((name) => !OURS.test(name))
  if (stranger !== undefined) {
    throw new MachineError(
      E_BAD_ARG,
      `${folder} has "${stranger}", which is no file of a bundle; take an empty folder.`,
    )
  }
  const disk = there.find((name) => DISK.test(name))
  if (disk !== undefined && !force) {
    const why = 'to which its guest may have written; take another folder, or say --force to lose it'
    throw new MachineError(E_BUSY, `${folder} has the disk ${disk} of an earlier bundle, ${why}.`)
  }
}

/** What is copied must not be what is replaced. */
function refuseItself(folder: string, files: Bundle['files']): void {
  const place = realpathSync(folder)
  for (const { from } of files) {
    if (from instanceof Uint8Array || dirname(from.path) !== place) continue
    throw new MachineError(
      E_BAD_ARG,
      `${from.name} lies in ${folder}${sep} itself, which is to be written; take another folder.`,
    )
  }
}

/** Copies; where the file system can, the copy shares the blocks, and elsewhere zeroes stay holes. */
async function copy(name: string, from: OpenFile, to: string, { report, signal }: WriteOptions): Promise<void> {
  report?.(name, 0, from.sizeBytes)
  signal?.throwIfAborted()
  if (shares(from.path, to)) return
  const fd = openSync(to, 'w')
  try {
    const piece = Buffer.alloc(PIECE_BYTES)
    for (let done = 0; done < from.sizeBytes; ) {
      const count = readSync(from.fd, piece, 0, Math.min(PIECE_BYTES, from.sizeBytes - done), done)
      if (count === 0) throw new MachineError(E_IO, `${from.name} has become shorter while it was read; try again.`)
      if (!piece.subarray(0, count).equals(NOTHING.subarray(0, count))) writeFully(fd, piece.subarray(0, count), done)
      done += count
      report?.(name, done, from.sizeBytes)
      await breathe()
      signal?.throwIfAborted()
    }
    ftruncateSync(fd, from.sizeBytes)
  } finally {
    closeSync(fd)
  }
}

function writeFully(fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done)
}

function shares(from: string, to: string): boolean {
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE_FORCE)
  } catch {
    return false
  }
  chmodSync(to, 0o644)
  return true
}
