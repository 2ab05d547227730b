// Sums and segments that senders leave undone: passed on to who can take them, done for who can't, byte for byte the same data.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ACK, bytes, checksum, ethernet, FIN, ip, packet, PSH, summed, tcp, u16, udp, unsummed } from '../packets.ts'
import { type Got, Lab, MS, macOf, NEEDS_CSUM, OFFLOADS, PLAIN, TCPV4, TCPV6 } from './lab.ts'

const UPLINK = 5
const V4 = ['10.0.0.1', '10.0.0.2'] as const
const V6 = ['fd00::1', 'fd00::2'] as const

function noise(length: number): Uint8Array {
  let state = 12345
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 16)
}

/** The frame of a TCP segment with the sum of its pseudo-header alone, and the header that says so. */
function large(ends: readonly [string, string], data: Uint8Array, gsoSize: number, flags = ACK | PSH | FIN) {
  const [from, to] = ends
  const isV6 = from.includes(':')
  const frame = ethernet(
    { from: macOf(0), to: macOf(1) },
    packet({ from, to, id: 0xfffe, dontFragment: true }, tcp({ from: 1, to: 2, flags, sequence: 0xffff_f000 }, data)),
  )
  const csumStart = isV6 ? 54 : 34
  const length = 20 + data.length
  const pseudo = bytes(ip(from), ip(to), length >>> 24, length >>> 16, length >>> 8, length, 0, 0, 0, 6)
  const sum = ~checksum(pseudo) & 0xffff
  frame.set([sum >> 8, sum & 255], csumStart + 16)
  const header = {
    flags: NEEDS_CSUM,
    gsoType: isV6 ? TCPV6 : TCPV4,
    headerBytes: csumStart + 20,
    gsoSize,
    csumStart,
    csumOffset: 16,
  }
  return { frame, header, data }
}

/** Are these frames the segments of that one, with nothing left undone? */
function areSegments(frames: Got[], sent: ReturnType<typeof large>): void {
  const { gsoSize } = sent.header
  assert.is(frames.length, Math.ceil(sent.data.length / gsoSize))
  let sequence = 0xffff_f000
  frames.forEach(({ frame, read, header }, i) => {
    const isLast = i === frames.length - 1
    assert.is(header.gsoType, 0)
    assert.is(header.flags & NEEDS_CSUM, 0)
    const start = sent.header.headerBytes
    assert.equal(frame.slice(start), sent.data.slice(i * gsoSize, (i + 1) * gsoSize))
    const view = new DataView(frame.buffer)
    assert.is(view.getUint32(start - 16), sequence >>> 0)
    sequence += frame.length - start
    assert.is(frame[start - 7]! & (FIN | PSH), isLast ? FIN | PSH : 0)
    if (read.version === 4) assert.is(read.id, (0xfffe + i) & 0xffff)
  })
}

for (const ends of [V4, V6]) {
  const version = ends === V4 ? 'IPv4' : 'IPv6'
  /** What a packet of 1500 bytes has room for. */
  const most = ends === V4 ? 1460 : 1440

  test(`a large segment over ${version} comes as it is to who takes it`, () => {
    const lab = new Lab()
    lab.network(0, {})
    lab.plug(0)
    lab.plug(1)
    const sent = large(ends, noise(60000), most)
    for (const part of [0x1_0000, 9000, 8191]) {
      lab.send(0, sent.frame, sent.header, part)
      const [got, ...more] = lab.got(1)
      assert.is(more.length, 0)
      assert.equal(got?.frame, sent.frame)
      assert.equal(got?.header, sent.header)
    }
  })

  test(`a large segment over ${version} is cut for who does not`, () => {
    const lab = new Lab()
    lab.network(0, {})
    lab.plug(0)
    lab.plug(1, { features: PLAIN, buffers: 60, bufferBytes: 2048 })
    const sent = large(ends, noise(60001), 1400)
    lab.send(0, sent.frame, sent.header, 9000)
    areSegments(lab.got(1), sent)
  })

  test(`a large segment over ${version} is cut for an uplink that takes plain frames only`, () => {
    const lab = new Lab()
    lab.network(0, { uplink: UPLINK })
    lab.plug(0)
    const sent = large(ends, noise(20000), 1000)
    lab.send(0, sent.frame, sent.header)
    areSegments(lab.sent(UPLINK), sent)
  })

  test(`a large segment over ${version} goes out as it is by an uplink that takes it`, () => {
    const lab = new Lab()
    lab.network(0, { uplink: UPLINK, offload: true })
    lab.plug(0)
    const sent = large(ends, noise(20000), 1000)
    lab.send(0, sent.frame, sent.header)
    const [got] = lab.sent(UPLINK)
    assert.equal(got?.frame, sent.frame)
    assert.equal(got?.header, sent.header)
  })

  test(`a large segment over ${version} from an uplink is cut for a plain driver, and comes whole to others`, () => {
    const lab = new Lab()
    lab.network(0, { uplink: UPLINK, offload: true })
    lab.plug(1, { features: PLAIN, buffers: 40, bufferBytes: 2048 })
    const sent = large(ends, noise(30000), most)
    sent.frame.set([2, 0, 0, 0, 0, 0x99], 6)
    lab.come(UPLINK, sent.frame, sent.header)
    areSegments(lab.got(1), sent)
    lab.plug(2)
    sent.frame.set([2, 0, 0, 0, 0, 0x12], 0)
    lab.come(UPLINK, sent.frame, sent.header)
    assert.equal(lab.got(2)[0]?.frame, sent.frame)
  })
}

