// The networks of a fleet file: what they may say, and what they mean with all defaults filled in.

import { isMap, isScalar } from 'yaml'
import { parseIp6, showIp4, showIp6 } from '../../host-shim/addresses.ts'
import type { UplinkChoice } from '../../host-shim/node/networks.ts'
import { MTU_MAX, MTU_MIN } from '../../host-shim/networks.ts'
import { MAX_NETWORKS, NETWORK_DOMAIN_MAX } from '../../hypervisor/abi.ts'
import { OrlopError } from '../error.ts'
import { isInterface, parseAddress } from '../network.ts'
import {
  choice,
  type Fields,
  fields,
  flag,
  number,
  parsed,
  type Shape,
  type YamlFile,
  type YamlNode,
} from '../shape.ts'
import { deriveMac, derivePrefix6 } from './derive.ts'
import { outside, type OutsidePlan } from './outside.ts'
import type { NetworkPlan } from './plan.ts'
import { isName, NAME_RULE } from './names.ts'
import { Subnet, SUBNET_RULE } from './subnet.ts'

const MODES = ['nat', 'bridge', 'isolated'] as const
const DOMAIN = 'orlop.internal'
const MTU = 1500
/** Subnets that are given to networks without one: 10.9.0.0/24, 10.9.1.0/24 and so on. */
const FIRST_SUBNET = 0x0a09_0000
const SUBNET_PREFIX = 24

const uplinkWord = choice('user (default of nat): the sockets of the host; none; loopback', [
  'user',
  'none',
  'loopback',
] as const)
const streamAddress = (description: string) =>
  parsed(description, '^(.*/.*|(\\[[^\\]]+\\]|[^:/]+):\\d+)$', (given, where, file) => {
    if (given.includes('/')) return { path: file.inFolder(given) }
    const address = parseAddress(given)
    if (address !== undefined) return address
    throw new OrlopError(`${where}: "${given}" is no address; give HOST:PORT, or a path with a "/" in it.`)
  })
const device = (description: string, isPathFine: boolean) =>
  parsed(description, '^[^\\s:]+$', (given, where) => {
    if (isInterface(given) || (isPathFine && given.startsWith('/'))) return given
    throw new OrlopError(`${where}: "${given}" is no interface of this host; give its name, for example tap0.`)
  })
const uplinkFields = fields('An uplink', {
  stream: streamAddress("Connect to HOST:PORT or a UNIX socket's path; QEMU's framing"),
  listen: streamAddress("Listen at HOST:PORT or a UNIX socket's path for one peer; QEMU's framing"),
  tap: device('A tap of this host', false),
  macvtap: device('A macvtap of this host: its name, or the path of its device', true),
})

const uplink: Shape<UplinkChoice> = {
  read(node, field, file) {
    if (!isMap(node)) {
      const word = uplinkWord.read(node, field, file)
      return word === 'user' ? { user: {} } : word
    }
    const given = uplinkFields.read(node, field, file)
    if (Object.keys(given).length !== 1) {
      throw new OrlopError(`${file.at(node)}: An uplink leads to one place; give one of stream, listen, tap, macvtap.`)
    }
    return given as UplinkChoice
  },
  schema: { anyOf: [uplinkWord.schema, { ...uplinkFields.schema, minProperties: 1, maxProperties: 1 }] },
}

const NETWORK = {
  mode: choice(
    "nat (default): a subnet of its own behind a gateway; bridge: guests are on the uplink's network; isolated: on none",
    MODES,
  ),
  uplink,
  subnet: parsed('IPv4 subnet; default: 10.9.N.0/24, N from 0', '^\\d+\\.\\d+\\.\\d+\\.\\d+/\\d+$', (given, where) => {
    const found = Subnet.parse(given)
    if (found !== undefined) return found
    throw new OrlopError(`${where}: "${given}" is no subnet; give ${SUBNET_RULE}.`)
  }),
  subnet6: parsed('IPv6 /64, or none; default: made of the names', '^(none|[0-9a-fA-F:.]+/64)$', (given, where) => {
    if (given === 'none') return given
    const address = /^(.+)\/64$/.exec(given)?.[1]
    const bytes = address === undefined ? undefined : parseIp6(address)
    if (bytes?.subarray(8).every((byte) => byte === 0)) return bytes.subarray(0, 8)
    throw new OrlopError(`${where}: "${given}" is no subnet for IPv6; give a /64 like fd00:9::/64, or none.`)
  }),
  forwarding: flag('The gateway passes packets on; default true'),
  dhcp: flag('The gateway gives addresses by DHCP; default true'),
  dns: flag("The gateway resolves names, the guests' among them; default true"),
  domain: parsed(`Domain of the guests' names; default ${DOMAIN}`, '^[A-Za-z0-9.-]+$', (given, where) => {
    const name = given.toLowerCase()
    const isDomain = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(name)
    if (isDomain && name.length <= NETWORK_DOMAIN_MAX) return name
    throw new OrlopError(
      `${where}: "${given}" is no domain; give one like lab.internal, of at most ${NETWORK_DOMAIN_MAX} letters.`,
    )
  }),
  host: flag("Guests reach the host's loopback by the name host and the gateway's next hop; uplink user; default true"),
  mtu: number(`Largest IP packet, in bytes; default ${MTU}`, MTU_MIN, MTU_MAX, true),
  broadcasts: number('Broadcast and multicast frames a second of one device; default: 1000', 1, 1e6, true),
  outside,
}
type Given = Fields<typeof NETWORK>

const network = fields('A network', NETWORK)
/** What makes no sense without a gateway. */
const GATEWAY_FIELDS = ['subnet', 'subnet6', 'forwarding', 'dhcp', 'dns', 'domain', 'host', 'outside'] as const

