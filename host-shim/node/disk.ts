// The machine's disks on Node: raw files, read and written where they lie, straight from and into the machine's memory.
//
// What the host's page cache serves is done at once. What waits for a disk, or writes very much, goes to a thread of its own
// (transfers.ts), so that no CPU stands still for it.

import { closeSync, readvSync, writevSync } from 'node:fs'
import * as abi from '../../hypervisor/abi.ts'
import { MachineError } from '../error.ts'
import { type OpenFile, openFile } from './file.ts'

const SECTOR = 512
/** Zeroes are written in pieces of this size; more than one piece is not written at once. */
export const ZEROES = new Uint8Array(1 << 20)

export interface DiskOptions {
  /** Path of the raw image. */
  path: string
  /** Open it for reading only, and let the guest know. Default: false. */
  readOnly?: boolean
}

/** An open disk; like an open file, it can be handed to another thread. */
export interface Disk extends OpenFile {
  readOnly: boolean
}

/** Disk work that may take long. */
export interface Transfer {
  tag: number
  operation: number
  /** Number of the disk in the machine. */
  number: number
  disk: Disk
  start: number
  length: number
}

export interface DiskCallbacks {
  /** Told of each failure. */
  fail(disk: number, failure: DiskFailure): void
  /** Takes what is not done at once. */
  defer(transfer: Transfer): void
}

export interface DiskFailure {
  /** The same for failures of which the user need not hear twice. */
  key: string
  /** What the user should know, as a sentence. */
  text: string
}

/**
 * Opens disks of a guest. Throws MachineError, with nothing left open, when one is missing, not a file, of an odd size, or
 * used twice while one of the uses writes; `others` are disks of the machine's other guests.
 */
export function openDisks(options: DiskOptions[], others: Iterable<Disk> = []): Disk[] {
  const disks: Disk[] = []
  const users = new Map<string, boolean>()
  const strangers = new Map<string, boolean>()
  for (const { identity, readOnly } of others) strangers.set(identity, readOnly && strangers.get(identity) !== false)
  try {
    for (const { path, readOnly = false } of options) {
      const file = openFile(path, 'disk', `"truncate -s 1G ${path}" makes an empty one`, readOnly)
      disks.push({ ...file, readOnly })
      if (file.sizeBytes === 0 || file.sizeBytes % SECTOR !== 0) {
        const rule = `a disk has a multiple of ${SECTOR}, and at least one`
        throw refuse(
          `${file.name} has ${file.sizeBytes} bytes, but ${rule}; "truncate -s %${SECTOR} ${path}" fills it up.`,
        )
      }
      const other = users.get(file.identity)
      if (other !== undefined && !(readOnly && other)) {
        throw refuse(`${file.name} is given twice, and two writers would destroy it; give it once, or ",ro" each time.`)
      }
      users.set(file.identity, readOnly)
      const stranger = strangers.get(file.identity)
      if (stranger !== undefined && !(readOnly && stranger)) {
        throw refuse(`${file.name} belongs to another guest, and two writers would destroy it; give each its own copy.`)
      }
    }
  } catch (error) {
    closeDisks(disks)
    throw error
  }
  return disks
}

export function closeDisks(disks: Disk[]): void {
  for (const { fd } of disks) closeSync(fd)
}

/** What is to be told of an error of the host. */
export function failureOf(disk: Disk, error: NodeJS.ErrnoException): DiskFailure {
  const hint = error.code === 'ENOSPC' ? ' Make room on the host; the guest sees I/O errors until then.' : ''
  return { key: `${disk.name}\0${error.code}`, text: `${disk.name} has failed: ${error.message}.${hint}` }
}