test('only the first segment says that the window was reduced', () => {
  const CWR = 0x80
  const lab = new Lab()
  lab.network(0, {})
  lab.plug(0)
  lab.plug(1, { features: PLAIN })
  const sent = large(V4, noise(5000), 1448, ACK | PSH | CWR)
  lab.send(0, sent.frame, sent.header)
  assert.equal(
    lab.got(1).map(({ read }) => read.flags! & CWR),
    [CWR, 0, 0, 0],
  )
})

test('a sum of UDP that is made is never the one that says there is none', () => {
  const lab = new Lab()
  lab.network(0, {})
  lab.plug(0)
  lab.plug(1, { features: PLAIN })
  const frameWith = (content: number) =>
    ethernet(
      { from: macOf(0), to: macOf(1) },
      packet({ from: V4[0], to: V4[1] }, udp({ from: 1, to: 2 }, bytes(u16(content)))),
    )
  const content = Array.from({ length: 0x1_0000 }, (_, i) => i).find((i) => {
    const frame = frameWith(i)
    return frame[40] === 0xff && frame[41] === 0xff
  })
  const whole = frameWith(content!)
  const partial = unsummed(whole)
  lab.send(0, partial.frame, { flags: NEEDS_CSUM, ...partial })
  assert.equal(lab.got(1)[0]?.frame, whole)
  assert.equal(summed(partial), whole)
})

test('segments for which there is no room come later, each once and in order', () => {
  const lab = new Lab()
  lab.network(0, {})
  lab.plug(0)
  lab.plug(1, { features: PLAIN, buffers: 5, bufferBytes: 2048 })
  const sent = large(V4, noise(40000), 1448)
  lab.send(0, sent.frame, sent.header)
  const frames: Got[] = []
  for (let i = 0; i < 12 && frames.length < 28; i++) {
    frames.push(...lab.got(1))
    lab.pass(0.1 * MS)
    lab.pump(0)
  }
  frames.push(...lab.got(1))
  areSegments(frames, sent)
  assert.is(lab.kernel.gone(0), 1)
})

test('a large segment that a full uplink has taken in part goes out whole', () => {
  const lab = new Lab()
  lab.network(0, { uplink: UPLINK })
  lab.plug(0)
  const sent = large(V4, noise(20000), 1448)
  lab.kernel.setRoom(0)
  lab.send(0, sent.frame, sent.header)
  assert.is(lab.sent(UPLINK).length, 0)
  lab.kernel.setRoom(1)
  lab.pass(MS)
  lab.pump(0)
  areSegments(lab.sent(UPLINK), sent)
})

