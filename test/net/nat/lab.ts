// A laboratory for NAT: an instance of the kernel's NAT with a clock of its own, fed with frames of test/net/packets.ts.
//
//   10.9.0.0/24, fd00:9::/64   inside; the gateway is .1
//   203.0.113.7, 2001:db8:1::7  outside
//
// Whatever comes out is taken apart and judged here: a frame with a wrong sum or length never reaches a test.

import * as assert from 'uvu/assert'
import { TestHost } from '../../support/host.ts'
import { compile } from '../../support/kernel.ts'
import { type Address, ethernet, faults, ip, type Payload, packet, type ReadFrame, read } from '../packets.ts'

export const GATEWAY = '10.9.0.1'
export const GATEWAY6 = 'fd00:9::1'
export const OUR = '203.0.113.7'
export const OUR6 = '2001:db8:1::7'
export const DNS = '192.0.2.53'
export const DNS6 = '2001:db8:53::53'
/** Address inside of guest `i`. */
export const guest4 = (i: number): Address => `10.9.0.${10 + i}`
export const guest6 = (i: number): Address => `fd00:9::${(0x10 + i).toString(16)}`
export const SERVER = '198.51.100.80'
export const SERVER6 = '2001:db8:80::80'

export const MS = 1e6
export const S = 1e9

export const PASS = 0
export const INSIDE = 1
export const DROP = 2
export const REPLY = 3

const module = await compile({ entry: 'test/net/kernel/nat.ts' })
/** More than kernel tests are compiled for; what nobody touches costs nothing. */
const MEMORY_PAGES = 8192
/** Bytes around a frame that must stay as they were; the bytes in front of a head are free by contract, but NAT has no use for them. */
const MARGIN = 32
const MARK = 0xa5

interface Kernel {
  define(id: number, ip4: number, prefix4: number, outIp4: number, outPrefix4: number, outDns4: number): void
  define6(id: number, ...words: bigint[]): void
  setFlags(id: number, flags: number): void
  setLink(id: number, isUp: number): void
  setOutside(id: number, outIp4: number): void
  cutUplink(id: number): void
  plug(id: number, guest: number, nic: number, mac: bigint, ip4: number, high: bigint, low: bigint): void
  unplug(id: number, guest: number, nic: number): void
  clear(): number
  offload(flags: number, csumStart: number, csumOffset: number, gsoType: number, gsoSize: number, header: number): void
  outward(id: number, guest: number, headBytes: number, bytes: number, body: number, now: number): number
  inward(id: number, headBytes: number, bytes: number, body: number, now: number): number
  released(id: number, now: number): number
  replyAt(): number
  replyBytes(): number
  publish(id: number, protocol: number, port: number, count: number, guest: number, nic: number, to: number): number
  retract(id: number, protocol: number, port: number, count: number): number
  tick(now: number): void
  forget(id: number): void
  connections(id: number): number
  tracked(id: number): bigint
  evicted(id: number): bigint
  refused(id: number): bigint
  count(): number
  used(): number
  mappingsUsed(): number
  mappingsFree(): number
  countOf(guest: number): number
  checksumOf(ptr: number, length: number): number
  checksumOfPieces(first: number, firstBytes: number, second: number, secondBytes: number): number
  replace(at: number, width: number, value: bigint, sum: number): void
}

export interface Offload {
  /** VIRTIO_NET_HDR_F_*, and where the missing sum belongs. */
  flags?: number
  csumStart?: number
  csumOffset?: number
  gsoType?: number
  gsoSize?: number
  headerBytes?: number
}

export interface Send extends Offload {
  network?: number
  /** Bytes that are copied to the head; default: all. The rest lies elsewhere, or with `inChain` in the guest. */
  headBytes?: number
  inChain?: boolean
  /** A translated frame whose sums are known to be wrong, or still to be made. */
  unjudged?: boolean
}

/** What became of a frame. */
export interface Outcome {
  result: number
  /** PASS and INSIDE: the frame. REPLY: the answer. DROP: undefined. */
  frame?: Uint8Array
  /** The same, taken apart. */
  read?: ReadFrame
}

function words(address: Address): [bigint, bigint] {
  const view = new DataView(ip(address).buffer)
  return [view.getBigUint64(0), view.getBigUint64(8)]
}

