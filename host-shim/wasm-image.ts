// Changes a wasm module without compiling it anew: how much memory it has at its start, and what lies there.
// (WebAssembly core specification 2.0, section 5.5: a module is its sections, each with a number and a length.)

import { E_BAD_ARG } from '../hypervisor/abi.ts'
import { MachineError } from './error.ts'

/** Bytes for a place in the module's memory. */
export interface Placed {
  address: number
  bytes: Uint8Array
}

export const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
const MEMORY = 5
const DATA_COUNT = 12
const DATA = 11
const CODE = 10
/** Flags of a memory's limits: it has a maximum, it is shared. */
const HAS_MAXIMUM = 1
const I32_CONST = 0x41
const END = 0x0b
export const WASM_PAGE = 65536
/** Pages of a memory that 32-bit addresses reach. */
const PAGES_MOST = 65536

export interface Section {
  id: number
  content: Uint8Array
}

/**
 * The module with a memory of at least so many pages at its start, and more data in it. Throws MachineError for what is no module
 * with a memory of its own.
 */
export function fitImage(image: Uint8Array, pages: number, data: Placed[] = []): Uint8Array[] {
  const sections = sectionsOf(image)
  const memory = sections.find(({ id }) => id === MEMORY)
  if (memory === undefined) throw broken()
  memory.content = withPages(memory.content, pages)
  const parts: Uint8Array[] = [Uint8Array.from(HEADER)]
  for (const { id, content } of withData(sections, data)) {
    const length = content.reduce((sum, part) => sum + part.length, 0)
    parts.push(Uint8Array.from([id, ...unsigned(length)]), ...content)
  }
  return parts
}

/** The sections of a module. Throws MachineError for what is none. */
export function sectionsOf(image: Uint8Array): Section[] {
  if (HEADER.some((byte, i) => image[i] !== byte)) throw broken()
  const sections: Section[] = []
  for (let at = HEADER.length; at < image.length; ) {
    const [length, start] = readUnsigned(image, at + 1)
    if (start + length > image.length) throw broken()
    sections.push({ id: image[at] as number, content: image.subarray(start, start + length) })
    at = start + length
  }
  return sections
}

/** A memory section whose one memory has at least so many pages. */
function withPages(content: Uint8Array, pages: number): Uint8Array {
  const [count, start] = readUnsigned(content, 0)
  const flags = content[start]
  const [minimum, afterMinimum] = readUnsigned(content, start + 1)
  if (count !== 1 || flags === undefined || flags > HAS_MAXIMUM) throw broken()
  const maximum = flags === HAS_MAXIMUM ? readUnsigned(content, afterMinimum)[0] : PAGES_MOST
  if (pages > maximum) {
    throw new MachineError(
      E_BAD_ARG,
      `A machine of ${pages} pages is larger than the image can be; give its guests less memory.`,
    )
  }
  const rest = content.subarray(afterMinimum)
  return Uint8Array.from([1, flags, ...unsigned(Math.max(minimum, pages)), ...rest])
}

/** The sections, with further active segments at the end of the data. */
function withData(sections: Section[], data: Placed[]): { id: number; content: Uint8Array[] }[] {
  const own = sections.find(({ id }) => id === DATA)
  const [count, start] = own === undefined ? [0, 0] : readUnsigned(own.content, 0)
  const total = count + data.length
  const kept = sections.filter(({ id }) => id !== DATA && id !== DATA_COUNT)
  const result = kept.map(({ id, content }) => ({ id, content: [content] }))
  if (total === 0) return result
  const segments = data.flatMap(({ address, bytes }) => [
    Uint8Array.from([0, I32_CONST, ...signed(address), END, ...unsigned(bytes.length)]),
    bytes,
  ])
  const rest = own === undefined ? [] : [own.content.subarray(start)]
  const code = result.findIndex(({ id }) => id === CODE)
  result.splice(code + 1, 0, { id: DATA, content: [Uint8Array.from(unsigned(total)), ...rest, ...segments] })
  if (sections.some(({ id }) => id === DATA_COUNT)) {
    result.splice(code, 0, { id: DATA_COUNT, content: [Uint8Array.from(unsigned(total))] })
  }
  return result
}

/** An unsigned LEB128 number, and where it ends. */
export function readUnsigned(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) throw broken()
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return [value, at + i + 1]
  }
  throw broken()
}

/** What a section has whose items begin with their size, as the bodies of functions do. */
export function sizedItems(content: Uint8Array): Uint8Array[] {
  const [count, start] = readUnsigned(content, 0)
  const items: Uint8Array[] = []
  for (let at = start; items.length < count; ) {
    const [length, from] = readUnsigned(content, at)
    at = from + length
    if (at > content.length) throw broken()
    items.push(content.subarray(from, at))
  }
  return items
}

/** An unsigned LEB128 number. */
export function unsigned(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80)
  return [...bytes, rest]
}

/** A signed LEB128 number of 32 bits: an address beyond 2 GiB is a number below zero. */
export function signed(address: number): number[] {
  const bytes: number[] = []
  for (let rest = address | 0; ; rest >>= 7) {
    const isLast = rest >= -64 && rest < 64
    bytes.push((rest & 0x7f) | (isLast ? 0 : 0x80))
    if (isLast) return bytes
  }
}

/** For an image that is not what it should be. */
export function broken(): MachineError {
  return new MachineError(E_BAD_ARG, 'This is no image for WASI runtimes; build it anew.')
}
