// What a guest is made of, as an object, and its form in the transfer window (SPEC_* in hypervisor/abi.ts).

import * as abi from '../hypervisor/abi.ts'
import { MachineError } from './error.ts'

export interface GuestSpec {
  /** What messages call it, and by which other guests find it on their networks. Default: nothing, it is "the guest". */
  name?: string
  /** Size of RAM in bytes, a multiple of 4096. */
  ramBytes: number
  /** Number of harts. Default: 1. */
  harts?: number
  /** Start at the reset vector in M mode instead of in a kernel. Default: false. */
  firmware?: boolean
  /** Where harts start in firmware mode. Default: the start of RAM. */
  entry?: number
  /** Guest-physical address of the HTIF `tohost` word. Default: none. */
  tohost?: number
  /** Kernel command line. Default: empty. */
  commandLine?: string
  /** 64 random bits that the guest's own random generator is seeded with. */
  seed: bigint
  /** Disks of the machine that the guest gets, in order. Default: none. */
  disks?: { disk: number; readOnly: boolean }[]
  /** Network devices of the guest, in order. Default: none. */
  nets?: NicSpec[]
  /** A virtio console beside the UART. Default: false. */
  virtioConsole?: boolean
  /** What becomes of hot code. Default: on. */
  translator?: Translator
  /** Instructions that code must have cost the interpreter before it is translated. Default: what the kernel thinks best. */
  heat?: number
}

/** A network device of a guest. */
export interface NicSpec {
  /** Number of the network that it is on. */
  network: number
  /** 6 bytes. */
  mac: Uint8Array
  /** VLAN whose tags it does not see, 1 to 4094; 'trunk': all, tags and all. Default: none. */
  vlan?: number | 'trunk'
  /** The IPv4 address that DHCP gives it, as a number. Default: one of the pool. */
  ip4?: number
  /** Sees the gateway and the uplink, and no other guest. Default: false. */
  isolated?: boolean
  /** May use any address, as a router or a bridge must. Default: false. */
  trusted?: boolean
}

/** A network device of a guest that is elsewhere: its frames come and go by an uplink. */
export interface CableSpec extends NicSpec {
  /** The guest's name, by which others on the network find it. Default: none. */
  name?: string
  /** The uplink's frames carry a struct virtio_net_hdr, may lack sums, and be as large as 64 KiB. Default: false. */
  offload?: boolean
}

/** What becomes of hot code: it is translated, left to the interpreter, or done by both, which are then compared; or it is kept with what it was made from. */
export type Translator = 'on' | 'off' | 'verify' | 'train' | 'train-relaxed'

const TRANSLATORS: Record<Translator, number> = {
  on: abi.TRANSLATOR_ON,
  off: abi.TRANSLATOR_OFF,
  verify: abi.TRANSLATOR_VERIFY,
  train: abi.TRANSLATOR_TRAIN,
  'train-relaxed': abi.TRANSLATOR_TRAIN_RELAXED,
}

/** Writes the spec at the beginning of `window`. Throws MachineError when it has more of something than there is room for. */
export function packSpec(spec: GuestSpec, window: Uint8Array): void {
  const { disks = [], nets = [] } = spec
  const commandLine = new TextEncoder().encode(spec.commandLine ?? '')
  refuseMore('disks', disks.length, abi.MAX_DISKS)
  refuseMore('network devices', nets.length, abi.MAX_NETS)
  refuseMore('bytes of command line', commandLine.length, abi.SPEC_CMDLINE_MAX - 1)

  window.fill(0, 0, abi.SPEC_CMDLINE + abi.SPEC_CMDLINE_MAX)
  const view = new DataView(window.buffer, window.byteOffset, window.byteLength)
  const u32 = (at: number, value: number) => view.setUint32(at, value, true)
  const u64 = (at: number, value: number | bigint) => view.setBigUint64(at, BigInt(value), true)
  u64(abi.SPEC_RAM_BYTES, spec.ramBytes)
  u32(abi.SPEC_HARTS, spec.harts ?? 1)
  u32(abi.SPEC_BOOT, spec.firmware === true ? abi.BOOT_FIRMWARE : abi.BOOT_DIRECT)
  u32(abi.SPEC_DISK_COUNT, disks.length)
  u32(abi.SPEC_NET_COUNT, nets.length)
  u64(abi.SPEC_SEED, spec.seed)
  u32(abi.SPEC_CMDLINE_BYTES, commandLine.length)
  u32(abi.SPEC_FLAGS, spec.virtioConsole === true ? abi.SPEC_FLAG_VIRTIO_CONSOLE : 0)
  u64(abi.SPEC_ENTRY, spec.entry ?? 0)
  u64(abi.SPEC_TOHOST, spec.tohost ?? 0)
  u32(abi.SPEC_TRANSLATOR, TRANSLATORS[spec.translator ?? 'on'])
  u32(abi.SPEC_HEAT, spec.heat ?? 0)
  for (const [i, { disk, readOnly }] of disks.entries()) {
    u32(abi.SPEC_DISKS + 16 * i, disk)
    u32(abi.SPEC_DISKS + 16 * i + 4, readOnly ? abi.DISK_READ_ONLY : 0)
  }
  for (const [i, nic] of nets.entries()) packNic(nic, window.subarray(abi.SPEC_NETS + abi.SPEC_NET_SIZE * i))
  packName(spec.name, window)
  window.set(commandLine, abi.SPEC_CMDLINE)
}

/** Writes what `networkPlug` reads at the beginning of `window`. */
export function packCable(spec: CableSpec, window: Uint8Array): void {
  window.fill(0, 0, abi.SPEC_CMDLINE)
  packNic(spec, window.subarray(abi.SPEC_NETS), spec.offload === true ? abi.NIC_OFFLOAD : 0)
  packName(spec.name, window)
}

function packNic({ network, mac, vlan = 0, ip4 = 0, isolated, trusted }: NicSpec, to: Uint8Array, more = 0): void {
  const view = new DataView(to.buffer, to.byteOffset, abi.SPEC_NET_SIZE)
  const flags = (isolated === true ? abi.NIC_ISOLATED : 0) | (trusted === true ? abi.NIC_TRUSTED : 0) | more
  view.setUint32(abi.SPEC_NET_NETWORK, network, true)
  view.setUint16(abi.SPEC_NET_FLAGS, flags, true)
  to.set(mac.subarray(0, 6), abi.SPEC_NET_MAC)
  view.setUint16(abi.SPEC_NET_VLAN, vlan === 'trunk' ? abi.NIC_TRUNK : vlan, true)
  view.setUint32(abi.SPEC_NET_IP4, ip4, true)
}

function packName(name: string | undefined, window: Uint8Array): void {
  window.set(new TextEncoder().encode(hostName(name ?? '')), abi.SPEC_NAME)
}

/** A name as other guests look it up: what a host's name cannot have becomes a hyphen. */
export function hostName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, abi.SPEC_NAME_MAX)
    .replace(/-$/, '')
}

function refuseMore(what: string, count: number, most: number): void {
  if (count <= most) return
  throw new MachineError(abi.E_BAD_ARG, `A guest has at most ${most} ${what}, not ${count}; leave some out.`)
}
