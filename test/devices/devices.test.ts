// The devices, played by a fake driver: see the AssemblyScript files in kernel/.

import { runKernelTests } from '../support/kernel.ts'

await runKernelTests({ entry: 'test/devices/kernel/entry.ts' })
