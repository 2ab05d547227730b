// What a guest is made of, as an object, and its form in the transfer window (SPEC_* in hypervisor/abi.ts).

import * as abi from '../hypervisor/abi.ts'
import { MachineError } from './error.ts'

export interface GuestSpec {
  /** What messages call it. Default: nothing, it is "the guest". */
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
  /** Network ports of the machine that the guest gets, in order, each with its MAC of 6 bytes. Default: none. */
  nets?: { port: number; mac: Uint8Array }[]
  /** A virtio console beside the UART. Default: false. */
  virtioConsole?: boolean
  /** What becomes of hot code. Default: on. */
  translator?: Translator
  /** Instructions that code must have cost the interpreter before it is translated. Default: what the kernel thinks best. */
  heat?: number
}

/** What becomes of hot code: it is translated, left to the interpreter, or done by both, which are then compared. */
export type Translator = 'on' | 'off' | 'verify'

const TRANSLATORS: Record<Translator, number> = {
  on: abi.TRANSLATOR_ON,
  off: abi.TRANSLATOR_OFF,
  verify: abi.TRANSLATOR_VERIFY,
}

/** Writes the spec at the beginning of `window`. Throws MachineError when it has more of something than there is room for. */
export function packSpec(spec: GuestSpec, window: Uint8Array): void {
  const { disks = [], nets = [] } = spec
  const commandLine = new TextEncoder().encode(spec.commandLine ?? '')
  refuseMore('disks', disks.length, abi.MAX_DISKS)
  refuseMore('network ports', nets.length, abi.MAX_NETS)
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
  for (const [i, { port, mac }] of nets.entries()) {
    u32(abi.SPEC_NETS + 16 * i, port)
    window.set(mac.subarray(0, 6), abi.SPEC_NETS + 16 * i + 6)
  }
  window.set(commandLine, abi.SPEC_CMDLINE)
}

function refuseMore(what: string, count: number, most: number): void {
  if (count <= most) return
  throw new MachineError(abi.E_BAD_ARG, `A guest has at most ${most} ${what}, not ${count}; leave some out.`)
}
