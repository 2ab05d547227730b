// Puts translated code into an image for WASI: its functions, and the pack by which the kernel finds them (TRAINED_* of
// hypervisor/abi.ts), which the function "trained" of the image copies to memory.

import * as abi from '../hypervisor/abi.ts'
import { MachineError } from './error.ts'
import { relocate, usesRelaxedSimd } from './relocate.ts'
import { KERNEL, type TrainedUnit } from './training.ts'
import {
  broken,
  HEADER,
  readUnsigned,
  type Section,
  sectionsOf,
  signed,
  sizedItems,
  unsigned,
  WASM_PAGE,
} from './wasm-image.ts'

const IMPORTS = 2
const FUNCTIONS = 3
const TABLES = 4
const EXPORTS = 7
const ELEMENTS = 9
const CODE = 10
const DATA = 11
const DATA_COUNT = 12
/** The order of sections, by their numbers; sections that have only a name may be anywhere. */
const ORDER = [1, IMPORTS, FUNCTIONS, TABLES, 5, 6, EXPORTS, 8, ELEMENTS, DATA_COUNT, CODE, DATA, 0]

const FUNCTION = 0
const HAS_MAXIMUM = 1
/** Instructions. */
const IF = [0x04, 0x40]
const ELSE_END = 0x0b
const GET_0 = [0x20, 0]
const I32_CONST = 0x41
const MEMORY_INIT = [0xfc, 8]
const PASSIVE = 1

/** Names of the image's functions that are for who trains it; they are gone afterwards. */
const CALL_CODE = 'callCode'
const TRAINED = 'trained'

export interface Trained {
  /** Of one entry the first that fits is used. */
  units: TrainedUnit[]
  /** That of the kernel that made them. */
  stamp: number
  /** Body of a function that answers 1 where multiply-adds of relaxed SIMD round once; taken along if a unit has any. */
  probe?: Uint8Array | undefined
}

/** The image with these units. Throws MachineError for what is no image that can be trained. */
export function trainImage(image: Uint8Array, { units, stamp, ...rest }: Trained): Uint8Array {
  const sections = sectionsOf(image)
  const get = (id: number) => sections.find((section) => section.id === id)?.content
  const [imports, functions, exports, code] = [get(IMPORTS), get(FUNCTIONS), get(EXPORTS), get(CODE)]
  const tables = get(TABLES)
  if (!imports || !functions || !exports || !code || !tables) throw broken()

  const imported = functionsIn(imports)
  const names = exportsIn(exports)
  const [callCode, trained] = [names.get(CALL_CODE), names.get(TRAINED)]
  if (callCode === undefined || trained === undefined) {
    throw new MachineError(
      abi.E_BAD_ARG,
      'This image cannot be trained; give one as it was built, which has no trained code yet.',
    )
  }
  const bodies = sizedItems(code)
  const types = typesIn(functions)
  const first = imported + bodies.length
  const own = units.reduce((sum, unit) => sum + unit.bodies.length, 0)
  // An image without relaxed SIMD is for all engines. The probe stands behind all others.
  const probe = units.some(isFused) ? rest.probe : undefined
  const count = own + (probe === undefined ? 0 : 1)

  const pack = packOf(units, stamp, probe === undefined ? 0 : abi.TRAINED_TABLE + own)
  const segments = get(DATA) ?? Uint8Array.of(0)
  const [segmentCount, segmentsAt] = readUnsigned(segments, 0)
  bodies[trained - imported] = Uint8Array.from(copier(segmentCount, pack.length))
  let next = first
  for (const unit of units) {
    const start = next
    const target = (index: number) => (index === KERNEL ? callCode : start + index - unit.first)
    for (const body of unit.bodies) bodies.push(joined(relocate(body, target)))
    next += unit.bodies.length
  }
  if (probe !== undefined) bodies.push(probe)
  const [elementCount, elementsAt] = readUnsigned(get(ELEMENTS) ?? Uint8Array.of(0), 0)
  const type = types[callCode - imported] as number
  const changed = new Map<number, Uint8Array>([
    [FUNCTIONS, joined([bytes(types.length + count), ...[...types, ...Array(count).fill(type)].map(bytes)])],
    [TABLES, withPlaces(tables, abi.TRAINED_TABLE + count)],
    [EXPORTS, withoutExports(exports, [CALL_CODE, TRAINED])],
    [
      ELEMENTS,
      joined([
        bytes(elementCount + 1),
        (get(ELEMENTS) ?? new Uint8Array()).subarray(elementsAt),
        Uint8Array.from([0, I32_CONST, ...signed(abi.TRAINED_TABLE), ELSE_END, ...unsigned(count)]),
        joined(Array.from({ length: count }, (_, i) => bytes(first + i))),
      ]),
    ],
    [DATA_COUNT, bytes(segmentCount + 1)],
    [CODE, joined([bytes(bodies.length), ...bodies.flatMap((body) => [bytes(body.length), body])])],
    [
      DATA,
      joined([
        bytes(segmentCount + 1),
        segments.subarray(segmentsAt),
        Uint8Array.from([PASSIVE, ...unsigned(pack.length)]),
        pack,
      ]),
    ],
  ])
  return assembled(sections, changed)
}

