// A network as an object, and its forms in the transfer window (NETWORK_*, FORWARD_*, NETREPORT_* in hypervisor/abi.ts).

import * as abi from '../hypervisor/abi.ts'
import { isZero, showIp4, showIp6, showMac } from './addresses.ts'
import { MachineError } from './error.ts'

/** Addresses on an uplink that is not asked for them. */
export interface OutsideSpec<Address> {
  address: Address
  prefix: number
  /** Next hop for all that is not on the link; default: none. */
  gateway?: Address
  /** Name server; default: none. */
  dns?: Address
}

/** What a gateway is made of, between the guests and the uplink. IPv4 addresses are numbers, IPv6 addresses 16 bytes. */
export interface GatewaySpec {
  /** MAC on the guests' side, and on the uplink. */
  mac: Uint8Array
  outMac: Uint8Array
  /** The gateway's own address, in the guests' subnet. */
  ip4: number
  prefix4: number
  /** First and last address that guests are given which have none of their own. */
  leases: [number, number]
  /** The gateway's address in the /64 of the guests; default: no IPv6. */
  ip6?: Uint8Array
  /** Passes packets between the guests and the uplink. Default: true. */
  forwarding?: boolean
  dhcp?: boolean
  dns?: boolean
  /** Where the guests' names are resolved. */
  domain: string
  /** Default: by DHCP, and by router advertisements. */
  out4?: OutsideSpec<number>
  out6?: OutsideSpec<Uint8Array>
}

export interface NetworkSpec {
  /** Number of the uplink; default: none. */
  uplink?: number
  /** The uplink's frames carry a struct virtio_net_hdr, may lack sums, and be as large as 64 KiB. Default: false. */
  offload?: boolean
  /** Largest IP packet in bytes. Default: 1500. */
  mtu?: number
  /** Broadcast and multicast frames a second that one port may send. Default: what the kernel thinks best. */
  broadcasts?: number
  /** Default: none, the uplink is one more port of the switch. */
  gateway?: GatewaySpec
}

/** Ports of the uplink's side that are those of a guest. */
export interface ForwardSpec {
  protocol: 'tcp' | 'udp'
  port: number
  /** How many, each to the next one there. Default: 1. */
  count?: number
  guest: number
  /** Which of its network devices. Default: 0. */
  nic?: number
  toPort: number
}

export interface PortReport {
  /** Number of the guest, or what else is behind the port. */
  owner: number | 'uplink' | 'gateway'
  nic: number
  isUp: boolean
  /** 0: none, or all (`isTrunk`). */
  vlan: number
  isTrunk: boolean
  mac: string
  ip4?: string
  ip6?: string
  /** From the port into the switch. */
  inFrames: number
  inBytes: number
  /** From the switch into the port. */
  outFrames: number
  outBytes: number
  /** Frames from the port that were dropped: with an address that is not its own, one flood too many, malformed. */
  spoofed: number
  flooded: number
  malformed: number
  /** Frames from the port that were dropped because who should have got them had no room. */
  overrun: number
}

export interface NetworkReport {
  /** Is the uplink's link up? */
  isUp: boolean
  outIp4?: string
  outIp6?: string
  /** Connections that NAT keeps track of now; ever; evicted for want of room; packets that NAT refused. */
  connections: number
  tracked: number
  evicted: number
  refused: number
  ports: PortReport[]
}

const MTU_DEFAULT = 1500
export const MTU_MIN = 576
export const MTU_MAX = 65521
const PROTOCOLS = { tcp: abi.FORWARD_TCP, udp: abi.FORWARD_UDP }

/** Writes the network at the beginning of `window`. Throws MachineError when something of it does not fit. */
export function packNetwork(spec: NetworkSpec, window: Uint8Array): void {
  window.fill(0, 0, abi.NETWORK_SIZE)
  const view = new DataView(window.buffer, window.byteOffset, window.byteLength)
  const u32 = (at: number, value: number) => view.setUint32(at, value, true)
  const { gateway } = spec
  const flags = [
    spec.offload === true ? abi.NETWORK_FLAG_OFFLOAD : 0,
    gateway?.forwarding === false ? abi.NETWORK_FLAG_NO_FORWARDING : 0,
    gateway?.dhcp === false ? abi.NETWORK_FLAG_NO_DHCP : 0,
    gateway?.dns === false ? abi.NETWORK_FLAG_NO_DNS : 0,
  ]
  u32(abi.NETWORK_MODE, gateway === undefined ? abi.NETWORK_BRIDGE : abi.NETWORK_NAT)
  u32(abi.NETWORK_UPLINK, spec.uplink ?? abi.NO_UPLINK)
  u32(
    abi.NETWORK_FLAGS,
    flags.reduce((all, flag) => all | flag, 0),
  )
  u32(abi.NETWORK_MTU, spec.mtu ?? MTU_DEFAULT)
  u32(abi.NETWORK_BROADCASTS, spec.broadcasts ?? 0)
  if (gateway === undefined) return
  const domain = new TextEncoder().encode(gateway.domain)
  if (domain.length > abi.NETWORK_DOMAIN_MAX) {
    throw new MachineError(
      abi.E_BAD_ARG,
      `The domain ${gateway.domain} is too long; give ${abi.NETWORK_DOMAIN_MAX} letters.`,
    )
  }
  window.set(gateway.mac.subarray(0, 6), abi.NETWORK_MAC)
  window.set(gateway.outMac.subarray(0, 6), abi.NETWORK_OUT_MAC)
  u32(abi.NETWORK_IP4, gateway.ip4)
  u32(abi.NETWORK_PREFIX4, gateway.prefix4)
  u32(abi.NETWORK_LEASE_FIRST, gateway.leases[0])
  u32(abi.NETWORK_LEASE_LAST, gateway.leases[1])
  if (gateway.ip6 !== undefined) window.set(gateway.ip6, abi.NETWORK_IP6)
  window.set(domain, abi.NETWORK_DOMAIN)
  const { out4, out6 } = gateway
  if (out4 !== undefined) {
    u32(abi.NETWORK_OUT_IP4, out4.address)
    u32(abi.NETWORK_OUT_PREFIX4, out4.prefix)
    u32(abi.NETWORK_OUT_GATEWAY4, out4.gateway ?? 0)
    u32(abi.NETWORK_OUT_DNS4, out4.dns ?? 0)
  }
  if (out6 !== undefined) {
    window.set(out6.address, abi.NETWORK_OUT_IP6)
    u32(abi.NETWORK_OUT_PREFIX6, out6.prefix)
    if (out6.gateway !== undefined) window.set(out6.gateway, abi.NETWORK_OUT_GATEWAY6)
    if (out6.dns !== undefined) window.set(out6.dns, abi.NETWORK_OUT_DNS6)
  }
}