/** Block functions for the kernel's imports, for the disks in `disks`. */
export function makeDisks(
  memory: WebAssembly.Memory,
  disks: ReadonlyMap<number, Disk>,
  { fail, defer }: DiskCallbacks,
) {
  const view = new DataView(memory.buffer)

  return {
    blockInfo(number: number, ptr: number): number {
      const found = disks.get(number >>> 0)
      if (found === undefined) return abi.E_BAD_ID
      view.setBigUint64((ptr >>> 0) + abi.BLOCK_INFO_BYTES, BigInt(found.sizeBytes), true)
      view.setUint32((ptr >>> 0) + abi.BLOCK_INFO_FLAGS, found.readOnly ? abi.DISK_READ_ONLY : 0, true)
      view.setUint32((ptr >>> 0) + abi.BLOCK_INFO_FLAGS + 4, 0, true)
      return abi.OK
    },

    blockSubmit(
      unit: number,
      operation: number,
      offset: bigint,
      bytes: bigint,
      segments: number,
      count: number,
      tag: number,
    ): number {
      const number = unit >>> 0
      const disk = disks.get(number)
      if (disk === undefined) return abi.E_BAD_ID
      // The import's u64 arrive as signed numbers.
      const start = Number(BigInt.asUintN(64, offset))
      const later = (length: number) => {
        defer({ tag: tag >>> 0, operation, number, disk, start, length })
        return abi.BLOCK_PENDING
      }
      try {
        switch (operation) {
          case abi.BLOCK_READ:
          case abi.BLOCK_WRITE: {
            const parts = readSegments(view, segments >>> 0, count >>> 0)
            const size = parts.reduce((sum, part) => sum + part.length, 0)
            if (start + size > disk.sizeBytes) return abi.E_IO
            if (operation === abi.BLOCK_READ) return transfer(readvSync, disk.fd, parts, start)
            return disk.readOnly ? abi.E_IO : transfer(writevSync, disk.fd, parts, start)
          }
          case abi.BLOCK_FLUSH:
            return disk.readOnly ? abi.BLOCK_DONE : later(0)
          case abi.BLOCK_DISCARD:
            // Node cannot punch holes, and a discarded sector may keep its content (virtio 1.2, section 5.2.6.2).
            return disk.readOnly ? abi.E_IO : abi.BLOCK_DONE
          case abi.BLOCK_WRITE_ZEROES: {
            const size = Number(BigInt.asUintN(64, bytes))
            if (disk.readOnly || start + size > disk.sizeBytes) return abi.E_IO
            if (size > ZEROES.length) return later(size)
            return transfer(writevSync, disk.fd, [ZEROES.subarray(0, size)], start)
          }
          default:
            return abi.E_BAD_ARG
        }
      } catch (error) {
        fail(number, failureOf(disk, error as NodeJS.ErrnoException))
        return abi.E_IO
      }
    },
  }
}

function refuse(message: string): MachineError {
  return new MachineError(abi.E_BAD_ARG, message)
}

/** The segments of a transfer as views: pairs of u32 pointer and u32 length. */
function readSegments(view: DataView, at: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const pair = at + 8 * i
    return new Uint8Array(view.buffer, view.getUint32(pair, true), view.getUint32(pair + 4, true))
  })
}

type Vectored = (fd: number, parts: Uint8Array[], position: number) => number

/** Linux takes at most 1024 parts in one call (IOV_MAX). */
const PARTS_MAX = 1024

/** Moves all bytes of all parts, however many the host takes at a time. */
function transfer(call: Vectored, fd: number, parts: Uint8Array[], start: number): number {
  let position = start
  let rest = parts.filter((part) => part.length > 0)
  while (rest.length > 0) {
    let moved = call(fd, rest.slice(0, PARTS_MAX), position)
    // The file has become shorter behind our back.
    if (moved === 0) return abi.E_IO
    position += moved
    let whole = 0
    while (whole < rest.length && moved >= rest[whole]!.length) moved -= rest[whole++]!.length
    rest = rest.slice(whole)
    if (moved > 0) rest[0] = rest[0]!.subarray(moved)
  }
  return abi.BLOCK_DONE
}
