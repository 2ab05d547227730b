// Runs kernel tests on several CPUs: worker threads, an instance each, over one shared memory.
//
// A test is three functions of the AssemblyScript entry: NAME__before and NAME__after run alone, NAME__on(cpu) on all CPUs at
// once. The name is the sentence that it proves, with underscores for spaces. Each test gets a fresh memory.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import { TestHost } from '../support/host.ts'
import { compile, type KernelTests } from '../support/kernel.ts'

/** CPUs of the machine. */
export const CPUS = 3
/** Pages of 64 KiB: the kernel's regions for three CPUs (core/layout.ts) and some 100 MiB of frames. */
const MEMORY_PAGES = 8192

/** What a worker is started with. */
export interface Part {
  module: WebAssembly.Module
  memory: WebAssembly.Memory
  name: string
  cpu: number
}

/** Instantiates the module and calls one of its functions. */
export function call({ module, memory, name, cpu }: Part): void {
  const host = new TestHost(memory)
  const instance = new WebAssembly.Instance(module, host.imports)
  host.attach(instance)
  try {
    ;(instance.exports[name] as (cpu: number) => void)(cpu)
  } catch (cause) {
    throw new Error(`CPU ${cpu}: ${host.lastWords ?? (cause as Error).message}`, { cause })
  }
}

/** Workers don't inherit the loader of TypeScript. */
const START = `import('tsx/esm/api').then(({ tsImport }) => tsImport('./cpu.ts', ${JSON.stringify(import.meta.url)}))`

async function runOne(module: WebAssembly.Module, name: string): Promise<void> {
  const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: 65536, shared: true })
  call({ module, memory, name: `${name}__before`, cpu: 0 })
  const parts = Array.from({ length: CPUS }, (_, cpu): Part => ({ module, memory, name: `${name}__on`, cpu }))
  const workers = parts.map((part) => new Worker(START, { eval: true, workerData: part }))
  try {
    // The first that fails ends the test; the others may wait for it for ever.
    await Promise.all(workers.map((worker) => once(worker, 'exit')))
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  call({ module, memory, name: `${name}__after`, cpu: 0 })
}

/** Registers the entry's tests with uvu and runs them. */
export async function runCrowdTests(options: KernelTests): Promise<void> {
  const module = await compile(options)
  for (const { name } of WebAssembly.Module.exports(module)) {
    if (!name.endsWith('__on')) continue
    const sentence = name.slice(0, -'__on'.length)
    test(sentence.replaceAll('_', ' '), () => runOne(module, sentence))
  }
  test.run()
}
