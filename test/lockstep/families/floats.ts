// Random F, D, Zfa and Zfhmin: each operation is followed by a read of its own flags, so that none hides another's.

import { SETS, describe, encode } from '../encode.ts'
import { Draw, type Family, PLAIN, plainGroup, unit, units } from '../family.ts'
import type { Unit } from '../image.ts'
import type { Random } from '../random.ts'

const ZFA = /^(fli|fminm|fmaxm|fround|froundnx|fleq|fltq|fcvtmod)\b/
const MEMORY = ['flw', 'fld', 'flh', 'fsw', 'fsd', 'fsh']
const HALF = /\.h\b|\.h\./
const COMPUTING = SETS.float.filter((name) => !MEMORY.includes(name))
const FFLAGS = 0x001
const FRM = 0x002
const FCSR = 0x003

export const single = floating(
  'single',
  COMPUTING.filter(
    (name) => /\.s$|\.s\.|\.[wx]\b/.test(name) && !isDouble(name) && !ZFA.test(name) && !HALF.test(name),
  ),
  ['flw', 'fsw'],
  's',
)
export const double = floating(
  'double',
  COMPUTING.filter((name) => isDouble(name) && !ZFA.test(name) && !HALF.test(name)),
  ['fld', 'fsd'],
  'd',
)
/** Zfa of both widths, and the conversions of Zfhmin. */
export const extra = floating(
  'extra floats',
  COMPUTING.filter((name) => ZFA.test(name) || HALF.test(name)),
  ['flh', 'fsh'],
  undefined,
)

function isDouble(name: string): boolean {
  return /\.d\b/.test(name)
}

/** A family over `names`; `fused` names the width for which cancellations are made. */
function floating(name: string, names: string[], memory: string[], fused: 's' | 'd' | undefined): Family {
  return {
    name,
    layout: PLAIN,
    group(random) {
      const draw = new Draw(random)
      const targets = new Targets(random)
      const withMemory = random.once(5)
      const next = (): Unit => {
        if (withMemory && random.once(2)) {
          const access = random.pick(memory)
          return unit(access, [draw.access(access, access.includes('fl') ? { rd: targets.f() } : {})])
        }
        if (random.once(25)) return rounding(draw)
        if (fused !== undefined && random.once(12)) return cancellation(draw, targets, fused)
        return operation(draw, targets, random.pick(names))
      }
      return plainGroup(draw, units(10, next), withMemory)
    },
  }
}

/** Destinations that are not taken twice in a group, so that every result is seen. */
class Targets {
  private readonly list: number[]
  private next = 0

  constructor(random: Random) {
    this.list = Array.from({ length: 32 }, (_, i) => i)
    for (let i = 31; i > 0; i--) {
      const j = random.below(i + 1)
      const kept = this.list[i] as number
      this.list[i] = this.list[j] as number
      this.list[j] = kept
    }
  }

  f(): number {
    return this.list[this.next++ & 31] as number
  }
}

/** Whether the result goes to an integer register. */
function givesInteger(name: string): boolean {
  return (
    /^(fle|flt|feq|fleq|fltq|fclass|fcvtmod)\b/.test(name) ||
    /^fcvt\.(w|wu|l|lu)\./.test(name) ||
    name.startsWith('fmv.x')
  )
}

function operation(draw: Draw, targets: Targets, name: string): Unit {
  const random = draw.random
  const rd = givesInteger(name) ? draw.rd() : targets.f()
  const fixed: { rd: number; rs2?: number; rs1?: number } = { rd }
  const format = describe(name).format
  // Equal operands are a case of their own.
  if ((format === 'F3' || format === 'R') && random.once(12)) fixed.rs1 = fixed.rs2 = draw.register()
  return unit(name, [draw.instruction(name, fixed), takeFlags(draw, rd)], 1)
}

/** `csrrwi x, fflags, 0` into any register but `except`. */
function takeFlags(draw: Draw, except: number): number {
  let rd = draw.rd()
  while (rd === except || rd === 0) rd = draw.rd()
  return encode('csrrwi', { rd, imm: FFLAGS })
}

function rounding(draw: Draw): Unit {
  const random = draw.random
  const mode = random.once(20) ? random.between(5, 7) : random.below(5)
  switch (random.below(3)) {
    case 0:
      return unit('frm', [encode('csrrwi', { rd: draw.rd(), imm: FRM, rs1: mode })])
    case 1:
      return unit('fcsr', [
        draw.instruction(random.pick(['csrrw', 'csrrs', 'csrrc']), { imm: FCSR }),
        encode('csrrwi', { imm: FRM, rs1: mode }),
      ])
    default:
      return unit('fflags', [
        draw.instruction(random.pick(['csrrw', 'csrrs', 'csrrc', 'csrrwi', 'csrrsi', 'csrrci']), { imm: FFLAGS }),
      ])
  }
}

/** What a product or a quotient lost by rounding, found by a fused operation: nearly everything cancels. */
function cancellation(draw: Draw, targets: Targets, width: 's' | 'd'): Unit {
  const random = draw.random
  const [a, b] = [draw.register(), draw.register()]
  const [t, rd] = [targets.f(), targets.f()]
  if (random.once(2)) {
    const fused = random.pick(['fmsub', 'fnmadd', 'fmadd', 'fnmsub'])
    return unit(
      'product error',
      [
        draw.instruction(`fmul.${width}`, { rd: t, rs1: a, rs2: b }),
        draw.instruction(`${fused}.${width}`, { rd, rs1: a, rs2: b, rs3: t }),
        takeFlags(draw, -1),
      ],
      2,
    )
  }
  return unit(
    'quotient error',
    [
      draw.instruction(`fdiv.${width}`, { rd: t, rs1: a, rs2: b }),
      draw.instruction(`fnmsub.${width}`, { rd, rs1: t, rs2: b, rs3: a }),
      takeFlags(draw, -1),
    ],
    2,
  )
}
