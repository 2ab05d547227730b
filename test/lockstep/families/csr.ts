// Random control register accesses: every register of ours, by all six instructions, in all modes, with what is written read back.
//
// Left out, each for a reason:
// - mscratch and mtvec are written and restored at once, for the monitor lives on them; satp likewise, and only in M mode,
//   for paging has a family of its own.
// - The values of cycle, time, instret and their M mode twins (they count), except that a counter that mcountinhibit stops
//   keeps what is written. Whether an access traps is compared.
// - marchid and mimpid name the implementation.
// - mhpmcounter3.. and mhpmevent3..: QEMU has none without Zihpm and traps; the specification wants read-only zeros.
// - mstatus.SXL and UXL: QEMU lets UXL be 32 bits; we have only 64. They are written as 2. MPP is never written as the reserved 2.
// - SEI enabled together with SSI or STI: without AIA QEMU takes the lowest number first, the specification SEI, SSI, STI.
// - mstatus.FS initial or clean while float registers are written: QEMU does not count a csrrs or csrrc of no bits as a write.
//   privileged.ts has the transitions.
// - Bits of extensions that QEMU keeps writable though they are off: virtual and guest exceptions in medeleg, VS and counter
//   overflow interrupts in mideleg, local interrupts above 15 in mie, CDE in menvcfg. They are written as 0.
// - Bit 0 of mepc and sepc: QEMU keeps it (and ignores it on return), the specification wants 0. It is written as 0.
// - stimecmp is only read here: in QEMU a write moves STIP even while menvcfg.STCE is off. privileged.ts writes it.
// - Reserved values of WARL and WLRL fields, which may become anything: mtvec and stvec mode 2 and 3, CBIE = 2, causes that do
//   not exist, PMP entries that can be written but not read, satp modes that do not exist; bits above 53 of pmpaddr.
// - PMP entries are never locked here (the monitor's own accesses would fall under them).

import { encode } from '../encode.ts'
import { Draw, type Family, MACHINE, MSTATUS_FS, MSTATUS_MPP, SUPERVISOR, USER, unit, units } from '../family.ts'
import { type Control, type Layout, STUBS, STUB_ROW, type Unit } from '../image.ts'
import type { Random } from '../random.ts'

export const CONTROLLED: Layout = { control: true, protection: false, raise: true, traps: 24 }

/** A register, and the values that may be written to it. */
interface Register {
  number: number
  value(random: Random): bigint
}

const any = (random: Random) => random.integer()
const masked = (mask: bigint) => (random: Random) => random.integer() & mask

/** mstatus: random bits, UXL and SXL 64, MPP legal, MPRV off (the paging family has it), FS off or dirty. */
function status(random: Random): bigint {
  const value = (random.integer() & ~((15n << 32n) | (1n << 17n) | MSTATUS_FS)) | (random.once(4) ? 0n : MSTATUS_FS)
  return ((value >> 11n) & 3n) === 2n ? value | (10n << 32n) | (1n << 11n) : value | (10n << 32n)
}

function cause(random: Random): bigint {
  return random.once(2)
    ? BigInt(random.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15]))
    : (1n << 63n) | BigInt(random.pick([1, 3, 5, 7, 9, 11]))
}

/** A vector base: anything with mode 0 or 1. QEMU and we keep all its bits. */
const vector = (random: Random) => random.integer() & ~2n

/** Environment configuration: FIOM, CBIE (not the reserved 2), CBCFE, CBZE, ADUE, PBMTE. */
function environment(random: Random): bigint {
  const value = random.integer() & 0x6000_0000_0000_00f1n
  return ((value >> 4n) & 3n) === 2n ? value | 16n : value
}

/** Eight PMP entries: not locked, reserved bits clear (QEMU keeps them), and never writable without being readable. */
export function pmpConfiguration(random: Random): bigint {
  let value = 0n
  for (let i = 0; i < 8; i++) {
    let entry = random.below(256) & 0x1f
    if ((entry & 3) === 2) entry |= 1
    value = (value << 8n) | BigInt(entry)
  }
  return value
}

const pmpAddress = masked((1n << 54n) - 1n)
const even = masked(~1n)
/** The exceptions that we know, without `ecall` from M. */
const EXCEPTIONS = 0xb3ffn
const INTERRUPTS = 0xaaan
/** Without SEI, which QEMU ranks otherwise: all that are enabled at the same time come in the order of their numbers. */
const ENABLED = INTERRUPTS & ~0x200n
/** SSIP, STIP and SEIP; the M interrupts are wired to devices. */
const SUPERVISOR_INTERRUPTS = 0x222n

