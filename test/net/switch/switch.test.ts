// The switch between guests and uplinks, played by fake drivers: see the AssemblyScript files in kernel/.

import { runKernelTests } from '../../support/kernel.ts'

await runKernelTests({ entry: 'test/net/switch/kernel/entry.ts' })
