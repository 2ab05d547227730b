// A network of the kernel with its gateway, played from both sides: by guests at its ports, and by whoever is on the uplink.
//
// Answers that the kernel writes are checked by packets.ts before a test sees them, and are collected for tshark.

import {
  NETWORK_FLAG_NO_DHCP as NO_DHCP,
  NETWORK_FLAG_NO_DNS as NO_DNS,
  NETWORK_FLAG_NO_FORWARDING as NO_FORWARDING,
  NO_UPLINK,
} from '../../../hypervisor/abi.ts'
import { TestHost } from '../../support/host.ts'
import { compile } from '../../support/kernel.ts'
import * as p from '../packets.ts'

const module = await compile({ entry: 'test/net/kernel/services.ts' })

export { NO_DHCP, NO_DNS, NO_FORWARDING }

export const CONSUMED = 0
export const ROUTE = 1
export const REPLY = 2
export const WHOLE = 3
export const UNRESOLVED = 0
export const ADDRESSED = 1
export const ASK = 2
/** A frame that the kernel's parser refuses; services never see it. */
export const UNPARSED = 99

export const GATEWAY_MAC = '02:00:00:00:09:01'
export const OUT_MAC = '02:00:00:00:09:02'
export const GATEWAY4 = '10.9.0.1'
export const GATEWAY6 = 'fd00:9::1'
export const LINK6 = 'fe80::ff:fe00:901'
export const OUT_LINK6 = 'fe80::ff:fe00:902'
export const BROADCAST = 'ff:ff:ff:ff:ff:ff'
export const NEEDS_CSUM = 1
export const NEVER = Number.MAX_VALUE
export const SECOND = 1e9

/** Bytes of a frame's head that the switch copies at first. */
const HEAD = 256

/** All frames that the kernel has written in this process. */
export const written: Uint8Array[] = []

export function number4(address: string): number {
  return new DataView(p.ip(address).buffer).getUint32(0)
}

function halves(address: string): [bigint, bigint] {
  const view = new DataView(p.ip(address).buffer)
  return [view.getBigUint64(0), view.getBigUint64(8)]
}

export function text4(address: number): string {
  return p.text(p.u32(address >>> 0))
}

export function macOf(guest: number): string {
  return `02:00:00:00:01:${(guest + 1).toString(16).padStart(2, '0')}`
}

/** The IPv6 address that a host makes of its MAC. */
export function ip6Of(guest: number, prefix = 'fd00:9::'): string {
  return `${prefix}${prefix.endsWith('::') ? '' : ':'}ff:fe00:${(0x100 + guest + 1).toString(16)}`
}

export interface Plan {
  first?: string
  last?: string
  flags?: number
  domain?: string
  /** Default true: the uplink has 192.0.2.2/24 and 2001:db8:5::2/64, set by the machine. */
  hasUplink?: boolean
  learns4?: boolean
  learns6?: boolean
  now?: number
}

export interface Answer {
  code: number
  frame: Uint8Array
  read: p.ReadFrame
}

/** Is something wrong with it, or too much to tell? */
function isBroken(frame: Uint8Array): boolean {
  try {
    return p.faults(frame).length > 0
  } catch {
    return true
  }
}

type Call = (...args: (number | bigint)[]) => number

export class Stage {
  now: number
  private readonly memory = new WebAssembly.Memory({ initial: 8192, maximum: 65536, shared: true })
  private readonly kernel: Record<string, Call>
  private readonly scratch: number

  constructor(plan: Plan = {}) {
    const host = new TestHost(this.memory)
    const instance = new WebAssembly.Instance(module, host.imports)
    host.attach(instance)
    this.kernel = instance.exports as Record<string, Call>
    this.scratch = this.call('scratch')
    this.now = plan.now ?? 1000 * SECOND
    const { first = '10.9.0.100', last = '10.9.0.199', flags = 0, domain = 'lan', hasUplink = true } = plan
    this.put(Buffer.from(`${domain}\0`))
    this.call('define', number4(first), number4(last), flags, domain.length + 1)
    this.call('setUplink', hasUplink ? 0 : NO_UPLINK)
    if (hasUplink && plan.learns4 !== true) this.out4('192.0.2.2', 24, '192.0.2.1', '192.0.2.53')
    if (hasUplink && plan.learns6 !== true) this.call('setOut6', halves('2001:db8:5::')[0])
    this.call('setLearns', plan.learns4 === true ? 1 : 0, plan.learns6 === true ? 1 : 0)
    this.call('start', this.now)
  }

  call(name: string, ...args: (number | bigint)[]): number {
    return this.kernel[name]!(...args)
  }

  private put(bytes: Uint8Array): void {
    new Uint8Array(this.memory.buffer).set(bytes, this.scratch)
  }

  out4(address: string, prefix: number, next: string, server: string): void {
    this.call('setOut4', number4(address), prefix, number4(next), number4(server))
  }