export function number(address: Address): number {
  return new DataView(ip(address).buffer).getUint32(0)
}

export class Lab {
  /** ns; tests move it. */
  now = 1000 * S
  readonly kernel: Kernel
  readonly memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: 65536, shared: true })
  private readonly host = new TestHost(this.memory)

  /** With network 0, and guests 0 to 3 on it. */
  constructor() {
    const instance = new WebAssembly.Instance(module, this.host.imports)
    this.host.attach(instance)
    this.kernel = instance.exports as unknown as Kernel
    this.define(0)
    for (let i = 0; i < 4; i++) this.plug(0, i)
  }

  /** Seed of fuzzers, which ORLOP_SEED sets. */
  get seed(): number {
    return this.host.seed
  }

  define(network: number, our: Address = OUR): void {
    this.kernel.define(network, number(GATEWAY), 24, number(our), 24, number(DNS))
    this.kernel.define6(network, ...words(GATEWAY6), ...words(OUR6), ...words(DNS6))
  }

  plug(network: number, guest: number, nic = 0): void {
    const mac = 0x0200_0000_0010n + BigInt(guest * 4 + nic)
    this.kernel.plug(network, guest, nic, mac, number(guest4(guest)), ...words(guest6(guest)))
  }

  /** A guest's packet to the gateway. */
  outward(
    guest: number,
    from: Address,
    to: Address,
    payload: Payload,
    options: Send & { ttl?: number; id?: number } = {},
  ): Outcome {
    return this.sendOut(
      guest,
      ethernet({}, packet({ from, to, ttl: options.ttl ?? 64, id: options.id ?? 0 }, payload)),
      options,
    )
  }

  /** A packet from the uplink. */
  inward(from: Address, to: Address, payload: Payload, options: Send & { ttl?: number } = {}): Outcome {
    return this.sendIn(ethernet({}, packet({ from, to, ttl: options.ttl ?? 64 }, payload)), options)
  }

  sendOut(guest: number, frame: Uint8Array, options: Send = {}): Outcome {
    return this.send(frame, options, (head, body) =>
      this.kernel.outward(options.network ?? 0, guest, head, frame.length, body, this.now),
    )
  }

  sendIn(frame: Uint8Array, options: Send = {}): Outcome {
    return this.send(frame, options, (head, body) =>
      this.kernel.inward(options.network ?? 0, head, frame.length, body, this.now),
    )
  }

  private send(frame: Uint8Array, options: Send, run: (headBytes: number, body: number) => number): Outcome {
    const headBytes = Math.min(options.headBytes ?? frame.length, frame.length)
    const head = this.kernel.clear() >>> 0
    const { flags = 0, csumStart = 0, csumOffset = 0, gsoType = 0, gsoSize = 0, headerBytes = 0 } = options
    this.kernel.offload(flags, csumStart, csumOffset, gsoType, gsoSize, headerBytes)
    const around = this.bytes(head - MARGIN, MARGIN + frame.length + MARGIN)
    around.fill(MARK)
    this.bytes(head, headBytes).set(frame.subarray(0, headBytes))
    const rest = frame.subarray(headBytes)
    // Behind the head, with a gap: whoever writes there has lost its way.
    const body = rest.length > 0 && options.inChain !== true ? head + frame.length + MARGIN : 0
    if (body !== 0) this.bytes(body, rest.length).set(rest)
    const result = run(headBytes, body)
    assert.ok(
      around.subarray(0, MARGIN).every((byte) => byte === MARK),
      'nothing is written in front of the head',
    )
    assert.ok(
      around.subarray(MARGIN + headBytes).every((byte) => byte === MARK),
      'nothing is written behind the head',
    )
    if (body !== 0) assert.equal(this.bytes(body, rest.length), rest, 'the body stays as it is')
    if (result === REPLY)
      return this.answered(this.bytes(this.kernel.replyAt(), this.kernel.replyBytes()).slice(), options)
    if (result !== PASS && result !== INSIDE) {
      const isSame = frame.subarray(0, headBytes).every((byte, i) => byte === around[MARGIN + i])
      assert.ok(isSame, 'a frame that is not passed on stays as it is')
      return { result }
    }
    return this.judged(result, Uint8Array.from([...this.bytes(head, headBytes), ...rest]), options)
  }

  /** An answer is right always; what it quotes is only if that was. */
  private answered(frame: Uint8Array, options: Send): Outcome {
    const wrong = faults(frame).filter((words) => options.unjudged !== true || !words.startsWith('in a quoted packet'))
    assert.equal(wrong, [])
    return { result: REPLY, frame, read: read(frame) }
  }

  private judged(result: number, frame: Uint8Array, options: Send): Outcome {
    if (options.unjudged !== true) assert.equal(faults(frame), [])
    return { result, frame, read: read(frame) }
  }

  /** Fragments that have waited for the one that has just come in. */
  released(network = 0): Uint8Array[] {
    const frames: Uint8Array[] = []
    for (;;) {
      const bytes = this.kernel.released(network, this.now)
      if (bytes === 0) return frames
      // `released` puts them where `clear` says.
      frames.push(this.frameAtHand(bytes))
      assert.ok(frames.length < 100)
    }
  }

  private frameAtHand(bytes: number): Uint8Array {
    return this.bytes(this.kernel.clear(), bytes).slice()
  }

  bytes(ptr: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, ptr >>> 0, length)
  }

  /** Lets time pass, and expiry look at the whole table. */
  pass(ns: number): void {
    this.now += ns
    for (let i = 0; i < 16; i++) this.kernel.tick(this.now)
  }

  /** A frame that is sent often, with other ports each time: see `Template`. */
  template(from: Address, to: Address, payload: Payload): Template {
    return new Template(ethernet({}, packet({ from, to }, payload)))
  }

  /** Sends a template as it stands; nothing is judged but what `judge` says. NAT_*. */
  fast(
    template: Template,
    guest: number | undefined,
    judge = false,
  ): { result: number; fromPort: number; toPort: number } {
    const { frame, transport } = template
    const { kernel, now } = this
    const head = kernel.clear()
    const place = this.bytes(head, frame.length)
    place.set(frame)
    const result =
      guest === undefined
        ? kernel.inward(0, frame.length, frame.length, 0, now)
        : kernel.outward(0, guest, frame.length, frame.length, 0, now)
    if (judge && (result === PASS || result === INSIDE)) assert.equal(faults(place.slice()), [])
    const port = (at: number) => (place[at]! << 8) | place[at + 1]!
    return { result, fromPort: port(transport), toPort: port(transport + 2) }
  }
}

