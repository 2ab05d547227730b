// The networks of a running machine, and the published ports that lead to its guests.

import type { NetworkReport, PortReport } from '../../host-shim/networks.ts'
import { pcapHeader } from '../../host-shim/node/uplinks/capture.ts'
import { MAX_NETWORKS } from '../../hypervisor/abi.ts'
import { OrlopError } from '../error.ts'
import type { GuestPlan, NetworkPlan, PublishPlan } from '../fleet/plan.ts'
import { ADDRESS_DEFAULT, checkPublish, collide, hasHostPorts, showPublish } from '../fleet/publish.ts'
import { near } from '../near.ts'
import type { Taker } from './captures.ts'
import type { EventLog } from './events.ts'
import type { Metal, MetalNetwork } from './metal.ts'
import { networkOptions } from './network-options.ts'
import { asOrlopError } from './refusal.ts'

/** A published port and the ports on the machine's side of the uplink that it comes in by. */
export interface Forward {
  plan: PublishPlan
  network: MetalNetwork
  /** The first of them. */
  outside: number
}

/** What a guest has of the networks. */
export interface Plugs {
  network(name: string): MetalNetwork
}

/** A network as "orlop net" shows it; `ports` have the names of guests. */
export interface NetworkSample {
  plan: NetworkPlan
  report: Omit<NetworkReport, 'ports'> & { ports: PortSample[] }
  forwards: { spec: string; plan: PublishPlan }[]
}

export interface PortSample extends Omit<PortReport, 'owner'> {
  owner: string
}

interface Known {
  plan: NetworkPlan
  metal: MetalNetwork
}

/** Where a port is chosen from when the published one is taken on the uplink's side. */
const SPARE_PORT = 20_000
const PORT_MAX = 65_535

export class Networks implements Plugs {
  private readonly known = new Map<string, Known>()
  private readonly forwards: Forward[] = []

  constructor(
    private readonly metal: Metal,
    private readonly log: EventLog,
  ) {}

  plans(): NetworkPlan[] {
    return [...this.known.values()].map(({ plan }) => plan)
  }

  network(name: string): MetalNetwork {
    return this.get(name).metal
  }

  /** Hands a pcap file of what passes a network's uplink to `take`, in pieces of whole records; the result ends that. */
  async capture(name: string, take: Taker): Promise<() => Promise<void>> {
    const { metal } = this.get(name)
    // Frames may come before its start is known of here.
    take(pcapHeader())
    const capture = await this.metal.captureUplink(metal, take).catch((error) => {
      throw asOrlopError(error, name)
    })
    return () => capture.close()
  }

  /** Refuses networks that cannot be added; one that is there already and is the same is well. */
  check(plans: NetworkPlan[]): void {
    const fresh = plans.filter(({ name }) => !this.known.has(name))
    for (const plan of plans) {
      const other = this.known.get(plan.name)
      if (other === undefined || JSON.stringify(other.plan) === JSON.stringify(plan)) continue
      throw new OrlopError(`There is another network "${plan.name}" on this machine; leave it out, or rename yours.`)
    }
    if (this.known.size + fresh.length > MAX_NETWORKS) {
      throw new OrlopError(`A machine has at most ${MAX_NETWORKS} networks; leave some out.`)
    }
  }

  /** Adds a network that was checked. */
  async define(plan: NetworkPlan): Promise<void> {
    if (this.known.has(plan.name)) return
    const warn = (message: string) => this.log.add(undefined, 'warning', `${plan.name}: ${message}`)
    const metal = await this.metal.defineNetwork({ ...networkOptions(plan), warn }).catch((error) => {
      throw asOrlopError(error, plan.name)
    })
    this.known.set(plan.name, { plan, metal })
  }

  /** Takes away the networks that were made for a guest which has gone, and its published ports. */
  async forget(guest: string): Promise<void> {
    for (const forward of this.forwardsOf(guest)) await this.unpublish(forward)
    for (const { plan, metal } of [...this.known.values()]) {
      if (plan.owner !== guest) continue
      await metal.remove()
      this.known.delete(plan.name)
    }
  }

  /** What leads to a guest. */
  forwardsOf(guest: string): Forward[] {
    return this.forwards.filter(({ plan }) => plan.guest === guest)
  }

  /** Listens at a published port, where the uplink has the host's ports; the guest is not told yet. Throws OrlopError. */
  async publish(plan: PublishPlan, guest: GuestPlan): Promise<Forward> {
    const { network } = this.checked(plan, guest)
    const { metal } = this.get(network.name)
    const forward = { plan, network: metal, outside: this.outsideOf(plan, metal) }
    // The place is taken before anything can happen in between.
    this.forwards.push(forward)
    let done = 0
    try {
      for (; hasHostPorts(network) && done < plan.count; done++) await metal.publish(publicationOf(forward, done))
      return forward
    } catch (error) {
      this.drop(forward)
      for (let i = 0; i < done; i++) await metal.unpublish(publicationOf(forward, i)).catch(() => undefined)
      throw asOrlopError(error, showPublish(plan))
    }
  }

