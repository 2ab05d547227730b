// The machine as the outside sees it: the kernel's instance, and its door as functions that throw instead of answering codes.
//
// Nothing here knows the platform: what the kernel imports comes in as `Host`, and every platform folder makes one.

import * as abi from '../hypervisor/abi.ts'
import { makeCode, NO_CODE } from './code.ts'
import { type Divergence, readDivergence } from './divergence.ts'
import { MachineError, meaningOf } from './error.ts'
import { type GuestSpec, packSpec } from './guest-spec.ts'
import { type GuestStats, readStats } from './stats.ts'

/** What the kernel imports (hypervisor/host.ts), as the platform gives it. Pointers are addresses in the machine's memory. */
export interface Host {
  now(): number
  wall(): number
  entropy(ptr: number, length: number): void
  consoleWrite(guest: number, port: number, ptr: number, length: number): number
  consoleRead(guest: number, port: number, ptr: number, capacity: number): number
  blockInfo(disk: number, ptr: number): number
  blockSubmit(
    disk: number,
    operation: number,
    offset: bigint,
    length: bigint,
    segments: number,
    count: number,
    tag: number,
  ): number
  netSend(port: number, ptr: number, length: number): number
  netReceive(port: number, ptr: number, capacity: number): number
}

/** Something that can be read from any place: the shape of an image to load. */
export interface Source {
  /** What to call it in a message. */
  name: string
  size: number
  /** Fills `target` from byte `offset` on. */
  read(target: Uint8Array, offset: number): void
}

export interface MachineOptions {
  module: WebAssembly.Module
  /** Memory of the machine; its size is what the kernel may use. See `memoryFor`. */
  memory: WebAssembly.Memory
  host: Host
  /** Number of physical CPUs, each of which is an instance over the same memory. Default: 1. */
  cpus?: number
  /** 'none': refuse code that the kernel makes, as a host must that has no way to run it. Default: 'wasm', take it. */
  code?: 'wasm' | 'none'
  /** Gets what the user should know and that does not end the run, as a sentence. Default: nobody does. */
  warn?(message: string): void
}

/** The functions of hypervisor/index.ts. */
interface Door {
  boot(cpus: number, memoryBytes: number): number
  window(): number
  guestCreate(): number
  guestLoad(id: number, what: number, offset: number, total: number, length: number): number
  guestStart(id: number): number
  guestStop(id: number): number
  run(cpu: number): number
  consoleReady(guest: number): void
  netReady(port: number): void
  guestState(id: number): number
  guestStopReason(id: number): number
  guestStopCode(id: number): number
  guestStats(id: number): number
  divergence(id: number): number
}

const WASM_PAGE = 65536
/** An engine's typed arrays may end below the 4 GiB that a memory can have. */
const MEMORY_MAX = 65535 * WASM_PAGE

/** The most RAM that the guests of one machine can have together, in bytes. */
export const RAM_MAX = 3840 * 2 ** 20

/** A memory for guests with so much RAM altogether. The engine commits it page by page, on first touch. */
export function memoryFor(ramBytes: number): WebAssembly.Memory {
  const bytes = Math.min(MEMORY_MAX, abi.MACHINE_BYTES + ramBytes * (1 + 1 / abi.MAP_SHARE))
  return new WebAssembly.Memory({ initial: Math.ceil(bytes / WASM_PAGE), maximum: 65536, shared: true })
}

export class Machine {
  private readonly door: Door
  private readonly window: Uint8Array

  /** Makes the instance of the first CPU and boots the kernel. */
  constructor(options: MachineOptions) {
    const { module, memory, host, cpus = 1, warn } = options
    const code = options.code === 'none' ? NO_CODE : makeCode({ memory, kernel: () => instance.exports, warn })
    const instance: WebAssembly.Instance = new WebAssembly.Instance(module, {
      env: { memory },
      host: { ...host, ...code, panic: (ptr: number) => die(memory, ptr) },
    })
    this.door = instance.exports as unknown as Door
    const bytes = memory.buffer.byteLength
    expectOk(this.door.boot(cpus, bytes), () => `The machine does not start with ${bytes} bytes of memory`)
    this.window = new Uint8Array(memory.buffer, this.door.window() >>> 0, abi.WINDOW_SIZE)
  }

