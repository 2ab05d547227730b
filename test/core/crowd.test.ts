// Several CPUs at once: the frame pool, the guests' maps, the notes about code, harts of one guest side by side.

import { runCrowdTests } from './crowd.ts'

await runCrowdTests({ entry: 'test/core/kernel/entry.ts' })
