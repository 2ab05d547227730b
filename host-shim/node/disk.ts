// The machine's disks on Node: raw files, read and written where they lie, straight from and into the machine's memory.

import { closeSync, fdatasyncSync, readvSync, writevSync } from 'node:fs'
import * as abi from '../../hypervisor/abi.ts'
import { MachineError } from '../error.ts'
import { type OpenFile, openFile } from './file.ts'

const SECTOR = 512
/** Zeroes are written in pieces of this size, with a look between them whether the machine is to end. */
const ZEROES = new Uint8Array(1 << 20)

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

export interface DiskCallbacks {
  /** Told once for each kind of failure of each disk, as a sentence. */
  warn(message: string): void
  /** Is the machine to end? Long work is then cut short. */
  isStopped(): boolean
}

/**
 * Opens disks. Throws MachineError, with nothing left open, when one is missing, not a file, of an odd size, or
 * used twice while one of the uses writes.
 */
export function openDisks(options: DiskOptions[]): Disk[] {
  const disks: Disk[] = []
  const users = new Map<string, boolean>()
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

/** Block functions for the kernel's imports. Transfers are finished when they return: the host's page cache is quick. */
export function makeDisks(memory: WebAssembly.Memory, disks: Disk[], callbacks: DiskCallbacks) {
  const view = new DataView(memory.buffer)
  const warned = new Set<string>()

  function warnOnce(disk: Disk, error: NodeJS.ErrnoException): void {
    const key = `${disk.name}\0${error.code}`
    if (warned.has(key)) return
    warned.add(key)
    const hint = error.code === 'ENOSPC' ? ' Make room on the host; the guest sees I/O errors until then.' : ''
    callbacks.warn(`${disk.name} has failed: ${error.message}.${hint}`)
  }

  return {
    blockInfo(disk: number, ptr: number): number {
      const found = disks[disk >>> 0]
      if (found === undefined) return abi.E_BAD_ID
      view.setBigUint64((ptr >>> 0) + abi.BLOCK_INFO_BYTES, BigInt(found.sizeBytes), true)
      view.setUint32((ptr >>> 0) + abi.BLOCK_INFO_FLAGS, found.readOnly ? abi.DISK_READ_ONLY : 0, true)
      view.setUint32((ptr >>> 0) + abi.BLOCK_INFO_FLAGS + 4, 0, true)
      return abi.OK
    },

    blockSubmit(
      number: number,
      operation: number,
      offset: bigint,
      length: bigint,
      segments: number,
      count: number,
      _tag: number,
    ): number {
      const disk = disks[number >>> 0]
      if (disk === undefined) return abi.E_BAD_ID
      // The import's u64 arrive as signed numbers.
      const start = Number(BigInt.asUintN(64, offset))
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
            if (!disk.readOnly) fdatasyncSync(disk.fd)
            return abi.BLOCK_DONE
          case abi.BLOCK_DISCARD:
            // Node cannot punch holes, and a discarded sector may keep its content (virtio 1.2, section 5.2.6.2).
            return disk.readOnly ? abi.E_IO : abi.BLOCK_DONE
          case abi.BLOCK_WRITE_ZEROES: {
            const size = Number(BigInt.asUintN(64, length))
            if (disk.readOnly || start + size > disk.sizeBytes) return abi.E_IO
            return writeZeroes(disk.fd, start, size, callbacks.isStopped)
          }
          default:
            return abi.E_BAD_ARG
        }
      } catch (error) {
        warnOnce(disk, error as NodeJS.ErrnoException)
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

function writeZeroes(fd: number, start: number, size: number, isStopped: () => boolean): number {
  for (let done = 0; done < size; ) {
    if (isStopped()) return abi.E_IO
    const part = ZEROES.subarray(0, Math.min(ZEROES.length, size - done))
    const status = transfer(writevSync, fd, [part], start + done)
    if (status !== abi.BLOCK_DONE) return status
    done += part.length
  }
  return abi.BLOCK_DONE
}
