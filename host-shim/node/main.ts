// Starts a machine with one guest on Node: the kernel runs in a thread of its own, and everything that may wait
// (terminals, pipes, sockets) stays on the thread that calls this.

import { randomBytes } from 'node:crypto'
import { closeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { E_CORRUPT, E_UNSUPPORTED } from '../../hypervisor/abi.ts'
import { Control } from '../control.ts'
import { MachineError } from '../error.ts'
import { Frames } from '../frames.ts'
import type { GuestSpec, Translator } from '../guest-spec.ts'
import { Ring } from '../ring.ts'
import { findArtefact } from './artefact.ts'
import { type Disk, type DiskOptions, openDisks } from './disk.ts'
import { type OpenFile, openFile } from './file.ts'
import { FRAMES_BYTES } from './net.ts'
import type { Ending, PortRings, WorkerInput, WorkerMessage } from './protocol.ts'
import { type StreamAddress, Uplink } from './uplink.ts'

export interface RunOptions {
  /** Size of RAM in bytes, a multiple of 4096. */
  ramBytes: number
  /** Kernel image, raw: a RISC-V `Image`. Default: none; there must be a firmware then. */
  kernel?: string
  /** Initial file system. Default: none. */
  initrd?: string
  /** Kernel command line. Default: empty. */
  commandLine?: string
  /** M-mode program for the reset vector: ELF, or raw bytes for the start of RAM. Default: none, the kernel boots directly. */
  firmware?: string
  /** Raw images, the guest's disks in this order. Default: none. */
  disks?: DiskOptions[]
  /** Network ports of the guest. Default: none. */
  nets?: ('loopback' | StreamAddress)[]
  /** What becomes of hot code. Default: on. */
  translator?: Translator
  /** Gets the guest's console output; the next piece comes when the promise is fulfilled. */
  output(piece: Uint8Array): Promise<void> | void
  /** Gets what the user should know and that does not end the run, as a sentence. Default: nobody does. */
  warn?(message: string): void
}

/** Bytes of a console's ring in each direction. */
const CONSOLE_BYTES = 65536
/** How long a machine has to answer `stop`: a thousand times what it needs. */
const ANSWER_MS = 5_000

/** The machine did not end when it was told to: its thread is stuck, and only the end of the process ends it. */
export class StuckError extends Error {}

export class RunningMachine {
  /** Fulfilled when the guest has ended and all its output was handed over; rejected with MachineError or Error. */
  readonly ended: Promise<Ending>
  private readonly worker: Worker
  private readonly control = new Control()
  private readonly consoleOutput = Ring.create(CONSOLE_BYTES)
  private readonly consoleInput = Ring.create(CONSOLE_BYTES)
  private readonly uplinks = new Map<number, Uplink>()
  private readonly files: OpenFile[] = []
  /** The thread has told how it ended, and may go. */
  private isSettling = false
  private draining: Promise<void> | undefined
  private roomWaiters: (() => void)[] = []
  private stopTimer: NodeJS.Timeout | undefined
  private fulfil!: (ending: Ending) => void
  private reject!: (error: Error) => void

  /** Use `startMachine`. The thread starts while the kernel is still being compiled. */
  constructor(
    kernel: Promise<WebAssembly.Module>,
    workerPath: string,
    private readonly options: RunOptions,
  ) {
    this.ended = new Promise((fulfil, reject) => {
      this.fulfil = fulfil
      this.reject = reject
    })
    const workerData = this.prepare()
    this.consoleOutput.askForBytes()
    // A bundle in plain JavaScript: what this process was started with is nothing to it.
    this.worker = new Worker(workerPath, { workerData, env: {}, execArgv: [] })
    this.worker.on('message', (message: WorkerMessage) => this.hear(message))
    this.worker.on('error', (error) => this.fail(error))
    this.worker.on(
      'exit',
      (code) => this.isSettling || this.fail(new Error(`The machine's thread has ended with code ${code}.`)),
    )
    kernel.then(
      (module) => this.worker.postMessage(module),
      (error) => this.fail(error),
    )
  }

  /** Gives console input to the guest; returns how many bytes were taken. */
  input(bytes: Uint8Array): number {
    let taken = this.consoleInput.write(bytes)
    if (taken < bytes.length) {
      this.consoleInput.askForRoom()
      taken += this.consoleInput.write(bytes.subarray(taken))
    }
    this.control.wake()
    return taken
  }

  /** Fulfilled when console input may find room again. */
  room(): Promise<void> {
    if (this.consoleInput.room > 0) return Promise.resolve()
    return new Promise((fulfil) => {
      this.roomWaiters.push(fulfil)
      this.consoleInput.askForRoom()
      if (this.consoleInput.room > 0) this.tellRoom()
    })
  }

  /** Ends the guest at once; `ended` tells when it has. */
  stop(): void {
    this.control.stop()
    this.stopTimer ??= setTimeout(() => {
      this.fail(new StuckError('The machine does not answer any more.'))
    }, ANSWER_MS)
  }

  /** Opens all that the machine needs; nothing is left open when this throws. */
  private prepare(): WorkerInput {
    const { options } = this
    try {
      const image = (path: string | undefined, what: string) => {
        if (path === undefined) return undefined
        const file = openFile(path, what, 'check the path')
        this.files.push(file)
        if (file.sizeBytes === 0) throw new MachineError(E_CORRUPT, `${file.name} is empty; get or build it anew.`)
        return file
      }
      const kernel = image(options.kernel, 'kernel')
      const initrd = image(options.initrd, 'initrd')
      const firmware = image(options.firmware, 'firmware')
      const disks = openDisks(options.disks ?? [])
      this.files.push(...disks)
      const ports = (options.nets ?? []).map((net, number) => (net === 'loopback' ? net : this.plug(net, number)))
      return {
        control: this.control.buffer,
        consoleOutput: this.consoleOutput.buffer,
        consoleInput: this.consoleInput.buffer,
        spec: describe(options, disks),
        kernel,
        initrd,
        firmware,
        disks,
        ports,
      }
    } catch (error) {
      this.release()
      throw error
    }
  }

  private plug(address: StreamAddress, number: number): PortRings {
    const out = Frames.create(FRAMES_BYTES)
    const into = Frames.create(FRAMES_BYTES)
    const wake = () => this.control.wake()
    const warn = (message: string) => this.options.warn?.(message)
    this.uplinks.set(number, new Uplink({ address, out, in: into, wake, warn }))
    return { out: out.ring.buffer, in: into.ring.buffer }
  }

  private hear(message: WorkerMessage): void {
    switch (message.kind) {
      case 'output':
        this.drain().catch((error) => this.fail(error))
        break
      case 'room':
        this.tellRoom()
        break
      case 'frames':
        this.uplinks.get(message.port)?.pump()
        break
      case 'warning':
        this.options.warn?.(message.text)
        break
      case 'ended':
        this.finish(() => this.fulfil(message.ending))
        break
      case 'refused':
        this.finish(() => this.reject(new MachineError(message.code, message.message)))
        break
      case 'failed':
        this.finish(() => this.reject(new Error(message.message)))
        break
    }
  }

  /** Fulfilled when all console output was handed over. */
  private drain(): Promise<void> {
    // It may be done at once, and must not be taken for under way then.
    this.draining ??= this.handOver().finally(() => {
      this.draining = undefined
    })
    return this.draining
  }

  /** Hands over console output until there is none, then asks to be told of more. */
  private async handOver(): Promise<void> {
    for (;;) {
      const piece = new Uint8Array(this.consoleOutput.length)
      if (piece.length === 0) {
        this.consoleOutput.askForBytes()
        if (this.consoleOutput.length > 0) continue
        return
      }
      this.consoleOutput.read(piece)
      if (this.consoleOutput.tellWriter()) this.control.wake()
      await this.options.output(piece)
    }
  }

  private tellRoom(): void {
    const waiters = this.roomWaiters
    this.roomWaiters = []
    for (const fulfil of waiters) fulfil()
  }

  /** Settles `ended` after the last output; its reader may take as long as it likes. */
  private async finish(settle: () => void): Promise<void> {
    this.isSettling = true
    clearTimeout(this.stopTimer)
    try {
      await this.drain()
    } catch (error) {
      this.reject(error as Error)
    }
    this.release()
    settle()
  }

  private fail(error: Error): void {
    this.release()
    this.reject(error)
    void this.worker.terminate()
  }

  private release(): void {
    clearTimeout(this.stopTimer)
    for (const uplink of this.uplinks.values()) uplink.close()
    for (const { fd } of this.files.splice(0)) closeSync(fd)
    this.tellRoom()
  }
}

/** Starts a machine whose guest begins at once. Throws MachineError when it cannot be as described. */
export function startMachine(options: RunOptions): RunningMachine {
  const [kernelPath, workerPath] = [findArtefact('orlop.wasm'), findArtefact('worker.mjs')]
  if (kernelPath === undefined || workerPath === undefined) {
    throw new MachineError(E_UNSUPPORTED, 'The hypervisor has not been built yet; run "npm run build" first.')
  }
  // V8 compiles each function quickly when it is first called and better when it is hot. Made to optimise all of it at
  // once (--no-liftoff), a boot takes more time in all, because the kernel returns so often that V8 keeps up anyway.
  const kernel = readFile(kernelPath).then((bytes) => WebAssembly.compile(new Uint8Array(bytes)))
  return new RunningMachine(kernel, workerPath, options)
}

function describe(options: RunOptions, disks: Disk[]): GuestSpec {
  return {
    ramBytes: options.ramBytes,
    commandLine: options.commandLine,
    firmware: options.firmware !== undefined,
    seed: randomBytes(8).readBigUInt64LE(),
    translator: options.translator,
    disks: disks.map(({ readOnly }, disk) => ({ disk, readOnly })),
    nets: (options.nets ?? []).map((_, port) => ({ port, mac: randomMac() })),
  }
}

/** An address with QEMU's prefix, so that two guests on one wire do not have the same. */
function randomMac(): Uint8Array {
  return new Uint8Array([0x52, 0x54, 0x00, ...randomBytes(3)])
}
