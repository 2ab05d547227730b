// The machine as the outside sees it: the kernel's instance, and its door as functions that throw instead of answering codes.
//
// Nothing here knows the platform: what the kernel imports comes in as `Host`, and every platform folder makes one.

import * as abi from '../hypervisor/abi.ts'
import { makeCode, NO_CODE } from './code.ts'
import { type Divergence, readDivergence } from './divergence.ts'
import { MachineError, meaningOf } from './error.ts'
import { type CableSpec, type GuestSpec, packCable, packSpec } from './guest-spec.ts'
import {
  type ForwardSpec,
  type NetworkReport,
  type NetworkSpec,
  packForward,
  packNetwork,
  readNetworkReport,
} from './networks.ts'
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
  netSend(uplink: number, ptr: number, length: number): number
  netReceive(uplink: number, ptr: number, capacity: number): number
}

/** Something that can be read from any place: the shape of an image to load. */
export interface Source {
  /** What to call it in a message. */
  name: string
  size: number
  /** Fills `target` from byte `offset` on. */
  read(target: Uint8Array, offset: number): void
}

export interface KernelOptions {
  module: WebAssembly.Module
  /** Memory of the machine; its size is what the kernel may use. See `memoryFor`. */
  memory: WebAssembly.Memory
  host: Host
  /** 'none': refuse code that the kernel makes, as a host must that has no way to run it. Default: 'wasm', take it. */
  code?: 'wasm' | 'none'
  /** Gets what the user should know and that does not end the run, as a sentence. Default: nobody does. */
  warn?(message: string): void
  /** Gets each module of translated code that is installed (host-shim/training.ts). Default: nobody does. */
  keep?(module: Uint8Array): void
}

export interface MachineOptions {
  door: Door
  /** Where the door's window is. */
  memory: WebAssembly.Memory
  /** Number of physical CPUs, each of which is an instance over the same memory. Default: 1. */
  cpus?: number
  /** Which of them this is. CPU 0 boots the machine, and must have done so before the others are made. Default: 0. */
  cpu?: number
  /** What of the memory is each CPU's cache of decoded code. See `planMemory`. */
  codeBytes?: number
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
export interface Door {
  boot(cpus: number, memoryBytes: number, codeBytes: number): number
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
  networkDefine(id: number): number
  networkRemove(id: number): number
  networkForward(id: number, isNew: number): number
  networkReport(id: number): number
  networkLink(uplink: number, up: number): number
  networkCapture(guest: number, nic: number, uplink: number): number
  networkPlug(guest: number, nic: number, uplink: number): number
  divergence(id: number): number
}

const WASM_PAGE = 65536
/** An engine's typed arrays may end below the 4 GiB that a memory can have. */
const MEMORY_MAX = 65535 * WASM_PAGE

/** The most RAM that the guests of one machine can have together, in bytes; and so that its CPUs remember much code. */
export const RAM_MAX = 3840 * 2 ** 20
export const RAM_MAX_BESIDE_CODE = 3328 * 2 ** 20

/** Bytes for decoded code of all CPUs together, and of one at most: what a dozen small guests use, each with a kernel of its own. */
const ALL_CODE_MAX = 512 * 2 ** 20
const CODE_MAX = 256 * 2 ** 20

/** What of its linear memory is for what. */
export interface MemoryPlan {
  bytes: number
  /** Of these the cache of decoded code of each CPU. */
  codeBytes: number
}

/** How much memory guests with so much RAM altogether need; the caches of decoded code share what it leaves of the 4 GiB. */
export function planMemory(ramBytes: number, cpus = 1): MemoryPlan {
  const ownBytes = abi.MACHINE_BYTES + (cpus - 1) * abi.CPU_BYTES
  const bytes = ownBytes + ramBytes * (1 + 1 / abi.MAP_SHARE)
  const most = Math.max(abi.CODE_BYTES, Math.min(CODE_MAX, ALL_CODE_MAX / cpus))
  const room = abi.CODE_BYTES + Math.max(0, MEMORY_MAX - bytes) / cpus
  const codeBytes = Math.floor(Math.min(most, room) / WASM_PAGE) * WASM_PAGE
  return { bytes: Math.min(MEMORY_MAX, bytes + cpus * (codeBytes - abi.CODE_BYTES)), codeBytes }
}

/** The memory of such a plan. The engine commits it page by page, on first touch. */
export function memoryFor({ bytes }: MemoryPlan): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: Math.ceil(bytes / WASM_PAGE), maximum: 65536, shared: true })
}

