// The gateway's address outside becomes another: what becomes of conversations that used the old one.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as p from '../packets.ts'
import { Lab, MS, macOf, numberOf, S } from './lab.ts'

const UPLINK = 3
const GATEWAY_MAC = '02:00:00:00:00:fe'
const OUT_MAC = '02:00:00:00:00:ff'
const ROUTER_MAC = '02:aa:00:00:00:01'
const ROUTER = '203.0.113.1'
const SERVER = '198.51.100.80'
const A = '10.9.0.10'

/** Whoever is on the uplink: a router that answers ARP, and gives addresses by DHCP for 600 s. */
function server(lab: Lab) {
  let address = ''
  const reply = (kind: number, xid: number) => {
    const options = p.bytes(
      ...[53, 1, kind, 54, 4, p.ip(ROUTER), 1, 4, p.ip('255.255.255.0'), 3, 4, p.ip(ROUTER)],
      ...[6, 4, p.ip(ROUTER), 51, 4, p.u32(600), 255],
    )
    const content = p.bytes(
      ...[2, 1, 6, 0, p.u32(xid), p.u32(0), p.u32(0), p.ip(address), p.u32(0), p.u32(0), p.mac(OUT_MAC)],
      ...[new Uint8Array(10 + 64 + 128), p.u32(0x6382_5363), options],
    )
    const ends = { from: ROUTER, to: '255.255.255.255' }
    lab.come(
      UPLINK,
      p.ethernet({ from: ROUTER_MAC, to: OUT_MAC }, p.packet(ends, p.udp({ from: 67, to: 68 }, content))),
    )
  }
  /** Answers all that goes out, and gives the rest. */
  const seen = (): p.ReadFrame[] => {
    const rest: p.ReadFrame[] = []
    for (let frames = lab.sent(UPLINK); frames.length > 0; frames = lab.sent(UPLINK)) {
      for (const { frame, read } of frames) {
        if (read.ethertype === p.TYPE_ARP && frame[21] === 1) {
          const to = p.text(frame.slice(28, 32))
          const answer = p.arp({ isReply: true, fromMac: ROUTER_MAC, from: ROUTER, toMac: OUT_MAC, to })
          lab.come(UPLINK, p.ethernet({ from: ROUTER_MAC, to: OUT_MAC, type: p.TYPE_ARP }, answer))
          lab.pass(10 * MS)
          lab.pump(0)
        } else if (read.toPort === 67) {
          const data = new DataView(read.data!.buffer, read.data!.byteOffset)
          const isDiscover = read.data![242] === 1
          reply(isDiscover ? 2 : 5, data.getUint32(4))
        } else rest.push(read)
      }
    }
    return rest
  }
  return {
    seen,
    give(ip: string) {
      address = ip
      for (let i = 0; i < 5; i++) {
        lab.pass(S)
        seen()
      }
    },
    leased: () => lab.report(0).outIp4,
  }
}

test('conversations end cleanly when the address outside becomes another', () => {
  const lab = new Lab()
  lab.network(0, {
    uplink: UPLINK,
    gateway: {
      mac: p.mac(GATEWAY_MAC),
      outMac: p.mac(OUT_MAC),
      ip4: numberOf('10.9.0.1'),
      prefix4: 24,
      leases: [numberOf('10.9.0.100'), numberOf('10.9.0.200')],
      domain: 'orlop.internal',
    },
  })
  lab.plug(0, { ip4: A })
  const lan = server(lab)
  const first = '203.0.113.40'
  lan.give(first)
  assert.is(lan.leased(), first)
  const says = (flags: number) => {
    const payload = p.tcp({ from: 4000, to: 80, flags })
    lab.send(0, p.ethernet({ from: macOf(0), to: GATEWAY_MAC }, p.packet({ from: A, to: SERVER }, payload)))
    return lan.seen()
  }
  const hears = (to: string, flags: number) => {
    const payload = p.tcp({ from: 80, to: 4000, flags })
    lab.come(UPLINK, p.ethernet({ from: ROUTER_MAC, to: OUT_MAC }, p.packet({ from: SERVER, to }, payload)))
    return lab.got(0).filter(({ read }) => read.protocol === p.TCP)
  }
  assert.is(says(p.SYN).at(-1)?.from, first)
  assert.is(hears(first, p.SYN | p.ACK).length, 1)
  assert.is(lab.report(0).connections, 1)
  // Half of the lease later the server gives another address.
  const second = '203.0.113.41'
  lan.give(second)
  for (let i = 0; i < 700 && lan.leased() !== second; i++) {
    lab.pass(S)
    lan.seen()
  }
  assert.is(lan.leased(), second)
  assert.is(hears(first, p.ACK).length, 0, 'nothing comes by the old address')
  // The other end, which knows nothing of the new one, is to say so; and that reaches the guest.
  assert.is(says(p.ACK).at(-1)?.from, second)
  const [reset] = hears(second, p.RST)
  assert.is(reset?.read.flags, p.RST)
  assert.is(lab.report(0).connections, 1)
  for (let i = 0; i < 300; i++) {
    lab.pass(S)
    lan.seen()
  }
  assert.is(lab.report(0).connections, 0, 'nothing is left of either')
})

test.run()
