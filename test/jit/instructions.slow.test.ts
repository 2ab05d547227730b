// Translated instructions against the interpreter, as the engine's optimising compiler has them: what hot code ends up as.

import { setFlagsFromString } from 'node:v8'
import { runKernelTests } from '../support/kernel.ts'

// Otherwise it would be the baseline compiler's code: none of these functions is called often enough to be compiled anew.
setFlagsFromString('--no-liftoff')
setFlagsFromString('--no-wasm-lazy-compilation')

await runKernelTests({ entry: 'test/jit/instructions/kernel/entry.ts' })