/** Makes an instance of the kernel: the door of one CPU. */
export function instantiate({ module, memory, host, code = 'wasm', warn, keep }: KernelOptions): Door {
  const maker = code === 'none' ? NO_CODE : makeCode({ memory, kernel: () => instance.exports, warn, keep })
  const instance: WebAssembly.Instance = new WebAssembly.Instance(module, {
    env: { memory },
    host: { ...host, ...maker, panic: (ptr: number) => die(memory, ptr) },
  })
  return instance.exports as unknown as Door
}

/** The door as one CPU has it. All but `run` and `mailbox` is for CPU 0 alone, which has the window. */
export class Machine {
  private readonly door: Door
  private readonly window: Uint8Array

  private readonly cpu: number
  private readonly names = new Map<number, string>()

  /** That of CPU 0 boots the kernel. */
  constructor({ door, memory, cpus = 1, cpu = 0, codeBytes = abi.CODE_BYTES }: MachineOptions) {
    this.cpu = cpu
    this.door = door
    const bytes = memory.buffer.byteLength
    if (cpu === 0) {
      expectOk(this.door.boot(cpus, bytes, codeBytes), () => `The machine does not start with ${bytes} bytes of memory`)
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

  /** Makes network `id`, which no network must have. */
  defineNetwork(id: number, spec: NetworkSpec): void {
    packNetwork(spec, this.window)
    expectOk(this.door.networkDefine(id), () => 'The network cannot be made as described')
  }

  /** Takes a network away that no guest is on. */
  removeNetwork(id: number): void {
    const code = this.door.networkRemove(id)
    if (code === abi.E_BUSY) throw new MachineError(code, 'The network has guests on it; remove these first.')
    expectOk(code, () => 'The network cannot be removed')
  }

  /** Makes ports of a network's uplink those of a guest, or ends that, with the connections to them. */
  forward(id: number, spec: ForwardSpec, isNew: boolean): void {
    packForward(spec, this.window)
    const code = this.door.networkForward(id, isNew ? 1 : 0)
    if (code === abi.E_NO_SPACE) {
      throw new MachineError(code, `A machine has at most ${abi.MAX_FORWARDS} forwardings; remove one first.`)
    }
    const what = `Port ${spec.port}/${spec.protocol} of the uplink`
    if (code === abi.E_BUSY) throw new MachineError(code, `${what} is forwarded already; give another.`)
    expectOk(code, () => `${what} cannot be ${isNew ? 'forwarded' : 'taken back'}`)
  }

  networkReport(id: number): NetworkReport {
    expectOk(this.door.networkReport(id), () => `The network ${id} has no report`)
    return readNetworkReport(this.window)
  }

  /** Tells whether frames can pass an uplink. */
  setLink(uplink: number, isUp: boolean): void {
    expectOk(this.door.networkLink(uplink, isUp ? 1 : 0), () => `The uplink ${uplink} cannot change its link`)
  }

  /**
   * Sends copies of what passes a guest's network device, or with NETPORT_UPLINK the uplink of network `nic`, to an uplink that
   * no network has; undefined ends that.
   */
  capture(guest: number, nic: number, uplink: number | undefined): void {
    const code = this.door.networkCapture(guest, nic, uplink ?? abi.NO_UPLINK)
    if (code === abi.E_BUSY) throw new MachineError(code, 'This is being captured already; end that first.')
    expectOk(code, () => {
      if (guest === abi.NETPORT_UPLINK) return `The network ${nic} has no uplink to capture`
      return `${this.nameOf(guest)} has no network device ${nic} to capture`
    })
  }

  /** Gives a guest that is elsewhere a port, whose frames pass an uplink that no network has. */
  plug(guest: number, nic: number, uplink: number, spec: CableSpec): void {
    packCable(spec, this.window)
    expectOk(
      this.door.networkPlug(guest, nic, uplink),
      () => `Network device ${nic} of ${spec.name} cannot be plugged in`,
    )
  }

  /** Takes that port away. */
  unplug(guest: number, nic: number): void {
    expectOk(this.door.networkPlug(guest, nic, abi.NO_UPLINK), () => `Guest ${guest} has no cable ${nic} to pull out`)
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
