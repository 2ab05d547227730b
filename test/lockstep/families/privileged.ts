// Random transitions between M, S and U: calls, traps, delegation, returns, interrupts, and what mstatus and envcfg forbid.
//
// The monitor answers a trap by going on behind the instruction; an `ecall` that M gets raises to M, so that a group can
// come down again and again. The supervisor's handler is a row of instructions that trap (image.ts).
//
// Left out, beside what csr.ts lists: `wfi` with nothing pending (it would wait for ever); `sfence.w.inval` and
// `sfence.inval.ir`, which QEMU lets pass in U mode (paging.ts has them in S); what STIP becomes
// when STCE is switched off; `wrs.nto` under TW, which traps in QEMU and may end at once instead.

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
import type { Group, Unit } from '../image.ts'
import { CONTROLLED, controlState, loadConstant } from './csr.ts'

const SIE = 1n << 1n
const MIE = 1n << 3n
const SPIE = 1n << 5n
const MPIE = 1n << 7n
const SPP = 1n << 8n
const SUM = 1n << 18n
const MXR = 1n << 19n
const TVM = 1n << 20n
const TW = 1n << 21n
const TSR = 1n << 22n
const [SSI, STI, SEI] = [1n << 1n, 1n << 5n, 1n << 9n]
const STATUS_BITS = [SIE, MIE, SPIE, MPIE, SPP, SUM, MXR, TVM, TW, TSR]
const [MSTATUS, MEPC, MIE_CSR, MIP, SEPC, SSTATUS, SIE_CSR, SIP, SATP] = [
  0x300, 0x341, 0x304, 0x344, 0x141, 0x100, 0x104, 0x144, 0x180,
]

export const privileged: Family = {
  name: 'privileged',
  layout: CONTROLLED,
  group(random) {
    const draw = new Draw(random)
    const mode = random.pick([USER, SUPERVISOR, MACHINE])
    const control = controlState(random)
    // MIE comes from MPIE, so that no interrupt hits the monitor.
    let mstatus = MSTATUS_FS | (mode << MSTATUS_MPP)
    for (const bit of STATUS_BITS) if (bit !== MIE && random.once(3)) mstatus |= bit
    const walk = { mode, delegated: control.medeleg as bigint, interrupts: random.pick([SSI | STI, SEI]) }
    control.mie = random.integer() & walk.interrupts
    const waits = random.once(4) && mode !== USER
    if (waits) walk.interrupts = SEI
    const steps = units(12, () => next(draw, walk))
    if (waits) {
      // Something is pending and enabled, but not taken: `wfi` goes on at once.
      control.mip = (control.mip as bigint) | SEI
      control.mie = SEI
      control.mideleg = (control.mideleg as bigint) | SEI
      // `mret` makes SIE and MIE of this: MIE from MPIE, SIE as it is.
      mstatus &= ~(SIE | MPIE)
      // First, and so aligned to 8: QEMU tells a wrong pc for a `wfi` that traps and ends where its page ends, or beyond.
      steps.unshift(unit('wfi', [encode('wfi')]))
    }
    const group: Group = {
      units: steps,
      x: draw.integers(),
      f: new Array(32).fill(draw.float()),
      fcsr: 0,
      mstatus,
      control,
      pokes: [draw.scratch()],
      peeks: [SCRATCH_PEEK],
    }
    return group
  },
}

/** The mode that a group is probably in: it may trap otherwise, but mostly does what its mode may do. */
interface Walk {
  mode: bigint
  delegated: bigint
  /** Interrupts that may be enabled together (csr.ts). */
  interrupts: bigint
}

function next(draw: Draw, walk: Walk): Unit {
  const random = draw.random
  // One step in ten is for any mode.
  const level = random.once(10) ? MACHINE : walk.mode
  switch (random.below(level === MACHINE ? 15 : level === SUPERVISOR ? 12 : 9)) {
    case 0:
    case 1:
      // Raised to M, unless the supervisor gets it, who goes on in the same mode.
      if (walk.mode === MACHINE || ((walk.delegated >> (8n + walk.mode)) & 1n) === 0n) walk.mode = MACHINE
      return unit('ecall', [encode('ecall')])
    case 2:
      return random.once(2) ? unit('ebreak', [encode('ebreak')]) : unit('c.ebreak', [0x9002])
    case 3:
      return unit('illegal', [random.pick(ILLEGAL)])
    case 4:
      return fences(draw)
    case 5:
    case 6:
      return block(draw)
    case 7:
      return unit('counter', [encode('csrrs', { rd: 0, rs1: 0, imm: random.pick([0xc00, 0xc01, 0xc02]) })])
    case 8:
      return random.once(3) ? status(draw, level) : floatState(draw, SUPERVISOR)
    case 9:
      return goTo(draw, 'sret', walk)
    case 10:
      return interrupts(draw, level, walk)
    case 11:
      return floatState(draw, level)
    case 12:
      return goTo(draw, 'mret', walk)
    case 13:
      return status(draw, level)
    default:
      return random.once(3) ? timer(draw) : goTo(draw, 'mret', walk)
  }
}

/** Encodings that no extension of ours has, and ones that write what is read-only. */
const ILLEGAL = [0x0000, 0xffffffff, 0x0000007b, 0x0e00_0057, 0xc0001073, 0x30200173, 0x9c41, 0x8000]

