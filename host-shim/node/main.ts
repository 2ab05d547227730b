// Runs a machine on Node: a thread for each physical CPU and one for slow disk work, while everything that may wait for the
// world (terminals, pipes, sockets) stays on the thread that calls this.

import { randomBytes } from 'node:crypto'
import { closeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel, type Worker } from 'node:worker_threads'
import { E_BAD_ARG, E_BAD_STATE, E_NO_MEMORY, E_UNSUPPORTED, MAX_CPUS, NETPORT_UPLINK } from '../../hypervisor/abi.ts'
import { Control } from '../control.ts'
import { MachineError } from '../error.ts'
import type { GuestSpec } from '../guest-spec.ts'
import { memoryFor, planMemory } from '../machine.ts'
import { settingsOf } from '../settings.ts'
import type { MachineStats } from '../stats.ts'
import { findArtefact } from './artefact.ts'
import { type Disk, openDisks } from './disk.ts'
import type { Program } from './framed/program.ts'
import { startRuntime } from './framed/runtimes.ts'
import { FRAMED_MAILBOX, FRAMED_PAGES } from './framed/memory.ts'
import type { OpenFile } from './file.ts'
import { RunningGuest } from './guest.ts'
import { openImages, orderImages } from './images.ts'
import {
  type Cable,
  type CableOptions,
  type Capture,
  type NetworkOptions,
  Networks,
  randomMac,
  type RunningNetwork,
} from './networks.ts'
import { Numbers } from './numbers.ts'
import type { GuestOptions, MachineOptions } from './options.ts'
import type { Answer, Command, ThreadMessage, TransferInput, TransferOrder } from './protocol.ts'
import { CpuThread, startWorker } from './thread.ts'
import { WARNINGS_MOST } from './words.ts'

export { RunningGuest } from './guest.ts'
export {
  type Cable,
  type CableOptions,
  type Capture,
  type NetworkOptions,
  RunningNetwork,
  type UplinkChoice,
} from './networks.ts'
export type { GuestOptions, MachineOptions } from './options.ts'
export type { Ending } from './protocol.ts'

/** How long a machine has to answer `stop`: a thousand times what it needs. */
const ANSWER_MS = 5_000
/** How long to wait before a guest is asked again whether its disks are finished. */
const BUSY_MS = 5

/** The machine did not end when it was told to: a thread is stuck, and only the end of the process ends it. */
export class StuckError extends Error {}

/** What a guest has of the host. */
interface Possessions {
  /** Its number, once it has one. */
  guest?: number
  files: OpenFile[]
  disks: [number, Disk][]
}

export class RunningMachine {
  /** Fulfilled after `stop`; rejected when a thread dies or the kernel fails, which ends all guests. */
  readonly ended: Promise<void>
  private readonly threads: CpuThread[]
  private readonly transfers: Worker
  /** What the machine is, where that is no thread of ours. */
  private readonly program: Program | undefined
  /** Fulfilled when all CPUs are there. */
  private readonly ready: Promise<Control>
  /** Fulfilled when no thread is left, and when no program is either. */
  private readonly threadsGone: Promise<unknown>
  private readonly gone: Promise<unknown>
  private control: Control | undefined
  private readonly guests = new Map<number, RunningGuest>()
  private readonly possessions = new Set<Possessions>()
  private readonly diskNumbers = new Numbers()
  private readonly networks: Networks
  private readonly warnings = new Set<string>()
  /** Why nothing can be asked of the machine any more. */
  private over: Error | undefined
  private stopping: Promise<void> | undefined
  /** The threads were told to end, and may go. */
  private isEnding = false
  private fulfil!: () => void
  private reject!: (error: Error) => void

