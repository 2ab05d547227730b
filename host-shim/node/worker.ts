// The threads of a machine on Node, all in one program: those of its physical CPUs, or the one that
// drives it where it is a program of its own, and the one for slow disk work. As a
// process of its own it serves a device of the host that gives frames.

import { fileURLToPath } from 'node:url'
import { isMainThread, workerData } from 'node:worker_threads'
import { serveCpu } from './cpu.ts'
import { serveFramed } from './framed/thread.ts'
import type { CpuInput, FramedInput, TransferInput } from './protocol.ts'
import { serveTransfers } from './transfers.ts'
import { readTap, serveTap, type TapInput } from './uplinks/tap.ts'

if (isMainThread) await serveTap(JSON.parse(process.argv[2] as string), fileURLToPath(import.meta.url))
else {
  const input = workerData as CpuInput | FramedInput | TransferInput | TapInput
  if (input.role === 'cpu') await serveCpu(input)
  else if (input.role === 'framed') await serveFramed(input)
  else if (input.role === 'tap') readTap(input)
  else serveTransfers(input)
}
