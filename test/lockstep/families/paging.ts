// Random page-table walks: Sv39, Sv48 and Sv57, a leaf on any level with any flags, from M (MPRV), S and U, by load, store,
// AMO and fetch, across page borders; misaligned superpages, reserved bits, Svnapot, Svpbmt, Svadu, broken inner nodes.
//
//   T4 (Sv57 root) [0],[511] -> T3 (Sv48 root) [0],[511] -> T2 (Sv39 root) [16],[272] -> T1 [8] -> T0
//   T2 [2] -> CODE1: the supervisor stubs and tables [1] and the code of the groups [2..9], each at its own address
//
// Entries 4.. (and 260.., the upper half) of T4, T3 and T2, 0.. of T1 and all of T0 are leaves that each group writes anew.
// Every leaf that is right maps the two pages around the middle of the scratch memory.
//
// Left out: inner nodes outside of RAM (QEMU answers with a page fault, the specification wants an access fault); SC (without
// a reservation it need not touch memory); misaligned AMOs (which fault comes first is free).

import { encode } from '../encode.ts'
import {
  Draw,
  type Family,
  MACHINE,
  MSTATUS_FS,
  MSTATUS_MPP,
  SCRATCH_PEEK,
  SUPERVISOR,
  USER,
  unit,
  units,
} from '../family.ts'
import { CODE, type Group, type Layout, type Peek, type Poke, SCRATCH, STUBS, type Unit } from '../image.ts'
import type { Random } from '../random.ts'
import { CONTROLLED, controlState } from './csr.ts'

const [T4, T3, T2, CODE1, T1, T0] = [0x8032_0000, 0x8032_1000, 0x8032_2000, 0x8032_3000, 0x8032_4000, 0x8032_5000]
const TABLES = [T0, T1, T2, T3, T4]
const [V, R, W, X, U, G, A, D] = [1n, 2n, 4n, 8n, 16n, 32n, 64n, 128n]
const CODE_LEAVES = 8
const MEBIBYTES_2 = 0x20_0000
const PBMTE_ADUE = 3n << 61n

const node = (table: number) => (BigInt(table >>> 12) << 10n) | V
const identity = (address: number) => (BigInt(address >>> 12) << 10n) | V | A | D

/** What stays the same in all groups: the inner nodes and the supervisor's own leaf. */
const FIXED: Poke[] = [
  { address: T4, words: [node(T3)] },
  { address: T4 + 511 * 8, words: [node(T3)] },
  { address: T3, words: [node(T2)] },
  { address: T3 + 511 * 8, words: [node(T2)] },
  { address: T2 + 2 * 8, words: [node(CODE1)] },
  { address: CODE1 + 8, words: [identity(STUBS) | R | W | X | G] },
  { address: T1 + 8 * 8, words: [node(T0)] },
]

const LAYOUT: Layout = { ...CONTROLLED, raise: false, fixed: FIXED }

/** The levels of a scheme and its number in satp. */
const SCHEMES = [
  { levels: 3, mode: 8n, root: T2 },
  { levels: 4, mode: 9n, root: T3 },
  { levels: 5, mode: 10n, root: T4 },
]

