// Random PMP: regions of all kinds and sizes over the scratch memory and over page tables, used from M (MPRV), S and U.
//
// Entries 0..5 are random, entry 15 allows the rest. Half of the groups go through a page table whose own page may be denied.
//
// Left out: locked entries (they would bind the monitor until reset); accesses that are not aligned, which may be split, so
// that the parts match differently; whether A and D are set when PMP denies the access that the leaf allows.

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
import { CODE, type Group, type Poke, SCRATCH, STUBS, type Unit } from '../image.ts'
import type { Random } from '../random.ts'
import { CONTROLLED, controlState } from './csr.ts'

const [T2, T1, T0] = [0x8032_8000, 0x8032_9000, 0x8032_a000]
const [V, R, W, X, U, A, D] = [1n, 2n, 4n, 8n, 16n, 64n, 128n]
const MEBIBYTES_2 = 0x20_0000
const CODE_LEAVES = 8
const node = (table: number) => (BigInt(table >>> 12) << 10n) | V
const leaf = (address: number) => (BigInt(address >>> 12) << 10n) | V | A | D

/** Sv39: stubs and code as they are, the scratch memory's two pages through T0. */
const FIXED: Poke[] = [
  { address: T2 + 2 * 8, words: [node(T1)] },
  { address: T1, words: [node(T0), leaf(STUBS) | R | X] },
]
/** Virtual address of the scratch memory's middle: entries 7 and 8 of T0. */
const VIRTUAL = 0x8000_8000

export const protection: Family = {
  name: 'protection',
  layout: { ...CONTROLLED, protection: true, raise: false, fixed: FIXED },
  group(random) {
    const draw = new Draw(random)
    const mode = random.pick([USER, SUPERVISOR, MACHINE])
    const paged = random.once(2)
    const x = draw.integers()
    const middle = paged ? VIRTUAL : SCRATCH
    const fetching = mode !== MACHINE && random.once(4)
    for (let register = 8; register < 20; register++) {
      x[register] = BigInt(middle + (fetching && register >= 15 ? random.pick([64, 72]) : 8 * random.between(-12, 12)))
    }
    x[SUPERVISOR_BIT] = 1n << MSTATUS_MPP
    const user = mode === USER || (mode === MACHINE && random.once(2)) ? U : 0n
    const code = Array.from(
      { length: CODE_LEAVES },
      (_, i) => leaf(CODE + i * MEBIBYTES_2) | R | X | (mode === USER ? U : 0n),
    )
    const scratch = draw.scratch()
    const at = (SCRATCH - scratch.address) / 8
    scratch.words[at + 8] = 0x8082n
    scratch.words[at + 9] = 0x0000_8067n
    const control = controlState(random)
    control.medeleg = (control.medeleg as bigint) & ~2n
    control.mideleg = control.mie = control.mip = 0n
    control.menvcfg = control.senvcfg = 0xd0n
    control.satp = paged ? (8n << 60n) | BigInt(T2 >>> 12) : 0n
    let configuration = 0n
    for (let i = 0; i < 6; i++) {
      const { address, kind } = region(random)
      control[`pmpaddr${i as 0 | 1 | 2 | 3 | 4 | 5}`] = address
      let permissions = random.below(8)
      if ((permissions & 3) === 2) permissions |= 1
      configuration |= BigInt((kind << 3) | permissions) << BigInt(8 * i)
    }
    control.pmpcfg0 = configuration
    const group: Group = {
      units: units(14, () => access(draw, mode, fetching)),
      x,
      f: new Array(32).fill(draw.float()),
      fcsr: 0,
      mstatus: MSTATUS_FS | (mode << MSTATUS_MPP) | (1n << 18n) | (mode === MACHINE ? 1n << 17n : 0n),
      control,
      pokes: [
        scratch,
        { address: T1 + 16, words: code },
        { address: T0 + 7 * 8, words: [leaf(SCRATCH - 4096) | R | W | X | user, leaf(SCRATCH) | R | W | X | user] },
      ],
      peeks: [SCRATCH_PEEK],
    }
    return group
  },
}

/** Holds MPP = S as a mask. */
const SUPERVISOR_BIT = 28
const [OFF, TOR, NA4, NAPOT] = [0, 1, 2, 3]

/** The address register and the kind of a region: near the scratch memory's middle, or over the page tables. */
function region(random: Random): { address: bigint; kind: number } {
  const kind = random.pick([OFF, TOR, TOR, NA4, NAPOT, NAPOT, NAPOT])
  if (random.once(12)) {
    // One page table, or what a reset left there.
    const table = random.pick([T2, T1, T0])
    return random.once(2)
      ? { address: BigInt(table >>> 2) | 0x1ffn, kind: NAPOT }
      : { address: random.pick([0n, (1n << 54n) - 1n]), kind: OFF }
  }
  const granule = BigInt((SCRATCH + 4 * random.between(-26, 26)) >>> 2)
  // NAPOT with n ones reaches over 2^(n + 3) bytes: 8 bytes up to 8 KiB.
  return { address: kind === NAPOT ? granule | ((1n << BigInt(random.below(11))) - 1n) : granule, kind }
}

function access(draw: Draw, mode: bigint, fetching: boolean): Unit {
  const random = draw.random
  const address = random.between(8, fetching ? 14 : 19)
  const rd = random.between(20, 27)
  const rs2 = random.between(20, 27)
  const before = mode === MACHINE && random.once(2) ? [encode('csrrs', { rs1: SUPERVISOR_BIT, imm: 0x300 })] : []
  if (fetching && random.once(2)) return unit('fetch', [encode('jalr', { rd: 1, rs1: random.between(15, 19) })])
  switch (random.below(fetching ? 2 : 5)) {
    case 0:
    case 1: {
      const [name, size] = random.pick([
        ['lb', 1],
        ['lhu', 2],
        ['lw', 4],
        ['ld', 8],
        ['flw', 4],
        ['fld', 8],
      ] as const)
      return unit(name, [...before, encode(name, { rd, rs1: address, imm: size * random.below(8 / size) })], 1)
    }
    case 2:
    case 3: {
      const [name, size] = random.pick([
        ['sb', 1],
        ['sh', 2],
        ['sw', 4],
        ['sd', 8],
        ['fsw', 4],
        ['fsd', 8],
      ] as const)
      return unit(name, [...before, encode(name, { rs1: address, rs2, imm: size * random.below(8 / size) })], 1)
    }
    default: {
      const name = random.pick(['amoadd.w', 'amoswap.d', 'amomaxu.w', 'lr.w', 'lr.d'])
      return unit(name, [...before, encode(name, { rd, rs1: address, rs2: name.startsWith('lr') ? 0 : rs2 })], 1)
    }
  }
}