/** The networks as a file gives them, a mapping from names; `machine` is the name that addresses are made of. */
export function readNetworks(
  node: YamlNode,
  machine: string,
  known: ReadonlyMap<string, NetworkPlan>,
  file: YamlFile,
): Map<string, NetworkPlan> {
  if (!isMap(node)) throw new OrlopError(`${file.at(node)}: The field "networks" must map names to networks.`)
  const given = node.items.map(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : ''
    if (!isName(name)) throw new OrlopError(`${file.at(key)}: The name of a network must be ${NAME_RULE}.`)
    const isEmpty = value === null || (isScalar(value) && value.value === null)
    return { name, fields: isEmpty ? {} : network.read(value, name, file), place: file.at(key as YamlNode) }
  })
  const chosen = new Set(given.flatMap(({ name, fields: own }) => (own.subnet === undefined ? [] : [name])))
  const subnets = new Subnets([...known.values()].filter(({ name }) => !chosen.has(name)))
  for (const { fields: own, place } of given) if (own.subnet !== undefined) subnets.take(own.subnet, place)
  const plans = new Map<string, NetworkPlan>()
  for (const { name, fields: own, place } of given) {
    plans.set(
      name,
      planNetwork(name, own, machine, place, () => known.get(name)?.gateway?.subnet ?? subnets.next()),
    )
  }
  if (plans.size > MAX_NETWORKS) {
    throw new OrlopError(`${file.at(node)}: A machine has at most ${MAX_NETWORKS} networks; leave some out.`)
  }
  return plans
}

/** A network with all defaults filled in. `place` begins complaints; `next` gives a free subnet. */
export function planNetwork(
  name: string,
  given: Given,
  machine: string,
  place: string,
  next: () => string = () => new Subnet(FIRST_SUBNET, SUBNET_PREFIX).toString(),
): NetworkPlan {
  const { mode = 'nat' } = given
  const refuse = (why: string): never => {
    throw new OrlopError(`${place}: The network "${name}" ${why}.`)
  }
  const hasGateway = mode === 'nat' || (mode === 'isolated' && given.subnet !== undefined)
  const extra = hasGateway ? undefined : GATEWAY_FIELDS.find((field) => given[field] !== undefined)
  if (extra !== undefined)
    refuse(`is ${mode === 'bridge' ? 'a bridge' : 'isolated'} and has no gateway; "${extra}" is for nat`)
  if (mode === 'isolated' && given.uplink !== undefined && given.uplink !== 'none')
    refuse('is isolated; it has no uplink')
  const fallback: UplinkChoice = mode === 'nat' ? { user: {} } : 'none'
  let { uplink: to = fallback } = given
  const isUser = typeof to === 'object' && 'user' in to
  if (isUser && mode !== 'nat') refuse('is a bridge; the uplink "user" has no network that guests could be on, use nat')
  if (mode === 'nat' && to === 'loopback') refuse('is nat; "loopback" leads nowhere, use none')
  if (given.host !== undefined && !isUser) refuse('has another uplink than user, which alone knows "host"')
  if (given.outside !== undefined && (isUser || to === 'none')) refuse('has an uplink that knows no "outside"')
  if (isUser && given.host !== undefined) to = { user: { host: given.host } }
  const plan: NetworkPlan = { name, mode, uplink: to, mtu: given.mtu ?? MTU }
  if (given.broadcasts !== undefined) plan.broadcasts = given.broadcasts
  if (!hasGateway) return plan
  const subnet = given.subnet ?? (Subnet.parse(next()) as Subnet)
  const prefix6 = given.subnet6 === 'none' ? undefined : (given.subnet6 ?? derivePrefix6(machine, name))
  plan.gateway = {
    subnet: subnet.toString(),
    address: showIp4(subnet.gateway),
    ...(prefix6 === undefined ? {} : { address6: showIp6(Uint8Array.of(...prefix6, 0, 0, 0, 0, 0, 0, 0, 1)) }),
    mac: deriveMac(machine, 'network', name, 'inside'),
    outMac: deriveMac(machine, 'network', name, 'outside'),
    forwarding: given.forwarding ?? true,
    dhcp: given.dhcp ?? true,
    dns: given.dns ?? true,
    domain: given.domain ?? DOMAIN,
    ...(given.outside === undefined ? {} : { outside: given.outside as OutsidePlan }),
  }
  return plan
}

/** Which subnets are taken, and which is the next that is not. */
class Subnets {
  private readonly taken: Subnet[]

  constructor(known: NetworkPlan[]) {
    this.taken = known.flatMap(({ gateway }) => (gateway === undefined ? [] : [Subnet.parse(gateway.subnet) as Subnet]))
  }

  take(subnet: Subnet, place: string): void {
    const other = this.taken.find((one) => one.overlaps(subnet))
    if (other !== undefined) throw new OrlopError(`${place}: The subnets ${subnet} and ${other} overlap; give another.`)
    this.taken.push(subnet)
  }

  next(): string {
    for (let first = FIRST_SUBNET; ; first += 2 ** (32 - SUBNET_PREFIX)) {
      const subnet = new Subnet(first, SUBNET_PREFIX)
      if (this.taken.some((one) => one.overlaps(subnet))) continue
      this.taken.push(subnet)
      return subnet.toString()
    }
  }
}

export const networksSchema = {
  description: 'Networks that guests can be on',
  type: 'object',
  additionalProperties: { anyOf: [network.schema, { type: 'null' }] },
  maxProperties: MAX_NETWORKS,
}
