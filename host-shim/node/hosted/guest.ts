// A guest that is a process of its own, as the process that owns it sees it.

import type { ChildProcess } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import type { Duplex } from 'node:stream'
import { E_BAD_STATE, E_BUSY, WEIGHT_DEFAULT } from '../../../hypervisor/abi.ts'
import { LostError, MachineError } from '../../error.ts'
import type { GuestSettings } from '../../settings.ts'
import type { GuestStats, MachineStats } from '../../stats.ts'
import type { Ending, GuestOptions } from '../main.ts'
import { plain, WARNINGS_MOST } from '../words.ts'
import { Channel } from './channel.ts'
import { type Asks, CHANNEL_FD, INPUT_MOST, isReport, isStats, type Order, type Report } from './protocol.ts'

/** Two processes whose priorities differ by one get CPU time in this proportion (sched(7)). */
const NICE_STEP = 1.25
/** How long a process may take to end when it was told to. */
const END_MS = 5_000
/** How long it may take to answer: a thousand times what it needs. Who asks for figures has others to ask. */
const ANSWER_MS = 10_000
const STATS_MS = 1_000

interface Asked {
  fulfil(value: unknown): void
  reject(error: Error): void
  timer: NodeJS.Timeout | undefined
}

export class HostedGuest {
  /** Fulfilled when the guest has ended, and its output was handed over; rejected with LostError when its process has. */
  readonly ended: Promise<Ending>
  /** Fulfilled when the process is gone. */
  readonly gone: Promise<void>
  /** What was last heard of it. */
  last: { guest: GuestStats; machine: MachineStats } | undefined
  private readonly asked = new Map<number, Asked>()
  private readonly channel: Channel | undefined
  private nextId = 0
  private fulfil!: (ending: Ending) => void
  private reject!: (error: Error) => void
  private roomWaiters: (() => void)[] = []
  private inputBytes = 0
  private outputs: Promise<void> = Promise.resolve()
  private isHandingOver = false
  private warnings = 0
  private isOn = false
  private isLeaving = false
  private isGone = false
  /** After this the process is killed. */
  private deadline: NodeJS.Timeout | undefined
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
    // Without file descriptors there is none.
    const socket = child.stdio?.[CHANNEL_FD] as Duplex | undefined
    const refuse = () => this.distrust()
    const hear = (message: unknown) => (isReport(message) ? this.hear(message) : refuse())
    this.channel = socket && new Channel(socket, { hear, refuse, close: () => this.leave() })
  }

  async ask<Name extends keyof Asks>(name: Name, ...args: Asks[Name]['args']): Promise<Asks[Name]['answer']> {
    if (this.isGone) throw this.lost()
    if (this.channel?.isDeaf) throw this.silent()
    return new Promise((fulfil, reject) => {
      const id = this.nextId++
      const giveUp = () => this.settle(id)?.reject(this.silent())
      // What a guest is made of may have to be read from slow disks.
      const timer = name === 'define' ? undefined : setTimeout(giveUp, name === 'stats' ? STATS_MS : ANSWER_MS)
      this.asked.set(id, { fulfil: fulfil as (value: unknown) => void, reject, timer })
      this.channel?.send({ kind: 'ask', id, name, args } as Order)
    })
  }

  async start(): Promise<void> {
    this.isOn = true
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

  /** Ends the guest at once, together with its process if that does not tell of the end. One whose process is gone has ended. */
  async stop(): Promise<void> {
    if (this.isGone) return
    if (this.isOn) this.endSoon()
    await this.ask('stop')
  }

  async set(settings: Partial<GuestSettings>): Promise<void> {
    await this.ask('set', settings)
    this.prioritise(settings.weight)
  }

  /** What it says now, or, if it is slow to answer, what it said last. */
  async stats(): Promise<GuestStats> {
    const stats = await this.ask('stats').catch((error) => {
      if (this.isGone || this.last === undefined) throw error
      return this.last
    })
    if (!isStats(stats)) {
      this.distrust()
      throw this.lost()
    }
    this.last = stats
    return stats.guest
  }

  /** Ends the process, and gives back all that the guest had. */
  async remove(): Promise<void> {
    await this.end()
    await this.release()
    this.reject(new MachineError(E_BAD_STATE, `The guest ${this.options.name ?? this.id} was removed before it ended.`))
  }

  /** Ends the process: in order, and if it does not answer, at once. */
  async end(): Promise<void> {
    if (!this.isGone) {
      this.leave()
      await this.ask('end').catch(() => undefined)
    }
    await this.gone
    await this.outputs
  }

  /** Gives console input; returns how many bytes were taken. */
  input(bytes: Uint8Array): number {
    const taken = this.isGone ? 0 : Math.min(bytes.length, INPUT_MOST - this.inputBytes)
    if (taken > 0) {
      this.inputBytes += taken
      this.channel?.send({ kind: 'input', bytes: bytes.subarray(0, taken) })
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
        const text = plain(message)
        this.settle(id)?.reject(code === undefined ? new Error(text) : new MachineError(code, text))
        break
      }
      case 'output':
        if (this.isHandingOver) {
          this.distrust()
          break
        }
        this.isHandingOver = true
        this.outputs = this.outputs.then(() => this.handOver(report.bytes))
        break
      case 'taken':
        if (report.bytes > this.inputBytes) {
          this.distrust()
          break
        }
        this.inputBytes -= report.bytes
        this.tellRoom()
        break
      case 'warning':
        if (this.warnings++ < WARNINGS_MOST) this.options.warn?.(plain(report.text))
        break
      case 'ended':
        this.isOn = false
        if (!this.isLeaving) this.cancelEnd()
        void this.outputs.then(() => this.fulfil(report.ending))
        break
      case 'failed':
        this.kill(`has failed (${plain(report.message).replace(/\.$/, '')})`)
        break
    }
  }

  /** Console output is fetched piece by piece; whoever takes it may take as long as it likes. */
  private async handOver(bytes: Uint8Array): Promise<void> {
    try {
      await this.options.output(bytes)
      this.isHandingOver = false
      this.channel?.send({ kind: 'more' })
    } catch (error) {
      this.reject(error as Error)
      this.stop().catch(() => undefined)
    }
  }

  private settle(id: number) {
    const waiting = this.asked.get(id)
    this.asked.delete(id)
    clearTimeout(waiting?.timer)
    return waiting
  }

  /** Its guest has taken it over, or something is very wrong with it: nothing more is heard of it. */
  private distrust(): void {
    this.kill('was ended, as it said what no process of a guest does')
  }

  private kill(why: string): void {
    this.failure ??= why
    this.child.kill('SIGKILL')
  }

  /** It was told to end, or will not be heard of any more. */
  private leave(): void {
    this.isLeaving = true
    this.endSoon()
  }

  private endSoon(): void {
    if (!this.isGone) this.deadline ??= setTimeout(() => this.child.kill('SIGKILL'), END_MS)
  }

  private cancelEnd(): void {
    clearTimeout(this.deadline)
    this.deadline = undefined
  }

  private tellRoom(): void {
    const waiters = this.roomWaiters
    this.roomWaiters = []
    for (const fulfil of waiters) fulfil()
  }

  private lose(code: number | null, signal: string | null): void {
    this.isGone = true
    this.cancelEnd()
    this.failure ??= signal === null ? `has ended with exit code ${code}` : `was ended by ${signal}`
    for (const id of [...this.asked.keys()]) this.settle(id)?.reject(this.lost())
    this.tellRoom()
    void this.outputs.then(() => this.reject(this.lost()))
  }

  private lost(): LostError {
    return new LostError(this.name, this.failure ?? 'is gone')
  }

  private silent(): MachineError {
    return new MachineError(
      E_BUSY,
      `The process of ${this.name} does not answer; wait, or take the guest's power away.`,
    )
  }

  private get name(): string {
    return this.options.name ?? `guest ${this.id}`
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
