// The networks of a machine on Node, as the thread that owns it sees them, and the uplinks that they lead to.

import { randomBytes } from 'node:crypto'
import { E_BAD_ARG, E_NO_SPACE, E_UNSUPPORTED, MAX_NETWORKS, MAX_UPLINKS } from '../../hypervisor/abi.ts'
import type { Control } from '../control.ts'
import { MachineError } from '../error.ts'
import { Frames } from '../frames.ts'
import type { CableSpec } from '../guest-spec.ts'
import type { ForwardSpec, GatewaySpec, NetworkReport, NetworkSpec } from '../networks.ts'
import type { Address } from '../uplink/address.ts'
import { GATEWAY4, GATEWAY6, NAMES4, NAMES6, PEER4, PEER6 } from '../uplink/plan.ts'
import { FRAMES_BYTES } from './net.ts'
import { Numbers } from './numbers.ts'
import type { Answer, Command } from './protocol.ts'
import { CaptureUplink } from './uplinks/capture.ts'
import { type Device, DeviceUplink } from './uplinks/device.ts'
import { ListenUplink } from './uplinks/listen.ts'
import { LoopbackUplink } from './uplinks/loopback.ts'
import { checkAddress, type StreamAddress, StreamUplink } from './uplinks/stream.ts'
import type { Publication, PublishingUplink, Uplink, UplinkOptions } from './uplinks/uplink.ts'
import { UserUplink } from './uplinks/user.ts'

/** Where a network leads to: nowhere, back to itself, the host's sockets, a stream of frames, or a device of the host. */
export type UplinkChoice =
  | 'none'
  | 'loopback'
  /** `host`: may guests reach what listens on the host's loopback? Default: true. For networks with a gateway alone. */
  | { user: { host?: boolean } }
  | { stream: StreamAddress }
  | { listen: StreamAddress }
  | Device

export interface NetworkOptions {
  uplink: UplinkChoice
  /** Largest IP packet in bytes. Default: 1500. */
  mtu?: number
  /** Frames of a stream carry a struct virtio_net_hdr, and may lack sums and be large. Default: false. */
  offload?: boolean
  /** Broadcast and multicast frames a second that one guest's device may send. Default: what the kernel thinks best. */
  broadcasts?: number
  /** Default: none, the uplink is one more port of the network. */
  gateway?: GatewaySpec
  /** Gets what the user should know of the uplink, as a sentence. Default: nobody does. */
  warn?(message: string): void
}

/** What networks need of their machine. */
export interface NetworkOwner {
  /** Fulfilled when the machine is there. */
  control: Promise<Control>
  /** Has CPU 0 do something. */
  call<C extends Command>(command: C): Promise<Answer<C['kind']>>
  /** Has all CPUs do something. */
  tellAll(command: Command): Promise<void>
}

/** An address with QEMU's prefix, so that two guests on one wire do not have the same. */
export function randomMac(): Uint8Array {
  return new Uint8Array([0x52, 0x54, 0x00, ...randomBytes(3)])
}

export class Networks {
  private readonly networkNumbers = new Numbers()
  private readonly uplinkNumbers = new Numbers()
  private readonly uplinks = new Map<number, Uplink>()

  constructor(private readonly owner: NetworkOwner) {}

  /** Makes a network with its uplink. Throws MachineError when it cannot be as described, and leaves nothing behind. */
  async define(options: NetworkOptions): Promise<RunningNetwork> {
    const number = this.take(this.networkNumbers, MAX_NETWORKS, 'networks')
    const { uplink, gateway, mtu, broadcasts } = options
    try {
      if (isUser(uplink) && gateway === undefined) {
        throw new MachineError(E_BAD_ARG, 'The uplink "user" takes no bridged guests; give the network a gateway.')
      }
      const spec: NetworkSpec = {
        mtu,
        broadcasts,
        gateway: isUser(uplink) ? { ...gateway!, ...USER_OUTSIDE } : gateway,
      }
      if (uplink === 'none') {
        await this.owner.call({ kind: 'define-network', network: number, spec })
        return this.made(number, undefined, undefined)
      }
      const offload =
        options.offload === true || isUser(uplink) || 'tap' in Object(uplink) || 'macvtap' in Object(uplink)
      const opened = await this.open(uplink === 'loopback', async (tools, uplinkNumber) => {
        await this.owner.call({
          kind: 'define-network',
          network: number,
          spec: { ...spec, offload, uplink: uplinkNumber },
        })
        await this.owner.call({ kind: 'link', uplink: uplinkNumber, isUp: false })
        try {
          return makeUplink(uplink, { ...tools, warn: options.warn ?? (() => undefined) }, mtu)
        } catch (error) {
          await this.owner.call({ kind: 'remove-network', network: number })
          throw error
        }
      })
      return this.made(number, opened.number, opened.uplink)
    } catch (error) {
      this.networkNumbers.giveBack([number])
      throw error
    }
  }

