// A guest of a machine on Node, as the thread that owns the machine sees it: its console and its life.

import { E_BAD_STATE } from '../../hypervisor/abi.ts'
import type { Control } from '../control.ts'
import { MachineError } from '../error.ts'
import type { GuestState } from '../machine.ts'
import { Ring } from '../ring.ts'
import { type GuestSettings, settingsOf } from '../settings.ts'
import type { GuestStats } from '../stats.ts'
import type { GuestOptions } from './options.ts'
import type { Answer, Command, ConsoleRings, Ending } from './protocol.ts'

/** Bytes of a console's ring in each direction. */
const CONSOLE_BYTES = 65536

/** What a guest needs of its machine. */
export interface Owner {
  control: Control
  /** Has CPU 0 do something. */
  call<C extends Command>(command: C): Promise<Answer<C['kind']>>
  /** Gives back all that the guest has, in the kernel and on the host. */
  remove(): Promise<void>
}

export class RunningGuest {
  /**
   * Fulfilled when the guest has ended, by itself or because it was stopped, and all its output was handed over. Rejected when
   * the machine fails, when the guest is removed before it ended, and with what `output` throws, which also stops the guest.
   */
  readonly ended: Promise<Ending>
  private readonly consoleOutput = Ring.create(CONSOLE_BYTES)
  private readonly consoleInput = Ring.create(CONSOLE_BYTES)
  private readonly complaints = new Set<string>()
  private draining: Promise<void> | undefined
  private finishing: Promise<void> | undefined
  private roomWaiters: (() => void)[] = []
  private startupCpuSeconds = 0
  private isOver = false
  private fulfil!: (ending: Ending) => void
  private reject!: (error: Error) => void

  /** Use `RunningMachine.define`. */
  constructor(
    readonly id: number,
    private readonly options: GuestOptions,
    private readonly owner: Owner,
  ) {
    this.ended = new Promise((fulfil, reject) => {
      this.fulfil = fulfil
      this.reject = reject
    })
    // Who does not wait for it does not want to hear of it either.
    this.ended.catch(() => {})
    this.consoleOutput.askForBytes()
  }

  /** The rings that every CPU gets. */
  console(): ConsoleRings {
    return { output: this.consoleOutput.buffer, input: this.consoleInput.buffer }
  }

  async start(): Promise<void> {
    this.startupCpuSeconds = await this.owner.call({ kind: 'start', guest: this.id })
  }

  /** Holds the guest; for it no time passes. */
  pause(): Promise<void> {
    return this.owner.call({ kind: 'pause', guest: this.id })
  }

  resume(): Promise<void> {
    return this.owner.call({ kind: 'resume', guest: this.id })
  }

  /** Presses its power key; a system that listens shuts down by itself. */
  press(): Promise<void> {
    return this.owner.call({ kind: 'press', guest: this.id })
  }

  /** Ends the guest at once, as if its plug were pulled; `ended` tells when its output is through. */
  stop(): Promise<void> {
    return this.owner.call({ kind: 'stop', guest: this.id })
  }

  /** Gives back all that the guest had; it must not be running. Waits for its disks. Nothing can be done with it afterwards. */
  async remove(): Promise<void> {
    await this.owner.remove()
    this.fail(new MachineError(E_BAD_STATE, `The guest ${this.options.name ?? this.id} was removed before it ended.`))
  }

  /** Changes settings, in the order of GuestSettings. Those before one that is refused stay changed. */
  set(settings: Partial<GuestSettings>): Promise<void> {
    return this.owner.call({ kind: 'set', guest: this.id, settings: settingsOf(settings) })
  }

  stats(): Promise<GuestStats> {
    return this.owner.call({ kind: 'stats', guest: this.id })
  }

  state(): Promise<GuestState> {
    return this.owner.call({ kind: 'state', guest: this.id })
  }

  /** Gives console input to the guest; returns how many bytes were taken. */
  input(bytes: Uint8Array): number {
    let taken = this.consoleInput.write(bytes)
    if (taken < bytes.length) {
      this.consoleInput.askForRoom()
      taken += this.consoleInput.write(bytes.subarray(taken))
    }
    this.wake()
    return taken
  }

  /** Fulfilled when console input may find room again, or nobody will ever read it. */
  room(): Promise<void> {
    if (this.consoleInput.room > 0 || this.isOver) return Promise.resolve()
    return new Promise((fulfil) => {
      this.roomWaiters.push(fulfil)
      this.consoleInput.askForRoom()
      if (this.consoleInput.room > 0) this.tellRoom()
    })
  }

  /** Console output waits. */
  hearOutput(): void {
    this.drain().catch((error) => this.giveUp(error))
  }

  tellRoom(): void {
    const waiters = this.roomWaiters
    this.roomWaiters = []
    for (const fulfil of waiters) fulfil()
  }

  /** Tells the user something, once for each key. */
  warn(text: string, key = text): void {
    if (this.complaints.has(key)) return
    this.complaints.add(key)
    this.options.warn?.(text)
  }

  /** The guest has stopped: settles `ended` after the last output, whose reader may take as long as it likes. */
  finish(ending: Omit<Ending, 'startupCpuSeconds'>): void {
    this.finishing ??= this.tellEnd(ending)
  }

  /** The machine has ended: fulfilled when its output is through. One that never ran can't tell how it ended. */
  async leave(error: Error): Promise<void> {
    if (this.finishing === undefined) this.fail(error)
    await this.finishing
  }

  fail(error: Error): void {
    this.close()
    this.reject(error)
  }

  private async tellEnd(ending: Omit<Ending, 'startupCpuSeconds'>): Promise<void> {
    try {
      await this.drain()
      this.close()
      this.fulfil({ ...ending, startupCpuSeconds: this.startupCpuSeconds })
    } catch (error) {
      this.fail(error as Error)
    }
  }

  private wake(): void {
    if (!this.isOver) this.owner.control.input(this.id)
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
      if (this.consoleOutput.tellWriter()) this.wake()
      await this.options.output(piece)
    }
  }

  /** Nobody takes its output any more. */
  private giveUp(error: Error): void {
    this.fail(error)
    this.stop().catch(() => {})
  }

  private close(): void {
    this.isOver = true
    this.tellRoom()
  }
}