/** A TCP or UDP frame without options whose words can be exchanged, with its sum. */
export class Template {
  readonly transport: number
  private readonly sum: number

  constructor(readonly frame: Uint8Array) {
    const isV4 = frame[14]! >> 4 === 4
    this.transport = isV4 ? 34 : 54
    this.sum = this.transport + (frame[isV4 ? 23 : 20] === 6 ? 16 : 6)
  }

  from(port: number): this {
    return this.word(this.transport, port)
  }

  to(port: number): this {
    return this.word(this.transport + 2, port)
  }

  flags(flags: number): this {
    return this.word(this.transport + 12, 0x5000 | flags)
  }

  /** The last 16 bits of the source and of the destination. */
  fromLow(value: number): this {
    return this.address(this.transport === 34 ? 28 : 36, value)
  }

  toLow(value: number): this {
    return this.address(this.transport === 34 ? 32 : 52, value)
  }

  private address(at: number, value: number): this {
    if (this.transport === 34) this.change(24, at, value)
    return this.word(at, value)
  }

  private word(at: number, value: number): this {
    this.change(this.sum, at, value)
    this.frame[at] = value >> 8
    this.frame[at + 1] = value & 255
    return this
  }

  /** Lets the sum at `sum` follow a word (RFC 1071: what is added on one side is taken away on the other). */
  private change(sum: number, at: number, value: number): void {
    const { frame } = this
    const word = (i: number) => (frame[i]! << 8) | frame[i + 1]!
    const covered = (0xffff - word(sum) + (0xffff - word(at)) + value) % 0xffff
    const made = 0xffff - covered
    frame[sum] = made >> 8
    frame[sum + 1] = made & 255
  }
}