// biome-ignore format: a table
const MACHINE_REGISTERS: Register[] = [
  { number: 0x300, value: status },
  { number: 0x302, value: masked(EXCEPTIONS) }, { number: 0x303, value: masked(INTERRUPTS) },
  { number: 0x304, value: masked(ENABLED) }, { number: 0x344, value: masked(SUPERVISOR_INTERRUPTS) },
  { number: 0x306, value: masked(7n) }, { number: 0x320, value: masked(5n) }, { number: 0x30a, value: environment },
  { number: 0x341, value: even }, { number: 0x342, value: cause }, { number: 0x343, value: any },
  { number: 0x3a0, value: pmpConfiguration },
  ...[0x3b0, 0x3b1, 0x3b2, 0x3b3, 0x3b4, 0x3b5, 0x3b6, 0x3b7, 0x3b8, 0x3bd, 0x3be].map((number) => ({ number, value: pmpAddress })),
  { number: 0x301, value: any },
]
// biome-ignore format: a table
const SUPERVISOR_REGISTERS: Register[] = [
  { number: 0x100, value: status },
  { number: 0x104, value: masked(ENABLED) }, { number: 0x144, value: masked(SUPERVISOR_INTERRUPTS) },
  { number: 0x106, value: masked(7n) }, { number: 0x10a, value: environment },
  { number: 0x140, value: any }, { number: 0x141, value: even }, { number: 0x142, value: cause }, { number: 0x143, value: any },
]
const USER_REGISTERS: Register[] = [1, 2, 3].map((number) => ({ number, value: any }))
/** mvendorid, mhartid, mconfigptr. */
const READ_ONLY = [0xf11, 0xf14, 0xf15]
/** cycle, time, instret: only whether they may be read. */
const COUNTERS = [0xc00, 0xc01, 0xc02]
/** Registers of extensions that we do not have: V, H, debug, Zkr, AIA, Smstateen, Smcntrpmf, N, RV32. */
// biome-ignore format: a table
const ABSENT = [
  0x008, 0x009, 0x00f, 0xc20, 0xc21, 0xc22, 0x200, 0x240, 0x280, 0x600, 0x602, 0x603, 0x604, 0x605, 0x606, 0x60a, 0x643, 0x644, 0x680, 0xe12,
  0x7a0, 0x7a1, 0x7a2, 0x7a8, 0x7b0, 0x7b1, 0x015, 0x150, 0x151, 0x350, 0x351, 0x30c, 0x10c, 0x321, 0x000, 0x041, 0x3a1, 0x3a3, 0xc80, 0xb80, 0x310, 0x31a,
  0x747, 0x5a8, 0xfb0, 0xdb0, 0x800, 0x9c0, 0x5c0, 0x6c0, 0x7c0, 0xbc0, 0xcc0, 0xdc0, 0xfc0, 0x180 + 0x20,
]
const WRITES = ['csrrw', 'csrrs', 'csrrc'] as const
const ALL = [...WRITES, 'csrrwi', 'csrrsi', 'csrrci'] as const

export const csr: Family = {
  name: 'csr',
  layout: { ...CONTROLLED, protection: true },
  group(random) {
    const draw = new Draw(random)
    const mode = random.pick([USER, SUPERVISOR, MACHINE, MACHINE, MACHINE])
    return {
      units: units(12, () => next(draw, mode)),
      x: draw.integers(),
      f: draw.floats(),
      fcsr: random.below(256),
      mstatus:
        (random.once(4) ? status(random) & ~(3n << 11n) & ~0x1888n & ~MSTATUS_FS : MSTATUS_FS) | (mode << MSTATUS_MPP),
      control: controlState(random),
    }
  },
}

/** Random legal values for the registers that the monitor sets; paging stays off, and all memory may be used. */
export function controlState(random: Random): Control {
  // A supervisor handler must be able to trap to M: one of the three rows is not delegated. Nor are faults of fetching,
  // for a handler that cannot be fetched would be entered for ever.
  const row = random.below(3)
  const delegated =
    random.integer() & ~([1n << 9n, 1n << 3n, 1n << 2n][row] as bigint) & EXCEPTIONS & ~((1n << 1n) | (1n << 12n))
  return {
    medeleg: random.once(3) ? 0n : delegated,
    mideleg: random.integer() & INTERRUPTS,
    mie: random.integer() & ENABLED,
    mip: random.integer() & SUPERVISOR_INTERRUPTS,
    scounteren: BigInt(random.below(8)),
    mcounteren: BigInt(random.below(8)),
    menvcfg: environment(random),
    senvcfg: environment(random),
    stvec: BigInt(STUBS + row * STUB_ROW + random.below(2)),
    sscratch: random.integer(),
    sepc: random.integer() & ~1n,
    scause: cause(random),
    stval: random.integer(),
    pmpaddr0: 0n,
    pmpaddr1: 0n,
    pmpaddr2: 0n,
    pmpaddr3: 0n,
    pmpaddr4: 0n,
    pmpaddr5: 0n,
    pmpcfg0: 0n,
    satp: 0n,
  }
}