  /** Hands records of a pcap file to `take`, for all that passes a guest's device, or the uplink of a network (NETPORT_UPLINK). */
  async capture(guest: number, nic: number, take: (records: Uint8Array) => void): Promise<Capture> {
    const { number } = await this.open(false, async (tools, uplink) => {
      await this.owner.call({ kind: 'capture', guest, nic, uplink })
      return new CaptureUplink(tools, take)
    })
    return {
      close: async () => {
        // The guest may have gone, and its device with it.
        await this.owner.call({ kind: 'capture', guest, nic, uplink: undefined }).catch(ignoreRefusal)
        await this.shut(number)
      },
    }
  }

  /** Gives a guest that is elsewhere a port. Throws MachineError when it cannot have it, and leaves nothing behind. */
  async plug({ guest, nic, network, wire, mtu, warn, ...rest }: CableOptions): Promise<Cable> {
    const { number } = await this.open(false, async (tools, uplink) => {
      const spec = { ...rest, network: network.number }
      await this.owner.call({ kind: 'plug', guest, nic, uplink, spec })
      await this.owner.call({ kind: 'link', uplink, isUp: false })
      try {
        return makeUplink(wire, { ...tools, warn: warn ?? (() => undefined) }, mtu)
      } catch (error) {
        await this.owner.call({ kind: 'unplug', guest, nic })
        throw error
      }
    })
    return {
      close: async () => {
        await this.owner.call({ kind: 'unplug', guest, nic })
        await this.shut(number)
      },
    }
  }

  hearFrames(uplink: number): void {
    this.uplinks.get(uplink)?.pump()
  }

  hearRoom(uplink: number): void {
    this.uplinks.get(uplink)?.hearRoom?.()
  }

  /** The machine is over. */
  close(): void {
    for (const uplink of this.uplinks.values()) uplink.close()
    this.uplinks.clear()
  }

  private made(number: number, uplinkNumber: number | undefined, uplink: Uplink | undefined): RunningNetwork {
    const remove = async () => {
      await this.owner.call({ kind: 'remove-network', network: number })
      if (uplinkNumber !== undefined) await this.shut(uplinkNumber)
      this.networkNumbers.giveBack([number])
    }
    return new RunningNetwork(number, this.owner, uplink, remove)
  }

  /** Gives an uplink's rings to all CPUs, and has `make` make it. */
  private async open(
    isLoopback: boolean,
    make: (options: Omit<UplinkOptions, 'warn'>, number: number) => Promise<Uplink>,
  ): Promise<{ number: number; uplink: Uplink }> {
    const number = this.take(this.uplinkNumbers, MAX_UPLINKS, 'uplinks, captures and cables')
    try {
      const control = await this.owner.control
      const out = Frames.create(FRAMES_BYTES)
      const into = isLoopback ? out : Frames.create(FRAMES_BYTES)
      const rings = { out: out.ring.buffer, in: into.ring.buffer }
      await this.owner.tellAll({ kind: 'attach-uplink', uplink: number, rings })
      const setLink = (isUp: boolean) => {
        // It may be lost together with the machine, or after its network.
        if (this.uplinkNumbers.has(number))
          this.owner.call({ kind: 'link', uplink: number, isUp }).catch(() => undefined)
      }
      const uplink = await make({ out, in: into, wake: () => control.uplink(number), setLink }, number)
      this.uplinks.set(number, uplink)
      // What the machine sent meanwhile was told to nobody.
      uplink.pump()
      return { number, uplink }
    } catch (error) {
      await this.shut(number).catch(() => undefined)
      throw error
    }
  }

