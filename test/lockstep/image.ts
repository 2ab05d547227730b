// Lays groups of instructions out as one flat machine image for the monitor, and takes the records of a run apart.
//
//   0x8000_0000  monitor.S          0x8030_0000  scratch memory and what a family keeps fixed (page tables)
//   0x8020_0000  supervisor stubs   0x8040_0000  code of the groups, then descriptors and inputs; then the records

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { assemble } from '../support/asm.ts'
import { encode } from './encode.ts'

export const RAM = 0x8000_0000
/** Rows of trapping instructions for stvec: 64 `ecall`, 64 `ebreak`, 64 illegal words, each row aligned for vectors. */
export const STUBS = 0x8020_0000
export const STUB_ROW = 256
/** The middle of the scratch memory: a page border. */
export const SCRATCH = 0x8030_8000
export const CODE = 0x8040_0000

/** Control registers that a group may set and has recorded, in the monitor's order; then mstatus is recorded as well. */
// biome-ignore format: a table
export const CONTROL = [
  'medeleg', 'mideleg', 'mie', 'mip', 'scounteren', 'menvcfg', 'senvcfg', 'stvec', 'sscratch', 'sepc', 'scause', 'stval',
  'mcounteren', 'satp', 'pmpaddr0', 'pmpaddr1', 'pmpaddr2', 'pmpaddr3', 'pmpaddr4', 'pmpaddr5', 'pmpcfg0',
] as const
export type Control = Partial<Record<(typeof CONTROL)[number], bigint>>

/** Consecutive memory words, written before a group. */
export interface Poke {
  address: number
  words: bigint[]
}

/** Consecutive memory words, recorded after a group. */
export interface Peek {
  address: number
  words: number
}

/** A few instructions that belong together: a family's smallest step, kept or dropped as a whole. */
export interface Unit {
  name: string
  /** 16-bit parcels. */
  parcels: number[]
  /** How many instructions it executes. */
  instructions: number
}

/** A state to begin with and the units to run from it. */
export interface Group {
  units: Unit[]
  /** x1..x31; the first element is not used. */
  x: bigint[]
  f: bigint[]
  fcsr: number
  /** The state is entered by `mret`, so MPP is the mode of the group. */
  mstatus: bigint
  control?: Control
  pokes?: Poke[]
  peeks?: Peek[]
}

/** What all groups of an image have in common. */
export interface Layout {
  /** Groups set and record the control registers. */
  control: boolean
  /** Those of physical memory protection are set as well. */
  protection: boolean
  /** `ecall` below M raises to M. */
  raise: boolean
  /** A group ends early after so many traps. */
  traps: number
  /** Fixed memory content (page tables), between STUBS and CODE. */
  fixed?: Poke[]
}

/**
 * How often groups are run: block by block, each block `rounds` times, every time from the same state. Whoever translates hot
 * code has then seen a group before it runs again. Only the last round is recorded.
 */
export interface Repetition {
  rounds: number
  /** Groups in a block. */
  block: number
}

/** An image, ready to be loaded at RAM and started there, and where its records will be. */
export interface Image {
  bytes: Uint8Array
  logAddress: number
  logBytes: number
  /** Where each group's code begins, and each record in the log. */
  entries: number[]
  records: number[]
  memoryBytes: number
}

const MSTATUS_WORDS = 1
const FIXED_WORDS = 65
/** The jump to a group's begin, where groups are repeated. */
const ENTRY_BYTES = 4
const ECALL = 0x0000_0073
const EBREAK = 0x0010_0073

/** Bytes of one group's record. */
function recordBytes(group: Group, layout: Layout): number {
  const peeked = (group.peeks ?? []).reduce((sum, peek) => sum + peek.words, 0)
  return 8 * (trapsOffset(layout) / 8 + layout.traps * 8 + peeked)
}

function trapsOffset(layout: Layout): number {
  return 8 * (FIXED_WORDS + (layout.control ? MSTATUS_WORDS + CONTROL.length : 0))
}