test('a missing sum is made for who does not make it', () => {
  const lab = new Lab()
  lab.network(0, { uplink: UPLINK })
  lab.plug(0)
  lab.plug(1, { features: PLAIN })
  lab.plug(2, { features: OFFLOADS })
  for (const ends of [V4, V6]) {
    const content = noise(701)
    const right = packet({ from: ends[0], to: ends[1] }, udp({ from: 1, to: 2 }, content))
    for (const to of [1, 2, 9]) {
      const whole = ethernet({ from: macOf(0), to: macOf(to) }, right)
      const csumStart = ends === V4 ? 34 : 54
      const partial = whole.slice()
      const length = 8 + content.length
      const sum = ~checksum(bytes(ip(ends[0]), ip(ends[1]), 0, 0, length >> 8, length & 255, 0, 0, 0, 17)) & 0xffff
      partial.set([sum >> 8, sum & 255], csumStart + 6)
      lab.send(0, partial, { flags: NEEDS_CSUM, csumStart, csumOffset: 6 }, 100)
      if (to === 1) assert.equal(lab.got(1)[0]?.frame, whole)
      if (to === 9) assert.equal(lab.sent(UPLINK)[0]?.frame, whole)
      if (to !== 2) continue
      const [got] = lab.got(2)
      assert.equal(got?.frame, partial)
      assert.equal(got?.header.flags, NEEDS_CSUM)
    }
  }
})

test('a broadcast with a missing sum comes to each as it can take it', () => {
  const lab = new Lab()
  lab.network(0, { uplink: UPLINK })
  lab.plug(0)
  lab.plug(1, { features: PLAIN })
  lab.plug(2)
  const content = noise(900)
  const whole = ethernet(
    { from: macOf(0), to: 'ff:ff:ff:ff:ff:ff' },
    packet({ from: V4[0], to: '255.255.255.255' }, udp({ from: 1, to: 2 }, content)),
  )
  const partial = whole.slice()
  const length = 8 + content.length
  const sum = ~checksum(bytes(ip(V4[0]), 255, 255, 255, 255, 0, 0, length >> 8, length & 255, 0, 0, 0, 17)) & 0xffff
  partial.set([sum >> 8, sum & 255], 40)
  lab.send(0, partial, { flags: NEEDS_CSUM, csumStart: 34, csumOffset: 6 })
  for (const frames of [lab.got(1), lab.got(2), lab.sent(UPLINK)]) {
    assert.is(frames.length, 1)
    // One that may still be made is judged by its sender's word.
    if ((frames[0]!.header.flags & NEEDS_CSUM) === 0) assert.equal(frames[0]!.frame, whole)
  }
})

test('nobody gets a sum written anywhere but where the packet has its own', () => {
  const lab = new Lab()
  lab.network(0, { uplink: UPLINK, offload: true })
  lab.plug(0)
  lab.plug(1, { features: PLAIN })
  const { frame, header } = large(V4, noise(3000), 1000)
  const bad = [
    { ...header, csumStart: 14, csumOffset: 12 },
    { ...header, csumStart: 0, csumOffset: 26 },
    { ...header, csumStart: 26, csumOffset: 0 },
    { ...header, csumOffset: 6 },
    { ...header, csumStart: 40 },
    { ...header, gsoSize: 1 },
    { ...header, gsoSize: 39 },
    { ...header, gsoSize: 1461 },
    { ...header, gsoSize: 65535 },
    { ...header, gsoType: TCPV6 },
    { ...header, gsoType: 3 },
    { ...header, gsoType: 5 },
    { ...header, flags: 0 },
    { flags: NEEDS_CSUM, csumStart: 65535, csumOffset: 65535 },
    { flags: NEEDS_CSUM, csumStart: 34, csumOffset: 65535 },
  ]
  for (const wrong of bad) {
    lab.send(0, frame, wrong)
    lab.come(UPLINK, bytes(frame.slice(0, 6), 2, 0, 0, 0, 0, 0x99, frame.slice(12)), wrong)
    assert.is(lab.got(1).length, 0, JSON.stringify(wrong))
  }
  assert.is(lab.kernel.gone(0), bad.length)
  // A data offset that leads out of the packet, or into the header.
  for (const offset of [0xf0, 0x40, 0]) {
    const odd = frame.slice(0, offset === 0xf0 ? 80 : frame.length)
    odd[46] = offset
    lab.send(0, odd, header)
    assert.is(lab.got(1).length, 0)
  }
  lab.send(0, frame, header)
  assert.is(lab.got(1).length, 3)
})

test('a capture shows frames with all their sums', () => {
  const lab = new Lab()
  lab.network(0, {})
  lab.plug(0)
  lab.plug(1)
  assert.is(lab.kernel.capture(0, 7), 0)
  const sent = large(V4, noise(20000), 1448)
  lab.send(0, sent.frame, sent.header, 3000)
  assert.equal(lab.got(1)[0]?.frame, sent.frame)
  const [copy, ...more] = lab.sent(7)
  assert.is(more.length, 0)
  assert.equal(copy?.frame.slice(54), sent.data)
})

test.run()
