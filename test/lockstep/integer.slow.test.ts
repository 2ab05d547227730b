// Lockstep with QEMU: the integer instructions, M, A, C, the bit manipulation extensions, and pairs.

import { bits, multiply } from './families/arithmetic.ts'
import { atomic } from './families/atomic.ts'
import { compressed } from './families/compressed.ts'
import { integer } from './families/integer.ts'
import { neighbours } from './families/neighbours.ts'
import { prove } from './prove.ts'

prove([integer, multiply, bits, atomic, compressed, neighbours])
