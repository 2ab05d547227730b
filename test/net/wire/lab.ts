// A laboratory for whole networks: guests with drivers, uplinks, and a clock, over the kernel's switch, gateway and NAT.
//
// Whatever comes out, at a guest or at an uplink, is judged here: a frame with a wrong sum or length never reaches a test,
// unless its header says that the sum is still to be made.

import * as assert from 'uvu/assert'
import {
  type ForwardSpec,
  type NetworkReport,
  type NetworkSpec,
  packForward,
  packNetwork,
  readNetworkReport,
} from '../../../host-shim/networks.ts'
import * as abi from '../../../hypervisor/abi.ts'
import { TestHost } from '../../support/host.ts'
import { compile } from '../../support/kernel.ts'
import { type Address, bytes, faults, ip, type ReadFrame, read, u16 } from '../packets.ts'

const module = await compile({ entry: 'test/net/kernel/wire.ts' })
const MEMORY_PAGES = 8192

export const MS = 1e6
export const S = 1e9

/** Features of virtio-net (virtio 1.2, 5.1.3). */
const VERSION_1 = 1n << 32n
const MAC = 1n << 5n
const MERGEABLE = 1n << 15n
export const PLAIN = VERSION_1 | MAC
/** Sums and segments are left to the device, and taken from it. */
export const OFFLOADS = PLAIN | MERGEABLE | 1n | 2n | (1n << 7n) | (1n << 8n) | (1n << 11n) | (1n << 12n)

export const NEEDS_CSUM = 1
export const TCPV4 = 1
export const TCPV6 = 4
const HEADER_BYTES = 12

/** struct virtio_net_hdr, as far as a test sets it. */
export interface Header {
  flags?: number
  gsoType?: number
  headerBytes?: number
  gsoSize?: number
  csumStart?: number
  csumOffset?: number
}

export interface Got {
  header: Required<Header>
  frame: Uint8Array
  read: ReadFrame
}

export interface Plug {
  network?: number
  flags?: number
  vlan?: number
  ip4?: Address
  features?: bigint
  buffers?: number
  bufferBytes?: number
  name?: string
}

interface Kernel {
  scratch(): number
  window(): number
  define(id: number): number
  remove(id: number): number
  report(id: number): number
  forward(id: number, isNew: number): number
  link(uplink: number, up: number): number
  capture(guest: number, uplink: number): number
  plug(
    id: number,
    network: number,
    mac: bigint,
    flags: number,
    vlan: number,
    ip4: number,
    features: bigint,
    buffers: number,
    bufferBytes: number,
  ): number
  cable(id: number, network: number, mac: bigint, flags: number, ip4: number, uplink: number): number
  unplug(id: number): void
  send(id: number, bytes: number, part: number): void
  pump(id: number): void
  take(id: number): number
  refill(id: number, from: number, count: number): void
  used(id: number): number
  gone(id: number): number
  sends(id: number): number
  come(uplink: number, bytes: number): void
  poison(byte: number): void
  look(uplink: number): void
  setRoom(hasRoom: number): void
  sent(uplink: number, i: number): number
  setClock(ns: number): void
}

export function numberOf(address: Address): number {
  return new DataView(ip(address).buffer).getUint32(0)
}

/** MAC of guest `i`. */
export function macOf(i: number): Address {
  return `02:00:00:00:00:${(0x10 + i).toString(16)}`
}

