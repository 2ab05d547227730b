// Writes an image that has a machine in it (BUNDLE_EMBEDDED in host-shim/bundle.ts): one file, which needs no other.

import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { E_BAD_ARG } from '../../hypervisor/abi.ts'
import * as numbers from '../bundle.ts'
import { MachineError } from '../error.ts'
import { packPages } from '../trained-image.ts'
import { fitImage, type Placed, WASM_PAGE } from '../wasm-image.ts'
import { type WriteOptions, writeFolder, writeWhole } from './boot-folder.ts'
import { type BundledMachine, type BundleFile, makeBundle } from './bundle.ts'
import { type OpenFile, readWhole, refusal } from './file.ts'

/** A disk that is only read and larger stays a file: each run has all of the image in its memory. */
const DISK_MOST = 64 << 20
const ALIGNMENT = 16
const WASM_MAGIC = Buffer.from([0x00, 0x61, 0x73, 0x6d])

export interface EmbedOptions extends WriteOptions {
  /** The image to take. */
  image: string
  /** Folder for disks that cannot be part of the image. */
  disks: string
}

/** Writes the image `to`; true: there are disks beside it. Throws MachineError. */
export async function writeEmbedded(to: string, machine: BundledMachine, options: EmbedOptions): Promise<boolean> {
  refuseStranger(to)
  const bundle = await makeBundle(machine)
  try {
    const beside = bundle.files.filter((file) => !fits(file))
    const data: { name: string; bytes: Uint8Array }[] = []
    for (const { name, from } of bundle.files.filter(fits)) {
      options.signal?.throwIfAborted()
      data.push({ name, bytes: from instanceof Uint8Array ? from : await readWhole(from as OpenFile) })
    }
    const own = readFileSync(options.image)
    const placed = place(data, (bundle.pages + packPages(own)) * WASM_PAGE)
    const end = placed.reduce((most, { address, bytes }) => Math.max(most, address + bytes.length), 0)
    const image = fitImage(own, Math.ceil(end / WASM_PAGE), placed)
    if (beside.length > 0) await writeFolder(options.disks, beside, options)
    await writeWhole(to, { name: basename(to), from: Buffer.concat(image) }, options).catch((error) => {
      throw refusal(to, error)
    })
    return beside.length > 0
  } finally {
    bundle.close()
  }
}

function fits({ role, from }: BundleFile): boolean {
  const size = from instanceof Uint8Array ? from.length : from.sizeBytes
  return role !== 'written disk' && (role !== 'disk' || size <= DISK_MOST)
}

/** The files one behind the other from `start` on, behind a list of them, and where the image finds that list. */
function place(files: { name: string; bytes: Uint8Array }[], start: number): Placed[] {
  const list = new Uint8Array(files.length * numbers.BUNDLE_EMBEDDED_SIZE)
  const view = new DataView(list.buffer)
  const placed: Placed[] = []
  let address = start + list.length
  for (const [i, { name, bytes }] of files.entries()) {
    const at = i * numbers.BUNDLE_EMBEDDED_SIZE
    const letters = new TextEncoder().encode(name)
    view.setUint32(at + numbers.BUNDLE_EMBEDDED_ADDRESS, address, true)
    view.setUint32(at + numbers.BUNDLE_EMBEDDED_BYTES, bytes.length, true)
    view.setUint32(at + numbers.BUNDLE_EMBEDDED_PATH_BYTES, letters.length, true)
    list.set(letters, at + numbers.BUNDLE_EMBEDDED_PATH)
    placed.push({ address, bytes })
    address += Math.ceil(bytes.length / ALIGNMENT) * ALIGNMENT
  }
  if (address > 2 ** 32) {
    const [guests, own] = [start, address - start].map((bytes) => Math.ceil(bytes / 2 ** 20))
    throw new MachineError(
      E_BAD_ARG,
      `An image with ${own} MiB in it and guests that need ${guests} MiB is too large; give them less memory, or leave --embed out.`,
    )
  }
  const head = new Uint8Array(8)
  new DataView(head.buffer).setUint32(0, start, true)
  new DataView(head.buffer).setUint32(4, files.length, true)
  return [{ address: numbers.BUNDLE_EMBEDDED, bytes: head }, { address: start, bytes: list }, ...placed]
}

/** A file that is no image is not ours to replace. Throws MachineError. */
export function refuseStranger(path: string): void {
  const magic = Buffer.alloc(WASM_MAGIC.length)
  try {
    const fd = openSync(path, 'r')
    try {
      readSync(fd, magic, 0, magic.length, 0)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw refusal(path, error)
  }
  if (!magic.equals(WASM_MAGIC)) {
    throw new MachineError(E_BAD_ARG, `${path} is there already and is no image; take another name.`)
  }
}
