// Translated instructions, one by one, against the interpreter.

import { runKernelTests } from '../support/kernel.ts'

await runKernelTests({ entry: 'test/jit/instructions/kernel/entry.ts' })