export class Lab {
  /** ns. */
  now = 1000 * S
  /** Judges what comes out; false where hostile senders are let loose, whose wrong sums are theirs. */
  judges = true
  readonly kernel: Kernel
  readonly memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: 65536, shared: true })
  private readonly host = new TestHost(this.memory)
  /** Frames of each uplink that have been looked at, and which of them carry a virtio header. */
  private readonly seen = new Map<number, number>()
  private readonly withHeader = new Set<number>()
  private readonly refilled = new Map<number, number>()

  constructor() {
    const instance = new WebAssembly.Instance(module, this.host.imports)
    this.host.attach(instance)
    this.kernel = instance.exports as unknown as Kernel
    this.kernel.setClock(this.now)
  }

  /** Seed of fuzzers, which ORLOP_SEED sets. */
  get seed(): number {
    return this.host.seed
  }

  private at(ptr: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, ptr, length)
  }

  private get scratch(): Uint8Array {
    return this.at(this.kernel.scratch(), 0x2_0000)
  }

  private get window(): Uint8Array {
    return this.at(this.kernel.window(), abi.WINDOW_SIZE)
  }

  /** Runs kernel code; what a failed assert has said is told. */
  private run<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      throw new Error(`${this.host.lastWords ?? (cause as Error).message} [ORLOP_SEED=${this.seed}]`, { cause })
    }
  }

  network(id: number, spec: NetworkSpec): void {
    packNetwork(spec, this.window)
    assert.is(
      this.run(() => this.kernel.define(id)),
      abi.OK,
      'the network is refused',
    )
    if (spec.offload === true && spec.uplink !== undefined) this.withHeader.add(spec.uplink)
    this.pass(100 * MS)
  }

  report(id: number): NetworkReport {
    assert.is(this.kernel.report(id), abi.OK)
    return readNetworkReport(this.window)
  }

  publish(id: number, spec: ForwardSpec, isNew = true): number {
    packForward(spec, this.window)
    return this.kernel.forward(id, isNew ? 1 : 0)
  }

  plug(guest: number, options: Plug = {}): void {
    const { network = 0, flags = 0, vlan = 0, features = OFFLOADS, buffers = 32, bufferBytes = 4096 } = options
    this.scratch.fill(0, 0, 64)
    this.scratch.set(new TextEncoder().encode(options.name ?? ''))
    const ip4 = options.ip4 === undefined ? 0 : numberOf(options.ip4)
    const number = BigInt(`0x${macOf(guest).replaceAll(':', '')}`)
    const code = this.run(() =>
      this.kernel.plug(guest, network, number, flags, vlan, ip4, features, buffers, bufferBytes),
    )
    assert.is(code, abi.OK, 'the device is refused')
  }

  /** A guest that is elsewhere, whose frames come and go by an uplink, with headers. */
  cable(guest: number, uplink: number, ip4: Address): void {
    this.scratch.fill(0, 0, 64)
    const number = BigInt(`0x${macOf(guest).replaceAll(':', '')}`)
    const code = this.run(() => this.kernel.cable(guest, 0, number, abi.NIC_OFFLOAD, numberOf(ip4), uplink))
    assert.is(code, abi.OK, 'the cable is refused')
    this.withHeader.add(uplink)
  }

  /** A guest sends a frame, whose descriptors have at most `part` bytes. */
  send(guest: number, frame: Uint8Array, header: Header = {}, part = 0x1_0000): void {
    const whole = bytes(headerBytes(header), frame)
    this.scratch.set(whole)
    this.run(() => this.kernel.send(guest, whole.length, part))
  }

  pump(guest: number): void {
    this.run(() => this.kernel.pump(guest))
  }

  /** What a guest has got since it was last asked; its driver offers the buffers again. */
  got(guest: number): Got[] {
    const frames: Got[] = []
    for (;;) {
      const length = this.kernel.take(guest)
      if (length < 0) break
      frames.push(this.judge(readHeader(this.scratch), this.scratch.slice(HEADER_BYTES, length)))
    }
    const from = this.refilled.get(guest) ?? 0
    const used = this.kernel.used(guest)
    this.kernel.refill(guest, from, used - from)
    this.refilled.set(guest, used)
    return frames
  }

  /** A frame comes from an uplink. */
  come(uplink: number, frame: Uint8Array, header: Header = {}): void {
    const whole = this.withHeader.has(uplink) ? bytes(headerBytes(header), frame) : frame
    this.scratch.set(whole)
    this.run(() => this.kernel.come(uplink, whole.length))
  }

  /** What has gone out through an uplink since it was last asked. */
  sent(uplink: number): Got[] {
    const frames: Got[] = []
    for (;;) {
      const i = this.seen.get(uplink) ?? 0
      const length = this.kernel.sent(uplink, i)
      if (length < 0) return frames
      this.seen.set(uplink, i + 1)
      const hasHeader = this.withHeader.has(uplink)
      const start = hasHeader ? HEADER_BYTES : 0
      const header = hasHeader ? readHeader(this.scratch) : readHeader(new Uint8Array(HEADER_BYTES))
      frames.push(this.judge(header, this.scratch.slice(start, length)))
    }
  }

  private judge(header: Required<Header>, frame: Uint8Array): Got {
    if (this.judges && (header.flags & NEEDS_CSUM) === 0) assert.equal(faults(frame), [])
    return { header, frame, read: read(frame) }
  }

  /** Time goes by, and the vmm has a look. */
  pass(ns: number): void {
    this.now += ns
    this.run(() => this.kernel.setClock(this.now))
  }
}

function headerBytes(header: Header): Uint8Array {
  const { flags = 0, gsoType = 0, headerBytes = 0, gsoSize = 0, csumStart = 0, csumOffset = 0 } = header
  const little = (value: number) => u16(value).reverse()
  return bytes(flags, gsoType, little(headerBytes), little(gsoSize), little(csumStart), little(csumOffset), 0, 0)
}

function readHeader(data: Uint8Array): Required<Header> {
  const view = new DataView(data.buffer, data.byteOffset, HEADER_BYTES)
  return {
    flags: view.getUint8(0),
    gsoType: view.getUint8(1),
    headerBytes: view.getUint16(2, true),
    gsoSize: view.getUint16(4, true),
    csumStart: view.getUint16(6, true),
    csumOffset: view.getUint16(8, true),
  }
}
