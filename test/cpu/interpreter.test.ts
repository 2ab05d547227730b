// The interpreter's promises: exact counts, precise state, code that changes under its feet, a TLB without soft spots.

import { runKernelTests } from '../support/kernel.ts'

await runKernelTests({ entry: 'test/cpu/kernel/entry.ts' })
