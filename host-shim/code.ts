// Takes code that the kernel has made: compiles it, and puts its functions into the kernel's own table.
//
// A module of code imports the machine's memory, and the kernel's function that runs what other modules have. Were it to
// import the table, engines up to V8 12 would give each instance a copy of it, and bring all copies up to date at every
// change. What is taken out of the table again is free for the engine's garbage collector once no function of the same module
// is left in it, so nothing is kept here.

import * as abi from '../hypervisor/abi.ts'

/** The imports of hypervisor/host.ts by which the kernel hands over code. */
export interface Code {
  codeInstall(ptr: number, length: number, slot: number, count: number): number
  codeRemove(slot: number, count: number): void
}

export interface CodeOptions {
  memory: WebAssembly.Memory
  /** The exports of the kernel's instance, which is not there yet when the imports are made. */
  kernel(): WebAssembly.Exports
  /** Gets a sentence, once, if the kernel makes code that the engine does not take: a mistake of ours. Default: nobody does. */
  warn?(message: string): void
  /** Gets the bytes of each module that is installed. Default: nobody does. */
  keep?(module: Uint8Array): void
}

export function makeCode({ memory, kernel, warn, keep }: CodeOptions): Code {
  const table = () => kernel().table as WebAssembly.Table
  let hasWarned = false
  return {
    codeInstall(ptr: number, length: number, slot: number, count: number): number {
      const start = ptr >>> 0
      const from = slot >>> 0
      try {
        // A copy, because an engine may compile it later, and on other threads, than the kernel leaves it alone.
        const bytes = new Uint8Array(memory.buffer, start, length >>> 0).slice()
        const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
          o: { m: memory, c: kernel().callCode as () => void },
        })
        const functions = Array.from({ length: count >>> 0 }, (_, i) => exports[i] as () => void)
        const places = table()
        const missing = from + functions.length - places.length
        if (missing > 0) places.grow(missing)
        for (const [i, code] of functions.entries()) places.set(from + i, code)
        keep?.(bytes)
        return abi.OK
      } catch (error) {
        if (error instanceof RangeError) return abi.E_NO_MEMORY
        if (!hasWarned) warn?.(`The engine refuses translated code, please report it: ${(error as Error).message}.`)
        hasWarned = true
        return abi.E_UNSUPPORTED
      }
    },

    codeRemove(slot: number, count: number): void {
      const places = table()
      const from = slot >>> 0
      const end = Math.min(from + (count >>> 0), places.length)
      for (let i = from; i < end; i++) places.set(i, null)
    },
  }
}

/** For a machine that is to do without: the kernel is told that this host takes no code. */
export const NO_CODE: Code = {
  codeInstall: () => abi.E_UNSUPPORTED,
  codeRemove: () => {},
}