  /** Use `startMachine`. The threads start while the kernel is still being compiled. */
  constructor(
    kernel: Promise<WebAssembly.Module | undefined>,
    workerPath: string,
    memory: WebAssembly.Memory,
    readonly cpus: number,
    private readonly options: MachineOptions,
  ) {
    const { runtime } = options
    const { codeBytes } = planMemory(options.memoryBytes, cpus)
    this.ended = new Promise((fulfil, reject) => {
      this.fulfil = fulfil
      this.reject = reject
    })
    // Who waits for the guests alone hears of a failure by them.
    this.ended.catch(() => {})
    const callbacks = {
      hear: (message: ThreadMessage) => this.hear(message),
      fail: (error: Error) => this.lose(error),
    }
    const channels = Array.from({ length: runtime === undefined ? cpus : 0 }, () => new MessageChannel())
    const code = options.code ?? 'wasm'
    const keeps = options.keep !== undefined
    if (runtime === undefined) {
      this.threads = channels.map(({ port1 }, cpu) => {
        const wake = () => this.control?.wake(cpu)
        const input = { role: 'cpu' as const, cpu, cpus, memory, codeBytes, code, keeps, transfers: port1 }
        return new CpuThread(workerPath, input, { ...callbacks, wake })
      })
    } else {
      const wake = framedWake(memory)
      const fail = (error: Error) => this.fail(error)
      const warn = (text: string) => this.hear({ kind: 'warning', text })
      const { program, codeBytes } = startRuntime(runtime, options.memoryBytes, { wake, fail, warn })
      const stream = { out: program.rings.out.buffer, in: program.rings.in.buffer }
      const { folders } = runtime
      const input = { role: 'framed' as const, cpu: 0 as const, memory, codeBytes, stream, folders }
      this.threads = [new CpuThread(workerPath, input, { ...callbacks, wake })]
      this.program = program
    }
    const ports = channels.map(({ port2 }) => port2)
    const workerData: TransferInput = { role: 'transfers', cpus, memory, ports }
    this.transfers = startWorker(workerPath, 'the disks', { workerData, transferList: ports }, callbacks)
    const exits = this.workers().map((worker) => new Promise((fulfil) => worker.on('exit', fulfil)))
    this.threadsGone = Promise.all(exits)
    this.gone = Promise.all([...exits, this.program?.gone])
    this.ready = this.boot(kernel, memory)
    this.ready.catch((error) => this.fail(error))
    this.networks = new Networks({
      control: this.ready,
      call: (command) => this.call(command),
      tellAll: (command) => this.tellAll(command),
    })
  }

  /**
   * Makes a network that guests can be on, with its uplink, which may come up later. Throws MachineError when it cannot be as
   * described.
   */
  async defineNetwork(options: NetworkOptions): Promise<RunningNetwork> {
    await this.ready
    this.refuseIfOver()
    return this.networks.define(options)
  }

  /** Gives a guest that is elsewhere a port on one of this machine's networks. Throws MachineError when it cannot have it. */
  plug(options: CableOptions): Promise<Cable> {
    this.refuseIfOver()
    return this.networks.plug(options)
  }

  /** Hands records of a pcap file to `take`, for all that passes one of a guest's network devices. */
  capture(guest: { readonly id: number }, nic: number, take: (records: Uint8Array) => void): Promise<Capture> {
    return this.networks.capture(guest.id, nic, take)
  }

  /** The same for all that passes the uplink of a network. */
  captureUplink({ number }: { readonly number: number }, take: (records: Uint8Array) => void): Promise<Capture> {
    return this.networks.capture(NETPORT_UPLINK, number, take)
  }

  /**
   * Makes a guest of all that its options name; it has not been started then. Throws MachineError when it cannot be as
   * described, and leaves nothing open.
   */
  async define(options: GuestOptions): Promise<RunningGuest> {
    this.refuseIfOver()
    const own: Possessions = { files: [], disks: [] }
    this.possessions.add(own)
    try {
      const images = openImages(options, own.files)
      for (const disk of openDisks(options.disks ?? [], this.disks())) {
        own.files.push(disk)
        own.disks.push([this.diskNumbers.take(), disk])
      }
      const [{ images: orders, start }, control] = await Promise.all([orderImages(images), this.ready])
      await this.tellAll({ kind: 'attach-disks', disks: own.disks })
      const guest = await this.create({ ...describe(options, own), ...start }, options, own, control)
      try {
        await this.tellAll({ kind: 'attach-guest', guest: guest.id, console: guest.console() })
        await this.call({ kind: 'load', guest: guest.id, images: orders })
        await this.call({ kind: 'set', guest: guest.id, settings: settingsOf(options.settings ?? {}) })
      } catch (error) {
        if (this.over === undefined) await guest.remove()
        throw error
      }
      return guest
    } catch (error) {
      await this.release(own)
      throw error
    }
  }

  async stats(): Promise<MachineStats> {
    await this.ready
    return this.call({ kind: 'machine-stats' })
  }

  /** Ends all guests at once, and then the machine. Rejected with StuckError when it does not answer. */
  stop(): Promise<void> {
    this.stopping ??= this.end()
    return this.stopping
  }

