// Packets that were meant to do harm: real ones with bytes, lengths, sums and virtio's header changed at random.
//
// Whatever comes, the kernel neither traps nor writes outside of the head, what was right is right afterwards, and nothing reaches
// an address inside that no conversation and no published port has named. ORLOP_SEED chooses the run, ORLOP_FUZZ_COUNT its length.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  ACK,
  bytes,
  checksum,
  echo,
  ethernet,
  FIN,
  faults,
  fragments,
  ICMP,
  ICMPV6,
  icmp,
  ip,
  type Payload,
  packet,
  plain,
  type ReadFrame,
  RST,
  read,
  SYN,
  TCP,
  tcp,
  UDP,
  u16,
  u32,
  udp,
} from '../packets.ts'
import { DROP, GATEWAY, guest4, guest6, INSIDE, Lab, OUR, OUR6, PASS, REPLY, SERVER, SERVER6 } from './lab.ts'

const COUNT = Number(process.env.ORLOP_FUZZ_COUNT ?? 10_000)

class Fuzz {
  private state: number
  constructor(seed: number) {
    this.state = (seed >>> 0) | 1
  }
  below(bound: number): number {
    this.state ^= this.state << 13
    this.state ^= this.state >>> 17
    this.state ^= this.state << 5
    this.state >>>= 0
    return this.state % bound
  }
  once(n: number): boolean {
    return this.below(n) === 0
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
}

const PORTS = [53, 80, 4000, 4001, 8080, 8081]

function payload(fuzz: Fuzz, v6: boolean): Payload {
  const ports = { from: fuzz.pick(PORTS), to: fuzz.pick(PORTS) }
  const content = new Uint8Array(fuzz.below(40))
  switch (fuzz.below(5)) {
    case 0:
      return udp(ports, content)
    case 1:
      return tcp({ ...ports, flags: fuzz.pick([SYN, ACK, SYN | ACK, FIN | ACK, RST]) }, content)
    case 2:
      return echo(v6, fuzz.once(2), fuzz.pick(PORTS), 1, content)
    case 3: {
      const [our, server] = v6 ? [OUR6, SERVER6] : [OUR, SERVER]
      const inside = v6 ? guest6(0) : guest4(0)
      const [from, to] = fuzz.pick([
        [our, server],
        [server, inside],
        [server, our],
        [inside, server],
      ] as const)
      const quoted = packet({ from, to }, fuzz.once(2) ? udp(ports, content) : echo(v6, fuzz.once(2), ports.from, 1))
      return icmp(v6, fuzz.pick(v6 ? [1, 2, 3, 4] : [3, 11, 12]), 0, u32(0), quoted)
    }
    default:
      return udp(ports, new Uint8Array(200))
  }
}

/** A frame from a guest, or from the uplink: right in itself. */
function start(fuzz: Fuzz, isOut: boolean): Uint8Array {
  const v6 = fuzz.once(2)
  const guest = v6 ? guest6 : guest4
  const [our, server] = v6 ? [OUR6, SERVER6] : [OUR, SERVER]
  const from = isOut ? guest(fuzz.below(2)) : server
  const to = isOut ? fuzz.pick([server, server, our, v6 ? 'fd00:9::1' : GATEWAY]) : our
  const header = { from, to, id: fuzz.below(4) }
  const made = payload(fuzz, v6)
  if (fuzz.once(4)) return ethernet({}, fuzz.pick(fragments(header, made, 8 << fuzz.below(3))))
  const options = v6 ? bytes(made.protocol, 0, 1, 4, 0, 0, 0, 0) : bytes(1, 1, 1, 1)
  return ethernet({}, packet(fuzz.once(4) ? { ...header, options, extension: 60 } : header, made))
}

/** Makes the sums of a frame right again, as far as it can be understood. */
function seal(frame: Uint8Array): void {
  const at = 14
  const isV4 = frame[at]! >> 4 === 4
  if (frame.length < at + (isV4 ? 20 : 40)) return
  if (isV4) {
    const bytesOfHeader = (frame[at]! & 15) << 2
    if (bytesOfHeader < 20 || at + bytesOfHeader > frame.length) return
    frame.set([0, 0], at + 10)
    frame.set(u16(checksum(frame.slice(at, at + bytesOfHeader))), at + 10)
  }
  const { content, protocol, from, to, offset, more } = read(frame)
  if (content === undefined || offset !== 0 || more === true) return
  const offsets: Record<number, number> = { [TCP]: 16, [UDP]: 6, [ICMP]: 2, [ICMPV6]: 2 }
  const sumAt = offsets[protocol!]
  if (sumAt === undefined || content.length < sumAt + 2) return
  const start = frame.length - content.length
  frame.set([0, 0], start + sumAt)
  const [source, destination] = [ip(from!), ip(to!)]
  const length = isV4 ? bytes(0, protocol!, u16(content.length)) : bytes(u32(content.length), u32(protocol!))
  const head = protocol === ICMP ? bytes() : bytes(source, destination, length)
  frame.set(u16(checksum(head, frame.slice(start))), start + sumAt)
}

function mutate(fuzz: Fuzz, frame: Uint8Array): Uint8Array {
  let made: Uint8Array = frame.slice()
  for (let left = fuzz.below(4); left > 0; left--) {
    const at = 12 + fuzz.below(made.length - 12)
    made[at] = fuzz.pick([0, 1, 255, made[at]! ^ (1 << fuzz.below(8)), fuzz.below(256)])
  }
  if (fuzz.once(8)) made = made.slice(0, 14 + fuzz.below(made.length - 13))
  if (fuzz.once(8)) made = bytes(made, new Uint8Array(fuzz.below(20)))
  if (!fuzz.once(3)) seal(made)
  return made
}

/** The end of a conversation, as a packet from there says it. */
function endOf(frame: ReadFrame, side: 'from' | 'to'): string {
  const port = side === 'from' ? frame.fromPort : frame.toPort
  return `${frame[side]} ${frame.protocol} ${frame.echo ?? port}`
}

function isLegible(frame: Uint8Array): boolean {
  try {
    read(frame)
    return true
  } catch {
    return false
  }
}

for (const isBusy of [false, true]) {
  const when = isBusy ? 'between the packets of real conversations' : 'when nobody has begun anything'

  test(`mutated packets ${when} do no harm`, () => {
    const lab = new Lab()
    const fuzz = new Fuzz(lab.seed * 2 + (isBusy ? 1 : 0))
    /** Ends inside that may be reached, and their addresses. */
    const ends = new Set<string>()
    const addresses = new Set<string>()
    const name = (end: string, address: string) => {
      ends.add(end)
      addresses.add(plain(address))
    }
    if (isBusy) {
      for (const [guest, protocol] of [
        [1, TCP],
        [2, UDP],
      ] as const) {
        assert.is(lab.kernel.publish(0, protocol, 8080, 2, guest, 0, 80), 0)
        for (const address of [guest4(guest), guest6(guest)]) {
          for (const port of [80, 81]) name(`${plain(address)} ${protocol} ${port}`, address)
        }
      }
    }
    const results = [0, 0, 0, 0]
    for (let round = 0; round < COUNT; round++) {
      const isOut = isBusy && fuzz.once(2)
      const original = start(fuzz, isOut)
      const frame = fuzz.once(5) ? original : mutate(fuzz, original)
      const offload = fuzz.once(6)
        ? {
            flags: fuzz.below(4),
            csumStart: fuzz.below(80),
            csumOffset: fuzz.below(24),
            gsoType: fuzz.pick([0, 1, 4, 3, 0x81]),
            gsoSize: fuzz.below(2000),
            headerBytes: fuzz.below(100),
          }
        : {}
      const headBytes = fuzz.once(4) ? fuzz.below(frame.length + 1) : frame.length
      const how = { ...offload, headBytes, inChain: fuzz.once(2), unjudged: true }
      const wasRight = isLegible(frame) && frame.length >= 34 && faults(frame).length === 0
      const { result, frame: made } = isOut ? lab.sendOut(fuzz.below(2), frame, how) : lab.sendIn(frame, how)
      lab.now += 1000 * fuzz.below(1e6)
      if (fuzz.once(50)) lab.kernel.tick(lab.now)
      if (result >= 0) results[result]!++
      const waited = !isOut && result === PASS ? lab.released() : []
      for (const piece of waited)
        assert.ok(addresses.has(read(piece).to!), `round ${round}: a piece goes to ${read(piece).to}`)
      if (result !== PASS && result !== INSIDE) continue
      const said = read(frame)
      const now = read(made!)
      const about = `round ${round}: ${said.from} to ${said.to} became ${now.from} to ${now.to}`
      if (wasRight && (offload.flags ?? 0) % 2 === 0) assert.equal(faults(made!), [], about)
      assert.is(now.ttl, said.ttl! - 1, about)
      assert.is(now.protocol, said.protocol, about)
      assert.is(now.content!.length, said.content!.length, about)
      if (isOut && (said.protocol === TCP || said.protocol === UDP || said.echo !== undefined))
        name(endOf(said, 'from'), said.from!)
      if (isOut && result === PASS) {
        assert.is(now.from, plain(now.version === 4 ? OUR : OUR6), about)
        continue
      }
      assert.ok(addresses.has(now.to!), about)
      const isWhole =
        now.offset === 0 && now.quoted === undefined && (now.toPort !== undefined || now.echo !== undefined)
      if (isWhole) assert.ok(ends.has(endOf(now, 'to')), about)
      if (now.quoted !== undefined && (now.quoted.fromPort ?? now.quoted.echo) !== undefined) {
        assert.ok(addresses.has(now.quoted.from), about)
      }
    }
    assert.ok(results[DROP]! > COUNT / 10, 'many are refused')
    assert.ok(isBusy ? results[PASS]! > COUNT / 10 && results[INSIDE]! > 10 : results[PASS] === 0, `${results}`)
    assert.ok(results[REPLY]! > 10, 'some are told why')
  })
}

test('frames of any bytes at all do no harm', () => {
  const lab = new Lab()
  lab.kernel.publish(0, UDP, 8080, 1, 1, 0, 80)
  const fuzz = new Fuzz(lab.seed)
  for (let round = 0; round < COUNT; round++) {
    const frame = Uint8Array.from({ length: fuzz.below(120) }, () => fuzz.below(256))
    if (frame.length > 34) {
      frame[0] = 2
      frame[6] = 2
      frame.set(fuzz.pick([bytes(8, 0, 0x45), bytes(0x86, 0xdd, 0x60), bytes(8, 0, 0x4f), bytes(0x81, 0, 0)]), 12)
      frame.set(u16(fuzz.below(frame.length)), fuzz.pick([16, 18]))
      if (fuzz.once(2)) frame[23] = fuzz.pick([1, 6, 17])
      if (fuzz.once(2)) frame[20] = fuzz.pick([0, 6, 17, 43, 44, 58, 60])
      seal(frame)
    }
    const how = { headBytes: fuzz.below(frame.length + 1), unjudged: true }
    if (fuzz.once(2)) lab.sendOut(0, frame, how)
    else lab.sendIn(frame, how)
  }
})

test.run()
