// The policy of the schedule, on a machine without a clock: see the AssemblyScript files in kernel/.

import { runKernelTests } from '../../support/kernel.ts'

await runKernelTests({ entry: 'test/vmm/schedule/kernel/entry.ts' })
