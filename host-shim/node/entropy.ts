// The machine's source of randomness on Node.

import { randomFillSync } from 'node:crypto'

/** Fills a part of the machine's memory with random bytes fit for keys. */
export function makeEntropy(memory: WebAssembly.Memory): (ptr: number, length: number) => void {
  return (ptr, length) => {
    randomFillSync(new Uint8Array(memory.buffer, ptr >>> 0, length >>> 0))
  }
}