/** Points mepc or sepc behind the unit, chooses the mode, and returns there. */
function goTo(draw: Draw, name: 'mret' | 'sret', walk: Walk): Unit {
  const random = draw.random
  const t = draw.rd() || 5
  const machine = name === 'mret'
  const mode = machine ? random.pick([USER, SUPERVISOR, MACHINE]) << MSTATUS_MPP : random.pick([0n, SPP])
  const field = machine ? 3n << MSTATUS_MPP : SPP
  const register = machine ? MSTATUS : SSTATUS
  const select = [
    ...loadConstant(t, field),
    encode('csrrc', { rs1: t, imm: register }),
    ...loadConstant(t, mode),
    encode('csrrs', { rs1: t, imm: register }),
  ]
  // Some returns use whatever mode is left there.
  const chosen = random.once(8) ? [] : select
  if (walk.mode === MACHINE || (walk.mode === SUPERVISOR && !machine))
    walk.mode = machine ? mode >> MSTATUS_MPP : mode === 0n ? USER : SUPERVISOR
  const behind = 4 * (chosen.length + 4)
  return unit(
    name,
    [
      ...chosen,
      encode('auipc', { rd: t }),
      encode('addi', { rd: t, rs1: t, imm: behind - 4 * chosen.length }),
      encode('csrrw', { rs1: t, imm: machine ? MEPC : SEPC }),
      encode(name),
    ],
    4,
  )
}

function fences(draw: Draw): Unit {
  const random = draw.random
  const name = random.pick(['sfence.vma', 'sinval.vma', 'satp', 'fence.i', 'wrs.sto'])
  if (name === 'satp') return unit(name, [encode('csrrs', { rd: draw.rd(), imm: SATP })])
  if (name === 'fence.i' || name.startsWith('wrs')) return unit(name, [encode(name)])
  return unit(name, [
    encode(name, { rs1: random.once(2) ? 0 : draw.register(), rs2: random.once(2) ? 0 : draw.register() }),
  ])
}

/** Sets or clears some bits of mstatus or sstatus and reads it. */
function status(draw: Draw, level: bigint): Unit {
  const random = draw.random
  const t = draw.rd() || 5
  let bits = 0n
  for (const bit of STATUS_BITS) if (random.once(3)) bits |= bit
  const register = level === MACHINE ? random.pick([MSTATUS, MSTATUS, SSTATUS]) : SSTATUS
  return unit(
    'status',
    [
      ...loadConstant(t, bits),
      encode(random.pick(['csrrs', 'csrrc']), { rd: draw.rd(), rs1: t, imm: register }),
      encode('csrrs', { rd: draw.rd(), imm: register }),
    ],
    2,
  )
}

/** Changes what is pending or enabled. */
function interrupts(draw: Draw, level: bigint, walk: Walk): Unit {
  const random = draw.random
  const t = draw.rd() || 5
  const register = random.pick(level === MACHINE ? [MIE_CSR, MIP, SIE_CSR, SIP] : [SIE_CSR, SIP])
  const bits =
    random.pick([SSI, STI, SEI, SSI | STI | SEI]) &
    (register === MIP || register === SIP ? SSI | STI | SEI : walk.interrupts)
  return unit(
    'interrupts',
    [
      ...loadConstant(t, bits),
      encode(random.pick(['csrrs', 'csrrc', 'csrrw']), { rd: draw.rd(), rs1: t, imm: register }),
      encode('csrrs', { rd: draw.rd(), imm: register }),
    ],
    2,
  )
}

/** Sets mstatus.FS, works with floats, and reads the state that this leaves. */
function floatState(draw: Draw, level: bigint): Unit {
  const random = draw.random
  const t = draw.rd() || 5
  const register = level === MACHINE ? random.pick([MSTATUS, SSTATUS]) : SSTATUS
  const fs = BigInt(random.below(4)) << 13n
  const work = random.pick(['fsgnj.d', 'fmv.w.x', 'fmv.x.d', 'fld', 'fsd', 'fadd.s', 'fclass.d'])
  const base = draw.bases[1] as number
  const code =
    work === 'fld' || work === 'fsd' ? encode(work, { rd: 3, rs1: base, rs2: 3 }) : draw.instruction(work, { rm: 0 })
  return unit(
    `FS ${work}`,
    [
      ...loadConstant(t, MSTATUS_FS),
      encode('csrrc', { rs1: t, imm: register }),
      ...loadConstant(t, fs),
      encode('csrrs', { rs1: t, imm: register }),
      code,
      encode('csrrs', { rd: draw.rd(), imm: register }),
    ],
    4,
  )
}

/** Cache block operations, which menvcfg and senvcfg allow or forbid; prefetches, which are never forbidden. */
function block(draw: Draw): Unit {
  const random = draw.random
  const base = random.pick(draw.bases)
  const name = random.pick(['cbo.inval', 'cbo.clean', 'cbo.flush', 'cbo.zero', 'cbo.zero', 'prefetch'])
  if (name === 'prefetch')
    return unit(name, [encode('ori', { rd: 0, rs1: draw.register(), imm: random.pick([0, 1, 3]) })])
  const t = draw.rd() || 6
  return unit(name, [encode('addi', { rd: t, rs1: base, imm: draw.offset(base) }), encode(name, { rs1: t })])
}

/** A supervisor timer that is due at once, and one that never is. */
function timer(draw: Draw): Unit {
  const t = draw.rd() || 5
  return unit(
    'timer',
    [
      ...loadConstant(t, 1n << 63n),
      encode('csrrs', { rs1: t, imm: 0x30a }),
      encode('csrrw', { rs1: 0, imm: 0x14d }),
      encode('csrrs', { rd: draw.rd(), imm: MIP }),
      encode('addi', { rd: t, imm: -1 }),
      encode('csrrw', { rs1: t, imm: 0x14d }),
      encode('csrrs', { rd: draw.rd(), imm: MIP }),
      ...loadConstant(t, 1n << 63n),
      encode('csrrc', { rs1: t, imm: 0x30a }),
      encode('addi', { rd: t, imm: Number(STI) }),
      encode('csrrc', { rs1: t, imm: MIP }),
    ],
    7,
  )
}
