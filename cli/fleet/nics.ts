// The network devices of a fleet's guests: what a file may say of them, and the addresses they have when it says none.

import { isMap } from 'yaml'
import { parseIp4, parseMac, showIp4 } from '../../host-shim/addresses.ts'
import { MAX_NETS } from '../../hypervisor/abi.ts'
import { OrlopError } from '../error.ts'
import { type Fields, fields, flag, list, parsed, type Shape, word } from '../shape.ts'
import { deriveMac, deriveNumber } from './derive.ts'
import { NAME, NAME_RULE } from './names.ts'
import type { GuestPlan, NetworkPlan, NicPlan } from './plan.ts'
import { Subnet } from './subnet.ts'

const VLAN_MAX = 4094

const network = word('The name of a network', NAME, NAME_RULE)
const NIC = {
  network,
  address: parsed(
    'The IPv4 address that DHCP gives it; default: made of the names',
    '^\\d+\\.\\d+\\.\\d+\\.\\d+$',
    (given, where) => {
      if (parseIp4(given) !== undefined) return given
      throw new OrlopError(`${where}: "${given}" is no IPv4 address; give one like 10.9.0.20.`)
    },
  ),
  mac: parsed('Its MAC; default: made of the names', '^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$', (given, where) => {
    const bytes = parseMac(given)
    if (bytes === undefined) throw new OrlopError(`${where}: "${given}" is no MAC; give one like "02:00:00:00:00:01".`)
    // The lowest bit of the first byte makes a group's address.
    if (((bytes[0] as number) & 1) === 0 && bytes.some((byte) => byte !== 0)) return given.toLowerCase()
    throw new OrlopError(`${where}: "${given}" is a group's MAC or none; give one like "02:00:00:00:00:01".`)
  }),
  vlan: parsed(
    'VLAN whose tags it does not see, 1 to 4094, or trunk: all of them, tags and all',
    '^(\\d+|trunk)$',
    (given, where) => {
      if (given === 'trunk') return given
      if (/^\d+$/.test(given) && Number(given) >= 1 && Number(given) <= VLAN_MAX) return Number(given)
      throw new OrlopError(`${where}: "${given}" is no VLAN; give a number from 1 to ${VLAN_MAX}, or trunk.`)
    },
  ),
  isolated: flag('It reaches the gateway and the uplink, and no other guest; default false'),
  trusted: flag('It may use any address, as a router or a bridge must; default false'),
}
const vlanSchema = { ...NIC.vlan.schema, type: ['integer', 'string'], minimum: 1, maximum: VLAN_MAX }
const nicFields = fields('A network device', { ...NIC, vlan: { ...NIC.vlan, schema: vlanSchema } }, ['network'])

/** What a file says of a device, and where. */
export type GivenNic = Fields<typeof NIC> & { place: string }

const nic: Shape<GivenNic> = {
  read(node, field, file) {
    const place = file.at(node)
    if (!isMap(node)) return { network: network.read(node, field, file), place }
    return { ...nicFields.read(node, field, file), place } as GivenNic
  },
  schema: { anyOf: [network.schema, nicFields.schema] },
}

export const nics = list('The networks that it is on, a device for each', 'networks', nic, MAX_NETS)

/** Addresses that no two devices may have, and who has them. */
export class Addresses {
  private readonly macs = new Map<string, string>()
  /** By network. */
  private readonly addresses = new Map<string, Map<number, string>>()

  /** `machine` is the name that addresses are made of, `guests` those that there are already. */
  constructor(
    private readonly machine: string,
    private readonly networks: ReadonlyMap<string, NetworkPlan>,
    guests: Iterable<GuestPlan> = [],
  ) {
    for (const { name, nets } of guests) for (const one of nets) this.note(one, name, '')
  }

  /** Takes what a file has chosen, before anything is derived. Throws OrlopError. */
  claim(guest: string, given: GivenNic[]): void {
    for (const { network: name, mac, address, place } of given) {
      const plan = this.networks.get(name as string)
      if (plan === undefined) {
        const names = [...this.networks.keys()]
        const known = names.length > 0 ? `there are ${names.join(', ')}` : 'define it below "networks"'
        throw new OrlopError(`${place}: There is no network "${name}"; ${known}.`)
      }
      if (address !== undefined) checkAddress(plan, address, place)
      this.note({ network: plan.name, mac: mac ?? '', address }, guest, place)
    }
  }

  /** The devices of a guest whose choices were claimed, with addresses for those that have none. */
  plan(guest: string, given: GivenNic[]): NicPlan[] {
    return given.map(({ network: name, mac, address, vlan, isolated, trusted, place }, i) => {
      const network = this.networks.get(name as string) as NetworkPlan
      const own = { network: network.name, mac: mac ?? this.freeMac(guest, i) }
      const plan: NicPlan = {
        ...own,
        ...(network.gateway && { address: address ?? this.freeAddress(network, guest, i, place) }),
      }
      if (mac === undefined) this.macs.set(plan.mac, guest)
      if (vlan !== undefined) plan.vlan = vlan as number | 'trunk'
      if (isolated === true) plan.isolated = true
      if (trusted === true) plan.trusted = true
      return plan
    })
  }

  private note({ network, mac, address }: NicPlan, guest: string, place: string): void {
    const other = this.macs.get(mac)
    if (mac !== '' && other !== undefined) {
      throw new OrlopError(`${place}: "${other}" has the MAC ${mac} already; give "${guest}" another.`)
    }
    if (mac !== '') this.macs.set(mac, guest)
    if (address === undefined) return
    const taken = this.takenOn(network)
    const owner = taken.get(parseIp4(address) as number)
    if (owner !== undefined) {
      throw new OrlopError(`${place}: "${owner}" has the address ${address} already; give "${guest}" another.`)
    }
    taken.set(parseIp4(address) as number, guest)
  }

  private freeMac(guest: string, nic: number): string {
    for (let i = 0; ; i++) {
      const mac = deriveMac(this.machine, guest, `${nic}`, ...(i === 0 ? [] : [`${i}`]))
      if (!this.macs.has(mac)) return mac
    }
  }

  /** The address that the names make, or the next one that is free. */
  private freeAddress(network: NetworkPlan, guest: string, nic: number, place: string): string {
    const subnet = Subnet.parse(network.gateway?.subnet as string) as Subnet
    const [first, last] = subnet.pool
    const count = last - first + 1
    const taken = this.takenOn(network.name)
    const start = deriveNumber(count, this.machine, network.name, guest, `${nic}`)
    for (let i = 0; i < count; i++) {
      const address = first + ((start + i) % count)
      if (taken.has(address)) continue
      taken.set(address, guest)
      return showIp4(address)
    }
    throw new OrlopError(`${place}: The subnet ${subnet} of "${network.name}" has no address left for "${guest}".`)
  }

  private takenOn(network: string): Map<number, string> {
    const taken = this.addresses.get(network) ?? new Map<number, string>()
    this.addresses.set(network, taken)
    return taken
  }
}

function checkAddress({ name, gateway }: NetworkPlan, address: string, place: string): void {
  if (gateway === undefined) {
    throw new OrlopError(`${place}: The network "${name}" gives no addresses; set ${address} inside the guest.`)
  }
  const subnet = Subnet.parse(gateway.subnet) as Subnet
  if (subnet.isForGuests(parseIp4(address) as number)) return
  const [first, last] = subnet.pool
  throw new OrlopError(
    `${place}: "${name}" has no address ${address} to give; choose from ${showIp4(first)} to ${showIp4(last)}.`,
  )
}