  private async boot(kernel: Promise<WebAssembly.Module | undefined>, memory: WebAssembly.Memory): Promise<Control> {
    const module = await kernel
    const [first, ...others] = this.threads as [CpuThread, ...CpuThread[]]
    first.begin(module)
    const mailbox = await this.unlessItFails(first.ready)
    const control = new Control(memory, mailbox, this.cpus)
    for (const thread of others) thread.begin(module)
    await this.unlessItFails(Promise.all(others.map(({ ready }) => ready)))
    this.order({ kind: 'begin', mailbox })
    this.control = control
    return control
  }

  private async create(
    spec: GuestSpec,
    options: GuestOptions,
    own: Possessions,
    control: Control,
  ): Promise<RunningGuest> {
    const id = await this.call({ kind: 'create', spec })
    const owner = {
      control,
      call: <C extends Command>(command: C) => this.call(command),
      remove: () => this.remove(id, own),
    }
    const guest = new RunningGuest(id, options, owner)
    own.guest = id
    this.guests.set(id, guest)
    return guest
  }

  private async remove(guest: number, own: Possessions): Promise<void> {
    while (!(await this.call({ kind: 'remove', guest }))) {
      this.order({ kind: 'abandon', disks: own.disks.map(([number]) => number) })
      await sleep(BUSY_MS)
    }
    this.guests.delete(guest)
    await this.tellAll({ kind: 'detach-guest', guest })
    await this.release(own)
  }

  /** Closes what the guest has, as soon as no thread uses it any more. */
  private async release(own: Possessions): Promise<void> {
    if (!this.possessions.delete(own)) return
    const disks = own.disks.map(([number]) => number)
    if (this.over === undefined) await this.tellAll({ kind: 'detach-disks', disks }).catch(() => {})
    if (this.over !== undefined) await this.gone
    this.diskNumbers.giveBack(disks)
    for (const { fd } of own.files) closeSync(fd)
  }

  private disks(): Disk[] {
    return [...this.possessions].flatMap(({ disks }) => disks.map(([, disk]) => disk))
  }

  private async call<C extends Command>(command: C): Promise<Answer<C['kind']>> {
    this.refuseIfOver()
    return (this.threads[0] as CpuThread).call(command)
  }

  private async tellAll(command: Command): Promise<void> {
    this.refuseIfOver()
    await Promise.all(this.threads.map((thread) => thread.call(command)))
  }

  private order(order: TransferOrder): void {
    this.transfers.postMessage(order)
  }

  private refuseIfOver(): void {
    if (this.over !== undefined) throw this.over
  }

  private hear(message: ThreadMessage): void {
    switch (message.kind) {
      case 'output':
        this.guests.get(message.guest)?.hearOutput()
        break
      case 'room':
        this.guests.get(message.guest)?.tellRoom()
        break
      case 'frames':
        this.networks.hearFrames(message.uplink)
        break
      case 'frames-room':
        this.networks.hearRoom(message.uplink)
        break
      case 'stream':
        this.program?.pump()
        break
      case 'disk-failed':
        this.ownerOf(({ disks }) => disks.some(([number]) => number === message.disk))?.warn(message.text, message.key)
        break
      case 'warning':
        if (this.warnings.has(message.text) || this.warnings.size === WARNINGS_MOST) break
        this.warnings.add(message.text)
        this.options.warn?.(message.text)
        break
      case 'code':
        this.options.keep?.(message.module)
        break
      case 'stopped':
        this.guests.get(message.guest)?.finish(message.ending)
        break
      case 'refused':
        this.fail(new MachineError(message.code, message.message))
        break
      case 'failed':
        this.fail(new Error(message.message))
        break
    }
  }

  private ownerOf(has: (own: Possessions) => boolean): RunningGuest | undefined {
    const own = [...this.possessions].find(has)
    return own?.guest === undefined ? undefined : this.guests.get(own.guest)
  }

  private async end(): Promise<void> {
    const stuck = () => this.fail(new StuckError('The machine does not answer any more.'))
    const timer = setTimeout(stuck, ANSWER_MS)
    try {
      await this.unlessItFails(this.quit())
    } finally {
      clearTimeout(timer)
    }
    this.over = new MachineError(E_BAD_STATE, 'The machine has been stopped; start a new one.')
    this.networks.close()
    for (const thread of this.threads) thread.abandon(this.over)
    // Those that have run are about to hand over their last output, whose readers may take as long as they like.
    await Promise.all([...this.guests.values()].map((guest) => guest.leave(this.over as Error)))
    for (const own of this.possessions) await this.release(own)
    this.fulfil()
  }

