// The machine's end of the consoles on Node: the UART of each guest goes through rings to another thread.
//
// All that matters is in the rings, because each byte of a guest may come by another CPU.

import type { Ring } from '../ring.ts'

/** Shared memory of one console, and how the reader of `output` and the writer of `input` are told. */
export interface ConsoleLine {
  output: Ring
  input: Ring
  /** Called when output waits that the other side asked for. */
  tellOutput(): void
  /** Called when input was taken and the other side asked for room. */
  tellRoom(): void
}

/** The port that a guest's UART is. The others are those of a virtio console, which nobody listens to yet. */
const UART = 0

/** Console functions for the kernel's imports, for the guests in `lines`. Bytes that nobody listens to are gone. */
export function makeConsole(memory: WebAssembly.Memory, lines: ReadonlyMap<number, ConsoleLine>) {
  const bytes = new Uint8Array(memory.buffer)
  const lineOf = (guest: number, port: number) => (port === UART ? lines.get(guest) : undefined)
  return {
    consoleWrite(guest: number, port: number, ptr: number, length: number): number {
      const start = ptr >>> 0
      const count = length >>> 0
      const line = lineOf(guest, port)
      if (line === undefined) return count
      const source = bytes.subarray(start, start + count)
      let taken = line.output.write(source)
      if (taken < count) {
        line.output.askForRoom()
        taken += line.output.write(source.subarray(taken))
      }
      if (line.output.tellReader()) line.tellOutput()
      return taken
    },

    consoleRead(guest: number, port: number, ptr: number, capacity: number): number {
      const start = ptr >>> 0
      const line = lineOf(guest, port)
      if (line === undefined) return 0
      const count = line.input.read(bytes.subarray(start, start + (capacity >>> 0)))
      if (line.input.tellWriter()) line.tellRoom()
      return count
    },
  }
}