/** Builds the image that runs `groups` one after the other, or some of them several times before it goes on. */
export function buildImage(groups: Group[], layout: Layout, repetition?: Repetition): Image {
  const codeBytes = groups.reduce((sum, group) => sum + alignUp(codeLength(group) + ENTRY_BYTES, 8), 0)
  const order = orderOf(groups.length, repetition)
  const places: number[][] = groups.map(() => [])
  order.forEach((index, place) => places[index]?.push(place))
  const descriptors = alignUp(CODE + codeBytes, 4096)
  let data = descriptors + order.length * 64
  const dataStart = data
  for (const group of groups) data += inputBytes(group, layout)
  const logAddress = alignUp(data, 4096)
  const bytes = new Uint8Array(logAddress - RAM)
  const view = new DataView(bytes.buffer)
  const put = (address: number, value: bigint | number) =>
    view.setBigUint64(address - RAM, typeof value === 'bigint' ? value : BigInt(value), true)

  const entries: number[] = []
  const records: number[] = []
  let code = CODE
  let record = logAddress
  data = dataStart
  groups.forEach((group, index) => {
    code = alignUp(code, 8)
    const describe = (field: number, value: number) => {
      for (const place of places[index] as number[]) put(descriptors + 64 * place + field, value)
    }
    const start = code
    entries.push(start)
    records.push(record - logAddress)
    for (const unit of group.units) {
      for (const parcel of unit.parcels) {
        view.setUint16(code - RAM, parcel, true)
        code += 2
      }
    }
    describe(8, code)
    view.setUint32(code - RAM, ECALL, true)
    code += 4
    // Hot code is what is jumped back to: `mret` alone would not make it so.
    if (repetition !== undefined) {
      describe(0, code)
      view.setUint32(code - RAM, encode('jal', { imm: start - code }), true)
      code += ENTRY_BYTES
    } else {
      describe(0, start)
    }

    describe(16, data)
    put(data, group.mstatus)
    for (let i = 1; i < 32; i++) put(data + 8 * i, group.x[i] as bigint)
    for (let i = 0; i < 32; i++) put(data + 8 * (32 + i), group.f[i] as bigint)
    put(data + 64 * 8, group.fcsr)
    data += FIXED_WORDS * 8
    if (layout.control) {
      for (const name of CONTROL) {
        put(data, group.control?.[name] ?? 0n)
        data += 8
      }
    }
    describe(24, record)
    record += recordBytes(group, layout)
    describe(32, data)
    for (const poke of group.pokes ?? []) {
      put(data, poke.address)
      put(data + 8, poke.words.length)
      data += 16
      for (const word of poke.words) {
        put(data, word)
        data += 8
      }
    }
    put(data, 0)
    data += 8
    describe(40, data)
    for (const peek of group.peeks ?? []) {
      put(data, peek.address)
      put(data + 8, peek.words)
      data += 16
    }
    put(data, 0)
    data += 8
  })

  for (const poke of layout.fixed ?? []) poke.words.forEach((word, i) => put(poke.address + 8 * i, word))
  for (let i = 0; i < 64; i++) {
    view.setUint32(STUBS - RAM + 4 * i, ECALL, true)
    view.setUint32(STUBS + STUB_ROW - RAM + 4 * i, EBREAK, true)
    view.setUint32(STUBS + 2 * STUB_ROW - RAM + 4 * i, 0xffff_ffff, true)
  }
  const monitor = monitorProgram()
  bytes.set(readFileSync(monitor.flat))
  const parameters = monitor.symbols.get('parameters') as number
  const flags =
    (layout.control ? FLAGS.FLAG_CONTROL : 0) |
    (layout.raise ? FLAGS.FLAG_RAISE : 0) |
    (layout.protection ? FLAGS.FLAG_PROTECTION : 0)
  // biome-ignore format: a table
  const values: Record<keyof typeof PARAMETERS, number> = {
    P_NEXT: 0, P_COUNT: order.length, P_GROUPS: descriptors, P_FLAGS: flags, P_LIMIT: layout.traps,
    P_TRAPS: trapsOffset(layout), P_STUBS: STUBS, P_CODE: CODE, P_CODE_END: code, P_END: 0, P_PEEKS: 0,
  }
  for (const [name, offset] of Object.entries(PARAMETERS))
    put(parameters + offset, values[name as keyof typeof PARAMETERS])

  const logBytes = record - logAddress
  const needed = logAddress + logBytes - RAM
  return {
    bytes,
    logAddress,
    logBytes,
    entries,
    records,
    memoryBytes: Math.max(64, Math.ceil(needed / 2 ** 20) + 8) * 2 ** 20,
  }
}

