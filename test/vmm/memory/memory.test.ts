// The machine's memory: promises, balloons under pressure, pages that share a frame. See the AssemblyScript files in kernel/.

import { runKernelTests } from '../../support/kernel.ts'

await runKernelTests({ entry: 'test/vmm/memory/kernel/entry.ts' })
