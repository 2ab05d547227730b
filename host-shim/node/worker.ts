// The threads of a machine on Node, all in one program: those of its physical CPUs, and the one for slow disk work.

import { workerData } from 'node:worker_threads'
import { serveCpu } from './cpu.ts'
import type { CpuInput, TransferInput } from './protocol.ts'
import { serveTransfers } from './transfers.ts'

const input = workerData as CpuInput | TransferInput
if (input.role === 'cpu') await serveCpu(input)
else serveTransfers(input)
