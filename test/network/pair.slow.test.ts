// Two Debian guests on one switch: ping and iperf3 between them over IPv4 and IPv6, and nothing malformed on the wire.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cleanUp, does, folder, up } from '../cli/lab.ts'
import { Capture } from './capture.ts'
import { debianWithClients, fleet, guestText, pings, type Shell, withShells } from './debian.ts'
import { canHaveTshark, countOf, dissect, faultsOf } from './tshark.ts'

const PCAP_HEADER_BYTES = 24
const RECORD_HEADER_BYTES = 16
/** What iperf3 sends is noise. */
const IPERF = ['tcp.port==5201,data', 'udp.port==5201,data']

/** What iperf3 reports as JSON, as far as it is looked at. */
interface Measurement {
  error?: string
  end: Record<'sum_sent' | 'sum_received', { bytes: number }> & { sum?: { packets: number; lost_packets: number } }
}

async function iperf(from: Shell, to: string, options: string): Promise<Measurement> {
  const measured: Measurement = JSON.parse(await from.does(`iperf3 --json -c ${to} ${options} 2>/dev/null`))
  assert.is(measured.error, undefined)
  return measured
}

/** By TCP; the receiver counts until the sender says that it is done, and buffers may be full then. */
async function moves(from: Shell, to: string, options: string): Promise<void> {
  const { sum_sent: sent, sum_received: received } = (await iperf(from, to, `-n 16M ${options}`)).end
  assert.ok(
    sent.bytes >= 16 * 2 ** 20 && received.bytes > sent.bytes / 4,
    `${received.bytes} of ${sent.bytes} bytes came`,
  )
}

/** Datagrams may be lost, but not all. */
async function throws(from: Shell, to: string, options: string): Promise<void> {
  const { sum } = (await iperf(from, to, `-u -b 40M -n 1M ${options}`)).end
  assert.ok(sum !== undefined && sum.packets > 0 && sum.lost_packets < sum.packets, JSON.stringify(sum))
}

async function talk(alpha: Shell, beta: Shell): Promise<void> {
  await Promise.all([alpha.getAddresses(), beta.getAddresses()])
  for (const family of [4, 6]) {
    await pings(alpha, 'beta', `-${family}`)
    await pings(beta, 'alpha', `-${family} -M do -s ${1500 - (family === 4 ? 28 : 48)}`)
    await pings(alpha, 'beta', `-${family} -s 5000`)
  }
  await beta.does('iperf3 --server --daemon')
  for (const family of [4, 6]) {
    await moves(alpha, 'beta', `-${family}`)
    await moves(alpha, 'beta', `-${family} --reverse`)
    await moves(alpha, 'beta', `-${family} --parallel 4`)
    await throws(alpha, 'beta', `-${family} -l 1400`)
    await throws(alpha, 'beta', `-${family} -l 8000`)
  }
}

function checkCapture(pcap: string): void {
  const frames = dissect(pcap, IPERF)
  assert.equal(faultsOf(frames), [])
  for (const protocol of ['ip', 'tcp', 'udp', 'icmp', 'icmpv6'] as const) {
    const right = frames.filter((frame) => frame.right.includes(protocol)).length
    assert.ok(right > 5, `${right} sums of ${protocol} were looked at`)
  }
  for (const protocol of ['arp', 'dhcp', 'dns', 'ipv6.fraghdr']) {
    assert.ok(countOf(frames, protocol) > 0, `there is no ${protocol} in the capture`)
  }
  // Segments that nobody has cut pass between guests.
  assert.ok(
    frames.some(({ bytes, right }) => right.includes('tcp') && bytes > 10_000),
    'there are no large segments',
  )
}

/** What the judge says when the last byte of a frame is another. */
function checkJudge(pcap: string): void {
  const bytes = readFileSync(pcap)
  const [tcp] = dissect(pcap, IPERF).filter(
    ({ right, number, bytes }) => right.includes('tcp') && number > 1 && bytes > 1000,
  )
  assert.ok(tcp)
  let at = PCAP_HEADER_BYTES
  for (let i = 1; i <= tcp.number; i++) at += RECORD_HEADER_BYTES + bytes.readUInt32LE(at + 8)
  bytes[at - 1]! ^= 1
  const damaged = join(folder, 'damaged.pcap')
  writeFileSync(damaged, bytes.subarray(0, at))
  assert.is(faultsOf(dissect(damaged, IPERF)).length, 1)
}

test('two Debian guests ping each other and measure with iperf3, and the capture of it has no fault', async () => {
  const system = await debianWithClients()
  if (system === undefined || !canHaveTshark()) return
  const guests = ['alpha', 'beta'].map((name) => `${name}: ${guestText(system, 'networks: [wire], autostart: false')}`)
  up(fleet('pair', 'wire: { mode: isolated, subnet: 10.78.0.0/24, subnet6: "fd78::/64" }', guests))
  const capture = await Capture.begin('pair', 'alpha')
  for (const name of ['alpha', 'beta']) does('start', '--machine', 'pair', name)
  await withShells('pair', ['alpha', 'beta'], async (alpha, beta) => {
    await talk(alpha!, beta!)
    const pcap = await capture.end()
    checkCapture(pcap)
    checkJudge(pcap)
  })
})

test.after(cleanUp)

test.run()