/** Instructions that put a constant into a register. */
export function loadConstant(rd: number, value: bigint): number[] {
  // lui and addi give 32 bits; the upper half is shifted in from a second such pair.
  const half = (to: number, v: number) => {
    const low = (v << 20) >> 20
    return [
      encode('lui', { rd: to, imm: ((v - low) >>> 12) & 0xfffff }),
      encode('addiw', { rd: to, rs1: to, imm: low }),
    ]
  }
  const low = Number(BigInt.asIntN(32, value))
  if (BigInt.asIntN(32, value) === BigInt.asIntN(64, value)) return half(rd, low)
  const high = Number(BigInt.asIntN(32, value >> 32n))
  const parts = [(low >>> 21) & 0x7ff, (low >>> 10) & 0x7ff, low & 0x3ff]
  const widths = [11, 11, 10]
  return [
    ...half(rd, high),
    ...parts.flatMap((part, i) => [
      encode('slli', { rd, rs1: rd, imm: widths[i] as number }),
      encode('ori', { rd, rs1: rd, imm: part }),
    ]),
  ]
}

function next(draw: Draw, mode: bigint): Unit {
  const random = draw.random
  if (random.once(mode === MACHINE ? 6 : 12)) return absent(draw)
  // What a lower mode may not touch traps; a few such accesses are enough.
  const level = random.once(6) ? MACHINE : mode
  switch (random.below(level === MACHINE ? 10 : level === SUPERVISOR ? 6 : 3)) {
    case 0: {
      const number = random.pick(COUNTERS)
      return unit(`counter ${number.toString(16)}`, [
        encode(random.pick(['csrrs', 'csrrw', 'csrrci']), { rd: 0, rs1: random.once(4) ? 1 : 0, imm: number }),
      ])
    }
    case 1:
    case 2:
      return writeAndRead(draw, random.pick(USER_REGISTERS))
    case 3:
    case 4:
      return writeAndRead(draw, random.pick(SUPERVISOR_REGISTERS))
    case 5:
      if (random.once(4)) return unit('csr 14d', [encode('csrrs', { rd: draw.rd(), imm: 0x14d })])
      return borrow(
        draw,
        mode === MACHINE ? random.pick([0x305, 0x340, 0x180, 0x105]) : random.pick([0x305, 0x340, 0x105]),
      )
    case 6: {
      const number = random.pick(READ_ONLY)
      return unit(`read-only ${number.toString(16)}`, [
        draw.instruction(random.pick(ALL), { imm: number, ...(random.once(3) ? {} : { rs1: 0 }) }),
      ])
    }
    case 7:
      return mode === MACHINE && random.once(3) ? stop(draw) : writeAndRead(draw, random.pick(MACHINE_REGISTERS))
    default:
      return writeAndRead(draw, random.pick(MACHINE_REGISTERS))
  }
}

function absent(draw: Draw): Unit {
  const random = draw.random
  const number = random.pick(ABSENT)
  return unit(`absent ${number.toString(16)}`, [draw.instruction(random.pick(ALL), { imm: number })])
}

/** Writes a legal value, sets or clears bits of one, or uses an immediate; then reads back. */
function writeAndRead(draw: Draw, register: Register): Unit {
  const random = draw.random
  const t = draw.rd() || 5
  const [rd, back] = [draw.rd(), draw.rd()]
  const read = encode('csrrs', { rd: back, imm: register.number })
  const name = `csr ${register.number.toString(16)}`
  // Setting and clearing some bits of a legal value can give an illegal one: only whole values where that matters.
  const free = register.value === any || register.value === pmpAddress
  const operation = free || random.once(3) ? random.pick(WRITES) : 'csrrw'
  const whole = operation === 'csrrw' || free
  const value = whole ? register.value(random) : 0n
  const code = whole
    ? [...loadConstant(t, value), encode(operation, { rd, rs1: t, imm: register.number })]
    : [encode(operation, { rd, rs1: 0, imm: register.number })]
  if (free && random.once(4))
    return unit(name, [draw.instruction(random.pick(['csrrwi', 'csrrsi', 'csrrci']), { imm: register.number }), read])
  return unit(name, [...code, read], 2)
}

/** A counter that is stopped keeps what is written. */
function stop(draw: Draw): Unit {
  const random = draw.random
  const number = random.pick([0xb00, 0xb02])
  const t = draw.rd() || 5
  return unit(
    'stopped counter',
    [
      encode('csrrwi', { rd: 0, rs1: 5, imm: 0x320 }),
      ...loadConstant(t, random.integer()),
      encode('csrrw', { rd: 0, rs1: t, imm: number }),
      encode('csrrs', { rd: draw.rd(), imm: number }),
      encode('csrrwi', { rd: 0, rs1: 0, imm: 0x320 }),
    ],
    4,
  )
}

/** Writes a register that the monitor needs and puts the old value back. */
function borrow(draw: Draw, number: number): Unit {
  const random = draw.random
  const value = number === 0x340 ? random.integer() : number === 0x180 ? satp(random) : vector(random)
  const t = 5
  return unit(
    `borrow ${number.toString(16)}`,
    [
      ...loadConstant(6, value),
      encode('csrrw', { rd: t, rs1: 6, imm: number }),
      encode('csrrw', { rd: 6, rs1: t, imm: number }),
    ],
    2,
  )
}

/** A legal satp: bare, Sv39, Sv48 or Sv57, any address space and root. */
function satp(random: Random): bigint {
  return (BigInt(random.pick([0, 8, 9, 10])) << 60n) | (random.integer() & ((1n << 60n) - 1n))
}
