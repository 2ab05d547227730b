// What a fleet is: the machine and its guests, with all defaults filled in.

import type { Translator } from '../../host-shim/guest-spec.ts'
import type { DiskOptions } from '../../host-shim/node/disk.ts'
import type { GuestSettings } from '../../host-shim/settings.ts'
import type { UplinkChoice } from '../../host-shim/node/networks.ts'
import type { OutsidePlan } from './outside.ts'

export interface Fleet {
  machine: MachinePlan
  networks: NetworkPlan[]
  guests: GuestPlan[]
  publish: PublishPlan[]
}

export interface MachinePlan {
  name: string
  /** Physical CPUs; undefined: as many as the host has. */
  cpus?: number
  /** RAM of all guests together, in bytes; undefined: what the host can spare. */
  memoryBytes?: number
}

export interface NetworkPlan {
  name: string
  mode: 'nat' | 'bridge' | 'isolated'
  uplink: UplinkChoice
  mtu: number
  broadcasts?: number
  /** Undefined: guests find no gateway on it. */
  gateway?: GatewayPlan
  /** Name of the guest that it was made for and goes with. */
  owner?: string
}

/** Addresses are texts, so that a plan can be shown. */
export interface GatewayPlan {
  subnet: string
  address: string
  address6?: string
  mac: string
  outMac: string
  forwarding: boolean
  dhcp: boolean
  dns: boolean
  domain: string
  outside?: OutsidePlan
}

/** A network device of a guest. */
export interface NicPlan {
  network: string
  mac: string
  /** The IPv4 address that DHCP gives it; undefined: its network has no gateway. */
  address?: string
  vlan?: number | 'trunk'
  isolated?: boolean
  trusted?: boolean
}

/** Ports of the host, or of a network's address on its uplink, that are those of a guest. */
export interface PublishPlan {
  protocol: 'tcp' | 'udp'
  /** Address of the host to listen at; undefined: the default. */
  address?: string
  port: number
  count: number
  guest: string
  /** Which of its network devices. */
  nic: number
  toPort: number
}

/** What to do when a guest has ended of itself. */
export type Reaction = 'stop' | 'restart'

export interface GuestPlan {
  name: string
  memoryBytes: number
  harts: number
  kernel?: string
  initrd?: string
  firmware?: string
  commandLine: string
  disks: DiskOptions[]
  nets: NicPlan[]
  /** Does anybody listen to its console? */
  hasConsole: boolean
  translator: Translator
  /** Instructions that code must have cost before it is translated; undefined: as many as the kernel thinks best. */
  heat?: number
  settings: Partial<GuestSettings>
  /** Is it started with the machine? */
  autostart: boolean
  onPoweroff: Reaction
  onReset: Reaction
  onCrash: Reaction
}