/** Pages of memory that a trained image needs for its pack; 0 for any other. */
export function packPages(image: Uint8Array): number {
  return Math.ceil(packBytes(image) / WASM_PAGE)
}

/** Bytes of the pack in a trained image; 0 for any other. */
export function packBytes(image: Uint8Array): number {
  const data = sectionsOf(image).find(({ id }) => id === DATA)?.content
  if (data === undefined) return 0
  const head = new Uint8Array(4)
  new DataView(head.buffer).setUint32(0, abi.TRAINED_MAGIC_VALUE, true)
  let [count, at] = readUnsigned(data, 0)
  for (; count > 0; count--) {
    const isPassive = data[at] === PASSIVE
    // An active segment's address is one constant.
    if (!isPassive) while (data[at++] !== ELSE_END);
    else at++
    const [length, start] = readUnsigned(data, at)
    if (isPassive && head.every((byte, i) => data[start + i] === byte)) return length
    at = start + length
  }
  return 0
}

/** Body of a function that copies data segment `segment` to its argument, unless that is 0, and answers how long it is. */
function copier(segment: number, length: number): number[] {
  const constant = [I32_CONST, ...signed(length)]
  const copy = [...GET_0, I32_CONST, 0, ...constant, ...MEMORY_INIT, ...unsigned(segment), 0]
  return [0, ...GET_0, ...IF, ...copy, ELSE_END, ...constant, ELSE_END]
}

/** The pack for units whose functions stand in the table one behind the other. */
export function packOf(units: TrainedUnit[], stamp: number, probe: number): Uint8Array {
  const bits = Math.max(4, Math.min(20, Math.ceil(Math.log2(units.length + 1)) + 1))
  let length = abi.TRAINED_BUCKETS + 4 * 2 ** bits
  const places = units.map(({ offsets, runs }) => {
    const place = length
    length += abi.TRAINED_UNIT + 4 * offsets.length + runs.length
    return place
  })
  const pack = new Uint8Array(length)
  const view = new DataView(pack.buffer)
  const u32 = (at: number, value: number) => view.setUint32(at, value, true)
  u32(abi.TRAINED_MAGIC, abi.TRAINED_MAGIC_VALUE)
  u32(abi.TRAINED_STAMP, stamp)
  u32(abi.TRAINED_LENGTH, length)
  u32(abi.TRAINED_BITS, bits)
  u32(abi.TRAINED_PROBE, probe)
  let index = abi.TRAINED_TABLE + units.reduce((sum, { bodies }) => sum + bodies.length, 0)
  // From the last on, so that of one bucket the first comes first.
  for (let i = units.length - 1; i >= 0; i--) {
    const unit = units[i] as TrainedUnit
    const { set, place, raw, offsets, runs, runCount } = unit
    const at = places[i] as number
    const hash = Math.imul(raw ^ Math.imul(place, 0x9e3779b1), 0x85ebca6b) >>> (32 - bits)
    const bucket = abi.TRAINED_BUCKETS + 4 * hash
    index -= offsets.length
    u32(at + abi.TRAINED_UNIT_NEXT, view.getUint32(bucket, true))
    u32(bucket, at)
    u32(at + abi.TRAINED_UNIT_PLACE, place)
    u32(at + abi.TRAINED_UNIT_RAW, raw)
    u32(at + abi.TRAINED_UNIT_SET, set)
    u32(at + abi.TRAINED_UNIT_INDEX, index)
    u32(at + abi.TRAINED_UNIT_FUNCTIONS, offsets.length)
    u32(at + abi.TRAINED_UNIT_RUNS, runCount)
    u32(at + abi.TRAINED_UNIT_FUSED, isFused(unit) ? 1 : 0)
    for (const [k, offset] of offsets.entries()) view.setInt32(at + abi.TRAINED_UNIT + 4 * k, offset, true)
    pack.set(runs, at + abi.TRAINED_UNIT + 4 * offsets.length)
  }
  return pack
}