/** Writes the forwarding at the beginning of `window`. */
export function packForward(spec: ForwardSpec, window: Uint8Array): void {
  const view = new DataView(window.buffer, window.byteOffset, window.byteLength)
  const u32 = (at: number, value: number) => view.setUint32(at, value, true)
  u32(abi.FORWARD_PROTOCOL, PROTOCOLS[spec.protocol])
  u32(abi.FORWARD_PORT, spec.port)
  u32(abi.FORWARD_COUNT, spec.count ?? 1)
  u32(abi.FORWARD_GUEST, spec.guest)
  u32(abi.FORWARD_NIC, spec.nic ?? 0)
  u32(abi.FORWARD_TO_PORT, spec.toPort)
}

/** Reads what `networkReport` has written. */
export function readNetworkReport(window: Uint8Array): NetworkReport {
  const view = new DataView(window.buffer, window.byteOffset, window.byteLength)
  const u32 = (at: number) => view.getUint32(at, true)
  const u64 = (at: number) => Number(view.getBigUint64(at, true))
  const count = Math.min(
    u32(abi.NETREPORT_PORT_COUNT),
    Math.floor((window.length - abi.NETREPORT_PORTS) / abi.NETPORT_SIZE),
  )
  return {
    isUp: u32(abi.NETREPORT_LINK) !== 0,
    ...shown(u32(abi.NETREPORT_OUT_IP4), window.subarray(abi.NETREPORT_OUT_IP6, abi.NETREPORT_OUT_IP6 + 16), [
      'outIp4',
      'outIp6',
    ]),
    connections: u32(abi.NETREPORT_CONNECTIONS),
    tracked: u64(abi.NETREPORT_TRACKED),
    evicted: u64(abi.NETREPORT_EVICTED),
    refused: u64(abi.NETREPORT_REFUSED),
    ports: Array.from({ length: count }, (_, i) => {
      const at = abi.NETREPORT_PORTS + i * abi.NETPORT_SIZE
      return readPort(window.subarray(at, at + abi.NETPORT_SIZE))
    }),
  }
}

function readPort(bytes: Uint8Array): PortReport {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const u32 = (at: number) => view.getUint32(at, true)
  const u64 = (at: number) => Number(view.getBigUint64(at, true))
  const owner = u32(abi.NETPORT_GUEST)
  const vlan = view.getUint16(abi.NETPORT_VLAN, true)
  return {
    owner: owner === abi.NETPORT_UPLINK ? 'uplink' : owner === abi.NETPORT_GATEWAY ? 'gateway' : owner,
    nic: u32(abi.NETPORT_NIC),
    isUp: u32(abi.NETPORT_LINK) !== 0,
    vlan: vlan === abi.NIC_TRUNK ? 0 : vlan,
    isTrunk: vlan === abi.NIC_TRUNK,
    mac: showMac(bytes.subarray(abi.NETPORT_MAC)),
    ...shown(u32(abi.NETPORT_IP4), bytes.subarray(abi.NETPORT_IP6, abi.NETPORT_IP6 + 16), ['ip4', 'ip6']),
    inFrames: u64(abi.NETPORT_IN_FRAMES),
    inBytes: u64(abi.NETPORT_IN_BYTES),
    outFrames: u64(abi.NETPORT_OUT_FRAMES),
    outBytes: u64(abi.NETPORT_OUT_BYTES),
    spoofed: u64(abi.NETPORT_SPOOFED),
    flooded: u64(abi.NETPORT_FLOODED),
    malformed: u64(abi.NETPORT_MALFORMED),
    overrun: u64(abi.NETPORT_OVERRUN),
  }
}

/** Addresses that are known, under these names. */
function shown<Name extends string>(
  ip4: number,
  ip6: Uint8Array,
  [name4, name6]: [Name, Name],
): Partial<Record<Name, string>> {
  const found: [string, string][] = []
  if (ip4 !== 0) found.push([name4, showIp4(ip4)])
  if (!isZero(ip6)) found.push([name6, showIp6(ip6)])
  return Object.fromEntries(found) as Partial<Record<Name, string>>
}