  private async shut(number: number): Promise<void> {
    this.uplinks.get(number)?.close()
    this.uplinks.delete(number)
    await this.owner.tellAll({ kind: 'detach-uplink', uplink: number })
    this.uplinkNumbers.giveBack([number])
  }

  private take(numbers: Numbers, most: number, what: string): number {
    const number = numbers.take()
    if (number < most) return number
    numbers.giveBack([number])
    throw new MachineError(E_NO_SPACE, `A machine has at most ${most} ${what}; remove one first.`)
  }
}

/** A network device of a guest that is elsewhere: who it is, and how its frames come here. */
export interface CableOptions extends Omit<CableSpec, 'network'> {
  /** The guest's number, which no guest of this machine has, and which of its devices. */
  guest: number
  nic: number
  network: { readonly number: number }
  wire: { stream: StreamAddress } | { listen: StreamAddress }
  mtu?: number
  /** Gets what the user should know of the wire, as a sentence. Default: nobody does. */
  warn?(message: string): void
}

export interface Cable {
  /** Takes the port away. */
  close(): Promise<void>
}

export interface Capture {
  close(): Promise<void>
}

export class RunningNetwork {
  /** Use `RunningMachine.defineNetwork`. */
  constructor(
    /** The machine's number of it. */
    readonly number: number,
    private readonly owner: NetworkOwner,
    private readonly uplink: Uplink | undefined,
    /** Takes it away; no guest may be on it. Nothing can be done with it afterwards. */
    readonly remove: () => Promise<void>,
  ) {}

  report(): Promise<NetworkReport> {
    return this.owner.call({ kind: 'network-report', network: this.number })
  }

  /** Makes ports on the uplink's side those of a guest, or ends that. For a network with a gateway. */
  forward(forward: ForwardSpec, isNew: boolean): Promise<void> {
    return this.owner.call({ kind: 'forward', network: this.number, forward, isNew })
  }

  /** Listens at a port of the host. Rejected with MachineError when it cannot, or the uplink has no such ports. */
  publish(publication: Publication): Promise<void> {
    return this.publishing().publish(publication)
  }

  unpublish(publication: Publication): Promise<void> {
    return this.publishing().unpublish(publication)
  }

  private publishing(): PublishingUplink {
    if (this.uplink !== undefined && 'publish' in this.uplink) return this.uplink as PublishingUplink
    throw new MachineError(E_UNSUPPORTED, 'Only the uplink "user" has ports of the host to give; forward without it.')
  }
}

/** What a gateway has of the uplink "user": addresses that both sides know. */
const USER_OUTSIDE: Pick<GatewaySpec, 'out4' | 'out6'> = {
  out4: { address: PEER4.d >>> 0, prefix: 29, gateway: GATEWAY4.d >>> 0, dns: NAMES4.d >>> 0 },
  out6: { address: bytesOf(PEER6), prefix: 64, gateway: bytesOf(GATEWAY6), dns: bytesOf(NAMES6) },
}

function bytesOf({ a, b, c, d }: Address): Uint8Array {
  return Uint8Array.from([a, b, c, d].flatMap((word) => [word >>> 24, word >>> 16, word >>> 8, word]))
}

function isUser(uplink: UplinkChoice): uplink is { user: { host?: boolean } } {
  return typeof uplink === 'object' && 'user' in uplink
}

function makeUplink(choice: Exclude<UplinkChoice, 'none'>, options: UplinkOptions, mtu: number | undefined): Uplink {
  if (choice === 'loopback') return new LoopbackUplink(options)
  if ('user' in choice) return new UserUplink({ ...options, host: choice.user.host ?? true, mtu })
  if ('stream' in choice || 'listen' in choice) {
    checkAddress('stream' in choice ? choice.stream : choice.listen)
    return 'stream' in choice ? new StreamUplink(choice.stream, options) : new ListenUplink(choice.listen, options)
  }
  return new DeviceUplink(choice, options)
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof MachineError)) throw error
}