export const paging: Family = {
  name: 'paging',
  layout: LAYOUT,
  group(random) {
    const draw = new Draw(random)
    const mode = random.pick([USER, USER, SUPERVISOR, SUPERVISOR, MACHINE])
    const scheme = random.pick(SCHEMES)
    const half = random.once(3)
    // Some leaves lead to where nothing is; all accesses of such a group are aligned, see above.
    const vacant = random.once(12)
    const slots = [0, 1, 2, 3].map((number) => makeSlot(random, scheme.levels, half, number, vacant))
    const inner = random.once(10) ? brokenNode(random) : node(T1)
    const code = Array.from(
      { length: CODE_LEAVES },
      (_, i) => identity(CODE + i * MEBIBYTES_2) | R | X | (mode === USER ? U : 0n),
    )
    const x = draw.integers()
    // Groups that fetch do not store: what they execute must stay what it is.
    const fetching = mode !== MACHINE && random.once(3)
    for (let register = ADDRESSES; register < ADDRESSES_END; register++) {
      const entry =
        fetching && register >= ENTRIES
          ? random.pick([RETURN_16, RETURN_32, RETURN_CROSSING, RETURN_CROSSING])
          : undefined
      x[register] =
        random.pick(slots).address(random, entry ?? near(random)) & (vacant && entry === undefined ? ~7n : ~0n)
    }
    x[SUPERVISOR_BIT] = 1n << MSTATUS_MPP
    x[LEAF] = BigInt((slots[0] as Slot).poke.address)
    const changed = (slots[0] as Slot).level
    x[VALUE] = leaf(random, changed, { offset: changed === 0 ? -4096 : 0, vacant })
    const control = controlState(random)
    control.medeleg = (control.medeleg as bigint) | (random.once(2) ? 0xb000n : 0n)
    control.mideleg = control.mie = control.mip = 0n
    control.menvcfg = (random.integer() & PBMTE_ADUE) | (random.once(2) ? PBMTE_ADUE : 0n) | 0xd0n
    control.senvcfg = 0xd0n
    control.satp = (scheme.mode << 60n) | BigInt(scheme.root >>> 12) | (BigInt(random.below(4)) << 44n)
    const flags = BigInt(random.below(4)) << 18n
    const mstatus = MSTATUS_FS | (mode << MSTATUS_MPP) | flags | (mode === MACHINE ? 1n << 17n : 0n)
    const pokes: Poke[] = [
      fetchable(draw),
      { address: CODE1 + 16, words: code },
      { address: T2 + 16 * 8, words: [inner] },
      { address: T2 + 272 * 8, words: [inner] },
      ...slots.map((slot) => slot.poke),
    ]
    const peeks: Peek[] = [
      SCRATCH_PEEK,
      { address: T2 + 16 * 8, words: 1 },
      { address: T2 + 272 * 8, words: 1 },
      ...slots.map((slot) => ({ address: slot.poke.address, words: slot.poke.words.length })),
    ]
    const group: Group = {
      units: units(14, () => access(draw, mode, fetching)),
      x,
      f: new Array(32).fill(draw.float()),
      fcsr: 0,
      mstatus,
      control,
      pokes,
      peeks,
    }
    return group
  },
}

/** Registers that hold addresses under test; from ENTRIES on those of instructions that return. */
const [ADDRESSES, ENTRIES, ADDRESSES_END] = [8, 15, 20]
/** Registers with a fixed meaning: MPP = S as a mask, the address of the first slot's leaf, another value for it. */
const [SUPERVISOR_BIT, LEAF, VALUE] = [28, 29, 30]

/** A leaf (or several that belong together) under test. */
interface Slot {
  level: number
  poke: Poke
  /** The virtual address of the middle of the scratch memory, as this leaf maps it, and `near` to it. */
  address(random: Random, near: number): bigint
}

/** A distance from the page border: often such that an access crosses it. */
function near(random: Random): number {
  return random.once(2) ? random.between(-8, 4) : random.pick([-64, -16, 0, 16, 64])
}

