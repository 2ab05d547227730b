// The machine as the outside sees it: the kernel's instance, and its door as functions that throw instead of answering codes.
//
// Nothing here knows the platform: what the kernel imports comes in as `Host`, and every platform folder makes one.

import * as abi from '../hypervisor/abi.ts'
import { makeCode, NO_CODE } from './code.ts'
import { type Divergence, readDivergence } from './divergence.ts'
import { MachineError, meaningOf } from './error.ts'
import { type GuestSpec, packSpec } from './guest-spec.ts'
import type { Setting } from './settings.ts'
import { type GuestStats, type MachineStats, readMachineStats, readStats } from './stats.ts'

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
  /** Which of them this is. CPU 0 boots the machine, and must have done so before the others are made. Default: 0. */
  cpu?: number
  /** 'none': refuse code that the kernel makes, as a host must that has no way to run it. Default: 'wasm', take it. */
  code?: 'wasm' | 'none'
  /** Gets what the user should know and that does not end the run, as a sentence. Default: nobody does. */
  warn?(message: string): void
}

/** An image for a guest that has not started yet. */
export interface Image {
  /** LOAD_*. The kernel decides itself where its image and the initrd lie. */
  what: number
  /** Guest-physical, for LOAD_PHYSICAL. */
  address: number
  source: Source
}

/** GUEST_*, and once it is stopped STOP_* and the number that belongs to it. */
export interface GuestState {
  state: number
  reason: number
  code: number
}

/** The functions of hypervisor/index.ts. */
interface Door {
  boot(cpus: number, memoryBytes: number): number
  mailbox(): number
  window(): number
  guestCreate(): number
  guestLoad(id: number, what: number, offset: number, total: number, length: number): number
  guestStart(id: number): number
  guestPause(id: number): number
  guestResume(id: number): number
  guestSet(id: number, what: number, value: number): number
  guestPress(id: number): number
  guestStop(id: number): number
  guestRemove(id: number): number
  run(cpu: number): number
  blockDone(tag: number, status: number): void
  guestState(id: number): number
  guestStopReason(id: number): number
  guestStopCode(id: number): number
  guestStats(id: number): number
  machineStats(): number
  divergence(id: number): number
}

const WASM_PAGE = 65536
/** An engine's typed arrays may end below the 4 GiB that a memory can have. */
const MEMORY_MAX = 65535 * WASM_PAGE

/** The most RAM that the guests of one machine can have together, in bytes. */
export const RAM_MAX = 3840 * 2 ** 20

/** A memory for guests with so much RAM altogether. The engine commits it page by page, on first touch. */
export function memoryFor(ramBytes: number, cpus = 1): WebAssembly.Memory {
  const ownBytes = abi.MACHINE_BYTES + (cpus - 1) * abi.CPU_BYTES
  const bytes = Math.min(MEMORY_MAX, ownBytes + ramBytes * (1 + 1 / abi.MAP_SHARE))
  return new WebAssembly.Memory({ initial: Math.ceil(bytes / WASM_PAGE), maximum: 65536, shared: true })
}

/** The door as one CPU has it. All but `run` and `mailbox` is for CPU 0 alone, which has the window. */
export class Machine {
  private readonly door: Door
  private readonly window: Uint8Array

  private readonly cpu: number
  private readonly names = new Map<number, string>()

  /** Makes the CPU's instance; that of CPU 0 boots the kernel. */
  constructor(options: MachineOptions) {
    const { module, memory, host, cpus = 1, cpu = 0, warn } = options
    const code = options.code === 'none' ? NO_CODE : makeCode({ memory, kernel: () => instance.exports, warn })
    const instance: WebAssembly.Instance = new WebAssembly.Instance(module, {
      env: { memory },
      host: { ...host, ...code, panic: (ptr: number) => die(memory, ptr) },
    })
    this.cpu = cpu
    this.door = instance.exports as unknown as Door
    const bytes = memory.buffer.byteLength
    if (cpu === 0) {
      expectOk(this.door.boot(cpus, bytes), () => `The machine does not start with ${bytes} bytes of memory`)
    }
    this.window = new Uint8Array(memory.buffer, this.door.window() >>> 0, abi.WINDOW_SIZE)
  }

  /** Address of the words that other threads write (MAILBOX_*). */
  mailbox(): number {
    return this.door.mailbox() >>> 0
  }

