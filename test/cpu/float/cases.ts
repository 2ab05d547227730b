/** Directed cases for the float tests, and the form of all cases, which entry.ts and oracle.c read. */
import type { Operation } from './operation.js'
import { type Kind, valuesOf } from './values.js'

/** u32 operation, u32 rounding mode, u64 a, b, c. */
export const CASE_BYTES = 32
/** u64 value, u64 flags. */
export const RESULT_BYTES = 16
/** u32 words of a case. */
export const CASE_WORDS = CASE_BYTES / 4

/** How the operands of a random case relate, so that the interesting results are met. */
export type Relation = 'none' | 'sum' | 'product' | 'quotient' | 'root' | 'fused' | 'integer'

export type Family = {
  /** The end of the sentence that the test is named by. */
  title: string
  operations: Operation[]
  kind: Kind
  operands: 1 | 2 | 3
  relation: Relation
  /** Whether the rounding mode matters. */
  rounds: boolean
}

/** All cases of the family that its list of values gives, each with every rounding mode. */
export function directedCases(family: Family): Uint32Array {
  const values = valuesOf(family.kind, family.operands)
  const modes = family.rounds ? 5 : 1
  const words = new Uint32Array(family.operations.length * modes * values.length ** family.operands * CASE_WORDS)
  const zero = [{ high: 0, low: 0 }]
  let at = 0
  for (const operation of family.operations) {
    for (let mode = 0; mode < modes; mode++) {
      for (const a of values) {
        for (const b of family.operands > 1 ? values : zero) {
          for (const c of family.operands > 2 ? values : zero) {
            words[at] = operation
            words[at + 1] = mode
            words[at + 2] = a.low
            words[at + 3] = a.high
            words[at + 4] = b.low
            words[at + 5] = b.high
            words[at + 6] = c.low
            words[at + 7] = c.high
            at += CASE_WORDS
          }
        }
      }
    }
  }
  return words
}