function makeSlot(random: Random, levels: number, high: boolean, number: number, vacant: boolean): Slot {
  const level = random.once(2) ? 0 : random.below(levels)
  const indices = new Array<number>(levels).fill(high ? 511 : 0)
  // In the scheme's root the upper half begins at entry 256; below it the same entry serves both halves.
  const upper = (at: number) => (high && at === levels - 1 ? 256 : 0)
  if (level <= 1) indices[2] = 16 + upper(2)
  if (level === 0) indices[1] = 8
  const napot = level === 0 && random.once(4)
  const first = level === 0 ? (napot ? 32 + 16 * number : 2 * number) : level === 1 ? number : 4 + number + upper(level)
  indices[level] = first
  indices.fill(0, 0, level)
  const words = napot
    ? new Array<bigint>(16).fill(leaf(random, 0, { napot, vacant }))
    : level === 0
      ? [leaf(random, 0, { offset: -4096, vacant }), leaf(random, 0, { vacant })]
      : [leaf(random, level, { vacant })]
  let base = 0n
  indices.forEach((index, at) => {
    base |= BigInt(index) << BigInt(12 + 9 * at)
  })
  const bits = 12 + 9 * levels
  const size = level === 0 ? (napot ? 0x1_0000n : 0x2000n) : 1n << BigInt(12 + 9 * level)
  const inside = level === 0 && !napot ? 0x1000n : BigInt(SCRATCH) % size
  return {
    level,
    poke: { address: (TABLES[level] as number) + 8 * first, words },
    address(random, near) {
      let address = BigInt.asUintN(64, BigInt.asIntN(bits, base + inside + BigInt(near)))
      // Bits above the scheme's must repeat its highest one.
      if (random.once(30)) address ^= 1n << BigInt(random.between(bits, 63))
      return address
    },
  }
}

/** A leaf of `level` for the page at `offset` from the scratch memory's middle (or what contains it): mostly right, flags at random. */
function leaf(random: Random, level: number, kind: { offset?: number; napot?: boolean; vacant: boolean }): bigint {
  const { offset = 0, napot = false, vacant } = kind
  let flags: bigint
  if (random.once(3)) flags = BigInt(random.below(256)) | (random.once(4) ? 0n : V)
  else {
    // Right for somebody, with at most two flags missing.
    flags = V | R | W | X | A | D | (random.once(2) ? U : 0n) | (random.once(2) ? G : 0n)
    for (let i = random.below(3); i > 0; i--) flags &= ~(1n << BigInt(random.between(1, 7)))
  }
  // Without any of these it would be an inner node, which brokenNode() is for.
  if (level > 0 && (flags & (R | W | X)) === 0n) flags |= R
  const ones = (1n << BigInt(9 * level)) - 1n
  let page = BigInt((SCRATCH + offset) >>> 12) & ~ones
  // Nothing lies there: an access fault.
  if (vacant && random.once(4)) page = random.pick([0xa008n, (1n << 44n) - 8n, 1n << 43n]) & ~ones
  if (napot) page = (page & ~15n) | 8n
  if (level > 0 && random.once(12)) page |= random.u64() & ones
  // N is only right with the number 8 in the lowest bits of the page, and only on the lowest level.
  const wrong = random.once(napot ? 12 : 40)
  if (wrong) {
    page ^= 1n << BigInt(random.below(4))
    flags |= A | D
  }
  let entry = (page << 10n) | flags | (BigInt(random.below(4)) << 8n)
  if (napot || wrong) entry |= 1n << 63n
  if (random.once(6)) entry |= BigInt(random.below(4)) << 61n
  if (random.once(40)) entry |= 1n << BigInt(random.between(54, 60))
  return entry
}

/** An inner node with something wrong: not valid, flags or attributes that only leaves have, or a leaf. */
function brokenNode(random: Random): bigint {
  const good = node(T1)
  switch (random.below(6)) {
    case 0:
      return good & ~V
    case 1:
      return good | random.pick([U, A, D, A | D])
    case 2:
      return good | (1n << BigInt(random.between(54, 63)))
    case 3:
      return good | random.pick([W, W | X, R, R | W, X])
    case 4:
      return good | G | (3n << 8n)
    default:
      return node(0x8000_0000) | R | A | D | (random.once(2) ? U : 0n)
  }
}

/** Where the scratch memory holds an instruction that returns: 16 bits, 32 bits, and 32 bits across the page border. */
const [RETURN_16, RETURN_32, RETURN_CROSSING] = [64, 72, -2]

