// Random RV64I: arithmetic, branches, jumps and loops, loads and stores aligned, misaligned and across a page border.

import { SETS, describe, encode } from '../encode.ts'
import { Draw, type Family, PLAIN, plainGroup, unit, units } from '../family.ts'
import type { Unit } from '../image.ts'

const ARITHMETIC = SETS.integer.filter(
  (name) => ['R', 'I', 'H5', 'H6', 'U'].includes(describe(name).format) && !/^(l[bhwd]u?|jalr|fence.*)$/.test(name),
)
const BRANCHES = SETS.integer.filter((name) => describe(name).format === 'B')
const LOADS = ['lb', 'lh', 'lw', 'ld', 'lbu', 'lhu', 'lwu']
const STORES = ['sb', 'sh', 'sw', 'sd']

export const integer: Family = {
  name: 'integer',
  layout: PLAIN,
  group(random) {
    const draw = new Draw(random)
    const memory = random.once(3)
    return plainGroup(
      draw,
      units(20, () => next(draw, memory)),
      memory,
    )
  },
}

function next(draw: Draw, memory: boolean): Unit {
  const random = draw.random
  if (memory && random.once(2)) {
    const name = random.pick(random.once(2) ? LOADS : STORES)
    return unit(name, [draw.access(name)])
  }
  if (random.once(6)) return flow(draw)
  // Aligned, for whether a misaligned access to nowhere is misaligned or an access fault is free.
  if (random.once(100))
    return unit('load nothing', [encode('ld', { rd: draw.rd(), rs1: 0, imm: random.between(-256, -1) * 8 })])
  if (random.once(60))
    return unit('fence', [
      encode(random.pick(['fence', 'fence.i', 'wrs.nto', 'wrs.sto']), { imm: random.pick([0, 0x0ff, 0x833, 0x010]) }),
    ])
  const name = random.pick(ARITHMETIC)
  return unit(name, [draw.instruction(name)])
}

/** Branches, jumps and loops that come out behind themselves. */
function flow(draw: Draw): Unit {
  const random = draw.random
  const filler = () => draw.instruction(random.pick(ARITHMETIC))
  const skipped = random.below(3)
  const over = 4 * (skipped + 1)
  const fill = Array.from({ length: skipped }, filler)
  const branch = random.pick(BRANCHES)
  const rd = draw.rd()
  switch (random.below(6)) {
    case 0:
      return unit('jal', [encode('jal', { rd, imm: over }), ...fill], 1)
    case 1: {
      // auipc t; jalr rd, t, over: odd targets lose their lowest bit.
      const t = random.once(2) && rd !== 0 ? rd : draw.rd() || 31
      return unit(
        'jalr',
        [encode('auipc', { rd: t }), encode('jalr', { rd, rs1: t, imm: over + 4 + random.below(2) }), ...fill],
        2,
      )
    }
    case 2: {
      const counter = draw.rd() || 30
      const times = random.between(1, 4)
      const body = random.pick(ARITHMETIC.filter((name) => name !== 'auipc'))
      const inner = draw.rd()
      return unit(
        'loop',
        [
          encode('addi', { rd: counter, imm: times }),
          draw.instruction(body, { rd: inner === counter ? 0 : inner }),
          encode('addi', { rd: counter, rs1: counter, imm: -1 }),
          encode('bne', { rs1: counter, rs2: 0, imm: -8 }),
        ],
        1 + 3 * times,
      )
    }
    case 3: {
      const same = draw.register()
      return unit(branch, [encode(branch, { rs1: same, rs2: same, imm: over }), ...fill], 1)
    }
    default:
      return unit(branch, [draw.instruction(branch, { imm: over }), ...fill], 1)
  }
}
