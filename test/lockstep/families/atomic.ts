// Random A: all AMOs, aligned or not, and pairs of LR and SC that must succeed or must fail.
//
// Left out, because the specification lets implementations differ: an SC with another width or another address of the same
// reservation set than its LR, and whether a trap or a store of the same hart between LR and SC ends the reservation.

import { SETS, encode } from '../encode.ts'
import { Draw, type Family, PLAIN, plainGroup, unit, units } from '../family.ts'
import type { Unit } from '../image.ts'

const AMOS = SETS.atomic.filter((name) => name.startsWith('amo'))

export const atomic: Family = {
  name: 'atomic',
  layout: PLAIN,
  group(random) {
    const draw = new Draw(random)
    return plainGroup(
      draw,
      units(12, () => (random.once(3) ? reservation(draw) : amo(draw))),
      true,
    )
  },
}

function amo(draw: Draw): Unit {
  const random = draw.random
  const name = random.pick(AMOS)
  const { address, word } = point(draw, name.endsWith('.d') ? 8 : 4, random.once(12))
  return unit(name, [word, encode(name, { rd: draw.rd(), rs1: address, rs2: draw.register(), imm: random.below(4) })])
}

/** `addi address, base, offset`: the address of a datum of `size` bytes, in a register of its own. */
function point(draw: Draw, size: number, misaligned: boolean) {
  const base = draw.random.pick(draw.bases)
  const address = draw.rd() || 31
  const offset = (draw.offset(base) & -size) + (misaligned ? draw.random.between(1, size - 1) : 0)
  return { address, word: encode('addi', { rd: address, rs1: base, imm: offset }) }
}

function reservation(draw: Draw): Unit {
  const random = draw.random
  const width = random.pick(['w', 'd'])
  const size = width === 'd' ? 8 : 4
  const order = () => random.below(4)
  const { address, word } = point(draw, size, random.once(20))
  const otherThan = (...used: number[]) => {
    for (;;) {
      const rd = draw.rd()
      if (!used.includes(rd)) return rd
    }
  }
  const lr = encode(`lr.${width}`, { rd: otherThan(address), rs1: address, imm: order() })
  const sc = (rs1: number, ...keep: number[]) =>
    encode(`sc.${width}`, { rd: otherThan(rs1, ...keep), rs1, rs2: draw.register(), imm: order() })
  const between = Array.from({ length: random.below(3) }, () =>
    draw.instruction(random.pick(['add', 'xor', 'slli']), { rd: otherThan(address) }),
  )
  switch (random.below(4)) {
    case 0:
      return unit('sc twice', [word, lr, ...between, sc(address), sc(address)])
    case 1: {
      // 4 KiB away: outside of any reservation set in use.
      const far = otherThan(address, 0)
      const step = [encode('lui', { rd: far, imm: 1 }), encode('add', { rd: far, rs1: far, rs2: address })]
      return unit('sc elsewhere', [word, lr, ...step, sc(far, address), sc(address)])
    }
    case 2: {
      const far = otherThan(address, 0)
      const step = [encode('lui', { rd: far, imm: 1 }), encode('add', { rd: far, rs1: far, rs2: address })]
      return unit('lr twice', [
        word,
        lr,
        ...step,
        encode(`lr.${width}`, { rd: otherThan(address, far), rs1: far, imm: order() }),
        sc(address, far),
        sc(far),
      ])
    }
    default:
      return unit('lr sc', [word, lr, ...between, sc(address)])
  }
}