  /** Defines a guest and returns its id. */
  create(spec: GuestSpec): number {
    const name = spec.name === undefined ? 'The guest' : `The guest ${spec.name}`
    packSpec(spec, this.window)
    const id = this.door.guestCreate()
    if (id === abi.E_NO_SPACE) {
      throw new MachineError(id, `A machine has at most ${abi.MAX_GUESTS} guests; remove one before ${lower(name)}.`)
    }
    expectOk(id, () => `${name} cannot be made as described`)
    this.names.set(id, name)
    return id
  }

  /** Loads an image at once. */
  load(id: number, image: Image): void {
    for (const _ of this.pieces(id, image));
  }

  /** Loads an image, a windowful each time that it is asked to go on. */
  *pieces(id: number, { what, address, source }: Image): Generator<undefined, void> {
    for (let done = 0; done === 0 || done < source.size; ) {
      const length = Math.min(abi.WINDOW_SIZE, source.size - done)
      source.read(this.window.subarray(0, length), done)
      const code = this.door.guestLoad(id, what, address + done, source.size, length)
      expectOk(code, () => refusal(code, source.name))
      if (length === 0) return
      done += length
      yield
    }
  }

  start(id: number): void {
    expectOk(this.door.guestStart(id), () => `${this.nameOf(id)} does not start`)
  }

  /** Holds a running guest; its clock stands still. */
  pause(id: number): void {
    expectOk(this.door.guestPause(id), () => `${this.nameOf(id)} cannot be paused`)
  }

  /** Lets a paused guest go on. */
  resume(id: number): void {
    expectOk(this.door.guestResume(id), () => `${this.nameOf(id)} cannot be resumed`)
  }

  /** Changes what may be changed at any time. */
  set(id: number, { name, what, value }: Setting): void {
    const code = this.door.guestSet(id, what, value)
    const refused = `${this.nameOf(id)} cannot have ${name} ${value}`
    if (code === abi.E_NO_SPACE) throw new MachineError(code, `${refused}: the CPUs have not so much left to reserve.`)
    if (code === abi.E_NO_MEMORY) throw new MachineError(code, `${refused}: not so much memory is left to promise.`)
    expectOk(code, () => refused)
  }

  /** Presses the power key of a running guest. */
  press(id: number): void {
    const code = this.door.guestPress(id)
    const pressed = `The power key of ${lower(this.nameOf(id))}`
    if (code === abi.E_UNSUPPORTED) {
      throw new MachineError(code, `${pressed} has nobody who listens; stop the guest, or shut it down from within.`)
    }
    expectOk(code, () => `${pressed} cannot be pressed`)
  }

  /** Ends a guest at once, as if its plug were pulled. */
  stop(id: number): void {
    expectOk(this.door.guestStop(id), () => `${this.nameOf(id)} cannot be stopped`)
  }

  /** Gives back all that a guest had, which must not be running; false: its disks are not finished yet. */
  remove(id: number): boolean {
    const code = this.door.guestRemove(id)
    if (code === abi.E_BUSY) return false
    expectOk(code, () => `${this.nameOf(id)} cannot be removed`)
    this.names.delete(id)
    return true
  }

  /** Runs the guests for a bounded time on this CPU; ns it may be left alone, or RUN_FINISHED. */
  run(): number {
    const ns = this.door.run(this.cpu)
    if (ns < 0 && ns !== abi.RUN_FINISHED) throw new Error(`The kernel refuses to run CPU ${this.cpu}: ${ns}.`)
    return ns
  }

  /** A block transfer that was pending has ended, with OK or E_IO. */
  blockDone(tag: number, status: number): void {
    this.door.blockDone(tag, status)
  }

  state(id: number): GuestState {
    const state = expectOk(this.door.guestState(id), () => `${this.nameOf(id)} has no state`)
    return { state, reason: this.door.guestStopReason(id), code: this.door.guestStopCode(id) >>> 0 }
  }

  stats(id: number): GuestStats {
    expectOk(this.door.guestStats(id), () => `${this.nameOf(id)} has no statistics`)
    return readStats(this.window)
  }

  machineStats(): MachineStats {
    expectOk(this.door.machineStats(), () => 'The machine has no statistics')
    return readMachineStats(this.window)
  }

  /** What both engines made of the same code, for a guest that has stopped with STOP_DIVERGED. */
  divergence(id: number): Divergence {
    expectOk(this.door.divergence(id), () => `${this.nameOf(id)} tells of no divergence`)
    return readDivergence(this.window)
  }

  private nameOf(id: number): string {
    return this.names.get(id) ?? `Guest ${id}`
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
