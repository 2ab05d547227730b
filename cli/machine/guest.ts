// One guest's life on a running machine.
//
//              start                    pause
//   shut off --------->  running  <-------------->  paused
//      ^                  |  |  ^     unpause         |
//      |   poweroff, or   |  |  | reset, or restart   |  poweroff, reset: as from running
//      +------------------+  |  | as the fleet says   |
//      |   it went off       v  |                     |
//      +<------ poweroff -- crashed                   |
//
// The plan stays; what runs of it is made anew with each start from its files, and gone when the guest is off, so an
// idle plan has no frame. "idle" is running with all harts in wfi, "in shutdown" is running after the power key.
// Commands that change the life wait for each other.

import {
  E_AGAIN,
  E_UNSUPPORTED,
  RESET_COLD,
  RESET_WARM,
  STOP_DIVERGED,
  STOP_NO_MEMORY,
  STOP_PANIC,
  STOP_POWEROFF,
} from '../../hypervisor/abi.ts'
import type { Ending } from '../../host-shim/node/protocol.ts'
import { LostError } from '../../host-shim/error.ts'
import type { GuestSettings } from '../../host-shim/settings.ts'
import type { GuestStats } from '../../host-shim/stats.ts'
import { OrlopError } from '../error.ts'
import { parseIp4, parseMac } from '../../host-shim/addresses.ts'
import type { NicOptions } from '../../host-shim/node/options.ts'
import type { GuestPlan, NicPlan } from '../fleet/plan.ts'
import { Backlog } from './backlog.ts'
import { Captures, type Taker } from './captures.ts'
import type { EventLog } from './events.ts'
import type { Metal, MetalGuest } from './metal.ts'
import type { Forward, Networks } from './networks.ts'
import { asOrlopError, hasRefused } from './refusal.ts'

export type State = 'running' | 'idle' | 'paused' | 'in shutdown' | 'shut off' | 'crashed'

/** What came out of a request to end in order. */
export type Parting = 'shut off' | 'timeout'

/** A guest that lived shorter than this and comes back of itself waits, longer each time, up to the second number. */
const SHORT_LIFE_MS = 1_000
const LONGEST_WAIT_MS = 5_000
const FIRST_WAIT_MS = 50

/** A press is lost on a guest that has its driver, but no program that listens yet, so the key is pressed again and again. */
const PRESS_EVERY_MS = 3_000
/** For so long, where nobody says how long it may take. */
export const PRESS_FOR_MS = 60_000

export class Guest {
  readonly console = new Backlog()
  private life: 'off' | 'running' | 'paused' | 'crashed' = 'off'
  private why = 'never started'
  private wasPressed = false
  private startsAgain = false
  /** Presses the power key again; undefined: nobody has pressed it, or all patience is over. */
  private pressing: NodeJS.Timeout | undefined
  private metal: MetalGuest | undefined
  private startedAt = 0
  private shortLives = 0
  private comeback: NodeJS.Timeout | undefined
  private turn: Promise<unknown> = Promise.resolve()
  private readonly ends = new Set<() => void>()
  private isGone = false
  private readonly captures: Captures

  constructor(
    readonly id: number,
    readonly plan: GuestPlan,
    private readonly machine: Metal,
    private readonly networks: Networks,
    private readonly log: EventLog,
  ) {
    this.captures = new Captures(machine)
  }

  /** The machine's number of this life of it; undefined while it is off. */
  get number(): number | undefined {
    return this.metal?.id
  }

  get isOn(): boolean {
    return this.metal !== undefined
  }

  /** What it is for people; `busyHarts` as the machine counts them, undefined where that is not known. */
  state(busyHarts?: number): State {
    if (this.life === 'off') return 'shut off'
    if (this.life !== 'running') return this.life
    if (this.wasPressed) return 'in shutdown'
    return busyHarts === 0 ? 'idle' : 'running'
  }

  get reason(): string {
    return this.why
  }

  start(): Promise<void> {
    return this.exclusive(async () => {
      if (this.life === 'paused') throw this.refusal('is paused', `type "orlop unpause ${this.name}"`)
      if (this.metal !== undefined)
        throw this.refusal('is running already', `"orlop reset ${this.name}" starts it anew`)
      this.shortLives = 0
      await this.boot('booted')
    })
  }

