// A running machine with its guests: finds them by what a user calls them, looks at them, and goes down in order.

import { MAX_GUESTS } from '../../hypervisor/abi.ts'
import { OrlopError } from '../error.ts'
import type { Fleet, GuestPlan, PublishPlan } from '../fleet/plan.ts'
import { EventLog } from './events.ts'
import { Guest } from './guest.ts'
import type { Metal } from './metal.ts'
import { near } from '../near.ts'
import { Networks, type NetworkSample } from './networks.ts'
import { asOrlopError } from './refusal.ts'
import { type GuestSample, type MachineSample, Sampler } from './sample.ts'

export interface Snapshot {
  machine: MachineSample
  guests: GuestSample[]
}

export class Machine {
  readonly log = new EventLog()
  readonly networks: Networks
  private readonly guests: Guest[] = []
  private readonly sampler = new Sampler()
  private readonly bornAt = performance.now()
  private nextId = 1
  private goingDown: Promise<void> | undefined
  private hurry: () => void = () => undefined

  constructor(
    readonly name: string,
    private readonly metal: Metal,
  ) {
    this.networks = new Networks(metal, this.log)
  }

  get isGoingDown(): boolean {
    return this.goingDown !== undefined
  }

  /** Adds the networks, guests and published ports of a fleet, all or none of them; the guests stay off. */
  async add({ networks, guests: plans, publish }: Omit<Fleet, 'machine'>): Promise<Guest[]> {
    this.refuseWhenGoingDown()
    this.networks.check(networks)
    const guests: Guest[] = []
    try {
      for (const network of networks) await this.networks.define(network)
      for (const plan of plans) guests.push(this.define(plan))
      for (const plan of publish) await this.publish(plan)
      return guests
    } catch (error) {
      for (const guest of guests) await this.remove(guest, true)
      throw error
    }
  }

  /** Publishes a port of a guest. Throws OrlopError. */
  async publish(plan: PublishPlan): Promise<void> {
    const guest = this.find(plan.guest)
    const forward = await this.networks.publish({ ...plan, guest: guest.plan.name }, guest.plan)
    try {
      await guest.forward(forward, true)
    } catch (error) {
      await this.networks.unpublish(forward)
      throw asOrlopError(error)
    }
  }

  /** Ends that. */
  async unpublish(network: string, plan: PublishPlan): Promise<void> {
    const guest = this.find(plan.guest)
    const forward = this.networks.find(network, { ...plan, guest: guest.plan.name })
    await this.networks.unpublish(forward)
    await guest.forward(forward, false)
  }

  /** Looks at one network, or at all. */
  lookAtNetworks(name?: string): Promise<NetworkSample[]> {
    return this.networks.look(name, (number) => this.guests.find((guest) => guest.number === number)?.plan.name)
  }

  /** Adds a guest, which stays off. */
  private define(plan: GuestPlan): Guest {
    if (this.guests.some(({ plan: { name } }) => name === plan.name)) {
      throw new OrlopError(
        `There is a guest "${plan.name}" already; remove it with "orlop rm ${plan.name}", or rename one.`,
      )
    }
    if (this.guests.length >= MAX_GUESTS) {
      throw new OrlopError(`A machine has at most ${MAX_GUESTS} guests; remove one with "orlop rm" first.`)
    }
    const guest = new Guest(this.nextId++, plan, this.metal, this.networks, this.log)
    this.guests.push(guest)
    this.log.add(plan.name, 'defined')
    return guest
  }

  async remove(guest: Guest, force: boolean): Promise<void> {
    await guest.remove(force)
    this.guests.splice(this.guests.indexOf(guest), 1)
    this.sampler.forget(guest)
    await this.networks.forget(guest.plan.name)
  }

  all(): Guest[] {
    return [...this.guests]
  }

  /** The guest that a user means: by its id, its name, or the beginning of its name if no other begins so. */
  find(word: string): Guest {
    if (/^\d+$/.test(word)) {
      const found = this.guests.find(({ id }) => id === Number(word))
      if (found !== undefined) return found
      throw new OrlopError(`There is no guest with the id ${word}; "orlop list" shows those that there are.`)
    }
    const names = this.guests.map(({ plan }) => plan.name)
    const exact = this.guests[names.indexOf(word)]
    if (exact !== undefined) return exact
    const begun = names.filter((name) => word !== '' && name.startsWith(word))
    if (begun.length === 1) return this.guests[names.indexOf(begun[0] as string)] as Guest
    if (begun.length > 1) throw new OrlopError(`"${word}" could be ${begun.join(' or ')}; write more of the name.`)
    const similar = near(word, names)
    const hint = similar.length > 0 ? `did you mean ${similar.join(' or ')}? ` : ''
    throw new OrlopError(`There is no guest "${word}"; ${hint}"orlop list" shows those that there are.`)
  }

  /** Looks at all of it. */
  async look(): Promise<Snapshot> {
    const guests = this.all()
    const [machine, ...stats] = await Promise.all([this.metal.stats(), ...guests.map((guest) => guest.stats())])
    const upSeconds = Math.round((performance.now() - this.bornAt) / 100) / 10
    return {
      machine: this.sampler.machine(this.name, upSeconds, machine),
      guests: guests.map((guest, i) => this.sampler.guest(guest, stats[i])),
    }
  }

  async lookAt(guest: Guest): Promise<GuestSample> {
    return this.sampler.guest(guest, await guest.stats())
  }

  /** Starts what is to be started with the machine, and gives a sentence for each guest that cannot be. */
  async autostart(): Promise<string[]> {
    const failures: string[] = []
    for (const guest of this.all().filter(({ plan }) => plan.autostart)) {
      if (this.isGoingDown) break
      try {
        await guest.start()
      } catch (error) {
        const { message } = asOrlopError(error, guest.plan.name)
        this.log.add(guest.plan.name, 'error', message)
        failures.push(message)
      }
    }
    return failures
  }

  /**
   * Shuts all guests down and ends the machine. Those that have not gone off after `timeoutMs`, or do not listen to their
   * power key, lose their power. A second call with 0 hurries the first. Fulfilled when all is over.
   */
  down(timeoutMs: number): Promise<void> {
    if (this.goingDown !== undefined) {
      if (timeoutMs === 0) this.hurry()
      return this.goingDown
    }
    const patience = new Promise<void>((fulfil) => {
      const timer = setTimeout(fulfil, timeoutMs)
      this.hurry = () => {
        clearTimeout(timer)
        fulfil()
      }
    })
    this.log.add(undefined, 'going down')
    this.goingDown = this.bringDown(timeoutMs, patience).finally(() => this.hurry())
    return this.goingDown
  }

  refuseWhenGoingDown(): void {
    if (this.isGoingDown) throw new OrlopError('The machine is going down; start another with "orlop up".', 1)
  }

  private async bringDown(timeoutMs: number, patience: Promise<void>): Promise<void> {
    await Promise.all(
      this.all().map(async (guest) => {
        if (timeoutMs > 0 && guest.isOn) {
          const willGo = await guest.press(false, timeoutMs).then(
            () => true,
            () => false,
          )
          if (willGo) await Promise.race([guest.parted(timeoutMs), patience])
        }
        // What has gone off of itself refuses, and that is well.
        await guest.poweroff('powered off with the machine').catch(() => undefined)
      }),
    )
    await this.metal.stop()
  }
}
