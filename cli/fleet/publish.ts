// Published ports: "[ADDRESS:]PORT:GUEST:PORT[/udp]" and what it means.

import { parseIp4, parseIp6 } from '../../host-shim/addresses.ts'
import { MAX_FORWARDS } from '../../hypervisor/abi.ts'
import { OrlopError } from '../error.ts'
import { list, parsed } from '../shape.ts'
import type { GuestPlan, NetworkPlan, NicPlan, PublishPlan } from './plan.ts'

/** Who publishes a port without saying where wants to reach it from this host; the network is let in by "0.0.0.0:". */
export const ADDRESS_DEFAULT = '127.0.0.1'
const PORT_MAX = 65535
/** As many in one range. */
const COUNT_MAX = 1000

export const PUBLISH_FORM = '[ADDRESS:]PORT:GUEST:PORT[/udp]'
const SPEC =
  /^(?:(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]|\*):)?(\d+)(?:-(\d+))?:(?:([A-Za-z0-9][A-Za-z0-9._-]*)(?:\/(\d))?:)?(\d+)(?:-(\d+))?(?:\/(tcp|udp))?$/i

/**
 * Reads a published port. `guest` is whose port it is when the text names none, as for `orlop run`; `where` begins
 * complaints. Throws OrlopError.
 */
export function parsePublish(text: string, where: string, guest?: string): PublishPlan {
  const form = guest === undefined ? PUBLISH_FORM : '[ADDRESS:]PORT:PORT[/udp]'
  const refuse = (why: string): never => {
    throw new OrlopError(`${where}: "${text}" ${why}.`)
  }
  const found = SPEC.exec(text) ?? refuse(`publishes nothing; give ${form}, for example 8080:${guest ? '' : 'web:'}80`)
  const [, place, first, last, name = guest, nic = '0', toFirst, toLast, protocol = 'tcp'] = found
  if (name === undefined) return refuse(`names no guest; give ${form}`)
  const range = (from: string, to = from): [number, number] => {
    const [low, high] = [Number(from), Number(to)]
    if (low < 1 || high > PORT_MAX || high < low) refuse(`has no ports from 1 to ${PORT_MAX}`)
    return [low, high - low + 1]
  }
  const [port, count] = range(first as string, last)
  const [toPort, toCount] = range(toFirst as string, toLast)
  if (count !== toCount) refuse('has ranges of different lengths')
  if (count > COUNT_MAX) refuse(`publishes more than ${COUNT_MAX} ports; give fewer`)
  const address = place === '*' ? '0.0.0.0' : place?.replace(/^\[|\]$/g, '')
  if (address !== undefined && parseIp4(address) === undefined && parseIp6(address) === undefined) {
    refuse(`has no address of this host; ${address} is none`)
  }
  return {
    protocol: protocol.toLowerCase() as 'tcp' | 'udp',
    ...(address === undefined ? {} : { address }),
    port,
    count,
    guest: name,
    nic: Number(nic),
    toPort,
  }
}

export const publications = list(
  `Ports of the host that are those of guests: ${PUBLISH_FORM}; the default address is ${ADDRESS_DEFAULT}`,
  'ports',
  parsed(
    'A port, or ranges of the same length',
    '^([^:]+:|\\[.*\\]:)?[0-9-]+:[^:]+:[0-9-]+(/[a-zA-Z]+)?$',
    (text, where) => ({
      text,
      where,
      plan: parsePublish(text, where),
    }),
  ),
  MAX_FORWARDS,
)

/** A published port as it is written. */
export function showPublish({ address, port, count, guest, nic, toPort, protocol }: PublishPlan): string {
  const range = (from: number) => (count === 1 ? `${from}` : `${from}-${from + count - 1}`)
  const place = address === undefined ? '' : `${address.includes(':') ? `[${address}]` : address}:`
  const whose = nic === 0 ? guest : `${guest}/${nic}`
  return `${place}${range(port)}:${whose}:${range(toPort)}${protocol === 'udp' ? '/udp' : ''}`
}

/**
 * The device that a published port leads to, and its network. Throws OrlopError when it cannot: there must be a gateway, and an
 * address of the host only where the uplink has the host's ports to give.
 */
export function checkPublish(
  plan: PublishPlan,
  guest: Pick<GuestPlan, 'name' | 'nets'>,
  networks: ReadonlyMap<string, NetworkPlan>,
  where: string,
): { nic: NicPlan; network: NetworkPlan } {
  const nic = guest.nets[plan.nic]
  const refuse = (why: string): never => {
    throw new OrlopError(`${where}: ${why}.`)
  }
  if (nic === undefined) {
    const name = plan.nic === 0 ? 'no network' : `no network device ${plan.nic}`
    return refuse(`"${guest.name}" has ${name} to publish a port of; give it one`)
  }
  const network = networks.get(nic.network) as NetworkPlan
  if (network.mode !== 'nat') {
    return refuse(`"${guest.name}" is on "${network.name}", which is no nat; ports of it need no publishing`)
  }
  if (plan.address !== undefined && !hasHostPorts(network)) {
    return refuse(`The uplink of "${network.name}" has no address ${plan.address}; leave the address out`)
  }
  return { nic, network }
}

/** Does the uplink end in the host's own sockets? */
export function hasHostPorts({ uplink }: NetworkPlan): boolean {
  return typeof uplink === 'object' && 'user' in uplink
}

/** Do both want the same port of the same place? */
export function collide(one: PublishPlan, other: PublishPlan): boolean {
  const [a, b] = [one.address ?? ADDRESS_DEFAULT, other.address ?? ADDRESS_DEFAULT]
  const isSamePlace = a === b || [a, b].some((address) => address === '0.0.0.0' || address === '::')
  const meet = one.port < other.port + other.count && other.port < one.port + one.count
  return isSamePlace && meet && one.protocol === other.protocol
}