  /** Defines a guest and returns its id. */
  create(spec: GuestSpec): number {
    packSpec(spec, this.window)
    return expectOk(this.door.guestCreate(), () => 'The guest cannot be made as described')
  }

  /** Loads a kernel or an initrd into a guest that has not started yet; the kernel decides where to. */
  loadImage(id: number, what: typeof abi.LOAD_KERNEL | typeof abi.LOAD_INITRD, source: Source): void {
    this.feed(id, what, 0, source)
  }

  /** Loads bytes at a guest-physical address. */
  loadPhysical(id: number, address: number, source: Source): void {
    this.feed(id, abi.LOAD_PHYSICAL, address, source)
  }

  start(id: number): void {
    expectOk(this.door.guestStart(id), () => 'The guest does not start')
  }

  /** Ends a guest at once, as if its plug were pulled. */
  stop(id: number): void {
    expectOk(this.door.guestStop(id), () => 'The guest cannot be stopped')
  }

  /** Runs the guests for a bounded time; ns the machine may be left alone, or RUN_FINISHED. */
  run(cpu: number): number {
    return this.door.run(cpu)
  }

  /** Hints that console input or frames wait. */
  consoleReady(id: number): void {
    this.door.consoleReady(id)
  }

  netReady(port: number): void {
    this.door.netReady(port)
  }

  /** GUEST_*, and once it is stopped STOP_* and the number that belongs to it. */
  state(id: number): { state: number; reason: number; code: number } {
    const state = expectOk(this.door.guestState(id), () => `Guest ${id} has no state`)
    return { state, reason: this.door.guestStopReason(id), code: this.door.guestStopCode(id) >>> 0 }
  }

  stats(id: number): GuestStats {
    expectOk(this.door.guestStats(id), () => `Guest ${id} has no statistics`)
    return readStats(this.window)
  }

  /** What both engines made of the same code, for a guest that has stopped with STOP_DIVERGED. */
  divergence(id: number): Divergence {
    expectOk(this.door.divergence(id), () => `Guest ${id} tells of no divergence`)
    return readDivergence(this.window)
  }

  private feed(id: number, what: number, address: number, source: Source): void {
    for (let done = 0; done === 0 || done < source.size; ) {
      const length = Math.min(abi.WINDOW_SIZE, source.size - done)
      source.read(this.window.subarray(0, length), done)
      const code = this.door.guestLoad(id, what, address + done, source.size, length)
      expectOk(code, () => refusal(code, source.name))
      if (length === 0) return
      done += length
    }
  }
}

/** Why an image was not taken, for the codes that `guestLoad` gives. */
function refusal(code: number, name: string): string {
  if (code === abi.E_NO_SPACE) return `${name} does not fit into the guest's memory; give it more, or a smaller file`
  if (code === abi.E_CORRUPT) return `${name} is damaged or not a RISC-V kernel image; give an uncompressed "Image"`
  return `${name} cannot be loaded`
}

function expectOk(code: number, what: () => string): number {
  if (code >= 0) return code
  const isTold = code === abi.E_NO_SPACE || code === abi.E_CORRUPT
  throw new MachineError(code, isTold ? `${what()}.` : `${what()}: ${lower(meaningOf(code))}.`)
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** The kernel's last words: two numbers (hypervisor/core/panic.ts). What it does after them is a trap. */
function die(memory: WebAssembly.Memory, ptr: number): never {
  const words = new DataView(memory.buffer, ptr >>> 0, 8)
  throw new Error(`The hypervisor has failed at ${words.getUint32(0, true)}:${words.getUint32(4, true)}.`)
}
