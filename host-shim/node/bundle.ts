// What a boot folder is made of (host-shim/bundle.ts): the files of a machine's guests, and how much memory its image needs.

import { closeSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import {
  ABI_VERSION,
  DISK_READ_ONLY,
  E_BAD_ARG,
  MACHINE_BYTES,
  MAP_SHARE,
  MAX_GUESTS,
  MAX_NETWORKS,
  NETWORK_SIZE,
  SPEC_CMDLINE,
  SPEC_CMDLINE_MAX,
} from '../../hypervisor/abi.ts'
import * as numbers from '../bundle.ts'
import { MachineError } from '../error.ts'
import { type NicSpec, packSpec } from '../guest-spec.ts'
import { type NetworkSpec, packNetwork } from '../networks.ts'
import { settingsOf } from '../settings.ts'
import { WASM_PAGE } from '../wasm-image.ts'
import { openDisks } from './disk.ts'
import type { OpenFile } from './file.ts'
import { openImages, orderImages } from './images.ts'
import type { GuestOptions } from './options.ts'

/** A guest of a boot folder: what a running one has, without what only a running one can have. */
export interface BundledGuest extends Omit<GuestOptions, 'output' | 'warn' | 'nets'> {
  /** Network devices; their networks are numbers in `BundledMachine.networks`. Default: none. */
  nets?: NicSpec[]
  /** After which ends of its life it begins anew by itself. Default: none. */
  restarts?: (keyof typeof RESTARTS)[]
}

export interface BundledMachine {
  guests: BundledGuest[]
  /** Default: none. */
  networks?: NetworkSpec[]
}

/** A file of a boot folder. */
export interface BundleFile {
  name: string
  from: OpenFile | Uint8Array
  /** What the machine is made of; what a guest only reads, or writes. */
  role: 'guest' | 'part' | 'disk' | 'written disk'
}

export interface Bundle {
  files: BundleFile[]
  /** Memory that the image needs from the start. */
  pages: number
  /** Closes the files that are to be copied. */
  close(): void
}

interface Entry {
  kind: number
  flags: number
  address: number
  path: string
}

const RESTARTS = {
  poweroff: numbers.BUNDLE_AFTER_POWEROFF,
  reset: numbers.BUNDLE_AFTER_RESET,
  crash: numbers.BUNDLE_AFTER_CRASH,
}

/** Opens all that guests in this order are made of. Throws MachineError when one cannot be as described. */
export async function makeBundle({ guests, networks = [] }: BundledMachine): Promise<Bundle> {
  refuseMore('guests', guests.length, 1, MAX_GUESTS)
  refuseMore('networks', networks.length, 0, MAX_NETWORKS)
  const maker = new Maker()
  try {
    const entries = networks.map((network, number) => maker.network(network, number))
    for (const [number, guest] of guests.entries()) {
      await maker.guest(guest, number, guests.length, number === 0 ? entries : [])
    }
  } catch (error) {
    maker.close()
    throw error
  }
  return { files: maker.files, pages: pagesFor(guests), close: () => maker.close() }
}

/** Pages of memory that kernel, guests and shim use. */
function pagesFor(guests: BundledGuest[]): number {
  const ramBytes = guests.reduce((sum, guest) => sum + guest.ramBytes, 0)
  const kernelPages = Math.ceil((MACHINE_BYTES + ramBytes + ramBytes / MAP_SHARE) / WASM_PAGE)
  return kernelPages + Math.ceil((guests.length * numbers.BUNDLE_GUEST_MEMORY) / WASM_PAGE)
}

class Maker {
  readonly files: BundleFile[] = []
  private readonly opened: OpenFile[] = []
  /** Names of the files that are only read, so that what many guests have is there once. */
  private readonly known = new Map<string, string>()
  private readonly written = new Map<string, string>()
  private diskCount = 0

  close(): void {
    for (const { fd } of this.opened.splice(0)) closeSync(fd)
  }

  network(spec: NetworkSpec, number: number): Entry {
    const bytes = new Uint8Array(NETWORK_SIZE)
    packNetwork(spec, bytes)
    const path = `${number}.network`
    this.files.push({ name: path, from: bytes, role: 'part' })
    return { kind: numbers.BUNDLE_NETWORK, flags: 0, address: number, path }
  }

  async guest(guest: BundledGuest, number: number, count: number, networks: Entry[]): Promise<void> {
    const { name = `${number}`, disks = [], seed } = guest
    const { images, start } = await orderImages(openImages(guest, this.opened))
    const entries = [...networks]
    for (const [i, { what, address, from }] of images.entries()) {
      const path =
        'bytes' in from ? this.add(`${number}.image-${i}`, from.bytes) : this.share(`${number}.image-${i}`, from)
      entries.push({ kind: what, flags: 0, address, path })
    }
    const firstDisk = this.diskCount
    for (const [i, { path, readOnly = false }] of disks.entries()) {
      entries.push(this.disk(path, readOnly, `${number}.disk-${i}`, name))
    }
    const spec = new Uint8Array(SPEC_CMDLINE + SPEC_CMDLINE_MAX)
    const { ramBytes, harts, commandLine, virtioConsole, translator, nets } = guest
    packSpec(
      {
        ...{ name, ramBytes, harts, commandLine, virtioConsole, translator, nets, ...start },
        seed: seed ?? randomBytes(8).readBigUInt64LE(),
        disks: disks.map(({ readOnly = false }, i) => ({ disk: firstDisk + i, readOnly })),
      },
      spec,
    )
    this.files.push({
      name: `${number}.guest`,
      from: pack({ ...guest, name }, number, count, entries, spec),
      role: 'guest',
    })
  }

  private disk(source: string, readOnly: boolean, path: string, guest: string): Entry {
    // What is to be written is a copy, so the file itself is only read.
    const disk = openDisks([{ path: source, readOnly: true }])[0] as OpenFile
    this.opened.push(disk)
    const writer = this.written.get(disk.identity)
    if (writer !== undefined || (!readOnly && this.known.has(disk.identity))) {
      const others = writer === undefined || writer === guest ? 'more than once' : `and "${writer}"`
      throw new MachineError(
        E_BAD_ARG,
        `"${guest}" ${others} cannot have ${source} unless all only read it; write ",ro" behind it, or give a copy.`,
      )
    }
    const address = this.diskCount++
    if (readOnly) {
      const name = this.share(path, disk, 'disk')
      return { kind: numbers.BUNDLE_DISK, flags: DISK_READ_ONLY, address, path: name }
    }
    this.written.set(disk.identity, guest)
    this.files.push({ name: path, from: disk, role: 'written disk' })
    return { kind: numbers.BUNDLE_DISK, flags: 0, address, path }
  }

  private add(name: string, bytes: Uint8Array): string {
    this.files.push({ name, from: bytes, role: 'part' })
    return name
  }

  private share(name: string, file: OpenFile, role: 'part' | 'disk' = 'part'): string {
    const found = this.known.get(file.identity)
    if (found !== undefined) return found
    this.known.set(file.identity, name)
    this.files.push({ name, from: file, role })
    return name
  }
}

/** The bytes of a guest's file. */
function pack(guest: BundledGuest, number: number, count: number, entries: Entry[], spec: Uint8Array): Uint8Array {
  refuseMore('files of one guest', entries.length, 0, numbers.BUNDLE_FILES_MAX)
  const settings = settingsOf(guest.settings ?? {})
  const settingsAt = numbers.BUNDLE_HEAD + entries.length * numbers.BUNDLE_FILE_SIZE
  const specAt = settingsAt + settings.length * numbers.BUNDLE_SETTING_SIZE
  const bytes = new Uint8Array(specAt + spec.length)
  const view = new DataView(bytes.buffer)
  const u32 = (at: number, value: number) => view.setUint32(at, value, true)
  u32(numbers.BUNDLE_MAGIC, numbers.BUNDLE_MAGIC_VALUE)
  u32(numbers.BUNDLE_VERSION_AT, numbers.BUNDLE_VERSION)
  u32(numbers.BUNDLE_ABI, ABI_VERSION)
  u32(numbers.BUNDLE_GUEST, number)
  u32(numbers.BUNDLE_GUESTS, count)
  u32(numbers.BUNDLE_FILES, entries.length)
  u32(numbers.BUNDLE_SPEC_BYTES, spec.length)
  u32(numbers.BUNDLE_SETTINGS, settings.length)
  bytes.set(new TextEncoder().encode(guest.name).subarray(0, numbers.BUNDLE_NAME_MAX), numbers.BUNDLE_NAME)
  const restarts = (guest.restarts ?? []).reduce((all, when) => all | (1 << RESTARTS[when]), 0)
  u32(numbers.BUNDLE_RESTARTS, restarts)
  for (const [i, { kind, flags, address, path }] of entries.entries()) {
    const at = numbers.BUNDLE_HEAD + i * numbers.BUNDLE_FILE_SIZE
    const letters = new TextEncoder().encode(path)
    u32(at + numbers.BUNDLE_FILE_KIND, kind)
    u32(at + numbers.BUNDLE_FILE_FLAGS, flags)
    view.setBigUint64(at + numbers.BUNDLE_FILE_ADDRESS, BigInt(address), true)
    u32(at + numbers.BUNDLE_FILE_PATH_BYTES, letters.length)
    bytes.set(letters, at + numbers.BUNDLE_FILE_PATH)
  }
  for (const [i, { what, value }] of settings.entries()) {
    const at = settingsAt + i * numbers.BUNDLE_SETTING_SIZE
    u32(at + numbers.BUNDLE_SETTING_WHAT, what)
    view.setFloat64(at + numbers.BUNDLE_SETTING_VALUE, value, true)
  }
  bytes.set(spec, specAt)
  return bytes
}

function refuseMore(what: string, count: number, least: number, most: number): void {
  if (count >= least && count <= most) return
  throw new MachineError(E_BAD_ARG, `A machine has ${least} to ${most} ${what}, not ${count}; change that.`)
}
