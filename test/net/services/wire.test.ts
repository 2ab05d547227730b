// What the gateway writes, as tshark reads it: nothing malformed, no wrong sum, and the values that were meant.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { requireTool } from '../../support/tools.ts'
import * as p from '../packets.ts'
import { build, clientAt, DISCOVER, lease, OFFER, parse, REQUEST, say } from './lease.ts'
import { BROADCAST, GATEWAY4, GATEWAY6, GATEWAY_MAC, ip6Of, macOf, OUT_MAC, SECOND, Stage, written } from './stage.ts'

/** Frames as a capture file (pcap, Ethernet). */
function capture(frames: Uint8Array[]): Uint8Array {
  const little = (value: number) =>
    Uint8Array.from([value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24])
  const head = p.bytes(little(0xa1b2_c3d4), 2, 0, 4, 0, little(0), little(0), little(65_535), little(1))
  return p.bytes(
    head,
    ...frames.map((frame, i) => p.bytes(little(i), little(0), little(frame.length), little(frame.length), frame)),
  )
}

/** One line for each frame that passes the filter, with these fields between tabs. */
function tshark(frames: Uint8Array[], filter: string, fields: string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-wire-'))
  try {
    const file = join(folder, 'frames.pcap')
    writeFileSync(file, capture(frames))
    const checks = ['ip', 'udp', 'tcp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`])
    const args = [
      '-n',
      '-r',
      file,
      ...checks,
      '-Y',
      filter,
      '-T',
      'fields',
      ...fields.flatMap((field) => ['-e', field]),
    ]
    const lines = execFileSync('tshark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return lines.split('\n').filter((line) => line !== '')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A warning or an error of tshark's, of whatever protocol; a port that is closed is one that is meant. */
const WRONG = '_ws.malformed || _ws.expert.severity >= 6291456'

function question(name: string, type: number): Uint8Array {
  const labels = name.split('.').map((part) => p.bytes(part.length, Buffer.from(part)))
  return p.bytes(0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, ...labels, 0, p.u16(type), 0, 1, 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0)
}

/** All kinds of frames that the kernel writes, inside and on the uplink. */
function speak(): void {
  const stage = new Stage({ domain: 'lab.test' })
  const client = clientAt(stage, 0, { name: 'web' })
  const ip = lease(client)!
  stage.mayUse6(client.port, ip6Of(0))
  say(client, { type: REQUEST, options: [[50, p.ip('192.168.1.1')]] })
  say(client, { type: DISCOVER, flags: 0x8000 })
  const four = (to: string, payload: p.Payload) =>
    stage.send(client.port, p.ethernet({ from: client.mac, to: GATEWAY_MAC }, p.packet({ from: ip, to }, payload)))
  const six = (to: string, payload: p.Payload, ttl = 64, from = ip6Of(0)) =>
    stage.send(client.port, p.ethernet({ from: client.mac, to: GATEWAY_MAC }, p.packet({ from, to, ttl }, payload)))
  const names = [
    'web.lab.test',
    'web',
    'gateway',
    'host',
    'nobody.lab.test',
    'lab.test',
    '1.0.9.10.in-addr.arpa',
    '99.0.9.10.in-addr.arpa',
  ]
  for (const name of names) {
    for (const type of [1, 28, 12, 255]) {
      four(GATEWAY4, p.udp({ from: 5000, to: 53 }, question(name, type)))
      six(GATEWAY6, p.udp({ from: 5000, to: 53 }, question(name, type)))
    }
  }
  stage.link(false)
  four(GATEWAY4, p.udp({ from: 5000, to: 53 }, question('example.org', 1)))
  stage.link(true)
  four(GATEWAY4, p.echo(false, false, 1, 2, new Uint8Array(500)))
  six(GATEWAY6, p.echo(true, false, 1, 2, new Uint8Array(501)))
  four(GATEWAY4, p.udp({ from: 1, to: 9 }, new Uint8Array(31)))
  stage.now += SECOND
  six(GATEWAY6, p.udp({ from: 1, to: 9 }, new Uint8Array(31)))
  six('ff02::2', p.icmp(true, 133, 0, p.u32(0)), 255)
  six('ff02::1:ff00:1', p.icmp(true, 135, 0, p.u32(0), p.bytes(p.ip(GATEWAY6), 1, 1, p.mac(client.mac))), 255)
  six('ff02::1:ff00:1', p.icmp(true, 135, 0, p.u32(0), p.ip(GATEWAY6)), 255, '::')
  stage.send(
    client.port,
    p.ethernet(
      { from: client.mac, to: BROADCAST, type: p.TYPE_ARP },
      p.arp({ fromMac: client.mac, from: ip, to: GATEWAY4 }),
    ),
  )
  for (const to of ['10.9.0.77', 'fd00:9::77']) {
    const from = to.includes(':') ? '2001:db8::1' : '8.8.8.8'
    stage.address(
      'Inside',
      p.ethernet({ from: macOf(9), to: macOf(8) }, p.packet({ from, to }, p.udp({ from: 1, to: 2 }))),
    )
  }
  stage.tick('Inside')

  const outside = new Stage({ learns4: true, learns6: true })
  const [discover] = outside.tick('Outside')
  const { xid } = parse(discover!.read.data!)
  const offer = build({
    type: OFFER,
    mac: OUT_MAC,
    isReply: true,
    xid,
    yiaddr: '192.0.2.40',
    options: [
      [54, p.ip('192.0.2.1')],
      [51, p.u32(600)],
    ],
  })
  const reply = p.packet({ from: '192.0.2.1', to: '192.0.2.40' }, p.udp({ from: 67, to: 68 }, offer))
  outside.hear(p.ethernet({ from: '02:00:00:00:07:01', to: OUT_MAC }, reply))
  const prefix = p.bytes(3, 4, 64, 0xc0, p.u32(7200), p.u32(3600), p.u32(0), p.ip('2001:db8:77::'))
  const router = p.packet(
    { from: 'fe80::1:1', to: 'ff02::1', ttl: 255 },
    p.icmp(true, 134, 0, p.bytes(64, 0, p.u16(1800)), p.bytes(p.u32(0), p.u32(0), prefix)),
  )
  outside.hear(p.ethernet({ from: '02:00:00:00:07:01', to: '33:33:00:00:00:01' }, router))
  outside.tick('Outside')
  outside.now += 2 * SECOND
  outside.tick('Outside')
  outside.address(
    'Outside',
    p.ethernet(
      { from: macOf(9), to: macOf(8) },
      p.packet({ from: '2001:db8::1', to: '2600::1' }, p.udp({ from: 1, to: 2 })),
    ),
  )
}

if (requireTool('tshark', 'tshark')) {
  speak()

  test('tshark finds nothing wrong in what the gateway writes', () => {
    const kinds = tshark(written, 'frame', ['_ws.col.Protocol'])
    assert.is(kinds.length, written.length)
    assert.equal([...new Set(kinds)].sort(), ['ARP', 'DHCP', 'DNS', 'ICMP', 'ICMPv6'])
    assert.equal(tshark(written, WRONG, ['frame.number', '_ws.col.Info', '_ws.expert.message']), [])
  })

  test('tshark does find a byte that is wrong in any of them', () => {
    const summed = written.filter((frame) => frame[12] !== 0x08 || frame[13] !== 0x06)
    const broken = summed.map((frame) => {
      const copy = frame.slice()
      copy[copy.length - 1] = copy[copy.length - 1]! ^ 0x55
      return copy
    })
    assert.is(tshark(broken, WRONG, ['frame.number']).length, broken.length)
  })

  test('tshark reads what was meant', () => {
    const acks = tshark(written, 'dhcp.option.dhcp == 5', [
      'dhcp.option.router',
      'dhcp.option.domain_name',
      'dhcp.option.hostname',
      'dhcp.option.interface_mtu',
    ])
    assert.equal(acks, [[GATEWAY4, 'lab.test', 'web', '1500'].join('\t')])
    assert.ok(tshark(written, 'dns.a', ['dns.qry.name', 'dns.a']).includes(['host', '192.0.2.1'].join('\t')))
    assert.ok(tshark(written, 'dns.aaaa', ['dns.qry.name', 'dns.aaaa']).includes(['gateway', GATEWAY6].join('\t')))
    assert.ok(tshark(written, 'dns.ptr.domain_name', ['dns.ptr.domain_name']).includes('gateway.lab.test'))
    assert.is(
      tshark(written, 'dns.flags.rcode == 3 && dns.qry.name == "nobody.lab.test" && dns.soa.mname', ['frame.number'])
        .length,
      8,
    )
    const prefixes = tshark(written, 'icmpv6.type == 134', [
      'icmpv6.opt.prefix',
      'icmpv6.opt.rdnss',
      'icmpv6.opt.dnssl',
      'icmpv6.opt.mtu',
    ])
    assert.equal([...new Set(prefixes)], [['fd00:9::', GATEWAY6, 'lab.test', '1500'].join('\t')])
  })
}

test.run()
