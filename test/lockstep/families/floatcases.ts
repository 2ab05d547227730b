// Chosen float cases, all of them: every operation on every pair (for fused ones triple) of special values, in every rounding mode.

import { SETS, type Operands, describe, encode } from '../encode.ts'
import { type Family, MACHINE, MSTATUS_FS, MSTATUS_MPP, PLAIN, unit } from '../family.ts'
import type { Group, Unit } from '../image.ts'
import type { Random } from '../random.ts'

const BOX = 0xffff_ffff_0000_0000n

/** Magnitudes; each is used with both signs. The first ones are the least that a fused operation must see. */
// biome-ignore format: a table
const DOUBLES = [
  0x0000000000000000n, 0x0000000000000001n, 0x3ff0000000000000n, 0x3ff0000000000001n, 0x7fefffffffffffffn, 0x7ff0000000000000n,
  0x7ff8000000000000n, 0x7ff0000000000001n,
  0x000fffffffffffffn, 0x0010000000000000n, 0x0010000000000001n, 0x0008000000000000n, 0x1ff0000000000000n, 0x3fe0000000000000n,
  0x3fefffffffffffffn, 0x3ff8000000000000n, 0x4004000000000000n, 0x3ca0000000000000n, 0x41dfffffffc00000n, 0x41e0000000000000n,
  0x41efffffffe00000n, 0x41f0000000000000n, 0x43dfffffffffffffn, 0x43e0000000000000n, 0x43f0000000000000n, 0x4330000000000001n,
  0x380fffffffffffffn, 0x36a0000000000000n, 0x47efffffefffffffn, 0x47effffff0000000n, 0x3f10000000000001n, 0x40effbffffffffffn,
  0x40effc0000000000n, 0x7ff8deadbeef0001n, 0x7ff4000000000000n, 0x7fe0000000000000n,
]
// biome-ignore format: a table
const SINGLES = [
  0x00000000n, 0x00000001n, 0x3f800000n, 0x3f800001n, 0x7f7fffffn, 0x7f800000n, 0x7fc00000n, 0x7f800001n,
  0x007fffffn, 0x00800000n, 0x00800001n, 0x00400000n, 0x20000000n, 0x3f000000n, 0x3f7fffffn, 0x3fc00000n, 0x40200000n, 0x33800000n,
  0x4effffffn, 0x4f000000n, 0x4f7fffffn, 0x4f800000n, 0x5effffffn, 0x5f000000n, 0x5f800000n, 0x4b000001n, 0x477fefffn, 0x477ff000n,
  0x38800000n, 0x387fffffn, 0x33000000n, 0x7fcabcden, 0x7fa00000n, 0x7f000000n,
]
// biome-ignore format: a table
const HALVES = [0x0000n, 0x0001n, 0x03ffn, 0x0400n, 0x3c00n, 0x3c01n, 0x3800n, 0x7bffn, 0x7c00n, 0x7e00n, 0x7c01n, 0x7d55n]
// biome-ignore format: a table
const INTEGERS = [
  0n, 1n, 2n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x1000001n, 0x1000002n, 0x1000003n, 0x7fffffffffffffffn, 0x8000000000000000n,
  0xffffffffffffffffn, 0x20000000000001n, 0x20000000000003n, 0x7ffffffffffffdffn, 0x7ffffffffffffe00n, 0xfffffffffffffbffn, 0xfffffffffffffc00n,
  0x8000008000000001n, 0xfffffe8000000000n, 0xffffff7fffffffffn,
]
const FUSED_MAGNITUDES = 8

const signed = (list: bigint[], width: bigint) => list.flatMap((value) => [value, value | (1n << (width - 1n))])
const VALUES: Record<string, bigint[]> = {
  d: signed(DOUBLES, 64n),
  s: [...signed(SINGLES, 32n).map((value) => value | BOX), 0x3f800000n, 0xfffffffe_3f800000n],
  h: [...signed(HALVES, 16n).map((value) => value | 0xffff_ffff_ffff_0000n), 0x3c00n, 0xffff_fffe_ffff_3c00n],
}

