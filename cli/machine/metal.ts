// What this room asks of a machine: the part of host-shim/node that it lives on.

import type { NetworkOptions } from '../../host-shim/node/networks.ts'
import type { GuestOptions } from '../../host-shim/node/options.ts'
import type { Ending } from '../../host-shim/node/protocol.ts'
import type { Publication } from '../../host-shim/node/uplinks/uplink.ts'
import type { ForwardSpec, NetworkReport } from '../../host-shim/networks.ts'
import type { GuestSettings } from '../../host-shim/settings.ts'
import type { GuestStats, MachineStats } from '../../host-shim/stats.ts'

export interface Metal {
  /** Number of physical CPUs. */
  readonly cpus: number
  /** Fulfilled when the machine was stopped; rejected when it has failed. */
  readonly ended: Promise<void>
  define(options: GuestOptions): Promise<MetalGuest>
  defineNetwork(options: NetworkOptions): Promise<MetalNetwork>
  /** Hands records of a pcap file to `take`. */
  capture(guest: MetalGuest, nic: number, take: (records: Uint8Array) => void): Promise<MetalCapture>
  captureUplink(network: MetalNetwork, take: (records: Uint8Array) => void): Promise<MetalCapture>
  stats(): Promise<MachineStats>
  stop(): Promise<void>
}

export interface MetalNetwork {
  readonly number: number
  report(): Promise<NetworkReport>
  forward(forward: ForwardSpec, isNew: boolean): Promise<void>
  publish(publication: Publication): Promise<void>
  unpublish(publication: Publication): Promise<void>
  remove(): Promise<void>
}

export interface MetalCapture {
  close(): Promise<void>
}

export interface MetalGuest {
  /** The machine's number of it, in this life. */
  readonly id: number
  /** Fulfilled when the guest has ended, whoever ended it; rejected with LostError when it is lost, and it alone. */
  readonly ended: Promise<Ending>
  start(): Promise<void>
  pause(): Promise<void>
  resume(): Promise<void>
  stop(): Promise<void>
  remove(): Promise<void>
  /** Presses the power key; E_UNSUPPORTED: nobody listens; E_AGAIN: the guest has not read the last press. */
  press(): Promise<void>
  set(settings: Partial<GuestSettings>): Promise<void>
  stats(): Promise<GuestStats>
  /** Console input; gives how many bytes were taken. */
  input(bytes: Uint8Array): number
  /** Fulfilled when console input may find room again. */
  room(): Promise<void>
}