function fetchable(draw: Draw): Poke {
  const scratch = draw.scratch()
  const at = (SCRATCH - scratch.address) / 8
  scratch.words[at + RETURN_16 / 8] = 0x8082n
  scratch.words[at + RETURN_32 / 8] = 0x0000_8067n
  // jalr x0, 0(x1) is 0x00008067: its lower half ends the first page.
  scratch.words[at - 1] = ((scratch.words[at - 1] as bigint) & 0xffff_ffff_ffffn) | (0x8067n << 48n)
  scratch.words[at] = (scratch.words[at] as bigint) & ~0xffffn
  return scratch
}

const LOADS = ['lb', 'lh', 'lw', 'ld', 'lbu', 'lhu', 'lwu', 'fld', 'flw', 'flh']
const STORES = ['sb', 'sh', 'sw', 'sd', 'fsd', 'fsw', 'fsh']
const AMOS = ['amoadd', 'amoswap', 'amomax', 'lr']

function access(draw: Draw, mode: bigint, fetching: boolean): Unit {
  const random = draw.random
  const address = random.between(ADDRESSES, (fetching ? ENTRIES : ADDRESSES_END) - 1)
  const rd = random.between(20, 27)
  const rs2 = random.between(20, 27)
  // From M the access is that of MPP, which every trap changes.
  const before = mode === MACHINE && random.once(2) ? [encode('csrrs', { rs1: SUPERVISOR_BIT, imm: 0x300 })] : []
  if (mode === SUPERVISOR && random.once(10)) return change(draw, address)
  if (fetching && random.once(2))
    return unit('fetch', [encode('jalr', { rd: 1, rs1: random.between(ENTRIES, ADDRESSES_END - 1) })])
  switch (random.below(fetching ? 4 : 9)) {
    case 0: {
      // Two together, of which either may fault.
      const [name, step] = fetching || random.once(2) ? (['ld', 8] as const) : (['sd', 8] as const)
      const [first, second] = [
        { rd, rs1: address, rs2, imm: 0 },
        { rd: rs2, rs1: address, rs2: rd, imm: random.pick([-step, step, 2 * step]) },
      ]
      return unit(`${name} ${name}`, [...before, encode(name, first), encode(name, second)], 2)
    }
    case 1:
    case 2: {
      const name = random.pick(LOADS)
      return unit(name, [...before, encode(name, { rd, rs1: address })], 1)
    }
    case 3:
      return unit('prefetch', [encode('ori', { rs1: address, imm: random.pick([0, 1, 3]) })])
    case 4:
    case 5:
    case 6: {
      const name = random.pick(STORES)
      return unit(name, [...before, encode(name, { rs1: address, rs2 })], 1)
    }
    case 7: {
      const name = `${random.pick(AMOS)}.${random.pick(['w', 'd'])}`
      return unit(
        name,
        [
          ...before,
          encode('andi', { rd: 7, rs1: address, imm: -8 }),
          encode(name, { rd, rs1: 7, rs2: name.startsWith('lr') ? 0 : rs2 }),
        ],
        1,
      )
    }
    default:
      return unit(
        'cbo.zero',
        [...before, encode('andi', { rd: 7, rs1: address, imm: -64 }), encode('cbo.zero', { rs1: 7 })],
        1,
      )
  }
}

/** The supervisor rewrites a leaf, makes it known, and uses it. */
function change(draw: Draw, register: number): Unit {
  const address = 7
  const fence = draw.random.pick([
    [encode('sfence.vma')],
    [encode('sfence.vma', { rs1: address })],
    [encode('sfence.w.inval'), encode('sinval.vma', { rs1: address }), encode('sfence.inval.ir')],
    [encode('sfence.w.inval'), encode('sinval.vma'), encode('sfence.inval.ir')],
  ])
  // Fences by address reach one page only; the leaf may be used through others, so all of them go after the access.
  return unit(
    'change leaf',
    [
      encode('andi', { rd: address, rs1: register, imm: -8 }),
      encode('sd', { rs1: LEAF, rs2: VALUE }),
      ...fence,
      encode('ld', { rd: 20, rs1: address }),
      encode('sfence.vma'),
    ],
    3,
  )
}