  /** Ends that. */
  async unpublish(forward: Forward): Promise<void> {
    const { plan, network } = forward
    this.drop(forward)
    const known = [...this.known.values()].find(({ metal }) => metal === network)
    if (known === undefined || !hasHostPorts(known.plan)) return
    for (let i = 0; i < plan.count; i++) await network.unpublish(publicationOf(forward, i))
  }

  /** The published port that is meant. Throws OrlopError. */
  find(network: string, meant: PublishPlan): Forward {
    const { metal } = this.get(network)
    const text = showPublish(withAddress(meant))
    const all = this.forwards.filter((one) => one.network === metal)
    const found = all.find(({ plan }) => showPublish(withAddress(plan)) === text)
    if (found !== undefined) return found
    const there = all.map(({ plan }) => showPublish(plan)).join(', ') || 'none'
    throw new OrlopError(`"${network}" has no forwarding ${showPublish(meant)}; it has ${there}.`)
  }

  /** Checks that a device of the guest is on this network. */
  checkPlace(network: string, plan: PublishPlan, guest: GuestPlan): void {
    const { name } = this.get(network).plan
    const found = this.checked(plan, guest).network
    if (found.name !== name) {
      const advice = `write ${guest.name}/N for its network device N`
      throw new OrlopError(
        `Network device ${plan.nic} of "${guest.name}" is on "${found.name}", not on "${name}"; ${advice}.`,
      )
    }
  }

  /** Looks at one network, or at all. `nameOf` gives the name of a guest that runs. */
  async look(name: string | undefined, nameOf: (guest: number) => string | undefined): Promise<NetworkSample[]> {
    const wanted = name === undefined ? [...this.known.values()] : [this.get(name)]
    return Promise.all(
      wanted.map(async ({ plan, metal }) => {
        const report = await metal.report()
        const ports = report.ports.map(({ owner, ...port }) => ({
          ...port,
          owner: typeof owner === 'string' ? owner : (nameOf(owner) ?? `guest ${owner}`),
        }))
        const forwards = this.forwards.filter((one) => one.network === metal)
        return {
          plan,
          report: { ...report, ports },
          forwards: forwards.map((one) => ({ spec: showPublish(one.plan), plan: one.plan })),
        }
      }),
    )
  }

  private checked(plan: PublishPlan, guest: GuestPlan) {
    const networks = new Map([...this.known].map(([name, known]) => [name, known.plan]))
    const where = showPublish(plan)
    const other = this.forwards.find((one) => collide(one.plan, plan) && this.isSamePlace(one, plan, guest))
    if (other !== undefined) {
      throw new OrlopError(`${where}: Port ${plan.port} is taken by "${showPublish(other.plan)}"; give another.`)
    }
    return checkPublish(plan, guest, networks, where)
  }

  /** Are both on the host, or on the same network's uplink? */
  private isSamePlace({ network }: Forward, plan: PublishPlan, guest: GuestPlan): boolean {
    const mine = this.known.get(guest.nets[plan.nic]?.network ?? '')
    const theirs = [...this.known.values()].find(({ metal }) => metal === network)
    if (mine === undefined || theirs === undefined) return false
    return mine === theirs || (hasHostPorts(mine.plan) && hasHostPorts(theirs.plan))
  }

  /** Ports on the machine's side: the same numbers if they are free there. */
  private outsideOf({ protocol, port, count }: PublishPlan, network: MetalNetwork): number {
    const others = this.forwards.filter((one) => one.network === network && one.plan.protocol === protocol)
    const isFree = (first: number) =>
      others.every(({ outside, plan }) => first + count <= outside || outside + plan.count <= first)
    if (isFree(port)) return port
    for (let first = SPARE_PORT; first + count <= PORT_MAX; first++) if (isFree(first)) return first
    throw new OrlopError(`There are no ${count} ports left on the uplink; remove a forwarding first.`)
  }

  private drop(forward: Forward): void {
    const index = this.forwards.indexOf(forward)
    if (index >= 0) this.forwards.splice(index, 1)
  }

  private get(name: string): Known {
    const found = this.known.get(name)
    if (found !== undefined) return found
    const names = [...this.known.keys()]
    const similar = near(name, names)
    const hint = similar.length > 0 ? `did you mean ${similar.join(' or ')}? ` : ''
    throw new OrlopError(`There is no network "${name}"; ${hint}"orlop net list" shows those that there are.`)
  }
}

function publicationOf({ plan, outside }: Forward, i: number) {
  const { protocol, address = ADDRESS_DEFAULT, port } = plan
  return { protocol, address, port: port + i, to: outside + i }
}

function withAddress(plan: PublishPlan): PublishPlan {
  return { ...plan, address: plan.address ?? ADDRESS_DEFAULT }
}