  pause(): Promise<void> {
    return this.exclusive(async () => {
      const metal = this.running('paused')
      if (this.life === 'paused') throw this.refusal('is paused already', `"orlop unpause ${this.name}" goes on`)
      await metal.pause()
      this.become('paused', 'by a user')
    })
  }

  unpause(): Promise<void> {
    return this.exclusive(async () => {
      const metal = this.running('unpaused')
      if (this.life !== 'paused') throw this.refusal('is not paused', 'there is nothing to do')
      await metal.resume()
      this.become('running', 'unpaused')
    })
  }

  /** Takes the power away. */
  poweroff(why = 'powered off by a user'): Promise<void> {
    return this.exclusive(async () => {
      if (this.metal === undefined && this.comeback === undefined && this.life !== 'crashed') {
        throw this.refusal('is shut off already', `"orlop start ${this.name}" starts it`)
      }
      await this.release()
      this.become('off', why)
    })
  }

  /** Starts it anew from its files, as the button on a computer does. */
  reset(): Promise<void> {
    return this.exclusive(async () => {
      if (this.metal === undefined && this.life !== 'crashed') this.running('reset')
      await this.release()
      this.shortLives = 0
      await this.boot('reset by a user')
    })
  }

  /**
   * Presses the power key, and again every few seconds for `patienceMs` until it has gone off; with `startsAgain` it is
   * started then. Fulfilled after the first press.
   */
  press(startsAgain: boolean, patienceMs = PRESS_FOR_MS): Promise<void> {
    return this.exclusive(async () => {
      const metal = this.running('asked to shut down')
      if (this.life === 'paused') throw this.refusal('is paused', `type "orlop unpause ${this.name}" first`)
      try {
        await metal.press()
      } catch (error) {
        const isUnheard = hasRefused(error, E_UNSUPPORTED)
        // One that has not read the last press is pressed again as one that has lost it.
        if (!isUnheard && !hasRefused(error, E_AGAIN)) throw error
        const hard = startsAgain ? 'reset' : 'poweroff'
        if (isUnheard)
          throw this.refusal('has nothing that listens to its power key', `type "orlop ${hard} ${this.name}"`, 1)
      }
      this.startsAgain = startsAgain
      this.pressAgain(metal, patienceMs)
      if (this.wasPressed) return
      this.wasPressed = true
      this.log.add(this.name, 'in shutdown', startsAgain ? 'to start again' : 'its power key was pressed')
    })
  }

  /** Waits until this life of it has ended; "timeout" after so many ms. */
  parted(timeoutMs: number): Promise<Parting> {
    if (this.metal === undefined) return Promise.resolve('shut off')
    return new Promise((fulfil) => {
      const end = (parting: Parting) => {
        clearTimeout(timer)
        this.ends.delete(off)
        fulfil(parting)
      }
      const off = () => end('shut off')
      const timer = setTimeout(() => end('timeout'), timeoutMs)
      this.ends.add(off)
    })
  }

  set(settings: Partial<GuestSettings>): Promise<void> {
    return this.exclusive(async () => {
      const { targetBytes } = settings
      if (targetBytes !== undefined && targetBytes > this.plan.memoryBytes) {
        throw this.refusal('was made with less memory than that', 'give at most what "orlop info" shows')
      }
      await this.metal?.set(settings)
      Object.assign(this.plan.settings, settings)
      this.log.add(this.name, 'set', Object.keys(settings).join(', '))
    })
  }

  /** Leads a published port to it, in this life and all that follow, or no longer. */
  forward(forward: Forward, isNew: boolean): Promise<void> {
    return this.exclusive(async () => {
      if (this.metal !== undefined) await lead(forward, this.metal, isNew)
    })
  }

  /** Hands a pcap file of one of its network devices to `take`, in pieces; the result ends that. */
  capture(nic: number, take: Taker): Promise<() => Promise<void>> {
    return this.exclusive(async () => {
      if (this.plan.nets[nic] === undefined) {
        throw this.refusal(`has no network device ${nic}`, 'see "orlop info" for those that it has')
      }
      const end = await this.captures.begin(nic, take, this.metal)
      return () => this.exclusive(end)
    })
  }

