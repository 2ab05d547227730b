// Lockstep with QEMU: F, D, Zfa and Zfhmin, at random and on all pairs and triples of special values.

import { doubleCases, singleCases } from './families/floatcases.ts'
import { double, extra, single } from './families/floats.ts'
import { prove } from './prove.ts'

prove([single, double, extra, singleCases, doubleCases])