// biome-ignore format: a table
const PARAMETERS = {
  P_NEXT: 0, P_COUNT: 8, P_GROUPS: 16, P_FLAGS: 24, P_LIMIT: 32, P_TRAPS: 40, P_STUBS: 48, P_CODE: 56, P_CODE_END: 64,
  P_END: 72, P_PEEKS: 80,
}
const FLAGS = { FLAG_CONTROL: 1, FLAG_RAISE: 2, FLAG_PROTECTION: 4 }

function monitorProgram() {
  const source = fileURLToPath(new URL('monitor.S', import.meta.url))
  return assemble({ sources: [source], define: { ...PARAMETERS, ...FLAGS, STUB_BYTES: 3 * STUB_ROW } })
}

/** Numbers of groups in the order in which they are run. */
function orderOf(count: number, { rounds, block }: Repetition = { rounds: 1, block: 1 }): number[] {
  const order: number[] = []
  for (let first = 0; first < count; first += block) {
    for (let round = 0; round < rounds; round++) {
      for (let i = first; i < Math.min(first + block, count); i++) order.push(i)
    }
  }
  return order
}

/** Bytes of a group's code with the `ecall` that ends it. */
export function codeLength(group: Group): number {
  return group.units.reduce((sum, unit) => sum + 2 * unit.parcels.length, 4)
}

function inputBytes(group: Group, layout: Layout): number {
  const pokes = (group.pokes ?? []).reduce((sum, poke) => sum + 2 + poke.words.length, 1)
  const peeks = (group.peeks ?? []).length * 2 + 1
  return 8 * (FIXED_WORDS + (layout.control ? CONTROL.length : 0) + pokes + peeks)
}

function alignUp(value: number, step: number): number {
  return Math.ceil(value / step) * step
}

/** What one group did, by name. */
export interface State {
  x: bigint[]
  f: bigint[]
  fcsr: bigint
  control: Record<string, bigint>
  traps: Record<(typeof TRAP)[number], bigint>[]
  memory: bigint[]
}

const TRAP = ['mcause', 'mepc', 'mtval', 'mstatus', 'scause', 'sepc', 'stval', 'mip'] as const

/** Takes the record of group `index` apart. */
export function readState(log: Uint8Array, image: Image, index: number, group: Group, layout: Layout): State {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength)
  let at = image.records[index] as number
  const take = () => {
    at += 8
    return view.getBigUint64(at - 8, true)
  }
  const list = (n: number) => Array.from({ length: n }, take)
  const count = Number(take())
  const x = [0n, ...list(31)]
  const f = list(32)
  const fcsr = take()
  const control: Record<string, bigint> = {}
  if (layout.control) for (const name of ['mstatus', ...CONTROL]) control[name] = take()
  const traps = Array.from({ length: layout.traps }, () => list(8)).slice(0, Math.min(count, layout.traps))
  const peeked = (group.peeks ?? []).reduce((sum, peek) => sum + peek.words, 0)
  return {
    x,
    f,
    fcsr,
    control,
    traps: traps.map((words) => Object.fromEntries(TRAP.map((name, i) => [name, words[i]])) as State['traps'][number]),
    memory: list(peeked),
  }
}

/** The differences between two states, one line each: name, first, second. */
export function differences(a: State, b: State): string[] {
  const lines: string[] = []
  const compare = (name: string, left: bigint | undefined, right: bigint | undefined) => {
    if (left !== right) lines.push(`${name.padEnd(16)} ${hex(left)}  ${hex(right)}`)
  }
  a.x.forEach((value, i) => compare(`x${i}`, value, b.x[i]))
  a.f.forEach((value, i) => compare(`f${i}`, value, b.f[i]))
  compare('fcsr', a.fcsr, b.fcsr)
  for (const name of Object.keys(a.control)) compare(name, a.control[name], b.control[name])
  for (let i = 0; i < Math.max(a.traps.length, b.traps.length); i++) {
    for (const name of TRAP) compare(`trap ${i} ${name}`, a.traps[i]?.[name], b.traps[i]?.[name])
  }
  a.memory.forEach((value, i) => compare(`memory ${i}`, value, b.memory[i]))
  return lines
}

export function hex(value: bigint | undefined): string {
  return value === undefined ? '(none)'.padEnd(18) : `0x${value.toString(16).padStart(16, '0')}`
}
