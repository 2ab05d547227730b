// A guest that is a process of its own, as the process that owns it sees it.

import type { ChildProcess } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { E_BAD_STATE, WEIGHT_DEFAULT } from '../../../hypervisor/abi.ts'
import { LostError, MachineError } from '../../error.ts'
import type { GuestSettings } from '../../settings.ts'
import type { GuestStats, MachineStats } from '../../stats.ts'
import type { Ending, GuestOptions } from '../main.ts'
import { type Asks, INPUT_MOST, type Order, type Report } from './protocol.ts'

/** Two processes whose priorities differ by one get CPU time in this proportion (sched(7)). */
const NICE_STEP = 1.25
/** How long a process may take to end when it was told to. */
const END_MS = 5_000

export class HostedGuest {
  /** Fulfilled when the guest has ended, and its output was handed over; rejected with LostError when its process has. */
  readonly ended: Promise<Ending>
  /** Fulfilled when the process is gone. */
  readonly gone: Promise<void>
  /** What was last heard of it. */
  last: { guest: GuestStats; machine: MachineStats } | undefined
  private readonly asked = new Map<number, { fulfil(value: unknown): void; reject(error: Error): void }>()
  private nextId = 0
  private fulfil!: (ending: Ending) => void
  private reject!: (error: Error) => void
  private roomWaiters: (() => void)[] = []
  private inputBytes = 0
  private outputs: Promise<void> = Promise.resolve()
  private isGone = false
  private failure: string | undefined
  private isNiceTold = false

  constructor(
    readonly id: number,
    private readonly child: ChildProcess,
    private readonly options: GuestOptions,
    /** Takes away what the machine has for it. */
    private readonly release: () => Promise<void>,
  ) {
    this.ended = new Promise((fulfil, reject) => {
      this.fulfil = fulfil
      this.reject = reject
    })
    this.ended.catch(() => undefined)
    this.gone = new Promise((fulfil) => {
      child.on('exit', (code, signal) => {
        this.lose(code, signal)
        fulfil()
      })
      child.on('error', (error) => {
        this.failure ??= `cannot be started (${error.message})`
        if (child.pid === undefined) {
          this.lose(null, null)
          fulfil()
        }
      })
    })
    child.on('message', (report: Report) => this.hear(report))
  }

  async ask<Name extends keyof Asks>(name: Name, ...args: Asks[Name]['args']): Promise<Asks[Name]['answer']> {
    if (this.isGone) throw this.lost()
    return new Promise((fulfil, reject) => {
      const id = this.nextId++
      this.asked.set(id, { fulfil: fulfil as (value: unknown) => void, reject })
      this.send({ kind: 'ask', id, name, args } as Order)
    })
  }

  async start(): Promise<void> {
    await this.ask('start')
    this.prioritise(this.options.settings?.weight)
  }

  pause(): Promise<void> {
    return this.ask('pause')
  }

  resume(): Promise<void> {
    return this.ask('resume')
  }

  press(): Promise<void> {
    return this.ask('press')
  }

  /** Ends the guest at once; one whose process is gone has ended. */
  async stop(): Promise<void> {
    if (!this.isGone) await this.ask('stop')
  }

  async set(settings: Partial<GuestSettings>): Promise<void> {
    await this.ask('set', settings)
    this.prioritise(settings.weight)
  }

  async stats(): Promise<GuestStats> {
    this.last = await this.ask('stats')
    return this.last.guest
  }

  /** Ends the process, and gives back all that the guest had. */
  async remove(): Promise<void> {
    await this.end()
    await this.release()
    this.reject(new MachineError(E_BAD_STATE, `The guest ${this.options.name ?? this.id} was removed before it ended.`))
  }

  /** Ends the process: in order, and if it does not answer, at once. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), END_MS)
    if (!this.isGone) await this.ask('end').catch(() => undefined)
    await this.gone
    clearTimeout(timer)
    await this.outputs
  }

  /** Gives console input; returns how many bytes were taken. */
  input(bytes: Uint8Array): number {
    const taken = this.isGone ? 0 : Math.min(bytes.length, INPUT_MOST - this.inputBytes)
    if (taken > 0) {
      this.inputBytes += taken
      this.send({ kind: 'input', bytes: bytes.subarray(0, taken) })
    }
    return taken
  }

  /** Fulfilled when console input may find room again, or nobody will ever read it. */
  room(): Promise<void> {
    if (this.isGone || this.inputBytes < INPUT_MOST) return Promise.resolve()
    return new Promise((fulfil) => this.roomWaiters.push(fulfil))
  }

  private hear(report: Report): void {
    switch (report.kind) {
      case 'answer':
        this.settle(report.id)?.fulfil(report.value)
        break
      case 'refusal': {
        const { id, code, message } = report
        this.settle(id)?.reject(code === undefined ? new Error(message) : new MachineError(code, message))
        break
      }
      case 'output':
        this.outputs = this.outputs.then(() => this.handOver(report.bytes))
        break
      case 'taken':
        this.inputBytes -= report.bytes
        this.tellRoom()
        break
      case 'warning':
        this.options.warn?.(report.text)
        break
      case 'ended':
        void this.outputs.then(() => this.fulfil(report.ending))
        break
      case 'failed':
        this.failure = `has failed (${report.message.replace(/\.$/, '')})`
        this.child.kill('SIGKILL')
        break
    }
  }

  /** Console output is fetched piece by piece; whoever takes it may take as long as it likes. */
  private async handOver(bytes: Uint8Array): Promise<void> {
    try {
      await this.options.output(bytes)
      this.send({ kind: 'more' })
    } catch (error) {
      this.reject(error as Error)
      this.stop().catch(() => undefined)
    }
  }

  private settle(id: number) {
    const waiting = this.asked.get(id)
    this.asked.delete(id)
    return waiting
  }

  private send(order: Order): void {
    // A process that dies meanwhile tells so by its end.
    if (this.child.connected) this.child.send(order, () => undefined)
  }

  private tellRoom(): void {
    const waiters = this.roomWaiters
    this.roomWaiters = []
    for (const fulfil of waiters) fulfil()
  }

  private lose(code: number | null, signal: string | null): void {
    this.isGone = true
    this.failure ??= signal === null ? `has ended with exit code ${code}` : `was ended by ${signal}`
    for (const { reject } of this.asked.values()) reject(this.lost())
    this.asked.clear()
    this.tellRoom()
    void this.outputs.then(() => this.reject(this.lost()))
  }

  private lost(): LostError {
    return new LostError(this.options.name ?? `guest ${this.id}`, this.failure ?? 'is gone')
  }

  /** The nearest that the host's scheduler has to a share of the CPUs: a priority of the process. */
  private prioritise(weight: number | undefined): void {
    const { pid } = this.child
    if (weight === undefined || pid === undefined) return
    // Where this is -0, Node would end the process.
    const nice = Math.round(-Math.log(weight / WEIGHT_DEFAULT) / Math.log(NICE_STEP)) | 0
    const { PRIORITY_HIGHEST, PRIORITY_LOW } = constants.priority
    try {
      setPriority(pid, Math.min(PRIORITY_LOW, Math.max(PRIORITY_HIGHEST, nice)))
    } catch (error) {
      if (this.isNiceTold) return
      this.isNiceTold = true
      const why = (error as Error).message
      this.options.warn?.(`Its weight ${weight} is not kept, as its process cannot have the priority (${why}).`)
    }
  }
}