/** One operation on chosen operands. */
interface Case {
  name: string
  sources: bigint[]
  /** Source of a conversion from an integer or a move. */
  integer?: bigint
  rm?: number
}

function* casesOf(name: string): Generator<Case> {
  const { format } = describe(name)
  const last = name.split('.').at(-1) as string
  const width = name === 'fmv.x.w' ? 's' : last
  const modes = ['F2', 'F3', 'F4'].includes(format) ? [0, 1, 2, 3, 4] : [undefined]
  const integer = ['w', 'wu', 'l', 'lu', 'x'].includes(width)
  const values = VALUES[width] ?? []
  for (const rm of modes) {
    const operation = rm === undefined ? { name } : { name, rm }
    if (name.startsWith('fli')) for (let i = 0; i < 32; i++) yield { ...operation, sources: [], rm: i }
    else if (integer) for (const value of INTEGERS) yield { ...operation, sources: [], integer: value }
    else if (format === 'F2' || format === 'R1') for (const a of values) yield { ...operation, sources: [a] }
    else if (format === 'F4') yield* triples(operation, values.slice(0, 2 * FUSED_MAGNITUDES))
    else for (const a of values) for (const b of values) yield { ...operation, sources: [a, b] }
  }
}

function* triples(operation: { name: string; rm?: number }, values: bigint[]): Generator<Case> {
  for (const a of values) for (const b of values) for (const c of values) yield { ...operation, sources: [a, b, c] }
}

const INTEGER_RESULT = /^(fle|flt|feq|fleq|fltq|fclass|fcvtmod)\b|^fcvt\.(w|wu|l|lu)\.|^fmv\.x/

/** The unit of case number `slot` of a group: sources in f(3 slot).., result in f(24 + slot) or x(10 + slot), flags in x(18 + slot). */
function place(slot: number, one: Case, group: Group): Unit {
  one.sources.forEach((value, i) => {
    group.f[3 * slot + i] = value
  })
  if (one.integer !== undefined) group.x[1 + slot] = one.integer
  const operands: Operands = {
    rd: INTEGER_RESULT.test(one.name) ? 10 + slot : 24 + slot,
    rs1: one.integer !== undefined ? 1 + slot : one.sources.length === 0 ? one.rm : 3 * slot,
    rs2: 3 * slot + 1,
    rs3: 3 * slot + 2,
    rm: one.sources.length === 0 && one.integer === undefined ? 0 : one.rm,
  }
  return unit(one.name, [encode(one.name, operands), encode('csrrwi', { rd: 18 + slot, imm: 0x001 })], 1)
}

function* groups(names: string[]): Generator<Group> {
  const SLOTS = 8
  let group: Group | undefined
  for (const name of names) {
    for (const one of casesOf(name)) {
      group ??= {
        units: [],
        x: new Array(32).fill(0n),
        f: new Array(32).fill(0n),
        fcsr: 0,
        mstatus: MSTATUS_FS | (MACHINE << MSTATUS_MPP),
      }
      group.units.push(place(group.units.length, one, group))
      if (group.units.length === SLOTS) {
        yield group
        group = undefined
      }
    }
  }
  if (group !== undefined) yield group
}

const COMPUTING = SETS.float.filter((name) => !['flw', 'fld', 'flh', 'fsw', 'fsd', 'fsh'].includes(name))

function chosen(name: string, names: string[]): Family {
  return {
    name,
    layout: PLAIN,
    all: () => groups(names),
    group(random: Random) {
      return random.pick([...groups([random.pick(names)])])
    },
  }
}

export const singleCases = chosen(
  'single cases',
  COMPUTING.filter((name) => !/\.d\b/.test(name)),
)
export const doubleCases = chosen(
  'double cases',
  COMPUTING.filter((name) => /\.d\b/.test(name)),
)
