// Random M, and random Zba, Zbb, Zbs, Zbc and Zicond: families that only compute.

import { SETS } from '../encode.ts'
import { Draw, type Family, PLAIN, plainGroup, unit, units } from '../family.ts'

export const multiply = computing('multiply', SETS.multiply)
export const bits = computing('bits', SETS.bits)

function computing(name: string, instructions: string[]): Family {
  return {
    name,
    layout: PLAIN,
    group(random) {
      const draw = new Draw(random)
      const next = () => {
        const chosen = random.pick(instructions)
        // The same register twice, and divisors of 0, 1 and -1, are cases of their own.
        const rs1 = draw.register()
        const rs2 = random.once(10) ? rs1 : random.once(20) ? 0 : draw.register()
        return unit(chosen, [draw.instruction(chosen, { rs1, rs2 })])
      }
      return plainGroup(draw, units(16, next), false)
    },
  }
}