  /** Takes it off the machine for good. */
  remove(force: boolean): Promise<void> {
    return this.exclusive(async () => {
      if (this.metal !== undefined && !force) {
        throw this.refusal(
          `is ${this.state()}`,
          `shut it down first, or type "orlop rm --force ${this.name}" to end and remove it`,
        )
      }
      await this.release()
      this.isGone = true
      this.life = 'off'
      this.log.add(this.name, 'removed')
    })
  }

  /** Its bill and counters; undefined while it is off. */
  async stats(): Promise<GuestStats | undefined> {
    const { metal } = this
    // It may end while it is asked: then it has none any more.
    return metal?.stats().catch(() => undefined)
  }

  /** Gives console input; fulfilled when all was taken, or nobody is there any more to take it, or `isOver` says so. */
  async input(bytes: Uint8Array, isOver: () => boolean): Promise<void> {
    const { metal } = this
    if (metal === undefined) throw this.refusal(`is ${this.state()}`, `type "orlop start ${this.name}" first`)
    for (let left = bytes; left.length > 0 && this.metal === metal && !isOver(); ) {
      left = left.subarray(metal.input(left))
      if (left.length > 0) await Promise.race([metal.room(), metal.ended.catch(() => undefined)])
    }
  }

  private get name(): string {
    return this.plan.name
  }

  private async boot(why: string): Promise<void> {
    const { plan } = this
    let metal: MetalGuest
    try {
      metal = await this.machine.define({
        name: plan.name,
        ramBytes: plan.memoryBytes,
        harts: plan.harts,
        kernel: plan.kernel,
        initrd: plan.initrd,
        firmware: plan.firmware,
        commandLine: plan.commandLine,
        disks: plan.disks,
        nets: plan.nets.map((nic) => this.nicOf(nic)),
        translator: plan.translator,
        heat: plan.heat,
        settings: plan.settings,
        output: (piece) => {
          if (plan.hasConsole) this.console.write(piece)
        },
        warn: (message) => this.log.add(plan.name, 'warning', message),
      })
    } catch (error) {
      this.become('off', 'it could not be started')
      throw asOrlopError(error, plan.name)
    }
    this.metal = metal
    metal.ended.then(
      (ending) => this.hear(metal, () => this.settle(metal, ending)),
      (error) => {
        // Otherwise removed, or the whole machine has failed, which tells about itself.
        if (error instanceof LostError) this.hear(metal, () => this.bury(metal, `its process ${error.how}`))
      },
    )
    try {
      for (const forward of this.networks.forwardsOf(plan.name)) await lead(forward, metal, true)
      await this.captures.arm(metal)
      await metal.start()
    } catch (error) {
      // What never ran never ends.
      this.metal = undefined
      await this.captures.disarm()
      await metal.remove()
      this.become('off', 'it could not be started')
      throw asOrlopError(error, plan.name)
    }
    this.startedAt = performance.now()
    this.become('running', why)
  }

  /** It has ended of itself. */
  private hear(metal: MetalGuest, settle: () => Promise<void>): void {
    // Whoever has ended it by a command takes care of the rest.
    if (this.metal !== metal) return
    this.exclusive(settle).catch((error) => this.complain(error))
  }

  /** What the guest's own end leads to. */
  private async settle(metal: MetalGuest, { reason, code }: Ending): Promise<void> {
    // A command was faster and has ended it already.
    if (this.metal !== metal) return
    const { plan, startsAgain } = this
    await this.release()
    const isOff = reason === STOP_POWEROFF && code !== RESET_COLD && code !== RESET_WARM
    if (isOff && startsAgain) return this.comeBack('rebooted')
    if (isOff)
      return plan.onPoweroff === 'restart' ? this.comeBack('restarted') : this.become('off', 'powered itself off')
    if (reason === STOP_POWEROFF && code === RESET_COLD) {
      return plan.onReset === 'restart' ? this.comeBack('reset itself') : this.become('off', 'asked for a reset')
    }
    await this.crash(crashOf(reason, code))
  }

  /** What the end of its process leads to, where it has one of its own. */
  private async bury(metal: MetalGuest, why: string): Promise<void> {
    if (this.metal !== metal) return
    await this.release()
    await this.crash(why)
  }

