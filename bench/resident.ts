// Which pages of this process are there: how much memory the parts of a machine really take (proc(5): maps, pagemap).

import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { OrlopError } from '../cli/error.ts'

const PAGE = 4096
const ENTRY = 8
/** Bit 63 of an entry, in its last byte: the page is in memory. */
const PRESENT = 0x80

export interface Region {
  start: bigint
  bytes: number
}

/** The largest writable region in the text of /proc/PID/maps: the memory of the machine, as nothing else is near its size. */
export function largestRegion(maps: string): Region | undefined {
  let largest: Region | undefined
  for (const [, from, to] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)) {
    const start = BigInt(`0x${from}`)
    const bytes = Number(BigInt(`0x${to}`) - start)
    if (largest === undefined || bytes > largest.bytes) largest = { start, bytes }
  }
  return largest
}

/** The machine's memory in this process; `leastBytes` is what it has at least. */
export function machineRegion(leastBytes: number): Region {
  const region = tell(() => largestRegion(readFileSync('/proc/self/maps', 'utf8')))
  if (region === undefined || region.bytes < leastBytes)
    throw new OrlopError("The machine's memory is not to be found among what this process has mapped.", 1)
  return region
}

/** Bytes that are in memory, of `length` bytes from `offset` in the region on. */
export function residentBytes({ start }: Region, offset: number, length: number): number {
  const entries = Buffer.alloc((length / PAGE) * ENTRY)
  tell(() => {
    const file = openSync('/proc/self/pagemap', 'r')
    try {
      const position = ((start + BigInt(offset)) / BigInt(PAGE)) * BigInt(ENTRY)
      if (readSync(file, entries, 0, entries.length, position) !== entries.length) throw new Error('it ends too early')
    } finally {
      closeSync(file)
    }
  })
  let pages = 0
  for (let at = ENTRY - 1; at < entries.length; at += ENTRY) if ((entries[at]! & PRESENT) !== 0) pages++
  return pages * PAGE
}

function tell<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new OrlopError('Cannot read which pages are in memory; this benchmark needs Linux with /proc.', 1, { cause })
  }
}