/** Has it multiply-adds of relaxed SIMD? */
function isFused({ bodies }: TrainedUnit): boolean {
  return bodies.some(usesRelaxedSimd)
}

function assembled(sections: Section[], changed: Map<number, Uint8Array>): Uint8Array {
  const all = sections.filter(({ id }) => !changed.has(id))
  for (const [id, content] of changed) all.push({ id, content })
  all.sort((a, b) => ORDER.indexOf(a.id) - ORDER.indexOf(b.id))
  const parts = all.flatMap(({ id, content }) => [Uint8Array.from([id, ...unsigned(content.length)]), content])
  return joined([Uint8Array.from(HEADER), ...parts])
}

/** How many functions are imported. */
function functionsIn(content: Uint8Array): number {
  let [count, at] = readUnsigned(content, 0)
  for (const _ of Array(count).keys()) {
    for (let name = 0; name < 2; name++) {
      const [length, start] = readUnsigned(content, at)
      at = start + length
    }
    // The image has its own memory, table and globals.
    if (content[at] !== FUNCTION) throw broken()
    at = readUnsigned(content, at + 1)[1]
  }
  return count
}

interface Export {
  name: string
  kind: number
  index: number
  bytes: Uint8Array
}

function eachExport(content: Uint8Array): Export[] {
  const [count, start] = readUnsigned(content, 0)
  const found: Export[] = []
  for (let at = start; found.length < count; ) {
    const [length, from] = readUnsigned(content, at)
    const name = new TextDecoder().decode(content.subarray(from, from + length))
    const [index, end] = readUnsigned(content, from + length + 1)
    found.push({ name, kind: content[from + length] as number, index, bytes: content.subarray(at, end) })
    at = end
  }
  return found
}

function exportsIn(content: Uint8Array): Map<string, number> {
  return new Map(
    eachExport(content)
      .filter(({ kind }) => kind === FUNCTION)
      .map(({ name, index }) => [name, index]),
  )
}

function withoutExports(content: Uint8Array, names: string[]): Uint8Array {
  const kept = eachExport(content).filter(({ name }) => !names.includes(name))
  return joined([bytes(kept.length), ...kept.map(({ bytes }) => bytes)])
}

/** Numbers of the types of the image's own functions. */
function typesIn(content: Uint8Array): number[] {
  const [count, start] = readUnsigned(content, 0)
  const types: number[] = []
  for (let at = start; types.length < count; ) {
    const [type, end] = readUnsigned(content, at)
    types.push(type)
    at = end
  }
  return types
}

/** A table section whose one table has at least so many places. */
function withPlaces(content: Uint8Array, places: number): Uint8Array {
  const [count, start] = readUnsigned(content, 0)
  const [flags, minimumAt] = readUnsigned(content, start + 1)
  const [minimum] = readUnsigned(content, minimumAt)
  if (count !== 1 || flags > HAS_MAXIMUM) throw broken()
  const least = unsigned(Math.max(minimum, places))
  return Uint8Array.from([1, content[start] as number, flags, ...least, ...(flags === HAS_MAXIMUM ? least : [])])
}

function bytes(number: number): Uint8Array {
  return Uint8Array.from(unsigned(number))
}

function joined(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