  private async crash(why: string): Promise<void> {
    this.become('crashed', why)
    if (this.plan.onCrash === 'restart') await this.comeBack('restarted after a crash')
  }

  /** Goes on pressing; the last who asks says for how long. */
  private pressAgain(metal: MetalGuest, patienceMs: number): void {
    const until = performance.now() + patienceMs
    clearInterval(this.pressing)
    const pressing = setInterval(() => {
      if (performance.now() < until) {
        // It may be paused, or have let go of the key on its way down.
        if (this.life === 'running') metal.press().catch(() => undefined)
        return
      }
      clearInterval(pressing)
      const hard = this.startsAgain ? 'reset' : 'poweroff'
      const advice = `"orlop ${hard} ${this.name}" does not ask it`
      this.log.add(this.name, 'warning', `not off after ${Math.round(patienceMs / 1000)} s; ${advice}`)
    }, PRESS_EVERY_MS)
    this.pressing = pressing
  }

  /** Starts it again, at once or, if it keeps ending, after a while. */
  private async comeBack(why: string): Promise<void> {
    this.shortLives = performance.now() - this.startedAt < SHORT_LIFE_MS ? this.shortLives + 1 : 0
    if (this.shortLives <= 1) {
      await this.boot(why).catch((error) => this.complain(error))
      return
    }
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.shortLives)
    if (this.life !== 'crashed') this.become('off', `starts again in ${waitMs} ms`)
    const comeback = setTimeout(() => {
      void this.exclusive(async () => {
        if (this.comeback !== comeback) return
        this.comeback = undefined
        await this.boot(why).catch((error) => this.complain(error))
      }).catch(() => undefined)
    }, waitMs)
    this.comeback = comeback
  }

  /** Ends what runs and gives all of it back. */
  private async release(): Promise<void> {
    clearTimeout(this.comeback)
    this.comeback = undefined
    clearInterval(this.pressing)
    this.wasPressed = false
    this.startsAgain = false
    const { metal } = this
    if (metal === undefined) return
    this.metal = undefined
    // It may have ended of itself a moment ago.
    await metal.stop().catch(() => undefined)
    await metal.ended.catch(() => undefined)
    await this.captures.disarm()
    await metal.remove()
    for (const tell of [...this.ends]) tell()
  }

  private nicOf({ network, mac, address, ...more }: NicPlan): NicOptions {
    return {
      ...more,
      network: this.networks.network(network),
      mac: parseMac(mac) as Uint8Array,
      ...(address === undefined ? {} : { ip4: parseIp4(address) as number }),
    }
  }

  private become(life: 'off' | 'running' | 'paused' | 'crashed', why: string): void {
    this.life = life
    this.why = why
    this.log.add(this.name, this.state(), why)
  }

  private complain(error: unknown): void {
    this.log.add(this.name, 'error', error instanceof Error ? error.message : String(error))
  }

  private exclusive<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(async () => {
      if (this.isGone) throw new OrlopError(`There is no guest "${this.name}" any more; it was removed.`)
      return work()
    })
    this.turn = mine.catch(() => undefined)
    return mine
  }

  private running(what: string): MetalGuest {
    if (this.metal !== undefined) return this.metal
    throw this.refusal(`is ${this.state()} and cannot be ${what}`, `type "orlop start ${this.name}" first`)
  }

  private refusal(fact: string, advice: string, exitCode = 2): OrlopError {
    return new OrlopError(`"${this.name}" ${fact}; ${advice}.`, exitCode)
  }
}

/** Makes a published port that of this life of a guest, or no longer. */
function lead({ plan, network, outside }: Forward, { id }: MetalGuest, isNew: boolean): Promise<void> {
  const { protocol, count, nic, toPort } = plan
  return network.forward({ protocol, port: outside, count, guest: id, nic, toPort }, isNew)
}

/** Why a guest has failed. */
function crashOf(reason: number, code: number): string {
  switch (reason) {
    case STOP_POWEROFF:
    case STOP_PANIC:
      return 'panicked'
    case STOP_NO_MEMORY:
      return 'the machine had no memory left for it'
    case STOP_DIVERGED:
      return 'translated code and the interpreter disagreed'
    default:
      return `failed with reason ${reason}, code ${code}`
  }
}