  /** Stops all guests, then all threads. */
  private async quit(): Promise<void> {
    await this.ready
    await Promise.all([...this.guests.values()].map((guest) => guest.stop().catch(ignoreRefusal)))
    this.isEnding = true
    for (const thread of this.threads) thread.end()
    this.order({ kind: 'end' })
    // Its thread may be waiting for an answer.
    await this.threadsGone
    this.program?.end()
    await this.gone
  }

  /** A thread has ended. */
  private lose(error: Error): void {
    if (!this.isEnding) this.fail(error)
  }

  /** The whole machine ends at once: no half of it lives on. */
  private fail(error: Error): void {
    if (this.over !== undefined) return
    this.over = error
    this.reject(error)
    for (const thread of this.threads) thread.abandon(error)
    for (const guest of this.guests.values()) guest.fail(error)
    this.networks.close()
    for (const worker of this.workers()) void worker.terminate()
    this.program?.kill()
    for (const own of this.possessions) void this.release(own)
  }

  private unlessItFails<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.ended as Promise<never>])
  }

  private workers(): Worker[] {
    return [...this.threads.map(({ worker }) => worker), this.transfers]
  }
}

/** Starts a machine without guests. Throws MachineError when it cannot be as described. */
export function startMachine(options: MachineOptions): RunningMachine {
  const { runtime, memoryBytes } = options
  const { cpus = runtime === undefined ? Math.min(availableParallelism(), MAX_CPUS) : 1 } = options
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > MAX_CPUS) {
    throw new MachineError(E_BAD_ARG, `A machine has 1 to ${MAX_CPUS} CPUs, not ${cpus}.`)
  }
  if (runtime !== undefined && cpus > 1) {
    throw new MachineError(E_BAD_ARG, `A machine under ${runtime.name} has one CPU, not ${cpus}.`)
  }
  const [kernelPath, workerPath] = [findArtefact('orlop.wasm'), findArtefact('worker.mjs')]
  if (kernelPath === undefined || workerPath === undefined) {
    throw new MachineError(E_UNSUPPORTED, 'The hypervisor has not been built yet; run "npm run build" first.')
  }
  if (runtime !== undefined) {
    const memory = new WebAssembly.Memory({ initial: FRAMED_PAGES, maximum: FRAMED_PAGES, shared: true })
    return new RunningMachine(Promise.resolve(undefined), workerPath, memory, cpus, options)
  }
  // V8 compiles each function quickly when it is first called and better when it is hot. Made to optimise all of it at
  // once (--no-liftoff), a boot takes more time in all, because the kernel returns so often that V8 keeps up anyway.
  const kernel = readFile(kernelPath).then((bytes) => WebAssembly.compile(new Uint8Array(bytes)))
  return new RunningMachine(kernel, workerPath, reserve(memoryBytes, cpus), cpus, options)
}

/** Wakes the thread that drives a program, also before there is a machine in it. */
function framedWake(memory: WebAssembly.Memory): () => void {
  const control = new Control(memory, FRAMED_MAILBOX, 1)
  return () => control.wake(0)
}

function reserve(memoryBytes: number, cpus: number): WebAssembly.Memory {
  try {
    return memoryFor(planMemory(memoryBytes, cpus))
  } catch (cause) {
    const message = `This system has no room for a machine with ${memoryBytes} bytes of memory; give it less.`
    throw new MachineError(E_NO_MEMORY, message, { cause })
  }
}

function describe(options: GuestOptions, { disks }: Possessions): GuestSpec {
  const { name, ramBytes, harts, commandLine, virtioConsole, translator, heat, nets = [] } = options
  return {
    name,
    ramBytes,
    harts,
    commandLine,
    virtioConsole,
    translator,
    heat,
    seed: options.seed ?? randomBytes(8).readBigUInt64LE(),
    disks: disks.map(([disk, { readOnly }]) => ({ disk, readOnly })),
    nets: nets.map(({ network, mac = randomMac(), ...nic }) => ({ ...nic, network: network.number, mac })),
  }
}

/** A guest that does not run need not be stopped. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof MachineError)) throw error
}