  /** A guest's device comes to the network; its port. */
  join(guest: number, options: { name?: string; ip4?: string; mac?: string } = {}): number {
    const { name = `web${guest}`, ip4 = '0.0.0.0', mac = macOf(guest) } = options
    this.put(Buffer.from(name))
    const number = p.mac(mac).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
    return this.call('join', guest, number, number4(ip4), name.length)
  }

  leave(port: number): void {
    this.call('leave', port)
  }

  mayUse4(port: number, address: string): boolean {
    return this.call('mayUse4', port, number4(address)) !== 0
  }

  mayUse6(port: number, address: string): boolean {
    return this.call('mayUse6', port, ...halves(address)) !== 0
  }

  ip4Of(port: number): string {
    return text4(this.call('ip4Of', port))
  }

  /** The answer that is on the desk, with nothing wrong in it; to a frame that was broken, it may be: an echo keeps its sum. */
  private reply(code: number, isBroken = false): Answer {
    const bytes = this.call('replyBytes')
    const at = this.call('replyAt')
    const frame = new Uint8Array(this.memory.buffer).slice(at, at + bytes)
    const faults = isBroken ? [] : p.faults(frame)
    if (faults.length > 0) throw new Error(`The kernel wrote a frame that is wrong: ${faults.join(', ')}`)
    written.push(frame)
    return { code, frame, read: p.read(frame) }
  }

  private answer(code: number, reply: number, isBroken = false): Answer {
    return code === reply ? this.reply(code, isBroken) : ({ code } as Answer)
  }

  private enter(name: string, ahead: number[], frame: Uint8Array, flags: number): Answer {
    this.put(frame)
    let head = Math.min(frame.length, HEAD)
    let code = this.call(name, ...ahead, frame.length, head, flags, this.now)
    if (code === WHOLE) {
      head = Math.min(frame.length, 2048)
      code = this.call(name, ...ahead, frame.length, head, flags, this.now)
      if (code === WHOLE) throw new Error('The kernel asks for what it has been given')
    }
    return this.answer(code, REPLY, code === REPLY && flags === 0 && isBroken(frame))
  }

  /** A guest sends this frame to the gateway or a group. */
  send(port: number, frame: Uint8Array, flags = 0): Answer {
    return this.enter('fromInside', [port], frame, flags)
  }

  /** It comes from the uplink. */
  hear(frame: Uint8Array, flags = 0): Answer {
    return this.enter('fromUplink', [], frame, flags)
  }

  /** The kernel finds MACs for it; `frame` is how it goes out, or the question. */
  address(side: 'Inside' | 'Outside', frame: Uint8Array): Answer {
    this.put(frame)
    const code = this.call(`address${side}`, frame.length, this.now)
    if (code !== ADDRESSED) return this.answer(code, ASK)
    const at = this.call('frameAt')
    const sent = new Uint8Array(this.memory.buffer).slice(at, at + frame.length)
    return { code, frame: sent, read: p.read(sent) }
  }

  /** All that the side does by itself now. */
  tick(side: 'Inside' | 'Outside'): Answer[] {
    const all: Answer[] = []
    while (this.call(`tick${side}`, this.now) !== 0) {
      all.push(this.reply(REPLY))
      if (all.length > 100) throw new Error('The kernel does not come to an end')
    }
    return all
  }

  due(side: 'Inside' | 'Outside'): number {
    return this.call(`due${side}`)
  }

  /** Goes to the next time at which the side has to do something, and lets it. */
  next(side: 'Inside' | 'Outside'): Answer[] {
    const due = this.due(side)
    if (due === NEVER) throw new Error('Nothing is due')
    this.now = Math.max(this.now, due)
    return this.tick(side)
  }

  link(isUp: boolean): void {
    this.call('link', isUp ? 1 : 0, this.now)
  }

  /** What the network knows of its uplink. */
  outside(): {
    ip4: string
    prefix4: number
    gateway4: string
    dns4: string
    ip6: bigint[]
    gateway6: bigint
    dns6: bigint
  } {
    const large = (name: string) => BigInt.asUintN(64, this.call(name) as unknown as bigint)
    return {
      ip4: text4(this.call('outIp4')),
      prefix4: this.call('outPrefix4'),
      gateway4: text4(this.call('outGateway4')),
      dns4: text4(this.call('outDns4')),
      ip6: [large('outIp6High'), large('outIp6Low')],
      gateway6: large('outGateway6Low'),
      dns6: large('outDns6Low'),
    }
  }

  /** Writes a pattern into tables of the kernel that are in front of the services', and behind them. */
  fence(): void {
    for (const [from, to] of this.fences()) new Uint8Array(this.memory.buffer).fill(0xa5, from, to)
  }

  /** Is the pattern still there, all of it? */
  isFenced(): boolean {
    return this.fences().every(([from, to]) =>
      Buffer.from(this.memory.buffer)
        .subarray(from, to)
        .every((byte) => byte === 0xa5),
    )
  }

  private fences(): [number, number][] {
    return [0, 1].map((which) => [this.call('fenceAt', which), this.call('fenceEnd', which)])
  }
}
